"""Limits of the gap between two proportions."""

import numpy as np

from cardiorisk.evaluation.intervals import Interval

__all__ = ["proportion_gap"]


def proportion_gap(higher: Interval, lower: Interval) -> Interval:
    """Put the limits of two proportions together to those of their difference.

    With few rows behind a proportion, a normal or bootstrap interval of the difference holds less
    than it promises; this one inherits the good behaviour of Wilson's.

    Parameters
    ----------
    higher, lower : Interval
        Wilson intervals of proportions of different rows.

    Returns
    -------
    gap : Interval
        ``higher`` less ``lower``.

    References
    ----------
    Newcombe RG. Stat Med 1998;17:873-890 (method 10).
    doi:10.1002/(SICI)1097-0258(19980430)17:8<873::AID-SIM779>3.0.CO;2-I

    Examples
    --------
    >>> print(f"{proportion_gap(Interval(0.7, 0.578, 0.799), Interval(0.6, 0.488, 0.703)):.3f}")
    0.100 (-0.060 to 0.249)
    """
    gap = higher.estimate - lower.estimate
    down = np.hypot(higher.estimate - higher.low, lower.high - lower.estimate)
    up = np.hypot(higher.high - higher.estimate, lower.estimate - lower.low)
    return Interval(gap, float(gap - down), float(gap + up))
