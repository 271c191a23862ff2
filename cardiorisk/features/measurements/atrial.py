"""The P wave: terminal force, height, width and interatrial block."""

from typing import NamedTuple

import numpy as np

from cardiorisk.features.measurements.median_beat import MedianBeat
from cardiorisk.records import STANDARD_LEADS, Delineation, ECGRecord

__all__ = ["TerminalP", "atrial", "terminal_p"]

SMALLEST_P = 0.02  # mV: a smaller part of P is no part
TALL_P = 0.25  # mV: above, in an inferior lead
WIDE_P = 120.0  # ms: from here on
INFERIOR = [STANDARD_LEADS.index(lead) for lead in ("II", "III", "aVF")]
V1 = STANDARD_LEADS.index("V1")


class TerminalP(NamedTuple):
    """The negative end of P in V1: depth in mV, duration in ms, force in mV ms; 0 without it."""

    depth: float
    duration: float
    force: float


def terminal_p(beat: MedianBeat) -> TerminalP:
    """Measure the negative end of P in V1, NaN without P or V1.

    The end begins where P last becomes negative and runs to the end of P. Morris et al. (1964),
    doi:10.1161/01.CIR.29.2.242.
    """
    wave = beat.p_wave[V1]
    if not len(wave) or not np.isfinite(wave).all():
        return TerminalP(np.nan, np.nan, np.nan)
    deepest = int(wave.argmin())
    above = np.flatnonzero(wave >= 0)
    start = int(above[above < deepest].max(initial=-1)) + 1
    later = above[above > deepest]
    end = int(later[0]) if len(later) else len(wave)
    # A negative part that P climbs out of into a positive one is not its end.
    if wave[deepest] > -SMALLEST_P or wave[end:].max(initial=0.0) >= SMALLEST_P:
        return TerminalP(0.0, 0.0, 0.0)
    duration = (end - start) / beat.sampling_rate * 1000
    depth = -float(wave[deepest])
    return TerminalP(depth, duration, depth * duration)


def _is_biphasic(wave: np.ndarray) -> bool:
    """Tell whether P is first positive and then negative."""
    top, bottom = int(wave.argmax()), int(wave.argmin())
    return bool(wave[top] >= SMALLEST_P and wave[bottom] <= -SMALLEST_P and top < bottom)


def atrial(record: ECGRecord, marks: Delineation, beat: MedianBeat) -> dict[str, float]:
    """Signs of atrial enlargement and of interatrial block, NaN without P."""
    wave, inferior = beat.p_wave, beat.p_wave[INFERIOR]
    width = beat.time_between("P_on", "P_off")
    terminal = terminal_p(beat)
    biphasic = tall = block = initial = np.nan
    if wave.shape[1] and np.isfinite(wave[V1]).all():
        initial = max(float(wave[V1].max()), 0.0)
    if wave.shape[1] and np.isfinite(inferior).all():
        biphasic = float(sum(map(_is_biphasic, inferior)))
        tall = float(inferior.max() > TALL_P)
        block = 0.0 if width < WIDE_P else 2.0 if biphasic == len(INFERIOR) else 1.0
    return {
        "p_terminal_force_V1": terminal.force,
        "p_terminal_duration_V1": terminal.duration,
        "p_terminal_depth_V1": terminal.depth,
        "p_initial_amplitude_V1": initial,
        "p_tall": tall,
        "p_wide": float(width >= WIDE_P) if np.isfinite(width) else np.nan,
        "p_biphasic_inferior_leads": biphasic,
        "interatrial_block": block,
    }
