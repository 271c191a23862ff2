"""Knots of B-splines, and splines on knots of any distance."""

from typing import Any

import numpy as np
import numpy.typing as npt

from cardiorisk._optional import require

__all__ = [
    "adapted_knots",
    "extended_knots",
    "spline_bases",
    "spline_features",
    "spline_product",
    "step_of_even_knots",
]

torch = require("torch", extra="nn")

Floats = npt.NDArray[np.float64]

ROUNDING = 16 * float(np.finfo(np.float32).eps)  # of the largest knot of an input


def extended_knots(inner: Floats, degree: int) -> Floats:
    """Add ``degree`` knots on each side, at the mean distance of the inner ones.

    Parameters
    ----------
    inner : ndarray, shape (n_inputs, grid_size + 1)
        Rising.
    degree : int

    Returns
    -------
    knots : ndarray, shape (n_inputs, grid_size + 1 + 2 * degree)

    Examples
    --------
    >>> extended_knots(np.array([[0.0, 1.0]]), 2)
    array([[-2., -1.,  0.,  1.,  2.,  3.]])
    """
    step = (inner[:, -1:] - inner[:, :1]) / (inner.shape[1] - 1)
    beyond = step * np.arange(1, degree + 1)
    return np.concatenate([inner[:, :1] - beyond[:, ::-1], inner, inner[:, -1:] + beyond], axis=1)


def adapted_knots(x: Floats, grid_size: int, degree: int, even_share: float) -> Floats:
    """Knots at quantiles of a sample, mixed with even ones over its range.

    Parameters
    ----------
    x : ndarray, shape (n, n_inputs)
    grid_size, degree : int
    even_share : float
        1 gives even knots, 0 the quantiles.

    Returns
    -------
    knots : ndarray, shape (n_inputs, grid_size + 1 + 2 * degree)
        An input that is constant gets knots over one unit around its value.
    """
    quantiles = np.quantile(x, np.linspace(0, 1, grid_size + 1), axis=0).T
    low, high = quantiles[:, :1], quantiles[:, -1:]
    is_constant = high - low <= 1e-9 * np.maximum(1, abs(low))
    low, high = np.where(is_constant, low - 0.5, low), np.where(is_constant, high + 0.5, high)
    even = low + (high - low) * np.linspace(0, 1, grid_size + 1)
    mixed = even_share * even + (1 - even_share) * quantiles
    return extended_knots(np.where(is_constant, even, mixed), degree)


def step_of_even_knots(knots: Floats) -> Floats | None:
    """Distance of the knots of each input, shape (n_inputs,); None where they are uneven.

    Even is what single precision cannot tell from it, also in knots of double precision: a network
    is trained in one and predicts in the other.
    """
    steps = np.diff(knots, axis=1)
    mean = steps.mean(axis=1)
    tolerance = ROUNDING * np.abs(knots).max(axis=1, keepdims=True)
    return mean if (np.abs(steps - mean[:, None]) <= tolerance).all() else None


def spline_bases(x: Any, knots: Any, degree: int) -> Any:
    """All B-splines on given knots, by the recursion of Cox and de Boor.

    Parameters
    ----------
    x : Tensor, shape (n, n_inputs)
    knots : Tensor, shape (n_inputs, n_knots)
        Rising; equal ones are allowed.
    degree : int

    Returns
    -------
    bases : Tensor, shape (n, n_inputs, n_knots - 1 - degree)
        0 outside the knots. Each interval holds its lower end and not its upper one.

    Examples
    --------
    >>> import torch
    >>> knots = torch.arange(5.0)[None]
    >>> spline_bases(torch.tensor([[2.0], [4.0]]), knots, 3).flatten()
    tensor([0.6667, 0.0000])
    """
    at = x[..., None]
    bases = ((at >= knots[:, :-1]) & (at < knots[:, 1:])).to(x.dtype)
    for order in range(1, degree + 1):
        width = knots[:, order:] - knots[:, :-order]
        width = torch.where(width > 0, width, torch.ones_like(width))
        rising = (at - knots[:, : -order - 1]) / width[:, :-1] * bases[..., :-1]
        falling = (knots[:, order + 1 :] - at) / width[:, 1:] * bases[..., 1:]
        bases = rising + falling
    return bases


def spline_features(x: Any, knots: Any, degree: int) -> Any:
    """SiLU and all B-splines of each input, shape (n, n_inputs, 1 + n_bases)."""
    bases = spline_bases(x, knots, degree)
    return torch.cat([torch.nn.functional.silu(x)[..., None], bases], dim=-1)


def spline_product(x: Any, weight: Any, bias: Any, *, knots: Any, degree: int) -> Any:
    """Evaluate a spline layer in torch's own operations: Tensor, shape (n, n_outputs).

    Parameters
    ----------
    x : Tensor, shape (n, n_inputs)
    weight : Tensor, shape (n_inputs, 1 + n_bases, n_outputs)
    bias : Tensor, shape (n_outputs,), or None
    knots : Tensor, shape (n_inputs, n_knots)
    degree : int
    """
    y = spline_features(x, knots, degree).flatten(1) @ weight.flatten(0, 1)
    return y if bias is None else y + bias
