"""Tests of two models on the rows that both predicted, the fitted models taken as they are."""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import stats
from scipy.special import ndtr, ndtri

from cardiorisk.evaluation.mean_limits import grouped_means, skewed_limits

__all__ = ["RowTest", "bootstrap_test", "mcnemar", "normal_test"]

Floats = npt.NDArray[np.float64]

ROUNDING = 1e-12  # differences of models that say the same


class RowTest(NamedTuple):
    """Difference with its limits, statistic and p-value."""

    difference: float
    low: float
    high: float
    statistic: float
    p: float


def normal_test(difference: float, variance: float, confidence: float = 0.95) -> RowTest:
    """Refer a difference to its standard error; without one, a difference has no limits."""
    if variance <= 0:  # the same predictions, or both perfect
        limit, p = (0.0, 1.0) if difference == 0 else (np.nan, np.nan)
        return RowTest(difference, limit, limit, np.nan, p)
    error = np.sqrt(variance)
    half, z = float(ndtri((1 + confidence) / 2) * error), float(difference / error)
    return RowTest(difference, difference - half, difference + half, z, float(2 * ndtr(-abs(z))))


def mcnemar(
    first: npt.NDArray[np.bool_],
    second: npt.NDArray[np.bool_],
    groups: npt.NDArray[Any] | None = None,
    *,
    mid_p: bool = True,
    confidence: float = 0.95,
) -> RowTest:
    """Compare two shares of rows that are correct, by the rows on which the models disagree.

    Parameters
    ----------
    first, second : ndarray of bool, shape (n,)
        Whether each model was right.
    groups : ndarray of shape (n,), optional
        The patient of each row: the test is then asymptotic, with sums by patient as units.
    mid_p : bool, default=True
        Whether half of the probability of the observed table is left out, which makes the exact
        test less conservative. Without effect where there are groups.
    confidence : float, default=0.95

    Returns
    -------
    test : RowTest
        The statistic is the number of rows that only the first model got right, or z where there
        are groups.

    References
    ----------
    McNemar Q. Psychometrika 1947;12:153-157. doi:10.1007/BF02295996; mid-p: Fagerland MW,
    Lydersen S, Laake P. BMC Med Res Methodol 2013;13:91. doi:10.1186/1471-2288-13-91; interval:
    Agresti A, Min Y. Stat Med 2005;24:729-740. doi:10.1002/sim.1781; groups: Yang Z, Sun X,
    Hardin JW. Biometrical Journal 2010;52:638-652. doi:10.1002/bimj.201000035; their limits: Hall
    P. JRSS B 1992;54:221-228. doi:10.1111/j.2517-6161.1992.tb01876.x

    Examples
    --------
    >>> first = np.repeat([True, True, False, False], [60, 9, 2, 10])
    >>> second = np.repeat([True, False, True, False], [60, 9, 2, 10])
    >>> round(mcnemar(first, second).p, 4), round(mcnemar(first, second, mid_p=False).p, 4)
    (0.0386, 0.0654)
    """
    signs = first.astype(np.float64) - second
    n, difference = len(signs), float(signs.mean())
    if groups is not None:
        unit = np.unique(groups, return_inverse=True)[1]
        sums = np.bincount(unit, signs)
        test = normal_test(difference, float(sums @ sums) / n**2, confidence)
        least, most = skewed_limits(grouped_means(signs[:, None], unit), confidence)
        if np.isnan(least[0]):  # the models agree on every row
            return test
        return test._replace(low=float(least[0]), high=float(most[0]))
    only_first, only_second = int(np.sum(signs > 0)), int(np.sum(signs < 0))
    low, high = _paired_limits(only_first, only_second, n, confidence)
    p = _binomial_p(only_first, only_first + only_second, mid_p)
    return RowTest(difference, low, high, float(only_first), p)


def bootstrap_test(difference: float, samples: Floats, confidence: float = 0.95) -> RowTest:
    """Refer a paired difference to the standard error of its resamples.

    Percentiles of the resamples, also bias-corrected, cover the difference of two AUROCs less
    often where events are few.

    References
    ----------
    Efron B, Tibshirani RJ. An Introduction to the Bootstrap. 1993, chapter 12.
    doi:10.1201/9780429246593
    """
    usable = samples[np.isfinite(samples)]
    if not np.isfinite(difference) or len(usable) < 2:
        return RowTest(difference, np.nan, np.nan, np.nan, np.nan)
    if np.ptp(usable) < ROUNDING:
        same = abs(difference) < ROUNDING
        return normal_test(0.0 if same else difference, 0.0, confidence)
    return normal_test(difference, float(np.var(usable, ddof=1)), confidence)


def _binomial_p(k: int, n: int, mid_p: bool) -> float:
    if n == 0:
        return 1.0
    tail = stats.binom.cdf(min(k, n - k), n, 0.5)
    if mid_p:
        tail -= stats.binom.pmf(min(k, n - k), n, 0.5) / 2
    return float(min(1.0, 2 * tail))


def _paired_limits(b: int, c: int, n: int, confidence: float) -> tuple[float, float]:
    """Wald limits of (b - c) / n after half a row is added to each of four cells."""
    total, difference = n + 2, (b - c) / (n + 2)
    spread = (b + c + 1) / total - difference**2
    half = ndtri((1 + confidence) / 2) * np.sqrt(spread / total)
    return float(max(difference - half, -1)), float(min(difference + half, 1))
