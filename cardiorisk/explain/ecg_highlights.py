"""Shade windows of an electrocardiogram and name them, visible without colour."""

from collections.abc import Iterable, Iterator, Sequence
from numbers import Real
from typing import Any, NamedTuple

import numpy as np

from cardiorisk._colours import INK, LOWERS
from cardiorisk._validation import canonical_lead
from cardiorisk.explain.ecg_layout import PaperLayout, Strip, strip_samples
from cardiorisk.explain.ecg_sheet import Box, Sheet
from cardiorisk.records import ECGRecord

__all__ = ["Highlight", "as_highlights", "draw_highlights", "off_page"]

LEAST_HALF_HEIGHT = 5.0  # mm
MARGIN = 1.5  # mm between the trace and the edge
EDGE = 0.4  # mm


class Highlight(NamedTuple):
    """A window of a lead, or of all leads, in seconds of the recording, and its words."""

    lead: str | None
    start: float
    stop: float
    label: str = ""

    def __str__(self) -> str:
        place = f"{self.lead or 'all leads'} {self.start:.2f} to {self.stop:.2f} s"
        return f"{place}: {self.label}" if self.label else place


def as_highlights(windows: Iterable[Any], record: ECGRecord) -> tuple[Highlight, ...]:
    """Check windows of (lead, start, stop, label) against a recording.

    Raises
    ------
    ValueError
        A window has not this form, its lead is not in the recording, or it is empty or outside.

    Examples
    --------
    >>> import numpy as np
    >>> record = ECGRecord(np.zeros((1, 5000), np.float32), 500.0, ("V1",))
    >>> print(*as_highlights([("v1", 1.2, 1.6, "rSR'")], record))
    V1 1.20 to 1.60 s: rSR'
    """
    return tuple(_checked(window, record) for window in windows)


def _checked(window: Any, record: ECGRecord) -> Highlight:
    if isinstance(window, str) or not isinstance(window, Sequence) or len(window) not in (3, 4):
        raise ValueError(f"Got highlight {window!r}, but expected (lead, start, stop, label).")
    lead, start, stop, *label = window
    lead = None if lead is None else canonical_lead(lead)
    if lead is not None and lead not in record.lead_names:
        raise ValueError(
            f"Got highlight {window!r}, but the recording has {', '.join(record.lead_names)}."
        )
    is_time = isinstance(start, Real) and isinstance(stop, Real)
    if not is_time or not 0 <= start < stop or start >= record.duration:
        raise ValueError(
            f"Got highlight {window!r}, but expected start < stop in seconds, within 0 to "
            f"{record.duration:g} s."
        )
    return Highlight(lead, float(start), float(stop), *map(str, label))


def _shown(highlight: Highlight, strip: Strip) -> bool:
    same_lead = highlight.lead in (None, strip.lead)
    return same_lead and highlight.start < strip.stop and highlight.stop > strip.start


def off_page(highlights: Iterable[Highlight], paper: PaperLayout) -> tuple[Highlight, ...]:
    """Give the windows of which the paper shows nothing."""
    return tuple(h for h in highlights if not any(_shown(h, strip) for strip in paper.strips))


def draw_highlights(
    sheet: Sheet, record: ECGRecord, paper: PaperLayout, highlights: Sequence[Highlight]
) -> None:
    """Shade each window wherever its lead is drawn, with an edge; open where a strip cuts it."""
    placed = []
    for strip in paper.strips:
        for highlight in highlights:
            if _shown(highlight, strip):
                box = _box(record, strip, paper, highlight)
                sheet.fill(box, LOWERS)
                for x, y in _edges(box, highlight, strip):
                    sheet.line(x, y, colour=LOWERS, width=EDGE, style="--", zorder=2.5)
                placed.append((box, highlight.label))
    for box, label in placed:  # after all edges, so that no word lies across one
        if label:
            sheet.words_at_free_place(_label_places(box), label, colour=INK, bold=True)


def _box(record: ECGRecord, strip: Strip, paper: PaperLayout, highlight: Highlight) -> Box:
    """Rectangle around the trace within the window."""
    first, last = max(highlight.start, strip.start), min(highlight.stop, strip.stop)
    time, potential = strip_samples(record, strip)
    inside = (time >= first - strip.start) & (time <= last - strip.start) & np.isfinite(potential)
    height = paper.gain * potential[inside]
    up, down = paper.reach(strip)
    above = min(max(float(height.max(initial=0.0)) + MARGIN, LEAST_HALF_HEIGHT), up)
    below = min(max(float(-height.min(initial=0.0)) + MARGIN, LEAST_HALF_HEIGHT), down)
    left, right = (strip.x + paper.speed * (time - strip.start) for time in (first, last))
    return Box(left, strip.y - above, right, strip.y + below)


def _edges(box: Box, highlight: Highlight, strip: Strip) -> Iterator[tuple[Any, Any]]:
    yield (box.left, box.right), (box.top, box.top)
    yield (box.left, box.right), (box.bottom, box.bottom)
    if highlight.start >= strip.start:
        yield (box.left, box.left), (box.top, box.bottom)
    if highlight.stop <= strip.stop:
        yield (box.right, box.right), (box.top, box.bottom)


def _label_places(box: Box) -> Iterator[tuple[float, float]]:
    """Above the box, from its left to its right; then below it; then further away."""
    columns = np.linspace(box.left, max(box.right, box.left + 5.0), 5)
    for away in (0.0, 3.5, 7.0, 10.5):
        yield from ((float(x), box.top - 1.5 - away) for x in columns)
        yield from ((float(x), box.bottom + 3.5 + away) for x in columns)
