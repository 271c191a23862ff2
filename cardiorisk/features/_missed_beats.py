"""Look for beats where the rhythm of a long record has a hole, by a second detector."""

import numpy as np
import numpy.typing as npt
from scipy.ndimage import median_filter

from cardiorisk._validation import usable_leads
from cardiorisk.features._stray_beats import FEWEST
from cardiorisk.features.beat_detection import REFRACTORY, find_beats, from_nearest
from cardiorisk.records import MARKS, Delineation, ECGRecord

__all__ = ["with_missed_beats"]

Floats = npt.NDArray[np.float64]

HOLE = 1.66  # usual RR intervals: Pan & Tompkins (1985) search back after that, see below
BEATS_AROUND = 9  # RR intervals whose median is usual


def _in_holes(peaks: Floats, hole: npt.NDArray[np.bool_], others: Floats, nearest: float) -> Floats:
    """Those of ``others`` in a hole between ``peaks`` and not within ``nearest`` of one."""
    after = np.searchsorted(peaks, others)
    inside = (after > 0) & (after < len(peaks))
    others, after = others[inside], after[inside]
    apart = np.minimum(others - peaks[after - 1], peaks[after] - others) > nearest
    return others[hole[after - 1] & apart]


def with_missed_beats(record: ECGRecord, marks: Delineation) -> Delineation:
    """Add the beats that only :func:`find_beats` sees, in holes of the rhythm.

    Noise hides a beat from the network more than from another detector. What is added has a
    common R peak and no other marks; whether it is a beat is left to ``stray_beats``.

    Parameters
    ----------
    record : ECGRecord
        As it was analysed.
    marks : Delineation
        Of that record.

    References
    ----------
    Pan and Tompkins (1985), IEEE Trans Biomed Eng 32:230-236, doi:10.1109/TBME.1985.325532.
    """
    peaks = marks.beats["R_peak"]
    if len(peaks) < FEWEST:
        return marks
    intervals = np.diff(peaks)
    hole = intervals > HOLE * median_filter(intervals, BEATS_AROUND, mode="nearest")
    if not hole.any():
        return marks
    signal = record.signal[usable_leads(record)]
    found = find_beats(signal, record.sampling_rate).positions.astype(np.float64)
    if not len(found):
        return marks
    seen = found - np.median(from_nearest(found, peaks))  # each may sit on its own part of a beat
    added = _in_holes(peaks, hole, seen, REFRACTORY * record.sampling_rate)
    order = np.argsort(np.concatenate([peaks, added]), kind="stable")
    unknown = np.full(len(added), np.nan)

    def joined(values: dict[str, Floats], new_peaks: Floats) -> dict[str, Floats]:
        new = dict.fromkeys(MARKS, unknown) | {"R_peak": new_peaks}
        return {name: np.concatenate([values[name], new[name]])[order] for name in MARKS}

    leads = tuple(joined(lead, unknown) for lead in marks.leads)
    beats = joined(marks.beats, added)
    return Delineation(leads, beats, marks.sampling_rate, marks.lead_names)
