"""Premature and odd beats."""

import numpy as np
import numpy.typing as npt

from cardiorisk.features.measurements.median_beat import MedianBeat
from cardiorisk.features.measurements.rhythm import rr_intervals
from cardiorisk.records import Delineation, ECGRecord

__all__ = ["ectopy"]

PREMATURE = 0.8  # of the median RR interval
ALIKE = 0.8  # correlation of QRS with the median beat
WIDE = 120.0  # ms


def _likeness(beat: MedianBeat) -> npt.NDArray[np.float64]:
    """Correlation of the QRS of each beat with that of the median beat, all leads together."""
    span = beat.span("QRS_on", "QRS_off")
    usual = beat.signal[:, span].copy()
    each = np.empty((12, 0, usual.shape[1])) if beat.beats is None else beat.beats[:, :, span]
    known = np.isfinite(usual).all(axis=1)
    usual, each = usual[known], np.nan_to_num(each[known])
    usual = usual - usual.mean(axis=1, keepdims=True)
    each = each - each.mean(axis=2, keepdims=True)
    scale = np.sqrt((usual**2).sum() * (each**2).sum(axis=(0, 2)))
    product = np.einsum("ls,lbs->b", usual, each)
    return np.divide(product, scale, out=np.full(len(scale), np.nan), where=scale > 0)


def ectopy(record: ECGRecord, marks: Delineation, beat: MedianBeat) -> dict[str, float]:
    """Count beats that come early, are wide, or look unlike the others."""
    rr = rr_intervals(marks)
    n_beats = marks.n_beats
    premature = np.append(False, rr < PREMATURE * np.median(rr))
    width = (marks.beats["QRS_off"] - marks.beats["QRS_on"]) / marks.sampling_rate * 1000
    likeness = _likeness(beat)
    if len(likeness) != n_beats:  # a beat without beats: only its times are known
        likeness = np.full(n_beats, np.nan)
    known = bool(np.isfinite(likeness).any())
    odd = likeness < ALIKE
    wide = premature & odd & (width >= WIDE)
    return {
        "premature_beats": float(premature.sum()),
        "premature_beat_share": 100 * float(premature.sum()) / max(len(rr), 1),
        "wide_premature_beats": float(wide.sum()) if known else np.nan,
        "wide_premature_beat_share": 100 * float(wide.sum()) / max(len(rr), 1) if known else np.nan,
        "odd_beat_share": 100 * float(odd.mean()) if known else np.nan,
    }
