"""The limits of a mean absolute distance: where they must lie, and that they hold near 0."""

import numpy as np
import pytest

from cardiorisk.evaluation.distance_interval import distance_limits
from cardiorisk.evaluation.local_linear import cells_of, smooth_curve, smoothing


def cohort(n, seed, shift):
    rng = np.random.default_rng(seed)
    risk = rng.uniform(0.2, 0.6, n)
    return risk, rng.random(n) < risk + shift


def limits(risk, events, **options):
    grid = np.linspace(risk.min() - 1e-6, risk.max() + 1e-6, 41)
    curve = smooth_curve(risk, events, grid, 0.5)(np.ones((1, len(risk))))[0, :-1]
    return distance_limits(risk, events, grid, curve, span=0.5, **{"n_draws": 199} | options)


@pytest.mark.parametrize("shift", [0.0, 0.05, 0.2])
def test_limits_hold_whether_the_distance_is_zero_small_or_large(shift):
    # Percentiles of resamples are always above a distance of 0. Three standard errors are 0.035.
    found = np.array([limits(*cohort(150, seed, shift), random_state=seed) for seed in range(200)])
    assert np.mean(found[:, 0] > shift) < 0.025 + 0.035
    assert np.mean(found[:, 1] < shift) < 0.025 + 0.035
    assert np.median(found[:, 1]) < shift + 0.15


def test_a_large_distance_is_not_excused():
    risk, events = cohort(4000, 2, 0.2)
    low, high = limits(risk, events)
    half = 1.96 * (events - risk).std() / np.sqrt(4000)  # all signs are known
    mean = (events - risk).mean()
    assert (low, high) == pytest.approx((mean - half, mean + half), abs=0.004)


def test_limits_widen_where_rows_are_copies():
    risk, events = cohort(300, 3, 0.2)
    copies = np.repeat(np.arange(300), 4)
    plain, grouped = (
        limits(risk[copies], events[copies], unit=unit, n_draws=999) for unit in (None, copies)
    )
    assert grouped[1] - grouped[0] == pytest.approx(2 * (plain[1] - plain[0]), rel=0.15)


@pytest.mark.parametrize("risk", [0.5, 0.5 + 1e-7, 0.501])
@pytest.mark.parametrize("n", [100, 400])
def test_good_luck_does_not_prove_that_risks_are_right(risk, n):
    low, high = limits(np.full(n, risk), np.tile([True, False], n // 2))
    assert low == 0
    assert high == pytest.approx(1.96 * 0.5 / np.sqrt(n), rel=0.5)


def test_without_draws_there_are_no_limits():
    assert np.isnan(limits(*cohort(50, 0, 0.0), n_draws=0)).all()


@pytest.mark.parametrize("n", [60, 3000])
def test_smoothing_is_the_curve_as_a_matrix(n):
    risk, events = cohort(n, 1, 0.1)
    grid = np.linspace(risk.min(), risk.max(), 21)
    cells = cells_of(risk)
    sums = np.add.reduceat(events[cells.order].astype(float), cells.starts)
    curve = smooth_curve(risk, events, grid)(np.ones((1, n)))[0, :-1]
    np.testing.assert_allclose(smoothing(risk, cells, grid) @ sums, curve)
    straight = smoothing(risk, cells, grid) @ (cells.sizes * (2 * cells.centres + 1))
    np.testing.assert_allclose(straight, 2 * grid + 1)
