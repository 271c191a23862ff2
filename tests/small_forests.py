"""Forests that fit in a moment."""

from cardiorisk.estimators import CardioForestClassifier

BACKENDS = ("forest", "xgboost", "lightgbm", "ensemble")
BOOSTERS = ("xgboost", "lightgbm")


def small(backend, **parameters):
    parameters = {"n_estimators": 20, "random_state": 0, "device": "cpu", **parameters}
    return CardioForestClassifier(backend=backend, **parameters)
