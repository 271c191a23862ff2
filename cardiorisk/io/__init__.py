"""Files become nouns: readers of ECG files, of measurements and of table schemas."""

from cardiorisk.io.ecg_batch import ECGBatch, read_ecgs
from cardiorisk.io.ecg_files import read_ecg
from cardiorisk.io.machine_measurements import read_machine_measurements
from cardiorisk.io.schema import read_schema

__all__ = [
    "ECGBatch",
    "read_ecg",
    "read_ecgs",
    "read_machine_measurements",
    "read_schema",
]
