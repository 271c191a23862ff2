"""Limits of proportions of rows, which may come in groups."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.special import betaincinv, stdtrit

__all__ = ["Share", "clopper_pearson", "jeffreys", "share_of"]

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Units = npt.NDArray[np.intp] | None

ROUNDING = 1e-12


class Share(NamedTuple):
    """A proportion, the independent rows that it is worth, and what each unit adds to its error."""

    value: float
    n_effective: float
    errors: Floats


def share_of(counted: Flags, hit: Flags, unit: Units = None, confidence: float = 0.95) -> Share:
    """Measure a proportion of rows that may come in groups.

    Parameters
    ----------
    counted : ndarray of bool, shape (n,)
        The rows in the denominator, one at least.
    hit : ndarray of bool, shape (n,)
        Those of them that are in the numerator.
    unit : ndarray of int, shape (n,), optional
        Position of each row's group, from 0 without gaps. None takes rows as independent.
    confidence : float, default=0.95
        Few groups are worth less, the more so the higher it is.

    Returns
    -------
    share : Share
        ``errors`` is (n,), or (n_groups,) with ``unit``. Where groups do not differ, as where the
        proportion is 0 or 1, nothing is seen of how alike their rows are, and a group counts as one
        row. The effective size is that of a normal interval, less what few groups cost.

    References
    ----------
    Effective sample size: Korn EL, Graubard BI. Survey Methodology 1998;24:193-201.

    Examples
    --------
    >>> everyone = np.ones(4, dtype=bool)
    >>> hit = np.array([True, True, False, False])
    >>> share_of(everyone, hit).n_effective
    4.0
    """
    n = int(counted.sum())
    value = float(hit[counted].mean())
    errors = np.where(counted, hit - value, 0.0) / n
    if unit is None:
        return Share(value, float(n), errors)
    m = len(np.unique(unit[counted]))
    by_group = np.asarray(np.bincount(unit, errors), dtype=np.float64)
    by_group[np.abs(by_group) < ROUNDING] = 0
    variance = float(by_group @ by_group) * m / max(m - 1, 1)
    spread = value * (1 - value)
    worth = min(float(n), spread / variance) if spread > 0 and variance > 0 else float(m)
    tail = (1 + confidence) / 2
    few = float(stdtrit(max(n - 1, 1), tail) / stdtrit(max(m - 1, 1), tail)) ** 2
    return Share(value, worth * few, by_group)


def jeffreys(value: Floats, n: Floats, confidence: float = 0.95) -> tuple[Floats, Floats]:
    """Limit proportions so that on average over them the promise is kept.

    The limits of Clopper and Pearson keep it for every proportion, and so hold more than promised
    for most; these are quantiles of the posterior under Jeffreys' prior.

    Parameters
    ----------
    value, n : ndarray of shape (k,)
        Proportions, and the rows behind each.
    confidence : float, default=0.95

    Returns
    -------
    low, high : ndarray of shape (k,)
        Where the proportion is 0, ``low`` is 0; where it is 1, ``high`` is 1.

    References
    ----------
    Brown LD, Cai TT, DasGupta A. Statistical Science 2001;16:101-133. doi:10.1214/ss/1009213286

    Examples
    --------
    >>> low, high = jeffreys(np.array([0.3]), np.array([20]))
    >>> print(f"{low[0]:.3f} to {high[0]:.3f}")
    0.136 to 0.517
    """
    k, rest, tail = value * n + 0.5, (1 - value) * n + 0.5, (1 - confidence) / 2
    low = np.where(value > 0, betaincinv(k, rest, tail), 0.0)
    return low, np.where(value < 1, betaincinv(k, rest, 1 - tail), 1.0)


def clopper_pearson(value: Floats, n: Floats, confidence: float = 0.95) -> tuple[Floats, Floats]:
    """Limit proportions of independent rows so that the promise is kept for each of them.

    Parameters and results are those of :func:`jeffreys`.

    References
    ----------
    Clopper CJ, Pearson ES. Biometrika 1934;26:404-413. doi:10.1093/biomet/26.4.404

    Examples
    --------
    >>> low, high = clopper_pearson(np.array([0.3]), np.array([20]))
    >>> print(f"{low[0]:.3f} to {high[0]:.3f}")
    0.119 to 0.543
    """
    k, rest, tail = value * n, (1 - value) * n, (1 - confidence) / 2
    low = np.where(value > 0, betaincinv(np.maximum(k, 0.5), rest + 1, tail), 0.0)
    high = betaincinv(k + 1, np.maximum(rest, 0.5), 1 - tail)
    return low, np.where(value < 1, high, 1.0)
