"""The circuit of the package as a PennyLane QNode."""

from collections.abc import Callable
from typing import Any

from cardiorisk._optional import require
from cardiorisk.backends.ansatz import gate_sequence
from cardiorisk.backends.simulators import Simulator

__all__ = ["circuit_node"]


def circuit_node(
    simulator: Simulator,
    n_qubits: int,
    n_layers: int,
    *,
    embedding: str = "amplitude",
    rotation: str = "X",
    noise: float = 0.0,
    shots: int | None = None,
    seed: int | None = None,
) -> Callable[[Any, Any], Any]:
    """Build a QNode ``node(inputs, weights)`` that gives <Z> of each wire.

    Parameters
    ----------
    simulator : Simulator
        One of PennyLane's.
    n_qubits, n_layers : int
    embedding : {"amplitude", "angle"}
        Amplitudes must have length 1.
    rotation : {"X", "Y", "Z"}
    noise : float
        Probability of a depolarising fault on each wire of each gate of the ansatz, once after the
        gate; the embedding is free of noise. Needs a simulator with noise.
    shots : int, optional
    seed : int, optional
        Of the shots.

    Returns
    -------
    node : pennylane.QNode
        Its interface is torch.
    """
    qml = require("pennylane", extra="quantum")
    wires = range(n_qubits)
    options = {} if seed is None or shots is None else {"seed": seed}
    device = qml.device(simulator.name, wires=n_qubits, **options)

    def circuit(inputs: Any, weights: Any) -> Any:
        if embedding == "amplitude":
            qml.AmplitudeEmbedding(inputs, wires=wires)
        else:
            qml.AngleEmbedding(inputs, wires=wires, rotation=rotation)
        if not noise:
            qml.StronglyEntanglingLayers(weights, wires=wires)
        for gate, layer, touched in gate_sequence(n_qubits, n_layers) if noise else ():
            if gate == "Rot":
                qml.Rot(*weights[layer, touched[0]], wires=touched)
            else:
                qml.CNOT(wires=touched)
            for wire in touched:
                qml.DepolarizingChannel(noise, wires=wire)
        return [qml.expval(qml.PauliZ(wire)) for wire in wires]

    gradients = None if shots is not None else simulator.gradients
    node = qml.QNode(circuit, device, interface="torch", diff_method=gradients)
    return node if shots is None else qml.set_shots(node, shots=shots)
