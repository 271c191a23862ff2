"""The interval of a mean absolute distance: where it must lie, and that it covers near 0."""

import numpy as np
import pytest

from cardiorisk.evaluation.distance_interval import distance_interval, node_masses

MASSES = np.full(50, 0.02)


def smooth_noise(rng, n, scale):
    """Curves on 50 points with three independent bends each."""
    t = np.linspace(0, 1, 50)
    bends = np.stack([np.ones(50), np.sqrt(3) * (2 * t - 1), np.sqrt(2) * np.cos(2 * np.pi * t)])
    return scale * rng.normal(size=(n, 3)) @ bends


def coverage(size, n_repeats=250):
    rng = np.random.default_rng(0)
    truth = np.full(50, size)
    hits = 0
    for _ in range(n_repeats):
        curve = truth + smooth_noise(rng, 1, 0.02)[0]
        resampled = curve + smooth_noise(rng, 500, 0.02)
        found = distance_interval(np.abs(curve) @ MASSES, curve, resampled, MASSES)
        hits += found.low <= size <= found.high
    return hits / n_repeats


@pytest.mark.parametrize("size", [0.0, 0.01, 0.1])
def test_interval_covers_whether_the_distance_is_zero_small_or_large(size):
    # Percentiles of the resamples cover a distance of 0 never. Three standard errors are 0.041.
    assert coverage(size) > 0.95 - 0.041


def test_a_curve_without_distance_begins_at_zero_and_has_an_upper_limit():
    resampled = smooth_noise(np.random.default_rng(0), 100, 0.02)
    found = distance_interval(0.0, np.zeros(50), resampled, MASSES)
    assert found.low == 0 < found.high


def test_without_resamples_there_are_no_limits():
    found = distance_interval(0.1, np.full(50, 0.1), np.empty((0, 50)), MASSES)
    assert np.isnan(found.low)
    assert found.estimate == 0.1


def test_masses_are_those_of_linear_interpolation():
    rng = np.random.default_rng(0)
    values, grid = rng.random(40), np.linspace(0, 1, 11)
    height = rng.normal(size=11)
    masses = node_masses(values, grid)
    assert masses.sum() == pytest.approx(1)
    assert masses @ height == pytest.approx(np.interp(values, grid, height).mean())
