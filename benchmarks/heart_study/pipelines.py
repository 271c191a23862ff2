"""A pipeline that knows what its fit cost and how many numbers it learned."""

import time
from typing import Any, Self

import numpy as np
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from cardiorisk.features import ClinicalTable

ZERO_IS_MISSING = ("Cholesterol", "RestingBP")
INNER_FOLDS = 5


class TimedPipeline(Pipeline):
    """Pipeline with ``cpu_seconds_``, the CPU time of its last fit."""

    def fit(self, X: Any, y: Any = None, **params: Any) -> Self:
        """Fit, and keep the CPU time."""
        start = time.process_time()
        super().fit(X, y, **params)
        self.cpu_seconds_ = time.process_time() - start
        return self


def prepared(model: Any) -> TimedPipeline:
    """Put the whole preparation in front of a model, so that each fold prepares itself."""
    return TimedPipeline(
        [
            ("table", ClinicalTable(zero_as_missing=ZERO_IS_MISSING, impute="median")),
            ("scale", StandardScaler()),
            ("model", model),
        ]
    )


def tuned(model: Any, grid: dict[str, list[Any]] | None) -> Any:
    """Choose settings by log loss in folds of the training part; without a grid, none."""
    pipeline = model if isinstance(model, TimedPipeline) else prepared(model)
    if not grid:
        return pipeline
    named = {f"model__{name}": values for name, values in grid.items()}
    inner = StratifiedKFold(INNER_FOLDS, shuffle=True, random_state=0)
    return GridSearchCV(pipeline, named, scoring="neg_log_loss", cv=inner)


def chosen(fitted: Any) -> TimedPipeline:
    """Return the pipeline that predicts: the refit of a search, or the pipeline itself."""
    return getattr(fitted, "best_estimator_", fitted)


def count_parameters(model: Any) -> tuple[int, str]:
    """Count what a fitted model learned, and name what was counted."""
    for attribute, what in (("n_parameters_", "weights"), ("weights_", "weights")):
        value = getattr(model, attribute, None)
        if value is not None:
            return _n_numbers(value), what
    if hasattr(model, "coefs_"):
        return sum(a.size for a in [*model.coefs_, *model.intercepts_]), "weights"
    if hasattr(model, "coef_"):
        return model.coef_.size + np.size(model.intercept_), "weights"
    if hasattr(model, "feature_log_prob_"):
        return model.feature_log_prob_.size + model.class_log_prior_.size, "weights"
    return _n_kept(model) or _n_leaves(model)


def _n_numbers(value: Any) -> int:
    if isinstance(value, dict):
        return sum(np.size(weights) for weights in value.values())
    return int(value)


def _n_kept(model: Any) -> tuple[int, str] | None:
    """Count the rows that neighbours and machines keep, and the Gaussians of QDA."""
    if hasattr(model, "_fit_X"):
        return len(model._fit_X), "kept rows"
    if hasattr(model, "calibrated_classifiers_"):
        machine = model.calibrated_classifiers_[0].estimator
        return int(machine.n_support_.sum()), "kept rows"
    if hasattr(model, "rotations_"):
        matrices = [len(mean) * (len(mean) + 1) // 2 for mean in model.means_]
        return model.means_.size + sum(matrices), "weights"
    return None


def _n_leaves(model: Any) -> tuple[int, str]:
    """Count leaves of one tree, a forest or a booster; 0 where nothing is known."""
    if hasattr(model, "get_n_leaves"):
        return int(model.get_n_leaves()), "leaves"
    if hasattr(model, "_predictors"):
        return sum(p.get_n_leaf_nodes() for stage in model._predictors for p in stage), "leaves"
    if hasattr(model, "get_leaf_values"):
        return len(model.get_leaf_values()), "leaves"
    if hasattr(model, "booster_"):
        return int((model.booster_.trees_to_dataframe()["left_child"].isna()).sum()), "leaves"
    if hasattr(model, "get_booster"):
        return int((model.get_booster().trees_to_dataframe()["Feature"] == "Leaf").sum()), "leaves"
    if hasattr(model, "term_scores_"):
        return sum(np.size(scores) for scores in model.term_scores_), "bins"
    trees = np.ravel(getattr(model, "estimators_", []))
    counts = [tree.get_n_leaves() for tree in trees if hasattr(tree, "get_n_leaves")]
    return int(sum(counts)), "leaves" if counts else ""
