"""Calibration: against scipy, statsmodels and what is true by construction."""

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit, logit
from scipy.stats import binomtest
from statsmodels.stats.proportion import proportion_confint

from cardiorisk.evaluation import calibration
from cardiorisk.evaluation.local_linear import smooth_curve
from cardiorisk.evaluation.recalibration import LOG_ODDS_LIMIT


def cohort(n=1500, slope=1.0, intercept=0.0, seed=0):
    """Events drawn from risks whose recalibration line is known."""
    rng = np.random.default_rng(seed)
    risk = expit(rng.normal(size=n) * 1.2 - 0.5)
    return rng.random(n) < expit(intercept + slope * logit(risk)), risk


def test_known_recalibration_is_found():
    events, risk = cohort(20_000, slope=0.7, intercept=0.4)
    curve = calibration(events, risk, n_bootstraps=100)
    for interval, value in ((curve.slope, 0.7), (curve.recalibration_intercept, 0.4)):
        assert interval.low < value < interval.high
        assert interval.high - interval.low < 0.15


def test_calibrated_risks_look_calibrated():
    curve = calibration(*cohort(4000), n_bootstraps=200)
    assert curve.slope.low < 1 < curve.slope.high
    assert curve.intercept.low < 0 < curve.intercept.high
    assert curve.observed_expected_ratio.low < 1 < curve.observed_expected_ratio.high
    assert curve.ici.estimate < 0.02
    inside = (curve.curve["low"] <= curve.curve["predicted"]) & (
        curve.curve["predicted"] <= curve.curve["high"]
    )
    assert inside.mean() > 0.8


def test_ici_is_the_known_distance():
    rng = np.random.default_rng(0)
    risk = rng.uniform(0.2, 0.6, size=30_000)
    curve = calibration(rng.random(30_000) < risk + 0.15, risk, n_bootstraps=50)
    assert curve.ici.estimate == pytest.approx(0.15, abs=0.01)
    assert curve.ici.low < 0.15 < curve.ici.high


@pytest.mark.parametrize("n", [60, 400], ids=["few", "more"])
def test_smooth_curve_agrees_with_statsmodels(n):
    smoothers = pytest.importorskip(
        "statsmodels.nonparametric.smoothers_lowess", reason="reference comes with dcurves"
    )
    events, risk = cohort(n)
    grid = np.linspace(risk.min(), risk.max(), 40)
    ours = smooth_curve(risk, events, grid)(np.ones((1, n)))[0, :-1]
    theirs = smoothers.lowess(events.astype(float), risk, frac=2 / 3, it=0, xvals=grid)
    np.testing.assert_allclose(ours, np.clip(theirs, 0, 1), atol=2e-3)


def test_cells_of_many_risks_change_the_curve_little():
    smoothers = pytest.importorskip(
        "statsmodels.nonparametric.smoothers_lowess", reason="reference comes with dcurves"
    )
    events, risk = cohort(6000)
    grid = np.linspace(*np.quantile(risk, [0.01, 0.99]), 20)
    ours = smooth_curve(risk, events, grid)(np.ones((1, 6000)))[0, :-1]
    theirs = smoothers.lowess(events.astype(float), risk, frac=2 / 3, it=0, xvals=grid)
    np.testing.assert_allclose(ours, theirs, atol=2e-3)


@pytest.mark.parametrize("strategy", ["quantile", "uniform"])
def test_bins_count_every_row_once(strategy):
    events, risk = cohort(500)
    table = calibration(events, risk, strategy=strategy, n_bootstraps=0).table
    assert table["n"].sum() == 500
    assert table["events"].sum() == events.sum()
    assert table["mean_predicted"].is_monotonic_increasing
    np.testing.assert_allclose((table["mean_predicted"] * table["n"]).sum(), risk.sum())
    if strategy == "quantile":
        assert table["n"].eq(50).all()


def test_bins_have_clopper_pearson_intervals():
    events, risk = cohort(300, slope=2)
    table = calibration(events, risk, n_bins=15, confidence=0.9, n_bootstraps=0).table
    assert table["events"].eq(0).any()
    for row in table.itertuples():
        expected = binomtest(row.events, row.n).proportion_ci(0.9, method="exact")
        assert (row.low, row.high) == pytest.approx((expected.low, expected.high))


def test_bins_may_have_jeffreys_limits_that_allow_for_patients():
    events, risk = cohort(300, slope=2)
    table = calibration(events, risk, interval="jeffreys", n_bootstraps=0).table
    for row in table.itertuples():
        if 0 < row.events < row.n:
            expected = proportion_confint(row.events, row.n, method="jeffreys")
            assert (row.low, row.high) == pytest.approx(expected)
    copies = np.repeat(np.arange(300), 3)
    options = {"interval": "jeffreys", "n_bootstraps": 0, "groups": copies}
    again = calibration(events[copies], risk[copies], **options).table
    np.testing.assert_allclose(again[["low", "high"]], table[["low", "high"]], atol=0.02)
    with pytest.raises(ValueError, match="Got interval='wald'"):
        calibration(events, risk, interval="wald")


def test_equal_risks_are_never_divided():
    risk = np.repeat([0.1, 0.3, 0.8], 40)
    events = np.random.default_rng(0).random(120) < risk
    table = calibration(events, risk, n_bins=10, n_bootstraps=0).table
    np.testing.assert_allclose(table["mean_predicted"], [0.1, 0.3, 0.8])


def test_risks_that_are_equal_but_for_rounding_have_a_curve():
    risk = np.where(np.arange(60) % 2 == 0, 0.3, 0.1 + 0.2)
    curve = calibration(np.arange(60) % 3 == 0, risk, n_bootstraps=20)
    assert curve.ici.estimate == pytest.approx(1 / 3 - 0.3, abs=1e-3)


def test_histogram_counts_by_outcome():
    events, risk = cohort(400)
    histogram = calibration(events, risk, n_bootstraps=0).histogram
    assert len(histogram) == 20
    assert (histogram["events"].sum(), histogram["non_events"].sum()) == (
        events.sum(),
        400 - events.sum(),
    )


def test_an_ordinary_slope_has_no_reason_against_it():
    rng = np.random.default_rng(0)
    risk = rng.uniform(0.05, 0.95, 300)
    curve = calibration(rng.uniform(size=300) < risk, risk, n_bootstraps=50)
    assert {curve.slope.reason, curve.intercept.reason} == {""}
    assert {curve.recalibration_intercept.reason, curve.observed_expected_ratio.reason} == {""}


def test_risks_of_0_and_1_are_limited_and_counted():
    risk = np.array([0.0, 0.0, 0.4, 0.6, 1.0, 1.0, 0.5, 0.5])
    events = np.array([0, 1, 0, 1, 1, 0, 0, 1])
    curve = calibration(events, risk, n_bootstraps=0)
    assert curve.n_clipped == 4
    assert np.isfinite(curve.slope.estimate)
    assert "4 risks within 1e-6" in repr(curve)
    assert "4 of 8 risks" in curve.slope.reason
    assert "4 of 8 risks" in curve.intercept.reason
    assert curve.observed_expected_ratio.reason == ""
    near = calibration(events, np.clip(risk, expit(-LOG_ODDS_LIMIT), expit(LOG_ODDS_LIMIT)))
    assert near.slope.estimate == pytest.approx(curve.slope.estimate)


@pytest.mark.parametrize(
    ("risk", "reason"),
    [([0.1, 0.2, 0.8, 0.9], "separate the classes"), ([0.5] * 4, "all risks are equal")],
)
def test_missing_slope_has_a_reason(risk, reason):
    curve = calibration([0, 0, 1, 1], risk, n_bootstraps=20)
    assert reason in str(curve.slope)
    assert np.isfinite(curve.observed_expected_ratio.estimate)
    assert np.isfinite(curve.curve["observed"]).all()


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_constant_certain_risk(value):
    curve = calibration([0, 0, 1, 1], [value] * 4, n_bootstraps=20)
    assert curve.curve["predicted"].between(0, 1).all()
    assert curve.ici.estimate == pytest.approx(0.5, abs=1e-5)
    assert ("all risks are 0" in str(curve.observed_expected_ratio)) == (value == 0)


def test_band_follows_patients_not_rows():
    events, risk = cohort(300)
    copies = np.repeat(np.arange(300), 5)
    alone = calibration(events, risk)
    grouped = calibration(events[copies], risk[copies], groups=copies)
    ungrouped = calibration(events[copies], risk[copies], span=alone.span)

    def width(curve):
        return (curve.curve["high"] - curve.curve["low"]).mean()

    assert grouped.span == alone.span
    assert width(grouped) == pytest.approx(width(alone), rel=0.1)
    assert width(ungrouped) < 0.6 * width(alone)


def test_band_covers_the_truth_where_the_curve_is_stiff():
    # Averaged over the risks; percentiles of the smooth curve's resamples cover 0.87 of it.
    inside = []
    for seed in range(25):
        events, risk = cohort(2000, slope=0.75, seed=seed)
        curve = calibration(events, risk, n_bootstraps=100, random_state=seed).curve
        at = np.quantile(risk, np.linspace(0.05, 0.95, 10))
        low, high = (np.interp(at, curve["predicted"], curve[name]) for name in ("low", "high"))
        truth = expit(0.75 * logit(at))
        inside.append(np.mean((low <= truth) & (truth <= high)))
    assert np.mean(inside) > 0.92


def test_band_is_open_where_no_event_was_seen():
    risk = np.linspace(0.01, 0.9, 300)
    events = risk > 0.45
    curve = calibration(events, risk, n_bootstraps=50).curve
    assert curve["high"].iloc[0] > 0.03
    assert (curve["low"] <= curve["observed"]).all()
    assert (curve["observed"] <= curve["high"]).all()


def test_without_resamples_there_is_no_band():
    assert calibration(*cohort(100), n_bootstraps=0).curve[["low", "high"]].isna().all(axis=None)


def test_labels_in_words():
    events, risk = cohort(200)
    words = np.where(events, "ill", "well")
    curve = calibration(pd.Series(words), pd.Series(risk), pos_label="ill", n_bootstraps=0)
    assert curve.n_events == events.sum()
    assert curve.slope.estimate == calibration(events, risk, n_bootstraps=0).slope.estimate


def test_curve_in_words_and_as_a_table():
    curve = calibration(*cohort(300), n_bootstraps=50)
    assert repr(curve).startswith("CalibrationCurve: 300 rows")
    assert str(curve.slope) in repr(curve)
    pd.testing.assert_frame_equal(curve.to_frame(), curve.table)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"probability": np.ones((4, 2))}, r"pass one column of predict_proba"),
        ({"probability": [0.1, 0.2, np.nan, 0.3]}, "1 missing entries"),
        ({"probability": [10, 20, 30, 40]}, "Got probability 10 in row 0"),
        ({"probability": [0.1, 0.2]}, r"shape \(2,\), but expected \(4,\)"),
        ({"y": [0, 0, 0, 0]}, "single class"),
        ({"y": [0, 1, 2, 1]}, "without pos_label"),
        ({"y": [0, 1, None, 1]}, "1 missing entries"),
        ({"n_bins": 0}, "Got n_bins=0"),
        ({"strategy": "kmeans"}, "Got strategy='kmeans'"),
        ({"span": 0}, "Got span=0"),
        ({"confidence": 1}, "Got confidence=1"),
        ({"groups": [1, 2]}, r"groups of shape \(2,\)"),
    ],
)
def test_bad_input_is_refused_with_the_reason(change, message):
    arguments = {"y": [0, 1, 0, 1], "probability": [0.1, 0.4, 0.5, 0.8], **change}
    with pytest.raises(ValueError, match=message):
        calibration(arguments.pop("y"), arguments.pop("probability"), **arguments)
