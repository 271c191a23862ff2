"""Numbers on the command line, refused with a reason before anything is read."""

import argparse
from collections.abc import Callable

__all__ = ["MANY", "MOST_SEED", "from_to", "jobs", "whole"]

MANY = 1_000_000
MOST_SEED = 2**32 - 1


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


def from_to(least: float, most: float) -> Callable[[str], float]:
    """Make a reader of numbers within limits, for ``type=`` of an argument.

    Examples
    --------
    >>> from_to(0.01, 150)("2.5")
    2.5
    """

    def read(text: str) -> float:
        try:
            number = float(text)
        except ValueError:
            number = float("nan")
        if not least <= number <= most:
            raise argparse.ArgumentTypeError(
                f"Got {text}, but expected a number from {least:g} to {most:g}."
            )
        return number

    return read


def jobs(text: str) -> int:
    """Read a number of processes, or -1 for one a core and so on down, for ``type=``."""
    number = whole(-MANY, MANY)(text)
    if number == 0:
        raise argparse.ArgumentTypeError("Got 0, but expected 1 or more, or -1 for all cores.")
    return number
