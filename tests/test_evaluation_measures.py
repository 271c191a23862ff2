"""Measures against scikit-learn and statsmodels, with and without weights."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.metrics import (
    average_precision_score,
    brier_score_loss,
    confusion_matrix,
    log_loss,
    roc_auc_score,
)

from cardiorisk.evaluation.intervals import bootstrap
from cardiorisk.evaluation.measures import (
    BINARY_MEASURES,
    MULTICLASS_MEASURES,
    THRESHOLD_MEASURES,
    binary_measures,
    multiclass_measures,
    reservation,
    threshold_measures,
)
from cardiorisk.evaluation.pooling import binary_intervals
from cardiorisk.evaluation.recalibration import (
    LOG_ODDS_LIMIT,
    calibration_in_the_large,
    log_odds,
    recalibration_line,
)


def cohort(seed, n=300, decimals=None):
    rng = np.random.default_rng(seed)
    z = rng.normal(size=n)
    risk = 1 / (1 + np.exp(-(1.5 * z - 0.5)))
    if decimals is not None:
        risk = np.round(risk, decimals)
    return rng.random(n) < 1 / (1 + np.exp(-z)), risk


def whole(statistic, n):
    return statistic(np.ones((1, n)))[0]


@pytest.mark.parametrize("decimals", [None, 2, 1, 0], ids=["distinct", "ties", "many", "0 and 1"])
def test_measures_agree_with_scikit_learn(decimals):
    events, risk = cohort(0, decimals=decimals)
    values = dict(zip(BINARY_MEASURES, whole(binary_measures(events, risk), 300), strict=True))
    assert values["auroc"] == pytest.approx(roc_auc_score(events, risk), abs=1e-12)
    assert values["auprc"] == pytest.approx(average_precision_score(events, risk), abs=1e-12)
    assert values["brier"] == pytest.approx(brier_score_loss(events, risk), abs=1e-12)
    assert values["log_loss"] == pytest.approx(log_loss(events, risk), rel=1e-9)
    assert values["observed_expected_ratio"] == pytest.approx(events.mean() / risk.mean())


@pytest.mark.parametrize("decimals", [None, 1])
def test_every_resample_agrees_with_scikit_learn(decimals):
    events, risk = cohort(1, n=80, decimals=decimals)
    statistic = binary_measures(events, risk)
    weights = bootstrap(lambda w: w, 80, n_bootstraps=60, random_state=0)
    for row, w in zip(statistic(weights), weights, strict=True):
        drawn = np.repeat(np.arange(80), w.astype(int))
        y, p = events[drawn], risk[drawn]
        expected = [
            roc_auc_score(y, p),
            average_precision_score(y, p),
            brier_score_loss(y, p),
            log_loss(y, p),
        ]
        np.testing.assert_allclose(row[:4], expected, rtol=1e-9)


def statsmodels_line(events, x, weights=None):
    sm = pytest.importorskip("statsmodels.api", reason="reference fit comes with dcurves")
    weights = np.ones(len(x)) if weights is None else weights
    family = sm.families.Binomial()
    design = sm.add_constant(x)
    line = sm.GLM(events, design, family=family, freq_weights=weights).fit(tol=1e-12)
    offset = sm.GLM(events, np.ones(len(x)), family=family, offset=x, freq_weights=weights)
    return np.append(line.params, offset.fit(tol=1e-12).params)


@pytest.mark.parametrize("n", [40, 300, 5000])
def test_recalibration_agrees_with_statsmodels(n):
    events, risk = cohort(2, n=n)
    x, _ = log_odds(risk)
    y = events.astype(float)
    ours = np.append(whole(recalibration_line(x, y), n), whole(calibration_in_the_large(x, y), n))
    np.testing.assert_allclose(ours, statsmodels_line(y, x), rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("n", [60, 2000, 50_000], ids=["newton", "mixed", "expansion"])
def test_recalibration_of_resamples_agrees_with_statsmodels(n):
    events, risk = cohort(3, n=n)
    x, _ = log_odds(risk)
    y = events.astype(float)
    weights = bootstrap(lambda w: w, n, n_bootstraps=8, random_state=1)
    ours = np.hstack([recalibration_line(x, y)(weights), calibration_in_the_large(x, y)(weights)])
    theirs = [statsmodels_line(y, x, w) for w in weights]
    np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)


def test_recalibration_of_risks_of_exactly_0_and_1():
    events, risk = cohort(4, n=400, decimals=1)
    assert {0.0, 1.0} <= set(risk)
    x, n_limited = log_odds(risk)
    assert n_limited == np.isin(risk, [0, 1]).sum()
    assert np.abs(x).max() == LOG_ODDS_LIMIT
    y = events.astype(float)
    ours = np.append(
        whole(recalibration_line(x, y), 400), whole(calibration_in_the_large(x, y), 400)
    )
    np.testing.assert_allclose(ours, statsmodels_line(y, x), rtol=1e-6)


def test_calibration_in_the_large_of_wildly_wrong_risks():
    y = np.tile([0.0, 1.0], 50)
    x = np.full(100, LOG_ODDS_LIMIT)
    assert whole(calibration_in_the_large(x, y), 100)[0] == pytest.approx(-LOG_ODDS_LIMIT)


@pytest.mark.parametrize(
    ("events", "risk", "reason"),
    [
        ([0, 0, 1, 1], [0.1, 0.2, 0.7, 0.9], "separate the classes perfectly"),
        ([0, 0, 1, 1], [0.1, 0.5, 0.5, 0.9], "separate the classes perfectly"),
        ([0, 1, 0, 1], [0.3, 0.3, 0.3, 0.3], "all risks are equal"),
        ([0, 0, 0, 0], [0.1, 0.2, 0.7, 0.9], "no row has an event"),
        ([1, 1, 1, 1], [0.1, 0.2, 0.7, 0.9], "all rows have an event"),
    ],
)
def test_slope_that_does_not_exist_is_missing_with_the_reason(events, risk, reason):
    events, risk = np.array(events, dtype=bool), np.array(risk)
    slope = whole(binary_measures(events, risk), 4)[BINARY_MEASURES.index("calibration_slope")]
    assert np.isnan(slope)
    assert reason in reservation("calibration_slope", slope, events, risk)


def test_limited_log_odds_are_a_reservation_about_calibration_only():
    events, risk = np.array([True, False, True, False]), np.array([1.0, 0.4, 0.3, 0.0])
    told = [name for name in BINARY_MEASURES if reservation(name, 0.9, events, risk)]
    assert told == ["calibration_slope", "calibration_intercept"]
    assert "2 of 4 risks are within 1e-06" in reservation(told[0], 0.9, events, risk)
    assert reservation(told[0], 0.9, events, np.clip(risk, 0.01, 0.99)) == ""


@pytest.mark.parametrize("event", [False, True])
def test_one_class_leaves_only_what_exists(event):
    events, risk = np.full(5, event), np.linspace(0.1, 0.9, 5)
    values = dict(zip(BINARY_MEASURES, whole(binary_measures(events, risk), 5), strict=True))
    assert np.isnan(values["auroc"])
    assert np.isnan(values["calibration_intercept"])
    assert values["brier"] == pytest.approx(((risk - event) ** 2).mean())
    assert values["observed_expected_ratio"] == pytest.approx(event / 0.5)


def test_resample_without_an_event_is_missing_not_wrong():
    events, risk = np.array([True, False, False]), np.array([0.2, 0.1, 0.3])
    values = binary_measures(events, risk)(np.array([[0.0, 2.0, 1.0], [1.0, 1.0, 1.0]]))
    assert np.isnan(values[0, :2]).all()
    assert values[1, 0] == 0.5


def test_ranking_ignores_monotone_transforms():
    events, risk = cohort(5)
    before = whole(binary_measures(events, risk), 300)[:2]
    after = whole(binary_measures(events, risk**3 / 2), 300)[:2]
    np.testing.assert_allclose(before, after, rtol=1e-14)


def test_recalibration_follows_the_log_odds():
    events, risk = cohort(6)
    x, _ = log_odds(risk)
    y = events.astype(float)
    intercept, slope = whole(recalibration_line(x, y), 300)
    stretched = whole(recalibration_line(2 * x + 1, y), 300)
    assert stretched[1] == pytest.approx(slope / 2)
    assert stretched[0] == pytest.approx(intercept - slope / 2)
    # Recalibrated risks have slope 1 and intercept 0 by definition.
    np.testing.assert_allclose(
        whole(recalibration_line(intercept + slope * x, y), 300), [0, 1], atol=1e-8
    )


@settings(max_examples=60, deadline=None)
@given(
    events=hnp.arrays(bool, 30),
    risk=hnp.arrays(np.float64, 30, elements=st.floats(0, 1, width=16)),
    weights=hnp.arrays(np.float64, (3, 30), elements=st.integers(0, 5)),
)
def test_measures_stay_in_their_ranges(events, risk, weights):
    weights[:, 0] = 1.0
    auroc, auprc, brier, log_loss_, *_ = binary_measures(events, risk)(weights).T
    flipped = binary_measures(~events, 1 - risk)(weights)[:, 0]
    np.testing.assert_allclose(auroc, flipped, atol=1e-9)
    for values in (auroc, auprc, brier):
        assert np.all(np.isnan(values) | ((values >= -1e-12) & (values <= 1 + 1e-12)))
    assert np.isfinite(log_loss_).all()


def test_multiclass_agrees_with_scikit_learn():
    rng = np.random.default_rng(0)
    code = rng.integers(4, size=200)
    probability = rng.dirichlet(np.ones(4), size=200) * 0.5 + np.eye(4)[code] * 0.2
    probability /= probability.sum(axis=1, keepdims=True)
    values = whole(multiclass_measures(code, probability), 200)
    values = dict(zip(MULTICLASS_MEASURES, values, strict=True))
    macro = roc_auc_score(code, probability, multi_class="ovr", average="macro")
    assert values["auroc"] == pytest.approx(macro)
    assert values["log_loss"] == pytest.approx(log_loss(code, probability))
    assert values["brier"] == pytest.approx(
        brier_score_loss(code, probability, scale_by_half=False)
    )


def test_threshold_measures_agree_with_the_confusion_matrix():
    events, risk = cohort(7, decimals=2)
    thresholds = np.array([0.0, 0.2, 0.5, 1.0])
    values = whole(threshold_measures(events, risk, thresholds), 300).reshape(4, 5)
    for threshold, row in zip(thresholds, values, strict=True):
        flagged = risk >= threshold
        tn, fp, fn, tp = confusion_matrix(events, flagged, labels=[False, True]).ravel()
        parts = [(tp + fp, 300), (tp, tp + fn), (tn, tn + fp), (tp, tp + fp), (tn, tn + fn)]
        expected = [a / b if b else np.nan for a, b in parts]
        np.testing.assert_allclose(row, expected, err_msg=f"{THRESHOLD_MEASURES} at {threshold}")


def test_interval_is_as_wide_as_delong():
    mlstatkit = pytest.importorskip("MLstatkit", reason="reference DeLong interval")
    events, risk = cohort(8, n=400)
    ours = binary_intervals(events, risk, n_bootstraps=2000, random_state=0)["auroc"]
    other = np.random.default_rng(0).random(400)
    _, _, (low, high), _, area, *_ = mlstatkit.Delong_test(events.astype(int), risk, other)
    assert ours.estimate == pytest.approx(area)
    assert ours.high - ours.low == pytest.approx(high - low, rel=0.1)
