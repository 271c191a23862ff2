"""PennyLane's circuits inside a network, in double precision."""

from collections.abc import Callable
from typing import Any

from cardiorisk._optional import require
from cardiorisk.estimators.kacq.circuit_plan import CircuitPlan
from cardiorisk.estimators.kacq.torch_circuit import unit_rows

__all__ = ["NodeCircuit"]

torch = require("torch", extra="nn")
once_differentiable = torch.autograd.function.once_differentiable


class _Double:
    """torch's default type while PennyLane makes tensors of plain numbers."""

    def __enter__(self) -> None:
        self.before = torch.get_default_dtype()
        torch.set_default_dtype(torch.float64)

    def __exit__(self, *_: object) -> None:
        torch.set_default_dtype(self.before)


class NodeCircuit(torch.autograd.Function):  # type: ignore[name-defined]
    """<Z> of every wire by a QNode, shape (n, n_qubits) and float64.

    ``NodeCircuit.apply(x, weights, plan, node)``.
    """

    @staticmethod
    def forward(
        ctx: Any, x: Any, weights: Any, plan: CircuitPlan, node: Callable[[Any, Any], Any]
    ) -> Any:
        """Run the QNode and keep its graph."""
        wanted = [need and node.diff_method is not None for need in ctx.needs_input_grad[:2]]  # type: ignore[attr-defined]
        leaves = [
            tensor.detach().cpu().double().requires_grad_(need)
            for tensor, need in zip((x, weights), wanted, strict=True)
        ]
        with _Double(), torch.set_grad_enabled(any(wanted)):
            inputs = unit_rows(leaves[0]) if plan.embedding == "amplitude" else leaves[0]
            out = torch.stack(list(node(inputs, leaves[1])), dim=-1)
        ctx.leaves, ctx.out = leaves, out
        ctx.kinds = [(tensor.device, tensor.dtype) for tensor in (x, weights)]
        return out.detach().to(x.device)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, slope: Any) -> Any:
        """Follow the graph of the QNode back."""
        if not ctx.out.requires_grad:
            raise RuntimeError("Got a call for gradients of sampled shots, which have none.")
        asked = [leaf for leaf in ctx.leaves if leaf.requires_grad]
        with _Double():
            found = iter(torch.autograd.grad(ctx.out, asked, slope.cpu(), True, allow_unused=True))
        slopes = []
        for leaf, (device, dtype) in zip(ctx.leaves, ctx.kinds, strict=True):
            one = next(found) if leaf.requires_grad else None
            if one is None and leaf.requires_grad:
                one = torch.zeros_like(leaf)
            slopes.append(None if one is None else one.to(device, dtype))
        return *slopes, None, None
