from dataclasses import replace

import numpy as np
import pytest

from cardiorisk._signal_problems import PROBLEM_CODES
from cardiorisk.datasets import make_ecg
from cardiorisk.features import ECGFeatures, SignalQuality
from cardiorisk.io import read_ecgs
from cardiorisk.records import STANDARD_LEADS, ECGRecord


@pytest.fixture(scope="module")
def good():
    return make_ecg(1, rhythms=["sinus rhythm"], noise=0.01, random_state=0).records[0]


def arms_swapped(record):
    one, two, three, a_right, a_left, foot = record.signal[:6]
    limbs = np.stack([-one, three, two, a_left, a_right, foot])
    return replace(record, signal=np.concatenate([limbs, record.signal[6:]]))


def arm_and_leg_swapped(record):
    one, two, three, a_right, a_left, foot = record.signal[:6]
    limbs = np.stack([-three, -two, -one, foot, a_left, a_right])
    return replace(record, signal=np.concatenate([limbs, record.signal[6:]]))


def with_lead(record, name, signal):
    changed = record.signal.copy()
    changed[record.lead_names.index(name)] = signal
    return replace(record, signal=changed)


def reasons(record):
    report = SignalQuality().report([record])
    return set(zip(report["lead"], report["code"], strict=True))


def test_a_good_record_has_a_high_grade_and_no_reason_to_doubt_it(good):
    assert reasons(good) == set()
    grades = SignalQuality().fit_transform([good])
    assert grades.shape == (1, 13)
    assert grades.min() > 0.9


def test_grade_falls_with_noise(good):
    noise = np.random.default_rng(0).normal(size=good.signal.shape).astype(np.float32)
    spread = good.signal.std(axis=1, keepdims=True)
    noisy = [replace(good, signal=good.signal + share * spread * noise) for share in (0.5, 1, 4)]
    grades = SignalQuality().fit_transform([good, *noisy])[:, 0]
    assert (np.diff(grades) < 0).all()


def test_each_lead_is_graded_under_its_name(good):
    table = (
        SignalQuality()
        .set_output(transform="pandas")
        .fit_transform([good, replace(good, signal=good.signal[:2], lead_names=("I", "II"))])
    )
    assert list(table) == ["quality", *(f"quality_{name}" for name in STANDARD_LEADS)]
    assert table.loc[1, ["quality_I", "quality_II"]].notna().all()
    assert table.loc[1, "quality_V1":].isna().all()


def test_one_bad_lead_is_named(good):
    rng, n_samples = np.random.default_rng(0), good.signal.shape[1]
    time = np.arange(n_samples) / good.sampling_rate
    hum = np.sin(2 * np.pi * 50 * time)
    drift = np.cumsum(rng.normal(size=n_samples)) * 0.1
    cases = {
        "flat": np.full(n_samples, 0.3),
        "not_finite": np.full(n_samples, np.nan),
        "noisy": rng.normal(size=n_samples),
        "saturated": np.clip(good.lead("V5"), -0.3, 0.3),
    }
    for code, signal in cases.items():
        assert ("V5", code) in reasons(with_lead(good, "V5", signal))
    for signal in (hum, drift):
        bad = with_lead(good, "V5", signal)
        assert reasons(bad) == {("V5", "lead_off")}
        grades = SignalQuality().fit_transform([bad])[0]
        assert grades[0] > 0.9
        assert grades[11] < 0.66


@pytest.mark.parametrize("swap", [arms_swapped, arm_and_leg_swapped])
@pytest.mark.parametrize("chest", [True, False])
def test_swapped_electrodes_are_told(good, swap, chest):
    bad = swap(good)
    if not chest:
        if swap is arm_and_leg_swapped:
            pytest.skip("without V6 only the arms can be told")
        bad = replace(bad, signal=bad.signal[:6], lead_names=STANDARD_LEADS[:6])
    assert reasons(bad) == {(name, "swapped_leads") for name in STANDARD_LEADS[:6]}


@pytest.mark.parametrize(("factor", "guess"), [(2, "high"), (0.5, "low")])
def test_a_wrong_rate_is_suspected(good, factor, guess):
    report = SignalQuality().report([replace(good, sampling_rate=factor * good.sampling_rate)])
    assert report["code"].tolist() == ["rate_suspected"]
    assert report["message"][0].endswith(f"too {guess}.")


def test_pacing_spikes_are_told(good):
    signal = good.signal.copy()
    signal[1:, 300::450] += np.float32(1.0)  # lead I sees nothing: III = II - I holds
    assert reasons(replace(good, signal=signal)) == {("", "pacing")}


def test_every_code_has_its_words_and_both_tables_agree(good):
    swapped = arms_swapped(good)
    noise = replace(
        good, signal=np.random.default_rng(0).normal(size=(1, 5000)), lead_names=("II",)
    )
    batch = [good, swapped, noise, replace(good, signal=1000 * good.signal)]
    report, flags = SignalQuality().report(batch), ECGFeatures(engine="native").flags(batch)
    assert set(report["code"]) <= set(PROBLEM_CODES)
    seen = {(row, code) for row, code in zip(report["record"], report["code"], strict=True)}
    told = {(row, code) for row, code in zip(flags["record"], flags["code"], strict=True)}
    assert told == {(1, "swapped_leads"), (2, "no_beats"), (3, "units")}
    assert told <= seen
    assert (report.loc[report["record"] == 3, "severity"] == "fatal").all()


@pytest.mark.real_data
def test_swaps_of_recorded_ecgs_are_told_and_their_absence_too(data_folder):
    records = [
        ECGRecord(rec.signal, rec.sampling_rate, rec.lead_names, rec.record_id)
        for rec in list(read_ecgs(data_folder / "ludb"))[::3]
    ]
    for change, least, most in (
        (None, 0, 0.03),
        (arms_swapped, 0.8, 1),
        (arm_and_leg_swapped, 0.75, 1),
    ):
        batch = records if change is None else [change(record) for record in records]
        flags = ECGFeatures(engine="native").flags(batch)
        share = flags.loc[flags["code"] == "swapped_leads", "record"].nunique() / len(batch)
        assert least <= share <= most
