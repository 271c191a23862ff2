"""A smooth curve of observed against predicted risk, on many weightings at once."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from cardiorisk.evaluation.intervals import Statistic

__all__ = ["SPAN", "Cells", "cells_of", "smooth_curve", "smoothing"]

Floats = npt.NDArray[np.float64]

SPAN = 2 / 3  # Cleveland's choice, and that of lowess in R and of rms::val.prob
MAX_CELLS = 1000  # distinct predictions; more are averaged over neighbours first


class Cells(NamedTuple):
    """Rows in the order of risk: where each cell of them begins, and its size and mean risk."""

    order: npt.NDArray[np.intp]
    starts: npt.NDArray[np.intp]
    sizes: npt.NDArray[np.intp]
    centres: Floats


def smooth_curve(
    risk: Floats, events: npt.NDArray[np.bool_], grid: Floats, span: float = SPAN
) -> Statistic:
    """Prepare the locally linear regression of events on risk.

    Departures from the paper:

    - no robustness iterations, since a 0/1 outcome has no outliers (as in ``rms::val.prob``);
    - the neighbourhoods are those of all rows, in every resample;
    - above 1000 distinct risks, neighbours in rank are averaged into 1000 cells first;
    - the curve is limited to [0, 1].

    Parameters
    ----------
    risk : ndarray of shape (n,)
    events : ndarray of bool, shape (n,)
    grid : ndarray of shape (g,)
        Increasing risks at which the curve is wanted, from the lowest to the highest risk.
    span : float, default=2/3
        Share of rows in a neighbourhood.

    Returns
    -------
    statistic : callable
        Maps weights (b, n) to (b, g + 1): the curve, and the integrated calibration index, which
        is the mean absolute distance between a row's risk and the curve.

    References
    ----------
    Cleveland WS. JASA 1979;74:829-836. doi:10.1080/01621459.1979.10481038; Austin PC, Steyerberg
    EW. Stat Med 2014;33:517-535. doi:10.1002/sim.5941; index: Stat Med 2019;38:4051-4065.
    doi:10.1002/sim.8281
    """
    order, starts, _, centres = cells_of(risk)
    zeroth, first, second = _kernels(risk, centres, grid, span)
    left = np.clip(np.searchsorted(grid, centres, side="right") - 1, 0, len(grid) - 2)
    share = (centres - grid[left]) / (grid[left + 1] - grid[left])
    outcome = events[order].astype(np.float64)

    def statistic(weights: Floats) -> Floats:
        ordered = weights.take(order, axis=1)
        counts = np.add.reduceat(ordered, starts, axis=1)
        cases = np.add.reduceat(ordered * outcome, starts, axis=1)
        moments = counts @ zeroth, counts @ first, counts @ second
        curve = np.clip(_local_line(*moments, cases @ zeroth, cases @ first), 0, 1)
        at_cells = curve[:, left] * (1 - share) + curve[:, left + 1] * share
        distances = np.einsum("ij,ij->i", counts, np.abs(at_cells - centres))
        return np.column_stack([curve, distances / counts.sum(axis=1)])

    return statistic


def smoothing(risk: Floats, cells: Cells, grid: Floats, span: float = SPAN) -> Floats:
    """Give the matrix (g, n_cells) that makes the curve of sums over the rows of each cell.

    The curve is that of :func:`smooth_curve` with each row once, and not limited to [0, 1]; what is
    a straight line of risk comes out as it is.
    """
    zeroth, first, second = _kernels(risk, cells.centres, grid, span)
    n, distance, square = (cells.sizes @ kernel for kernel in (zeroth, first, second))
    return _local_line(n, distance, square, zeroth, first).T


def cells_of(risk: Floats) -> Cells:
    """Put rows of equal risk together, and neighbours where there are above 1000 risks."""
    order = np.argsort(risk, kind="stable")
    starts = _cell_starts(risk[order])
    sizes = np.diff(np.append(starts, len(risk)))
    return Cells(order, starts, sizes, np.add.reduceat(risk[order], starts) / sizes)


def _kernels(
    risk: Floats, centres: Floats, grid: Floats, span: float
) -> tuple[Floats, Floats, Floats]:
    """Weigh each cell at each grid point, (n_cells, g): times distance to the power 0, 1 and 2."""
    distance = centres - grid[:, None]
    kernel = _tricube(distance / _bandwidths(risk, grid, span)[:, None])
    return kernel.T, (kernel * distance).T, (kernel * distance**2).T


def _cell_starts(ordered: Floats) -> npt.NDArray[np.intp]:
    """Where each run of equal values, or each of at most 1000 runs of neighbours, begins."""
    starts = np.flatnonzero(np.diff(ordered, prepend=-np.inf) != 0)
    if len(starts) <= MAX_CELLS:
        return starts
    return starts[np.linspace(0, len(starts), MAX_CELLS, endpoint=False).astype(np.intp)]


def _bandwidths(risk: Floats, grid: Floats, span: float) -> Floats:
    """Distance from each grid point to the nearest ``span`` of all rows."""
    k = min(max(int(span * len(risk) + 1e-10), 2), len(risk))
    ordered = [np.partition(np.abs(risk - point), [0, k - 1]) for point in grid]
    # Where many risks are equal, the nearest row may also be the last: it must keep its weight.
    return np.array([max(near[k - 1], 1.5 * near[0], 1e-9) for near in ordered])


def _tricube(scaled: Floats) -> Floats:
    return np.clip(1 - np.abs(scaled) ** 3, 0, None) ** 3


def _local_line(n: Floats, d: Floats, dd: Floats, e: Floats, de: Floats) -> Floats:
    """Height of each local line at its centre; the local mean where one value is all there is."""
    determinant = n * dd - d * d
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = e / n
        line = (dd * e - d * de) / determinant
    flat = determinant <= 1e-12 * n * dd
    return np.where(flat, mean, line)
