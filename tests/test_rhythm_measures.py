"""Irregularity, ectopic beats, spectra and variability against references and simulated truth."""

import sys

import neurokit2
import numpy as np
import pytest

from cardiorisk.datasets import make_ecg
from cardiorisk.exceptions import OptionalDependencyError
from cardiorisk.features import ECGFeatures
from cardiorisk.features.feature_definitions import ALL_GROUPS, GROUPS
from cardiorisk.features.measurements import MEASUREMENTS
from cardiorisk.features.measurements.rhythm import cosen, sample_entropy
from cardiorisk.records import MARKS, Delineation, ECGRecord

RATE = 500.0


def measured(X, **options):
    return ECGFeatures(engine="native", **options).set_output(transform="pandas").fit_transform(X)


def beats_at(peaks):
    return Delineation((), dict.fromkeys(MARKS, np.asarray(peaks, float)), RATE)


def irregular_peaks(n, seed=0):
    return np.cumsum(np.random.default_rng(seed).integers(300, 600, size=n)).astype(float)


def test_poincare_plot_agrees_with_neurokit():
    peaks = irregular_peaks(200)
    ours = MEASUREMENTS["irregularity"](None, beats_at(peaks), None)
    theirs = neurokit2.hrv_nonlinear({"ECG_R_Peaks": peaks.astype(int)}, RATE).iloc[0]
    assert ours["poincare_sd1"] == pytest.approx(theirs["HRV_SD1"])
    assert ours["poincare_sd2"] == pytest.approx(theirs["HRV_SD2"])
    assert ours["poincare_ratio"] == pytest.approx(theirs["HRV_SD1SD2"])


@pytest.mark.parametrize("seed", range(5))
def test_sample_entropy_agrees_with_neurokit(seed):
    values = np.random.default_rng(seed).normal(size=80)
    theirs, _ = neurokit2.entropy_sample(values, delay=1, dimension=1, tolerance=0.2)
    assert sample_entropy(values, 0.2) == pytest.approx(theirs)


def test_sample_entropy_by_its_definition():
    values = np.random.default_rng(9).normal(size=30)
    one = np.abs(values[:-1, None] - values[None, :-1]) <= 0.3
    two = one & (np.abs(values[1:, None] - values[None, 1:]) <= 0.3)
    pairs = np.triu_indices(29, 1)
    assert sample_entropy(values, 0.3) == pytest.approx(
        -np.log(two[pairs].sum() / one[pairs].sum())
    )
    assert np.isnan(sample_entropy(np.array([1.0, 5.0, 9.0]), 0.1))


def test_shannon_entropy_of_known_classes():
    peaks = np.cumsum([300, 400, 400, 500, 500, 400, 400, 500, 500])  # RR of 800 and 1000 ms
    values = MEASUREMENTS["irregularity"](None, beats_at(peaks), None)
    theirs, _ = neurokit2.entropy_shannon(freq=[0.5, 0.5], base=2)
    assert values["rr_entropy"] == pytest.approx(theirs) == pytest.approx(1.0)
    regular = MEASUREMENTS["irregularity"](None, beats_at(np.arange(10) * 400), None)
    assert regular["rr_entropy"] == 0


def test_cosen_rises_with_irregularity():
    rng = np.random.default_rng(0)
    sinus, fibrillation = 800 + 20 * rng.normal(size=12), 700 + 150 * rng.normal(size=12)
    assert cosen(sinus) < -1.4 < cosen(fibrillation)  # the limit of Lake and Moorman


def test_too_few_beats_have_no_irregularity():
    values = MEASUREMENTS["irregularity"](None, beats_at([0, 400]), None)
    names = ("rr_entropy", "rr_sample_entropy", "rr_cosen", "poincare_sd1", "poincare_ratio")
    assert all(np.isnan(values[name]) for name in names)


def test_premature_beats_of_simulated_ecgs_are_counted():
    ecg = make_ecg(12, rhythms=["premature ventricular complexes"], noise=0.01, random_state=5)
    table = measured(ecg.records, groups="ectopy")
    # The ectopic beats are those without P; the first one has no interval before it.
    truth = [int(np.isnan(marks.beats["P_on"])[1:].sum()) for marks in ecg.marks]
    assert np.abs(table["wide_premature_beats"] - truth).max() <= 1
    assert np.mean(table["wide_premature_beats"] == truth) >= 0.7
    sinus = measured(make_ecg(8, rhythms=["sinus rhythm"], random_state=1).records, groups="ectopy")
    assert (sinus == 0).all(axis=None)


def test_fibrillation_waves_stand_out_and_p_waves_do_not():
    options = {"noise": 0.005, "random_state": 3}
    groups = ["spectrum", "irregularity"]
    fibrillation, sinus = (
        measured(make_ecg(10, rhythms=[name], **options).records, groups=groups)
        for name in ("atrial fibrillation", "sinus rhythm")
    )
    assert fibrillation["f_wave_power_V1"].min() > sinus["f_wave_power_V1"].max()
    assert fibrillation["rr_cosen"].min() > sinus["rr_cosen"].max()
    assert fibrillation["rr_entropy"].median() > sinus["rr_entropy"].median() + 1


def test_spectrum_of_a_known_sine():
    time = np.arange(5000) / RATE
    lead = 2.0 * np.sin(2 * np.pi * 10 * time)
    record = ECGRecord(lead[None].astype(np.float32), RATE, ("II",))
    beat = type("Beat", (), {"beats": None})()
    values = MEASUREMENTS["spectrum"](record, beats_at([500, 1000]), beat)
    assert values["total_power"] == pytest.approx(2.0, rel=0.01)  # half of 2 mV squared
    assert values["dominant_frequency"] == pytest.approx(10)
    assert values["qrs_band_share"] == pytest.approx(100, abs=0.1)
    noise = np.random.default_rng(0).normal(size=(1, 50_000)).astype(np.float32)
    white = MEASUREMENTS["spectrum"](ECGRecord(noise, RATE, ("II",)), beats_at([500, 1000]), beat)
    assert white["spectral_entropy"] > 0.98 > 0.5 > values["spectral_entropy"]


def test_hrv_is_asked_for_by_name_and_nan_where_the_record_is_short():
    assert set(GROUPS) - set(ALL_GROUPS) == {"hrv"}
    assert not set(GROUPS["hrv"]) & set(ECGFeatures().get_feature_names_out())
    short = measured(make_ecg(1, rhythms=["sinus rhythm"], random_state=0).records, groups="hrv")
    assert list(short.columns) == list(GROUPS["hrv"])
    assert short[["hrv_sdsd", "hrv_csi"]].notna().all(axis=None)
    assert short[["hrv_lf", "hrv_sdnn", "hrv_sampen", "hrv_pip"]].isna().all(axis=None)


def test_hrv_of_a_long_record_is_that_of_neurokit():
    peaks = irregular_peaks(700)
    record = ECGRecord(np.zeros((1, int(peaks[-1]) + 500), np.float32), RATE, ("II",))
    ours = MEASUREMENTS["hrv"](record, beats_at(peaks), None)
    theirs = neurokit2.hrv_time({"ECG_R_Peaks": peaks.astype(int)}, RATE).iloc[0]
    for name in ("SDNN", "HTI", "TINN", "pNN20"):
        assert ours[f"hrv_{name.lower()}"] == pytest.approx(theirs[f"HRV_{name}"])
    assert np.isfinite([ours[name] for name in ("hrv_lf", "hrv_sampen", "hrv_dfa_alpha1")]).all()


def test_only_hrv_needs_neurokit(monkeypatch):
    records = make_ecg(1, rhythms=["sinus rhythm"], random_state=0).records
    monkeypatch.setitem(sys.modules, "neurokit2", None)
    assert measured(records)["heart_rate"].notna().all()
    with pytest.raises(OptionalDependencyError, match=r"cardiorisk\[ecg\]"):
        measured(records, groups="hrv")


@pytest.mark.parametrize(("unknown", "share"), [([], 75.0), ([1, 3], 100.0), (range(8), np.nan)])
def test_the_share_of_p_waves_is_of_beats_of_which_more_than_r_is_known(unknown, share):
    marks = {name: np.arange(8) * 400.0 + 300 for name in MARKS}
    marks["P_peak"][[1, 3]] = np.nan
    marks["QRS_on"][list(unknown)] = np.nan
    delineation = Delineation((), marks, RATE)
    found = MEASUREMENTS["rhythm"](ECGRecord(np.empty((12, 0)), RATE), delineation, None)
    assert found["p_wave_share"] == pytest.approx(share, nan_ok=True)
