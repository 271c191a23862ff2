"""One simulated ECG, written as DICOM and as EDF and read back.

Run with ``python examples/read_formats.py``; it needs ``pip install 'cardiorisk[formats]'``.
"""

# %%
# Twelve leads of ten seconds.
import tempfile
from pathlib import Path

import edfio
import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, TwelveLeadECGWaveformStorage, generate_uid

from cardiorisk.datasets import make_ecg
from cardiorisk.features import ECGFeatures
from cardiorisk.io import read_ecgs

ecg = make_ecg(1, rhythms=["sinus rhythm"], heart_rate=70, random_state=0).records[0]
microvolts = ecg.signal.astype(float) * 1000


# %%
# EDF: each channel has a label and a unit.
def write_edf(path):
    edfio.Edf(
        [
            edfio.EdfSignal(lead, ecg.sampling_rate, label=f"ECG {name}", physical_dimension="uV")
            for name, lead in zip(ecg.lead_names, microvolts, strict=True)
        ]
    ).write(path)


# %%
# DICOM: a sample is a count; sensitivity and unit make a potential of it.
def coded(value, scheme, meaning):
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = value, scheme, meaning
    return code


def channel(name):
    definition = Dataset()
    definition.ChannelSourceSequence = [coded(f"MDC_ECG_LEAD_{name}", "MDC", f"Lead {name}")]
    definition.ChannelSensitivity = 2.5
    definition.ChannelSensitivityUnitsSequence = [coded("uV", "UCUM", "microvolt")]
    definition.WaveformBitsStored = 16
    return definition


def write_dicom(path):
    group = Dataset()
    group.WaveformOriginality, group.MultiplexGroupLabel = "ORIGINAL", "RHYTHM"
    group.NumberOfWaveformChannels, group.NumberOfWaveformSamples = microvolts.shape
    group.SamplingFrequency = ecg.sampling_rate
    group.ChannelDefinitionSequence = [channel(name) for name in ecg.lead_names]
    group.WaveformBitsAllocated, group.WaveformSampleInterpretation = 16, "SS"
    group.WaveformData = np.round(microvolts / 2.5).astype("<i2").T.tobytes()
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SOPClassUID, dataset.SOPInstanceUID = TwelveLeadECGWaveformStorage, generate_uid()
    dataset.PatientID, dataset.PatientAge, dataset.PatientSex = "p1", "059Y", "F"
    dataset.WaveformSequence = [group]
    dataset.save_as(path, enforce_file_format=True)


# %%
# Both come back as the same noun, so all that follows is the same.
with tempfile.TemporaryDirectory() as folder:
    write_edf(Path(folder) / "as_edf.edf")
    write_dicom(Path(folder) / "as_dicom.dcm")
    batch = read_ecgs(folder)

for record in batch:
    error = np.abs(record.signal - ecg.signal).max()
    print(f"{record}: largest difference {1000 * error:.2f} uV, subject {record.subject_id}")
engine = ECGFeatures(groups=["rhythm"], engine="native").set_output(transform="pandas")
table = engine.fit_transform(batch)
table.index = [record.record_id for record in batch]
print(table[["heart_rate"]].round(1).to_string())
