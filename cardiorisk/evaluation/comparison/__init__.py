"""Whether one model is better than another, and how sure that is."""

from cardiorisk.evaluation.comparison.compare import compare
from cardiorisk.evaluation.comparison.critical_difference import (
    CriticalDifference,
    critical_difference,
    plot_critical_difference,
)
from cardiorisk.evaluation.comparison.result import Comparison

__all__ = [
    "Comparison",
    "CriticalDifference",
    "compare",
    "critical_difference",
    "plot_critical_difference",
]
