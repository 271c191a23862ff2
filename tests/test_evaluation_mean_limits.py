"""Limits of means: against scipy and statsmodels, and that they hold for skewed contributions."""

import numpy as np
import pytest
from scipy import stats

from cardiorisk.evaluation.mean_limits import GroupedMeans, grouped_means, skewed_limits


def test_moments_are_those_of_scipy():
    values = np.random.default_rng(0).exponential(size=(40, 3))
    means = grouped_means(values)
    np.testing.assert_allclose(means.error, stats.sem(values))
    np.testing.assert_allclose(means.skewness, stats.skew(values))


def test_error_of_groups_is_that_of_a_regression_with_clusters():
    linear = pytest.importorskip("statsmodels.api", reason="reference implementation")
    rng = np.random.default_rng(1)
    unit = np.unique(rng.integers(30, size=100), return_inverse=True)[1]
    values = rng.normal(size=100) + rng.normal(size=unit.max() + 1)[unit]
    options = {"groups": unit, "use_correction": False}
    fit = linear.OLS(values, np.ones(100)).fit(cov_type="cluster", cov_kwds=options)
    m = unit.max() + 1
    found = grouped_means(values[:, None], unit).error[0]
    assert found == pytest.approx(fit.bse[0] * np.sqrt(m / (m - 1)))


def test_without_skewness_it_is_students_t():
    low, high = skewed_limits(GroupedMeans(np.array([1.0]), np.array([0.5]), np.zeros(1), 12))
    assert (low[0], high[0]) == pytest.approx(stats.t.interval(0.95, 11, 1.0, 0.5))


def test_the_transformation_is_undone():
    t, a = stats.t.ppf(0.975, 49), 0.8 / np.sqrt(50)
    low, _ = skewed_limits(GroupedMeans(np.zeros(1), np.ones(1), np.array([0.8]), 50))
    value = -low[0]
    assert value + a * value**2 / 3 + a**2 * value**3 / 27 + a / 6 == pytest.approx(t)


def test_skewed_contributions_are_missed_less_often_than_by_students_t():
    rng = np.random.default_rng(2)
    misses = np.zeros(2)
    for _ in range(1000):
        means = grouped_means(rng.exponential(size=(30, 1)))
        half = stats.t.ppf(0.975, 29) * means.error
        for k, (low, high) in enumerate(
            [skewed_limits(means), (means.mean - half, means.mean + half)]
        ):
            misses[k] += not low[0] <= 1 <= high[0]
    hall, plain = misses / 1000
    assert hall < 0.08 < plain  # three standard errors are 0.02


def test_nothing_that_varies_gives_no_limits():
    for values in (np.ones((10, 1)), np.ones((1, 1))):
        assert np.isnan(skewed_limits(grouped_means(values))).all()
