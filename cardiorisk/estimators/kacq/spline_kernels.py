"""Base function and cubic B-splines on even knots, and their slopes, to be compiled by numba.

On even knots a cubic B-spline is one of four cubic pieces of the distance to the last knot, so
that no recursion is needed (de Boor 1978, A Practical Guide to Splines, chapter 9).
"""

from typing import Any

__all__ = ["feature_slopes", "fill_features"]


def fill_features(x: Any, sigmoid: Any, low: Any, per_step: Any, out: Any) -> None:
    """Fill ``out`` (n, n_inputs, 1 + n_bases): ``x * sigmoid`` first, then the splines.

    ``low`` is the first knot of each input, ``per_step`` one over the distance of its knots.
    """
    n_bases = out.shape[2] - 1
    for row in range(x.shape[0]):
        for i in range(x.shape[1]):
            cell = out[row, i]
            cell[:] = 0
            cell[0] = x[row, i] * sigmoid[row, i]
            position = (x[row, i] - low[i]) * per_step[i]
            if not 0 <= position < n_bases + 3:
                continue
            span = int(position)
            f = position - span
            g = 1 - f
            if span < n_bases:
                cell[span + 1] = f * f * f / 6
            if 1 <= span <= n_bases:
                cell[span] = (1 + 3 * f * (1 + f * g)) / 6
            if 2 <= span <= n_bases + 1:
                cell[span - 1] = (1 + 3 * g * (1 + g * f)) / 6
            if span >= 3:
                cell[span - 2] = g * g * g / 6


def feature_slopes(x: Any, sigmoid: Any, low: Any, per_step: Any, slopes: Any, out: Any) -> None:
    """Fill ``out`` (n, n_inputs) from the ``slopes`` of the features, shaped like them."""
    n_bases = slopes.shape[2] - 1
    for row in range(x.shape[0]):
        for i in range(x.shape[1]):
            cell, s = slopes[row, i], sigmoid[row, i]
            out[row, i] = cell[0] * s * (1 + x[row, i] * (1 - s))
            position = (x[row, i] - low[i]) * per_step[i]
            if not 0 <= position < n_bases + 3:
                continue
            span = int(position)
            f = position - span
            g = 1 - f
            total = 0 * f
            if span < n_bases:
                total += cell[span + 1] * (f * f)
            if 1 <= span <= n_bases:
                total += cell[span] * (1 + f * (2 - 3 * f))
            if 2 <= span <= n_bases + 1:
                total -= cell[span - 1] * (1 + g * (2 - 3 * g))
            if span >= 3:
                total -= cell[span - 2] * (g * g)
            out[row, i] += total * per_step[i] / 2
