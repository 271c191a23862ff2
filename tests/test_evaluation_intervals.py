"""Intervals: their words, their resampling plans and their coverage."""

import numpy as np
import pytest
from scipy.special import expit
from scipy.stats import binomtest

from cardiorisk.evaluation import Interval
from cardiorisk.evaluation.intervals import (
    bootstrap,
    bootstrap_interval,
    check_confidence,
    normal_interval,
    proportion_interval,
)
from cardiorisk.evaluation.pooling import binary_intervals

NAN = float("nan")


@pytest.mark.parametrize(
    ("interval", "words"),
    [
        (Interval(0.931, 0.912, 0.948), "0.93 (0.91 to 0.95)"),
        (Interval(-0.5, -1.25, 0.3), "-0.50 (-1.25 to 0.30)"),
        (Interval(0.931, NAN, NAN), "0.93"),
        (Interval(NAN, NAN, NAN), "not available"),
        (Interval(NAN, NAN, NAN, "no row has an event"), "not available (no row has an event)"),
    ],
)
def test_interval_in_words(interval, words):
    assert str(interval) == words
    assert f"{interval}" == words


def test_interval_takes_a_number_format():
    assert f"{Interval(0.93123, 0.9, 0.95):.3f}" == "0.931 (0.900 to 0.950)"


def identity(weights):
    return weights


def test_row_weights_are_a_resample_of_the_same_size():
    weights = bootstrap(identity, 50, n_bootstraps=400, random_state=0)
    assert weights.shape == (400, 50)
    np.testing.assert_array_equal(weights.sum(axis=1), 50)
    # A multinomial count has variance 1 - 1/n, and a row is absent with probability 1/e.
    assert weights.var() == pytest.approx(1 - 1 / 50, rel=0.05)
    assert (weights == 0).mean() == pytest.approx((1 - 1 / 50) ** 50, abs=0.02)


def test_groups_are_drawn_whole():
    groups = np.array(["b", "a", "a", "c", "b", "b"])
    weights = bootstrap(identity, 6, groups=groups, n_bootstraps=200, random_state=0)
    for name in "abc":
        of_group = weights[:, groups == name]
        np.testing.assert_array_equal(of_group, of_group[:, :1].repeat(of_group.shape[1], axis=1))
    first_rows = weights[:, [1, 0, 3]]
    np.testing.assert_array_equal(first_rows.sum(axis=1), 3)


def test_strata_keep_their_size_and_rows_vary_within():
    strata = np.array(["x", "y", "x", "y", "y", "x", "x"])
    weights = bootstrap(identity, 7, strata=strata, n_bootstraps=300, random_state=0)
    np.testing.assert_array_equal(weights[:, strata == "x"].sum(axis=1), 4)
    np.testing.assert_array_equal(weights[:, strata == "y"].sum(axis=1), 3)
    assert np.allclose(weights.mean(axis=0), 1, atol=0.2)
    assert weights.std(axis=0).min() > 0.5


@pytest.mark.parametrize("n_jobs", [2, -1])
def test_resamples_do_not_depend_on_threads(n_jobs):
    def mean(weights):
        return weights @ np.arange(3000.0)[:, None]

    one = bootstrap(mean, 3000, n_bootstraps=300, random_state=3, n_jobs=1)
    many = bootstrap(mean, 3000, n_bootstraps=300, random_state=3, n_jobs=n_jobs)
    np.testing.assert_array_equal(one, many)
    assert len(np.unique(one)) > 290  # chunks have seeds of their own


def test_no_resamples_leave_limits_missing():
    samples = bootstrap(identity, 4, n_bootstraps=0)
    assert samples.shape == (0, 4)
    interval = bootstrap_interval(0.5, samples[:, 0])
    assert interval.estimate == 0.5
    assert np.isnan([interval.low, interval.high]).all()


def test_symmetric_resamples_give_plain_percentiles():
    samples = np.linspace(-1, 1, 2001)
    interval = bootstrap_interval(0.0, samples, 0.9)
    assert (interval.low, interval.high) == pytest.approx((-0.9, 0.9))


def test_bias_correction_moves_both_limits_to_the_estimate():
    samples = np.linspace(-1, 1, 2001)
    corrected = bootstrap_interval(-0.2, samples)
    plain = bootstrap_interval(-0.2, samples, bias_corrected=False)
    assert corrected.low < plain.low
    assert corrected.high < plain.high
    assert (plain.low, plain.high) == pytest.approx((-0.95, 0.95))


def test_lost_resamples_are_counted_and_named():
    samples = np.concatenate([np.linspace(0, 1, 90), np.full(10, np.nan)])
    assert "10% of resamples had no value" in bootstrap_interval(0.5, samples).reason
    assert bootstrap_interval(0.5, samples[:92]).reason == ""


def test_degenerate_resamples_are_named():
    assert "too narrow" in bootstrap_interval(1.0, np.ones(100)).reason


def test_missing_estimate_keeps_its_reason():
    interval = bootstrap_interval(NAN, np.ones(10), reason="no row has an event")
    assert str(interval) == "not available (no row has an event)"


def test_normal_interval_of_log_odds_is_skewed_near_one_and_falls_back_where_it_cannot_be():
    samples = np.random.default_rng(0).beta(90, 10, 5000)
    found = normal_interval(0.9, samples, scale="log_odds")
    assert 0.9 - found.low > found.high - 0.9
    limits = np.quantile(samples, [0.025, 0.975])
    assert (found.low, found.high) == pytest.approx(tuple(limits), abs=0.02)
    assert normal_interval(1.0, np.ones(100), scale="log_odds").reason.startswith(
        "all resamples agree"
    )
    assert np.isnan(normal_interval(NAN, samples, reason="none", scale="log_odds").low)
    lost = np.append(samples, np.full(900, NAN))
    assert "doubtful" in normal_interval(0.9, lost, scale="log_odds").reason


def test_few_degrees_of_freedom_widen_an_interval():
    samples = np.random.default_rng(0).normal(size=5000)
    wide, narrow = (normal_interval(0.0, samples, degrees=d) for d in (5, np.inf))
    assert wide.high / narrow.high == pytest.approx(2.5706 / 1.9600, rel=1e-3)


def test_an_interval_on_the_logarithmic_scale_stays_above_zero():
    samples = np.random.default_rng(0).poisson(4, 5000) / 4
    found = normal_interval(1.0, samples, scale="log")
    assert 0 < found.low < 1 < found.high
    assert found.high * found.low == pytest.approx(1)


@pytest.mark.parametrize(("k", "n"), [(0, 12), (12, 12), (7, 20), (480, 500)])
def test_proportion_interval_is_wilson_for_independent_rows(k, n):
    rng = np.random.default_rng(0)
    samples = rng.binomial(n, k / n, size=200_000) / n
    interval = proportion_interval(k / n, samples, n)
    wilson = binomtest(k, n).proportion_ci(0.95, method="wilson")
    assert (interval.low, interval.high) == pytest.approx((wilson.low, wilson.high), abs=2e-3)


def test_proportion_interval_widens_with_clusters():
    rng = np.random.default_rng(0)
    hits = rng.random(40) < 0.7
    rows, groups = np.repeat(hits, 10).astype(float), np.repeat(np.arange(40), 10)

    def mean(weights):
        return (weights @ rows / weights.sum(axis=1))[:, None]

    alone = bootstrap(mean, 400, n_bootstraps=500, random_state=0)[:, 0]
    whole = bootstrap(mean, 400, groups=groups, n_bootstraps=500, random_state=0)[:, 0]
    narrow = proportion_interval(rows.mean(), alone, 400)
    wide = proportion_interval(rows.mean(), whole, 40)
    assert (wide.high - wide.low) / (narrow.high - narrow.low) == pytest.approx(10**0.5, rel=0.15)


@pytest.mark.parametrize(("n_bootstraps", "confidence"), [(-1, 0.95), (10.5, 0.95), (10, 95)])
def test_impossible_settings_are_named(n_bootstraps, confidence):
    with pytest.raises(ValueError, match=r"Got (n_bootstraps|confidence)="):
        check_confidence(n_bootstraps, confidence)


def draw_cohort(rng, n, rows_a_patient=1):
    """Patients whose true risk is expit(z), predicted too extreme; rows of a patient are alike."""
    z = rng.normal(size=n // rows_a_patient) * 1.5
    events = rng.random(n // rows_a_patient) < expit(z)
    return np.repeat(events, rows_a_patient), np.repeat(expit(1.3 * z - 0.2), rows_a_patient)


@pytest.fixture(scope="module")
def truth():
    events, risk = draw_cohort(np.random.default_rng(9), 200_000)
    return {k: v.estimate for k, v in binary_intervals(events, risk, n_bootstraps=0).items()}


def coverage(truth, n_cohorts, n, rows_a_patient=1, by_patient=True):
    rng = np.random.default_rng(1)
    groups = np.arange(n) // rows_a_patient if by_patient and rows_a_patient > 1 else None
    hits = dict.fromkeys(truth, 0)
    for seed in range(n_cohorts):
        events, risk = draw_cohort(rng, n, rows_a_patient)
        intervals = binary_intervals(
            events, risk, groups=groups, n_bootstraps=300, random_state=seed
        )
        for name, interval in intervals.items():
            hits[name] += interval.low <= truth[name] <= interval.high
    return {name: count / n_cohorts for name, count in hits.items()}


@pytest.mark.slow
def test_intervals_cover_at_their_level(truth):
    covered = coverage(truth, 250, n=200)
    # Three Monte-Carlo standard errors at 95 % and 250 cohorts are 0.041.
    assert covered["auroc"] == pytest.approx(0.95, abs=0.041)
    assert covered["brier"] == pytest.approx(0.95, abs=0.041)
    # The skewed ones may lose up to two points more at this sample size.
    assert min(covered.values()) > 0.95 - 0.041 - 0.02


@pytest.mark.slow
def test_intervals_by_patient_cover_where_intervals_by_row_do_not(truth):
    by_patient = coverage(truth, 80, n=450, rows_a_patient=3)
    by_row = coverage(truth, 80, n=450, rows_a_patient=3, by_patient=False)
    # Three copies of a row make an interval by row 1 / sqrt(3) as wide: it covers 74 %.
    assert by_patient["auroc"] > 0.95 - 0.075  # three Monte-Carlo standard errors
    assert by_row["auroc"] < 0.74 + 0.15
