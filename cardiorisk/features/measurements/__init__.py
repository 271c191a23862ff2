"""Turn the marks of a record into named measurements."""

from cardiorisk.features.measurements.by_group import MEASUREMENTS, Measurement
from cardiorisk.features.measurements.intervals import corrected_qt
from cardiorisk.features.measurements.median_beat import MedianBeat, median_beat
from cardiorisk.features.measurements.rhythm import rhythm
from cardiorisk.features.measurements.waves import frontal_axis

__all__ = [
    "MEASUREMENTS",
    "Measurement",
    "MedianBeat",
    "corrected_qt",
    "frontal_axis",
    "median_beat",
    "rhythm",
]
