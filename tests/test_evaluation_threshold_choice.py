"""A threshold is chosen on training rows; on noise it must not look better than it is."""

import numpy as np
import pytest
from sklearn.datasets import make_classification
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import confusion_matrix, recall_score
from sklearn.model_selection import FixedThresholdClassifier, RepeatedStratifiedKFold
from sklearn.tree import DecisionTreeClassifier

from cardiorisk.evaluation import choose_threshold, evaluate
from cardiorisk.evaluation.threshold_choice import _for_costs, _for_sensitivity

X, Y = make_classification(400, 5, flip_y=0.2, weights=[0.7], random_state=0)
MODEL = LogisticRegression()
RESULT = evaluate(MODEL, X, Y, n_bootstraps=0)


def test_threshold_of_a_fold_is_that_of_inner_predictions_of_its_training_rows():
    choice = choose_threshold(MODEL, X, RESULT, sensitivity=0.9, n_bootstraps=0)
    train = RESULT.fold[0] != 2
    inner = evaluate(MODEL, X[train], Y[train], cv=5, n_bootstraps=0)
    expected = _for_sensitivity(inner.outcome, inner.risk, 0.9)
    assert choice.by_fold.loc[2, "threshold"] == expected
    test = ~train
    flagged = RESULT.risk[test] >= expected
    assert choice.by_fold.loc[2, "sensitivity"] == pytest.approx(recall_score(Y[test], flagged))


def test_pooled_measures_are_those_of_all_flags():
    choice = choose_threshold(MODEL, X, RESULT, sensitivity=0.8, n_bootstraps=200)
    flagged = RESULT.risk >= choice.by_fold["threshold"].to_numpy()[RESULT.fold[0]]
    tn, fp, fn, tp = confusion_matrix(Y, flagged).ravel()
    for name, value in {
        "sensitivity": tp / (tp + fn),
        "specificity": tn / (tn + fp),
        "ppv": tp / (tp + fp),
        "npv": tn / (tn + fn),
    }.items():
        interval = choice.metrics[name]
        assert interval.estimate == pytest.approx(value)
        assert interval.low < value < interval.high
    assert choice.to_frame().loc["ppv", "estimate"] == choice.metrics["ppv"].estimate


def test_sensitivity_of_the_choice_is_near_the_target_on_other_rows():
    choice = choose_threshold(MODEL, X, RESULT, sensitivity=0.9, n_bootstraps=0)
    assert choice.metrics["sensitivity"].estimate == pytest.approx(0.9, abs=0.04)


def test_a_greedy_model_gains_nothing_by_choosing_on_rows_it_was_trained_on():
    rng = np.random.default_rng(0)
    noise = rng.normal(size=(300, 5))
    y = np.tile([0, 1], 150)
    tree = DecisionTreeClassifier(min_samples_leaf=3, random_state=0)
    result = evaluate(tree, noise, y, n_bootstraps=0)
    choice = choose_threshold(tree, noise, result, costs=(1, 1), n_bootstraps=0)
    in_sample = tree.fit(noise, y).predict(noise)
    assert (in_sample == y).mean() > 0.8
    both = choice.metrics["sensitivity"].estimate + choice.metrics["specificity"].estimate
    assert both == pytest.approx(1.0, abs=0.15)


def test_rules_on_known_rows():
    events = np.array([False, False, True, False, True, True])
    risk = np.array([0.1, 0.2, 0.3, 0.4, 0.5, 0.9])
    assert _for_sensitivity(events, risk, 1.0) == 0.3
    assert _for_sensitivity(events, risk, 0.6) == 0.5
    assert _for_sensitivity(events, risk, 1 / 3) == 0.9
    for costs in ((1, 1), (1, 10), (10, 1), (100, 1)):
        chosen = _for_costs(events, risk, *costs)
        totals = {
            t: costs[0] * np.sum((risk >= t) & ~events) + costs[1] * np.sum((risk < t) & events)
            for t in (*risk, 1.1)
        }
        paid = costs[0] * np.sum((risk >= chosen) & ~events)
        paid += costs[1] * np.sum((risk < chosen) & events)
        assert paid == min(totals.values())


def test_use_with_scikit_learn():
    choice = choose_threshold(MODEL, X, RESULT, costs=(1, 9), n_bootstraps=0)
    fixed = FixedThresholdClassifier(MODEL, threshold=choice.threshold).fit(X, Y)
    assert recall_score(Y, fixed.predict(X)) > 0.85


def test_groups_and_repeats():
    patients = np.arange(400) // 2
    grouped = evaluate(MODEL, X, Y, patients, n_bootstraps=0)
    assert choose_threshold(MODEL, X, grouped, sensitivity=0.9, n_bootstraps=20)
    cv = RepeatedStratifiedKFold(n_splits=3, n_repeats=2, random_state=0)
    repeated = evaluate(MODEL, X, Y, cv=cv, n_bootstraps=0)
    choice = choose_threshold(MODEL, X, repeated, sensitivity=0.9, n_bootstraps=0)
    assert len(choice.by_fold) == 6
    assert "in the folds); on rows that did not choose" in repr(choice)


@pytest.mark.parametrize("n_sites", [2, 4])
def test_sites_are_left_out_within_training_sites_too(n_sites):
    sites = np.arange(400) % n_sites
    result = evaluate(MODEL, X, Y, sites, cv="leave-one-site-out", n_bootstraps=0)
    choice = choose_threshold(MODEL, X, result, sensitivity=0.9, n_bootstraps=20)
    assert len(choice.by_fold) == n_sites
    if n_sites == 4:
        train = sites != 0
        inner = evaluate(
            MODEL, X[train], Y[train], sites[train], cv="leave-one-site-out", n_bootstraps=0
        )
        expected = _for_sensitivity(inner.outcome, inner.risk, 0.9)
        assert choice.by_fold.loc[0, "threshold"] == expected


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "both or neither"),
        ({"sensitivity": 0.9, "costs": (1, 1)}, "both or neither"),
        ({"sensitivity": 90}, "Got sensitivity=90"),
        ({"costs": (1, 0)}, r"Got costs=\(1, 0\)"),
        ({"sensitivity": 0.9, "X": X[:5]}, "5 rows of X"),
    ],
    ids=str,
)
def test_bad_rules_are_refused(options, message):
    rows = options.pop("X", X)
    with pytest.raises(ValueError, match=message):
        choose_threshold(MODEL, rows, RESULT, **options)


def test_external_results_have_nothing_to_choose_on():
    fitted = LogisticRegression().fit(X, Y)
    external = evaluate(fitted, X, Y, cv="external", n_bootstraps=0)
    with pytest.raises(ValueError, match="no training rows"):
        choose_threshold(fitted, X, external, sensitivity=0.9)
