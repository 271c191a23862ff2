"""Local surrogates: a weighted linear model of the classifier around one row."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

__all__ = ["Surrogate", "local_surrogate"]

FEW_LEVELS = 10
"""A numeric column of at most so many different whole numbers is taken for a coded category."""

KERNEL_WIDTH = 0.75  # times the square root of the number of columns
RIDGE = 1.0


@dataclass(frozen=True, eq=False)
class Surrogate:
    """A linear model that is valid near one row.

    Parameters
    ----------
    coefficients : ndarray of float, shape (k,)
        Change of the output for one unit of a numeric column, or for having the row's own
        category (or missing value) instead of another.
    values : ndarray of float, shape (k,)
        Contributions: coefficient times the row's distance from the background mean.
    standard_error : ndarray of float, shape (k,)
        Of ``values``, from the draw of the perturbed rows.
    base_value : float
        The surrogate's output at the background mean.
    fidelity : float
        Weighted R2 on the perturbed rows; 1 where the classifier is linear near the row.
    """

    coefficients: npt.NDArray[np.float64]
    values: npt.NDArray[np.float64]
    standard_error: npt.NDArray[np.float64]
    base_value: float
    fidelity: float


def local_surrogate(
    evaluate: Callable[[pd.DataFrame], npt.NDArray[np.float64]],
    row: pd.DataFrame,
    background: pd.DataFrame,
    n_samples: int,
    rng: np.random.Generator,
) -> Surrogate:
    """Fit a weighted ridge regression to the classifier's outputs around one row.

    After LIME (Ribeiro et al. 2016, doi:10.1145/2939672.2939778) without discretisation.
    Departures from the paper and its package:

    * Numeric columns are perturbed by a Gaussian around the row, with the background's standard
      deviation, and clipped to the background's range: no negative cholesterol. What is missing
      in the background does not take part.
    * Other columns are drawn from the background. These are columns of text, categories or
      truth values, coded categories, and columns in which the row itself has no value; what
      enters the surrogate is whether the drawn value is the row's own.
    * A contribution is a coefficient times the row's distance from the background mean, in the
      unit of the output, so that it compares with the other methods.

    Parameters
    ----------
    evaluate : callable
        From perturbed rows (m, k) to outputs (m,).
    row : DataFrame, shape (1, k)
    background : DataFrame, shape (n_background, k)
    n_samples : int
        Number of perturbed rows.
    rng : numpy.random.Generator

    Returns
    -------
    Surrogate

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> cohort = pd.DataFrame(rng.normal(size=(200, 2)), columns=["age", "bp"])
    >>> surrogate = local_surrogate(
    ...     lambda rows: (3 * rows["age"] - rows["bp"]).to_numpy(), cohort[:1], cohort, 1000, rng)
    >>> surrogate.coefficients.round(1).tolist(), round(surrogate.fidelity, 2)
    ([3.0, -1.0], 1.0)
    """
    columns = [
        _perturb(row.iloc[:, j], background.iloc[:, j], n_samples, rng) for j in range(row.shape[1])
    ]
    drawn = pd.concat([column.drawn for column in columns], axis=1)
    design = np.stack([column.encoded for column in columns], axis=1)  # (n_samples, k)
    steps = np.stack([column.distance for column in columns], axis=1)
    width = KERNEL_WIDTH * np.sqrt(design.shape[1])
    weights = np.exp(-0.5 * (steps**2).sum(axis=1) / width**2)
    outputs = evaluate(drawn)
    coefficients, intercept, errors = _weighted_ridge(design, outputs, weights)
    own = np.array([column.own for column in columns])
    centre = np.array([column.centre for column in columns])
    scale = np.array([column.scale for column in columns])
    return Surrogate(
        coefficients / scale,
        coefficients * (own - centre),
        errors * np.abs(own - centre),
        float(intercept + coefficients @ centre),
        _weighted_r2(outputs, design @ coefficients + intercept, weights),
    )


@dataclass(frozen=True, eq=False)
class _Column:
    """One column of the perturbed rows, and what the surrogate sees of it."""

    drawn: pd.Series
    encoded: npt.NDArray[np.float64]
    distance: npt.NDArray[np.float64]
    own: float
    centre: float
    scale: float


def _perturb(
    row: pd.Series, background: pd.Series, n_samples: int, rng: np.random.Generator
) -> _Column:
    if row.isna().iloc[0] or _is_categorical(background):
        return _draw_category(row, background, n_samples, rng)
    known = background.to_numpy(dtype=float, na_value=np.nan)
    centre, spread = np.nanmean(known), np.nanstd(known)
    scale = spread if spread > 0 else 1.0
    value = float(row.iloc[0])
    low, high = min(np.nanmin(known), value), max(np.nanmax(known), value)
    drawn = np.clip(value + spread * rng.standard_normal(n_samples), low, high)
    drawn[0] = value
    encoded = (drawn - centre) / scale
    own = (value - centre) / scale
    return _Column(pd.Series(drawn, name=row.name), encoded, encoded - own, own, 0.0, scale)


def _draw_category(
    row: pd.Series, background: pd.Series, n_samples: int, rng: np.random.Generator
) -> _Column:
    both = pd.concat([row, background], ignore_index=True)
    codes = pd.factorize(both)[0]  # a missing value is a category of its own, -1
    chosen = 1 + rng.integers(len(background), size=n_samples)
    chosen[0] = 0
    same = (codes[chosen] == codes[0]).astype(float)
    frequency = float((codes[1:] == codes[0]).mean())
    drawn = both.take(chosen).reset_index(drop=True)
    return _Column(drawn, same, 1 - same, 1.0, frequency, 1.0)


def _is_categorical(column: pd.Series) -> bool:
    if not pd.api.types.is_numeric_dtype(column) or pd.api.types.is_bool_dtype(column):
        return True
    levels = np.unique(column.dropna().to_numpy(dtype=float))
    return len(levels) <= FEW_LEVELS and bool((levels == np.round(levels)).all())


def _weighted_ridge(
    design: npt.NDArray[np.float64], outputs: npt.NDArray[Any], weights: npt.NDArray[np.float64]
) -> tuple[npt.NDArray[np.float64], float, npt.NDArray[np.float64]]:
    """Ridge coefficients, the unpenalised intercept, and standard errors of the coefficients.

    The errors are those of White (1980, doi:10.2307/1912934), as the classifier is not linear.
    """
    share = weights / weights.sum()
    design_mean, output_mean = share @ design, share @ outputs
    centred = design - design_mean
    gram = centred.T @ (weights[:, None] * centred) + RIDGE * np.eye(design.shape[1])
    coefficients = np.linalg.solve(gram, centred.T @ (weights * (outputs - output_mean)))
    missed = weights * (outputs - output_mean - centred @ coefficients)
    scores = np.linalg.solve(gram, (centred * missed[:, None]).T)
    errors = np.sqrt((scores**2).sum(axis=1))
    return coefficients, float(output_mean - design_mean @ coefficients), errors


def _weighted_r2(
    outputs: npt.NDArray[Any], fitted: npt.NDArray[Any], weights: npt.NDArray[np.float64]
) -> float:
    """Share of the weighted variance explained; 1 where the outputs do not vary at all."""
    total = weights @ (outputs - np.average(outputs, weights=weights)) ** 2
    missed = weights @ (outputs - fitted) ** 2
    return 1.0 if total <= 1e-24 else float(1 - missed / total)
