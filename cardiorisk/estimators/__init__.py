"""Numbers become risk: scikit-learn classifiers."""

from cardiorisk.estimators.cardioforest import CardioForestClassifier
from cardiorisk.estimators.kacq import KACQDCNNClassifier
from cardiorisk.estimators.protoecgnet import ProtoECGNetClassifier, PrototypeExplanation

__all__ = [
    "CardioForestClassifier",
    "KACQDCNNClassifier",
    "ProtoECGNetClassifier",
    "PrototypeExplanation",
]
