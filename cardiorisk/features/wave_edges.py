"""Find where a wave begins and ends from the steepness of all leads together.

The two shares were chosen by five-fold cross-validation over the patients of 100 LUDB records
(doi:10.1109/ACCESS.2020.3029211): 0.35 in four folds of five, 0.085 in all. Standard deviation
of the error on held-out patients, against the median of the leads' marks by cardiologists:
P onset 12, P end 12, QRS onset 8, QRS end 6, T end 14 ms.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view

from cardiorisk.features.beat_detection import band_pass

__all__ = ["P_WAVE", "T_WAVE", "WaveSearch", "qrs_edges", "wave_edges"]

Floats = npt.NDArray[np.float64]
Positions = npt.NDArray[np.int64]


class WaveSearch(NamedTuple):
    """How the edges of a wave are looked for; times in s."""

    highest: float  # Hz: what is faster is noise
    step: float  # steepness is the change over twice this time
    before: float  # the wave begins at most so long before its peak
    after: float  # and ends at most so long after it


P_WAVE = WaveSearch(highest=30.0, step=0.010, before=0.080, after=0.080)
T_WAVE = WaveSearch(highest=15.0, step=0.020, before=0.140, after=0.160)
EDGE_SHARE = 0.35  # of its largest steepness on one side, where a P or T wave ends there

QRS_STEP = 0.008  # s
QRS_SEARCH = (0.140, 0.160)  # s before and after the beat: the widest QRS is about 0.2 s
QRS_SURROUNDINGS = (0.300, 0.400)  # s before and after the beat: at least a fifth is quiet
QRS_EDGE_SHARE = 0.085  # QRS ends where steepness falls to this share of its peak
QRS_QUIET = 0.020  # s: for at least this long; a plateau inside a split QRS is shorter


def steepness(signal: Floats, step: int) -> Floats:
    """Length of the vector of all leads' changes over twice ``step``, shape (n_samples,)."""
    change = np.zeros_like(signal)
    change[:, step:-step] = signal[:, 2 * step :] - signal[:, : -2 * step]
    return np.asarray(np.linalg.norm(change, axis=0))


def _first_below(values: Floats, limit: float) -> int:
    """First position at or below the limit; the lowest one where there is none."""
    below = values <= limit
    return int(np.argmax(below) if below.any() else np.argmin(values))


def qrs_edges(clean: Floats, beats: Positions, rate: float) -> tuple[Floats, Floats]:
    """Find onset and offset of each QRS complex, shape (n_beats,)."""
    steep = steepness(clean, round(QRS_STEP * rate))
    quiet = round(QRS_QUIET * rate)
    runs = sliding_window_view(np.pad(steep, quiet - 1, mode="edge"), quiet).max(axis=-1)
    behind, ahead = runs[: len(steep)], runs[quiet - 1 :]  # of the last, of the next samples
    before, after = (round(reach * rate) for reach in QRS_SEARCH)
    left, right = (round(reach * rate) for reach in QRS_SURROUNDINGS)
    onset, offset = np.full(len(beats), np.nan), np.full(len(beats), np.nan)
    for number, beat in enumerate(beats):
        floor = np.percentile(steep[max(beat - left, 0) : beat + right], 20)
        top = steep[max(beat - before // 2, 0) : beat + after // 2].max()
        limit = floor + QRS_EDGE_SHARE * (top - floor)
        onset[number] = beat - _first_below(behind[max(beat - before, 0) : beat + 1][::-1], limit)
        offset[number] = beat + _first_below(ahead[beat : beat + after + 1], limit)
    return onset, offset


def _flank(steep: Floats) -> float:
    """Length of a wave's flank that begins at its peak, NaN where there is no room for one."""
    if len(steep) < 3:
        return np.nan
    steepest = int(np.argmax(steep))
    floor = steep.min()
    limit = floor + EDGE_SHARE * (steep[steepest] - floor)
    return steepest + _first_below(steep[steepest:], limit)


def wave_edges(
    clean: Floats, peaks: Floats, room: tuple[Floats, Floats], rate: float, search: WaveSearch
) -> tuple[Floats, Floats]:
    """Find onset and end of each P or T wave.

    From the peak outwards: past the steepest point of the flank, the first point whose
    steepness has fallen to ``EDGE_SHARE`` of it.

    Parameters
    ----------
    clean : ndarray, shape (n_leads, n_samples)
        Filtered signal in mV.
    peaks : ndarray, shape (n_beats,)
        In samples, NaN where there is no wave.
    room : tuple of two ndarrays, shape (n_beats,)
        Where each wave begins at the earliest and ends at the latest.
    rate : float
        In Hz.
    search : WaveSearch

    Returns
    -------
    onset, end : ndarray, shape (n_beats,)
        NaN where there is no wave, or no room for its flank.
    """
    step = round(search.step * rate)
    steep = steepness(band_pass(clean, rate, (0.5, search.highest))[0], step)
    before, after = round(search.before * rate), round(search.after * rate)
    onset, end = np.full(len(peaks), np.nan), np.full(len(peaks), np.nan)
    for beat in np.flatnonzero(np.isfinite(peaks)):
        peak = int(peaks[beat])
        first = int(max(peak - before, room[0][beat], step))
        last = int(min(peak + after, room[1][beat], len(steep) - 1 - step))
        onset[beat] = peak - _flank(steep[first : peak + 1][::-1])
        end[beat] = peak + _flank(steep[peak : last + 1])
    return np.minimum(onset, peaks), np.maximum(end, peaks)
