"""Draw an electrocardiogram as a cardiologist is used to see it."""

from collections.abc import Iterable, Mapping, Sequence
from textwrap import wrap
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from cardiorisk._colours import INK, TRACE
from cardiorisk._optional import require
from cardiorisk._validation import as_records, canonical_lead, signal_problems, usable_leads
from cardiorisk.explain.ecg_highlights import as_highlights, draw_highlights, off_page
from cardiorisk.explain.ecg_layout import (
    PULSE_SECONDS,
    PaperLayout,
    Strip,
    is_simulated,
    label_height,
    leaves_paper,
    main_strip,
    paper_layout,
    strip_samples,
)
from cardiorisk.explain.ecg_marks import WAVES, draw_intervals, draw_waves
from cardiorisk.explain.ecg_page import chosen_leads, excerpt, mark_part, marks_within
from cardiorisk.explain.ecg_rows import clock
from cardiorisk.explain.ecg_sheet import MM_PER_INCH, Sheet
from cardiorisk.explain.ecg_words import describe_picture, doubts, quality_problems
from cardiorisk.records import Delineation, ECGRecord

__all__ = ["plot_ecg"]

CONTEXT_SECONDS = 10.0  # a short page is judged and delineated together with what is around it
NOTE_LETTERS = 95  # of a line under the title, on the narrowest paper
TRACE_WIDTH = 0.3  # mm


def plot_ecg(
    ecg: ECGRecord | npt.ArrayLike,
    *,
    sampling_rate: float | None = None,
    lead_names: Sequence[str] | None = None,
    leads: Sequence[str] | None = None,
    marks: Delineation | Literal["native", "neurokit"] | None = None,
    layout: Literal["auto", "3x4", "6x2", "12x1", "rows", "lines"] = "auto",
    start: float = 0.0,
    seconds: float | None = None,
    speed: Literal[25, 50] = 25,
    gain: Literal["auto", 5, 10, 20] = "auto",
    quality: bool = False,
    highlights: Iterable[tuple[str | None, float, float, str]] = (),
    title: str | None = None,
    ax: Any = None,
) -> Any:
    """Draw an ECG on millimetre paper, at 25 mm/s and 10 mm/mV unless asked otherwise.

    Parameters
    ----------
    ecg : ECGRecord or array of shape (n_leads, n_samples)
        Potential in mV.
    sampling_rate : float, optional
        In Hz; needed for an array.
    lead_names : sequence of str, optional
        Needed for an array that is not a standard twelve-lead ECG.
    leads : sequence of str, optional
        Which leads to draw, in this order; all if None.
    marks : Delineation or engine of :func:`~cardiorisk.features.delineate`, optional
        Waves to bracket below the trace: P, QRS and T of each beat of each lead. A wave that
        runs into the next strip is bracketed in both, open at the cut. On the rhythm strip, PR,
        QRS and QT of one typical beat are measured out in ms, from the marks of all leads
        together. ``"native"`` or ``"neurokit"`` delineates what is drawn.
    layout : {"auto", "3x4", "6x2", "12x1", "rows", "lines"}, default="auto"
        ``"3x4"`` is 3 rows of 4 leads, consecutive in time, and a rhythm strip of lead II;
        ``"6x2"`` is 6 rows of 2 leads of 5 s; leads beside the twelve have rows of their own.
        ``"12x1"`` is one row a lead, the twelve first; ``"rows"`` is one row a lead in the order
        of the recording; both of at most 10 s. ``"lines"`` is a single lead, line after line
        of 10 s with its time, one minute unless ``seconds`` says otherwise. ``"auto"`` takes
        ``"3x4"`` where it can, else ``"rows"``.
    start : float, default=0.0
        First second of the recording to draw.
    seconds : float, optional
        How much to draw: at most 10 in rows and 600 in lines.
    speed : {25, 50}, default=25
        Paper speed in mm/s; at 50, the paper is twice as wide.
    gain : {"auto", 5, 10, 20}, default="auto"
        In mm/mV. "auto" is 10, or 5 where a deflection would leave its row.
    quality : bool, default=False
        Whether to write beside a lead what is wrong with it, for example "flat", and under the
        title what is wrong with the record, as found by
        :class:`~cardiorisk.features.SignalQuality`.
    highlights : iterable of (lead, start, stop, label), default=()
        Windows to shade, in s of the recording; lead None means all leads. A window that the
        layout does not show is named under the title.
    title : str, optional
        Words above the paper. The record's own identifier is never drawn.
    ax : matplotlib Axes, optional
        Where to draw; a new figure in true millimetres otherwise.

    Returns
    -------
    ax : matplotlib Axes
        Its data coordinates are millimetres from the top left corner of the paper. Its label
        is the picture in words; write it into a file, so that readers who do not see the picture
        have it: ``ax.figure.savefig("ecg.svg", metadata={"Title": ax.get_label()})``.

    Raises
    ------
    SignalError
        Shape, sampling rate or lead names do not fit together.
    ValueError
        Layout, start, seconds, speed, gain, leads or highlights do not fit the recording.

    Notes
    -----
    Each strip is shown around the median of the 10 s that begin with it. A trace that leaves its
    row even so is cut off there and marked "clipped". A lead that is flat or has values missing
    gets no brackets. A record whose metadata say that it is simulated is marked "SIMULATED".

    Examples
    --------
    >>> import numpy as np
    >>> time = np.arange(5000) / 500
    >>> ax = plot_ecg(np.sin(time)[None], sampling_rate=500, lead_names=["II"])
    >>> ax.get_aspect()
    1.0
    >>> ax.get_label()
    'Electrocardiogram, 1 lead (II), 10 s at 500 Hz.'
    """
    whole = _one_record(ecg, sampling_rate, lead_names)
    record = whole if leads is None else chosen_leads(whole, tuple(map(canonical_lead, leads)))
    windows = as_highlights(highlights, whole)
    shape: dict[str, Any] = {"seconds": seconds, "speed": speed, "gain": gain}
    paper = paper_layout(record, layout, start, **shape)
    part = _part(whole, paper)
    found = mark_part(whole, *part, marks) if isinstance(marks, str) else marks
    judged = excerpt(whole, *part)
    problems = quality_problems(judged) if quality else signal_problems(judged)
    of_leads, of_record = doubts(judged, problems) if quality else ({}, ())
    notes = _notes(of_record, off_page(windows, paper))
    rhythm = _interval_lead(record, judged) if found is not None else None
    paper = paper_layout(record, layout, start, **shape, notes=len(notes), intervals=rhythm)

    sheet = Sheet(_new_axes(paper) if ax is None else ax, paper.width, paper.height)
    sheet.grid()
    _draw_words(sheet, record, paper, title, notes)
    for strip in paper.strips:
        _draw_strip(sheet, record, strip, paper)
    if marks is not None:
        _draw_marks(sheet, record, found, paper, rhythm)
    draw_highlights(sheet, record, paper, windows)
    _draw_doubts(sheet, record, paper, of_leads)
    sheet.ax.set_label(_alt_text(record, paper, found, problems, windows))
    return sheet.ax


def _one_record(
    ecg: ECGRecord | npt.ArrayLike, sampling_rate: float | None, lead_names: Sequence[str] | None
) -> ECGRecord:
    if isinstance(ecg, ECGRecord):
        return as_records([ecg])[0]
    return as_records(np.asarray(ecg)[None], sampling_rate, lead_names)[0]


def _part(record: ECGRecord, paper: PaperLayout) -> tuple[float, float]:
    """Span of the recording that is judged for a page, in s: the page, or 10 s around it."""
    first = max(0.0, min(paper.start, record.duration - CONTEXT_SECONDS))
    stop = max(paper.start + paper.shown, first + CONTEXT_SECONDS)
    return first, min(stop, record.duration)


def _notes(of_record: Sequence[str], hidden: Sequence[Any]) -> list[str]:
    """Lines under the title: doubts about the whole record, windows that are not shown."""
    said = [f"Quality: {'; '.join(of_record)}"] if of_record else []
    if hidden:
        said.append(f"Not on this page: {'; '.join(map(str, hidden))}")
    return [line for words in said for line in wrap(words, NOTE_LETTERS)]


def _interval_lead(record: ECGRecord, judged: ECGRecord) -> str | None:
    """Lead to measure out intervals on: II, or else the first that can be used."""
    usable = dict(zip(judged.lead_names, usable_leads(judged), strict=True))
    good = [lead for lead in record.lead_names if usable[lead]]
    return "II" if "II" in good else next(iter(good), None)


def _new_axes(paper: PaperLayout) -> Any:
    figure = require("matplotlib.figure").Figure(
        figsize=(paper.width / MM_PER_INCH, paper.height / MM_PER_INCH)
    )
    return figure.add_axes((0, 0, 1, 1))


def _draw_strip(sheet: Sheet, record: ECGRecord, strip: Strip, paper: PaperLayout) -> None:
    time, potential = strip_samples(record, strip)
    up, down = paper.reach(strip)
    height = np.clip(potential * paper.gain, -down, up)
    look: dict[str, Any] = {"colour": TRACE, "width": TRACE_WIDTH, "zorder": 2}
    sheet.line(strip.x + time * paper.speed, strip.y - height, **look)
    if strip.first_in_row:
        width = PULSE_SECONDS * paper.speed
        x = strip.x - 4 - width
        top = strip.y - paper.gain
        steps = [x - 2, x, x, x + width, x + width, x + width + 2]
        sheet.line(steps, [strip.y, strip.y, top, top, strip.y, strip.y], **look)
    else:
        ends = [strip.y - 3, strip.y + 3]
        sheet.line([strip.x, strip.x], ends, colour=INK, width=0.25, zorder=2)


def _draw_marks(
    sheet: Sheet,
    record: ECGRecord,
    marks: Delineation | None,
    paper: PaperLayout,
    rhythm: str | None,
) -> None:
    if marks is None or rhythm is None:
        return
    part = excerpt(record, *_part(record, paper))
    usable = dict(zip(part.lead_names, usable_leads(part), strict=True))
    main = main_strip(paper.strips, rhythm)
    for strip in paper.strips:
        depth = draw_waves(sheet, record, marks, strip, paper) if usable[strip.lead] else 0.0
        if strip == main:
            draw_intervals(sheet, marks, strip, paper, depth)
    for place, (wave, (_, _, colour)) in enumerate(WAVES.items()):
        x, y = paper.width - 47 + 15 * place, paper.height - 1.5
        bracket = [x, x, x + 4, x + 4], [y - 1, y, y, y - 1]
        sheet.line(*bracket, colour=colour, width=0.5)
        sheet.words(x + 5, y, wave, colour=colour)


def _draw_doubts(
    sheet: Sheet, record: ECGRecord, paper: PaperLayout, of_leads: Mapping[str, str]
) -> None:
    """Write beside a strip that it is clipped and what is wrong with it, where no trace runs."""
    for strip in paper.strips:
        cut = ["clipped"] if leaves_paper(record, strip, paper) else []
        words = ", ".join([*cut, *filter(None, [of_leads.get(strip.lead)])])
        if words:
            height = label_height(record, strip, paper)
            length = paper.speed * (strip.stop - strip.start)
            columns = np.arange(strip.x + 3, strip.x + max(length - 10, 4), 4)
            rows = (-height, -height - 3, -height + 3, 12.0, 15.0, -5.0, 6.0)
            places = ((float(x), strip.y + y) for y in rows for x in columns)
            sheet.words_at_free_place(places, words, warning=True)


def _draw_words(
    sheet: Sheet, record: ECGRecord, paper: PaperLayout, title: str | None, notes: Sequence[str]
) -> None:
    words = [f"{paper.speed:g} mm/s", f"{paper.gain:g} mm/mV", f"{record.sampling_rate:g} Hz"]
    words += [paper.words, *([f"from {clock(paper.start)}"] if paper.start else [])]
    sheet.words(5, paper.height - 1.5, "   ".join(words))
    if title is not None:
        sheet.words(5, 4.5, title, size=3.5, bold=True)
    if is_simulated(record.metadata):
        sheet.words(paper.width - 5, 4.5, "SIMULATED", size=3.5, bold=True, from_right=True)
    for number, note in enumerate(notes):
        sheet.words(5, 9.0 + 5.0 * number, note, size=2.8, warning=True)
    for strip in paper.strips:
        y = strip.y - label_height(record, strip, paper)
        sheet.words(strip.x + 1, y, strip.label or strip.lead, size=3.5)


def _alt_text(
    record: ECGRecord,
    paper: PaperLayout,
    marks: Delineation | None,
    problems: Sequence[Any],
    windows: Sequence[Any],
) -> str:
    start, stop = paper.start, paper.start + paper.shown
    drawn = excerpt(record, start, stop)
    seen = None if marks is None else marks_within(marks, start, stop)
    told = [p for p in problems if not p.leads or set(p.leads) & set(record.lead_names)]
    hidden = off_page(windows, paper)
    shown = [window for window in windows if window not in hidden]
    place = f" from {clock(start)}" if start else ""
    return describe_picture(drawn, seen, told, shown, place)
