"""A spline layer on even knots in one step: features and one matrix product."""

from functools import partial
from typing import Any

from cardiorisk._optional import require
from cardiorisk.backends.fast_loops import fast
from cardiorisk.estimators.kacq.higher_slopes import slopes_with_graph
from cardiorisk.estimators.kacq.spline_grid import spline_product
from cardiorisk.estimators.kacq.spline_kernels import feature_slopes, fill_features

__all__ = ["SplineProduct"]

torch = require("torch", extra="nn")


class SplineProduct(torch.autograd.Function):  # type: ignore[name-defined]
    """Outputs of a layer with cubic splines on even knots, on the CPU.

    ``SplineProduct.apply(x, weight, bias, knots, even)``: ``x`` (n, n_inputs), ``weight``
    (n_inputs, 1 + n_bases, n_outputs), ``bias`` and ``knots`` of one floating-point type; ``even``
    are the arrays ``low`` and ``per_step`` of
    :func:`~cardiorisk.estimators.kacq.spline_kernels.fill_features`.
    """

    @staticmethod
    def forward(ctx: Any, x: Any, weight: Any, bias: Any, knots: Any, even: Any) -> Any:
        """Return Tensor, shape (n, n_outputs)."""
        inputs = x.detach().contiguous()
        sigmoid = torch.sigmoid(inputs)
        features = inputs.new_empty((len(x), *weight.shape[:2]))
        arrays = (tensor.numpy() for tensor in (inputs, sigmoid))
        fast(fill_features)(*arrays, *even, features.numpy())
        ctx.save_for_backward(x, weight, bias, knots, sigmoid, features)
        ctx.even = even
        flat = features.flatten(1), weight.flatten(0, 1)
        return torch.mm(*flat) if bias is None else torch.addmm(bias, *flat)

    @staticmethod
    def backward(ctx: Any, slope: Any) -> Any:
        """Slopes of what is wanted."""
        x, weight, bias, knots, sigmoid, features = ctx.saved_tensors
        if torch.is_grad_enabled():  # the slopes will be differentiated again
            wanted = ctx.needs_input_grad[:3]
            slow = partial(spline_product, knots=knots, degree=3)
            return *slopes_with_graph(slow, [x, weight, bias], wanted, slope), None, None
        of_x = of_weight = of_bias = None
        if ctx.needs_input_grad[0]:
            of_features = torch.mm(slope, weight.flatten(0, 1).t())
            inputs = x.contiguous()
            of_x = torch.empty_like(inputs)
            arrays = (tensor.numpy() for tensor in (inputs, sigmoid))
            of_cells = of_features.numpy().reshape(features.shape)
            fast(feature_slopes)(*arrays, *ctx.even, of_cells, of_x.numpy())
        if ctx.needs_input_grad[1]:
            of_weight = torch.mm(features.flatten(1).t(), slope).view(weight.shape)
        if ctx.needs_input_grad[2]:
            of_bias = slope.sum(0)
        return of_x, of_weight, of_bias, None, None
