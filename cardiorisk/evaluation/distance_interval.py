"""How far risks may be from the truth: limits of the integrated calibration index."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.utils import check_random_state

from cardiorisk.evaluation.intervals import CHUNK_ELEMENTS, MIN_CHUNK
from cardiorisk.evaluation.local_linear import Cells, cells_of, smoothing

__all__ = ["distance_limits"]

Floats = npt.NDArray[np.float64]
Units = npt.NDArray[np.intp] | None

N_HALVINGS = 14  # of a factor; leaves an error of 1e-4
LARGEST_FACTOR = 2.0**14
NO_DISTANCE = 1e-4
LUCK = 0.05  # noise alone is so small in one cohort of twenty


def distance_limits(
    risk: Floats,
    events: npt.NDArray[np.bool_],
    grid: Floats,
    curve: Floats,
    *,
    span: float,
    unit: Units = None,
    n_draws: int = 500,
    confidence: float = 0.95,
    random_state: Any = 0,
) -> tuple[float, float]:
    """Limit the mean absolute distance of predicted and true risk.

    Noise adds to a mean absolute distance, most of all where the true one is 0, and a curve takes
    some off where it is too stiff; percentiles of resamples have both faults twice. So both limits
    invert a test:

    - what is tested is the mean of ``sign * (event - risk)``, the sign being that of curve less
      risk. Only the side on which the truth lies comes from the curve, and no other signs give a
      larger mean in the population (Blasiok et al.);
    - the supposed truths are the risks plus a factor times the distance of the observed curve;
    - under each, what is left of every event changes its sign at random (wild bootstrap; rows of a
      group together), curve and signs are found anew, and the factor is excluded if the observed
      mean would be a surprise;
    - an observed mean below the fifth percentile of noise alone says as much as that percentile
      (power constraint, Cowan et al.): good luck does not prove that risks are right.

    Parameters
    ----------
    risk : ndarray of shape (n,)
    events : ndarray of bool, shape (n,)
    grid, curve : ndarray of shape (g,)
        The smooth curve of observed against predicted risk, from the lowest to the highest risk.
    span : float
        Share of rows that each of its points looks at.
    unit : ndarray of int, shape (n,), optional
        Position of each row's group, from 0 without gaps. None takes rows as independent.
    n_draws : int, default=500
    confidence : float, default=0.95
    random_state : int, RandomState instance or None, default=0

    Returns
    -------
    low, high : float
        ``low`` is 0 where perfect agreement cannot be excluded. NaN without draws.

    References
    ----------
    Blasiok J, Gopalan P, Hu L, Nakkiran P. STOC 2023:1727-1740. doi:10.1145/3564246.3585182; wild
    bootstrap: Wu CFJ. Annals of Statistics 1986;14:1261-1295. doi:10.1214/aos/1176350142; by
    group: Cameron AC, Gelbach JB, Miller DL. Rev Econ Stat 2008;90:414-427.
    doi:10.1162/rest.90.3.414; inversion of bootstrap tests: Carpenter J. JRSS B 1999;61:159-172.
    doi:10.1111/1467-9868.00169; Cowan G, Cranmer K, Gross E, Vitells O. arXiv 2011.
    doi:10.48550/arXiv.1105.3166
    """
    if not n_draws:
        return float("nan"), float("nan")
    cells = cells_of(risk)
    matrix = smoothing(risk, cells, grid, span)
    apart = np.interp(risk, grid, curve - grid)
    if np.abs(apart).mean() < NO_DISTANCE:  # no shape to scale: all risks may be off by the same
        apart = np.ones(len(risk))
    residual = events - risk
    mean_of = _signed_mean(cells, matrix, grid)
    observed = mean_of(_sums(residual[None], cells))[0]
    shape = _sums(apart[None], cells)
    drawn, taken = _noise(residual, apart, cells, unit, n_draws, random_state)

    def quantile(factor: float, level: float) -> float:
        means = mean_of(factor * shape + drawn - factor * taken)
        return float(np.quantile(means, level, method="weibull"))

    tail, size = (1 - confidence) / 2, float(np.abs(apart).mean())
    low = _largest_factor(lambda factor: quantile(factor, 1 - tail) < observed)
    seen = max(observed, quantile(0.0, LUCK), 1 / len(risk))  # an event more or less
    high = _largest_factor(lambda factor: quantile(factor, tail) <= seen)
    return low * size, min(high * size, float(np.maximum(risk, 1 - risk).mean()))


def _sums(rows: Floats, cells: Cells) -> Floats:
    return np.asarray(np.add.reduceat(rows.take(cells.order, axis=1), cells.starts, axis=1))


def _noise(
    residual: Floats, apart: Floats, cells: Cells, unit: Units, n_draws: int, random_state: Any
) -> tuple[Floats, Floats]:
    """Give rows random signs and sum them in cells: what is left of events, and distances."""
    rng = np.random.default_rng(check_random_state(random_state).randint(2**31 - 1))
    n_units = len(residual) if unit is None else int(unit.max()) + 1
    size = max(MIN_CHUNK, CHUNK_ELEMENTS // len(residual))
    sums: list[tuple[Floats, Floats]] = []
    for start in range(0, n_draws, size):
        signs = rng.integers(2, size=(min(size, n_draws - start), n_units)) * 2.0 - 1
        signs = signs if unit is None else signs.take(unit, axis=1)
        sums.append((_sums(signs * residual, cells), _sums(signs * apart, cells)))
    drawn, taken = zip(*sums, strict=True)
    return np.concatenate(drawn), np.concatenate(taken)


def _signed_mean(cells: Cells, matrix: Floats, grid: Floats) -> Callable[[Floats], Floats]:
    """Prepare the mean of events less risks with the signs of their curve: sums (b, n_cells)."""
    nearest = np.searchsorted((grid[1:] + grid[:-1]) / 2, cells.centres)
    nodes, starts = np.unique(nearest, return_index=True)

    def mean(sums: Floats) -> Floats:
        curves = sums @ matrix[nodes].T
        at_nodes = np.add.reduceat(sums, starts, axis=1)
        signed = np.where(curves >= 0, at_nodes, -at_nodes)
        return np.asarray(signed.sum(axis=1) / cells.sizes.sum())

    return mean


def _largest_factor(holds: Callable[[float], bool]) -> float:
    """Find where what holds for small factors ceases to; 0 if it never does."""
    if not holds(0.0):
        return 0.0
    below, above = 0.0, 1.0
    while holds(above):
        below, above = above, 2 * above
        if above > LARGEST_FACTOR:
            return below
    for _ in range(N_HALVINGS):
        middle = (below + above) / 2
        below, above = (middle, above) if holds(middle) else (below, middle)
    return below
