"""Files become nouns: readers of ECG files and of table schemas."""

from cardiorisk.io.ecg_batch import ECGBatch, read_ecgs
from cardiorisk.io.schema import read_schema
from cardiorisk.io.wfdb_records import read_ecg

__all__ = ["ECGBatch", "read_ecg", "read_ecgs", "read_schema"]
