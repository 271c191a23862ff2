"""What a circuit is made of, without torch."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from cardiorisk.backends.state_embedding import phases

__all__ = ["CircuitPlan"]


class CircuitPlan(NamedTuple):
    """Settings of a circuit.

    Parameters
    ----------
    n_qubits, n_layers : int
    embedding : {"amplitude", "angle"}
    rotation : {"X", "Y", "Z"}
        Of the angles.
    """

    n_qubits: int
    n_layers: int
    embedding: str
    rotation: str

    @property
    def n_inputs(self) -> int:
        """Numbers that a row brings: one a basis state, or one a qubit."""
        return 2**self.n_qubits if self.embedding == "amplitude" else self.n_qubits

    @property
    def phases(self) -> npt.NDArray[np.complex128]:
        """Factor of each basis state between the real embedding and the first gate."""
        return phases(self.n_qubits, self.rotation if self.embedding == "angle" else "Y")
