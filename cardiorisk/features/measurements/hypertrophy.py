"""Scores of ventricular hypertrophy that need more than voltages."""

import numpy as np

from cardiorisk.features.measurements.atrial import terminal_p
from cardiorisk.features.measurements.median_beat import MedianBeat
from cardiorisk.features.measurements.waves import LIMB, amplitudes, areas, axes
from cardiorisk.records import Delineation, ECGRecord

__all__ = ["hypertrophy"]


def _is_strained(values: dict[str, float], area: dict[str, float]) -> bool:
    """T of V5 or V6, at least 0.1 mV, opposite to the net QRS."""
    return any(
        abs(values[f"t_amplitude_{lead}"]) >= 0.1
        and values[f"t_amplitude_{lead}"] * area[f"qrs_area_{lead}"] < 0
        for lead in ("V5", "V6")
    )


def _romhilt_estes(
    beat: MedianBeat, values: dict[str, float], area: dict[str, float], axis: float
) -> float:
    """Points of Romhilt and Estes (1968), strain counted as without digitalis."""
    r, s = (
        {name[12:]: abs(values[name]) for name in values if name.startswith(f"{wave}_")}
        for wave in "rs"
    )
    q = {name[12:]: abs(values[name]) for name in values if name.startswith("q_")}
    needed = [r[lead] for lead in (*LIMB, "V1", "V2", "V5", "V6")]
    if not np.isfinite([*needed, axis]).all():
        return np.nan
    depth = {lead: s[lead] if r[lead] > 0 else q[lead] for lead in r}
    high = (
        max(max(r[lead], depth[lead]) for lead in LIMB) >= 2.0
        or max(depth["V1"], depth["V2"]) >= 3.0
        or max(r["V5"], r["V6"]) >= 3.0
    )
    terminal = terminal_p(beat)
    late = np.array(beat.qrs.r_peak_time)[[10, 11]]
    return float(
        3 * high
        + 3 * _is_strained(values, area)
        + 3 * (terminal.depth >= 0.1 and terminal.duration >= 40)
        + 2 * (-90 <= axis <= -30)
        + (beat.time_between("QRS_on", "QRS_off") >= 90)
        + (late >= 50).any()
    )


def hypertrophy(record: ECGRecord, marks: Delineation, beat: MedianBeat) -> dict[str, float]:
    """Romhilt-Estes points and the right ventricular Sokolow-Lyon voltage."""
    values = amplitudes(record, marks, beat)
    area = areas(record, marks, beat)
    axis = axes(record, marks, beat)["qrs_axis"]
    right_depth = np.maximum(-values["s_amplitude_V5"], -values["s_amplitude_V6"])
    return {
        "romhilt_estes": _romhilt_estes(beat, values, area, axis),
        "sokolow_lyon_right": values["r_amplitude_V1"] + float(right_depth),
    }
