"""Confidence limits of means of rows that come in groups, with their skewness allowed for."""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.special import stdtrit

__all__ = ["GroupedMeans", "grouped_means", "skewed_limits"]

Floats = npt.NDArray[np.float64]


class GroupedMeans(NamedTuple):
    """Means (k,), their standard errors and the skewness of what each unit adds to them."""

    mean: Floats
    error: Floats
    skewness: Floats
    n_units: int


def grouped_means(values: Floats, unit: npt.NDArray[np.intp] | None = None) -> GroupedMeans:
    """Average rows, with errors that take groups as the independent units.

    Parameters
    ----------
    values : ndarray of shape (n, k)
    unit : ndarray of int, shape (n,), optional
        Position of each row's group, from 0 without gaps. None takes rows as independent.

    Returns
    -------
    means : GroupedMeans
        Errors and skewness are NaN where there are fewer than two units.

    References
    ----------
    The mean of clusters of unequal size as a ratio: Cochran WG. Sampling Techniques, 3rd ed. 1977,
    section 9A.1 (ISBN 978-0-471-16240-7).

    Examples
    --------
    >>> grouped_means(np.array([[0.0], [1.0], [1.0], [0.0]])).error.round(3)
    array([0.289])
    """
    mean = values.mean(axis=0)
    shares = (values - mean) / len(values)
    if unit is not None:
        shares = np.stack([np.bincount(unit, column) for column in shares.T], axis=1)
    m = len(shares)
    missing = np.full(len(mean), np.nan)
    if m < 2:
        return GroupedMeans(mean, missing, missing, m)
    squares = (shares**2).sum(axis=0)
    cubes = (shares**3).sum(axis=0)
    spread = np.where(squares > 0, squares, np.nan)
    error = np.sqrt(squares * m / (m - 1))
    return GroupedMeans(mean, error, np.nan_to_num(np.sqrt(m) * cubes / spread**1.5), m)


def skewed_limits(means: GroupedMeans, confidence: float = 0.95) -> tuple[Floats, Floats]:
    """Limit means of skewed contributions by Hall's transformation of Student's t.

    Where a few large contributions decide, such as missed events among few, the plain interval
    misses the truth on one side much more often than on the other.

    Parameters
    ----------
    means : GroupedMeans
    confidence : float, default=0.95

    Returns
    -------
    low, high : ndarray of shape (k,)
        NaN where nothing varies: no variation was seen, which does not prove that there is none.

    References
    ----------
    Hall P. JRSS B 1992;54:221-228. doi:10.1111/j.2517-6161.1992.tb01876.x; in use: Zhou XH, Gao S.
    American Statistician 2000;54:100-104. doi:10.1080/00031305.2000.10474525

    Examples
    --------
    >>> low, high = skewed_limits(grouped_means(np.array([[0.0]] * 19 + [[1.0]])))
    >>> bool(0.05 - low[0] < high[0] - 0.05)
    True
    """
    m = means.n_units
    if m < 2:
        return means.error, means.error
    t = stdtrit(m - 1, (1 + confidence) / 2)
    error = np.where(means.error > 0, means.error, np.nan)
    asymmetry = means.skewness / np.sqrt(m)
    low = means.mean - error * _untransformed(t, asymmetry)
    return low, means.mean - error * _untransformed(-t, asymmetry)


def _untransformed(value: Any, asymmetry: Floats) -> Floats:
    """Undo ``g(T) = T + a T^2 / 3 + a^2 T^3 / 27 + a / 6``; T itself where a is 0."""
    a = np.where(np.abs(asymmetry) < 1e-6, np.nan, asymmetry)
    root = np.cbrt(1 + a * (value - a / 6))
    return np.where(np.isnan(a), value, 3 * (root - 1) / a)
