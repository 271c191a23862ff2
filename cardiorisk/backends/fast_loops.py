"""Compiled loops over numbers, each compiled once a process."""

from collections.abc import Callable
from functools import cache
from typing import Any

from cardiorisk._compiled import compiled

__all__ = ["fast"]


@cache
def fast(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a function of arrays when it is first asked for, and remember it.

    Parameters
    ----------
    function : callable
        It fills arrays that it is given. Sums may be added in another order than written; NaN and
        infinity are kept.

    Returns
    -------
    fast : callable

    Examples
    --------
    >>> import numpy as np
    >>> def double(x):
    ...     for i in range(len(x)):
    ...         x[i] *= 2
    >>> x = np.ones(3)
    >>> fast(double)(x)
    >>> x
    array([2., 2., 2.])
    """
    return compiled(function, fastmath={"reassoc", "contract"})
