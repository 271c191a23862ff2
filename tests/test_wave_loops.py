"""Compiled loops of the native engine against scipy."""

import numpy as np
import pytest
from scipy.signal import butter, resample_poly, sosfiltfilt

from cardiorisk.features._net_filters import decimated, filtered_twice
from cardiorisk.features._wave_peaks import common_peaks, lead_peaks
from cardiorisk.features.beat_detection import likeness


@pytest.mark.parametrize(("n_leads", "n", "ratio"), [(12, 5000, 2), (1, 1001, 4), (2, 300, 1)])
def test_decimation_is_that_of_scipy(n_leads, n, ratio):
    signal = np.random.default_rng(0).normal(size=(n_leads, n)).cumsum(axis=1)
    expected = resample_poly(signal, 1, ratio, axis=1, padtype="line")
    np.testing.assert_allclose(decimated(signal, ratio), expected, atol=1e-9)
    single = decimated(signal.astype(np.float32), ratio)
    assert single.dtype == np.float64
    np.testing.assert_allclose(single, expected, atol=1e-4)


@pytest.mark.parametrize("n", [2500, 251, 40])
@pytest.mark.parametrize(("cutoff", "kind"), [(0.5, "highpass"), (40.0, "lowpass")])
def test_filter_is_that_of_scipy(n, cutoff, kind):
    signal = np.random.default_rng(0).normal(size=(3, n)).cumsum(axis=1)
    sections = butter(2, cutoff, kind, fs=250, output="sos")
    expected = sosfiltfilt(sections, signal, axis=1, padlen=min(250, n - 1))
    found = filtered_twice(signal, cutoff, kind, 250.0, 250)
    np.testing.assert_allclose(found, expected, atol=1e-10)


def test_likeness_is_a_correlation():
    rng = np.random.default_rng(0)
    signal, positions = rng.normal(size=(2, 300)), np.array([3, 150, 297])
    lags, half = np.arange(-6, 7, 2), 4
    shapes = rng.normal(size=(3, 2 * (2 * half + 1)))
    for kin in (shapes, shapes[0]):
        found = likeness(signal, positions, lags, half, kin)
        for beat, position in enumerate(positions):
            for number, lag in enumerate(lags):
                around = np.clip(position + lag + np.arange(-half, half + 1), 0, 299)
                piece = signal[:, around].ravel()
                against = kin[beat] if kin.ndim == 2 else kin
                expected = np.corrcoef(piece, against)[0, 1] * against.std() * np.sqrt(piece.size)
                assert found[beat, number] == pytest.approx(expected, abs=1e-6)


def test_peaks_lie_where_the_wave_is_highest():
    time = np.arange(100.0)
    hump = np.exp(-(((time - 42) / 8) ** 2))
    signal = np.stack([hump, -hump, hump + time / 20])
    onset, offset = np.full((3, 2), 20.0), np.full((3, 2), 60.0)
    onset[:, 1] = np.nan
    highest, farthest = (lead_peaks(signal, onset, offset, is_qrs=qrs) for qrs in (True, False))
    assert np.isnan([highest[:, 1], farthest[:, 1]]).all()
    assert highest[:, 0] == pytest.approx([42, 42, 43.8], abs=0.7)
    assert farthest[:, 0] == pytest.approx(42, abs=0.7)  # a tilted line is no peak
    both = common_peaks(signal[:2], onset[0], offset[0])
    assert both[0] == pytest.approx(42, abs=0.5)
    assert np.isnan(both[1])


@pytest.mark.parametrize("centre", [41.6, 42.0, 42.49])
def test_peaks_are_found_between_samples(centre):
    time = np.arange(100.0)
    hump = np.exp(-(((time - centre) / 8) ** 2))
    signal = np.stack([hump, -hump])
    onset, offset = np.full((2, 1), 20.0), np.full((2, 1), 61.0)
    for is_qrs in (True, False):
        peaks = lead_peaks(signal, onset, offset, is_qrs=is_qrs)
        assert peaks[:, 0] == pytest.approx(centre, abs=0.01)
    tilted = lead_peaks(signal + time / 20, onset, offset, is_qrs=False)
    assert tilted[:, 0] == pytest.approx(centre, abs=0.01)
    both = common_peaks(np.stack([hump, hump / 2]), onset[0], offset[0])
    assert both[0] == pytest.approx(centre, abs=0.01)
    early = np.exp(-(((time - 2.2) / 3) ** 2))[None]
    assert np.isnan(common_peaks(early, np.array([np.nan, 1]), np.array([50, np.nan]))).all()


@pytest.mark.parametrize(
    "signal",
    [np.zeros(100), np.arange(100.0), -np.arange(100.0), 9 - (np.arange(100.0) / 42 - 1) ** 2],
)
@pytest.mark.parametrize(("onset", "offset"), [(0.0, 99.0), (20.3, 20.3), (30.2, 41.7)])
def test_peaks_stay_within_their_wave(signal, onset, offset):
    edges = np.array([[onset]]), np.array([[offset]])
    for is_qrs in (True, False):
        peak = lead_peaks(signal[None], *edges, is_qrs=is_qrs)[0, 0]
        assert onset <= peak <= offset
    assert onset <= common_peaks(signal[None], *(edge[0] for edge in edges))[0] <= offset
