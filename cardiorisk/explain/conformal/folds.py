"""Which rows train and which calibrate, and what the models say of rows they did not see."""

from inspect import signature
from numbers import Integral
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import (
    StratifiedGroupKFold,
    StratifiedKFold,
    check_cv,
    train_test_split,
)
from sklearn.pipeline import Pipeline
from sklearn.utils import _safe_indexing
from sklearn.utils.metadata_routing import _routing_enabled, process_routing
from sklearn.utils.parallel import Parallel, delayed
from sklearn.utils.validation import _check_method_params

from cardiorisk.explain.conformal.scores import calibration_scores
from cardiorisk.explain.conformal.sets import Calibration

__all__ = [
    "MAX_SPLIT_PARTS",
    "Fold",
    "aligned_probability",
    "calibrate",
    "check_probabilistic",
    "choose_folds",
    "fit_folds",
    "out_of_fold",
    "routed_fit_params",
]

Fold = tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]

MAX_SPLIT_PARTS = 20  # patients are dealt into this many parts, so the share kept is within 5 %


def choose_folds(
    estimator: Any,
    cv: Any,
    size: float,
    X: Any,
    codes: npt.NDArray[np.intp],
    classes: npt.NDArray[Any],
    patients: npt.NDArray[Any] | None,
    seed: int,
) -> list[Fold]:
    """Rows that train and rows that calibrate; every row calibrates a frozen model."""
    if isinstance(estimator, FrozenEstimator):
        if cv is not None:
            raise ValueError("Got a cv and a FrozenEstimator, which cannot be fitted again.")
        return [(np.empty(0, np.intp), np.arange(len(codes)))]
    if cv is None:
        return [split_once(codes, classes, patients, size, seed)]
    return split_often(cv, X, codes, patients, seed)


def split_once(
    codes: npt.NDArray[np.intp],
    classes: npt.NDArray[Any],
    patients: npt.NDArray[Any] | None,
    size: float,
    seed: int,
) -> Fold:
    """Rows to train on and rows to calibrate on, stratified, patients whole."""
    _check_divisible(codes, classes)
    rows = np.arange(len(codes))
    if patients is None:
        # A row of each class on both sides, also where size times a few rows is less than that.
        n_kept = int(np.clip(np.ceil(size * len(rows)), len(classes), len(rows) - len(classes)))
        train, calibrate = train_test_split(
            rows, test_size=n_kept, stratify=codes, random_state=seed
        )
        return np.sort(train), np.sort(calibrate)
    n_parts = min(MAX_SPLIT_PARTS, len(np.unique(patients)), int(np.bincount(codes).min()))
    if n_parts < 2:
        raise ValueError(
            "Got groups that cannot be divided: at least two groups, and two rows in every "
            "class, are needed to keep some for calibration."
        )
    parts = StratifiedGroupKFold(n_parts, shuffle=True, random_state=seed)
    n_kept = min(max(1, round(size * n_parts)), n_parts - 1)
    kept = [test for _, test in parts.split(rows, codes, patients)][:n_kept]
    calibrate = np.sort(np.concatenate(kept))
    return np.setdiff1d(rows, calibrate), calibrate


def _check_divisible(codes: npt.NDArray[np.intp], classes: npt.NDArray[Any]) -> None:
    counts = np.bincount(codes, minlength=len(classes))
    if counts.min() < 2:
        found = ", ".join(f"class {name}: {n}" for name, n in zip(classes, counts, strict=True))
        raise ValueError(
            f"Got {len(codes)} rows ({found}), but a split needs at least 2 rows of each class, "
            "one to train and one to calibrate, and many more for sets that exclude a class: of "
            "each class 1 / alpha - 1 rows must calibrate. Calibrate a fitted model in "
            "FrozenEstimator where rows are few."
        )


def split_often(
    cv: Any, X: Any, codes: npt.NDArray[np.intp], patients: npt.NDArray[Any] | None, seed: int
) -> list[Fold]:
    """Folds of a cross-validation in which no row is tested twice."""
    if isinstance(cv, Integral):
        splitter = StratifiedKFold if patients is None else StratifiedGroupKFold
        cv = splitter(int(cv), shuffle=True, random_state=seed)
    checked = check_cv(cv, codes, classifier=True)
    folds = [(np.asarray(a), np.asarray(b)) for a, b in checked.split(X, codes, patients)]
    tested = np.bincount(np.concatenate([test for _, test in folds]), minlength=len(codes))
    if tested.max() > 1:
        raise ValueError(
            f"Got a cv that tests {np.sum(tested > 1)} rows more than once; each row may "
            "calibrate only one model."
        )
    return folds


def fit_folds(
    estimator: Any,
    X: Any,
    y: Any,
    folds: list[Fold],
    fit_params: dict[str, Any],
    n_jobs: int | None,
) -> list[Any]:
    """Fit a model a fold and, after these, one of all rows where there are several folds."""
    if isinstance(estimator, FrozenEstimator):
        return [estimator]
    rows = [train for train, _ in folds]
    if len(folds) > 1:
        rows.append(np.arange(len(y)))
    return list(
        Parallel(n_jobs=n_jobs)(
            delayed(fit_one)(estimator, X, y, part, fit_params) for part in rows
        )
    )


def fit_one(estimator: Any, X: Any, y: Any, rows: Any, fit_params: dict[str, Any]) -> Any:
    """Fit a clone on some rows, with the part of the fit parameters that belongs to them."""
    params = _check_method_params(X, fit_params, rows)
    return clone(estimator).fit(_safe_indexing(X, rows), _safe_indexing(y, rows), **params)


def aligned_probability(model: Any, X: Any, classes: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """Probability with one column a class; 0 for a class that the model never saw."""
    found = np.asarray(model.predict_proba(X), dtype=float)
    if not np.isfinite(found).all():
        rows = int((~np.isfinite(found)).any(axis=1).sum())
        raise ValueError(f"Got probabilities that are not finite for {rows} rows.")
    aligned = np.zeros((len(found), len(classes)))
    aligned[:, np.searchsorted(classes, model.classes_)] = found
    return aligned


def check_probabilistic(estimator: Any) -> None:
    """Raise TypeError unless the estimator gives probabilities."""
    if not hasattr(estimator, "predict_proba"):
        raise TypeError(
            f"Got {type(estimator).__name__}, which has no predict_proba; wrap it in "
            "sklearn.calibration.CalibratedClassifierCV."
        )


def routed_fit_params(owner: Any, sample_weight: Any, fit_params: dict[str, Any]) -> dict[str, Any]:
    """Fit parameters of ``owner.estimator``, by scikit-learn's metadata routing where it is on."""
    if _routing_enabled():
        given = fit_params | {"sample_weight": sample_weight}
        return dict(process_routing(owner, "fit", **given).estimator.fit)
    return _with_sample_weight(owner.estimator, sample_weight, fit_params)


def _with_sample_weight(
    estimator: Any, sample_weight: Any, fit_params: dict[str, Any]
) -> dict[str, Any]:
    """Add the weights to the fit parameters under the name that the estimator knows."""
    if sample_weight is None:
        return fit_params
    name = "sample_weight"
    while isinstance(estimator, Pipeline):
        step, estimator = estimator.steps[-1]
        name = f"{step}__{name}"
    if "sample_weight" not in signature(estimator.fit).parameters:
        raise TypeError(f"Got sample_weight, but {type(estimator).__name__}.fit has none.")
    return fit_params | {name: sample_weight}


def out_of_fold(
    models: list[Any], X: Any, folds: list[Fold], classes: npt.NDArray[Any]
) -> npt.NDArray[np.float64]:
    """Probability of the tested rows, fold after fold, each from the model of its fold."""
    return np.concatenate(
        [
            aligned_probability(model, _safe_indexing(X, test), classes)
            for model, (_, test) in zip(models, folds, strict=True)
        ]
    )


def calibrate(
    probability: npt.NDArray[np.float64],
    codes: npt.NDArray[np.intp],
    folds: list[Fold],
    taxonomy: npt.NDArray[Any] | None,
    conditional: str | None,
    method: str,
    alpha: float,
    seed: int,
) -> Calibration:
    """Score the tested rows, and note the class, group and fold of each."""
    tested = np.concatenate([test for _, test in folds])
    fold_of = np.repeat(np.arange(len(folds)), [len(test) for _, test in folds])
    found = calibration_scores(probability, codes[tested], method, alpha, seed)
    names, positions = np.empty(0), np.zeros(len(codes), np.intp)
    if taxonomy is not None:
        names, positions = np.unique(taxonomy, return_inverse=True)
    return Calibration(
        scores=found.scores,
        labels=codes[tested][found.rows],
        groups=positions[tested][found.rows],
        folds=fold_of[found.rows],
        group_names=names,
        by_class=conditional in ("class", "both"),
        by_group=conditional in ("group", "both"),
        method=method,
        alpha=alpha,
        penalty=found.penalty,
        free_rank=found.free_rank,
    )
