"""Files become nouns: readers of ECG files, of EHR tables, of measurements and of schemas."""

from cardiorisk.io.code_groups import group_codes, read_code_groups
from cardiorisk.io.ecg_batch import ECGBatch, read_ecgs
from cardiorisk.io.ecg_files import read_ecg
from cardiorisk.io.fhir import read_fhir
from cardiorisk.io.machine_measurements import read_machine_measurements
from cardiorisk.io.meds import read_meds
from cardiorisk.io.meds_writer import write_meds
from cardiorisk.io.mimic import read_mimic_iii, read_mimic_iv
from cardiorisk.io.omop import read_omop
from cardiorisk.io.schema import read_schema
from cardiorisk.io.synthea import read_synthea

__all__ = [
    "ECGBatch",
    "group_codes",
    "read_code_groups",
    "read_ecg",
    "read_ecgs",
    "read_fhir",
    "read_machine_measurements",
    "read_meds",
    "read_mimic_iii",
    "read_mimic_iv",
    "read_omop",
    "read_schema",
    "read_synthea",
    "write_meds",
]
