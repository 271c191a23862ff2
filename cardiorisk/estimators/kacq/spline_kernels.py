"""Base function and cubic B-splines on even knots, and their slopes, to be compiled by numba.

A cubic B-spline on even knots is, ``t`` knots from its centre, ``(far**3 - 4 * near**3) / 6`` with
``far = max(2 - t, 0)`` and ``near = max(1 - t, 0)`` (de Boor 1978, A Practical Guide to Splines,
chapter 9): no recursion and no branch. Rows come last in all arrays, so that every inner loop runs
over neighbours in memory and becomes vector instructions.
"""

from typing import Any

__all__ = ["feature_slopes", "fill_features"]


def fill_features(x: Any, sigmoid: Any, low: Any, per_step: Any, out: Any) -> None:
    """Fill ``out`` (n_inputs * (1 + n_bases), n): ``x * sigmoid``, then the splines, of each input.

    ``x`` and ``sigmoid`` are (n_inputs, n). ``low`` is the first knot of each input, ``per_step``
    one over the distance of its knots. All have one type.
    """
    depth = len(out) // len(x)
    real = x.dtype.type
    zero, one, two, sixth, two_thirds = real(0), real(1), real(2), real(1 / 6), real(2 / 3)
    for i in range(x.shape[0]):
        for row in range(x.shape[1]):
            out[i * depth, row] = x[i, row] * sigmoid[i, row]
        for k in range(1, depth):
            centre = real(k + 1)
            for row in range(x.shape[1]):
                t = abs((x[i, row] - low[i]) * per_step[i] - centre)
                far, near = max(two - t, zero), max(one - t, zero)
                spline = sixth * (far * far * far) - two_thirds * (near * near * near)
                out[i * depth + k, row] = spline


def feature_slopes(x: Any, sigmoid: Any, low: Any, per_step: Any, slopes: Any, out: Any) -> None:
    """Fill ``out`` (n_inputs, n) from the ``slopes`` of the features, shaped like them."""
    depth = len(slopes) // len(x)
    real = x.dtype.type
    zero, half, one, two = real(0), real(1 / 2), real(1), real(2)
    for i in range(x.shape[0]):
        for row in range(x.shape[1]):
            s = sigmoid[i, row]
            out[i, row] = slopes[i * depth, row] * s * (one + x[i, row] * (one - s))
        for k in range(1, depth):
            centre = real(k + 1)
            for row in range(x.shape[1]):
                t = (x[i, row] - low[i]) * per_step[i] - centre
                far, near = max(two - abs(t), zero), max(one - abs(t), zero)
                fall = (half * far * far - two * near * near) * per_step[i]
                fall *= slopes[i * depth + k, row]
                out[i, row] += fall if t < zero else -fall
