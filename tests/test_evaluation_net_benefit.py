"""Net benefit against dcurves and by hand."""

import numpy as np
import pandas as pd
import pytest

from cardiorisk.evaluation import decision_curve


def cohort(n=400, seed=0, decimals=None):
    rng = np.random.default_rng(seed)
    risk = rng.beta(1, 3, size=n)
    events = rng.random(n) < risk
    return events, risk if decimals is None else np.round(risk, decimals)


@pytest.mark.parametrize("decimals", [None, 2], ids=["distinct", "risks on thresholds"])
def test_net_benefit_agrees_with_dcurves(decimals):
    dcurves = pytest.importorskip("dcurves", reason="reference implementation")
    events, risk = cohort(decimals=decimals)
    thresholds = np.arange(0, 95, 5) / 100
    table = decision_curve(events, risk, thresholds=thresholds, n_bootstraps=0).table
    frame = pd.DataFrame({"y": events.astype(int), "model": risk})
    reference = dcurves.dca(frame, "y", ["model"], thresholds=thresholds)
    for column, name in (("net_benefit", "model"), ("treat_all", "all"), ("treat_none", "none")):
        expected = reference.loc[reference["model"] == name, "net_benefit"]
        np.testing.assert_allclose(table[column], expected, atol=1e-12, err_msg=name)


def test_default_thresholds_leave_out_0_and_1():
    table = decision_curve(*cohort(50), n_bootstraps=0).table
    assert len(table) == 99
    assert table["threshold"].iloc[[0, -1]].tolist() == [0.01, 0.99]


def test_limits_agree_with_plain_resampling_where_there_are_many_rows():
    events, risk = cohort(3000)
    curve = decision_curve(events, risk, thresholds=[0.3])
    rng = np.random.default_rng(5)
    loop = []
    for _ in range(2000):
        rows = rng.integers(3000, size=3000)
        y, flagged = events[rows], risk[rows] >= 0.3
        odds = 0.3 / 0.7
        model = np.mean(y & flagged) - np.mean(~y & flagged) * odds
        everyone = np.mean(y) - np.mean(~y) * odds
        loop.append((model, model - max(everyone, 0)))
    expected = np.quantile(loop, [0.025, 0.975], axis=0).T.ravel()
    row = curve.table.iloc[0]
    ours = row[["low", "high", "gain_low", "gain_high"]].to_numpy(float)
    np.testing.assert_allclose(ours, expected, atol=0.002)


def test_rare_missed_events_make_the_limits_skewed():
    # Treating the half with the higher risk misses 3 of 60 events, each worth 4 false alarms.
    risk = np.repeat([0.1, 0.6], 100)
    events = np.zeros(200, dtype=bool)
    events[[0, 1, 2]] = events[100:157] = True
    row = decision_curve(events, risk, thresholds=[0.2]).table.iloc[0]
    assert row["gain"] - row["gain_low"] > 1.3 * (row["gain_high"] - row["gain"])


def test_where_nobody_is_treated_there_are_no_limits():
    events, risk = cohort(100)
    row = decision_curve(events, risk / 4, thresholds=[0.5]).table.iloc[0]
    assert row["net_benefit"] == 0
    assert row[["low", "high", "gain_low", "gain_high"]].isna().all()


def test_gain_holds_against_the_better_strategy_near_the_threshold_of_indifference():
    # At a threshold equal to the prevalence, treating all and none are worth the same.
    events, risk = cohort(400)
    row = decision_curve(events, risk, thresholds=[events.mean()]).table.iloc[0]
    assert row["gain_low"] <= row["low"]
    assert row["gain_high"] <= row["high"]


def test_useless_model_gains_nothing():
    events, _ = cohort(600)
    curve = decision_curve(events, np.full(600, events.mean()), n_bootstraps=100)
    np.testing.assert_allclose(curve.table["gain"], 0, atol=1e-12)
    assert "at none of 99 thresholds" in repr(curve)
    noise = np.random.default_rng(1).uniform(size=600)
    assert (decision_curve(events, noise, n_bootstraps=0).table["gain"] < 0.01).all()


def test_useful_model_gains_where_it_is_said():
    events, risk = cohort(4000)
    curve = decision_curve(events, risk, thresholds=[0.2, 0.3], n_bootstraps=200)
    assert (curve.table["gain_low"] > 0).all()
    assert "2 of 2 thresholds, 0.20 to 0.30" in repr(curve)


def test_intervals_follow_patients_not_rows():
    events, risk = cohort(200)
    copies = np.repeat(np.arange(200), 5)
    tables = [
        decision_curve(events, risk, thresholds=[0.2]).table,
        decision_curve(events[copies], risk[copies], groups=copies, thresholds=[0.2]).table,
    ]
    alone, grouped = (float((t["high"] - t["low"]).iloc[0]) for t in tables)
    assert grouped == pytest.approx(alone, rel=0.15)


def test_curve_as_a_table():
    curve = decision_curve(*cohort(60), n_bootstraps=20)
    pd.testing.assert_frame_equal(curve.to_frame(), curve.table)
    assert curve.prevalence == pytest.approx(curve.n_events / curve.n)


@pytest.mark.parametrize("thresholds", [[1.0], [-0.1], [], [[0.1]], [20]])
def test_bad_thresholds_are_refused(thresholds):
    with pytest.raises(ValueError, match="expected risks from 0 to below 1"):
        decision_curve([0, 1], [0.2, 0.6], thresholds=thresholds)
