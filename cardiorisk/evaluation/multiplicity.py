"""Correct p-values for how many there are."""

from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["CORRECTIONS", "adjust_p_values"]

CORRECTIONS = ("bonferroni", "holm", "bh")


def adjust_p_values(p: Any, correction: str) -> npt.NDArray[np.float64]:
    """Correct p-values for their number.

    Parameters
    ----------
    p : array-like of shape (m,)
        NaN stays NaN and is not counted.
    correction : {"bonferroni", "holm", "bh"}
        Family-wise error by Bonferroni or step-down by Holm (1979, Scand J Stat 6:65-70,
        https://www.jstor.org/stable/4615733), or false discovery rate by Benjamini and Hochberg
        (1995, doi:10.1111/j.2517-6161.1995.tb02031.x).

    Returns
    -------
    ndarray of shape (m,)

    Raises
    ------
    ValueError
        The correction is not known.

    Examples
    --------
    >>> adjust_p_values([0.01, 0.02, 0.9], "bonferroni").round(2)
    array([0.03, 0.06, 1.  ])
    >>> adjust_p_values([0.01, 0.02, 0.9], "holm").round(2)
    array([0.03, 0.04, 0.9 ])
    >>> adjust_p_values([0.01, 0.02, 0.9], "bh").round(2)
    array([0.03, 0.03, 0.9 ])
    """
    if correction not in CORRECTIONS:
        raise ValueError(f"Got correction={correction!r}, but expected one of {CORRECTIONS}.")
    given = np.asarray(p, dtype=float)
    known = np.isfinite(given)
    adjusted, m = np.full(given.shape, np.nan), int(known.sum())
    order = np.argsort(given[known], kind="stable")
    rising = given[known][order]
    if correction == "bonferroni":
        scaled = rising * m
    elif correction == "holm":
        scaled = np.maximum.accumulate(rising * np.arange(m, 0, -1))
    else:
        scaled = np.minimum.accumulate((rising * m / np.arange(1, m + 1))[::-1])[::-1]
    values = np.empty(m)
    values[order] = np.minimum(scaled, 1.0)
    adjusted[known] = values
    return adjusted
