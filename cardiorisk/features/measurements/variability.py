"""Wider heart-rate variability and complexity indices, from NeuroKit2."""

import warnings
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from cardiorisk._optional import require
from cardiorisk.features.measurements.median_beat import MedianBeat
from cardiorisk.features.measurements.rhythm import rr_intervals
from cardiorisk.records import Delineation, ECGRecord

__all__ = ["INDICES", "hrv"]

TIME, FREQUENCY, NONLINEAR = "hrv_time", "hrv_frequency", "hrv_nonlinear"

# Function of NeuroKit2, least seconds of record, and its indices.
_SETS: tuple[tuple[str, float, tuple[str, ...]], ...] = (
    (TIME, 10, ("SDSD", "CVSD", "MadNN", "MCVNN", "IQRNN", "pNN20")),
    (TIME, 300, ("SDNN", "HTI", "TINN")),
    (FREQUENCY, 60, ("HF", "VHF")),
    (FREQUENCY, 120, ("LF", "LFHF", "LFn", "HFn")),
    (FREQUENCY, 300, ("VLF", "TP")),
    (NONLINEAR, 10, ("CSI", "CVI", "S")),
    (NONLINEAR, 60, ("GI", "SI", "AI", "PI", "PIP", "IALS", "PSS", "PAS")),
    (NONLINEAR, 300, ("DFA_alpha1", "ApEn", "SampEn", "ShanEn", "FuzzyEn", "HFD", "KFD", "LZC")),
)

INDICES: Mapping[str, tuple[str, str, float]] = MappingProxyType(
    {
        f"hrv_{name.lower()}": (function, f"HRV_{name}", least)
        for function, least, names in _SETS
        for name in names
    }
)
"""Function and column of NeuroKit2, and the least length in s of the record, by feature."""

LEAST_BEATS = 8


def _table(function: str, peaks: Any, rate: float) -> dict[str, float]:
    """Call one function of NeuroKit2: its indices, none where it fails on these peaks."""
    neurokit = require("neurokit2", extra="ecg")
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            table = getattr(neurokit, function)(peaks, sampling_rate=rate)
        except (ValueError, IndexError, ZeroDivisionError, np.linalg.LinAlgError):
            return {}
    return {name: float(value) for name, value in table.iloc[0].items()}


def hrv(record: ECGRecord, marks: Delineation, beat: MedianBeat) -> dict[str, float]:
    """Measure indices of the RR intervals, NaN where the record is too short for one.

    Raises
    ------
    OptionalDependencyError
        NeuroKit2 is not installed.
    """
    values = dict.fromkeys(INDICES, np.nan)
    require("neurokit2", extra="ecg")
    length = float(rr_intervals(marks).sum()) / 1000
    due = record.duration if marks.n_beats >= LEAST_BEATS and length > 0 else 0.0
    peaks = {"ECG_R_Peaks": np.round(marks.beats["R_peak"]).astype(int)}
    for function in (TIME, FREQUENCY, NONLINEAR):
        wanted = {
            name: column
            for name, (where, column, least) in INDICES.items()
            if where == function and due >= least
        }
        table = _table(function, peaks, marks.sampling_rate) if wanted else {}
        found = {name: table.get(column, np.nan) for name, column in wanted.items()}
        values |= {name: value if np.isfinite(value) else np.nan for name, value in found.items()}
    return values
