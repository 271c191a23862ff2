"""The parameters of KACQ-DCNN, their defaults and what they may be."""

from collections.abc import Sequence
from dataclasses import fields
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions

from cardiorisk.backends.simulators import SIMULATORS
from cardiorisk.estimators.kacq.network_plan import NetworkPlan

__all__ = ["PUBLISHED", "KACQParameters", "network_plan"]

PUBLISHED: dict[str, Any] = {
    "n_qubits": 4,
    "n_layers": 1,
    "n_circuits": 3,
    "embedding": "amplitude",
    "token_units": 112,
    "quantum_units": (176,),
    "readout_units": (112, 32),
    "lstm_units": (64, 64),
    "bidirectional": True,
    "lstm_activation": "relu",
    "dense_units": (320,),
    "classical_units": (256, 32),
    "kan_grid": 3,
    "circuit_grid": 5,
    "kan_scale": "shared",
    "dropout": 0.2,
    "scaling": "minmax",
    "augment": "oof",
    "n_members": 1,
    "epochs": 100,
    "batch_size": 32,
    "learning_rate": 1e-3,
    "weight_decay": 0.0,
    "optimizer": "adam",
    "scheduler": "plateau",
    "patience": 10,
    "validation_fraction": 0.2,
}
"""Sizes and schedule of the authors' notebooks, https://github.com/Abrar2652/KACQ-DCNN."""

UNITS = ("quantum_units", "readout_units", "lstm_units", "dense_units", "classical_units")


class KACQParameters(BaseEstimator):
    """Stores the parameters, which :class:`KACQDCNNClassifier` documents."""

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **{
            name: [Interval(Integral, 1, None, closed="left")]
            for name in ("n_qubits", "n_layers", "kan_grid", "circuit_grid", "n_members")
        },
        "n_circuits": [Interval(Integral, 0, None, closed="left")],
        "token_units": [Interval(Integral, 0, None, closed="left")],
        "embedding": [StrOptions({"amplitude", "angle"})],
        "rotation": [StrOptions({"X", "Y", "Z"})],
        "simulator": [StrOptions(set(SIMULATORS) - {"default.mixed"})],
        "shots": [Interval(Integral, 1, None, closed="left"), None],
        "noise": [Interval(Real, 0, 0.75, closed="both"), None],
        **{name: ["boolean"] for name in ("use_quantum", "use_kan", "use_recurrent")},
        **{name: [tuple, list] for name in UNITS},
        "bidirectional": ["boolean"],
        "lstm_activation": [StrOptions({"relu", "tanh"})],
        "kan_scale": [StrOptions({"free", "shared"})],
        "dropout": [Interval(Real, 0, 1, closed="left")],
        "scaling": [StrOptions({"minmax", "symmetric", "standard"})],
        "augment": [StrOptions({"oof"}), None],
        "augment_model": [HasMethods(["fit", "predict_proba"]), None],
        "validation_fraction": [Interval(Real, 0, 0.5, closed="both")],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }

    def __init__(
        self,
        *,
        n_qubits: int = 4,
        n_layers: int = 1,
        n_circuits: int = 1,
        embedding: str = "amplitude",
        rotation: str = "X",
        simulator: str = "unitary",
        shots: int | None = None,
        noise: float | None = None,
        use_quantum: bool = True,
        use_kan: bool = True,
        use_recurrent: bool = True,
        token_units: int = 4,
        quantum_units: Sequence[int] = (),
        readout_units: Sequence[int] = (8,),
        lstm_units: Sequence[int] = (8,),
        bidirectional: bool = True,
        lstm_activation: str = "tanh",
        dense_units: Sequence[int] = (16,),
        classical_units: Sequence[int] = (8,),
        kan_grid: int = 3,
        circuit_grid: int = 3,
        kan_scale: str = "free",
        dropout: float = 0.5,
        scaling: str = "symmetric",
        augment: str | None = None,
        augment_model: Any = None,
        n_members: int = 5,
        epochs: int = 60,
        batch_size: int = 64,
        learning_rate: float = 5e-3,
        weight_decay: float = 0.1,
        optimizer: str = "adamw",
        scheduler: str = "cosine",
        patience: int | None = 15,
        validation_fraction: float = 0.15,
        device: str = "auto",
        random_state: int | np.random.RandomState | None = None,
        verbose: int = 0,
    ) -> None:
        self.n_qubits = n_qubits
        self.n_layers = n_layers
        self.n_circuits = n_circuits
        self.embedding = embedding
        self.rotation = rotation
        self.simulator = simulator
        self.shots = shots
        self.noise = noise
        self.use_quantum = use_quantum
        self.use_kan = use_kan
        self.use_recurrent = use_recurrent
        self.token_units = token_units
        self.quantum_units = quantum_units
        self.readout_units = readout_units
        self.lstm_units = lstm_units
        self.bidirectional = bidirectional
        self.lstm_activation = lstm_activation
        self.dense_units = dense_units
        self.classical_units = classical_units
        self.kan_grid = kan_grid
        self.circuit_grid = circuit_grid
        self.kan_scale = kan_scale
        self.dropout = dropout
        self.scaling = scaling
        self.augment = augment
        self.augment_model = augment_model
        self.n_members = n_members
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.optimizer = optimizer
        self.scheduler = scheduler
        self.patience = patience
        self.validation_fraction = validation_fraction
        self.device = device
        self.random_state = random_state
        self.verbose = verbose


def network_plan(model: KACQParameters, n_tokens: int, n_classes: int) -> NetworkPlan:
    """Read the plan of a network from the parameters of an estimator.

    Raises
    ------
    ValueError
        Both channels are switched off, or a width is no positive integer.
    """
    if not (model.use_quantum or model.use_recurrent):
        raise ValueError(
            "Got use_quantum=False and use_recurrent=False, but a network needs a channel."
        )
    own = {field.name for field in fields(NetworkPlan)} - {"n_tokens", "n_outputs"}
    values = {name: getattr(model, name) for name in own}
    for name in UNITS:
        units = tuple(values[name])
        if not all(isinstance(one, int | np.integer) and one > 0 for one in units):
            raise ValueError(f"Got {name}={values[name]!r}, but expected positive integers.")
        values[name] = tuple(map(int, units))
    return NetworkPlan(n_tokens=n_tokens, n_outputs=1 if n_classes == 2 else n_classes, **values)
