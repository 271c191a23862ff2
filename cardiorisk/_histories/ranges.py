"""Arithmetic on runs of neighbouring rows: gather them, cut them, search in them."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["count_until", "gather", "gather_indices", "offsets_of", "whole_run"]

CHUNK = 1 << 22  # entries gathered at a time

Ints = npt.NDArray[np.int64]


def offsets_of(lengths: npt.NDArray[Any]) -> Ints:
    """Where runs of these lengths begin, and where the last one ends.

    Examples
    --------
    >>> offsets_of(np.array([2, 0, 3])).tolist()
    [0, 2, 2, 5]
    """
    offsets = np.zeros(len(lengths) + 1, np.int64)
    np.cumsum(lengths, out=offsets[1:])
    return offsets


def gather_indices(starts: Ints, stops: Ints) -> Ints:
    """Positions of all runs ``[start, stop)``, one after the other.

    Examples
    --------
    >>> gather_indices(np.array([5, 0]), np.array([7, 3])).tolist()
    [5, 6, 0, 1, 2]
    """
    lengths = stops - starts
    offsets = offsets_of(lengths)
    indices = np.arange(offsets[-1], dtype=np.int64)
    indices += np.repeat(starts - offsets[:-1], lengths)
    return indices


def gather(columns: Sequence[npt.NDArray[Any]], starts: Ints, stops: Ints) -> list[Any]:
    """Entries of all runs ``[start, stop)`` of some columns, a bounded number at a time.

    Runs that follow each other are one view of the column.

    Examples
    --------
    >>> gather([np.arange(10)], np.array([5, 0]), np.array([7, 3]))[0].tolist()
    [5, 6, 0, 1, 2]
    """
    run = whole_run(starts, stops)
    if run is not None:
        return [column[run] for column in columns]
    offsets = offsets_of(stops - starts)
    taken = [np.empty(offsets[-1], column.dtype) for column in columns]
    first = 0
    while first < len(starts):
        reach = np.searchsorted(offsets, offsets[first] + CHUNK, side="right") - 1
        last = max(first + 1, int(reach))
        indices = gather_indices(starts[first:last], stops[first:last])
        for out, column in zip(taken, columns, strict=True):
            out[offsets[first] : offsets[last]] = column[indices]
        first = last
    return taken


def whole_run(starts: Ints, stops: Ints) -> slice | None:
    """Find the one slice that equals all runs in a row; None where they do not touch."""
    if not len(starts):
        return slice(0, 0)
    if np.array_equal(stops[:-1], starts[1:]):
        return slice(int(starts[0]), int(stops[-1]))
    return None


def count_until(
    values: npt.NDArray[Any], starts: Ints, stops: Ints, limits: npt.NDArray[Any]
) -> Ints:
    """Position behind the last value of each run that is not above the run's limit.

    Parameters
    ----------
    values : ndarray of shape (n,)
        Sorted within each run.
    starts, stops : ndarray of shape (n_runs,)
    limits : ndarray of shape (n_runs,)

    Returns
    -------
    ndarray of shape (n_runs,)
        Positions in ``values``, found by bisection of all runs at once.

    Examples
    --------
    >>> runs = np.array([0, 3]), np.array([3, 5])
    >>> count_until(np.array([1, 2, 9, 4, 5]), *runs, np.array([2, 3])).tolist()
    [2, 3]
    """
    low, high = starts.copy(), stops.copy()
    while len(open_runs := np.flatnonzero(low < high)):
        middle = (low[open_runs] + high[open_runs]) // 2
        inside = values[middle] <= limits[open_runs]
        low[open_runs[inside]] = middle[inside] + 1
        high[open_runs[~inside]] = middle[~inside]
    return low
