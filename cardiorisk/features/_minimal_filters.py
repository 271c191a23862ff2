"""Fewer multiplications for a convolution: the filters of Winograd and Toom and Cook.

A kernel of ``width`` taps, seen as a polynomial, and the samples that it meets are known by their
values at a few points. There the convolution is one product a point: ``width + 3`` products give
:data:`TOGETHER` neighbouring results, which take ``4 * width`` otherwise. With many channels the
way to the points and back costs little, as it is shared by all outputs or all inputs.

Winograd, Arithmetic Complexity of Computations, SIAM 1980, doi:10.1137/1.9781611970364; for
networks Lavin and Gray, CVPR 2016, doi:10.1109/CVPR.2016.435.
"""

from fractions import Fraction
from functools import cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from cardiorisk.features._convolution_layout import TOGETHER

__all__ = ["MinimalFilter", "minimal_filter"]

Matrix = npt.NDArray[np.float64]

# Small and near 1, so that float32 loses little: about one digit with seven taps, half a digit
# with five. Pairs of opposite sign share their even and their odd powers.
PAIRS = (Fraction(1), Fraction(1, 2), Fraction(2), Fraction(3, 4))


class MinimalFilter(NamedTuple):
    """``back @ ((taps @ kernel) * (samples @ signal))`` are neighbouring results of a correlation.

    Points are 0, p, -p for the pairs, and infinity: ``n_points`` is ``width + TOGETHER - 1``.
    ``taps`` is (n_points, width), ``samples`` (n_points, n_points), ``back`` (TOGETHER, n_points).
    """

    taps: Matrix
    samples: Matrix
    back: Matrix


def _powers(points: list[Fraction], count: int) -> list[list[Fraction]]:
    """Powers 0 to ``count - 1`` of each point; of infinity only the highest is left."""
    finite = [[point**power for power in range(count)] for point in points]
    return [*finite, [Fraction(power == count - 1) for power in range(count)]]


def _inverse(matrix: list[list[Fraction]]) -> list[list[Fraction]]:
    """Invert exactly, by Gauss and Jordan."""
    size = len(matrix)
    rows = [[*row, *(Fraction(i == j) for j in range(size))] for i, row in enumerate(matrix)]
    for column in range(size):
        pivot = next(i for i in range(column, size) if rows[i][column])
        rows[column], rows[pivot] = rows[pivot], rows[column]
        first = rows[column] = [value / rows[column][column] for value in rows[column]]
        for i in range(size):
            if i != column and (factor := rows[i][column]):
                pairs = zip(rows[i], first, strict=True)
                rows[i] = [value - factor * above for value, above in pairs]
    return [row[size:] for row in rows]


@cache
def minimal_filter(width: int) -> MinimalFilter:
    """Give the matrices for 3, 5 or 7 taps.

    Values at the points turn back into the product of polynomials by the inverse of the matrix
    of powers; a correlation is the transpose of that map (Winograd 1980). Each row of
    ``samples`` is scaled by a power of two, and ``taps`` against it, which keeps both near 1.
    """
    if width not in (3, 5, 7):
        raise ValueError(f"Got width={width}, but expected 3, 5 or 7 taps.")
    pairs = PAIRS[: (width + 1) // 2]
    points = [Fraction(0), *(sign * point for point in pairs for sign in (1, -1))]
    n_points = width + TOGETHER - 1
    samples = np.array(_inverse(_powers(points, n_points)), np.float64).T
    scale = 2.0 ** np.round(np.log2(np.abs(samples).max(axis=1, keepdims=True)))
    taps = np.array(_powers(points, width), np.float64) * scale
    return MinimalFilter(taps, samples / scale, np.array(_powers(points, TOGETHER), np.float64).T)
