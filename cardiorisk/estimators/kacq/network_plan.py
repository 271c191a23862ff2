"""What a dual-channel network is made of, without torch."""

from dataclasses import dataclass

__all__ = ["NetworkPlan"]


@dataclass(frozen=True)
class NetworkPlan:
    """Settings of one network; :class:`KACQDCNNClassifier` describes them.

    Parameters
    ----------
    n_tokens : int
        Inputs of a row.
    n_outputs : int
        Logits: 1 for two classes.
    """

    n_tokens: int
    n_outputs: int
    n_qubits: int
    n_layers: int
    n_circuits: int
    embedding: str
    rotation: str
    simulator: str
    shots: int | None
    noise: float | None
    use_quantum: bool
    use_kan: bool
    use_recurrent: bool
    token_units: int
    quantum_units: tuple[int, ...]
    readout_units: tuple[int, ...]
    lstm_units: tuple[int, ...]
    bidirectional: bool
    lstm_activation: str
    dense_units: tuple[int, ...]
    classical_units: tuple[int, ...]
    kan_grid: int
    circuit_grid: int
    kan_scale: str
    dropout: float
