"""How far risks may be from the truth: the upper limit of the integrated calibration index."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from cardiorisk.evaluation.mean_limits import grouped_means, skewed_limits

__all__ = ["highest_distance", "signed_means"]

Floats = npt.NDArray[np.float64]
Units = npt.NDArray[np.intp] | None

SHARE_OF_OPTIMISM = 0.5


def signed_means(
    risk: Floats, events: npt.NDArray[np.bool_], grid: Floats
) -> Callable[[Floats, Floats], Floats]:
    """Prepare the optimism of signs that were chosen on the rows which they are applied to.

    The mean absolute distance of risk and truth is the mean of ``sign * (event - risk)``, the sign
    being that of truth less risk, and no signs give a larger mean in the population (Blasiok et
    al.). Signs read off a curve fitted to the same rows give too large a mean; by how much is seen
    in resamples (Efron).

    Parameters
    ----------
    risk : ndarray of shape (n,)
    events : ndarray of bool, shape (n,)
    grid : ndarray of shape (g,)
        Increasing risks at which curves are known.

    Returns
    -------
    optimism : callable
        Maps curves (b, g) and the weights (b, n) that they were fitted under to the mean under
        these weights less the mean over all rows once, both with the signs of that curve (b,).

    References
    ----------
    Blasiok J, Gopalan P, Hu L, Nakkiran P. STOC 2023:1727-1740. doi:10.1145/3564246.3585182; Efron
    B. JASA 1983;78:316-331. doi:10.1080/01621459.1983.10477973
    """
    node = _nearest(risk, grid)
    order = np.argsort(node, kind="stable")
    occupied, starts = np.unique(node[order], return_index=True)
    residual = (events - risk)[order]
    once = np.add.reduceat(residual, starts) / len(risk)

    def optimism(curves: Floats, weights: Floats) -> Floats:
        signs = np.where(curves[:, occupied] >= grid[occupied], 1.0, -1.0)
        drawn = np.add.reduceat(weights.take(order, axis=1) * residual, starts, axis=1)
        within = np.einsum("ij,ij->i", signs, drawn) / weights.sum(axis=1)
        return np.asarray(within - signs @ once)

    return optimism


def highest_distance(
    risk: Floats,
    events: npt.NDArray[np.bool_],
    grid: Floats,
    curve: Floats,
    optimism: Floats,
    unit: Units,
    confidence: float,
) -> float:
    """Limit the mean absolute distance of risk and truth from above.

    The limit is that of the mean of ``sign * (event - risk)``, whose size the stiffness of the
    curve hardly touches, since only the signs come from it. Half of the optimism is taken off:
    all of it would be right on average, but signs that other rows choose are wrong more often.
    The half was chosen on simulated populations other than those that the coverage is reported on.

    Parameters
    ----------
    risk : ndarray of shape (n,)
    events : ndarray of bool, shape (n,)
    grid, curve : ndarray of shape (g,)
        The smooth curve of observed against predicted risk.
    optimism : ndarray of shape (n_bootstraps,)
        See :func:`signed_means`; NaN is left out.
    unit : ndarray of int, shape (n,), optional
        Position of each row's group. None takes rows as independent.
    confidence : float

    Returns
    -------
    limit : float
        NaN where there are no resamples.
    """
    usable = optimism[np.isfinite(optimism)]
    if not len(usable):
        return float("nan")
    signs = np.where(curve >= grid, 1.0, -1.0)[_nearest(risk, grid)]
    _, high = skewed_limits(grouped_means((signs * (events - risk))[:, None], unit), confidence)
    return float(high[0] - SHARE_OF_OPTIMISM * max(usable.mean(), 0.0))


def _nearest(risk: Floats, grid: Floats) -> npt.NDArray[np.intp]:
    return np.searchsorted((grid[1:] + grid[:-1]) / 2, risk)
