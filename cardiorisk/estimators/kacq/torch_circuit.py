"""The circuit in torch's own operations: on any device, with noise, and differentiable twice."""

from typing import Any

from cardiorisk._optional import require
from cardiorisk.backends.ansatz import gate_sequence, ring_ranges, ring_rows, signs
from cardiorisk.estimators.kacq.circuit_plan import CircuitPlan

__all__ = [
    "embedded",
    "exact_expectations",
    "expectations",
    "outcome_probabilities",
    "rotations",
    "unit_rows",
]

torch = require("torch", extra="nn")

MAX_NUMBERS = 2**22  # complex numbers of density matrices that are held at once


def unit_rows(x: Any) -> Any:
    """Divide rows by their length; a row of zeros becomes the first basis state.

    Parameters
    ----------
    x : Tensor of float64, shape (n, n_states)

    Returns
    -------
    states : Tensor, shape (n, n_states)

    Examples
    --------
    >>> import torch
    >>> unit_rows(torch.tensor([[3.0, 4.0], [0.0, 0.0]]).double()).round(decimals=2).tolist()
    [[0.6, 0.8], [1.0, 0.0]]
    """
    is_zero = (x == 0).all(dim=-1, keepdim=True)
    first = torch.zeros_like(x[:1])
    first[:, 0] = 1.0
    filled = torch.where(is_zero, first, x)
    return filled / filled.norm(dim=-1, keepdim=True)


def embedded(x: Any, plan: CircuitPlan) -> Any:
    """States of the inputs, complex128, shape (n, 2 ** n_qubits)."""
    if plan.embedding == "amplitude":
        return unit_rows(x.double()).to(torch.complex128)
    half = x.double() / 2
    if plan.rotation == "Z":
        half = half * 0  # only a phase that nobody sees
    pairs = torch.stack([half.cos(), half.sin()], dim=-1)  # (n, n_qubits, 2)
    states = pairs[:, 0]
    for wire in range(1, plan.n_qubits):
        states = (states[:, :, None] * pairs[:, wire, None, :]).flatten(1)
    return states * torch.tensor(plan.phases, device=x.device)


def rotations(weights: Any) -> Any:
    """``Rot`` of each layer and wire, shape (n_layers, n_qubits, 2, 2)."""
    phi, theta, omega = weights.double().unbind(-1)
    cos, sin = (theta / 2).cos(), (theta / 2).sin()
    whole = torch.polar(torch.ones_like(phi), (phi + omega) / 2)
    half = torch.polar(torch.ones_like(phi), (phi - omega) / 2)
    entries = [cos * whole.conj(), -sin * half, sin * half.conj(), cos * whole]
    return torch.stack(entries, dim=-1).unflatten(-1, (2, 2))


def _turn(states: Any, gate: Any, wire: int, n_qubits: int) -> Any:
    """Apply a gate to one wire of states along dimension 1; what follows is carried along."""
    shape = states.shape
    parts = states.reshape(shape[0], 2**wire, 2, -1)
    return torch.einsum("ij,najb->naib", gate, parts).reshape(shape)


def _pure(states: Any, weights: Any, plan: CircuitPlan) -> Any:
    gates = rotations(weights)
    for layer, reach in enumerate(ring_ranges(plan.n_qubits, plan.n_layers)):
        for wire in range(plan.n_qubits):
            states = _turn(states, gates[layer, wire], wire, plan.n_qubits)
        states = states[:, torch.tensor(ring_rows(plan.n_qubits, reach), device=states.device)]
    return states.real.square() + states.imag.square()


def _depolarised(density: Any, wire: int, noise: float) -> Any:
    """Mix the qubit of a wire with the fully mixed one; ``noise`` is PennyLane's ``p``."""
    n_states = density.shape[1]
    left, right = 2**wire, n_states // 2 ** (wire + 1)
    parts = density.reshape(-1, left, 2, right, left, 2, right)
    average = (parts[:, :, 0, :, :, 0] + parts[:, :, 1, :, :, 1]) / 2
    mixed = torch.zeros_like(parts)
    mixed[:, :, 0, :, :, 0] = average
    mixed[:, :, 1, :, :, 1] = average
    kept = 1 - 4 * noise / 3
    return (kept * parts + (1 - kept) * mixed).reshape(density.shape)


def _mixed(states: Any, weights: Any, plan: CircuitPlan, noise: float) -> Any:
    density = states[:, :, None] * states[:, None, :].conj()
    gates, n_qubits = rotations(weights), plan.n_qubits
    for gate, layer, wires in gate_sequence(n_qubits, plan.n_layers):
        if gate == "Rot":
            matrix = gates[layer, wires[0]]
            density = _turn(density, matrix, wires[0], n_qubits).transpose(1, 2)
            density = _turn(density, matrix.conj(), wires[0], n_qubits).transpose(1, 2)
        else:
            order = _cnot_rows(n_qubits, *wires, device=density.device)
            density = density[:, order][:, :, order]
        for wire in wires:
            density = _depolarised(density, wire, noise)
    return density.diagonal(dim1=1, dim2=2).real


def _cnot_rows(n_qubits: int, control: int, target: int, *, device: Any) -> Any:
    states = torch.arange(2**n_qubits, device=device)
    is_set = states >> (n_qubits - 1 - control) & 1
    return states ^ (is_set << (n_qubits - 1 - target))


def outcome_probabilities(x: Any, weights: Any, plan: CircuitPlan, noise: float = 0.0) -> Any:
    """Probability of each basis state at the end, float64, shape (n, 2 ** n_qubits).

    Parameters
    ----------
    x : Tensor, shape (n, n_inputs)
    weights : Tensor, shape (n_layers, n_qubits, 3)
    plan : CircuitPlan
    noise : float, default=0.0
        Probability ``p`` of PennyLane's ``DepolarizingChannel``, applied to each wire of each gate
        of the ansatz, once after the gate. Density matrices then take the place of states.
    """
    states = embedded(x, plan)
    if not noise:
        return _pure(states, weights, plan)
    chunks = states.split(max(1, MAX_NUMBERS // 4**plan.n_qubits))
    return torch.cat([_mixed(chunk, weights, plan, noise) for chunk in chunks])


def expectations(probabilities: Any, n_qubits: int) -> Any:
    """<Z> of each wire from the probabilities of the basis states, shape (n, n_qubits)."""
    table = torch.tensor(signs(n_qubits), device=probabilities.device)
    return probabilities @ table


def exact_expectations(x: Any, weights: Any, plan: CircuitPlan) -> Any:
    """<Z> of each wire without noise, shape (n, n_qubits)."""
    return expectations(outcome_probabilities(x, weights, plan), plan.n_qubits)
