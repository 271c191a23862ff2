"""Sets of classes that contain the true one as often as promised."""

from cardiorisk.explain.conformal.classifier import ConformalClassifier

__all__ = ["ConformalClassifier"]
