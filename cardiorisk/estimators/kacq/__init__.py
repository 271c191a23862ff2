"""KACQ-DCNN: spline layers and a simulated quantum circuit, as layers and as a classifier."""

from typing import TYPE_CHECKING, Any

from cardiorisk.estimators.kacq.classifier import KACQDCNNClassifier
from cardiorisk.estimators.kacq.noise_study import noise_study

if TYPE_CHECKING:
    from cardiorisk.estimators.kacq.kan_layer import KANLayer
    from cardiorisk.estimators.kacq.quantum_layer import QuantumLayer

__all__ = ["KACQDCNNClassifier", "KANLayer", "QuantumLayer", "noise_study"]


def __getattr__(name: str) -> Any:
    # torch modules: importing them imports torch, which waits until one is asked for.
    if name == "KANLayer":
        from cardiorisk.estimators.kacq.kan_layer import KANLayer

        return KANLayer
    if name == "QuantumLayer":
        from cardiorisk.estimators.kacq.quantum_layer import QuantumLayer

        return QuantumLayer
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
