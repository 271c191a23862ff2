"""Expectations of a circuit and their exact gradients, on the CPU.

Inputs are not uploaded again, so the ansatz is one unitary matrix for the whole batch. It is built
once a step by applying the gates to the identity; then one real matrix product serves all rows.
With many qubits the matrix costs more than it saves, and the gates are applied to the rows.
"""

from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from cardiorisk._optional import require
from cardiorisk.backends.ansatz import layer_rows, signs
from cardiorisk.backends.fast_loops import fast
from cardiorisk.backends.gate_kernels import angle_slopes, evolve, evolve_back, fill_rotations
from cardiorisk.backends.state_embedding import (
    embed_amplitudes,
    embed_amplitudes_back,
    embed_angles,
    embed_angles_back,
)
from cardiorisk.estimators.kacq.circuit_plan import CircuitPlan
from cardiorisk.estimators.kacq.higher_slopes import slopes_with_graph
from cardiorisk.estimators.kacq.torch_circuit import exact_expectations

__all__ = ["ExactCircuit"]

torch = require("torch", extra="nn")

Floats = npt.NDArray[np.float64]


def _embed(plan: CircuitPlan, x: npt.NDArray[Any]) -> tuple[Floats, Floats]:
    """Real states (n, 2 ** n_qubits), and the lengths of the rows."""
    states, lengths = np.empty((len(x), 2**plan.n_qubits)), np.ones(len(x))
    if plan.embedding == "amplitude":
        fast(embed_amplitudes)(x, states, lengths)
    else:
        # A turn about Z only changes the phase of the first basis state, which nobody sees.
        fast(embed_angles)(x * 0 if plan.rotation == "Z" else x, states)
    return states, lengths


def _embed_back(plan: CircuitPlan, states: Floats, lengths: Floats, slopes: Floats) -> Floats:
    if plan.embedding == "amplitude":
        out = np.empty_like(states)
        fast(embed_amplitudes_back)(states, lengths, slopes, out)
        return out
    out = np.zeros((len(states), plan.n_qubits))
    if plan.rotation != "Z":
        fast(embed_angles_back)(states, slopes, out)
    return out


def _is_dense(plan: CircuitPlan, n_rows: int) -> bool:
    """Whether one unitary for the batch is faster than the gates on every row.

    The product costs a state as much as its length, the gates as much as their number: the bound
    is where both were equal, see ``benchmarks/kacq_layers.py``.
    """
    n_states = 2**plan.n_qubits
    return n_rows > 2 * n_states and n_states <= 2.5 * plan.n_layers * plan.n_qubits + 6


class ExactCircuit(torch.autograd.Function):  # type: ignore[name-defined]
    """<Z> of every wire, shape (n, n_qubits) and float64, on the CPU.

    ``ExactCircuit.apply(x, weights, plan)``: ``x`` is (n, n_inputs) of float32 or float64,
    ``weights`` (n_layers, n_qubits, 3).
    """

    @staticmethod
    def forward(ctx: Any, x: Any, weights: Any, plan: CircuitPlan) -> Any:
        """Embed, evolve, read out."""
        angles = weights.detach().double().numpy()
        gates = np.empty((*angles.shape[:2], 2, 2), complex)
        fast(fill_rotations)(angles, gates)
        states, lengths = _embed(plan, np.ascontiguousarray(x.detach().numpy()))
        rows = layer_rows(plan.n_qubits, plan.n_layers)
        phase, table = plan.phases, np.empty_like(signs(plan.n_qubits))
        table[rows[-1]] = signs(plan.n_qubits)
        dense = _is_dense(plan, len(states))
        start = np.eye(len(table)) if dense else np.ascontiguousarray(states.T)
        re, im = start * phase.real[:, None], start * phase.imag[:, None]
        fast(evolve)(re, im, gates, rows)
        if dense:
            amplitudes = states @ np.concatenate([re, im]).T
            out = np.square(amplitudes) @ np.concatenate([table, table])
        else:
            amplitudes = np.empty(0)
            out = (np.square(re) + np.square(im)).T @ table
        ctx.plan, ctx.dense = plan, dense
        ctx.save_for_backward(x, weights)
        ctx.arrays = angles, gates, states, lengths, table, re, im, amplitudes
        return torch.from_numpy(out)

    @staticmethod
    def backward(ctx: Any, slope: Any) -> Any:
        """Undo the gates, which gives the slopes of states and angles on the way."""
        plan, arrays = ctx.plan, ctx.arrays
        if torch.is_grad_enabled():  # the slopes will be differentiated again
            wanted = ctx.needs_input_grad[:2]
            slow = partial(exact_expectations, plan=plan)
            return *slopes_with_graph(slow, ctx.saved_tensors, wanted, slope), None
        x, weights = ctx.saved_tensors
        angles, gates, states, lengths, table, re, im, amplitudes = arrays
        rows = layer_rows(plan.n_qubits, plan.n_layers)
        of_probability = 2 * (slope.numpy() @ table.T)
        if ctx.dense:
            of_amplitude = amplitudes * np.concatenate([of_probability, of_probability], axis=1)
            slope_re, slope_im = np.split(of_amplitude.T @ states, 2)
            of_state = of_amplitude @ np.concatenate([re, im])
        else:
            by_column = np.ascontiguousarray(of_probability.T)
            slope_re, slope_im = re * by_column, im * by_column
        slopes, out = np.empty_like(gates), np.empty_like(angles)
        fast(evolve_back)(re.copy(), im.copy(), slope_re, slope_im, gates, rows, slopes)
        fast(angle_slopes)(angles, gates, slopes, out)
        if not ctx.dense:
            phase = plan.phases
            of_state = (slope_re.T * phase.real) + (slope_im.T * phase.imag)
        of_input = None
        if ctx.needs_input_grad[0]:
            of_input = torch.from_numpy(_embed_back(plan, states, lengths, of_state))
            of_input = of_input.to(x.dtype)
        return of_input, torch.from_numpy(out).to(weights.dtype), None
