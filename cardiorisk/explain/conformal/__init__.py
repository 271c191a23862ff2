"""Sets of classes that contain the true one as often as promised."""

from cardiorisk.explain.conformal.classifier import ConformalClassifier
from cardiorisk.explain.conformal.multilabel import ConformalMultilabelClassifier

__all__ = ["ConformalClassifier", "ConformalMultilabelClassifier"]
