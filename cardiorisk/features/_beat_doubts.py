"""Doubts that only the beats can raise: swapped electrodes, wrong rate, pacemaker spikes."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.ndimage import median_filter

from cardiorisk._signal_problems import SignalProblem, fill_gaps, usable_leads
from cardiorisk.features.measurements.median_beat import MedianBeat, finite_median, median_beat
from cardiorisk.records import STANDARD_LEADS, Delineation, ECGRecord

__all__ = ["beat_doubts", "pacing_spikes", "swapped_leads", "wrong_rate"]

Floats = npt.NDArray[np.floating]

# The limits of every rule are the choice of benchmarks/signal_quality.py, which also tells how
# well limits so chosen do in patients who had no part in the choice.
ARMS_LIKE_V6, LEG_LIKE_V6 = -0.2, -0.4  # correlation of leads I and II with V6: below, a swap
SHORT_QRS, SHORT_QTC = 80.0, 330.0  # ms: both below, the stated rate is probably too high
LONG_QRS, LONG_QTC = 135.0, 520.0  # ms: both above, the stated rate is probably too low
SPIKE_WIDTH = 0.004  # s: no wave of the heart is as narrow
SPIKE_HEIGHT = 0.15  # mV, in three leads or in all of fewer
SPIKE_RATE = 250.0  # Hz: below, a recorder has smoothed the spikes away
FEWEST_SPIKES = 3
EDGE = 0.1  # s at either end, where filters of recorders leave steps


class SwapEvidence(NamedTuple):
    """What tells swapped limb electrodes; NaN where a lead or the P wave is absent.

    ``like_six_one`` and ``like_six_two`` are the correlations of leads I and II with V6 from
    QRS to T. ``qrs_one`` is the mean of QRS in lead I, the others are means of P, in mV.
    """

    like_six_one: float
    like_six_two: float
    qrs_one: float
    p_one: float
    p_two: float
    p_a_right: float


def swap_evidence(beat: MedianBeat) -> SwapEvidence:
    """Measure what :func:`swapped_leads` judges."""
    last = "T_off" if np.isfinite(beat.marks["T_off"]) else "QRS_off"
    complexes = beat.piece("QRS_on", last)
    qrs, p_wave = np.full(12, np.nan), np.full(12, np.nan)
    if complexes.shape[1]:
        qrs = beat.piece("QRS_on", "QRS_off").mean(axis=1)
    piece = beat.piece("P_on", "P_off")
    if piece.shape[1]:
        p_wave = piece.mean(axis=1) - (piece[:, 0] + piece[:, -1]) / 2
    one, two, a_right, six = (STANDARD_LEADS.index(name) for name in ("I", "II", "aVR", "V6"))
    centred = complexes - complexes.mean(axis=1, keepdims=True) if complexes.size else complexes
    length = np.linalg.norm(centred, axis=1) * np.linalg.norm(centred[six])
    like_six = centred @ centred[six] / np.where(length > 0, length, np.nan)
    return SwapEvidence(
        like_six[one], like_six[two], qrs[one], p_wave[one], p_wave[two], p_wave[a_right]
    )


def swapped_leads(beat: MedianBeat) -> SignalProblem | None:
    """Tell whether the electrodes of the right arm and the left arm or leg were swapped.

    Swapping the arms turns lead I upside down, P and QRS alike; swapping the right arm and the
    left leg turns lead II upside down. V6 is not touched by either and looks in the same
    direction as both leads, so that a negative correlation with them tells, for the arms together
    with a negative QRS in lead I; without V6 the arms are told where P and QRS point down in lead
    I. Paced beats can look the same. A swap of the left arm and leg, and of the
    legs, leaves plausible ECGs and is not looked for.
    """
    seen = swap_evidence(beat)
    without_six = np.isnan(seen.like_six_one) and seen.p_one < 0
    if seen.qrs_one < 0 and (seen.like_six_one < ARMS_LIKE_V6 or without_six):
        words = "lead I is upside down: the electrodes of both arms may be swapped."
        return SignalProblem("swapped_leads", words, False, STANDARD_LEADS[:6])
    if seen.like_six_two < LEG_LIKE_V6:
        words = "lead II is upside down: right arm and left leg may be swapped."
        return SignalProblem("swapped_leads", words, False, STANDARD_LEADS[:6])
    return None


def rate_evidence(marks: Delineation) -> tuple[float, float]:
    """Median QRS duration and QTc (Fridericia) in ms; NaN where they cannot be measured."""
    beats = {name: values / marks.sampling_rate * 1000 for name, values in marks.beats.items()}
    widths, qt = beats["QRS_off"] - beats["QRS_on"], beats["T_off"] - beats["QRS_on"]
    if len(widths) < 2:
        return np.nan, np.nan
    seconds = float(np.median(np.diff(beats["R_peak"]))) / 1000
    return finite_median(widths), finite_median(qt) / seconds ** (1 / 3)


def wrong_rate(marks: Delineation) -> SignalProblem | None:
    """Tell whether QRS and QT are both too short or too long to be timed rightly.

    Against a stated rate of twice the true one, QRS halves and QT at 60 /min falls by a third,
    while a short QT or a wide QRS of a patient comes alone.
    """
    width, corrected = rate_evidence(marks)
    if width < SHORT_QRS and corrected < SHORT_QTC:
        guess = "high"
    elif width > LONG_QRS and corrected > LONG_QTC:
        guess = "low"
    else:
        return None
    words = f"QRS of {width:.0f} ms with QTc of {corrected:.0f} ms; the stated rate is probably too"
    return SignalProblem("rate_suspected", f"{words} {guess}.", False)


def needles(record: ECGRecord) -> Floats:
    """Height in mV of what is narrower than a wave of the heart, in the third highest lead.

    One value a sample without the ends; no sample where needles cannot be told.
    """
    record = fill_gaps(record)
    rate, usable = record.sampling_rate, usable_leads(record)
    edge, width = round(EDGE * rate), 2 * int(np.ceil(SPIKE_WIDTH * rate)) + 1
    if rate < SPIKE_RATE or not usable.any() or record.signal.shape[1] <= 2 * edge + width:
        return np.empty(0)
    signal = record.signal[usable]
    heights = np.abs(signal - median_filter(signal, size=(1, width)))[:, edge:-edge]
    rank = len(heights) - min(FEWEST_SPIKES, len(heights))
    return np.asarray(np.partition(heights, rank, axis=0)[rank])


def count_spikes(heights: Floats, sampling_rate: float, least: float) -> int:
    """Count needles of at least a height, where they stand out; 0 where they are too few."""
    found = _starts(heights > least, round(EDGE * sampling_rate))
    if found < FEWEST_SPIKES or heights.max() < FEWEST_SPIKES * np.quantile(heights, 0.99):
        return 0
    return found


def pacing_spikes(record: ECGRecord) -> SignalProblem | None:
    """Tell whether needles narrower than any wave of the heart stand in several leads at once."""
    found = count_spikes(needles(record), record.sampling_rate, SPIKE_HEIGHT)
    words = f"{found} spikes narrower than {1000 * SPIKE_WIDTH:g} ms; a pacemaker, or interference."
    return SignalProblem("pacing", words, False) if found else None


def _starts(mask: npt.NDArray[np.bool_], apart: int) -> int:
    """Count what is True, once where it is closer than ``apart`` samples."""
    places = np.flatnonzero(mask)
    return int(np.sum(np.diff(places) > apart)) + 1 if len(places) else 0


def beat_doubts(record: ECGRecord, resampled: ECGRecord, marks: Delineation) -> list[SignalProblem]:
    """List the doubts about a record whose beats, if any, are marked at the analysis rate."""
    found = [pacing_spikes(record)]
    if marks.n_beats:
        found = [swapped_leads(median_beat(resampled, marks)), wrong_rate(marks), *found]
    return [problem for problem in found if problem is not None]
