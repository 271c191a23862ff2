"""How well each prototype ranks cases above controls, for many prototypes and outcomes."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.special import log_ndtr

__all__ = ["SortedColumns", "auroc_columns", "mann_whitney_columns", "sort_columns"]

Floats = npt.NDArray[np.float64]

BLOCK_ELEMENTS = 2**17


class SortedColumns(NamedTuple):
    """Columns sorted once for all outcomes.

    Parameters
    ----------
    order : ndarray of int32, shape (n_columns, n)
        Rows in the order of rising value.
    ends : list of (ndarray of int32 or None), one a column
        Position after the last of each run of equal values; None where all values differ.
    """

    order: npt.NDArray[np.int32]
    ends: list[npt.NDArray[np.int32] | None]


def sort_columns(columns: Floats) -> SortedColumns:
    """Sort each column, given as a row of ``columns`` (n_columns, n), and find its ties."""
    order = np.empty(columns.shape, np.int32)
    ends: list[npt.NDArray[np.int32] | None] = []
    for row, column in enumerate(columns):
        order[row] = np.argsort(column, kind="stable")
        rises = np.diff(column[order[row]]) != 0
        run_ends = np.flatnonzero(np.append(rises, True)) + 1
        ends.append(None if rises.all() else run_ends.astype(np.int32))
    return SortedColumns(order, ends)


class _Counts(NamedTuple):
    below: Floats  # pairs with the control below the case, a tie counted as half
    ties: Floats  # sum of t^3 - t over runs of t equal values


def _pairs(
    columns: SortedColumns, cases: npt.NDArray[np.bool_], controls: npt.NDArray[np.bool_]
) -> _Counts:
    n_columns, n_rows = columns.order.shape
    below, ties = np.zeros(n_columns), np.zeros(n_columns)
    size = max(1, BLOCK_ELEMENTS // n_rows)
    for start in range(0, n_columns, size):
        block = columns.order[start : start + size]
        is_case, is_control = cases[block], controls[block]
        lower = np.cumsum(is_control, axis=1, dtype=np.int32)
        below[start : start + size] = np.einsum("pi,pi->p", is_case, lower, dtype=np.float64)
        for row in range(len(block)):
            ends = columns.ends[start + row]
            if ends is not None:
                found = _pairs_of_ties(np.cumsum(is_case[row]), lower[row], ends)
                below[start + row], ties[start + row] = found
    return _Counts(below, ties)


def _pairs_of_ties(
    cases: npt.NDArray[np.intp], controls: npt.NDArray[np.int32], ends: npt.NDArray[np.int32]
) -> tuple[float, float]:
    """Pairs from running counts, where runs of equal values end at ``ends``."""
    in_run = np.diff(cases[ends - 1], prepend=0).astype(float)
    until = controls[ends - 1].astype(float)
    of_run = np.diff(until, prepend=0.0)
    size = in_run + of_run
    return float(in_run @ (until - of_run / 2)), float((size**3 - size).sum())


def auroc_columns(
    columns: SortedColumns, cases: npt.NDArray[np.bool_], controls: npt.NDArray[np.bool_]
) -> Floats:
    """Probability that a case has the larger value, a tie counted as half.

    Parameters
    ----------
    columns : SortedColumns
    cases, controls : ndarray of bool, shape (n,)
        Rows in neither are left out.

    Returns
    -------
    ndarray of shape (n_columns,)
        NaN without a case or a control.

    References
    ----------
    Hanley JA, McNeil BJ. Radiology 1982;143:29-36. doi:10.1148/radiology.143.1.7063747

    Examples
    --------
    >>> import numpy as np
    >>> columns = sort_columns(np.array([[1.0, 2.0, 3.0, 4.0], [1.0, 1.0, 1.0, 1.0]]))
    >>> sick = np.array([False, True, False, True])
    >>> auroc_columns(columns, sick, ~sick)
    array([0.75, 0.5 ])
    """
    pairs = float(cases.sum()) * float(controls.sum())
    if pairs == 0:
        return np.full(len(columns.order), np.nan)
    return _pairs(columns, cases, controls).below / pairs


def mann_whitney_columns(
    columns: SortedColumns, cases: npt.NDArray[np.bool_], controls: npt.NDArray[np.bool_]
) -> tuple[Floats, Floats, Floats]:
    """Mann-Whitney test of each column, by the normal approximation.

    Parameters
    ----------
    columns : SortedColumns
    cases, controls : ndarray of bool, shape (n,)

    Returns
    -------
    auroc, z, log_p : ndarray of shape (n_columns,)
        ``log_p`` is the natural logarithm of the two-sided p-value, with corrections for
        continuity and ties as in :func:`scipy.stats.mannwhitneyu`.

    References
    ----------
    Mann HB, Whitney DR. Ann Math Stat 1947;18:50-60. doi:10.1214/aoms/1177730491
    """
    n_cases, n_controls = float(cases.sum()), float(controls.sum())
    n, pairs = n_cases + n_controls, n_cases * n_controls
    found = _pairs(columns, cases, controls)
    variance = pairs / 12 * ((n + 1) - found.ties / (n * (n - 1)))
    distance = found.below - pairs / 2
    scale = np.sqrt(np.where(variance > 0, variance, np.nan))
    z = np.sign(distance) * (np.abs(distance) - 0.5) / scale
    log_p = np.minimum(np.log(2) + log_ndtr(-(np.abs(distance) - 0.5) / scale), 0.0)
    return found.below / pairs, z, log_p
