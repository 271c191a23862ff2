"""Nouns become numbers: scikit-learn transformers for ECGs, tables and histories of codes."""

from cardiorisk.features.clinical_table import ClinicalTable
from cardiorisk.features.code_sets import HEART_FAILURE, CodeSet
from cardiorisk.features.cohort import Cohort, build_cohort
from cardiorisk.features.concept_counts import ConceptCounts
from cardiorisk.features.concept_embedding import ConceptEmbedding
from cardiorisk.features.delineation import delineate
from cardiorisk.features.ecg_description import describe_ecg
from cardiorisk.features.ecg_features import ECGFeatures
from cardiorisk.features.feature_definitions import FEATURES
from cardiorisk.features.machine_measurements import MachineMeasurements
from cardiorisk.features.signal_filter import ECGFilter
from cardiorisk.features.signal_quality import SignalQuality
from cardiorisk.features.wide_qrs import wide_qrs_label, wide_qrs_statements
from cardiorisk.records import Delineation

__all__ = [
    "FEATURES",
    "HEART_FAILURE",
    "ClinicalTable",
    "CodeSet",
    "Cohort",
    "ConceptCounts",
    "ConceptEmbedding",
    "Delineation",
    "ECGFeatures",
    "ECGFilter",
    "MachineMeasurements",
    "SignalQuality",
    "build_cohort",
    "delineate",
    "describe_ecg",
    "wide_qrs_label",
    "wide_qrs_statements",
]
