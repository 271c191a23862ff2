"""What each ECG feature means: words, unit, definition, usual range and source."""

from collections.abc import Mapping
from types import MappingProxyType

from cardiorisk.features.definitions.intervals import INTERVALS, SINGLE_LEAD
from cardiorisk.features.definitions.morphology import (
    ATRIAL,
    CONDUCTION_SHAPE,
    HYPERTROPHY_SCORES,
    REPOLARISATION_SHAPE,
)
from cardiorisk.features.definitions.rhythm import ECTOPY, IRREGULARITY, RHYTHM
from cardiorisk.features.definitions.signal import SIGNAL, SPECTRUM
from cardiorisk.features.definitions.variability import HRV
from cardiorisk.features.definitions.waves import AMPLITUDES, AREAS, AXES, PROGRESSION, VOLTAGES
from cardiorisk.records import Variable

__all__ = ["ALL_GROUPS", "FEATURES", "GROUPS"]

_ROWS = {
    "rhythm": RHYTHM,
    "irregularity": IRREGULARITY,
    "ectopy": ECTOPY,
    "intervals": INTERVALS,
    "single_lead": SINGLE_LEAD,
    "axes": AXES,
    "voltages": VOLTAGES,
    "hypertrophy": HYPERTROPHY_SCORES,
    "amplitudes": AMPLITUDES,
    "areas": AREAS,
    "progression": PROGRESSION,
    "conduction": CONDUCTION_SHAPE,
    "atrial": ATRIAL,
    "repolarisation": REPOLARISATION_SHAPE,
    "spectrum": SPECTRUM,
    "signal": SIGNAL,
    "hrv": HRV,
}

GROUPS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {group: tuple(row.name for row in rows) for group, rows in _ROWS.items()}
)
"""Names of the features of each group."""

ALL_GROUPS = tuple(group for group in GROUPS if group != "hrv")
"""What ``groups="all"`` means: ``"hrv"`` needs NeuroKit2 and longer records, so it is asked for."""

FEATURES: dict[str, Variable] = {row.name: row for rows in _ROWS.values() for row in rows}
"""One :class:`~cardiorisk.records.Variable` a feature, by name, in the order of the columns."""
