"""The shape of ST and T."""

import numpy as np
import numpy.typing as npt

from cardiorisk.features.measurements.median_beat import MedianBeat
from cardiorisk.features.measurements.waves import amplitudes
from cardiorisk.records import STANDARD_LEADS, Delineation, ECGRecord

__all__ = ["repolarisation", "t_shape"]

SMALLEST_T = 0.05  # mV: the shape of a smaller T is noise
FLAT_T = 0.1  # mV: T below in size is flat, at or below -0.1 inverted
SHAPE_LEADS = ("II", "V2", "V5")
UPRIGHT_T = ("I", "II", "V3", "V4", "V5", "V6")  # leads in which T of an adult is upright
ST_HIGH = {"V2": 0.2, "V3": 0.2}  # mV at J, from here on; 0.1 elsewhere
ST_LOW = {"V2": -0.05, "V3": -0.05}  # mV at J, from here down; -0.1 elsewhere


def t_shape(wave: npt.NDArray[np.float64]) -> tuple[float, float]:
    """Symmetry and flatness of T, (n_samples,) from onset to end.

    Above the straight line from onset to end: area after the peak over area before it, and mean
    height over peak height. NaN where the peak is at an edge or too low.

    Examples
    --------
    >>> triangle = np.concatenate([np.arange(100), np.arange(100, -1, -1)]) / 500
    >>> tuple(round(value, 2) for value in t_shape(triangle))
    (1.0, 0.5)
    """
    if len(wave) < 3 or not np.isfinite(wave).all():
        return np.nan, np.nan
    height = wave - np.linspace(wave[0], wave[-1], len(wave))
    peak = int(np.abs(height).argmax())
    height = height * np.sign(height[peak])
    if height[peak] < SMALLEST_T:
        return np.nan, np.nan
    before, after = (
        np.trapezoid(np.maximum(part, 0.0)) for part in (height[: peak + 1], height[peak:])
    )
    return float(after / before), float(np.trapezoid(height) / (len(height) - 1) / height[peak])


def _count(is_so: list[bool], values: list[float]) -> float:
    """How many leads; NaN if none of them was measured."""
    return float(sum(is_so)) if np.isfinite(values).any() else np.nan


def repolarisation(record: ECGRecord, marks: Delineation, beat: MedianBeat) -> dict[str, float]:
    """Shape of T in three leads, and how many leads have a remarkable ST or T."""
    values = amplitudes(record, marks, beat)
    t_wave = beat.piece("T_on", "T_off")
    shapes = {lead: t_shape(t_wave[STANDARD_LEADS.index(lead)]) for lead in SHAPE_LEADS}
    t_high = [values[f"t_amplitude_{lead}"] for lead in UPRIGHT_T]
    others = [lead for lead in STANDARD_LEADS if lead != "aVR"]
    level = {lead: values[f"st_j_{lead}"] for lead in others}
    j = list(level.values())
    return {
        **{f"t_symmetry_{lead}": symmetry for lead, (symmetry, _) in shapes.items()},
        **{f"t_flatness_{lead}": flatness for lead, (_, flatness) in shapes.items()},
        "t_flat_leads": _count([abs(height) < FLAT_T for height in t_high], t_high),
        "t_inverted_leads": _count([height <= -FLAT_T for height in t_high], t_high),
        "st_elevated_leads": _count([v >= ST_HIGH.get(k, 0.1) for k, v in level.items()], j),
        "st_depressed_leads": _count([v <= ST_LOW.get(k, -0.1) for k, v in level.items()], j),
    }
