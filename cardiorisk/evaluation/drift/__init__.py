"""Whether new people are like those that a model was made for."""

from cardiorisk.evaluation.drift.shift import Drift, drift

__all__ = ["Drift", "drift"]
