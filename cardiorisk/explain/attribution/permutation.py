"""Shapley values of any model by recombining rows with background rows."""

from collections.abc import Callable
from dataclasses import dataclass
from math import comb

import numpy as np
import numpy.typing as npt

__all__ = ["ShapleyValues", "shapley_values"]

EXACT_UP_TO = 8  # columns: 256 coalitions for each background row
"""Number of columns up to which every coalition is evaluated."""

MAX_COALITIONS = 100_000
"""Number of coalitions, over all background rows, above which column orders are drawn."""

N_WALKS = 1000
"""Pairs of walks a row, over all background rows, unless their number is given."""

N_REPEATED = 50  # background rows that walk a second order to tell how much the orders matter

MAX_CELLS = 20_000_000  # bytes of coalition masks that are held at once

_Sources = npt.NDArray[np.intp]
Evaluate = Callable[[_Sources], npt.NDArray[np.float64]]


@dataclass(frozen=True, eq=False)
class ShapleyValues:
    """Contributions to one row's output.

    Parameters
    ----------
    values : ndarray of float, shape (k,)
    base_value : float
        Mean output over the background rows.
    standard_error : ndarray of float, shape (k,)
        Of ``values``, from the draw of the background rows and of the column orders; 0 where
        neither was drawn.
    """

    values: npt.NDArray[np.float64]
    base_value: float
    standard_error: npt.NDArray[np.float64]


def shapley_values(
    evaluate: Evaluate,
    codes: npt.NDArray[np.intp],
    row: int,
    background: npt.NDArray[np.intp],
    n_available: int,
    n_permutations: int | None,
    rng: np.random.Generator,
) -> ShapleyValues:
    """Compute one row's Shapley values against a background sample.

    The value of a coalition is the mean output over the background rows after the coalition's
    columns were set to the explained row's (the interventional game of Strumbelj and Kononenko,
    doi:10.1007/s10115-013-0679-x). Contributions add up to the row's output minus the mean
    background output by construction.

    * Up to 8 columns all coalitions are evaluated, unless they are more than 100,000: exact.
    * Above, every background row gets ``n_permutations`` random column orders of its own, each
      walked forwards and backwards (Mitchell et al. 2022, JMLR 23(43)): unbiased.
    * A recombination that was met before, or that changes nothing, is not evaluated again.
    * A column in which the row equals every background row contributes 0 and takes no part: of
      thousands of codes, a history has dozens.

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
    n_available : int
        Number of rows that the background rows were drawn from, itself without replacement.
    n_permutations : int or None
        Pairs of walks for each background row; None for 1000 in all.
    rng : numpy.random.Generator

    Returns
    -------
    ShapleyValues
    """
    n_background = len(background)
    differs = codes[background] != codes[row]
    active = np.flatnonzero(differs.any(axis=0))
    if not len(active):
        nothing = np.zeros((2, differs.shape[1]))
        base_value = evaluate(np.full((1, differs.shape[1]), row, dtype=np.intp))[0]
        return ShapleyValues(nothing[0], float(base_value), nothing[1])
    if len(active) < differs.shape[1]:
        part = shapley_values(
            _with_the_rest(evaluate, active, row, differs.shape[1]),
            codes[:, active],
            row,
            background,
            n_available,
            n_permutations,
            rng,
        )
        values, error = np.zeros((2, differs.shape[1]))
        values[active], error[active] = part.values, part.standard_error
        return ShapleyValues(values, part.base_value, error)
    n_columns = differs.shape[1]
    if n_columns <= EXACT_UP_TO and n_background * 2**n_columns <= MAX_COALITIONS:
        each, base_value = _exact(evaluate, differs, row, background)
        of_orders = np.zeros(n_columns)
    else:
        n_pairs = n_permutations or -(-N_WALKS // n_background)
        each, base_value = _sampled(evaluate, differs, row, background, n_pairs, rng)
        repeated = each
        if n_pairs == 1:
            some = np.linspace(0, n_background - 1, min(n_background, N_REPEATED)).astype(int)
            again, _ = _sampled(evaluate, differs[some], row, background[some], 1, rng)
            repeated = np.concatenate([each[some], again], axis=1)
        of_orders = repeated.var(axis=1, ddof=1).mean(axis=0)
    error = _standard_error(each, of_orders, n_available)
    return ShapleyValues(each.mean(axis=(0, 1)), base_value, error)


def _with_the_rest(
    evaluate: Evaluate, active: npt.NDArray[np.intp], row: int, n_columns: int
) -> Evaluate:
    """Take the columns that do not differ from the explained row."""

    def of_active(sources: _Sources) -> npt.NDArray[np.float64]:
        everything = np.full((len(sources), n_columns), row, dtype=np.intp)
        everything[:, active] = sources
        return evaluate(everything)

    return of_active


def _standard_error(
    each: npt.NDArray[np.float64], of_orders: npt.NDArray[np.float64], n_available: int
) -> npt.NDArray[np.float64]:
    """Estimate the error of the mean of contributions (n_background, n_permutations, k).

    Two-stage sampling (Cochran 1977, "Sampling techniques", section 10.6): background rows are
    drawn from ``n_available``, and column orders, with variance ``of_orders``, within each.
    """
    n_background, n_permutations, n_columns = each.shape
    drawn = n_background / n_available
    variance = drawn * of_orders / (n_background * n_permutations)
    if drawn == 1:
        return np.asarray(np.sqrt(variance))
    if n_background == 1:  # one row shows no spread
        return np.full(n_columns, np.nan)
    of_rows = each.mean(axis=1).var(axis=0, ddof=1)
    return np.asarray(np.sqrt(variance + (1 - drawn) * of_rows / n_background))


def _exact(
    evaluate: Evaluate, differs: npt.NDArray[np.bool_], row: int, background: npt.NDArray[np.intp]
) -> tuple[npt.NDArray[np.float64], float]:
    n_columns = differs.shape[1]
    coalitions = np.arange(2**n_columns)
    masks = (coalitions[:, None] >> np.arange(n_columns)) & 1 == 1  # (2**k, k)
    each = _outputs(
        evaluate, np.broadcast_to(masks, (len(background), *masks.shape)), differs, row, background
    )
    sizes = masks.sum(axis=1)
    values = np.empty((len(background), 1, n_columns))
    for column in range(n_columns):
        without = coalitions[~masks[:, column]]
        weights = np.array([1 / (n_columns * comb(n_columns - 1, s)) for s in sizes[without]])
        values[:, 0, column] = (each[:, without + (1 << column)] - each[:, without]) @ weights
    return values, float(each[:, 0].mean())


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
    walks = np.take_along_axis(gains, np.argsort(orders, axis=2), axis=2)  # by column
    there_and_back = walks.reshape(n_background, 2, n_permutations, n_columns)
    return there_and_back.mean(axis=1), float(starts.mean())


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
