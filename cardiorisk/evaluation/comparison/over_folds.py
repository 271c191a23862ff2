"""Tests of the differences between two models over the folds that both were tested on."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import stats

__all__ = ["FoldTest", "bayesian_t", "corrected_t", "wilcoxon"]

Floats = npt.NDArray[np.float64]


class FoldTest(NamedTuple):
    """Limits of the mean difference, statistic, p-value; probabilities of a Bayesian test.

    The three probabilities are that the difference is below, within and above the region of
    practical equivalence.
    """

    low: float
    high: float
    statistic: float
    p: float
    probabilities: tuple[float, float, float] = (np.nan, np.nan, np.nan)


def corrected_t(differences: Floats, test_share: float, confidence: float = 0.95) -> FoldTest:
    """Resampled t-test with the variance corrected for overlapping training parts.

    Parameters
    ----------
    differences : ndarray of shape (j,)
        Of the two models' scores, one a fold, repeats included.
    test_share : float
        Rows tested per row trained on, n_test / n_train.
    confidence : float, default=0.95

    Returns
    -------
    test : FoldTest
        Without limits and p-value where all folds differ by the same, which is not 0.

    References
    ----------
    Nadeau C, Bengio Y. Machine Learning 2003;52:239-281. doi:10.1023/A:1024068626366; for
    repeated cross-validation: Bouckaert RR, Frank E. PAKDD 2004:3-12.
    doi:10.1007/978-3-540-24775-3_3

    Examples
    --------
    >>> test = corrected_t(np.array([0.01, 0.02, 0.015, 0.005, 0.02]), test_share=0.25)
    >>> round(test.statistic, 2), round(test.p, 3)
    (3.2, 0.033)
    """
    mean, scale = _location_and_scale(differences, test_share)
    degrees = len(differences) - 1
    half = stats.t.ppf((1 + confidence) / 2, degrees) * scale
    if scale == 0:  # folds that agree exactly do not show that others would
        limit, p = (0.0, 1.0) if mean == 0 else (np.nan, np.nan)
        return FoldTest(limit, limit, np.nan, p)
    t = mean / scale
    return FoldTest(mean - half, mean + half, t, float(2 * stats.t.sf(abs(t), degrees)))


def bayesian_t(
    differences: Floats, test_share: float, rope: float, confidence: float = 0.95
) -> FoldTest:
    """Posterior of the mean difference of correlated scores, against a region of equivalence.

    Parameters
    ----------
    differences : ndarray of shape (j,)
    test_share : float
        n_test / n_train. The correlation of folds is taken as n_test / (n_test + n_train).
    rope : float
        Half width of the region of practical equivalence around 0, in units of the score.
    confidence : float, default=0.95
        Of the central credible interval.

    Returns
    -------
    test : FoldTest
        Without statistic and p-value.

    References
    ----------
    Corani G, Benavoli A. Machine Learning 2015;100:285-304. doi:10.1007/s10994-015-5486-z;
    Benavoli A et al. JMLR 2017;18(77):1-36. https://jmlr.org/papers/v18/16-305.html

    Examples
    --------
    >>> test = bayesian_t(np.array([0.01, 0.02, 0.015, 0.005, 0.02]), test_share=0.25, rope=0.01)
    >>> [round(p, 2) for p in test.probabilities]
    [0.0, 0.2, 0.79]
    """
    mean, scale = _location_and_scale(differences, test_share)
    if scale == 0:
        below, above = float(mean < -rope), float(mean > rope)
        limit = 0.0 if mean == 0 else np.nan
        return FoldTest(limit, limit, np.nan, np.nan, (below, 1 - below - above, above))
    posterior = stats.t(len(differences) - 1, mean, scale)
    low, high = posterior.interval(confidence)
    below, above = float(posterior.cdf(-rope)), float(posterior.sf(rope))
    within = max(0.0, 1 - below - above)
    return FoldTest(float(low), float(high), np.nan, np.nan, (below, within, above))


def wilcoxon(differences: Floats) -> FoldTest:
    """Signed-rank test; it takes folds as independent, which they are not, and has no interval.

    Parameters
    ----------
    differences : ndarray of shape (j,)

    Returns
    -------
    test : FoldTest

    References
    ----------
    Wilcoxon F. Biometrics Bulletin 1945;1:80-83. doi:10.2307/3001968

    Examples
    --------
    >>> round(wilcoxon(np.array([0.01, 0.02, 0.015, 0.005, 0.025])).p, 4)
    0.0625
    """
    if not differences.any():
        return FoldTest(np.nan, np.nan, np.nan, 1.0)
    found = stats.wilcoxon(differences)
    return FoldTest(np.nan, np.nan, float(found.statistic), float(found.pvalue))


def _location_and_scale(differences: Floats, test_share: float) -> tuple[float, float]:
    j = len(differences)
    variance = float(np.var(differences, ddof=1)) if np.ptp(differences) > 0 else 0.0
    return float(np.mean(differences)), float(np.sqrt((1 / j + test_share) * variance))
