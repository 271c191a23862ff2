"""Prediction sets from calibration scores."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from cardiorisk.explain.conformal.scores import TOLERANCE

__all__ = ["Calibration", "label_calibrations", "prediction_sets", "required_rows"]


@dataclass(frozen=True, eq=False)
class Calibration:
    """The scores that prediction sets are cut from.

    Parameters
    ----------
    scores : ndarray of float, shape (n,)
        Conformity score of each calibration row's true label.
    labels : ndarray of int, shape (n,)
        Column of the true label.
    groups : ndarray of int, shape (n,)
        Position in ``group_names``; all 0 where sets do not depend on a group.
    folds : ndarray of int, shape (n,)
        Which model gave the score.
    group_names : ndarray of shape (n_groups,)
        Sorted names; empty where sets do not depend on a group.
    by_class, by_group : bool
        What a row is compared within.
    method : {"lac", "aps", "raps"}
    alpha : float
        Miscoverage.
    penalty, free_rank : float
        Of RAPS.
    """

    scores: npt.NDArray[np.float64]
    labels: npt.NDArray[np.intp]
    groups: npt.NDArray[np.intp]
    folds: npt.NDArray[np.intp]
    group_names: npt.NDArray[Any]
    by_class: bool
    by_group: bool
    method: str
    alpha: float
    penalty: float = 0.0
    free_rank: float = 0.0

    def cell(self, group: int, label: int) -> npt.NDArray[np.bool_]:
        """Tell which rows a new row of this group is compared with for this label."""
        same = np.ones(len(self.scores), bool)
        if self.by_class:
            same &= self.labels == label
        if self.by_group:
            same &= self.groups == group
        return same

    def positions(self, groups: npt.NDArray[Any]) -> npt.NDArray[np.intp]:
        """Position of each group in ``group_names``; -1 for one that was not calibrated."""
        known = {name: i for i, name in enumerate(self.group_names.tolist())}
        return np.array([known.get(name, -1) for name in groups.tolist()], np.intp)

    def small_cells(self, classes: npt.NDArray[Any]) -> list[str]:
        """Name the cells with too few rows to exclude a class, each with its number of rows."""
        small = []
        for group, name in enumerate(self.group_names if self.by_group else [None]):
            for label, class_name in enumerate(classes if self.by_class else [None]):
                n = int(self.cell(group, label).sum())
                words = [f"class {class_name}"] if self.by_class else []
                words += [f"group {name}"] if self.by_group else []
                if n < required_rows(self.alpha):
                    small.append(f"{' of '.join(words) or 'all'}: {n}")
        return small

    def __repr__(self) -> str:
        within = [name for name, on in (("class", self.by_class), ("group", self.by_group)) if on]
        return f"Calibration({len(self.scores)} rows, within {' and '.join(within) or 'all'})"


def label_calibrations(
    probability: npt.NDArray[np.float64],
    present: npt.NDArray[np.bool_],
    folds: npt.NDArray[np.intp],
    alpha: float,
) -> list[Calibration]:
    """Calibrate each label as a problem of two classes, absent and present, scored by LAC.

    Parameters
    ----------
    probability : ndarray of shape (n, n_labels)
        Of presence, from a model that did not see the row.
    present : ndarray of bool, shape (n, n_labels)
    folds : ndarray of int, shape (n,)
    alpha : float

    Returns
    -------
    list of Calibration, one a label
    """
    return [
        Calibration(
            scores=np.where(has, 1.0 - column, column),
            labels=has.astype(np.intp),
            groups=np.zeros(len(has), np.intp),
            folds=folds,
            group_names=np.empty(0),
            by_class=True,
            by_group=False,
            method="lac",
            alpha=alpha,
        )
        for column, has in zip(probability.T, present.T, strict=True)
    ]


def required_rows(alpha: float) -> int:
    """Fewest calibration rows for which a set can exclude a label: 1 / alpha - 1, rounded up.

    Examples
    --------
    >>> required_rows(0.1), required_rows(0.05)
    (9, 19)
    """
    return int(np.ceil(1.0 / alpha - 1.0 - TOLERANCE))


def _order_statistic(n: int, alpha: float) -> int:
    # 0.9 * 70 is 63.00000000000001 in binary: without the tolerance it would round up to 64.
    return int(np.ceil((1.0 - alpha) * (n + 1) - TOLERANCE))


def prediction_sets(
    calibration: Calibration,
    scores: list[npt.NDArray[np.float64]],
    groups: npt.NDArray[np.intp],
) -> npt.NDArray[np.bool_]:
    """Cut the sets: a label stays where its p-value exceeds alpha.

    Parameters
    ----------
    calibration : Calibration
    scores : list of ndarray, shape (n, n_classes)
        Score of every label under the model of each fold; one for a split.
    groups : ndarray of int, shape (n,)
        Position in ``calibration.group_names``, -1 where unknown.

    Returns
    -------
    ndarray of bool, shape (n, n_classes)

    Notes
    -----
    A label stays if fewer than ``ceil((1 - alpha) (n + 1))`` of the n calibration rows of its cell
    are less strange than it, each judged by the model that did not see that row. With one model
    this is the usual split-conformal quantile; with several it is cross-conformal prediction
    (Vovk 2015, doi:10.1007/s10472-013-9368-4), also called CV+ (Barber et al. 2021,
    doi:10.1214/20-AOS1965). With fewer rows than :func:`required_rows` every label stays.
    """
    n_classes = scores[0].shape[1]
    sets = np.zeros((len(groups), n_classes), bool)
    for group in np.unique(groups):
        rows = np.flatnonzero(groups == group)
        for label in range(n_classes):
            cell = calibration.cell(int(group), label)
            below = np.zeros(len(rows), np.intp)
            for fold, of_fold in enumerate(scores):
                known = np.sort(calibration.scores[cell & (calibration.folds == fold)])
                below += np.searchsorted(known, of_fold[rows, label] - TOLERANCE, side="left")
            sets[rows, label] = below < _order_statistic(int(cell.sum()), calibration.alpha)
    return sets
