"""Durations between marks, and QT corrected for the rate."""

import numpy as np
import numpy.typing as npt

from cardiorisk._validation import usable_leads
from cardiorisk.features.measurements.median_beat import MedianBeat, finite_median
from cardiorisk.features.measurements.rhythm import rr_intervals
from cardiorisk.records import STANDARD_LEADS, Delineation, ECGRecord

__all__ = ["corrected_qt", "intervals", "single_lead"]

LONG_PR = 200.0  # ms: above, doi:10.1016/j.jacc.2018.10.044
LONG_QTC = 460.0  # ms: from here on in women, doi:10.1161/CIRCULATIONAHA.108.191096
VERY_LONG_QTC = 500.0  # ms: above, doi:10.1161/CIRCULATIONAHA.109.192704


def corrected_qt(qt: float, rr: float) -> dict[str, float]:
    """QT corrected for the heart rate, from QT and RR in ms.

    Examples
    --------
    >>> corrected_qt(400.0, 1000.0)["qtc_fridericia"]
    400.0
    """
    seconds = rr / 1000
    return {
        "qtc_bazett": qt / seconds**0.5,
        "qtc_fridericia": qt / seconds ** (1 / 3),
        "qtc_framingham": qt + 154 * (1 - seconds),
        "qtc_hodges": qt + 1.75 * (60 / seconds - 60),
    }


def _between(beats: dict[str, npt.NDArray[np.float64]], start: str, end: str, rate: float) -> float:
    return finite_median(beats[end] - beats[start]) / rate * 1000


def intervals(record: ECGRecord, marks: Delineation, beat: MedianBeat) -> dict[str, float]:
    """Durations between marks, in ms: median over the beats that have both."""

    def between(start: str, end: str) -> float:
        return _between(marks.beats, start, end, record.sampling_rate)

    qt = between("QRS_on", "T_off")
    return {
        "p_duration": between("P_on", "P_off"),
        "pr_interval": between("P_on", "QRS_on"),
        "pr_segment": between("P_off", "QRS_on"),
        "qrs_duration": between("QRS_on", "QRS_off"),
        "qt_interval": qt,
        "jt_interval": between("QRS_off", "T_off"),
        "t_peak_to_end": between("T_peak", "T_off"),
        **corrected_qt(qt, float(rr_intervals(marks).mean())),
    }


def _flag(value: float, is_set: bool) -> float:
    return float(is_set) if np.isfinite(value) else np.nan


def _watch_lead(record: ECGRecord) -> int | None:
    """Row of lead I if it is usable, else of the first usable standard lead."""
    usable = usable_leads(record)
    for name in STANDARD_LEADS:
        if name in record.lead_names and usable[row := record.lead_names.index(name)]:
            return row
    return None


def single_lead(record: ECGRecord, marks: Delineation, beat: MedianBeat) -> dict[str, float]:
    """PR, QRS and QT of one lead, as watches and patches give them, with their flags."""
    row = _watch_lead(record)
    lead = marks.leads[row] if row is not None and row < len(marks.leads) else None
    pairs = {"pr": ("P_on", "QRS_on"), "qrs": ("QRS_on", "QRS_off"), "qt": ("QRS_on", "T_off")}
    values = {
        name: np.nan if lead is None else _between(lead, start, end, marks.sampling_rate)
        for name, (start, end) in pairs.items()
    }
    rr = float(rr_intervals(marks).mean())
    qtc = corrected_qt(values["qt"], rr)["qtc_fridericia"]
    return {
        "lead_i_pr": values["pr"],
        "lead_i_qrs": values["qrs"],
        "lead_i_qt": values["qt"],
        "lead_i_qtc": qtc,
        "first_degree_av_block": _flag(values["pr"], values["pr"] > LONG_PR),
        "long_qt": _flag(qtc, qtc >= LONG_QTC),
        "very_long_qt": _flag(qtc, qtc > VERY_LONG_QTC),
    }
