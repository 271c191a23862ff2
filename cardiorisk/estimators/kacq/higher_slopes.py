"""Slopes that can be differentiated again, for functions with a fast backward pass."""

from collections.abc import Callable, Sequence
from typing import Any

from cardiorisk._optional import require

__all__ = ["slopes_with_graph"]

torch = require("torch", extra="nn")


def slopes_with_graph(
    function: Callable[..., Any], inputs: Sequence[Any], wanted: Sequence[bool], slope: Any
) -> list[Any]:
    """Go back through torch's own operations and keep the graph of the way.

    Parameters
    ----------
    function : callable
        ``function(*inputs) -> Tensor``, the same numbers as the fast function.
    inputs : sequence of Tensor or None
        With their own graphs.
    wanted : sequence of bool
        Which inputs need slopes.
    slope : Tensor
        Of the output.

    Returns
    -------
    slopes : list of Tensor or None
        One an input; 0 for an input that the output does not depend on.

    Examples
    --------
    >>> import torch
    >>> x = torch.tensor(3.0, requires_grad=True)
    >>> (slope,) = slopes_with_graph(lambda x: x**3, [x], [True], torch.tensor(1.0))
    >>> torch.autograd.grad(slope, x)
    (tensor(18.),)
    """
    asked = [tensor for tensor, want in zip(inputs, wanted, strict=True) if want]
    with torch.enable_grad():
        out = function(*inputs)
        found = torch.autograd.grad(out, asked, slope, create_graph=True, allow_unused=True)
    filled = (torch.zeros_like(t) if s is None else s for t, s in zip(asked, found, strict=True))
    return [next(filled) if want else None for want in wanted]
