"""Which lead is shown when: the arrangements of an electrocardiogram on a page."""

from collections.abc import Sequence
from typing import NamedTuple

from cardiorisk.records import STANDARD_LEADS, ECGRecord

__all__ = ["LAYOUTS", "Row", "Span", "arrange", "clock"]

LAYOUTS = ("auto", "3x4", "6x2", "12x1", "rows", "lines")
PAGE_SECONDS = 10.0
LINES_SECONDS, MAX_LINES_SECONDS = 60.0, 600.0
RHYTHM_LEAD = "II"
_GRIDS = {"3x4": 3, "6x2": 6}  # rows of the twelve leads, whose order runs down the columns


class Span(NamedTuple):
    """One lead from one second to another, and what is written at it if not the lead's name."""

    lead: str
    start: float
    stop: float
    label: str = ""


Row = tuple[Span, ...]


def arrange(
    record: ECGRecord, layout: str, start: float, seconds: float | None
) -> tuple[list[Row], str, float]:
    """Give the rows of a page, its arrangement in words, and the seconds on it.

    Raises
    ------
    ValueError
        The layout does not fit the recording, or start and seconds do not fit the layout.

    Examples
    --------
    >>> import numpy as np
    >>> record = ECGRecord(np.zeros((1, 15000), np.float32), 500.0, ("II",))
    >>> rows, words, shown = arrange(record, "lines", 0.0, None)
    >>> words, rows[1]
    ('lead II in 3 lines of 10 s', (Span(lead='II', start=10.0, stop=20.0, label='II  0:10'),))
    """
    if layout not in LAYOUTS:
        names = ", ".join(map(repr, LAYOUTS))
        raise ValueError(f"Got layout={layout!r}, but expected one of {names}.")
    if not 0 <= start < record.duration:
        raise ValueError(
            f"Got start={start!r}, but the recording lasts from 0 to {record.duration:g} s."
        )
    left = record.duration - start
    if layout == "auto":
        layout = "3x4" if _fills_a_page(record, left) and seconds is None else "rows"
    if layout in ("3x4", "6x2", "12x1"):
        _check_twelve(record, layout, left)
    if layout in _GRIDS:
        _check_seconds(seconds, layout, PAGE_SECONDS, PAGE_SECONDS)
        return *_grid(record.lead_names, layout, start), PAGE_SECONDS
    if layout == "lines":
        _check_seconds(seconds, layout, 0.0, MAX_LINES_SECONDS)
        shown = min(left, seconds or LINES_SECONDS)
        return *_lines(record, start, shown), shown
    _check_seconds(seconds, layout, 0.0, PAGE_SECONDS)
    shown = min(left, seconds or PAGE_SECONDS)
    leads = _standard_first(record.lead_names) if layout == "12x1" else record.lead_names
    words = f"{len(leads)} lead{'s' * (len(leads) > 1)} of {shown:.3g} s"
    return [(Span(lead, start, start + shown),) for lead in leads], words, shown


def _fills_a_page(record: ECGRecord, left: float) -> bool:
    return set(STANDARD_LEADS) <= set(record.lead_names) and left >= PAGE_SECONDS - 1e-9


def _check_twelve(record: ECGRecord, layout: str, left: float) -> None:
    if not _fills_a_page(record, max(left, PAGE_SECONDS) if layout == "12x1" else left):
        length = "" if layout == "12x1" else f" and {PAGE_SECONDS:g} s"
        raise ValueError(
            f"Got layout={layout!r} for {record!r}, but it needs the twelve standard leads{length}."
        )


def _check_seconds(seconds: float | None, layout: str, least: float, most: float) -> None:
    if seconds is not None and not (0 < seconds and least <= seconds <= most):
        wanted = f"{most:g}" if least == most else f"more than 0 and at most {most:g}"
        raise ValueError(
            f"Got seconds={seconds!r}, but expected {wanted} for layout={layout!r}. A longer "
            "recording is drawn page by page, with start."
        )


def _standard_first(leads: Sequence[str]) -> tuple[str, ...]:
    return (*STANDARD_LEADS, *(lead for lead in leads if lead not in STANDARD_LEADS))


def _grid(leads: Sequence[str], layout: str, start: float) -> tuple[list[Row], str]:
    """Rows of leads, consecutive in time; further leads fill rows of their own."""
    n_rows = _GRIDS[layout]
    n_columns = len(STANDARD_LEADS) // n_rows
    each = PAGE_SECONDS / n_columns
    extra = _standard_first(leads)[len(STANDARD_LEADS) :]
    named = [STANDARD_LEADS[row::n_rows] for row in range(n_rows)]
    named += [extra[first : first + n_columns] for first in range(0, len(extra), n_columns)]
    rows: list[Row] = [
        tuple(
            Span(lead, start + column * each, start + (column + 1) * each)
            for column, lead in enumerate(row)
        )
        for row in named
    ]
    more = f" and {', '.join(extra)}" if extra else ""
    words = f"{n_rows} x {n_columns} leads{more} of {each:g} s"
    if layout == "3x4":
        rows.append((Span(RHYTHM_LEAD, start, start + PAGE_SECONDS),))
        words += f", lead {RHYTHM_LEAD} of {PAGE_SECONDS:g} s"
    return rows, words


def _lines(record: ECGRecord, start: float, shown: float) -> tuple[list[Row], str]:
    """One lead, line after line as in a book, each with the time at which it begins."""
    if len(record.lead_names) != 1:
        raise ValueError(
            f"Got layout='lines' for {record!r}, but it shows one lead; choose it with leads."
        )
    (lead,) = record.lead_names
    rows: list[Row] = []
    begin, stop = start, start + shown
    while begin < stop - 1e-9:
        end = min(begin + PAGE_SECONDS, stop)
        rows.append((Span(lead, begin, end, f"{lead}  {clock(begin)}"),))
        begin += PAGE_SECONDS
    count = f"{len(rows)} line{'s' * (len(rows) > 1)}"
    return rows, f"lead {lead} in {count} of {min(shown, PAGE_SECONDS):.3g} s"


def clock(seconds: float) -> str:
    """Write a time of the recording as minutes and seconds, after an hour with hours.

    Examples
    --------
    >>> clock(70), clock(12.5), clock(3605)
    ('1:10', '0:12.5', '1:00:05')
    """
    whole, part = divmod(round(seconds, 2), 1)
    minutes, second = divmod(int(whole), 60)
    hours, minute = divmod(minutes, 60)
    fraction = f"{part:.2f}".lstrip("0").rstrip("0").rstrip(".")
    if hours:
        return f"{hours}:{minute:02d}:{second:02d}{fraction}"
    return f"{minute}:{second:02d}{fraction}"
