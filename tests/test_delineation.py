import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import butter, resample_poly, sosfiltfilt

from cardiorisk.datasets import fetch_ludb, make_ecg
from cardiorisk.exceptions import SignalError
from cardiorisk.features import Delineation, delineate
from cardiorisk.features.beat_detection import find_beats
from cardiorisk.io import read_ecg, read_ecgs
from cardiorisk.records import MARKS, STANDARD_LEADS

RATE = 500.0


def one_ecg(rhythm="sinus rhythm", seed=0, **options):
    ecg = make_ecg(1, rhythms=[rhythm], random_state=seed, **options)
    return ecg.data[0], ecg.marks[0]


def in_time(marks):
    """Whether the marks of each beat follow each other, absent ones left out."""
    table = np.stack([marks[name] for name in MARKS])
    return all(np.all(np.diff(beat[np.isfinite(beat)]) >= 0) for beat in table.T)


def test_form_of_the_result():
    signal, _ = one_ecg()
    marks = delineate(signal, RATE)
    assert isinstance(marks, Delineation)
    assert marks.lead_names == STANDARD_LEADS
    assert marks.sampling_rate == RATE
    for lead in (*marks.leads, marks.beats):
        assert tuple(lead) == MARKS
        assert all(lead[name].shape == (marks.n_beats,) for name in MARKS)
        assert all(lead[name].dtype == np.float64 for name in MARKS)
        assert in_time(lead)


@pytest.mark.parametrize(
    ("rhythm", "tolerance"),
    [
        ("sinus rhythm", {"P_on": 12, "QRS_on": 8, "QRS_off": 10, "T_off": 16}),
        ("sinus bradycardia", {"P_on": 12, "QRS_on": 8, "QRS_off": 10, "T_off": 16}),
        ("first-degree AV block", {"P_on": 12, "QRS_on": 8, "QRS_off": 10, "T_off": 16}),
        ("right bundle branch block", {"P_on": 12, "QRS_on": 8, "T_off": 18}),
        ("atrial fibrillation", {"QRS_on": 8, "QRS_off": 12, "T_off": 20}),
    ],
)
def test_simulated_marks_are_found(rhythm, tolerance):
    ecg = make_ecg(12, rhythms=[rhythm], random_state=1)
    for signal, truth in zip(ecg.data, ecg.marks, strict=True):
        beats = delineate(signal, ecg.sampling_rate).beats
        gap = np.abs(beats["R_peak"][:, None] - truth.beats["R_peak"])
        nearest = gap.argmin(axis=1)
        assert np.all(gap.min(axis=1) < 0.06 * RATE)
        assert len(beats["R_peak"]) >= truth.n_beats - 2  # the first and last may be cut off
        for name, most in tolerance.items():
            error = (beats[name] - truth.beats[name][nearest]) / RATE * 1000
            assert abs(np.nanmedian(error)) <= most


def test_atrial_fibrillation_has_no_p_waves():
    ecg = make_ecg(20, rhythms=["atrial fibrillation"], random_state=3)
    has_p = [np.isfinite(delineate(x, RATE).beats["P_peak"]).any() for x in ecg.data]
    assert np.mean(has_p) <= 0.1


def test_wide_qrs_tachycardia_is_not_taken_for_noise():
    ecg = make_ecg(20, rhythms=["wide-QRS tachycardia"], noise=0.03, random_state=5)
    for signal, truth in zip(ecg.data, ecg.marks, strict=True):
        assert abs(delineate(signal, RATE).n_beats - truth.n_beats) <= 2


def noises():
    """Signals without a heartbeat, at 500 Hz, 1 and 12 leads."""
    rng = np.random.default_rng(0)
    muscle_band = butter(2, [20, 150], "bandpass", fs=RATE, output="sos")
    slow = butter(2, 2, fs=RATE, output="sos")
    time = np.arange(5000) / RATE
    for n_leads in (1, 12):
        for _ in range(6):
            white = rng.normal(size=(n_leads, 5000))
            yield "white", white
            yield "random walk", np.cumsum(white, axis=1) / 20
            yield "quiet", 1e-3 * white + 0.05 * np.sin(time)
            phase = rng.uniform(0, 6, size=(n_leads, 1))
            for hz in (50, 49.7, 60, 16.7):
                yield f"hum {hz}", np.sin(2 * np.pi * hz * time + phase) + 0.02 * white
            if n_leads > 1:
                bursts = 1 + 5 * (sosfiltfilt(slow, rng.normal(size=5000)) > 0.05)
                yield "muscle", 0.3 * sosfiltfilt(muscle_band, white * bursts, axis=1)


def test_noise_has_no_beats():
    kinds = [kind for kind, signal in noises() if len(find_beats(signal, RATE).positions)]
    assert kinds == []


def test_bursts_of_muscle_noise_in_one_lead_seldom_have_beats():
    rng = np.random.default_rng(1)
    muscle_band = butter(2, [20, 150], "bandpass", fs=RATE, output="sos")
    slow = butter(2, 2, fs=RATE, output="sos")
    mistaken = 0
    for _ in range(40):
        bursts = 1 + 5 * (sosfiltfilt(slow, rng.normal(size=5000)) > 0.05)
        signal = sosfiltfilt(muscle_band, rng.normal(size=(1, 5000)) * bursts, axis=1)
        mistaken += len(find_beats(signal, RATE).positions) > 0
    assert mistaken <= 4


def test_noise_gives_zero_beats_in_the_full_form():
    marks = delineate(np.random.default_rng(0).normal(size=(12, 5000)) * 0.3, RATE)
    assert marks.n_beats == 0
    assert all(lead[name].shape == (0,) for lead in (*marks.leads, marks.beats) for name in MARKS)


@pytest.mark.parametrize("bad", [0.0, np.nan, np.inf])
def test_an_unusable_lead_gets_no_marks_and_disturbs_no_other(bad):
    signal, _ = one_ecg()
    broken = signal.copy()
    broken[7] = bad
    marks = delineate(broken, RATE)
    without = delineate(np.delete(signal, 7, axis=0), RATE, np.delete(STANDARD_LEADS, 7))
    assert all(np.isnan(marks.leads[7][name]).all() for name in MARKS)
    for name in MARKS:
        np.testing.assert_array_equal(marks.beats[name], without.beats[name])


def test_order_of_leads_does_not_matter():
    signal, _ = one_ecg(noise=0.05)
    order = np.random.default_rng(0).permutation(12)
    plain = delineate(signal, RATE)
    mixed = delineate(signal[order], RATE, [STANDARD_LEADS[lead] for lead in order])
    for name in MARKS:
        np.testing.assert_array_equal(plain.beats[name], mixed.beats[name])
        for row, lead in enumerate(order):
            np.testing.assert_array_equal(mixed.leads[row][name], plain.leads[lead][name])


@pytest.mark.parametrize("rate", [125, 250, 360, 1000])
def test_marks_do_not_depend_on_the_sampling_rate(rate):
    signal, _ = one_ecg()
    reference = delineate(signal, RATE).beats
    changed = resample_poly(signal, rate, 500, axis=1, padtype="line")
    found = delineate(changed, rate).beats
    for name in MARKS:
        difference = np.nanmedian(found[name] / rate - reference[name] / RATE)
        assert abs(difference) < 0.010


def test_a_constant_offset_does_not_matter():
    signal, _ = one_ecg()
    plain, moved = delineate(signal, RATE), delineate(signal + 2.0, RATE)
    for name in MARKS:
        np.testing.assert_allclose(moved.beats[name], plain.beats[name], atol=2)


def test_long_records_are_marked_in_parts(monkeypatch):
    signal, _ = one_ecg()
    whole = delineate(signal, RATE)
    monkeypatch.setattr("cardiorisk.features._neurokit_engine.MAX_SAMPLES", 15_000)
    parts = delineate(signal, RATE)
    for name in MARKS:
        np.testing.assert_array_equal(parts.beats[name], whole.beats[name])


@pytest.mark.parametrize(
    ("ecg", "rate", "leads", "words"),
    [
        (np.zeros(5000), RATE, None, "expected real numbers of shape"),
        (np.zeros((12, 5000)), 0, None, "positive number of Hz"),
        (np.zeros((3, 5000)), RATE, None, "without lead_names"),
        (np.zeros((12, 5000)), RATE, None, "flat"),
        (np.full((12, 5000), np.nan), RATE, None, "not_finite"),
        (np.random.default_rng(0).normal(size=(12, 5000)) * 1000, RATE, None, "units"),
        (np.random.default_rng(0).normal(size=(12, 500)), RATE, None, "too_short"),
        (np.random.default_rng(0).normal(size=(12, 500)), 50, None, "sampling_rate"),
        (np.zeros((12, 5000), complex), RATE, None, "expected real numbers"),
    ],
)
def test_what_is_no_ecg_is_an_error(ecg, rate, leads, words):
    with pytest.raises(SignalError, match=words):
        delineate(ecg, rate, leads)


def test_unknown_engine():
    with pytest.raises(ValueError, match="expected one of"):
        delineate(np.zeros((12, 5000)), RATE, engine="none")


@settings(max_examples=25, deadline=None)
@given(
    n_leads=st.integers(1, 4),
    n_samples=st.integers(1000, 4000),
    period=st.integers(100, 1500),
    width=st.integers(1, 60),
    seed=st.integers(0, 1000),
)
def test_nothing_leaks_whatever_the_signal(n_leads, n_samples, period, width, seed):
    rng = np.random.default_rng(seed)
    pulse = (np.arange(n_samples) % period < width) * 1.0
    signal = pulse * rng.normal(size=(n_leads, 1)) + 0.01 * rng.normal(size=(n_leads, n_samples))
    marks = delineate(signal, RATE, STANDARD_LEADS[:n_leads])
    for lead in (*marks.leads, marks.beats):
        assert in_time(lead)
        values = np.concatenate([lead[name] for name in MARKS])
        values = values[np.isfinite(values)]
        assert np.all((values >= 0) & (values < n_samples))


@pytest.mark.real_data
def test_cardiologists_marks_are_found(data_folder):
    """Median error over beats of 25 LUDB records, against the median of the leads' marks."""
    ludb = fetch_ludb(data_folder, download_if_missing=False)
    errors = {name: [] for name in MARKS}
    for record, truth in list(zip(ludb.records, ludb.marks, strict=True))[::4]:
        beats = delineate(record.signal, record.sampling_rate).beats
        gap = np.abs(beats["R_peak"][:, None] - truth.beats["R_peak"])
        near, mine = gap.argmin(axis=0), gap.min(axis=0) < 0.06 * RATE
        assert mine.mean() > 0.8
        for name in MARKS:
            error = beats[name][near[mine]] - truth.beats[name][mine]
            errors[name].extend(error[np.isfinite(error)] / RATE * 1000)
    limits = {"QRS_on": 10, "QRS_off": 10, "P_on": 15, "P_peak": 10, "P_off": 15}
    limits |= {"T_peak": 15, "T_off": 20}
    for name, limit in limits.items():
        assert abs(np.mean(errors[name])) < limit
        assert np.std(errors[name]) < 2 * limit


@pytest.mark.real_data
def test_no_real_record_is_taken_for_noise(data_folder):
    for folder in ("ludb/data", "cinc"):
        for record in read_ecgs(data_folder / folder)[::2]:
            usable = np.ptp(record.signal, axis=1) > 0
            signal = record.signal[usable].astype(float)
            assert len(find_beats(signal, record.sampling_rate).positions) >= 5, record


@pytest.mark.real_data
def test_beats_of_a_half_hour_record(data_folder):
    source = np.load(data_folder / "mitdb/mitdb8_lead0.npz")
    rate = float(source["fs"])
    for name, share in (("100", 0.999), ("105", 0.99), ("106", 0.95), ("119", 0.999)):
        truth = source[f"r_{name}"]
        found = find_beats(source[f"ecg_{name}"][None] / float(source["gain"]), rate).positions
        after = np.searchsorted(found, truth).clip(1, len(found) - 1)
        gap = np.minimum(np.abs(found[after] - truth), np.abs(found[after - 1] - truth))
        hits = np.count_nonzero(gap < 0.15 * rate)
        assert hits / len(truth) > share
        assert hits / len(found) > 0.97


@pytest.mark.real_data
def test_fifteen_leads_at_1000_hz(data_folder):
    record = read_ecg(data_folder / "wfdb_misc/s0010_re")
    marks = delineate(record.signal, record.sampling_rate, record.lead_names)
    assert len(marks.leads) == 15
    assert 45 <= marks.n_beats <= 60  # 38.4 s


def test_a_beat_cut_off_by_the_end_is_no_t_wave():
    ecg = make_ecg(1, rhythms=["left bundle branch block"], heart_rate=90, random_state=3)
    record, truth = ecg.records[0], ecg.marks[0].beats
    cut = int(truth["R_peak"][-2]) + 5  # the last QRS is there in part, and is no beat yet
    found = delineate(record.signal[:, :cut], record.sampling_rate, record.lead_names).beats
    peaks = found["T_peak"][np.isfinite(found["T_peak"])]
    assert len(peaks) >= found["R_peak"].size - 2
    assert (peaks < truth["QRS_on"][-2]).all()


@pytest.mark.parametrize("rate", [249.9, 999.5])
def test_marks_do_not_drift_at_a_rate_near_a_simple_ratio(rate):
    ecg = make_ecg(1, rhythms=["sinus rhythm"], duration=50, random_state=0)
    time = np.arange(int(50 * rate) - 1) / rate
    lead = np.interp(time, np.arange(ecg.data.shape[2]) / 500, ecg.data[0, 1])
    found = delineate(lead[None], rate, ["II"]).beats["R_peak"] / rate
    truth = delineate(ecg.data[0, 1:2], 500, ["II"]).beats["R_peak"] / 500
    assert np.abs(found - truth).max() < 0.006
