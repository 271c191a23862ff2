"""Convolve many short signals at once, close to the speed of one core.

Channels are rows and samples are contiguous, with zeros on both sides of every row.
"""

from collections.abc import Callable, Sequence
from functools import cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from cardiorisk.features._convolution_layout import OUTPUTS, PAD, WHOLE

__all__ = ["Kernel", "Rows", "convolved", "empty_rows", "kernel", "padded"]

Floats = npt.NDArray[np.float32]


class Rows(NamedTuple):
    """Signals between zeros: ``values`` is (n_leads, n_channels, PAD + n_samples + PAD or more)."""

    values: Floats
    n_samples: int

    @property
    def inside(self) -> Floats:
        """The signals alone, (n_leads, n_channels, n_samples), a view."""
        return self.values[..., PAD : PAD + self.n_samples]


class Kernel(NamedTuple):
    """Weights of a convolution, and what it begins with.

    ``weight`` is (n_outputs / OUTPUTS, n_channels * stride, width, OUTPUTS), ``bias``
    (n_outputs,).
    """

    weight: Floats
    bias: Floats
    stride: int


def kernel(weight: Floats, bias: Floats, stride: int = 1) -> Kernel:
    """Lay out weights of (width, n_channels, n_outputs), ``n_outputs`` a multiple of four.

    A convolution that moves by more than a sample is one that moves by one over the samples
    0, stride, 2 stride ..., those after them, and so on, each as a channel.
    """
    width, n_channels, n_outputs = weight.shape
    lag = np.arange(width) - width // 2
    whole, rest = np.divmod(lag, stride)
    reach = int(np.abs(whole).max())
    laid = np.zeros((2 * reach + 1, n_channels, stride, n_outputs), np.float32)
    laid[whole + reach, :, rest] = weight
    laid = laid.reshape(2 * reach + 1, n_channels * stride, -1, OUTPUTS)
    return Kernel(np.ascontiguousarray(laid.transpose(2, 1, 0, 3)), bias, stride)


def empty_rows(n_leads: int, n_channels: int, n_samples: int) -> Rows:
    """Rows whose insides are to be written."""
    whole = -(-n_samples // WHOLE) * WHOLE
    values = np.empty((n_leads, n_channels, whole + 2 * PAD), np.float32)
    values[..., :PAD] = 0
    values[..., PAD + n_samples :] = 0
    return Rows(values, n_samples)


def padded(signals: Floats, stride: int = 1) -> Rows:
    """Put zeros around signals, (n_leads, n_channels, n_samples).

    With a ``stride``, which must divide ``n_samples``, every so many samples become a channel.
    """
    n_leads, n_channels, n_samples = signals.shape
    apart = signals.reshape(n_leads, n_channels, n_samples // stride, stride)
    rows = empty_rows(n_leads, n_channels * stride, n_samples // stride)
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
    out = empty_rows(n_leads, len(by.bias), n_samples)
    if onto is not None:
        out.inside[:] = onto
    first, n_channels, width = 0, *by.weight.shape[1:3]
    for part in parts:
        after = first + part.values.shape[1]
        lowest = np.float32(0 if rectified and after == n_channels else -np.inf)
        fresh = first == 0 and onto is None
        _adder(width)(part.values, by.weight, first, by.bias, fresh, out.values, n_samples, lowest)
        first = after
    return out


@cache
def _adder(width: int) -> Callable[..., None]:
    from cardiorisk.features._convolution_loops import adder

    return adder(width)
