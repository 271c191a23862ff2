"""Data sets: packaged (``load_*``), downloaded (``fetch_*``), simulated (``make_*``)."""

from cardiorisk.datasets.heart_disease import load_heart_disease
from cardiorisk.datasets.ludb import fetch_ludb
from cardiorisk.datasets.simulated_ecg import make_ecg

__all__ = ["fetch_ludb", "load_heart_disease", "make_ecg"]
