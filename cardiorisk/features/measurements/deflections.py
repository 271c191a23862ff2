"""The deflections of QRS: Q, R, S and R', their heights, times and notches."""

from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

__all__ = ["NOTCH", "SMALLEST_WAVE", "QRSWaves", "qrs_waves", "turning_points"]

Floats = npt.NDArray[np.float64]

SMALLEST_WAVE = 0.02  # mV: below, a deflection of QRS is no wave
NOTCH = 0.05  # mV, half a small square of ECG paper: a smaller ripple is no notch


class QRSWaves(NamedTuple):
    """Deflections of QRS, one value a lead, each (n_leads,); NaN for a lead without signal.

    Heights in mV with their sign, 0 for a wave that is not there. Times in ms. ``r_peak_time``
    is from the onset of QRS to the last peak that rises above zero, NaN without one.
    """

    q: Floats
    r: Floats
    s: Floats
    r_prime: Floats
    r_duration: Floats
    s_duration: Floats
    r_peak_time: Floats
    is_notched: Floats


def turning_points(values: Floats, least: float) -> list[tuple[int, bool]]:
    """Find where a curve turns by at least ``least``: (position, whether it is a peak).

    Peaks and nadirs take turns. A turn stands out by ``least`` from the turns beside it, the
    first and the last one from the ends of the curve.

    Examples
    --------
    >>> turning_points(np.array([0.0, 2.0, 1.0, 3.0, 0.0]), 0.5)
    [(1, True), (2, False), (3, True)]
    >>> turning_points(np.array([0.0, 2.0, 1.9, 3.0, 0.0]), 0.5)
    [(3, True)]
    """
    steps = np.sign(np.diff(values))
    moving = np.flatnonzero(steps)
    turns = moving[1:][steps[moving[1:]] != steps[moving[:-1]]]
    places = [0, *turns.tolist(), len(values) - 1]
    heights = values[places].tolist()
    found: list[tuple[int, bool]] = []
    going = 0  # up (1) or down (-1), once the curve has moved by ``least``
    low = high = 0  # numbers of the lowest and the highest place since the last turn
    for number, height in enumerate(heights):
        low = number if height < heights[low] else low
        high = number if height > heights[high] else high
        if going >= 0 and heights[high] - height >= least:
            found += [(places[high], True)] if going else []
            going, low = -1, number
        elif going <= 0 and height - heights[low] >= least:
            found += [(places[low], False)] if going else []
            going, high = 1, number
    return found


def _run_length(is_part: npt.NDArray[np.bool_], position: npt.NDArray[np.int64]) -> Floats:
    """Count the samples of the run of True around a position of each row; 0 where it is False."""
    n = is_part.shape[1]
    sample = np.arange(n)
    at = position[:, None]
    left = np.where(~is_part & (sample <= at), sample, -1).max(axis=1)
    right = np.where(~is_part & (sample >= at), sample, n).min(axis=1)
    return np.maximum(right - left - 1, 0).astype(np.float64)


def qrs_waves(qrs: Floats, sampling_rate: float) -> QRSWaves:
    """Measure the deflections of QRS, (n_leads, n_samples) in mV, zero at the level before it."""
    absent = ~np.isfinite(qrs).all(axis=1) | (qrs.shape[1] == 0)
    safe = np.nan_to_num(qrs) if qrs.shape[1] else np.zeros((len(qrs), 1))
    sample = np.arange(safe.shape[1])
    top = safe.argmax(axis=1)
    height = safe.max(axis=1)
    has_r = height >= SMALLEST_WAVE
    # Without R the whole complex lies before it: a QS complex counts as Q.
    turn = np.where(has_r, top, safe.shape[1])[:, None]
    first = np.where(sample < turn, safe, 0.0).min(axis=1)
    late = np.where(sample > turn, safe, 0.0)
    second = late.min(axis=1)
    has_s = second <= -SMALLEST_WAVE
    step = 1000 / sampling_rate
    r_time = step * _run_length(safe > 0, top)
    s_time = step * _run_length(safe < 0, late.argmin(axis=1))
    shapes = np.array([_shape(lead) for lead in safe])
    waves = (
        np.where(first <= -SMALLEST_WAVE, first, 0.0),
        np.where(has_r, height, 0.0),
        np.where(has_s, second, 0.0),
        shapes[:, 0],
        np.where(has_r, r_time, 0.0),
        np.where(has_s, s_time, 0.0),
        shapes[:, 1] * step,
        shapes[:, 2],
    )
    return QRSWaves(*(np.where(absent, np.nan, wave) for wave in waves))


def _shape(lead: Floats) -> tuple[float, float, float]:
    """Height of R', sample of the last peak above zero, and whether QRS is notched."""
    turns = turning_points(lead, NOTCH)
    peaks = [position for position, is_peak in turns if is_peak]
    above = [position for position in peaks if lead[position] >= SMALLEST_WAVE]
    split = [position for before, position in pairwise(above) if lead[before:position].min() < 0]
    r_prime = float(lead[split[-1]]) if split else 0.0
    if not above and lead.max() >= SMALLEST_WAVE:
        above = [int(lead.argmax())]
    notched = len(peaks) > 1 or any(lead[position] < 0 for position in peaks)
    return r_prime, float(above[-1]) if above else np.nan, float(notched)
