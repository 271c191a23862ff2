"""Columns on one scale, learned from the training rows."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["InputScaling", "fit_scaling"]

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class InputScaling:
    """A shift and a factor for each column.

    Parameters
    ----------
    shift, factor : ndarray, shape (n_features,)
        ``(x - shift) * factor``.
    """

    shift: Floats
    factor: Floats

    def __call__(self, X: npt.NDArray[Any]) -> Floats:
        """Scale rows, shape (n, n_features)."""
        return (np.asarray(X, float) - self.shift) * self.factor


def fit_scaling(X: npt.NDArray[Any], scaling: str) -> InputScaling:
    """Learn the scale of each column.

    Parameters
    ----------
    X : ndarray, shape (n, n_features)
    scaling : {"minmax", "symmetric", "standard"}
        Onto 0 to 1, onto -1 to 1, or to mean 0 and standard deviation 1.

    Returns
    -------
    scaling : InputScaling
        A constant column becomes 0.

    Examples
    --------
    >>> X = np.array([[1.0, 5.0], [3.0, 5.0]])
    >>> fit_scaling(X, "minmax")(X).tolist()
    [[0.0, 0.0], [1.0, 0.0]]
    """
    X = np.asarray(X, float)
    if scaling == "standard":
        shift, spread = X.mean(axis=0), X.std(axis=0)
    else:
        shift, spread = X.min(axis=0), np.ptp(X, axis=0)
    is_constant = spread <= 1e-12 * np.maximum(1.0, np.abs(shift))
    factor = np.where(is_constant, 0.0, 1 / np.where(is_constant, 1.0, spread))
    if scaling == "symmetric":
        shift, factor = shift + spread / 2, 2 * factor
    return InputScaling(shift, factor)
