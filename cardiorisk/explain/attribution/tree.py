"""Exact Shapley values of tree ensembles along the paths of their trees.

An unknown feature is averaged out with the training rows that reached each side of a split. The
boosters compute this themselves, scikit-learn's trees go through :mod:`.tree_shap`.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from joblib import Parallel, delayed
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import (
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.tree import DecisionTreeClassifier

from cardiorisk._optional import require
from cardiorisk.explain.attribution.routes import (
    Route,
    Terms,
    exact_route,
    register,
    register_lazily,
)
from cardiorisk.explain.attribution.tree_shap import Tree, tree_shap

__all__: list[str] = []

_TRAINING_ROWS = "the training rows of the trees"


@register(DecisionTreeClassifier)
def _single_tree_route(estimator: Any) -> Route:
    return _vote_route([estimator], None)


@register(ExtraTreesClassifier)
@register(RandomForestClassifier)
def _forest_route(estimator: Any) -> Route:
    return _vote_route(estimator.estimators_, estimator.n_jobs)


@register(GradientBoostingClassifier)
def _boosting_route(estimator: Any) -> Route | None:
    if not isinstance(estimator.init_, DummyClassifier):
        return None  # starts from a model of its own, which has contributions too

    def terms(Z: Any, background: Any) -> Terms:
        rows = np.asarray(Z, dtype=np.float32)
        per_class = [
            [_sklearn_tree(member.tree_, estimator.learning_rate) for member in members]
            for members in estimator.estimators_.T
        ]
        start = np.ravel(estimator._raw_predict_init(rows[:1]))
        return _margin_terms(per_class, rows, start, estimator.decision_function(Z))

    return Route("tree", "margin", terms, _TRAINING_ROWS)


@register(HistGradientBoostingClassifier)
def _histogram_boosting_route(estimator: Any) -> Route | None:
    if estimator.is_categorical_ is not None:
        return None  # splits on sets of categories

    def terms(Z: Any, background: Any) -> Terms:
        per_class = [
            [_histogram_tree(member.nodes) for member in members]
            for members in zip(*estimator._predictors, strict=True)
        ]
        start = np.ravel(estimator._baseline_prediction)
        rows = np.asarray(Z, dtype=np.float64)
        return _margin_terms(per_class, rows, start, estimator.decision_function(Z))

    return Route("tree", "margin", terms, _TRAINING_ROWS)


@register_lazily("xgboost", "XGBClassifier")
def _xgboost_route(estimator: Any) -> Route:
    def terms(Z: Any, background: Any) -> Terms:
        return _xgboost_terms(estimator, Z)

    return Route("tree", "margin", terms, _TRAINING_ROWS)


@register_lazily("lightgbm", "LGBMClassifier")
def _lightgbm_route(estimator: Any) -> Route:
    def terms(Z: Any, background: Any) -> Terms:
        return _lightgbm_terms(estimator, Z)

    return Route("tree", "margin", terms, _TRAINING_ROWS)


@register_lazily("cardiorisk.estimators.cardioforest", "CardioForestClassifier")
def _cardioforest_route(estimator: Any) -> Route | None:
    route = None if isinstance(estimator.model_, dict) else exact_route(estimator.model_)
    if route is None:
        return None

    def terms(Z: Any, background: Any) -> Terms:
        return route.terms(np.asarray(Z, dtype=float), background)  # trained without names

    return replace(route, terms=terms)


def _vote_route(members: list[Any], n_jobs: int | None) -> Route:
    def terms(Z: Any, background: Any) -> Terms:
        rows = np.asarray(Z, dtype=np.float32)  # as the trees compare them
        trees = [_sklearn_tree(member.tree_, 1 / len(members)) for member in members]
        if trees[0].value.shape[1] == 2:  # the first class is the mirror image
            trees = [replace(tree, value=tree.value[:, 1:]) for tree in trees]
        values, base_values = _sum_of_trees(trees, rows, n_jobs)
        if len(base_values) == 1:
            base_values = np.append(1 - base_values, base_values)
        return Terms(_two_signs(values), base_values)

    return Route("tree", "probability", terms, _TRAINING_ROWS)


def _sklearn_tree(tree: Any, scale: float) -> Tree:
    return Tree(
        left=tree.children_left,
        right=tree.children_right,
        feature=tree.feature,
        threshold=tree.threshold,
        missing_left=tree.missing_go_to_left.astype(bool),
        cover=tree.weighted_n_node_samples,
        value=np.ascontiguousarray(tree.value[:, 0]) * scale,
    )


def _histogram_tree(nodes: Any) -> Tree:
    inner = ~nodes["is_leaf"].astype(bool)
    return Tree(
        left=np.where(inner, nodes["left"].astype(np.intp), -1),
        right=np.where(inner, nodes["right"].astype(np.intp), -1),
        feature=nodes["feature_idx"].astype(np.intp),
        threshold=nodes["num_threshold"].astype(np.float64),
        missing_left=nodes["missing_go_to_left"].astype(bool),
        cover=nodes["count"].astype(np.float64),
        value=nodes["value"].astype(np.float64)[:, None],
    )


def _sum_of_trees(
    trees: Iterable[Tree], rows: npt.NDArray[Any], n_jobs: int | None
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Add up in the order of the trees, so that the sum does not depend on n_jobs."""
    trees = list(trees)
    values = np.zeros((*rows.shape, trees[0].value.shape[1]))
    parallel = Parallel(n_jobs=n_jobs, prefer="threads", return_as="generator")
    for contributions in parallel(delayed(tree_shap)(tree, rows) for tree in trees):
        values += contributions
    return values, np.sum([tree.expected_value for tree in trees], axis=0)


def _margin_terms(
    per_class: list[list[Tree]], rows: npt.NDArray[Any], start: Any, outputs: Any
) -> Terms:
    sums = [_sum_of_trees(trees, rows, None) for trees in per_class]
    return Terms(
        _two_signs(np.concatenate([values for values, _ in sums], axis=-1)),
        _two_signs(start + np.concatenate([base_values for _, base_values in sums])),
        _two_signs(np.reshape(outputs, (len(rows), -1))),
    )


def _xgboost_terms(estimator: Any, Z: Any) -> Terms:
    booster = estimator.get_booster()
    names = None if isinstance(Z, pd.DataFrame) else booster.feature_names
    matrix = require("xgboost").DMatrix(
        Z, missing=estimator.missing, feature_names=names, enable_categorical=True
    )
    best = booster.attr("best_iteration")
    trees = (0, 0) if best is None else (0, int(best) + 1)
    terms = booster.predict(matrix, pred_contribs=True, strict_shape=True, iteration_range=trees)
    outputs = booster.predict(matrix, output_margin=True, strict_shape=True, iteration_range=trees)
    values = np.swapaxes(terms.astype(float), 1, 2)  # (n, p + 1, 1 or n_classes)
    return Terms(
        _two_signs(values[:, :-1]), _two_signs(values[:, -1])[0], _two_signs(outputs.astype(float))
    )


def _lightgbm_terms(estimator: Any, Z: Any) -> Terms:
    booster = estimator.booster_
    terms = booster.predict(Z, pred_contrib=True)
    outputs = booster.predict(Z, raw_score=True).reshape(len(terms), -1)
    values = terms.reshape(len(terms), outputs.shape[1], -1).swapaxes(1, 2)
    return Terms(_two_signs(values[:, :-1]), _two_signs(values[:, -1])[0], _two_signs(outputs))


def _two_signs(margin: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """Give a binary model's single margin, on the last axis, one entry for each class."""
    margin = np.asarray(margin, dtype=float)
    return np.concatenate([-margin, margin], axis=-1) if margin.shape[-1] == 1 else margin
