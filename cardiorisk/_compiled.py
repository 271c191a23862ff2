"""Compile loops with numba, and keep the machine code where that is possible."""

from collections.abc import Callable
from typing import Any

from cardiorisk._optional import require

__all__ = ["compiled"]


def compiled(
    function: Callable[..., Any], *, fastmath: bool | set[str] = False
) -> Callable[..., Any]:
    """Compile a function at its first call, for the types of its arguments.

    Machine code is kept beside the module or in the user's cache folder. Where neither can be
    written, or stops being so, the function is compiled for this process alone.

    Parameters
    ----------
    function : callable
        That numba can compile. It runs without Python's global lock.
    fastmath : bool or set of str, default=False
        Allow sums in another order, and forget NaN and infinity; or only what is named, in the
        words of LLVM.

    Returns
    -------
    compiled : callable
    """
    numba = require("numba")
    for_this_process = numba.njit(nogil=True, fastmath=fastmath)(function)
    try:
        kept = numba.njit(nogil=True, fastmath=fastmath, cache=True)(function)
    except RuntimeError:  # no folder that the compiled code could be kept in
        return for_this_process

    def call(*arguments: Any) -> Any:
        try:
            return kept(*arguments)
        except OSError:  # the folder was lost or is full
            return for_this_process(*arguments)

    return call
