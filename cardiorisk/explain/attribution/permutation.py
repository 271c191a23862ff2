"""Shapley values of any model by recombining rows with background rows."""

from collections.abc import Callable
from math import comb

import numpy as np
import numpy.typing as npt

__all__ = ["shapley_values"]

EXACT_UP_TO = 8  # columns: 256 coalitions for each background row
"""Number of columns up to which every coalition is evaluated."""

MAX_CELLS = 20_000_000  # bytes of coalition masks that are held at once

_Sources = npt.NDArray[np.intp]
Evaluate = Callable[[_Sources], npt.NDArray[np.float64]]


def shapley_values(
    evaluate: Evaluate,
    codes: npt.NDArray[np.intp],
    row: int,
    background: npt.NDArray[np.intp],
    n_permutations: int,
    rng: np.random.Generator,
) -> tuple[npt.NDArray[np.float64], float]:
    """Compute one row's Shapley values against a background sample.

    The value of a coalition is the mean output over the background rows after the coalition's
    columns were set to the explained row's (the interventional game of Strumbelj and Kononenko,
    doi:10.1007/s10115-013-0679-x). Contributions add up to the row's output minus the mean
    background output by construction.

    * Up to 8 columns all coalitions are evaluated: exact.
    * Above, every background row gets ``n_permutations`` random column orders of its own, each
      walked forwards and backwards (Mitchell et al. 2022, JMLR 23(43)): unbiased.
    * A recombination that was met before, or that changes nothing, is not evaluated again.

    Parameters
    ----------
    evaluate : callable
        From positions of shape (m, k), which say for every recombined row the table row that
        each column is taken from, to outputs of shape (m,).
    codes : ndarray of int, shape (n_rows, k)
        Equal integers within a column mean equal values.
    row : int
        The explained row.
    background : ndarray of int, shape (n_background,)
        The background rows.
    n_permutations : int
        Pairs of walks for each background row.
    rng : numpy.random.Generator

    Returns
    -------
    values : ndarray of float, shape (k,)
    base_value : float
        Mean output over the background rows.
    """
    n_columns = codes.shape[1]
    differs = codes[background] != codes[row]
    if n_columns <= EXACT_UP_TO:
        return _exact(evaluate, differs, row, background)
    return _sampled(evaluate, differs, row, background, n_permutations, rng)


def _exact(
    evaluate: Evaluate, differs: npt.NDArray[np.bool_], row: int, background: npt.NDArray[np.intp]
) -> tuple[npt.NDArray[np.float64], float]:
    n_columns = differs.shape[1]
    coalitions = np.arange(2**n_columns)
    masks = (coalitions[:, None] >> np.arange(n_columns)) & 1 == 1  # (2**k, k)
    each = _outputs(
        evaluate, np.broadcast_to(masks, (len(background), *masks.shape)), differs, row, background
    )
    worth = each.mean(axis=0)
    sizes = masks.sum(axis=1)
    values = np.empty(n_columns)
    for column in range(n_columns):
        without = coalitions[~masks[:, column]]
        weights = np.array([1 / (n_columns * comb(n_columns - 1, s)) for s in sizes[without]])
        values[column] = weights @ (worth[without + (1 << column)] - worth[without])
    return values, float(worth[0])


def _sampled(
    evaluate: Evaluate,
    differs: npt.NDArray[np.bool_],
    row: int,
    background: npt.NDArray[np.intp],
    n_permutations: int,
    rng: np.random.Generator,
) -> tuple[npt.NDArray[np.float64], float]:
    n_background, n_columns = differs.shape
    columns = np.broadcast_to(np.arange(n_columns), (n_background, n_permutations, n_columns))
    orders = rng.permuted(columns, axis=2)
    orders = np.concatenate([orders, orders[:, :, ::-1]], axis=1)  # (n_background, walks, k)
    cells = orders.shape[1] * n_columns * (n_columns + 1)
    blocks = np.array_split(np.arange(n_background), 1 + n_background * cells // MAX_CELLS)
    gains, starts = np.empty(orders.shape), np.empty(n_background)
    for block in blocks:
        ranks = np.argsort(orders[block], axis=2)[:, :, None, :]
        masks = ranks < np.arange(n_columns + 1)[:, None]  # (block, walks, k + 1, k)
        flat = masks.reshape(len(block), -1, n_columns)
        worth = _outputs(evaluate, flat, differs[block], row, background[block])
        worth = worth.reshape(masks.shape[:3])
        starts[block], gains[block] = worth[:, 0, 0], np.diff(worth, axis=2)
    totals = np.bincount(orders.ravel(), weights=gains.ravel(), minlength=n_columns)
    return totals / (n_background * orders.shape[1]), float(starts.mean())


def _outputs(
    evaluate: Evaluate,
    masks: npt.NDArray[np.bool_],
    differs: npt.NDArray[np.bool_],
    row: int,
    background: npt.NDArray[np.intp],
) -> npt.NDArray[np.float64]:
    """Output of each recombination, shape (n_background, m), each different one evaluated once."""
    n_background, n_masks, n_columns = masks.shape
    taken = (masks & differs[:, None, :]).reshape(-1, n_columns)
    owner = np.repeat(np.arange(n_background), n_masks)
    # With every differing column taken, the recombination is the explained row itself.
    complete = (taken == differs[owner]).all(axis=1)
    names = np.concatenate([owner[:, None], np.packbits(taken, axis=1)], axis=1)
    names[complete] = -1  # one name for all
    _, first, which = np.unique(names, axis=0, return_index=True, return_inverse=True)
    sources = np.where(taken[first], row, background[owner[first], None])
    sources[complete[first]] = row
    return evaluate(sources)[which.reshape(-1)].reshape(n_background, n_masks)
