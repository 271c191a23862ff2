"""Numbers become risk: scikit-learn classifiers."""

from cardiorisk.estimators.cardioforest import CardioForestClassifier
from cardiorisk.estimators.concept_hf import ConceptHFClassifier
from cardiorisk.estimators.kacq import KACQDCNNClassifier
from cardiorisk.estimators.protoecgnet import ProtoECGNetClassifier, PrototypeExplanation

__all__ = [
    "CardioForestClassifier",
    "ConceptHFClassifier",
    "KACQDCNNClassifier",
    "ProtoECGNetClassifier",
    "PrototypeExplanation",
]
