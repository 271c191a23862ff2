"""How good a model is, honestly: protocols, metrics with intervals, decision curves."""

from cardiorisk.evaluation.calibration_curve import CalibrationCurve, calibration
from cardiorisk.evaluation.checklist import Checklist, checklist
from cardiorisk.evaluation.comparison import (
    Comparison,
    CriticalDifference,
    compare,
    critical_difference,
    plot_critical_difference,
)
from cardiorisk.evaluation.concept_quality import (
    ConceptQuality,
    concept_quality,
    concept_stability,
)
from cardiorisk.evaluation.drift import Drift, drift
from cardiorisk.evaluation.fairness import fairness_gaps
from cardiorisk.evaluation.intervals import Interval
from cardiorisk.evaluation.leakage import Finding, LeakageReport, check_leakage
from cardiorisk.evaluation.multilabel import MultilabelResult
from cardiorisk.evaluation.net_benefit import DecisionCurve, decision_curve
from cardiorisk.evaluation.out_of_fold import evaluate
from cardiorisk.evaluation.plots import plot_calibration, plot_decision_curve
from cardiorisk.evaluation.result import EvaluationResult
from cardiorisk.evaluation.sample_size import (
    SampleSize,
    sample_size_development,
    sample_size_external,
)
from cardiorisk.evaluation.subgroups import subgroup_report
from cardiorisk.evaluation.threshold_choice import ThresholdChoice, choose_threshold
from cardiorisk.evaluation.updating import Recalibration, recalibrate

__all__ = [
    "CalibrationCurve",
    "Checklist",
    "Comparison",
    "ConceptQuality",
    "CriticalDifference",
    "DecisionCurve",
    "Drift",
    "EvaluationResult",
    "Finding",
    "Interval",
    "LeakageReport",
    "MultilabelResult",
    "Recalibration",
    "SampleSize",
    "ThresholdChoice",
    "calibration",
    "check_leakage",
    "checklist",
    "choose_threshold",
    "compare",
    "concept_quality",
    "concept_stability",
    "critical_difference",
    "decision_curve",
    "drift",
    "evaluate",
    "fairness_gaps",
    "plot_calibration",
    "plot_critical_difference",
    "plot_decision_curve",
    "recalibrate",
    "sample_size_development",
    "sample_size_external",
    "subgroup_report",
]
