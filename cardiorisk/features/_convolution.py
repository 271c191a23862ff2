"""Convolve many short signals at once, close to the speed of one core.

Channels are rows and samples are contiguous, with zeros on both sides of every row.
"""

from collections.abc import Callable, Sequence
from functools import cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from cardiorisk.features._convolution_layout import OUTPUTS, PAD, TOGETHER, WHOLE
from cardiorisk.features._minimal_filters import minimal_filter

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
    """Weights of a convolution at the points of a minimal filter, and what it begins with.

    ``weight`` is (n_points, n_outputs / OUTPUTS, n_channels * stride, OUTPUTS), ``bias``
    (n_outputs,).
    """

    weight: Floats
    bias: Floats
    stride: int

    @property
    def width(self) -> int:
        """Taps of the kernel, with a stride those of the channels that it makes."""
        return len(self.weight) + 1 - TOGETHER


def kernel(weight: Floats, bias: Floats, stride: int = 1) -> Kernel:
    """Lay out weights of (width, n_channels, n_outputs), ``n_outputs`` a multiple of four.

    A convolution that moves by more than a sample is one that moves by one over the samples
    0, stride, 2 stride ..., those after them, and so on, each as a channel. It must then have 3,
    5 or 7 taps.
    """
    width, n_channels, n_outputs = weight.shape
    if n_outputs % OUTPUTS:
        raise ValueError(f"Got {n_outputs} outputs, but expected a multiple of {OUTPUTS}.")
    lag = np.arange(width) - width // 2
    whole, rest = np.divmod(lag, stride)
    reach = int(np.abs(whole).max())
    laid = np.zeros((2 * reach + 1, n_channels, stride, n_outputs))
    laid[whole + reach, :, rest] = weight
    at_points = minimal_filter(len(laid)).taps @ laid.reshape(len(laid), -1)
    at_points = at_points.reshape(-1, n_channels * stride, n_outputs // OUTPUTS, OUTPUTS)
    ordered = at_points.transpose(0, 2, 1, 3).astype(np.float32, order="C")
    return Kernel(ordered, bias, stride)


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
    parts: Sequence[Rows],
    by: Kernel,
    *,
    onto: Floats | None = None,
    rectified: bool = True,
    shift: Floats | None = None,
) -> Rows:
    """Convolve signals whose channels come from one or two rows of the same leads, zeros beyond.

    Parameters
    ----------
    parts : sequence of one or two Rows
        Their channels together are those of the kernel.
    by : Kernel
    onto : ndarray, shape (1, n_outputs, n_samples), optional
        What the convolution of every lead is added to, instead of the bias.
    rectified : bool, default=True
        Whether negative results become zero.
    shift : ndarray, shape (n_leads, n_outputs), optional
        What is added in the end.
    """
    if by.stride > 1:
        parts = [padded(part.inside, by.stride) for part in parts]
    one, other = parts[0], parts[-1].values[:, : 0 if len(parts) == 1 else None]
    n_leads, n_outputs = len(one.values), len(by.bias)
    out = empty_rows(n_leads, n_outputs, one.n_samples)
    if onto is not None:
        out.inside[:] = onto
    if shift is None:
        shift = np.zeros((n_leads, n_outputs), np.float32)
    lowest = np.float32(0 if rectified else -np.inf)
    _adder(by.width)(
        one.values,
        other,
        by.weight,
        by.bias,
        onto is None,
        out.values,
        one.n_samples,
        lowest,
        shift,
    )
    return out


@cache
def _adder(width: int) -> Callable[..., None]:
    from cardiorisk.features._convolution_loops import adder

    return adder(width)
