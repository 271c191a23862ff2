"""The two channels: splines with circuits, and a recurrent network with splines."""

from typing import Any

from cardiorisk._optional import require
from cardiorisk.estimators.kacq.kan_layer import KANLayer
from cardiorisk.estimators.kacq.lstm import LSTM
from cardiorisk.estimators.kacq.network_plan import NetworkPlan
from cardiorisk.estimators.kacq.quantum_layer import QuantumLayer

__all__ = ["Circuits", "quantum_channel", "recurrent_channel"]

torch = require("torch", extra="nn")
nn = torch.nn


def _curves(plan: NetworkPlan, n_inputs: int, n_outputs: int, grid_size: int | None = None) -> Any:
    """Make a spline layer, or a dense one with ReLU in the ablation."""
    if not plan.use_kan:
        return nn.Sequential(nn.Linear(n_inputs, n_outputs), nn.ReLU())
    grid_size = plan.kan_grid if grid_size is None else grid_size
    return KANLayer(n_inputs, n_outputs, grid_size=grid_size, scale=plan.kan_scale)


class Circuits(nn.Module):  # type: ignore[name-defined]  # torch is imported late
    """Circuits side by side, each on its own part of the inputs.

    Parameters
    ----------
    plan : NetworkPlan
    """

    def __init__(self, plan: NetworkPlan) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            QuantumLayer(
                plan.n_qubits,
                plan.n_layers,
                plan.embedding,
                plan.simulator,
                plan.shots,
                plan.noise,
                rotation=plan.rotation,
            )
            for _ in range(plan.n_circuits)
        )
        self.n_inputs = sum(layer.plan.n_inputs for layer in self.layers)

    def forward(self, x: Any) -> Any:
        """Return the expectations of all circuits, shape (n, n_circuits * n_qubits)."""
        parts = x.chunk(len(self.layers), dim=-1)
        return torch.cat([layer(part) for layer, part in zip(self.layers, parts, strict=True)], -1)


class _Tokens(nn.Module):  # type: ignore[name-defined]
    """One curve layer shared by all inputs: (n, n_tokens) to (n, n_tokens * n_units)."""

    def __init__(self, curves: Any) -> None:
        super().__init__()
        self.curves = curves

    def forward(self, x: Any) -> Any:
        return self.curves(x[..., None]).flatten(1)


def quantum_channel(plan: NetworkPlan) -> tuple[Any, int]:
    """Build splines of each input, splines, circuits and splines; return its width too."""
    parts: list[Any] = []
    width = plan.n_tokens
    if plan.token_units:
        parts += [_Tokens(_curves(plan, 1, plan.token_units)), nn.Dropout(plan.dropout)]
        width *= plan.token_units
    for units in plan.quantum_units:
        parts += [_curves(plan, width, units), nn.Dropout(plan.dropout)]
        width = units
    if plan.n_circuits:
        circuits = Circuits(plan)
        parts += [_curves(plan, width, circuits.n_inputs, plan.circuit_grid), circuits]
        width = plan.n_circuits * plan.n_qubits
    for units in plan.readout_units:
        parts += [_curves(plan, width, units), nn.Dropout(plan.dropout)]
        width = units
    return nn.Sequential(*parts), width


class _Steps(nn.Module):  # type: ignore[name-defined]
    """Recurrent layers over the inputs, one a step: (n, n_tokens) to (n, n_tokens * n_units)."""

    def __init__(self, layers: list[Any]) -> None:
        super().__init__()
        self.layers = nn.Sequential(*layers)

    def forward(self, x: Any) -> Any:
        return self.layers(x[..., None]).flatten(1)


def recurrent_channel(plan: NetworkPlan) -> tuple[Any, int]:
    """Build recurrent, dense and spline layers; return its width too."""
    layers, width = [], 1
    for units in plan.lstm_units:
        layer = LSTM(
            width, units, bidirectional=plan.bidirectional, activation=plan.lstm_activation
        )
        layers.append(layer)
        width = units * (2 if plan.bidirectional else 1)
    parts: list[Any] = [_Steps(layers), nn.Dropout(plan.dropout)] if layers else []
    width *= plan.n_tokens
    for units in plan.dense_units:
        parts += [nn.Linear(width, units), nn.ReLU(), nn.Dropout(plan.dropout)]
        width = units
    for units in plan.classical_units:
        parts += [_curves(plan, width, units), nn.Dropout(plan.dropout)]
        width = units
    return nn.Sequential(*parts), width
