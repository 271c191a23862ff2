"""The part of a recording, and of its marks, that a page shows."""

from dataclasses import replace

import numpy as np

from cardiorisk.exceptions import SignalError
from cardiorisk.features.delineation import delineate
from cardiorisk.records import Delineation, ECGRecord

__all__ = ["chosen_leads", "excerpt", "mark_part", "marks_within"]


def chosen_leads(record: ECGRecord, names: tuple[str, ...]) -> ECGRecord:
    """Keep some leads of a recording, in the order asked for."""
    unknown = [name for name in names if name not in record.lead_names]
    if unknown or not names or len(set(names)) < len(names):
        raise ValueError(
            f"Got leads={names!r}, but expected different names of {', '.join(record.lead_names)}."
        )
    rows = [record.lead_names.index(name) for name in names]
    return replace(record, signal=record.signal[rows], lead_names=names)


def excerpt(record: ECGRecord, start: float, stop: float) -> ECGRecord:
    """Cut a recording to a span of time, in s."""
    first, last = (round(time * record.sampling_rate) for time in (start, stop))
    return replace(record, signal=record.signal[:, first:last])


def marks_within(marks: Delineation, start: float, stop: float) -> Delineation:
    """Keep the beats whose R peak lies in a span of time, in s; positions stay as they are.

    Examples
    --------
    >>> from cardiorisk.datasets import make_ecg
    >>> marks = make_ecg(1, rhythms=["sinus rhythm"], heart_rate=60, random_state=0).marks[0]
    >>> marks_within(marks, 2, 4)
    Delineation(2 beats, 12 leads at 500 Hz)
    """
    peaks = marks.beats["R_peak"] / marks.sampling_rate
    kept = (peaks >= start) & (peaks < stop)
    leads = tuple({name: lead[name][kept] for name in lead} for lead in marks.leads)
    return replace(marks, leads=leads, beats={m: marks.beats[m][kept] for m in marks.beats})


def mark_part(record: ECGRecord, start: float, stop: float, engine: str) -> Delineation | None:
    """Delineate a span of a recording; None where its signal cannot be delineated."""
    part = excerpt(record, start, stop)
    try:
        marks = delineate(part.signal, part.sampling_rate, part.lead_names, engine=engine)
    except SignalError:
        return None
    offset = np.round(start * record.sampling_rate)
    leads = tuple({name: lead[name] + offset for name in lead} for lead in marks.leads)
    return replace(marks, leads=leads, beats={m: marks.beats[m] + offset for m in marks.beats})
