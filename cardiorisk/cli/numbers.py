"""Numbers on the command line, refused with a reason before anything is read."""

import argparse
from collections.abc import Callable

__all__ = ["positive", "whole"]


def whole(least: int, most: int | None = None) -> Callable[[str], int]:
    """Make a reader of whole numbers within limits, for ``type=`` of an argument.

    Examples
    --------
    >>> whole(1)("20")
    20
    """
    wanted = f"a whole number of {least} or more"
    if most is not None:
        wanted = f"a whole number from {least} to {most}"

    def read(text: str) -> int:
        try:
            number = int(text)
        except ValueError:
            number = least - 1
        if number < least or (most is not None and number > most):
            raise argparse.ArgumentTypeError(f"Got {text}, but expected {wanted}.")
        return number

    return read


def positive(text: str) -> float:
    """Read a number above 0, for ``type=`` of an argument."""
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number < float("inf"):
        raise argparse.ArgumentTypeError(f"Got {text}, but expected a number above 0.")
    return number
