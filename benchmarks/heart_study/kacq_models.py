"""KACQ-DCNN through its switches: what each part is worth, the paper's hybrids among them."""

from functools import partial
from typing import Any

from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.preprocessing import OrdinalEncoder

from cardiorisk.estimators import KACQDCNNClassifier
from cardiorisk.estimators._training import Schedule
from cardiorisk.features import ClinicalTable
from heart_study.convolutional_hybrid import ConvolutionalHybrid
from heart_study.net_classifier import NetClassifier
from heart_study.pipelines import ZERO_IS_MISSING, TimedPipeline, prepared

ONE = {"n_members": 1, "dropout": 0.1, "random_state": 0}

SWITCHES: dict[str, dict[str, Any]] = {
    "KACQ, one network": {},
    "KACQ, one network, no circuits": {"n_circuits": 0},
    "KACQ, one network, no splines": {"use_kan": False},
    "KACQ, one network, quantum channel alone (QDense-KAN)": {"use_recurrent": False},
    "KACQ, one network, recurrent channel alone (BiLSTM-KAN)": {"use_quantum": False},
    "KACQ, one network, no splines and no circuits": {"use_kan": False, "n_circuits": 0},
    "KACQ, one network, angle embedding": {"embedding": "angle"},
    "KACQ, one network, 2 layers": {"n_layers": 2},
    "KACQ, one network, 3 layers": {"n_layers": 3},
    "KACQ, one network, 4 layers": {"n_layers": 4},
    "KACQ, one network, no dropout": {"dropout": 0.0},
    "KACQ, one network, out-of-fold column": {"augment": "oof"},
}

HYBRID = Schedule(epochs=30, batch_size=32, learning_rate=1e-3, patience=6, optimizer="adam")


def kacq_models() -> dict[str, tuple[Any, None]]:
    """Return the default, one network of it with one thing changed, the paper's and the hybrid."""
    models = {"KACQ-DCNN, default": KACQDCNNClassifier(random_state=0)}
    models |= {name: KACQDCNNClassifier(**{**ONE, **s}) for name, s in SWITCHES.items()}
    found = {name: (unscaled(model), None) for name, model in models.items()}
    found["KACQ-DCNN, published size"] = (published(), None)
    for n_layers in (1, 2, 3, 4):
        make = partial(ConvolutionalHybrid, n_layers=n_layers)
        name = f"convolutional hybrid (QCKAN), {n_layers} layer{'s' * (n_layers > 1)}"
        found[name] = (prepared(NetClassifier(make, HYBRID)), None)
    return found


def unscaled(model: Any) -> TimedPipeline:
    """Put the table in front of a model that scales for itself."""
    table = ClinicalTable(zero_as_missing=ZERO_IS_MISSING, impute="median")
    return TimedPipeline([("table", table), ("model", model)])


def published() -> TimedPipeline:
    """Return the published network on eleven columns, categories by number as in its code."""
    numbers = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
    words = make_column_selector(dtype_exclude="number")
    table = make_column_transformer((numbers, words), remainder="passthrough")
    model = KACQDCNNClassifier.published().set_params(random_state=0)
    return TimedPipeline([("table", table), ("model", model)])
