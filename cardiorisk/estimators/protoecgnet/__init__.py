"""ProtoECGNet: ECGs classified by their likeness to windows of training records."""

from cardiorisk.estimators.protoecgnet.classifier import ProtoECGNetClassifier
from cardiorisk.estimators.protoecgnet.matching import PrototypeExplanation

__all__ = ["ProtoECGNetClassifier", "PrototypeExplanation"]
