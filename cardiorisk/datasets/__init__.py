"""Data sets: packaged (``load_*``), downloaded (``fetch_*``), simulated (``make_*``)."""

from cardiorisk.datasets.heart_disease import load_heart_disease
from cardiorisk.datasets.ludb import fetch_ludb
from cardiorisk.datasets.machine_measurements import make_machine_measurements
from cardiorisk.datasets.mimic_iv_demo import fetch_mimic_iv_demo
from cardiorisk.datasets.mitdb import fetch_mitdb
from cardiorisk.datasets.ptbxl import fetch_ptbxl
from cardiorisk.datasets.simulated_ecg import make_ecg
from cardiorisk.datasets.simulated_ehr import make_ehr
from cardiorisk.datasets.simulated_phenotypes import make_phenotypes

__all__ = [
    "fetch_ludb",
    "fetch_mimic_iv_demo",
    "fetch_mitdb",
    "fetch_ptbxl",
    "load_heart_disease",
    "make_ecg",
    "make_ehr",
    "make_machine_measurements",
    "make_phenotypes",
]
