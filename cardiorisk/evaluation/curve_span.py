"""How far a smooth curve looks, chosen by cross-validation."""

import numpy as np
import numpy.typing as npt

from cardiorisk.evaluation.local_linear import SPAN, smooth_curve

__all__ = ["choose_span"]

Floats = npt.NDArray[np.float64]

SHORTER = (SPAN / 2, SPAN / 4)
N_FOLDS = 10


def choose_span(
    risk: Floats,
    events: npt.NDArray[np.bool_],
    grid: Floats,
    unit: npt.NDArray[np.intp] | None = None,
) -> float:
    """Choose the share of rows that each point of a smooth curve looks at.

    It is two thirds, unless half or a quarter of that predicts left-out rows better by more than a
    standard error: a short span adds bends that are noise, and many rows are needed to see others.
    The error is the squared one; folds follow the order of risk and keep groups whole, so
    nothing is drawn at random.

    Parameters
    ----------
    risk : ndarray of shape (n,)
    events : ndarray of bool, shape (n,)
    grid : ndarray of shape (g,)
        Increasing risks from the lowest to the highest.
    unit : ndarray of int, shape (n,), optional
        Position of each row's group, from 0 without gaps. None takes rows as independent.

    Returns
    -------
    span : float

    References
    ----------
    Rule of one standard error: Breiman L et al. Classification and Regression Trees. 1984, section
    3.4.3. doi:10.1201/9781315139470

    Examples
    --------
    >>> risk = np.random.default_rng(0).random(3000)
    >>> wave = np.random.default_rng(1).random(3000) < (0.5 + 0.4 * np.sin(12 * risk))
    >>> round(choose_span(risk, wave, np.linspace(risk.min(), risk.max(), 101)), 3)
    0.167
    """
    n = len(risk)
    unit = np.arange(n) if unit is None else unit
    n_units = int(unit.max()) + 1
    if n_units < 2 * N_FOLDS:
        return SPAN
    mean_risk = np.bincount(unit, risk) / np.bincount(unit)
    fold = np.empty(n_units, dtype=np.intp)
    fold[np.argsort(mean_risk, kind="stable")] = np.arange(n_units) % N_FOLDS
    first = _left_out_errors(risk, events, grid, fold[unit], SPAN)
    best, chosen = 0.0, SPAN
    for span in SHORTER:
        gains = np.bincount(unit, first - _left_out_errors(risk, events, grid, fold[unit], span))
        gain, error = float(gains.sum()), float(np.sqrt(n_units) * gains.std())
        if gain > max(best, error):  # false where a part of the curve is missing
            best, chosen = gain, span
    return chosen


def _left_out_errors(
    risk: Floats,
    events: npt.NDArray[np.bool_],
    grid: Floats,
    fold: npt.NDArray[np.intp],
    span: float,
) -> Floats:
    weights = (fold != np.arange(N_FOLDS)[:, None]).astype(np.float64)
    curves = smooth_curve(risk, events, grid, span)(weights)[:, :-1]
    predicted = np.empty(len(risk))
    for number, curve in enumerate(curves):
        rows = fold == number
        predicted[rows] = np.interp(risk[rows], grid, curve)
    return (events - predicted) ** 2
