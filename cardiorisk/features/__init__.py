"""Nouns become numbers: scikit-learn transformers for ECGs and clinical tables."""

from cardiorisk.features.clinical_table import ClinicalTable
from cardiorisk.features.delineation import delineate
from cardiorisk.features.ecg_features import ECGFeatures
from cardiorisk.features.feature_definitions import FEATURES
from cardiorisk.records import Delineation

__all__ = ["FEATURES", "ClinicalTable", "Delineation", "ECGFeatures", "delineate"]
