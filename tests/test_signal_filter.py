import numpy as np
import pytest
from scipy.signal import butter, sosfiltfilt
from sklearn.base import clone
from sklearn.utils.estimator_checks import parametrize_with_checks

from cardiorisk.datasets import make_ecg
from cardiorisk.exceptions import SignalError
from cardiorisk.features import ECGFilter
from cardiorisk.records import ECGRecord

RATES = [100, 250, 360, 500, 1000]


def sine(frequency, rate, seconds=20):
    return np.sin(2 * np.pi * frequency * np.arange(int(seconds * rate)) / rate)[None]


def decibels(frequency, rate, **options):
    """What is left of a sine, in the middle of the record."""
    engine = ECGFilter(sampling_rate=rate, lead_names=("II",), **options)
    out = engine.fit_transform(sine(frequency, rate)[None])[0, 0]
    middle = slice(len(out) // 4, -len(out) // 4)
    return 20 * np.log10(out[middle].std() * np.sqrt(2))


@parametrize_with_checks([ECGFilter(lead_names=("II",), mains=None)])
def test_sklearn_checks(estimator, check):
    check(estimator)


@pytest.mark.parametrize("rate", RATES)
def test_pass_band_and_cutoffs_are_as_designed(rate):
    options = {"band": (0.5, 40), "mains": None}
    for frequency in (2, 5, 10, 15):
        assert abs(decibels(frequency, rate, **options)) < 0.1
    for cutoff in (0.5, 40):
        assert decibels(cutoff, rate, **options) == pytest.approx(-3.01, abs=0.15)
    assert decibels(0.1, rate, **options) < -40


@pytest.mark.parametrize("mains", [50, 60])
@pytest.mark.parametrize("rate", RATES[1:])
@pytest.mark.parametrize("drift", [-0.2, 0, 0.1])
def test_hum_goes_and_the_rest_stays(mains, rate, drift):
    options = {"mains": mains, "baseline": None}
    assert decibels(mains + drift, rate, **options) < -30
    for frequency in (1, 10, 30, mains - 12):
        assert abs(decibels(frequency, rate, **options)) < 0.1


@pytest.mark.parametrize("mains", [50, 60])
def test_hum_is_found_in_the_spectrum_and_its_harmonic_goes_with_it(mains):
    clean = make_ecg(1, rhythms=["sinus rhythm"], random_state=0).data
    hum = 0.2 * sine(mains, 500, 10) + 0.05 * sine(2 * mains, 500, 10)
    found = ECGFilter(baseline=None).fit_transform(clean + hum.astype(np.float32))
    assert np.abs(found - clean).max() < 0.15  # at the steepest sample of a QRS complex
    assert np.sqrt(np.mean((found - clean) ** 2)) < 0.01
    np.testing.assert_allclose(ECGFilter(baseline=None).fit_transform(clean), clean, atol=1e-6)


def test_agrees_with_scipy():
    clean = make_ecg(1, noise=0.02, random_state=0).data
    ours = ECGFilter(baseline=None, band=(None, 40), mains=None).fit_transform(clean)
    one_pass = np.arctan(np.tan(np.pi * 40 / 500) / (np.sqrt(2) - 1) ** 0.25) / np.pi * 500
    theirs = sosfiltfilt(butter(2, one_pass, fs=500, output="sos"), clean, axis=-1)
    np.testing.assert_allclose(ours[..., 500:-500], theirs[..., 500:-500], atol=1e-4)


def test_baseline_wander_goes():
    options = {"rhythms": ["sinus rhythm"], "random_state": 0}
    clean = make_ecg(4, **options).data
    time = np.arange(clean.shape[-1]) / 500
    wander = (0.5 * np.sin(2 * np.pi * 0.15 * time) + 0.3 * time).astype(np.float32)
    engine = ECGFilter(mains=None)
    left = engine.fit_transform(clean + wander) - engine.fit_transform(clean)
    assert np.abs(left[..., 1000:-1000]).max() < 0.03
    assert np.abs(left).max() < 0.15  # at the ends, where nobody knows what comes next


def test_st_segment_keeps_its_level():
    ecgs = make_ecg(12, rhythms=["sinus rhythm"], random_state=0)
    filtered = ECGFilter(mains=None).fit_transform(ecgs.data)
    shifts = []
    for before, after, marks in zip(ecgs.data, filtered, ecgs.marks, strict=True):
        start, end = (np.round(marks.beats[name]) for name in ("QRS_on", "QRS_off"))
        inside = np.isfinite(start + end) & (start > 500) & (end < 4500)
        start, end = start[inside].astype(int), end[inside].astype(int)
        change = after - before
        shifts.append(np.abs(np.median(change[:, end] - change[:, start], axis=1)).max())
    assert np.max(shifts) < 0.05  # mV, half of the smallest ST deviation that is called one


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("target", [125, 250, 500])
def test_resampling_keeps_length_and_place(rate, target):
    centre, n_samples = 3.0, 7 * rate + 3
    bell = np.exp(-(((np.arange(n_samples) / rate - centre) / 0.06) ** 2) / 2)
    engine = ECGFilter(
        sampling_rate=rate, lead_names=("II",), target_rate=target, baseline=None, mains=None
    )
    out = engine.fit_transform(bell[None, None])[0, 0]
    assert len(out) == round(n_samples * target / rate)
    truth = np.exp(-(((np.arange(len(out)) / target - centre) / 0.06) ** 2) / 2)
    np.testing.assert_allclose(out, truth, atol=2e-3)


def test_gaps_stay_gaps_and_do_not_spread():
    clean = make_ecg(1, noise=0.01, random_state=0).data
    holed = clean.copy()
    holed[0, 0, 1000:1050], holed[0, 1], holed[0, 2, 7] = np.nan, np.nan, np.inf
    out = ECGFilter(mains=None).fit_transform(holed)
    np.testing.assert_array_equal(np.isnan(out), ~np.isfinite(holed))
    np.testing.assert_array_equal(out[:, 3:], ECGFilter(mains=None).fit_transform(clean)[:, 3:])
    half = ECGFilter(mains=None, target_rate=250).fit_transform(holed)
    assert np.isnan(half[0, 0]).sum() == 25


def test_ends_do_not_ring():
    flat = np.full((1, 1, 3000), 7.0)
    out = ECGFilter(lead_names=("II",), mains=50, band=(0.5, 100)).fit_transform(flat)
    np.testing.assert_allclose(out, 0, atol=1e-5)
    hum = ECGFilter(lead_names=("II",), mains=50, baseline=None).fit_transform(sine(50, 500)[None])
    assert np.abs(hum).max() < 1e-3


def test_what_comes_in_goes_out():
    ecgs = make_ecg(2, random_state=0)
    engine = ECGFilter(target_rate=250)
    cubic = engine.fit_transform(ecgs.data)
    assert (cubic.shape, cubic.dtype) == ((2, 12, 2500), np.float32)
    flat = engine.fit_transform(ecgs.data.reshape(2, -1))
    np.testing.assert_array_equal(flat, cubic.reshape(2, -1))
    mixed = [ecgs.records[0], ECGRecord(ecgs.data[1, :1, :999], 500.0, ("I",), "b", "patient")]
    records = clone(engine).fit_transform(mixed)
    np.testing.assert_array_equal(records[0].signal, cubic[0])
    assert (records[1].sampling_rate, records[1].signal.shape) == (250.0, (1, 500))
    assert (records[1].record_id, records[1].subject_id) == ("b", "patient")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"band": (1, 60)}, "high cutoff 60 Hz, but expected it between 0 and half"),
        ({"mains": 60}, "mains 60 Hz"),
        ({"band": (30, 20)}, "which is empty"),
        ({"band": (1, 2, 3)}, r"expected \(low, high\)"),
    ],
)
def test_frequencies_that_do_not_fit(options, words):
    with pytest.raises(ValueError, match=words):
        ECGFilter(sampling_rate=100, **options).fit(np.zeros((1, 12, 1000)))


def test_an_empty_record_is_refused():
    with pytest.raises(SignalError, match="without samples"):
        ECGFilter().fit_transform([ECGRecord(np.zeros((1, 0), np.float32), 500.0, ("I",))])
