"""Loops compiled by numba, kept on disk where a folder allows it."""

from collections.abc import Callable
from functools import cache
from typing import Any

from cardiorisk._optional import require

__all__ = ["compiled"]


@cache
def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a function of arrays when it is first asked for.

    Parameters
    ----------
    function : callable
        Plain Python that numba understands; it fills arrays that it is given. Sums may be added
        in another order than written.

    Returns
    -------
    fast : callable
        Runs without the interpreter's lock. Division by zero gives infinity, as in NumPy.

    Examples
    --------
    >>> import numpy as np
    >>> def double(x):
    ...     for i in range(len(x)):
    ...         x[i] *= 2
    >>> x = np.ones(3)
    >>> compiled(double)(x)
    >>> x
    array([2., 2., 2.])
    """
    numba = require("numba")
    options = {"nogil": True, "error_model": "numpy", "fastmath": {"reassoc", "contract"}}
    try:
        return numba.njit(**options, cache=True)(function)
    except RuntimeError:  # no folder that the compiled code could be kept in
        return numba.njit(**options)(function)
