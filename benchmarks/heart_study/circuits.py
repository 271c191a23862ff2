"""Tensor-network circuits as classifiers, with inputs that the embedding can hold apart."""

from functools import partial
from typing import Any

import torch
from sklearn.decomposition import PCA
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler

from cardiorisk.estimators._training import Schedule
from cardiorisk.estimators.kacq.tensor_networks import TensorNetwork
from heart_study.net_classifier import NetClassifier
from heart_study.pipelines import TimedPipeline, prepared

QUBITS = 8
KINDS = ("ttn", "mps", "mera")
LAYERS = (1, 2, 3, 4)
SCHEDULE = Schedule(epochs=30, batch_size=128, learning_rate=0.08, patience=8)


class CircuitLogit(torch.nn.Module):
    """Logit from a circuit's expectation by a learned slope and intercept."""

    def __init__(self, n_columns: int, kind: str, n_layers: int) -> None:
        super().__init__()
        self.circuit = TensorNetwork(kind, n_columns, n_layers)
        self.slope = torch.nn.Parameter(torch.tensor(2.0, dtype=torch.float64))
        self.intercept = torch.nn.Parameter(torch.tensor(0.0, dtype=torch.float64))

    def forward(self, values: Any) -> Any:
        """Return logits (n,) of values (n, n_columns)."""
        return self.slope * self.circuit(values) + self.intercept


def circuit_models() -> dict[str, tuple[TimedPipeline, None]]:
    """Each network in 1 to 4 layers, on eight principal components scaled to [-0.5, 0.5].

    Half a turn from end to end: no two values of a column are embedded as the same state.
    """
    models = {}
    for kind in KINDS:
        for n_layers in LAYERS:
            make = partial(CircuitLogit, kind=kind, n_layers=n_layers)
            model = prepared(NetClassifier(make, SCHEDULE))
            model.steps.insert(2, ("angles", _to_angles()))
            models[f"{kind.upper()}, {n_layers} layer{'s' * (n_layers > 1)}"] = (model, None)
    return models


def _to_angles() -> Any:
    return make_pipeline(PCA(QUBITS, random_state=0), MinMaxScaler((-0.5, 0.5), clip=True))
