"""KACQ-DCNN through its switches: what each part is worth, the paper's hybrids among them."""

from typing import Any

from cardiorisk.estimators import KACQDCNNClassifier
from cardiorisk.features import ClinicalTable
from heart_study.pipelines import ZERO_IS_MISSING, TimedPipeline

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


def kacq_models() -> dict[str, tuple[Any, None]]:
    """Return the default, and one network of it with one thing changed at a time."""
    models = {"KACQ-DCNN, default": KACQDCNNClassifier(random_state=0)}
    models |= {name: KACQDCNNClassifier(**{**ONE, **s}) for name, s in SWITCHES.items()}
    return {name: (unscaled(model), None) for name, model in models.items()}


def unscaled(model: Any) -> TimedPipeline:
    """Put the table in front of a model that scales for itself."""
    table = ClinicalTable(zero_as_missing=ZERO_IS_MISSING, impute="median")
    return TimedPipeline([("table", table), ("model", model)])
