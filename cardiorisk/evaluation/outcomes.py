"""Labels and predicted risks in the one form that every measure here works on."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.utils.multiclass import type_of_target

from cardiorisk._validation import positive_index

__all__ = ["check_labels", "check_outcome", "check_probability"]


def check_labels(y: Any, least: int = 2) -> npt.NDArray[Any]:
    """Return labels as a flat array without missing entries and with at least two classes.

    Parameters
    ----------
    y : array-like of shape (n,)
        Numbers, booleans or strings, two or more classes.
    least : int, default=2
        Classes that must be there; 1 where a fitted model knows the others.

    Returns
    -------
    labels : ndarray of shape (n,)

    Raises
    ------
    ValueError
        The shape is wrong, an entry is missing, y is continuous, or there is only one class.
    """
    raw = np.asarray(y)
    if raw.ndim != 1:
        raise ValueError(f"Got y of shape {raw.shape}, but expected (n_rows,), one label a row.")
    if not len(raw):
        raise ValueError("Got y without rows, but expected the labels of two or more classes.")
    missing = np.asarray(pd.isna(list(y)))  # in the array of a list of strings, NaN is a word
    if missing.any():
        raise ValueError(
            f"Got y with {missing.sum()} missing entries (first in row {missing.argmax()}); "
            "remove these rows or find their labels."
        )
    # A pandas nullable column arrives as objects: back to numbers or booleans where it can be.
    labels = raw if raw.dtype != object else pd.Series(list(raw)).infer_objects().to_numpy()
    kind = type_of_target(labels, input_name="y")
    if kind not in ("binary", "multiclass"):
        raise ValueError(f"Got a {kind} y, but expected the labels of two or more classes.")
    if len(np.unique(labels)) < least:
        raise ValueError(
            f"Got y with the single class {labels.tolist()[0]!r}, but expected at least two."
        )
    return labels


def check_probability(probability: Any, n_rows: int) -> npt.NDArray[np.float64]:
    """Return risks as a flat float array within [0, 1], one a row.

    Raises
    ------
    ValueError
        The shape is wrong, or an entry is missing or not a probability.
    """
    risk = np.asarray(probability, dtype=np.float64)
    if risk.shape != (n_rows,):
        hint = "; pass one column of predict_proba, for example [:, 1]" if risk.ndim == 2 else ""
        raise ValueError(f"Got probability of shape {risk.shape}, but expected ({n_rows},){hint}.")
    if np.isnan(risk).any():
        raise ValueError(
            f"Got probability with {np.isnan(risk).sum()} missing entries; leave out rows that "
            "were never tested (for an EvaluationResult: those where tested is False)."
        )
    outside = (risk < 0) | (risk > 1)
    if outside.any():
        raise ValueError(
            f"Got probability {risk[outside][0]:g} in row {outside.argmax()}, but expected "
            "values from 0 to 1; convert scores or percentages first."
        )
    return risk


def check_outcome(
    y: Any, probability: Any, pos_label: Any = None
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.float64]]:
    """Return events and risks, shape (n,) each.

    Parameters
    ----------
    y : array-like of shape (n,)
        Labels.
    probability : array-like of shape (n,)
        Predicted probability of ``pos_label``.
    pos_label : object, optional
        The class that is an event. None takes the second of two classes.

    Returns
    -------
    events : ndarray of bool, shape (n,)
    risk : ndarray of float, shape (n,)

    Raises
    ------
    ValueError
        See :func:`check_labels` and :func:`check_probability`; or there are more than two
        classes and no ``pos_label``.
    """
    labels = check_labels(y)
    classes = np.unique(labels)
    if pos_label is None and len(classes) > 2:
        raise ValueError(f"Got classes {classes.tolist()} without pos_label; name the event.")
    events = labels == classes[positive_index(classes, pos_label)]
    return np.asarray(events), check_probability(probability, len(labels))
