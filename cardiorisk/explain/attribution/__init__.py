"""What moved a prediction: contributions of the columns, in a stated unit, that add up."""

from cardiorisk.explain.attribution.dispatch import explain
from cardiorisk.explain.attribution.explanation import Explanation
from cardiorisk.explain.attribution.plots import plot_explanation, plot_importance

__all__ = ["Explanation", "explain", "plot_explanation", "plot_importance"]
