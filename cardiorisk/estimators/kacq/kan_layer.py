"""A layer whose every connection is a curve: Kolmogorov-Arnold."""

from math import sqrt
from numbers import Integral
from typing import Any

import numpy as np

from cardiorisk._optional import require
from cardiorisk.estimators.kacq.spline_grid import (
    adapted_knots,
    extended_knots,
    spline_bases,
    spline_features,
    spline_product,
    step_of_even_knots,
)
from cardiorisk.estimators.kacq.spline_product import SplineProduct

__all__ = ["KANLayer"]

torch = require("torch", extra="nn")
nn = torch.nn

COMPILED_TYPES = (torch.float32, torch.float64)


class KANLayer(nn.Module):  # type: ignore[name-defined]  # torch is imported late
    """Sum, for each output, one curve of each input: SiLU plus a B-spline.

    ``y[o] = bias[o] + sum over i of (w[i, o] silu(x[i]) + sum over b of c[i, b, o] B[b](x[i]))``

    Parameters
    ----------
    in_features, out_features : int
    grid_size : int, default=5
        Intervals of the range. There are ``grid_size + degree`` splines an input.
    degree : int, default=3
        Of the splines; 3 on even knots has the fast path.
    grid_range : tuple of float, default=(-1.0, 1.0)
        Where the inputs are expected. ``degree`` further knots on each side let the splines fade;
        beyond them only SiLU is left.
    scale : {"free", "shared"}, default="free"
        "free" learns ``w`` and ``c``. "shared" learns one factor ``s[i, o]`` and coefficients, with
        ``w = s`` and ``c = s * coefficients``: the layer of the published network. They have
        equally many parameters and start alike.
    noise : float, default=0.1
        Standard deviation of the first coefficients; ``s`` starts Glorot-uniform, the bias at 0.
    bias : bool, default=True

    Attributes
    ----------
    weight : Parameter, shape (in_features, 1 + grid_size + degree, out_features)
        Of "free": ``w`` first, then ``c``.
    scale, coefficients : Parameter
        Of "shared": shapes (in_features, out_features) and (in_features, grid_size + degree,
        out_features).
    bias : Parameter, shape (out_features,), or None
    knots : Tensor, shape (in_features, grid_size + 1 + 2 * degree)
        A buffer, in the state dict.

    Raises
    ------
    ValueError
        A parameter is out of its range.

    Notes
    -----
    Liu et al. 2024, arXiv:2404.19756; numbers of the first weights and the shared factor as in
    tfkan's ``DenseKAN``. On the CPU, in float32 or float64, cubic splines on even knots are
    evaluated by compiled polynomials and one matrix product; all else, also the slopes of
    slopes, runs in torch's own operations.

    Examples
    --------
    >>> import torch
    >>> layer = KANLayer(11, 2, grid_size=3)
    >>> layer(torch.zeros(4, 11)).shape
    torch.Size([4, 2])
    >>> sum(parameter.numel() for parameter in layer.parameters())
    156
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        *,
        grid_size: int = 5,
        degree: int = 3,
        grid_range: tuple[float, float] = (-1.0, 1.0),
        scale: str = "free",
        noise: float = 0.1,
        bias: bool = True,
    ) -> None:
        super().__init__()
        sizes = {"in_features": in_features, "out_features": out_features}
        for name, value in {**sizes, "grid_size": grid_size, "degree": degree}.items():
            if not isinstance(value, Integral) or value < 1:
                raise ValueError(f"Got {name}={value!r}, but expected an integer of at least 1.")
        low, high = grid_range
        if not (np.isfinite([low, high]).all() and low < high):
            raise ValueError(f"Got grid_range={grid_range!r}, but expected two rising numbers.")
        if scale not in ("free", "shared"):
            raise ValueError(f"Got scale={scale!r}, but expected 'free' or 'shared'.")
        self.in_features, self.out_features = int(in_features), int(out_features)
        self.grid_size, self.degree, self.is_shared = int(grid_size), int(degree), scale == "shared"
        inner = np.tile(np.linspace(low, high, grid_size + 1), (in_features, 1))
        knots = torch.tensor(extended_knots(inner, degree), dtype=torch.get_default_dtype())
        self.register_buffer("knots", knots)
        limit = sqrt(6 / (in_features + out_features))
        factor = (2 * torch.rand(in_features, out_features) - 1) * limit
        coefficients = noise * torch.randn(in_features, grid_size + degree, out_features)
        if self.is_shared:
            self.scale = nn.Parameter(factor)
            self.coefficients = nn.Parameter(coefficients)
        else:
            first = factor[:, None]
            self.weight = nn.Parameter(torch.cat([first, first * coefficients], dim=1))
        self.bias = nn.Parameter(torch.zeros(out_features)) if bias else None
        self._even: tuple[Any, Any] | None = None

    def forward(self, x: Any) -> Any:
        """Evaluate the layer.

        Parameters
        ----------
        x : Tensor, shape (..., in_features)

        Returns
        -------
        y : Tensor, shape (..., out_features)
        """
        self._check_width(x)
        if x.ndim != 2:  # reshaping is a step of its own for the slopes
            flat = self.forward(x.reshape(-1, self.in_features))
            return flat.reshape(*x.shape[:-1], self.out_features)
        weight, knots = self.edge_weights(), self.knots
        even = self._even_knots(knots) if self._is_compiled(x, weight) else None
        if even is not None:
            return SplineProduct.apply(x, weight, self.bias, knots, even)
        return spline_product(x, weight, self.bias, knots=knots.to(x.dtype), degree=self.degree)

    def edge_weights(self) -> Any:
        """Weight of SiLU, then those of the splines, of each connection.

        Returns
        -------
        weights : Tensor, shape (in_features, 1 + grid_size + degree, out_features)
        """
        if not self.is_shared:
            return self.weight
        factor = self.scale[:, None]
        return torch.cat([factor, factor * self.coefficients], dim=1)

    def edge_curves(self, x: Any) -> Any:
        """Value of the curve of each connection.

        Parameters
        ----------
        x : Tensor, shape (n, in_features)

        Returns
        -------
        curves : Tensor, shape (n, in_features, out_features)
            Their sum over the inputs, plus the bias, is the output.
        """
        self._check_width(x)
        features = spline_features(x, self.knots.to(x.dtype), self.degree)
        return torch.einsum("nik,iko->nio", features, self.edge_weights())

    def update_grid(self, x: Any, *, even_share: float = 0.02) -> None:
        """Move the knots to where a sample lies and keep the curves, by least squares.

        Parameters
        ----------
        x : Tensor, shape (n, in_features)
        even_share : float, default=0.02
            1 spreads the knots evenly over the range of the sample, 0 puts them at its quantiles.
            The fast path needs 1.
        """
        self._check_width(x)
        with torch.no_grad():
            sample = x.double()
            curves = torch.einsum(
                "nik,iko->nio",
                spline_bases(sample, self.knots.double(), self.degree),
                (self.coefficients if self.is_shared else self.weight[:, 1:]).double(),
            )
            knots = adapted_knots(sample.cpu().numpy(), self.grid_size, self.degree, even_share)
            self.knots.copy_(torch.from_numpy(knots))
            bases = spline_bases(sample, self.knots.double(), self.degree)
            for i in range(self.in_features):
                pair = bases[:, i].cpu().numpy(), curves[:, i].cpu().numpy()
                found = torch.from_numpy(np.linalg.lstsq(*pair, rcond=1e-10)[0])
                (self.coefficients[i] if self.is_shared else self.weight[i, 1:]).copy_(found)

    def extra_repr(self) -> str:
        """Return the settings, for the repr."""
        sizes = f"{self.in_features}, {self.out_features}"
        return f"{sizes}, grid_size={self.grid_size}, degree={self.degree}"

    def _check_width(self, x: Any) -> None:
        if x.shape[-1] != self.in_features:
            raise ValueError(
                f"Got inputs of shape {tuple(x.shape)}, but expected (..., {self.in_features})."
            )

    def _is_compiled(self, x: Any, weight: Any) -> bool:
        on_cpu = x.is_cpu and weight.is_cpu
        same = x.dtype is weight.dtype and x.dtype in COMPILED_TYPES
        return on_cpu and same and self.degree == 3 and not torch.is_autocast_enabled("cpu")

    def _even_knots(self, knots: Any) -> tuple[Any, Any] | None:
        """First knot and one over the distance of each input; None where they are uneven."""
        # In torch's inference mode tensors count no versions: nothing is kept from there.
        version = None if knots.is_inference() else knots._version
        state = knots.data_ptr(), version, knots.dtype
        if self._even is None or version is None or self._even[0] != state:
            knots = knots.numpy()
            step = step_of_even_knots(knots)
            found = None if step is None else (knots[:, 0].copy(), (1 / step).astype(knots.dtype))
            self._even = state, found
        return self._even[1]
