"""Axes, amplitudes, areas and voltages of the waves of the median beat."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from cardiorisk.features.measurements.deflections import SMALLEST_WAVE
from cardiorisk.features.measurements.median_beat import MedianBeat
from cardiorisk.records import STANDARD_LEADS, Delineation, ECGRecord

__all__ = ["amplitudes", "areas", "axes", "by_lead", "frontal_axis", "progression", "voltages"]

Floats = npt.NDArray[np.float64]

ST_DELAY = 0.060  # s after the end of QRS
ST_WIDTH = 0.010  # s around it that are averaged
LIMB, CHEST = STANDARD_LEADS[:6], STANDARD_LEADS[6:]


def by_lead(values: Floats) -> dict[str, float]:
    """Values of the twelve leads by name of the lead."""
    return dict(zip(STANDARD_LEADS, values.tolist(), strict=True))


def frontal_axis(area_one: float, area_avf: float) -> float:
    """Angle of the frontal vector in degrees, within (-180, 180], from its areas in I and aVF.

    aVF is an augmented lead: its gain is sqrt(3) / 2 of that of lead I.

    Examples
    --------
    >>> round(frontal_axis(1.0, 3**0.5 / 2))
    45
    """
    if area_one == 0 and area_avf == 0:
        return np.nan
    return float(np.degrees(np.arctan2(2 / np.sqrt(3) * area_avf, area_one)))


def axes(record: ECGRecord, marks: Delineation, beat: MedianBeat) -> dict[str, float]:
    """Frontal axes of P, QRS and T, in degrees."""
    one, avf = STANDARD_LEADS.index("I"), STANDARD_LEADS.index("aVF")

    def axis(piece: Floats) -> float:
        if not piece.shape[1]:
            return np.nan
        areas = piece.sum(axis=1)
        return frontal_axis(areas[one], areas[avf])

    qrs = axis(beat.piece("QRS_on", "QRS_off"))
    t_wave = axis(beat.piece("T_on", "T_off"))
    return {
        "p_axis": axis(beat.p_wave),
        "qrs_axis": qrs,
        "t_axis": t_wave,
        "qrs_t_angle": abs((qrs - t_wave + 180) % 360 - 180),
    }


def _largest(piece: Floats) -> Floats:
    """Deflection that is largest in size, with its sign, shape (12,)."""
    if not piece.shape[1]:
        return np.full(len(piece), np.nan)
    safe = np.nan_to_num(piece)
    largest = np.take_along_axis(piece, np.abs(safe).argmax(axis=1)[:, None], axis=1)[:, 0]
    return np.where(np.isfinite(piece).all(axis=1), largest, np.nan)


def _st_level(beat: MedianBeat, delay: float) -> Floats:
    centre = beat.marks["QRS_off"] + delay * beat.sampling_rate
    half = ST_WIDTH / 2 * beat.sampling_rate
    return np.asarray(beat.signal[:, round(centre - half) : round(centre + half) + 1].mean(axis=1))


def amplitudes(record: ECGRecord, marks: Delineation, beat: MedianBeat) -> dict[str, float]:
    """Waves of the median beat in the twelve leads, in mV."""
    waves = {
        "p_amplitude": _largest(beat.p_wave),
        "q_amplitude": beat.qrs.q,
        "r_amplitude": beat.qrs.r,
        "s_amplitude": beat.qrs.s,
        "st_level": _st_level(beat, ST_DELAY),
        "t_amplitude": _largest(beat.piece("T_on", "T_off")),
        "st_j": _st_level(beat, 0.0),
    }
    return {
        f"{name}_{lead}": value
        for name, values in waves.items()
        for lead, value in by_lead(values).items()
    }


def areas(record: ECGRecord, marks: Delineation, beat: MedianBeat) -> dict[str, float]:
    """Net areas of QRS and T in the twelve leads, in mV ms."""
    step = 1000 / beat.sampling_rate
    spans = {"qrs_area": ("QRS_on", "QRS_off"), "t_area": ("T_on", "T_off")}
    values: dict[str, float] = {}
    for name, span in spans.items():
        piece = beat.piece(*span)
        area = piece.sum(axis=1) * step if piece.shape[1] else np.full(12, np.nan)
        values |= {f"{name}_{lead}": value for lead, value in by_lead(area).items()}
    return values


def _depth(beat: MedianBeat) -> Floats:
    """Depth of S in each lead; a QS complex is the deepest S that a lead can have."""
    return np.where(beat.qrs.r > 0, -beat.qrs.s, -beat.qrs.q)


def progression(record: ECGRecord, marks: Delineation, beat: MedianBeat) -> dict[str, float]:
    """How R grows and S shrinks across the chest."""
    height, depth = beat.qrs.r[6:], _depth(beat)[6:]
    ratios = height / np.maximum(depth, SMALLEST_WAVE)
    values = {f"r_s_ratio_{lead}": float(r) for lead, r in zip(CHEST, ratios, strict=True)}
    return values | {"transition_lead": _transition(height - depth)}


def _transition(excess: Floats) -> float:
    """Find the number of the chest lead, between leads, where R becomes as high as S is deep."""
    if not np.isfinite(excess).all():
        return np.nan
    reached = np.flatnonzero(excess >= 0)
    if not len(reached):
        return 7.0
    first = int(reached[0])
    if first == 0:
        return 1.0
    before, after = excess[first - 1], excess[first]
    return float(first + before / (before - after))


def voltages(record: ECGRecord, marks: Delineation, beat: MedianBeat) -> dict[str, float]:
    """Voltage criteria of left ventricular hypertrophy and of low voltage."""
    height, depth = by_lead(beat.qrs.r), by_lead(_depth(beat))
    size = by_lead(beat.qrs.r - np.minimum(beat.qrs.q, beat.qrs.s))
    cornell = height["aVL"] + depth["V3"]

    def largest(values: Mapping[str, float], leads: tuple[str, ...]) -> float:
        return float(np.max([values[name] for name in leads]))  # NaN if one lead is missing

    return {
        "sokolow_lyon": depth["V1"] + float(np.maximum(height["V5"], height["V6"])),
        "cornell_voltage": cornell,
        "cornell_product": cornell * beat.time_between("QRS_on", "QRS_off"),
        "peguero_lo_presti": largest(depth, STANDARD_LEADS) + depth["V4"],
        "limb_qrs_voltage": largest(size, LIMB),
        "chest_qrs_voltage": largest(size, CHEST),
    }
