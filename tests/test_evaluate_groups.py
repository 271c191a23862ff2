"""Patients, sites and weights in an evaluation."""

import numpy as np
import pytest
from sklearn.datasets import make_classification
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from spy_model import Spy

from cardiorisk.evaluation import evaluate
from cardiorisk.exceptions import LeakageWarning

X, Y = make_classification(240, 5, weights=[0.65], flip_y=0.15, random_state=0)
MODEL = make_pipeline(StandardScaler(), LogisticRegression())


def test_groups_stay_together_and_are_drawn_together():
    patients = np.repeat(np.arange(80), 3)
    result = evaluate(MODEL, X, Y, groups=patients, n_bootstraps=300)
    assert all(len(set(result.fold[0, patients == p])) == 1 for p in range(80))
    assert result.protocol.endswith("groups kept whole")
    assert "80 groups" in repr(result)


def test_copies_of_a_patient_do_not_shrink_the_interval():
    copies = np.repeat(np.arange(240), 4)
    folds = [(np.flatnonzero(copies % 2 != k), np.flatnonzero(copies % 2 == k)) for k in (0, 1)]
    once = [(np.flatnonzero(np.arange(240) % 2 != k), np.arange(k, 240, 2)) for k in (0, 1)]
    alone = evaluate(MODEL, X, Y, cv=once, n_bootstraps=1000)
    grouped = evaluate(MODEL, X[copies], Y[copies], groups=copies, cv=folds, n_bootstraps=1000)
    for name in ("brier", "observed_expected_ratio"):
        wide, narrow = grouped.metrics[name], alone.metrics[name]
        assert wide.high - wide.low == pytest.approx(narrow.high - narrow.low, rel=0.15)
    for part in ("sensitivity", "ppv"):
        pairs = [
            r.thresholds[f"{part}_high"] - r.thresholds[f"{part}_low"] for r in (alone, grouped)
        ]
        np.testing.assert_allclose(*pairs, rtol=0.2)


def test_delong_limits_of_the_auroc_are_near_those_of_the_bootstrap():
    drawn, delong = (
        evaluate(MODEL, X, Y, auroc_interval=how, n_bootstraps=1000)
        for how in ("bootstrap", "delong")
    )
    first, second = drawn.metrics["auroc"], delong.metrics["auroc"]
    assert first.estimate == pytest.approx(second.estimate, abs=1e-12)
    assert (first.low, first.high) == pytest.approx((second.low, second.high), abs=0.01)
    assert drawn.metrics["brier"] == delong.metrics["brier"]
    bare = evaluate(MODEL, X, Y, auroc_interval="delong", n_bootstraps=0)
    assert bare.metrics["auroc"] == second


def test_delong_limits_with_patients_and_sites():
    copies = np.repeat(np.arange(240), 3)
    folds = [(np.flatnonzero(copies % 2 != k), np.flatnonzero(copies % 2 == k)) for k in (0, 1)]
    options = {"auroc_interval": "delong", "n_bootstraps": 0}
    grouped = evaluate(MODEL, X[copies], Y[copies], copies, cv=folds, **options).metrics["auroc"]
    rows = evaluate(MODEL, X[copies], Y[copies], cv=folds, **options).metrics["auroc"]
    assert (rows.high - rows.low) * 3**0.5 == pytest.approx(grouped.high - grouped.low, rel=0.02)
    sites = evaluate(MODEL, X, Y, np.arange(240) % 3, cv="leave-one-site-out", **options)
    assert (sites.per_fold["auroc_low"] < sites.per_fold["auroc"]).all()


def test_few_groups_are_said():
    result = evaluate(MODEL, X, Y, groups=np.arange(240) % 8, n_bootstraps=10)
    assert any("Only 8 groups" in note for note in result.notes)


def test_weights_and_groups_reach_fit():
    weight, patients = np.arange(240.0), np.arange(240) // 2
    for model in (Spy(), make_pipeline(StandardScaler(), Spy())):
        result = evaluate(
            model, X, Y, patients, sample_weight=weight, n_bootstraps=0, return_models=True
        )
        spy = result.models[2] if isinstance(result.models[2], Spy) else result.models[2][-1]
        trained = result.fold[0] != 2
        np.testing.assert_array_equal(spy.seen_[1], Y[trained])
        np.testing.assert_array_equal(spy.seen_[2], weight[trained])
        np.testing.assert_array_equal(spy.seen_[3], patients[trained])


def test_groups_are_not_forced_on_a_model_without_them():
    evaluate(MODEL, X, Y, np.arange(240) // 2, n_bootstraps=0)


def test_weights_change_the_fit_but_not_the_count():
    weight = np.where(Y == 1, 10.0, 1.0)
    plain = evaluate(LogisticRegression(), X, Y, n_bootstraps=0)
    weighted = evaluate(LogisticRegression(), X, Y, sample_weight=weight, n_bootstraps=0)
    assert weighted.risk.mean() > plain.risk.mean() + 0.1
    ratio = weighted.metrics["observed_expected_ratio"].estimate
    assert ratio == pytest.approx(Y.mean() / weighted.risk.mean())


def test_weights_for_a_model_without_them_are_refused():
    with pytest.raises(TypeError, match=r"KNeighborsClassifier\.fit has no such parameter"):
        evaluate(KNeighborsClassifier(), X, Y, sample_weight=np.ones(240))


def test_sites_are_left_out_while_patients_are_drawn():
    sites, patients = np.arange(240) // 80, np.arange(240) // 2
    options = {"cv": "leave-one-site-out", "n_bootstraps": 300}
    both = evaluate(MODEL, X, Y, patients, sites=sites, **options)
    alone = evaluate(MODEL, X, Y, sites=sites, **options)
    named = evaluate(MODEL, X, Y, groups=sites, **options)
    assert both.per_fold["held_out"].tolist() == ["0", "1", "2"]
    assert not both.by_site
    np.testing.assert_array_equal(both.patients, patients)
    np.testing.assert_array_equal(both.risk, named.risk)
    assert (both.per_fold["brier_low"] < both.per_fold["brier"]).all()
    assert alone.by_site
    assert alone.metrics == named.metrics


def test_a_patient_at_two_sites_is_refused_where_sites_are_left_out():
    sites, patients = np.arange(240) // 80, np.arange(240) % 100
    with pytest.raises(ValueError, match="groups in training and in test"):
        evaluate(MODEL, X, Y, patients, "leave-one-site-out", sites=sites, n_bootstraps=0)


def test_sites_reach_the_guards():
    sites = np.where(Y == 1, "sick house", "well house")
    sites[::9] = "well house"
    with pytest.warns(LeakageWarning, match="Sites differ in outcome"):
        evaluate(MODEL, X, Y, sites=sites, n_bootstraps=0)
