"""Limits of the gap between the proportions of two subgroups."""

import numpy as np

from cardiorisk.evaluation.intervals import Interval
from cardiorisk.evaluation.proportion_limits import Share, jeffreys

__all__ = ["gap_of_shares"]


def gap_of_shares(higher: Share, lower: Share, confidence: float = 0.95) -> Interval:
    """Put the limits of two proportions together to those of their difference.

    With few rows behind a proportion, a normal or bootstrap interval of the difference holds less
    than it promises; this one inherits the good behaviour of Jeffreys'.

    Parameters
    ----------
    higher, lower : Share
        Of the same cohort; where groups have rows in both, what they share is allowed for.
    confidence : float, default=0.95

    Returns
    -------
    gap : Interval
        ``higher`` less ``lower``.

    References
    ----------
    Newcombe RG. Stat Med 1998;17:873-890, method 10.
    doi:10.1002/(SICI)1097-0258(19980430)17:8<873::AID-SIM779>3.0.CO;2-I; with Jeffreys' limits:
    Laud PJ. Pharmaceutical Statistics 2017;16:334-348. doi:10.1002/pst.1813; correlated
    proportions: Zou GY, Donner A. Stat Med 2008;27:1693-1702. doi:10.1002/sim.3095

    Examples
    --------
    >>> from cardiorisk.evaluation.proportion_limits import share_of
    >>> first, second = np.repeat([True, False], [70, 80]), np.repeat([False, True], [70, 80])
    >>> hit = np.repeat([True, False, True, False], [56, 14, 48, 32])
    >>> print(f"{gap_of_shares(share_of(first, hit), share_of(second, hit)):.3f}")
    0.200 (0.054 to 0.336)
    """
    both = np.array([higher.value, lower.value])
    low, high = jeffreys(both, np.array([higher.n_effective, lower.n_effective]), confidence)
    sizes = [float(np.sqrt(share.errors @ share.errors)) for share in (higher, lower)]
    common = float(higher.errors @ lower.errors)
    correlation = common / (sizes[0] * sizes[1]) if common else 0.0

    def apart(first: float, second: float) -> float:
        return float(np.sqrt(max(first**2 + second**2 - 2 * correlation * first * second, 0.0)))

    gap = higher.value - lower.value
    down = apart(both[0] - low[0], high[1] - both[1])
    return Interval(gap, gap - down, gap + apart(high[0] - both[0], both[1] - low[1]))
