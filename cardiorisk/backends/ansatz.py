"""Strongly entangling layers: order of the qubits, rings of CNOTs and read-out.

Each layer turns every qubit by ``Rot(phi, theta, omega) = RZ(omega) RY(theta) RZ(phi)`` and then
applies CNOTs from each wire to the one ``r`` further, around the ring (Schuld et al. 2020,
https://doi.org/10.1103/PhysRevA.101.032308; as in PennyLane's ``StronglyEntanglingLayers``). Wire
0 is the most significant bit of a basis state.
"""

from collections.abc import Iterator
from functools import cache

import numpy as np
import numpy.typing as npt

__all__ = ["gate_sequence", "layer_rows", "ring_ranges", "ring_rows", "signs"]


def ring_ranges(n_qubits: int, n_layers: int) -> tuple[int, ...]:
    """Distance from control to target in each layer: 1, 2, ..., n_qubits - 1, and again from 1.

    Examples
    --------
    >>> ring_ranges(4, 5)
    (1, 2, 3, 1, 2)
    """
    return tuple(layer % max(n_qubits - 1, 1) + 1 for layer in range(n_layers))


def gate_sequence(n_qubits: int, n_layers: int) -> Iterator[tuple[str, int, tuple[int, ...]]]:
    """Gates of the ansatz in order: name, layer and wires.

    Examples
    --------
    >>> list(gate_sequence(2, 1))
    [('Rot', 0, (0,)), ('Rot', 0, (1,)), ('CNOT', 0, (0, 1)), ('CNOT', 0, (1, 0))]
    """
    for layer, reach in enumerate(ring_ranges(n_qubits, n_layers)):
        for wire in range(n_qubits):
            yield "Rot", layer, (wire,)
        for wire in range(n_qubits if n_qubits > 1 else 0):
            yield "CNOT", layer, (wire, (wire + reach) % n_qubits)


@cache
def ring_rows(n_qubits: int, reach: int) -> npt.NDArray[np.int64]:
    """Basis state whose amplitude each basis state takes over in a ring of CNOTs.

    Parameters
    ----------
    n_qubits : int
        A single qubit has no ring.
    reach : int
        Distance from control to target.

    Returns
    -------
    rows : ndarray of int, shape (2 ** n_qubits,)
        Read-only.

    Examples
    --------
    >>> ring_rows(2, 1)
    array([0, 2, 3, 1])
    """
    states = np.arange(2**n_qubits)
    rows = states.copy()
    for control in range(n_qubits if n_qubits > 1 else 0):
        is_set = states >> (n_qubits - 1 - control) & 1
        rows = rows[states ^ (is_set << (n_qubits - 1 - (control + reach) % n_qubits))]
    rows.flags.writeable = False
    return rows


@cache
def layer_rows(n_qubits: int, n_layers: int) -> npt.NDArray[np.int64]:
    """Where the amplitude of each basis state lies if the rings of CNOTs move no data.

    Returns
    -------
    rows : ndarray of int, shape (n_layers + 1, 2 ** n_qubits)
        Before each layer, and after the last. Read-only.

    Examples
    --------
    >>> layer_rows(2, 1).tolist()
    [[0, 1, 2, 3], [0, 2, 3, 1]]
    """
    rows = np.empty((n_layers + 1, 2**n_qubits), np.int64)
    rows[0] = np.arange(2**n_qubits)
    for layer, reach in enumerate(ring_ranges(n_qubits, n_layers)):
        rows[layer + 1] = rows[layer][ring_rows(n_qubits, reach)]
    rows.flags.writeable = False
    return rows


@cache
def signs(n_qubits: int) -> npt.NDArray[np.float64]:
    """Eigenvalue of Z on each wire in each basis state, shape (2 ** n_qubits, n_qubits).

    Examples
    --------
    >>> signs(2).astype(int).tolist()
    [[1, 1], [1, -1], [-1, 1], [-1, -1]]
    """
    bits = np.arange(2**n_qubits)[:, None] >> np.arange(n_qubits)[::-1] & 1
    table = np.asarray(1.0 - 2.0 * bits, np.float64)
    table.flags.writeable = False
    return table
