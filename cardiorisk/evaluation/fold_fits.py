"""Fit a clone on each training part and let it predict the test part."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import clone
from sklearn.pipeline import Pipeline
from sklearn.utils import _safe_indexing
from sklearn.utils.parallel import Parallel, delayed
from sklearn.utils.validation import _num_samples, has_fit_parameter

from cardiorisk._optional import require
from cardiorisk.evaluation.indicators import presence_probability
from cardiorisk.evaluation.protocols import Protocol

__all__ = ["class_probability", "label_probability", "predict_external", "run_folds"]

Predict = Callable[[Any, Any, npt.NDArray[Any]], npt.NDArray[np.float64]]


def class_probability(model: Any, X: Any, y_train: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """Probability of each class, shape (n, n_classes)."""
    probability = np.asarray(model.predict_proba(X), dtype=np.float64)
    expected = (_num_samples(X), len(np.unique(y_train)))
    if probability.shape != expected:
        raise ValueError(
            f"Got probabilities of shape {probability.shape} from {type(model).__name__}, but "
            f"expected {expected}."
        )
    return probability


def predict_external(
    model: Any, X: Any, y: npt.NDArray[Any], classes: npt.NDArray[Any] | None
) -> npt.NDArray[np.float64]:
    """Probabilities (n, k) of a model that came fitted; ``classes`` is None for labels."""
    _check_probabilistic(model)
    if classes is None:
        return _checked(model, label_probability(model, X, y))
    return _checked(model, class_probability(model, X, classes))


def label_probability(model: Any, X: Any, y_train: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """Probability that each label is present, shape (n, n_labels)."""
    return presence_probability(model, X, y_train.shape[1])


def _fit_arguments(
    model: Any, groups: npt.NDArray[Any] | None, sample_weight: Any
) -> dict[str, npt.NDArray[Any]]:
    """Name the arguments of fit that the model takes, each with one entry a row."""
    prefix, last = "", model
    while isinstance(last, Pipeline):
        name, last = last.steps[-1]
        prefix += f"{name}__"
    arguments = {}
    if sample_weight is not None:
        if not has_fit_parameter(last, "sample_weight"):
            raise TypeError(
                f"Got sample_weight, but {type(last).__name__}.fit has no such parameter."
            )
        arguments[f"{prefix}sample_weight"] = np.asarray(sample_weight)
    if groups is not None and has_fit_parameter(last, "groups"):
        arguments[f"{prefix}groups"] = groups
    return arguments


def run_folds(
    model: Any,
    X: Any,
    y: npt.NDArray[Any],
    protocol: Protocol,
    groups: npt.NDArray[Any] | None,
    sample_weight: Any,
    return_models: bool,
    n_jobs: int | None,
    verbose: int,
    predict: Predict = class_probability,
) -> list[tuple[npt.NDArray[np.float64], Any]]:
    """Fit and predict every split.

    Parameters
    ----------
    model, X, y, groups, sample_weight, return_models, n_jobs, verbose
        See :func:`cardiorisk.evaluation.evaluate`.
    protocol : Protocol
    predict : callable
        Maps a fitted model, the rows to predict and the training labels to probabilities
        (n_test, k).

    Returns
    -------
    folds : list of (ndarray of shape (n_test, k), model or None)
    """
    if sample_weight is not None and np.shape(sample_weight) != y.shape[:1]:
        raise ValueError(
            f"Got sample_weight of shape {np.shape(sample_weight)}, but expected {y.shape[:1]}."
        )
    arguments = _fit_arguments(model, groups, sample_weight)
    jobs = Parallel(n_jobs=n_jobs, return_as="generator")(
        delayed(_fit_one)(clone(model), X, y, train, test, arguments, return_models, predict)
        for train, test in protocol.splits
    )
    if verbose > 0:
        jobs = require("tqdm").tqdm(jobs, total=len(protocol.splits), desc="folds")
    return list(jobs)


def _fit_one(
    model: Any,
    X: Any,
    y: npt.NDArray[Any],
    train: npt.NDArray[np.intp],
    test: npt.NDArray[np.intp],
    arguments: dict[str, npt.NDArray[Any]],
    keep: bool,
    predict: Predict,
) -> tuple[npt.NDArray[np.float64], Any]:
    """Fit on one training part; return probabilities (n_test, k) and the model if kept."""
    chosen = {name: values[train] for name, values in arguments.items()}
    model.fit(_safe_indexing(X, train), y[train], **chosen)
    _check_probabilistic(model)
    probability = predict(model, _safe_indexing(X, test), y[train])
    return _checked(model, probability), model if keep else None


def _check_probabilistic(model: Any) -> None:
    if not hasattr(model, "predict_proba"):
        raise TypeError(
            f"Got {type(model).__name__}, which has no predict_proba; wrap it in scikit-learn's "
            "CalibratedClassifierCV."
        )


def _checked(model: Any, probability: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    if not np.all((probability >= 0) & (probability <= 1 + 1e-6)):
        raise ValueError(
            f"Got predictions from {type(model).__name__} that are not probabilities (missing or "
            "outside 0 to 1)."
        )
    return np.minimum(probability, 1.0)
