"""Where a wave is highest, between its edges: in each lead, and for all leads together.

Straight lines between samples are highest at samples, which are 4 ms apart: where the nearest
sample is an extremum, the peak is that of the parabola through it and its neighbours.
"""

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from cardiorisk._compiled import compiled

__all__ = ["common_peaks", "lead_peaks"]

Floats = npt.NDArray[np.float64]

SHAPE_POINTS = 64  # positions on a wave among which its peak is chosen
POSITIVE_SHARE = 0.2  # of the negative deflection: from here on the positive one is the R wave


def lead_peaks(signal: Floats, onset: Floats, offset: Floats, *, is_qrs: bool) -> Floats:
    """Peak of each lead's wave, (n_leads, n_waves), NaN where there is no wave.

    That of QRS is its highest point over its beginning, or the lowest where it has no R wave;
    that of another wave is farthest from the line through its edges.

    Parameters
    ----------
    signal : ndarray, shape (n_leads, n_samples)
    onset, offset : ndarray, shape (n_leads, n_waves)
        In samples.
    is_qrs : bool
    """
    peaks = np.full(onset.shape, np.nan)
    _fill_lead_peaks()(signal, onset, offset, is_qrs, peaks)
    return peaks


def common_peaks(signal: Floats, onset: Floats, offset: Floats) -> Floats:
    """Where the vector of all leads is longest within each wave, (n_waves,)."""
    peaks = np.full(len(onset), np.nan)
    _fill_common_peaks()(signal, onset, offset, peaks)
    return peaks


@cache
def _fill_lead_peaks() -> Callable[..., None]:
    def fill(signal: Any, onset: Any, offset: Any, is_qrs: Any, peaks: Any) -> None:
        last = signal.shape[1] - 1.001
        height = np.empty(SHAPE_POINTS)
        for lead in range(onset.shape[0]):
            for wave in range(onset.shape[1]):
                start, length = onset[lead, wave], offset[lead, wave] - onset[lead, wave]
                if np.isnan(start + length):
                    continue
                for point in range(SHAPE_POINTS):
                    place = min(max(start + length * point / (SHAPE_POINTS - 1), 0.0), last)
                    left = int(place)
                    share = place - left
                    height[point] = (1 - share) * signal[lead, left] + share * signal[
                        lead, left + 1
                    ]
                first, rise = height[0], height[-1] - height[0]
                slope = 0.0 if is_qrs or length <= 0 else rise / length
                if is_qrs:
                    height -= first
                    lowest, highest = height.argmin(), height.argmax()
                    has_r = height[highest] >= -POSITIVE_SHARE * height[lowest]
                    best = highest if has_r else lowest
                    sign = 1.0 if has_r else -1.0
                else:
                    for point in range(SHAPE_POINTS):
                        height[point] -= first + rise * point / (SHAPE_POINTS - 1)
                    best = np.abs(height).argmax()
                    sign = 1.0 if height[best] > 0 else -1.0
                place = start + length * best / (SHAPE_POINTS - 1)
                nearest = min(max(round(place), 2), signal.shape[1] - 3)
                for sample in (nearest, nearest - 1, nearest + 1):
                    here = signal[lead, sample]
                    before = sign * (here - signal[lead, sample - 1] - slope)
                    after = sign * (here - signal[lead, sample + 1] + slope)
                    if before > 0 and after > 0:
                        place = sample + 0.5 * (before - after) / (before + after)
                        break
                peaks[lead, wave] = min(max(place, start), start + length)

    return compiled(fill)


@cache
def _fill_common_peaks() -> Callable[..., None]:
    def fill(signal: Any, onset: Any, offset: Any, peaks: Any) -> None:
        last = signal.shape[1] - 1.001
        for wave in range(len(onset)):
            start, length = onset[wave], offset[wave] - onset[wave]
            if np.isnan(start + length):
                continue
            longest, best = -1.0, start
            for point in range(SHAPE_POINTS):
                place = start + length * point / (SHAPE_POINTS - 1)
                inside = min(max(place, 0.0), last)
                left = int(inside)
                share = inside - left
                total = 0.0
                for lead in range(signal.shape[0]):
                    here = (1 - share) * signal[lead, left] + share * signal[lead, left + 1]
                    total += here * here
                if total > longest:
                    longest, best = total, place
            nearest = min(max(round(best), 2), signal.shape[1] - 3)
            for sample in (nearest, nearest - 1, nearest + 1):
                before, after = 0.0, 0.0
                for lead in range(signal.shape[0]):
                    here = signal[lead, sample] ** 2
                    before += here - signal[lead, sample - 1] ** 2
                    after += here - signal[lead, sample + 1] ** 2
                if before > 0 and after > 0:
                    best = sample + 0.5 * (before - after) / (before + after)
                    break
            peaks[wave] = min(max(best, start), start + length)

    return compiled(fill)
