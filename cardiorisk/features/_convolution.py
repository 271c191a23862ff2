"""Convolve many short signals at once, close to the speed of one core.

Channels are rows and samples are contiguous, with zeros on both sides of every row, so that the
innermost loop runs along samples: it adds all taps of one channel to two outputs, which a
compiler turns into full vectors and few memory accesses.
"""

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from cardiorisk._compiled import compiled

__all__ = ["Kernel", "Rows", "convolved", "kernel", "padded"]

Floats = npt.NDArray[np.float32]

PAD = 16  # zeros on both sides of a row: a vector register, and more than any kernel reaches
LANES = 16  # samples are computed in multiples of a vector register


class Rows(NamedTuple):
    """Signals between zeros: ``values`` is (n_leads, n_channels, PAD + n_samples + PAD or more)."""

    values: Floats
    n_samples: int

    @property
    def inside(self) -> Floats:
        """The signals alone, (n_leads, n_channels, n_samples), a view."""
        return self.values[..., PAD : PAD + self.n_samples]


class Kernel(NamedTuple):
    """Weights of a convolution, (n_outputs, n_channels * stride, width), and what it begins with.

    ``bias`` is (n_outputs,).
    """

    weight: Floats
    bias: Floats
    stride: int


def kernel(weight: Floats, bias: Floats, stride: int = 1) -> Kernel:
    """Lay out weights of (width, n_channels, n_outputs), with an even number of outputs.

    A convolution that moves by more than a sample is one that moves by one over the samples
    0, stride, 2 stride ..., those after them, and so on, each as a channel.
    """
    width, n_channels, n_outputs = weight.shape
    lag = np.arange(width) - width // 2
    whole, rest = np.divmod(lag, stride)
    reach = int(np.abs(whole).max())
    laid = np.zeros((n_outputs, n_channels, stride, 2 * reach + 1), np.float32)
    laid[:, :, rest, whole + reach] = weight.transpose(2, 1, 0)
    return Kernel(laid.reshape(n_outputs, n_channels * stride, -1), bias, stride)


def _empty(n_leads: int, n_channels: int, n_samples: int) -> Floats:
    whole = -(-n_samples // LANES) * LANES
    return np.empty((n_leads, n_channels, whole + 2 * PAD), np.float32)


def padded(signals: Floats, stride: int = 1) -> Rows:
    """Put zeros around signals, (n_leads, n_channels, n_samples).

    With a ``stride``, which must divide ``n_samples``, every so many samples become a channel.
    """
    n_leads, n_channels, n_samples = signals.shape
    apart = signals.reshape(n_leads, n_channels, n_samples // stride, stride)
    rows = Rows(_empty(n_leads, n_channels * stride, n_samples // stride), n_samples // stride)
    rows.values[..., :PAD] = 0
    rows.values[..., PAD + rows.n_samples :] = 0
    rows.inside[:] = apart.transpose(0, 1, 3, 2).reshape(rows.inside.shape)
    return rows


def convolved(
    parts: Sequence[Rows], by: Kernel, *, onto: Floats | None = None, rectified: bool = True
) -> Rows:
    """Convolve signals whose channels come from several rows of the same leads, zeros beyond.

    Parameters
    ----------
    parts : sequence of Rows
        Their channels together are those of the kernel.
    by : Kernel
    onto : ndarray, shape (1, n_outputs, n_samples), optional
        What the convolution of every lead is added to, instead of the bias.
    rectified : bool, default=True
        Whether negative results become zero.
    """
    if by.stride > 1:
        parts = [padded(part.inside, by.stride) for part in parts]
    n_leads, n_samples = len(parts[0].values), parts[0].n_samples
    out = Rows(_empty(n_leads, len(by.weight), n_samples), n_samples)
    if onto is not None:
        out.inside[:] = onto
    add = _adder(by.weight.shape[2])
    first = 0
    for part in parts:
        fresh, last = (
            first == 0 and onto is None,
            first + part.values.shape[1] == by.weight.shape[1],
        )
        add(
            part.values, by.weight, first, by.bias, out.values, n_samples, fresh, rectified and last
        )
        first += part.values.shape[1]
    return out


@cache
def _adder(width: int) -> Callable[..., None]:
    """Compile the loop for a width: taps that are known in advance are unrolled."""
    reach = width // 2

    def add(
        rows: Any, weight: Any, first: Any, bias: Any, out: Any, n_samples: Any,
        fresh: Any, rectified: Any,
    ) -> None:  # fmt: skip
        end = PAD + (n_samples + LANES - 1) // LANES * LANES
        for lead in range(rows.shape[0]):
            for output in range(0, weight.shape[0], 2):
                one, two = out[lead, output], out[lead, output + 1]
                if fresh:
                    one[:] = bias[output]
                    two[:] = bias[output + 1]
                ones, twos = one[PAD:end], two[PAD:end]
                for channel in range(rows.shape[1]):
                    row = rows[lead, channel, PAD - reach : end + reach]
                    to_one, to_two = (
                        weight[output, first + channel],
                        weight[output + 1, first + channel],
                    )
                    for place in range(len(ones)):
                        sum_one, sum_two = ones[place], twos[place]
                        for tap in range(width):
                            value = row[place + tap]
                            sum_one += to_one[tap] * value
                            sum_two += to_two[tap] * value
                        ones[place] = sum_one
                        twos[place] = sum_two
                if rectified:
                    for place in range(len(ones)):
                        ones[place] = max(ones[place], np.float32(0))
                        twos[place] = max(twos[place], np.float32(0))
                one[:PAD] = 0
                two[:PAD] = 0
                one[PAD + n_samples :] = 0
                two[PAD + n_samples :] = 0

    return compiled(add, fastmath=True)
