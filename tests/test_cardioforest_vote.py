"""Early stopping, inner folds and the vote of calibrated members."""

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import minimize
from scipy.special import expit, logit
from sklearn.datasets import make_classification
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from small_forests import BOOSTERS, small  # cancer is a fixture

from cardiorisk.estimators import _tree_backends
from cardiorisk.estimators._inner_splits import calibration_folds, early_stopping_split
from cardiorisk.estimators._vote import platt_curve


@pytest.mark.parametrize("backend", BOOSTERS)
def test_early_stopping_holds_back_whole_groups_then_uses_all_rows(backend, cancer, monkeypatch):
    X, y, new, truth = cancer
    groups = np.arange(len(y)) // 5
    seen = []

    def spy(*arguments):
        split = early_stopping_split(*arguments)
        seen.append(split)
        return split

    monkeypatch.setattr("cardiorisk.estimators.cardioforest.early_stopping_split", spy)
    parameters = {"early_stopping": True, "backend_params": {"learning_rate": 0.3}}
    model = small(backend, n_estimators=None, **parameters).fit(X, y, groups=groups)
    ((train, validation),) = seen
    assert not set(groups[train]) & set(groups[validation])
    assert 0.05 < len(validation) / len(y) < 0.15
    assert 1 <= model.best_iteration_ < _tree_backends.MANY_ROUNDS
    assert model.score(new, truth) > 0.9
    plain = small(
        backend, n_estimators=model.best_iteration_, backend_params={"learning_rate": 0.3}
    )
    np.testing.assert_array_equal(plain.fit(X, y).predict_proba(new), model.predict_proba(new))
    again = model.set_params(early_stopping=False, n_estimators=2).fit(X, y)
    assert not hasattr(again, "best_iteration_")


@pytest.mark.parametrize("backend", BOOSTERS)
def test_early_stopping_finds_the_smallest_validation_loss(backend):
    X, y = make_classification(400, 10, flip_y=0.3, random_state=0)
    weights = np.random.default_rng(0).choice([0.02, 5.0], 400)
    parameters = {"backend_params": {"learning_rate": 0.3}, "n_iter_no_change": 15}
    model = small(backend, n_estimators=100, early_stopping=True, **parameters)
    rounds = model.fit(X, y, sample_weight=weights).best_iteration_
    assert rounds < 100
    train, validation = early_stopping_split(y, None, 0.1, 0)
    losses = []
    for n_estimators in range(1, rounds + 15):
        tried = small(backend, n_estimators=n_estimators, **parameters)
        tried.fit(X[train], y[train], sample_weight=weights[train])
        risk = tried.predict_proba(X[validation])
        losses.append(log_loss(y[validation], risk, sample_weight=weights[validation]))
    assert int(np.argmin(losses)) + 1 == rounds


def test_early_stopping_of_a_forest_is_an_error(cancer):
    X, y, _, _ = cancer
    with pytest.raises(ValueError, match="nothing to stop"):
        small("forest", early_stopping=True).fit(X, y)
    ensemble = small("ensemble", n_estimators=5, early_stopping=True).fit(X, y)
    members = {name: member.estimator for name, member in ensemble.model_.items()}
    assert [hasattr(m, "best_iteration_") for m in members.values()] == [False, True, True]


@pytest.mark.parametrize("split", [early_stopping_split, calibration_folds])
def test_groups_that_cannot_be_split_are_errors(split):
    y = np.repeat([0, 1], 10)
    size = 0.2 if split is early_stopping_split else 5
    with pytest.raises(ValueError, match="Got 1 group"):
        split(y, np.zeros(20), size, 0)
    with pytest.raises(ValueError, match="whole class each"):
        split(y, y, size, 0)


def test_calibration_folds_are_a_partition_of_whole_groups():
    rng = np.random.default_rng(0)
    groups, y = rng.integers(0, 12, 200), rng.integers(0, 3, 200)
    folds = calibration_folds(y, groups, 5, 0)
    assert len(folds) == 5
    assert sorted(np.concatenate([test for _, test in folds])) == list(range(200))
    for train, test in folds:
        assert not set(groups[train]) & set(groups[test])
        assert set(y[train]) == {0, 1, 2}


@pytest.mark.parametrize("n_groups", [2, 3])
def test_fewer_groups_than_inner_folds_give_fewer_folds(n_groups, cancer):
    X, y, _, _ = cancer
    groups = np.arange(len(y)) % n_groups
    folds = calibration_folds((y == 1).astype(np.intp), groups, 5, 0)
    assert len(folds) == n_groups
    _, held_back = early_stopping_split((y == 1).astype(np.intp), groups, 0.1, 0)
    assert len(set(groups[held_back])) == 1
    small("ensemble", n_estimators=2).fit(X, y, groups=groups)
    with pytest.raises(ValueError, match="groups with missing entries"):
        small("forest").fit(X, y, groups=pd.Series(groups, dtype=object).where(groups > 0))


def test_the_ensemble_calibrates_on_whole_groups(cancer, monkeypatch):
    X, y, _, _ = cancer
    groups = np.arange(len(y)) // 5
    seen = []

    def spy(*arguments):
        seen.extend(calibration_folds(*arguments))
        return seen

    monkeypatch.setattr("cardiorisk.estimators.cardioforest.calibration_folds", spy)
    small("ensemble", n_estimators=2).fit(X, y, groups=groups)
    assert len(seen) == 5
    for train, test in seen:
        assert not set(groups[train]) & set(groups[test])


def test_the_vote_is_the_mean_of_calibrated_members(cancer):
    X, y, new, _ = cancer
    model = small("ensemble", n_estimators=10).fit(X, y)
    votes = []
    for name, member in model.model_.items():
        bare = small(name, n_estimators=10).fit(X, y).predict_proba(new)[:, 1]
        slope, intercept = member.curves[0]
        bare = np.clip(bare, member.floor, 1 - member.floor)
        votes.append(expit(slope * logit(bare) + intercept))
    np.testing.assert_allclose(model.predict_proba(new)[:, 1], np.mean(votes, axis=0))
    assert "CalibratedMember" in repr(model.model_["forest"])


def test_curves_are_fitted_to_unseen_rows_with_their_weights(cancer):
    X, y, _, _ = cancer
    weights = np.random.default_rng(0).choice([0.1, 3.0], len(y))
    model = small("ensemble", n_estimators=5).fit(X, y, sample_weight=weights)
    unseen = np.zeros(len(y))
    for train, test in calibration_folds(y, None, 5, 0):
        member = small("lightgbm", n_estimators=5)
        member.fit(X[train], y[train], sample_weight=weights[train])
        unseen[test] = member.predict_proba(X[test])[:, 1]
    floor = 1 / (2 * len(y))
    expected = platt_curve(logit(np.clip(unseen, floor, 1 - floor)), y == 1, weights)
    np.testing.assert_allclose(model.model_["lightgbm"].curves, [expected])


def test_the_ensemble_is_better_calibrated_than_a_timid_member():
    X, y = make_classification(3000, 10, n_informative=5, random_state=0)
    parameters = {"n_estimators": 30, "max_samples": 0.1}
    forest = small("forest", **parameters).fit(X[:1500], y[:1500])
    slow = {"xgboost": {"learning_rate": 0.02}}
    ensemble = small("ensemble", **parameters, backend_params=slow).fit(X[:1500], y[:1500])
    raw = forest.predict_proba(X[1500:])
    assert ensemble.model_["xgboost"].curves[0, 0] > 1.5  # 30 slow rounds are far too cautious
    calibrated = ensemble.model_["forest"].predict_proba(X[1500:])
    assert log_loss(y[1500:], calibrated) < log_loss(y[1500:], raw)


@pytest.mark.parametrize("seed", range(3))
def test_platt_curve_agrees_with_a_general_optimiser(seed):
    rng = np.random.default_rng(seed)
    z = rng.normal(0, 3, 200)
    positive = rng.random(200) < expit(0.4 * z + 1)
    weights = rng.random(200) * 2
    n_positive, n_negative = weights[positive].sum(), weights[~positive].sum()
    target = np.where(positive, (n_positive + 1) / (n_positive + 2), 1 / (n_negative + 2))

    def loss(curve):
        margin = curve[0] * z + curve[1]
        return weights @ (np.logaddexp(0, margin) - target * margin)

    expected = minimize(loss, [1.0, 0.0], tol=1e-12).x
    np.testing.assert_allclose(platt_curve(z, positive, weights), expected, atol=1e-4)


def test_platt_curve_of_many_rows_is_logistic_regression():
    rng = np.random.default_rng(0)
    z = rng.normal(0, 2, 200_000)
    positive = rng.random(len(z)) < expit(1.3 * z - 0.5)
    reference = LogisticRegression(C=np.inf, tol=1e-8).fit(z[:, None], positive)
    expected = [reference.coef_[0, 0], reference.intercept_[0]]
    curve = platt_curve(z, positive, np.ones(len(z)))
    np.testing.assert_allclose(curve, expected, atol=2e-3)


def test_platt_curve_stays_finite_and_never_falls():
    z = np.array([-9.0, -8.0, 8.0, 9.0])
    ones = np.ones(4)
    separated = platt_curve(z, z > 0, ones)
    assert np.isfinite(separated).all()
    assert expit(separated @ [8.5, 1]) == pytest.approx(0.75, abs=0.02)  # (2 + 1) / (2 + 2)
    slope, intercept = platt_curve(z, z < 0, ones)
    assert slope == 0
    assert expit(intercept) == pytest.approx(0.5)
