"""Risk becomes reasons: attributions, conformal sets, pictures and the report."""

from cardiorisk.explain.attribution import (
    Explanation,
    explain,
    plot_explanation,
    plot_importance,
)
from cardiorisk.explain.code_reasons import CodeReasons, explain_codes
from cardiorisk.explain.cohort_flow import cohort_flow_text, plot_cohort_flow
from cardiorisk.explain.concept_map import plot_concepts
from cardiorisk.explain.conformal import ConformalClassifier, ConformalMultilabelClassifier
from cardiorisk.explain.ecg_plot import plot_ecg
from cardiorisk.explain.ecg_words import ecg_alt_text
from cardiorisk.explain.phenotypes import PhenotypeAssociations, phenotype_associations
from cardiorisk.explain.prototype_plot import plot_prototype_match
from cardiorisk.explain.report import Outcome, Report, build_report
from cardiorisk.explain.splines import SplineCurves, plot_splines, spline_curves, suggest_formulas

__all__ = [
    "CodeReasons",
    "ConformalClassifier",
    "ConformalMultilabelClassifier",
    "Explanation",
    "Outcome",
    "PhenotypeAssociations",
    "Report",
    "SplineCurves",
    "build_report",
    "cohort_flow_text",
    "ecg_alt_text",
    "explain",
    "explain_codes",
    "phenotype_associations",
    "plot_cohort_flow",
    "plot_concepts",
    "plot_ecg",
    "plot_explanation",
    "plot_importance",
    "plot_prototype_match",
    "plot_splines",
    "spline_curves",
    "suggest_formulas",
]
