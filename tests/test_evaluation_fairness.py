"""Gaps between subgroups against fairlearn's own functions, and their intervals."""

import numpy as np
import pandas as pd
import pytest
from fairlearn.metrics import (
    MetricFrame,
    demographic_parity_difference,
    equalized_odds_difference,
    true_positive_rate_difference,
)
from sklearn.metrics import precision_score, roc_auc_score
from statsmodels.stats.proportion import proportion_confint

from cardiorisk.evaluation import fairness_gaps
from cardiorisk.evaluation.gap_limits import gap_of_shares
from cardiorisk.evaluation.proportion_limits import share_of

RNG = np.random.default_rng(0)
N = 900
SEX = RNG.choice(["f", "m"], N, p=[0.4, 0.6])
AGE = pd.cut(RNG.uniform(40, 80, N), [40, 55, 65, 80])
TRUE = RNG.uniform(size=N)
EVENTS = RNG.random(N) < TRUE
RISK = np.clip(TRUE - 0.25 * (SEX == "f"), 0, 1)  # women are told too little
GAPS = fairness_gaps(EVENTS, RISK, {"sex": SEX, "age": AGE}, n_bootstraps=300)


def gap(measure, variable="sex"):
    rows = GAPS[(GAPS["variable"] == variable) & (GAPS["measure"] == measure)]
    return rows.iloc[0]


def test_gaps_are_those_of_fairlearn():
    flagged = RISK >= 0.5
    known = {"sensitive_features": SEX}
    expected = demographic_parity_difference(EVENTS, flagged, **known)
    assert gap("flagged")["gap"] == pytest.approx(expected)
    expected = true_positive_rate_difference(EVENTS, flagged, **known)
    assert gap("sensitivity")["gap"] == pytest.approx(expected)
    odds = equalized_odds_difference(EVENTS, flagged, **known)
    assert max(gap("sensitivity")["gap"], gap("specificity")["gap"]) == pytest.approx(odds)
    frame = MetricFrame(
        metrics=precision_score, y_true=EVENTS, y_pred=flagged, sensitive_features=SEX
    )
    assert gap("ppv")["gap"] == pytest.approx(frame.difference())
    areas = [roc_auc_score(EVENTS[SEX == s], RISK[SEX == s]) for s in "fm"]
    assert gap("auroc")["gap"] == pytest.approx(abs(areas[0] - areas[1]))


def test_a_real_gap_is_seen_and_named():
    row = gap("sensitivity")
    assert (row["lowest"], row["highest"]) == ("f", "m")
    assert 0.1 < row["low"] < row["gap"] < row["high"]
    assert row["note"] == ""


def test_more_than_two_subgroups_are_said_to_be_chosen():
    row = gap("flagged", "age")
    assert "farthest apart of 3" in row["note"]
    assert row["gap"] >= 0


def test_patients_are_drawn_whole():
    copies = np.repeat(np.arange(N), 3)
    many = fairness_gaps(
        EVENTS[copies], RISK[copies], {"sex": SEX[copies]}, groups=copies, n_bootstraps=300
    )
    once = GAPS[GAPS["variable"] == "sex"]
    width = [(t["high"] - t["low"]).to_numpy() for t in (many, once)]
    np.testing.assert_allclose(*width, rtol=0.25)


def test_small_subgroups_are_left_out_and_named():
    few = np.where(np.arange(N) < 12, "x", SEX)
    found = fairness_gaps(EVENTS, RISK, {"sex": few}, n_bootstraps=50)
    assert (found["note"].str.contains("too few events: x")).all()
    alone = fairness_gaps(EVENTS, RISK, {"all alike": np.repeat("a", N)}, n_bootstraps=50)
    assert alone["gap"].isna().all()
    assert "fewer than two subgroups" in alone["note"].iloc[0]


def test_a_measure_that_does_not_exist_is_missing():
    low = np.where(SEX == "f", 0.1, RISK)  # no woman is flagged: she has no PPV
    found = fairness_gaps(EVENTS, low, {"sex": SEX}, n_bootstraps=50).set_index("measure")
    assert np.isnan(found.loc["ppv", "gap"])
    assert "does not exist" in found.loc["ppv", "note"]
    assert np.isfinite(found.loc["sensitivity", "gap"])


def test_bad_thresholds_are_refused():
    with pytest.raises(ValueError, match="Got threshold=50"):
        fairness_gaps(EVENTS, RISK, {"sex": SEX}, threshold=50)


def two_parts(hits, sizes):
    """Rows of two parts, one after the other: members of each, and hits."""
    members = [np.repeat(np.arange(2) == part, sizes) for part in range(2)]
    misses = np.subtract(sizes, hits)
    hit = np.repeat([1, 0, 1, 0], [hits[0], misses[0], hits[1], misses[1]]).astype(bool)
    return *members, hit


@pytest.mark.parametrize(("hits", "sizes"), [((56, 48), (70, 80)), ((9, 3), (10, 30))])
def test_gap_of_proportions_puts_jeffreys_limits_together(hits, sizes):
    first, second, hit = two_parts(hits, sizes)
    gap = gap_of_shares(share_of(first, hit), share_of(second, hit))
    (low, high), (low2, high2) = (
        proportion_confint(k, n, method="jeffreys") for k, n in zip(hits, sizes, strict=True)
    )
    p, q = np.divide(hits, sizes)
    assert gap.low == pytest.approx(p - q - np.hypot(p - low, high2 - q))
    assert gap.high == pytest.approx(p - q + np.hypot(high - p, q - low2))


def test_groups_count_once_where_their_rows_agree():
    first, second, hit = two_parts((56, 48), (70, 80))
    once = gap_of_shares(share_of(first, hit), share_of(second, hit))
    first, second, hit = (np.repeat(part, 3) for part in (first, second, hit))
    unit = np.repeat(np.arange(150), 3)
    copies = gap_of_shares(share_of(first, hit, unit), share_of(second, hit, unit))
    np.testing.assert_allclose([copies.low, copies.high], [once.low, once.high], atol=0.003)


def test_what_groups_have_in_both_parts_narrows_the_gap():
    rng = np.random.default_rng(3)
    own = rng.beta(1, 1, 400)  # each patient's chance, in one row of each part
    hit = np.concatenate([rng.random(400) < own, rng.random(400) < own])
    first = np.repeat([True, False], 400)
    unit = np.tile(np.arange(400), 2)
    alone = gap_of_shares(share_of(first, hit), share_of(~first, hit))
    paired = gap_of_shares(share_of(first, hit, unit), share_of(~first, hit, unit))
    difference = hit[:400].astype(float) - hit[400:]
    expected = difference.std(ddof=1) / 20 * 2 * 1.96  # the paired normal interval
    assert paired.high - paired.low == pytest.approx(expected, rel=0.02)
    assert paired.high - paired.low < 0.9 * (alone.high - alone.low)


def test_equal_proportions_are_those_of_two_subgroups():
    flagged, sex = np.tile([1.0, 0.0], 100), np.repeat(["f", "m"], 100)
    events = np.random.default_rng(0).random(200) < 0.5
    row = fairness_gaps(events, flagged, {"sex": sex}, n_bootstraps=0).iloc[0]
    assert row["lowest"] != row["highest"]
    assert row["gap"] == 0
    assert row["high"] == pytest.approx(1.96 * np.sqrt(0.5 * 0.5 * 2 / 100), rel=0.03)


def test_patients_that_do_not_differ_leave_the_gap_open():
    first = np.tile(np.arange(6) < 3, 20)
    hit = np.tile([True, False, False, True, True, False], 20)
    unit = np.repeat(np.arange(20), 6)
    gap = gap_of_shares(share_of(first, hit, unit), share_of(~first, hit, unit))
    assert gap.high - gap.low > 0.4


def test_gap_with_few_rows_behind_it_stays_open():
    # All of the few who are flagged have the event: resamples of that share never vary.
    events = np.repeat([True, False, True, False], [12, 20, 15, 25])
    risk = np.repeat([0.9, 0.1, 0.8, 0.2], [12, 20, 15, 25])
    sex = np.repeat(["f", "m"], [32, 40])
    gaps = fairness_gaps(events, risk, {"sex": sex}, n_bootstraps=100).set_index("measure")
    assert gaps.loc["ppv", "gap"] == 0
    assert gaps.loc["ppv", "high"] > 0.1
