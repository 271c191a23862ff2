"""Mark a long record stretch by stretch: bounded memory, and gaps cost what they hold only."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from cardiorisk._validation import MAX_GAP, MIN_DURATION, signal_problems, usable_leads
from cardiorisk.exceptions import SignalError
from cardiorisk.features._missed_beats import with_missed_beats
from cardiorisk.features._stray_beats import stray_beats
from cardiorisk.records import MARKS, Delineation, ECGRecord

__all__ = ["LONG", "mark_stretches", "stretches"]

LONG = 60.0  # s: a longer record is marked in stretches
STRETCH = 300.0  # s at most: whether there are beats is decided for each
MARGIN = 5.0  # s seen on both sides of a stretch and then left to its neighbours

NEVER_FINITE = "not_finite: no lead holds an ECG for 2 s."

Mark = Callable[[ECGRecord], tuple[ECGRecord, Delineation]]


def _known(signal: npt.NDArray[np.float32]) -> npt.NDArray[np.bool_]:
    """Tell where any lead is finite, (n_samples,)."""
    known = np.zeros(signal.shape[1], bool)
    for lead in signal:
        known |= np.isfinite(lead)
    return known


def _spans(known: npt.NDArray[np.bool_], longest_gap: int) -> npt.NDArray[np.int64]:
    """Start and end of what lies between gaps longer than ``longest_gap``, (n_spans, 2)."""
    edges = np.flatnonzero(np.diff(known, prepend=False, append=False)).reshape(-1, 2)
    apart = edges[1:, 0] - edges[:-1, 1] > longest_gap
    if not len(edges):
        return edges
    return np.stack([edges[np.append(True, apart), 0], edges[np.append(apart, True), 1]], axis=1)


def stretches(record: ECGRecord) -> Iterator[tuple[slice, slice]]:
    """Tell what is seen, and which of it is kept, stretch by stretch.

    A stretch holds no gap of all leads that is longer than ``MAX_GAP``, and no more than
    ``STRETCH``; what is shorter than ``MIN_DURATION`` is left out.
    """
    rate = record.sampling_rate
    margin = round(MARGIN * rate)
    for start, end in _spans(_known(record.signal), int(MAX_GAP * rate)):
        if end - start < MIN_DURATION * rate:
            continue
        cuts = np.linspace(start, end, max(int(np.ceil((end - start) / (STRETCH * rate))), 1) + 1)
        for first, last in zip(cuts[:-1].astype(int), cuts[1:].astype(int), strict=True):
            yield slice(max(first - margin, start), min(last + margin, end)), slice(first, last)


def _trusted(record: ECGRecord, marks: Delineation) -> npt.NDArray[np.int64]:
    """Numbers of the beats that are not stray."""
    signal = record.signal[usable_leads(record)]
    beats = marks.beats
    widths = beats["QRS_off"] - beats["QRS_on"]
    return np.flatnonzero(~stray_beats(signal, beats["R_peak"], widths, record.sampling_rate))


def mark_stretches(record: ECGRecord, mark: Mark) -> Delineation:
    """Mark each stretch by itself and join the beats.

    Parameters
    ----------
    record : ECGRecord
        May have gaps. A lead that is not finite throughout a stretch has no marks there.
    mark : callable
        Turns a record without fatal problems into itself as it was analysed, and its marks.

    Returns
    -------
    delineation : Delineation
        In samples of ``record``. A stretch that cannot be an ECG, or is noise, has no beats.

    Raises
    ------
    SignalError
        No stretch could be an ECG.
    """
    parts = []
    reasons: list[str] = []
    for seen, kept in stretches(record):
        piece = replace(record, signal=record.signal[:, seen])
        fatal = [str(problem) for problem in signal_problems(piece, fatal_only=True)]
        if fatal:
            reasons.extend(fatal)
            continue
        analysed, marks = mark(piece)
        marks = with_missed_beats(analysed, marks)
        beats = _trusted(analysed, marks)
        step = record.sampling_rate / marks.sampling_rate
        peaks = marks.beats["R_peak"][beats] * step + seen.start
        beats = beats[(peaks >= kept.start) & (peaks < kept.stop)]
        parts.append(
            [
                {name: lead[name][beats] * step + seen.start for name in MARKS}
                for lead in (*marks.leads, marks.beats)
            ]
        )
    if not parts:
        why = "; ".join(dict.fromkeys(reasons)) or NEVER_FINITE
        raise SignalError(f"The ECG cannot be delineated: {why}")
    *leads, common = (
        {name: np.concatenate([one[name] for one in same]) for name in MARKS}
        for same in zip(*parts, strict=True)
    )
    return Delineation(tuple(leads), common, record.sampling_rate, record.lead_names)
