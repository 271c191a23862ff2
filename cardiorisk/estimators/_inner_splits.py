"""Splits inside ``fit``: stratified by class, and never through a group."""

from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold, StratifiedShuffleSplit

from cardiorisk.estimators._indicator_split import indicator_split

__all__ = ["Split", "calibration_folds", "early_stopping_split"]

Split = tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]


def _group_folds(
    y: npt.NDArray[np.intp], groups: npt.NDArray[Any], n_folds: int, seed: int, purpose: str
) -> list[Split]:
    n_groups = len(np.unique(groups))
    if n_groups < 2:
        raise ValueError(f"Got {n_groups} group, but {purpose} needs at least two to split.")
    n_folds = min(n_folds, n_groups, int(np.bincount(y).min()))
    if n_folds < 2:
        raise ValueError(f"Got a class with one row, but {purpose} needs two of each class.")
    splitter = StratifiedGroupKFold(n_folds, shuffle=True, random_state=seed)
    n_classes = len(np.unique(y))
    folds = [fold for fold in splitter.split(y, y, groups) if len(fold[1])]
    return [fold for fold in folds if len(np.unique(y[fold[0]])) == n_classes]


def early_stopping_split(
    y: npt.NDArray[np.intp], groups: npt.NDArray[Any] | None, fraction: float, seed: int
) -> Split:
    """Hold back about ``fraction`` of the rows, whole groups only.

    Parameters
    ----------
    y : ndarray of int, shape (n_samples,) or (n_samples, n_labels)
        Class indices, or 0 and 1 for several labels a row.
    groups : ndarray of shape (n_samples,) or None
    fraction : float
        Share of rows to hold back. With groups it is met as closely as the groups allow.
    seed : int

    Returns
    -------
    train, validation : ndarray of int
        Positions of rows.

    Raises
    ------
    ValueError
        No split keeps every class in the training part.
    """
    if y.ndim == 2:
        return indicator_split(y, groups, fraction, seed)
    if groups is None:
        splitter = StratifiedShuffleSplit(1, test_size=fraction, random_state=seed)
        return next(splitter.split(y, y))
    folds = _group_folds(y, groups, round(1 / fraction), seed, "early stopping")
    if not folds:
        raise ValueError("Got groups that hold a whole class each; early stopping cannot split.")
    return min(folds, key=lambda fold: abs(len(fold[1]) / len(y) - fraction))


def calibration_folds(
    y: npt.NDArray[np.intp], groups: npt.NDArray[Any] | None, n_folds: int, seed: int
) -> list[Split]:
    """Divide the rows into folds for out-of-fold predictions, whole groups only.

    Parameters
    ----------
    y : ndarray of int, shape (n_samples,)
        Class indices.
    groups : ndarray of shape (n_samples,) or None
    n_folds : int
        Fewer are made where a class has fewer rows, or there are fewer groups.
    seed : int

    Returns
    -------
    folds : list of (train, test)
        The test parts are a partition of the rows; every training part holds every class.

    Raises
    ------
    ValueError
        No such folds exist.
    """
    if groups is None:
        n_folds = min(n_folds, int(np.bincount(y).min()))
        if n_folds < 2:
            raise ValueError("Got a class with one row, but calibration needs two of each class.")
        splitter = StratifiedKFold(n_folds, shuffle=True, random_state=seed)
        return list(splitter.split(y, y))
    folds = _group_folds(y, groups, n_folds, seed, "calibration")
    if sum(len(test) for _, test in folds) < len(y):
        raise ValueError("Got groups that hold a whole class each; calibration cannot split.")
    return folds
