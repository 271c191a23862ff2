"""Which function measures which group of features."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from cardiorisk.features.measurements.atrial import atrial
from cardiorisk.features.measurements.conduction import conduction
from cardiorisk.features.measurements.ectopy import ectopy
from cardiorisk.features.measurements.hypertrophy import hypertrophy
from cardiorisk.features.measurements.intervals import intervals, single_lead
from cardiorisk.features.measurements.median_beat import MedianBeat
from cardiorisk.features.measurements.recording import signal
from cardiorisk.features.measurements.repolarisation import repolarisation
from cardiorisk.features.measurements.rhythm import irregularity, rhythm
from cardiorisk.features.measurements.spectrum import spectrum
from cardiorisk.features.measurements.variability import hrv
from cardiorisk.features.measurements.waves import amplitudes, areas, axes, progression, voltages
from cardiorisk.records import Delineation, ECGRecord

__all__ = ["MEASUREMENTS", "Measurement"]

Measurement = Callable[[ECGRecord, Delineation, MedianBeat], dict[str, float]]

MEASUREMENTS: Mapping[str, Measurement] = MappingProxyType(
    {
        "rhythm": rhythm,
        "irregularity": irregularity,
        "ectopy": ectopy,
        "intervals": intervals,
        "single_lead": single_lead,
        "axes": axes,
        "voltages": voltages,
        "hypertrophy": hypertrophy,
        "amplitudes": amplitudes,
        "areas": areas,
        "progression": progression,
        "conduction": conduction,
        "atrial": atrial,
        "repolarisation": repolarisation,
        "spectrum": spectrum,
        "signal": signal,
        "hrv": hrv,
    }
)
"""The function that measures each feature group."""
