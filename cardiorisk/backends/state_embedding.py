"""Numbers as states of qubits, to be compiled by numba: amplitudes, or one rotation a qubit.

Both embeddings give real numbers; the constant phases of a rotation about X are
:func:`phases`. The ``_back`` functions turn slopes of the states into slopes of the inputs.
"""

from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = [
    "embed_amplitudes",
    "embed_amplitudes_back",
    "embed_angles",
    "embed_angles_back",
    "phases",
]


@cache
def phases(n_qubits: int, rotation: str) -> npt.NDArray[np.complex128]:
    """Phase of each basis state: ``(-i) ** (number of ones)`` for rotations about X, else 1.

    Examples
    --------
    >>> bool((phases(2, "X") == [1, -1j, -1j, -1]).all())
    True
    """
    ones = np.array([state.bit_count() for state in range(2**n_qubits)])
    table = np.array([1, -1j, -1, 1j])[ones % 4 if rotation == "X" else 0 * ones]
    table.flags.writeable = False
    return table


def embed_amplitudes(x: Any, states: Any, lengths: Any) -> None:
    """Divide the rows by their length; a row of zeros becomes the first basis state."""
    n_states = x.shape[1]
    for row in range(x.shape[0]):
        total = 0.0
        for k in range(n_states):
            total += np.float64(x[row, k]) * np.float64(x[row, k])
        lengths[row] = np.sqrt(total)
        for k in range(n_states):
            states[row, k] = x[row, k] / lengths[row] if total != 0 else 0.0
        if total == 0:
            states[row, 0] = 1.0


def embed_amplitudes_back(states: Any, lengths: Any, slopes: Any, out: Any) -> None:
    """Fill ``out``, shaped like x; 0 where the row was zero."""
    for row in range(states.shape[0]):
        along = 0.0
        for k in range(states.shape[1]):
            along += states[row, k] * slopes[row, k]
        for k in range(states.shape[1]):
            out[row, k] = 0.0
            if lengths[row] != 0:
                out[row, k] = (slopes[row, k] - along * states[row, k]) / lengths[row]


def embed_angles(x: Any, states: Any) -> None:
    """Fill the product of (cos, sin) of the half angles, qubit by qubit."""
    n_qubits = x.shape[1]
    for row in range(x.shape[0]):
        states[row, 0] = 1.0
        for wire in range(n_qubits):
            half = 0.5 * np.float64(x[row, wire])
            cos, sin = np.cos(half), np.sin(half)
            for k in range((1 << wire) - 1, -1, -1):
                states[row, 2 * k + 1] = states[row, k] * sin
                states[row, 2 * k] = states[row, k] * cos


def embed_angles_back(states: Any, slopes: Any, out: Any) -> None:
    """Fill ``out``, shaped like x."""
    n_qubits = out.shape[1]
    for row in range(states.shape[0]):
        for wire in range(n_qubits):
            bit = 1 << (n_qubits - 1 - wire)
            total = 0.0
            for k in range(states.shape[1]):
                if not k & bit:
                    total += states[row, k] * slopes[row, k | bit]
                    total -= states[row, k | bit] * slopes[row, k]
            out[row, wire] = 0.5 * total
