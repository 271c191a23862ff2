"""Risk becomes reasons: attributions, conformal sets, pictures and the report."""

from cardiorisk.explain.attribution import (
    Explanation,
    explain,
    plot_explanation,
    plot_importance,
)
from cardiorisk.explain.conformal import ConformalClassifier
from cardiorisk.explain.ecg_plot import plot_ecg
from cardiorisk.explain.report import Outcome, Report, build_report

__all__ = [
    "ConformalClassifier",
    "Explanation",
    "Outcome",
    "Report",
    "build_report",
    "explain",
    "plot_ecg",
    "plot_explanation",
    "plot_importance",
]
