"""A classical model's opinion as further inputs, never of rows that it was trained on."""

from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import clone

from cardiorisk.estimators._inner_splits import calibration_folds
from cardiorisk.estimators.cardioforest import CardioForestClassifier

__all__ = ["fit_opinion", "opinion"]

Floats = npt.NDArray[np.float64]

N_FOLDS = 5


def fit_opinion(
    model: Any,
    X: npt.NDArray[Any],
    y: npt.NDArray[np.intp],
    sample_weight: Floats | None,
    groups: npt.NDArray[Any] | None,
    seed: int,
) -> tuple[Any, Floats]:
    """Train a model on all rows, and estimate what it would say of rows that it has not seen.

    Parameters
    ----------
    model : classifier or None
        None takes the package's gradient boosting.
    X : ndarray, shape (n, n_features)
    y : ndarray of int, shape (n,)
    sample_weight : ndarray or None
    groups : ndarray or None
        Whole groups are predicted together.
    seed : int

    Returns
    -------
    model : classifier
        Trained on all rows, for rows to come.
    columns : ndarray, shape (n, 1) or (n, n_classes)
        Out-of-fold probabilities of five folds.
    """
    if model is None:
        model = CardioForestClassifier(backend="xgboost", device="cpu", random_state=seed)
    weights = {} if sample_weight is None else {"sample_weight": sample_weight}
    columns = np.zeros((len(y), y.max() + 1))
    for train, test in calibration_folds(y, groups, N_FOLDS, seed):
        own = {name: values[train] for name, values in weights.items()}
        columns[test] = clone(model).fit(X[train], y[train], **own).predict_proba(X[test])
    return clone(model).fit(X, y, **weights), _shown(columns)


def opinion(model: Any, X: npt.NDArray[Any]) -> Floats:
    """Columns for rows that the model was not trained on."""
    return _shown(model.predict_proba(X))


def _shown(probability: Floats) -> Floats:
    """Of two classes the second says it all."""
    return probability[:, 1:] if probability.shape[1] == 2 else probability
