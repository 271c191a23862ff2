"""The three tree libraries behind one face: how each is built, predicts, and ranks columns."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from inspect import signature
from typing import Any

import numpy as np
import numpy.typing as npt
from joblib import Parallel, delayed
from sklearn.ensemble import RandomForestClassifier

from cardiorisk._optional import require

__all__ = ["BACKENDS", "Backend", "Plan", "Settings", "check_backend_params", "settings_of"]

Floats = npt.NDArray[np.float64]

RESERVED = frozenset(
    "class_weight device device_type early_stopping_rounds n_jobs nthread num_threads "
    "random_state seed scale_pos_weight".split()
)
"""Keys that ``backend_params`` may not hold, because the classifier's own parameters set them."""

MANY_ROUNDS = 2000  # unless named, the most that early stopping may try


@dataclass(frozen=True)
class Settings:
    """The parameters that mean the same for every backend, with no None left."""

    n_estimators: int
    max_depth: int | None
    min_samples_leaf: int
    max_features: float | str
    max_samples: float

    @property
    def learning_rate(self) -> float:
        """Shrinkage of boosting: 0.02, and more where there are fewer than 300 rounds."""
        return float(np.clip(6 / self.n_estimators, 0.02, 0.3))

    def column_share(self, n_features: int) -> float:
        """Share of the columns that a split may choose from."""
        if isinstance(self.max_features, str):
            return max(1, int(np.sqrt(n_features))) / n_features
        return float(self.max_features)


@dataclass(frozen=True)
class Plan:
    """Everything that is needed to build one model."""

    settings: Settings
    extra: Mapping[str, Any]
    n_features: int
    n_classes: int
    device: str
    n_jobs: int
    seed: int
    verbose: int


@dataclass(frozen=True)
class Backend:
    """One tree library.

    Parameters
    ----------
    defaults : Settings
    dtypes : list of numpy dtypes
        What the library computes with; the first is the one to convert to.
    build : callable
        Plan -> unfitted scikit-learn style classifier of the library.
    predict_proba : callable
        (fitted model, X, n_jobs, device) -> float64 array of shape (n_samples, n_classes).
    importances : callable
        Fitted model -> unnormalised importance of each column.
    find_rounds : callable or None
        (plan, X, y, weights, train, validation, patience) -> number of boosting rounds at the
        smallest validation log loss. None for a forest, whose trees are independent.
    device_of : callable
        Fitted model -> "cpu" or "cuda", as the library itself reports it.
    """

    defaults: Settings
    dtypes: list[Any]
    build: Callable[[Plan], Any]
    predict_proba: Callable[[Any, npt.NDArray[Any], int, str], Floats]
    importances: Callable[[Any], Floats]
    find_rounds: Callable[..., int] | None
    device_of: Callable[[Any], str]


def _two_columns(probability: npt.NDArray[Any]) -> Floats:
    if probability.ndim == 2:
        return probability.astype(np.float64)
    both = np.empty((len(probability), 2))
    both[:, 1] = probability
    np.subtract(1.0, both[:, 1], out=both[:, 0])
    return both


def _build_forest(plan: Plan) -> RandomForestClassifier:
    settings = plan.settings
    parameters = {
        "n_estimators": settings.n_estimators,
        "max_depth": settings.max_depth,
        "min_samples_leaf": settings.min_samples_leaf,
        "max_features": settings.max_features,
        "max_samples": None if settings.max_samples == 1.0 else settings.max_samples,
        "n_jobs": plan.n_jobs,
        "random_state": plan.seed,
        "verbose": plan.verbose,
    }
    return RandomForestClassifier(**{**parameters, **plan.extra})


def _sum_of_trees(model: RandomForestClassifier, X: npt.NDArray[np.float32]) -> Floats:
    total = np.zeros((len(X), len(model.classes_)))
    for tree in model.estimators_:
        total += tree.tree_.predict(X)
    return total


def _predict_forest(model: Any, X: npt.NDArray[Any], n_jobs: int, device: str) -> Floats:
    # scikit-learn's own loop shares the trees between threads, so that its sums depend on their
    # number in the last digit; here the rows are shared.
    chunks = np.array_split(X, n_jobs) if 1 < n_jobs <= len(X) else [X]
    work = (delayed(_sum_of_trees)(model, chunk) for chunk in chunks)
    sums = Parallel(n_jobs=len(chunks), require="sharedmem")(work)
    return np.concatenate(sums) / len(model.estimators_)


def _build_xgboost(plan: Plan) -> Any:
    settings = plan.settings
    # The second derivative of the log loss is at most 1/4 a row (1/2 for softmax), so this
    # weight is reached by no fewer than min_samples_leaf rows.
    weight_per_row = 0.25 if plan.n_classes == 2 else 0.5
    parameters = {
        "n_estimators": settings.n_estimators,
        "max_depth": settings.max_depth,
        "min_child_weight": settings.min_samples_leaf * weight_per_row,
        "colsample_bynode": settings.column_share(plan.n_features),
        "subsample": settings.max_samples,
        "learning_rate": settings.learning_rate,
        "tree_method": "hist",
        "device": plan.device,
        "n_jobs": plan.n_jobs,
        "random_state": plan.seed,
        "verbosity": 1 + min(plan.verbose, 2),
    }
    return require("xgboost").XGBClassifier(**{**parameters, **plan.extra})


def _xgboost_rounds(
    plan: Plan,
    X: npt.NDArray[Any],
    y: npt.NDArray[np.intp],
    weights: Floats | None,
    train: npt.NDArray[np.intp],
    validation: npt.NDArray[np.intp],
    patience: int,
) -> int:
    model = _build_xgboost(plan).set_params(early_stopping_rounds=patience)
    model.fit(
        X[train],
        y[train],
        sample_weight=None if weights is None else weights[train],
        eval_set=[(X[validation], y[validation])],
        sample_weight_eval_set=None if weights is None else [weights[validation]],
        verbose=plan.verbose > 1,
    )
    return int(model.best_iteration) + 1


def _predict_xgboost(model: Any, X: npt.NDArray[Any], n_jobs: int, device: str) -> Floats:
    booster = model.get_booster()
    if device == "cpu":
        return _two_columns(booster.inplace_predict(X, validate_features=False))
    # inplace_predict on host memory would warn of a device mismatch on every call.
    matrix = require("xgboost").DMatrix(X, nthread=n_jobs)
    return _two_columns(booster.predict(matrix, validate_features=False))


def _xgboost_device(model: Any) -> str:
    config = json.loads(model.get_booster().save_config())
    return str(config["learner"]["generic_param"]["device"]).partition(":")[0]


def _build_lightgbm(plan: Plan) -> Any:
    settings = plan.settings
    depth = settings.max_depth or -1
    parameters = {
        "n_estimators": settings.n_estimators,
        "max_depth": depth,
        "num_leaves": 31 if depth < 0 else 2 ** min(depth, 12),
        "min_child_samples": settings.min_samples_leaf,
        "feature_fraction_bynode": settings.column_share(plan.n_features),
        "subsample": settings.max_samples,
        "subsample_freq": 1 if settings.max_samples < 1 else 0,
        "learning_rate": settings.learning_rate,
        # Together these make the sums, and so the trees, independent of the number of threads.
        "deterministic": True,
        "force_row_wise": True,
        "n_jobs": plan.n_jobs,
        "random_state": plan.seed,
        "verbosity": min(plan.verbose, 2) - 1,
    }
    return require("lightgbm").LGBMClassifier(**{**parameters, **plan.extra})


def _lightgbm_rounds(
    plan: Plan,
    X: npt.NDArray[Any],
    y: npt.NDArray[np.intp],
    weights: Floats | None,
    train: npt.NDArray[np.intp],
    validation: npt.NDArray[np.intp],
    patience: int,
) -> int:
    lightgbm = require("lightgbm")
    model = _build_lightgbm(plan)
    held_back: dict[str, Any] = {"eval_X": X[validation], "eval_y": y[validation]}
    if "eval_X" not in signature(model.fit).parameters:  # lightgbm < 4.7
        held_back = {"eval_set": [(X[validation], y[validation])]}
    model.fit(
        X[train],
        y[train],
        **held_back,
        sample_weight=None if weights is None else weights[train],
        eval_sample_weight=None if weights is None else [weights[validation]],
        callbacks=[lightgbm.early_stopping(patience, verbose=plan.verbose > 1)],
    )
    return int(model.best_iteration_)


def _predict_lightgbm(model: Any, X: npt.NDArray[Any], n_jobs: int, device: str) -> Floats:
    return _two_columns(model.booster_.predict(X, num_threads=n_jobs))


BACKENDS: dict[str, Backend] = {
    "forest": Backend(
        defaults=Settings(500, None, 3, "sqrt", 1.0),
        dtypes=[np.float32],
        build=_build_forest,
        predict_proba=_predict_forest,
        importances=lambda model: model.feature_importances_,
        find_rounds=None,
        device_of=lambda model: "cpu",
    ),
    "xgboost": Backend(
        defaults=Settings(500, 2, 12, 0.3, 0.5),
        dtypes=[np.float32],
        build=_build_xgboost,
        predict_proba=_predict_xgboost,
        importances=lambda model: model.feature_importances_.astype(np.float64),
        find_rounds=_xgboost_rounds,
        device_of=_xgboost_device,
    ),
    "lightgbm": Backend(
        defaults=Settings(500, 2, 12, 0.3, 0.5),
        dtypes=[np.float64, np.float32],
        build=_build_lightgbm,
        predict_proba=_predict_lightgbm,
        importances=lambda model: model.booster_.feature_importance("gain"),
        find_rounds=_lightgbm_rounds,
        device_of=lambda model: "cpu",
    ),
}


def settings_of(estimator: Any) -> Settings:
    """Return the common parameters of a classifier, the backend's default for each None."""
    defaults = BACKENDS[estimator.backend].defaults
    if estimator.early_stopping:
        defaults = replace(defaults, n_estimators=MANY_ROUNDS)
    given = {field.name: getattr(estimator, field.name) for field in fields(defaults)}
    return replace(defaults, **{name: v for name, v in given.items() if v is not None})


def check_backend_params(backend: str, params: Any) -> None:
    """Refuse what is no dict, or names what the classifier's own parameters set.

    For the ensemble ``params`` is a dict of such dicts, one a member.
    """
    if not isinstance(params, Mapping):
        raise ValueError(f"Got backend_params={params!r}, but expected a dict.")
    if backend == "ensemble":
        if unknown := sorted(set(params) - set(BACKENDS)):
            raise ValueError(
                f"Got backend_params for {', '.join(unknown)}, but the ensemble's members are "
                f"{', '.join(BACKENDS)}; expected one dict a member."
            )
        for name, member_params in params.items():
            check_backend_params(name, member_params)
    elif reserved := sorted(RESERVED & set(params)):
        raise ValueError(
            f"Got {', '.join(reserved)} in backend_params, but expected it as a parameter of "
            "CardioForestClassifier itself (device, n_jobs, random_state, class_weight, "
            "early_stopping)."
        )
