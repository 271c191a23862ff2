"""An interval for a mean absolute distance, which noise can only make larger."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from cardiorisk.evaluation.intervals import Interval

__all__ = ["distance_interval", "node_masses"]

Floats = npt.NDArray[np.float64]

N_HALVINGS = 14  # of the scale; leaves an error of 1e-4 of the estimate
MAX_DOUBLINGS = 20


def node_masses(values: Floats, grid: Floats) -> Floats:
    """Share of the values at each grid point, a value between two being divided linearly.

    Examples
    --------
    >>> node_masses(np.array([0.0, 0.25, 1.0]), np.array([0.0, 0.5, 1.0])).round(2)
    array([0.5 , 0.17, 0.33])
    """
    left = np.clip(np.searchsorted(grid, values, side="right") - 1, 0, len(grid) - 2)
    share = (values - grid[left]) / (grid[left + 1] - grid[left])
    k = len(grid)
    counts = np.bincount(left, 1 - share, minlength=k) + np.bincount(left + 1, share, minlength=k)
    return counts / len(values)


def distance_interval(
    estimate: float,
    distances: Floats,
    resampled: Floats,
    masses: Floats,
    confidence: float = 0.95,
) -> Interval:
    """Confidence interval of the mean absolute value of a curve of signed distances.

    Noise adds to a mean absolute distance, most of all where the true distance is 0, so the usual
    bootstrap intervals lie too high. Here the observed curve is scaled by a factor, the errors of
    the resampled curves are added, and the factors for which the observed mean would be no
    surprise (equal tails) are kept. The observed curve has some bends that are noise, for which
    the upper limit falls short where the distance is large: it is not let below the upper
    percentile of the resamples, which makes it wide in small samples.

    Parameters
    ----------
    estimate : float
        The mean absolute distance in the data.
    distances : ndarray of shape (g,)
        Signed distances on a grid.
    resampled : ndarray of shape (n_bootstraps, g)
        The same in resamples; rows with NaN are left out.
    masses : ndarray of shape (g,)
        Share of the rows at each grid point; see :func:`node_masses`.
    confidence : float, default=0.95

    Returns
    -------
    interval : Interval
        The lower limit is 0 where perfect agreement cannot be excluded.

    References
    ----------
    Inversion of bootstrap tests: Carpenter J. JRSS B 1999;61:159-172.
    doi:10.1111/1467-9868.00169
    """
    errors = resampled[~np.isnan(resampled).any(axis=1)] - distances
    if not len(errors):
        return Interval(estimate, np.nan, np.nan)
    observed = float(np.abs(distances) @ masses)
    drawn = np.abs(distances + errors) @ masses
    tail = (1 - confidence) / 2

    def limits(factor: float) -> tuple[float, float]:
        means = np.abs(factor * distances + errors) @ masses
        low, high = np.quantile(means, [tail, 1 - tail])
        return float(low), float(high)

    if observed == 0:
        return Interval(estimate, 0.0, limits(0.0)[1])
    largest = 2.0
    for _ in range(MAX_DOUBLINGS):
        if limits(largest)[0] > observed:
            break
        largest *= 2
    low = _crossing(lambda factor: limits(factor)[1] >= observed, largest)
    high = _crossing(lambda factor: limits(factor)[0] > observed, largest)
    limit = max(high * estimate, float(np.quantile(drawn, 1 - tail)))
    return Interval(estimate, min(low * estimate, estimate), max(limit, estimate))


def _crossing(reached: Callable[[float], bool], largest: float) -> float:
    """Smallest factor from 0 to ``largest`` at which a condition that stays true is reached."""
    if reached(0.0):
        return 0.0
    below, above = 0.0, largest
    for _ in range(N_HALVINGS):
        middle = (below + above) / 2
        below, above = (below, middle) if reached(middle) else (middle, above)
    return above
