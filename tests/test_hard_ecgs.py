from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.signal import butter, resample_poly, sosfiltfilt

from cardiorisk.datasets import make_ecg
from cardiorisk.exceptions import SignalError, SignalWarning
from cardiorisk.features import ECGFeatures, delineate
from cardiorisk.io import read_ecgs
from cardiorisk.records import MARKS, STANDARD_LEADS, ECGRecord

GROUPS = ["rhythm", "intervals"]
GOOD = make_ecg(1, rhythms=["sinus rhythm"], noise=0.01, random_state=0).records[0]
RNG = np.random.default_rng(0)


def with_signal(change):
    signal = GOOD.signal.copy()
    changed = change(signal)
    return replace(GOOD, signal=(signal if changed is None else changed).astype(np.float32))


def put(where, value):
    def change(signal):
        signal[where] = value

    return with_signal(change)


UNUSABLE = {
    "all zero": ("flat", with_signal(np.zeros_like)),
    "constant": ("flat", with_signal(lambda signal: np.full_like(signal, 1.5))),
    "all NaN": ("not_finite", with_signal(lambda signal: np.full_like(signal, np.nan))),
    "a hole of 3 s in all leads": ("not_finite", put(np.s_[:, 1000:2500], np.nan)),
    "infinity in all leads": ("not_finite", put(np.s_[:, 700], np.inf)),
    "too short": ("too_short", with_signal(lambda signal: signal[:, :990])),
    "no samples": ("too_short", with_signal(lambda signal: signal[:, :0])),
    "microvolts": ("units", with_signal(lambda signal: 1000 * signal)),
    "volts": ("units", with_signal(lambda signal: signal / 1000)),
    "converter counts": ("units", with_signal(lambda signal: np.round(200 * signal) + 1024)),
    "missing-value code": ("sentinel", put(np.s_[3, 7], -32768)),
    "too slow": ("sampling_rate", replace(GOOD, sampling_rate=50.0)),
    "noise": (
        "no_beats",
        with_signal(lambda signal: 0.3 * RNG.normal(size=signal.shape)),
        "limb_leads",
    ),
}
DOUBTFUL = {
    "a short gap": ("gaps", put(np.s_[2, 1100:1140], np.nan)),
    "one lead NaN": ("not_finite", put(np.s_[2], np.nan)),
    "one lead infinite": ("not_finite", put(np.s_[2, 9], np.inf)),
    "one lead flat": ("flat", put(np.s_[4], 0.0)),
    "clipped": (
        "saturated",
        with_signal(lambda signal: np.clip(signal, -0.4, 0.4)),
        "limb_leads",  # leads cut one by one no longer obey III = II - I
    ),
    "rate stated twice too high": ("rate_suspected", replace(GOOD, sampling_rate=1000.0)),
    "rate stated twice too low": ("rate_suspected", replace(GOOD, sampling_rate=250.0)),
    "leads I and II exchanged": ("limb_leads", with_signal(lambda s: s[[1, 0, *range(2, 12)]])),
    "arms exchanged": (
        "swapped_leads",
        with_signal(lambda s: np.concatenate([-s[:1], s[[2, 1, 4, 3, 5]], s[6:]])),
    ),
    "pacing spikes": ("pacing", put(np.s_[6:, 300::450], 1.5)),
}


def measured(records, **options):
    engine = ECGFeatures(engine="native", groups=GROUPS, **options)
    return engine.set_output(transform="pandas").fit_transform(records)


def flagged(record):
    flags = ECGFeatures(engine="native").flags([record])
    return dict(zip(flags["code"], flags["fatal"], strict=True))


@pytest.mark.parametrize("case", UNUSABLE)
def test_an_unusable_record_is_a_flagged_row_of_nan_and_spares_its_neighbour(case):
    code, bad, *beside = UNUSABLE[case]
    with pytest.warns(SignalWarning, match="1 of 2 ECGs could not be measured"):
        table = measured([bad, GOOD])
    assert table.loc[0].isna().all()
    assert flagged(bad) == {code: True} | dict.fromkeys(beside, False)
    pd.testing.assert_frame_equal(table[1:].reset_index(drop=True), measured([GOOD]))
    with pytest.raises(SignalError, match=f"row 0.*{code}"):
        measured([bad, GOOD], errors="raise")


@pytest.mark.parametrize("case", DOUBTFUL)
def test_a_doubtful_record_is_measured_and_flagged(case):
    code, doubtful, *beside = DOUBTFUL[case]
    table = measured([doubtful, GOOD])
    assert table["heart_rate"].notna().all()
    assert flagged(doubtful) == dict.fromkeys((code, *beside), False)
    pd.testing.assert_frame_equal(table[1:].reset_index(drop=True), measured([GOOD]))


def test_a_good_record_has_no_flag():
    assert flagged(GOOD) == {}


def test_one_lead_is_enough_for_the_rate():
    one = replace(GOOD, signal=GOOD.signal[1:2], lead_names=("II",))
    assert measured([one])["heart_rate"][0] == pytest.approx(
        measured([GOOD])["heart_rate"][0], 1e-2
    )
    assert flagged(one) == {}


def test_a_cut_file_is_named_and_the_others_are_read(tmp_path):
    wfdb = pytest.importorskip("wfdb")
    for name in ("cut", "whole"):
        wfdb.wrsamp(
            name,
            fs=500,
            units=["mV"] * 12,
            sig_name=list(STANDARD_LEADS),
            write_dir=str(tmp_path),
            p_signal=GOOD.signal.T.astype(float),
            fmt=["16"] * 12,
        )
    data = tmp_path / "cut.dat"
    data.write_bytes(data.read_bytes()[:50_000])
    batch = read_ecgs(tmp_path)
    assert [record.record_id for record in batch] == ["whole"]
    assert "cut" in batch.failures["path"].iloc[0]


def coloured(exponent, n_leads, n_samples, rate, rng):
    frequency = np.fft.rfftfreq(n_samples, 1 / rate)
    frequency[0] = frequency[1]
    spectrum = np.fft.rfft(rng.normal(size=(n_leads, n_samples))) * frequency ** (-exponent / 2)
    noise = np.fft.irfft(spectrum, n_samples)
    return noise / noise.std()


def hum(n_leads, n_samples, rate, rng):
    time = np.arange(n_samples) / rate
    swell = 1 + 0.3 * np.sin(2 * np.pi * rng.uniform(0.1, 0.5) * time)
    phase = rng.uniform(0, 6, size=(n_leads, 1))
    sine = np.sin(2 * np.pi * rng.choice([50, 60]) * time + phase)
    return swell * sine + 0.05 * rng.normal(size=(n_leads, n_samples))


def motion(n_leads, n_samples, rate, rng):
    time = np.arange(n_samples) / rate
    signal = 0.2 * coloured(2, n_leads, n_samples, rate, rng)
    for _ in range(rng.integers(3, 15)):
        centre, width = rng.uniform(0, time[-1]), rng.uniform(0.03, 0.4)
        signal += rng.normal(size=(n_leads, 1)) * np.exp(-(((time - centre) / width) ** 2))
    return signal


def muscle(n_leads, n_samples, rate, rng):
    band = butter(2, [20, min(150, 0.45 * rate)], "bandpass", fs=rate, output="sos")
    signal = sosfiltfilt(band, rng.normal(size=(n_leads, n_samples)), axis=-1)
    time = np.arange(n_samples) / rate
    return (1 + 0.8 * np.sin(2 * np.pi * rng.uniform(0.2, 2) * time)) * signal / signal.std()


NOISES = {
    "white": lambda *form: coloured(0, *form),
    "pink": lambda *form: coloured(1, *form),
    "brown": lambda *form: coloured(2, *form),
    "hum": hum,
    "motion": motion,
    "muscle": muscle,
    "quantised": lambda *form: np.round(2 * coloured(0, *form)) / 3,
}


@pytest.mark.parametrize("kind", NOISES)
@pytest.mark.parametrize("n_leads", [1, 12])
def test_noise_has_no_heart_rate(kind, n_leads):
    rng = np.random.default_rng(1)
    leads = ("II",) if n_leads == 1 else STANDARD_LEADS
    records = [
        ECGRecord(
            (size * NOISES[kind](n_leads, int(10 * rate), rate, rng)).astype("f4"), rate, leads
        )
        for size in (0.05, 0.2, 0.5, 1.5)
        for rate in (100.0, 250.0, 360.0, 500.0, 1000.0)
    ]
    with pytest.warns(SignalWarning, match="20 of 20 ECGs"):
        assert measured(records)["heart_rate"].isna().all()


@pytest.mark.parametrize("heart_rate", [40, 75, 130, 170])
def test_an_ecg_in_noise_is_still_one(heart_rate):
    rhythm = {40: "sinus bradycardia", 75: "sinus rhythm"}.get(heart_rate, "sinus tachycardia")
    ecgs = make_ecg(4, rhythms=[rhythm], heart_rate=heart_rate, random_state=0)
    rng = np.random.default_rng(0)
    noise = coloured(1, 12, ecgs.data.shape[-1], 500, rng)
    spread = ecgs.data.std(axis=2, keepdims=True)
    rates = measured(
        [
            ECGRecord((x + s / 2 * noise).astype("f4"), 500.0)
            for x, s in zip(ecgs.data, spread, strict=True)
        ]
    )["heart_rate"]
    np.testing.assert_allclose(rates, heart_rate, rtol=0.03)


def test_the_order_of_leads_does_not_matter():
    order = [11, 3, 7, 0, 5, 9, 1, 10, 2, 8, 4, 6]
    names = tuple(STANDARD_LEADS[lead] for lead in order)
    mixed = replace(GOOD, signal=GOOD.signal[order], lead_names=names)
    pd.testing.assert_frame_equal(measured([mixed]), measured([GOOD]), check_exact=True)
    names = [GOOD.lead_names.index(name) for name in names]
    marks, same = marks_of(mixed), marks_of(GOOD)
    for lead, twin in zip(marks.leads, names, strict=True):
        for mark in MARKS:
            np.testing.assert_array_equal(lead[mark], same.leads[twin][mark])
            np.testing.assert_array_equal(marks.beats[mark], same.beats[mark])


def marks_of(record):
    return delineate(record.signal, record.sampling_rate, record.lead_names, engine="native")


TOLERANCE = {"heart_rate": 0.3, "pr_interval": 4, "qrs_duration": 4, "qt_interval": 4}  # /min, ms


def assert_alike(record):
    table = measured([GOOD, record])
    for name, most in TOLERANCE.items():
        assert abs(table[name][1] - table[name][0]) <= most, name


@pytest.mark.parametrize(("rate", "up", "down"), [(250.0, 1, 2), (1000.0, 2, 1), (360.0, 18, 25)])
def test_the_sampling_rate_does_not_matter(rate, up, down):
    signal = resample_poly(GOOD.signal, up, down, axis=1, padtype="line").astype(np.float32)
    assert_alike(replace(GOOD, signal=signal, sampling_rate=rate))


@pytest.mark.parametrize("seconds", [(1, 0), (0, 1), (1, 1), (2, 3)])
def test_zeros_before_and_after_do_not_matter(seconds):
    width = [(0, 0), tuple(500 * second for second in seconds)]
    padded = replace(GOOD, signal=np.pad(GOOD.signal, width))
    assert_alike(padded)
    peaks = marks_of(padded).beats["R_peak"] - width[1][0]
    assert ((peaks > 0) & (peaks < GOOD.signal.shape[1])).all()
    np.testing.assert_allclose(peaks, marks_of(GOOD).beats["R_peak"], atol=2)
