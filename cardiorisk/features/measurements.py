"""Turn the marks of a record into named measurements."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from cardiorisk._validation import in_lead_order, usable_leads
from cardiorisk.records import MARKS, STANDARD_LEADS, Delineation, ECGRecord

__all__ = ["MEASUREMENTS", "MedianBeat", "median_beat"]

Floats = npt.NDArray[np.float64]

LEVEL = 0.020  # s before QRS (before P) whose median is the zero of the waves
ST_DELAY = 0.060  # s after the end of QRS
ST_WIDTH = 0.010  # s around it that are averaged
SMALLEST_WAVE = 0.02  # mV: below, a deflection of QRS is no wave
BEFORE, AFTER = 0.5, 0.8  # s around R that the median beat holds
LIMB, CHEST = STANDARD_LEADS[:6], STANDARD_LEADS[6:]


class MedianBeat(NamedTuple):
    """The usual beat of a record.

    ``signal`` is (12, n_samples) in mV in the standard order of leads, zero at the level before
    QRS, NaN for a lead without signal. ``marks`` are positions in it, NaN for an absent wave.
    """

    signal: Floats
    marks: Mapping[str, float]
    sampling_rate: float

    def piece(self, start: str, end: str) -> Floats:
        """Signal from one mark to another, both included; no sample where one is absent."""
        first, last = self.marks[start], self.marks[end]
        if not np.isfinite(first + last):
            return self.signal[:, :0]
        return self.signal[:, max(round(first), 0) : round(last) + 1]


def _median(values: Floats) -> float:
    finite = values[np.isfinite(values)]
    return float(np.median(finite)) if len(finite) else np.nan


def median_beat(record: ECGRecord, marks: Delineation) -> MedianBeat:
    """Median over beats of the signal around R, each beat levelled just before its QRS."""
    rate = record.sampling_rate
    usable = in_lead_order(record).astype(np.float64)
    usable[~np.isin(STANDARD_LEADS, np.array(record.lead_names)[usable_leads(record)])] = np.nan
    before, after, level = (round(seconds * rate) for seconds in (BEFORE, AFTER, LEVEL))
    padded = np.pad(usable, ((0, 0), (before, after)), constant_values=np.nan)
    peaks = marks.beats["R_peak"]
    onset = np.round(marks.beats["QRS_on"]).astype(int) + before
    zero = np.median(padded[:, onset[:, None] + np.arange(-level, 0)], axis=2)
    centre = np.round(peaks).astype(int) + before
    pieces = padded[:, centre[:, None] + np.arange(-before, after + 1)] - zero[:, :, None]
    relative = {name: _median(marks.beats[name] - peaks) + before for name in MARKS}
    return MedianBeat(_nanmedian(pieces), relative, rate)


def _nanmedian(pieces: Floats) -> Floats:
    """Median over axis 1 without NaN; NaN, and no warning, where there is nothing else."""
    ranked = np.sort(pieces, axis=1)  # NaN come last
    count = np.isfinite(pieces).sum(axis=1)
    low, high = (np.maximum(index, 0) for index in ((count - 1) // 2, count // 2))
    pair = [np.take_along_axis(ranked, index[:, None], axis=1)[:, 0] for index in (low, high)]
    return np.where(count > 0, np.mean(pair, axis=0), np.nan)


def rhythm(record: ECGRecord, marks: Delineation, beat: MedianBeat) -> dict[str, float]:
    """Rate and regularity from the RR intervals, in ms."""
    rr = np.diff(marks.beats["R_peak"]) / record.sampling_rate * 1000
    change = np.diff(rr)
    several = len(change) > 0
    rmssd = float(np.sqrt(np.mean(change**2))) if several else np.nan
    return {
        "heart_rate": 60_000 / float(rr.mean()),
        "rr_mean": float(rr.mean()),
        "rr_median": float(np.median(rr)),
        "rr_min": float(rr.min()),
        "rr_max": float(rr.max()),
        "rr_sd": float(rr.std(ddof=1)) if several else np.nan,
        "rmssd": rmssd,
        "pnn50": 100 * float(np.mean(np.abs(change) > 50)) if several else np.nan,
        "rr_irregularity": rmssd / float(rr.mean()),
        "p_wave_share": 100 * float(np.mean(np.isfinite(marks.beats["P_peak"]))),
    }


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


def intervals(record: ECGRecord, marks: Delineation, beat: MedianBeat) -> dict[str, float]:
    """Durations between marks, in ms: median over the beats that have both."""

    def between(start: str, end: str) -> float:
        return _median(marks.beats[end] - marks.beats[start]) / record.sampling_rate * 1000

    rr = float(np.diff(marks.beats["R_peak"]).mean()) / record.sampling_rate * 1000
    qt = between("QRS_on", "T_off")
    return {
        "p_duration": between("P_on", "P_off"),
        "pr_interval": between("P_on", "QRS_on"),
        "pr_segment": between("P_off", "QRS_on"),
        "qrs_duration": between("QRS_on", "QRS_off"),
        "qt_interval": qt,
        "jt_interval": between("QRS_off", "T_off"),
        "t_peak_to_end": between("T_peak", "T_off"),
        **corrected_qt(qt, rr),
    }


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

    p_wave = beat.piece("P_on", "P_off")
    qrs = axis(beat.piece("QRS_on", "QRS_off"))
    t_wave = axis(beat.piece("T_on", "T_off"))
    return {
        "p_axis": axis(p_wave - _p_level(beat)),
        "qrs_axis": qrs,
        "t_axis": t_wave,
        "qrs_t_angle": abs((qrs - t_wave + 180) % 360 - 180),
    }


def _p_level(beat: MedianBeat) -> Floats:
    """Level before P of each lead, shape (12, 1)."""
    if not np.isfinite(beat.marks["P_on"]):
        return np.full((len(beat.signal), 1), np.nan)
    end = max(round(beat.marks["P_on"]), 1)
    start = max(end - round(LEVEL * beat.sampling_rate), 0)
    return np.asarray(np.median(beat.signal[:, start:end], axis=1, keepdims=True))


def _largest(piece: Floats) -> Floats:
    """Deflection that is largest in size, with its sign, shape (12,)."""
    if not piece.shape[1]:
        return np.full(len(piece), np.nan)
    safe = np.nan_to_num(piece)
    largest = np.take_along_axis(piece, np.abs(safe).argmax(axis=1)[:, None], axis=1)[:, 0]
    return np.where(np.isfinite(piece).all(axis=1), largest, np.nan)


def _qrs_waves(beat: MedianBeat) -> tuple[Floats, Floats, Floats]:
    """Signed amplitudes of Q, R and S, each of shape (12,); 0 for a wave that is not there."""
    qrs = beat.piece("QRS_on", "QRS_off")
    absent = ~np.isfinite(qrs).all(axis=1)
    safe = np.nan_to_num(qrs)
    height = safe.max(axis=1)
    has_r = height >= SMALLEST_WAVE
    # Without R the whole complex lies before it: a QS complex counts as Q.
    turn = np.where(has_r, safe.argmax(axis=1), safe.shape[1])[:, None]
    sample = np.arange(safe.shape[1])
    first = np.where(sample < turn, safe, 0.0).min(axis=1)
    second = np.where(sample > turn, safe, 0.0).min(axis=1)
    waves = [np.where(has_r, height, 0.0)]
    waves += [np.where(depth <= -SMALLEST_WAVE, depth, 0.0) for depth in (first, second)]
    r_wave, q_wave, s_wave = (np.where(absent, np.nan, wave) for wave in waves)
    return q_wave, r_wave, s_wave


def _st_level(beat: MedianBeat) -> Floats:
    centre = beat.marks["QRS_off"] + ST_DELAY * beat.sampling_rate
    half = ST_WIDTH / 2 * beat.sampling_rate
    return np.asarray(beat.signal[:, round(centre - half) : round(centre + half) + 1].mean(axis=1))


def amplitudes(record: ECGRecord, marks: Delineation, beat: MedianBeat) -> dict[str, float]:
    """Waves of the median beat in the twelve leads, in mV."""
    q_wave, r_wave, s_wave = _qrs_waves(beat)
    waves = {
        "p_amplitude": _largest(beat.piece("P_on", "P_off") - _p_level(beat)),
        "q_amplitude": q_wave,
        "r_amplitude": r_wave,
        "s_amplitude": s_wave,
        "st_level": _st_level(beat),
        "t_amplitude": _largest(beat.piece("T_on", "T_off")),
    }
    return {
        f"{name}_{lead}": float(value)
        for name, values in waves.items()
        for lead, value in zip(STANDARD_LEADS, values, strict=True)
    }


def voltages(record: ECGRecord, marks: Delineation, beat: MedianBeat) -> dict[str, float]:
    """Voltage criteria of left ventricular hypertrophy and of low voltage."""
    q_wave, r_wave, s_wave = _qrs_waves(beat)
    # A QS complex is the deepest S that a lead can have.
    depth = dict(zip(STANDARD_LEADS, np.where(r_wave > 0, -s_wave, -q_wave), strict=True))
    height = dict(zip(STANDARD_LEADS, r_wave, strict=True))
    size = dict(zip(STANDARD_LEADS, r_wave - np.minimum(q_wave, s_wave), strict=True))
    cornell = float(height["aVL"] + depth["V3"])
    duration = (beat.marks["QRS_off"] - beat.marks["QRS_on"]) / beat.sampling_rate * 1000

    def largest(values: Mapping[str, float], leads: tuple[str, ...]) -> float:
        return max((float(values[n]) for n in leads if np.isfinite(values[n])), default=np.nan)

    return {
        "sokolow_lyon": float(depth["V1"]) + float(np.maximum(height["V5"], height["V6"])),
        "cornell_voltage": cornell,
        "cornell_product": cornell * duration,
        "peguero_lo_presti": largest(depth, STANDARD_LEADS) + float(depth["V4"]),
        "limb_qrs_voltage": largest(size, LIMB),
        "chest_qrs_voltage": largest(size, CHEST),
    }


def signal(record: ECGRecord, marks: Delineation, beat: MedianBeat) -> dict[str, float]:
    """How much signal there was to measure."""
    return {
        "n_beats": float(marks.n_beats),
        "n_usable_leads": float(usable_leads(record).sum()),
    }


Measurement = Callable[[ECGRecord, Delineation, MedianBeat], dict[str, float]]

MEASUREMENTS: Mapping[str, Measurement] = MappingProxyType(
    {
        "rhythm": rhythm,
        "intervals": intervals,
        "axes": axes,
        "voltages": voltages,
        "amplitudes": amplitudes,
        "signal": signal,
    }
)
"""The function that measures each feature group."""
