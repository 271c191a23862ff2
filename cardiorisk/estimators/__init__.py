"""Numbers become risk: scikit-learn classifiers."""

from cardiorisk.estimators.cardioforest import CardioForestClassifier

__all__ = ["CardioForestClassifier"]
