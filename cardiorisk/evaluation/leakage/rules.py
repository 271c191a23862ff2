"""The best rule of one or two thresholds on a column, for many columns at once."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["Step", "box_errors", "interval_errors", "level_errors", "step_at_best_cut"]

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]


def interval_errors(values: Floats, events: Bools) -> npt.NDArray[np.intp]:
    """Fewest mistakes of a rule "event where the value lies within (or outside) an interval".

    Parameters
    ----------
    values : ndarray of shape (n_rows, n_columns)
        NaN counts as one value of its own.
    events : ndarray of bool, shape (n_rows,)

    Returns
    -------
    errors : ndarray of int, shape (n_columns,)
        Of the best interval of each column; an interval may begin or end at infinity, so rules of
        one threshold are among them.
    """
    values = np.where(np.isnan(values), np.inf, values)
    order = np.argsort(values, axis=0, kind="stable")
    ranked = np.take_along_axis(values, order, axis=0)
    sign = np.where(events, 1.0, -1.0)[order]
    # Gain of taking the first k rows as events; a cut between equal values is no cut.
    gain = np.zeros((len(values) + 1, values.shape[1]))
    np.cumsum(sign, axis=0, out=gain[1:])
    is_cut = np.ones(gain.shape, dtype=bool)
    is_cut[1:-1] = ranked[1:] != ranked[:-1]
    n_events = int(events.sum())
    within = n_events - _best_difference(gain, is_cut)
    outside = len(events) - n_events - _best_difference(-gain, is_cut)
    return np.minimum(within, outside).round().astype(np.intp)


def _best_difference(gain: Floats, is_cut: Bools) -> Floats:
    """Largest gain between two cuts, the first before the second."""
    lowest = np.minimum.accumulate(np.where(is_cut, gain, np.inf), axis=0)
    rise = np.where(is_cut, gain, -np.inf) - lowest
    return np.asarray(rise.max(axis=0))


def level_errors(level: npt.NDArray[np.intp], events: Bools) -> int:
    """Fewest mistakes of a rule "event where the level is one of these".

    Parameters
    ----------
    level : ndarray of int, shape (n_rows,)
        From 0; missing is a level of its own.
    events : ndarray of bool, shape (n_rows,)

    Returns
    -------
    mistakes : int
    """
    rows, hits = np.bincount(level), np.bincount(level, weights=events)
    return int(np.minimum(hits, rows - hits).sum())


def box_errors(values: Floats, events: Bools, trim: float = 0.0) -> npt.NDArray[np.intp]:
    """Mistakes of the rules "event where two columns lie within their events' limits".

    Two thresholds joined by "and" are among them; joined by "or" they are the same rule on what
    is no event.

    Parameters
    ----------
    values : ndarray of shape (n_rows, n_columns)
        NaN lies outside.
    events : ndarray of bool, shape (n_rows,)
        At least one.
    trim : float, default=0.0
        Share of the events that each limit leaves outside.

    Returns
    -------
    mistakes : ndarray of int, shape (n_columns, n_columns)
    """
    low, high = _limits(values[events], trim)
    inside = ((values >= low) & (values <= high)).astype(np.float32)
    wrong = inside[~events].T @ inside[~events]
    right = inside[events].T @ inside[events]
    return np.asarray(np.round(wrong + events.sum() - right), dtype=np.intp)


def _limits(values: Floats, trim: float) -> tuple[Floats, Floats]:
    if not trim:
        missing = np.isnan(values)
        low = np.where(missing, np.inf, values).min(axis=0)
        return low, np.where(missing, -np.inf, values).max(axis=0)
    ranked = np.sort(values, axis=0)  # NaN last
    present = np.sum(~np.isnan(ranked), axis=0)
    cut = np.floor(trim * present).astype(np.intp)
    every = np.arange(values.shape[1])
    return ranked[cut, every], ranked[np.maximum(present - 1 - cut, 0), every]


@dataclass(frozen=True)
class Step:
    """How the share of events changes at the best threshold of a column.

    Parameters
    ----------
    threshold : float
        Between two values of the column.
    near : tuple of (int, int)
        Rows and events next to the threshold, below and above it: (n, events) each.
    far : tuple of (int, int)
        The same for the rows beyond those.
    """

    threshold: float
    near: tuple[tuple[int, int], tuple[int, int]]
    far: tuple[tuple[int, int], tuple[int, int]]


def step_at_best_cut(values: Floats, events: Bools, n_near: int) -> Step | None:
    """Find the threshold with fewest mistakes, and count events next to it.

    Parameters
    ----------
    values : ndarray of shape (n_rows,)
        Rows with NaN are left out.
    events : ndarray of bool, shape (n_rows,)
    n_near : int
        Rows on each side that count as near; more where values are equal.

    Returns
    -------
    step : Step or None
        None where fewer than ``2 * n_near`` rows lie on one side.
    """
    present = ~np.isnan(values)
    order = np.argsort(values[present], kind="stable")
    ranked, event = values[present][order], events[present][order].astype(np.intp)
    cuts = np.flatnonzero(ranked[1:] != ranked[:-1]) + 1
    if not len(cuts):
        return None
    below = np.concatenate([[0], np.cumsum(event)])
    mistakes = below[cuts] + (len(event) - cuts) - (below[-1] - below[cuts])
    best = int(cuts[np.argmax(np.abs(mistakes - len(event) / 2))])
    low = int(np.searchsorted(ranked, ranked[max(best - n_near, 0)], side="left"))
    high_value = ranked[min(best + n_near - 1, len(ranked) - 1)]
    high = int(np.searchsorted(ranked, high_value, side="right"))
    if low < n_near or len(ranked) - high < n_near:
        return None

    def count(start: int, stop: int) -> tuple[int, int]:
        return stop - start, int(below[stop] - below[start])

    return Step(
        float((ranked[best - 1] + ranked[best]) / 2),
        (count(low, best), count(best, high)),
        (count(0, low), count(high, len(ranked))),
    )
