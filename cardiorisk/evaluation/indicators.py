"""Several labels a row: what a valid table of them is, and how likely a model finds each."""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.sparse import issparse

__all__ = ["Labels", "check_labels", "label_strata", "presence_probability"]


class Labels(NamedTuple):
    """A table of labels.

    Parameters
    ----------
    names : ndarray of shape (n_labels,)
        Column names of a DataFrame, otherwise 0, 1, ...
    classes : list of ndarray, each of shape (2,)
        The value of each label where it is absent and where it is present.
    present : ndarray of bool, shape (n, n_labels)
    """

    names: npt.NDArray[Any]
    classes: list[npt.NDArray[Any]]
    present: npt.NDArray[np.bool_]


def check_labels(y: Any, known: list[npt.NDArray[Any]] | None = None) -> Labels:
    """Read a table with one column a label, or raise ValueError.

    Parameters
    ----------
    y : DataFrame, sparse matrix or array-like of shape (n, n_labels)
        Two values a column, usually 0 and 1; the larger says that the label is present.
    known : list of ndarray, optional
        Classes of each label at fit; then other values are refused.

    Returns
    -------
    Labels

    Examples
    --------
    >>> check_labels([[0, 1], [1, 1]]).present
    array([[False,  True],
           [ True,  True]])
    """
    names = np.asarray(y.columns) if isinstance(y, pd.DataFrame) else None
    table = y.toarray() if issparse(y) else np.asarray(y)
    if table.ndim != 2 or 0 in table.shape:
        raise ValueError(
            f"Got y of shape {table.shape}, but expected (n, n_labels) with one column a label."
        )
    if pd.isna(table).any():
        raise ValueError("Got y with missing entries; each label must be absent or present.")
    if known is not None and len(known) != table.shape[1]:
        raise ValueError(f"Got y with {table.shape[1]} labels, but expected {len(known)}.")
    names = np.arange(table.shape[1]) if names is None else names
    classes = [
        _two_values(column, name, None if known is None else known[position])
        for position, (column, name) in enumerate(zip(table.T, names, strict=True))
    ]
    present = np.column_stack(
        [column == pair[1] for column, pair in zip(table.T, classes, strict=True)]
    )
    return Labels(names, classes, present)


def _two_values(
    column: npt.NDArray[Any], name: Any, known: npt.NDArray[Any] | None
) -> npt.NDArray[Any]:
    found = np.unique(column)
    expected = np.array([0, 1], column.dtype if column.dtype.kind in "biuf" else int)
    if known is None and len(found) < 2:
        known = expected
    if known is None and len(found) == 2:
        return found
    if known is None or not np.isin(found, known).all():
        raise ValueError(
            f"Got {found.tolist()[:5]} in label {name}, but expected two values, "
            f"{(expected if known is None else known).tolist()}."
        )
    return known


def presence_probability(model: Any, X: Any, n_labels: int) -> npt.NDArray[np.float64]:
    """Probability that each label is present, from whatever form ``predict_proba`` returns.

    Parameters
    ----------
    model : fitted multi-label classifier
        Returns a list with one array (n, 2) a label, as
        :class:`sklearn.multioutput.MultiOutputClassifier` and forests do, or an array
        (n, n_labels), as :class:`sklearn.multiclass.OneVsRestClassifier` does, or
        (n, n_labels, 2). A label that was constant in training may have one column only.
    X : as in fit
    n_labels : int

    Returns
    -------
    ndarray of shape (n, n_labels)
    """
    found = model.predict_proba(X)
    if isinstance(found, list):
        classes = getattr(model, "classes_", [[0, 1]] * len(found))
        if len(found) == 1 and np.ndim(classes) == 1:
            classes = [classes]
        columns = [
            _column_of_presence(np.asarray(one, float), seen)
            for one, seen in zip(found, classes, strict=True)
        ]
        table = np.column_stack(columns)
    else:
        table = np.asarray(found, dtype=float)
        if table.ndim == 3 and table.shape[2] == 2:
            table = table[:, :, 1]
        elif n_labels == 1 and table.ndim == 2 and table.shape[1] == 2:
            table = table[:, [1]]
    if table.ndim != 2 or table.shape[1] != n_labels:
        raise ValueError(
            f"Got probabilities of shape {table.shape} from {type(model).__name__}, but expected "
            f"(n, {n_labels}), or a list with an array for each of {n_labels} labels."
        )
    if not np.isfinite(table).all():
        rows = int((~np.isfinite(table)).any(axis=1).sum())
        raise ValueError(f"Got probabilities that are not finite for {rows} rows.")
    return table


def _column_of_presence(
    probability: npt.NDArray[np.float64], classes: Any
) -> npt.NDArray[np.float64]:
    if probability.shape[1] == 2:
        return probability[:, 1]
    return np.full(len(probability), float(np.asarray(classes)[0] == 1))


def label_strata(present: npt.NDArray[np.bool_], smallest: int = 2) -> npt.NDArray[np.intp]:
    """Put each row into the stratum of its rarest label, so that rare labels reach every part.

    Parameters
    ----------
    present : ndarray of bool, shape (n, n_labels)
    smallest : int, default=2
        Smaller strata join the rows without a label, and these the largest stratum.

    Returns
    -------
    ndarray of int, shape (n,)
        Numbered from 0 without gaps.

    Examples
    --------
    >>> label_strata([[1, 0], [1, 0], [1, 1], [1, 1], [0, 0], [0, 0]])
    array([0, 0, 1, 1, 2, 2])
    """
    present = np.asarray(present, bool)
    n_labels = present.shape[1]
    strata = np.full(len(present), n_labels)
    for label in np.argsort(-present.sum(axis=0), kind="stable"):
        strata[present[:, label]] = label
    strata[np.bincount(strata, minlength=n_labels + 1)[strata] < smallest] = n_labels
    sizes = np.bincount(strata, minlength=n_labels + 1)
    if sizes[n_labels] < smallest:
        strata[strata == n_labels] = np.argmax(sizes)
    return np.asarray(np.unique(strata, return_inverse=True)[1], np.intp)
