"""The limits of a mean absolute distance: where they must lie, and that they hold near 0."""

import numpy as np
import pytest

from cardiorisk.evaluation.distance_interval import lowest_distance, node_masses
from cardiorisk.evaluation.signed_distance import highest_distance, signed_means

MASSES = np.full(50, 0.02)


def smooth_noise(rng, n, scale):
    """Curves on 50 points with three independent bends each."""
    t = np.linspace(0, 1, 50)
    bends = np.stack([np.ones(50), np.sqrt(3) * (2 * t - 1), np.sqrt(2) * np.cos(2 * np.pi * t)])
    return scale * rng.normal(size=(n, 3)) @ bends


def too_high(size, n_repeats=250):
    """Share of curves whose lower limit is above the true distance."""
    rng = np.random.default_rng(0)
    truth = np.full(50, size)
    misses = 0
    for _ in range(n_repeats):
        curve = truth + smooth_noise(rng, 1, 0.02)[0]
        resampled = curve + smooth_noise(rng, 500, 0.02)
        misses += lowest_distance(np.abs(curve) @ MASSES, curve, resampled, MASSES) > size
    return misses / n_repeats


@pytest.mark.parametrize("size", [0.0, 0.01, 0.1])
def test_lower_limit_holds_whether_the_distance_is_zero_small_or_large(size):
    # Percentiles of the resamples are always above a distance of 0. Three standard errors are 0.03.
    assert too_high(size) < 0.025 + 0.03


def test_a_large_distance_is_not_excused():
    curve = np.full(50, 0.1) + smooth_noise(np.random.default_rng(1), 1, 0.01)[0]
    resampled = curve + smooth_noise(np.random.default_rng(0), 500, 0.01)
    assert 0.05 < lowest_distance(np.abs(curve) @ MASSES, curve, resampled, MASSES) < 0.1


def test_a_curve_without_distance_begins_at_zero():
    resampled = smooth_noise(np.random.default_rng(0), 100, 0.02)
    assert lowest_distance(0.0, np.zeros(50), resampled, MASSES) == 0


def test_without_resamples_there_are_no_limits():
    assert np.isnan(lowest_distance(0.1, np.full(50, 0.1), np.empty((0, 50)), MASSES))


def cohort(n, seed, shift):
    rng = np.random.default_rng(seed)
    risk = rng.uniform(0.2, 0.6, n)
    return risk, rng.random(n) < risk + shift, np.linspace(risk.min(), risk.max(), 21)


def test_signs_that_ignore_the_data_have_no_optimism_on_average():
    risk, events, grid = cohort(300, 0, 0.0)
    weights = np.random.default_rng(1).multinomial(300, np.full(300, 1 / 300), 4000).astype(float)
    curves = np.tile(grid + 0.1, (4000, 1))
    optimism = signed_means(risk, events, grid)(curves, weights)
    assert optimism.mean() == pytest.approx(0, abs=0.002)
    assert optimism.std() == pytest.approx((events - risk).std() / np.sqrt(300), rel=0.05)


def test_upper_limit_needs_only_the_side_of_the_truth_from_the_curve():
    risk, events, grid = cohort(4000, 2, 0.2)
    limits = [
        highest_distance(risk, events, grid, grid + height, np.zeros(10), None, 0.95)
        for height in (0.05, 0.2)  # the first is much too stiff
    ]
    assert limits[0] == limits[1]
    assert limits[0] == pytest.approx((events - risk).mean() + 1.96 * 0.0078, abs=0.002)
    assert np.isnan(highest_distance(risk, events, grid, grid, np.array([]), None, 0.95))


def test_upper_limit_grows_where_rows_are_copies():
    risk, events, grid = cohort(200, 3, 0.2)
    copies = np.repeat(np.arange(200), 4)
    plain, grouped = (
        highest_distance(risk[copies], events[copies], grid, grid + 0.1, np.zeros(10), unit, 0.95)
        for unit in (None, copies)
    )
    mean = (events - risk).mean()
    assert grouped - mean == pytest.approx(2 * (plain - mean), rel=0.05)


def test_masses_are_those_of_linear_interpolation():
    rng = np.random.default_rng(0)
    values, grid = rng.random(40), np.linspace(0, 1, 11)
    height = rng.normal(size=11)
    masses = node_masses(values, grid)
    assert masses.sum() == pytest.approx(1)
    assert masses @ height == pytest.approx(np.interp(values, grid, height).mean())
