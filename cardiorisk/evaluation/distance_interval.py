"""How near risks may be to the truth: the lower limit of the integrated calibration index."""

import numpy as np
import numpy.typing as npt

__all__ = ["lowest_distance", "node_masses"]

Floats = npt.NDArray[np.float64]

N_HALVINGS = 14  # of the factor; leaves an error of 1e-4 of the estimate


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


def lowest_distance(
    estimate: float,
    distances: Floats,
    resampled: Floats,
    masses: Floats,
    confidence: float = 0.95,
) -> float:
    """Limit the mean absolute value of a curve of signed distances from below.

    Noise adds to a mean absolute distance, most of all where the true distance is 0, so the usual
    bootstrap intervals lie too high. Here the observed curve is scaled by a factor, the errors of
    the resampled curves are added, and the smallest factor is sought for which the observed mean
    would be no surprise.

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
        Of an interval with this limit, so its tail is half of the rest.

    Returns
    -------
    low : float
        0 where perfect agreement cannot be excluded; NaN without resamples.

    References
    ----------
    Inversion of bootstrap tests: Carpenter J. JRSS B 1999;61:159-172.
    doi:10.1111/1467-9868.00169
    """
    errors = resampled[~np.isnan(resampled).any(axis=1)] - distances
    if not len(errors):
        return float("nan")
    observed = float(np.abs(distances) @ masses)

    def usual(factor: float) -> bool:
        means = np.abs(factor * distances + errors) @ masses
        return bool(np.quantile(means, (1 + confidence) / 2) >= observed)

    if observed == 0 or usual(0.0):
        return 0.0
    below, above = 0.0, 1.0
    for _ in range(N_HALVINGS):
        middle = (below + above) / 2
        below, above = (below, middle) if usual(middle) else (middle, above)
    return above * estimate
