"""A spline layer on even knots in one step: features and one matrix product.

The rows of the table come last in everything between ``x`` and the output: loops over them become
vector instructions, and products with few outputs are several times faster than the other way.
"""

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
        columns, rows = x.t().contiguous(), weight.flatten(0, 1)
        sigmoid = columns.sigmoid()
        features = columns.new_empty((len(rows), len(x)))
        fast(fill_features)(columns.numpy(), sigmoid.numpy(), *even, features.numpy())
        ctx.save_for_backward(x, weight, bias, knots, columns, sigmoid, features)
        ctx.even = even
        factors = rows.t(), features
        y = torch.mm(*factors) if bias is None else torch.addmm(bias[:, None], *factors)
        return y.t().contiguous()

    @staticmethod
    def backward(ctx: Any, slope: Any) -> Any:
        """Slopes of what is wanted."""
        x, weight, bias, knots, columns, sigmoid, features = ctx.saved_tensors
        wanted = ctx.needs_input_grad[:3]
        if torch.is_grad_enabled():  # the slopes will be differentiated again
            slow = partial(spline_product, knots=knots, degree=3)
            return *slopes_with_graph(slow, [x, weight, bias], wanted, slope), None, None
        of_x = of_weight = of_bias = None
        of_y = slope.t().contiguous()
        if wanted[0]:
            of_features, of_columns = weight.flatten(0, 1) @ of_y, torch.empty_like(columns)
            arrays = (columns.numpy(), sigmoid.numpy(), *ctx.even, of_features.numpy())
            fast(feature_slopes)(*arrays, of_columns.numpy())
            of_x = of_columns.t()
        if wanted[1]:
            of_weight = (features @ of_y.t()).view(weight.shape)
        if wanted[2]:
            of_bias = of_y.sum(1)
        return of_x, of_weight, of_bias, None, None
