"""How well risks rank those with an event above those without, on many weightings at once."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

__all__ = ["Ranking", "auroc", "average_precision", "cumulative_counts", "rank"]

Floats = npt.NDArray[np.float64]


class Ranking(NamedTuple):
    """Rows in the order of falling risk, sorted once for all resamples.

    ``order`` (n,) are row positions, ``events`` (n,) the outcomes in that order as 0.0 or 1.0,
    ``ends`` the last position of each run of equal risks, or None if all risks differ.
    """

    order: npt.NDArray[np.intp]
    events: Floats
    ends: npt.NDArray[np.intp] | None


def rank(events: npt.NDArray[np.bool_], risk: Floats) -> Ranking:
    """Sort rows by falling risk and find the ties."""
    order = np.argsort(-risk, kind="stable")
    falls = np.diff(risk[order]) != 0
    ends = None if falls.all() else np.flatnonzero(np.append(falls, True))
    return Ranking(order, events[order].astype(np.float64), ends)


def cumulative_counts(ranking: Ranking, weights: Floats) -> tuple[Floats, Floats]:
    """Count true and false positives at every distinct risk, from the highest down.

    Parameters
    ----------
    ranking : Ranking
    weights : ndarray of shape (b, n)
        Row weights, one row a resample.

    Returns
    -------
    true_positives, false_positives : ndarray of shape (b, n_distinct)
    """
    ordered = weights.take(ranking.order, axis=1)
    flagged = np.cumsum(ordered, axis=1)
    np.multiply(ordered, ranking.events, out=ordered)
    true_positives = np.cumsum(ordered, axis=1, out=ordered)
    if ranking.ends is not None:
        flagged = flagged[:, ranking.ends]
        true_positives = true_positives[:, ranking.ends]
    return true_positives, np.subtract(flagged, true_positives, out=flagged)


def auroc(true_positives: Floats, false_positives: Floats) -> Floats:
    """Area under the ROC curve, a tie counted as half; NaN where a class is absent.

    Parameters
    ----------
    true_positives, false_positives : ndarray of shape (b, n_distinct)
        See :func:`cumulative_counts`.

    Returns
    -------
    auroc : ndarray of shape (b,)

    References
    ----------
    Hanley JA, McNeil BJ. Radiology 1982;143:29-36. doi:10.1148/radiology.143.1.7063747
    """
    steps = np.diff(false_positives, axis=1)
    heights = true_positives[:, 1:] + true_positives[:, :-1]
    first = true_positives[:, 0] * false_positives[:, 0]
    area = (first + np.einsum("ij,ij->i", steps, heights)) / 2
    pairs = true_positives[:, -1] * false_positives[:, -1]
    return np.divide(area, pairs, out=np.full_like(area, np.nan), where=pairs > 0)


def average_precision(true_positives: Floats, false_positives: Floats) -> Floats:
    """Area under the precision-recall curve as a step function; NaN without an event.

    Parameters
    ----------
    true_positives, false_positives : ndarray of shape (b, n_distinct)
        See :func:`cumulative_counts`.

    Returns
    -------
    average_precision : ndarray of shape (b,)

    References
    ----------
    Boyd K, Eng KH, Page CD. ECML PKDD 2013:451-466. doi:10.1007/978-3-642-40994-3_29
    """
    flagged = true_positives + false_positives
    np.maximum(flagged, 1e-300, out=flagged)  # nobody flagged yet: the step's height is 0
    precision = np.divide(true_positives, flagged, out=flagged)
    gains = np.diff(true_positives, axis=1, prepend=0.0)
    area = np.einsum("ij,ij->i", gains, precision)
    events = true_positives[:, -1]
    return np.divide(area, events, out=np.full_like(area, np.nan), where=events > 0)
