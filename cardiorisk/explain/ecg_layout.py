"""Where each lead lies on electrocardiographic paper, in millimetres."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from cardiorisk.explain.ecg_rows import Row, arrange
from cardiorisk.records import ECGRecord

__all__ = [
    "PAPER_SPEED",
    "ROW_PITCH",
    "PaperLayout",
    "Strip",
    "is_simulated",
    "label_height",
    "leaves_paper",
    "main_strip",
    "paper_layout",
    "strip_samples",
]

PAPER_SPEED = 25.0  # mm/s
SPEEDS = (25, 50)  # mm/s
GAINS = (5, 10, 20)  # mm/mV
ROW_PITCH = 30.0  # mm between baselines
HIGH_GAIN_PITCH = 45.0  # mm, at 20 mm/mV
FOOTER = 4.0  # mm at the lower edge kept for words
TOP, BOTTOM, RIGHT = 20.0, 15.0, 6.0  # mm
PULSE_SECONDS, PULSE_MARGIN = 0.2, 9.0  # the calibration pulse stands in the left margin
MIN_WIDTH = 160.0  # mm: the words in the footer need as much
NOTE_PITCH = 5.0  # mm for each line of words under the title
INTERVAL_ROOM = 15.0  # mm more under the row on which intervals are measured out
LABEL_HEIGHT, LABEL_WIDTH = 11.0, 9.0  # mm
CENTRE_SECONDS = 10.0  # a strip is shown around the median of so much, and so follows a drift


@dataclass(frozen=True)
class Strip:
    """One lead over one span of time, at one place on the paper.

    Parameters
    ----------
    lead : str
    start, stop : float
        Span of the recording, in s.
    x, y : float
        Where the strip begins and where its baseline lies, in mm from the top left corner.
    first_in_row : bool
        Whether the calibration pulse stands to its left.
    label : str, default=""
        What is written at the strip; the name of the lead where empty.
    """

    lead: str
    start: float
    stop: float
    x: float
    y: float
    first_in_row: bool
    label: str = ""


@dataclass(frozen=True)
class PaperLayout:
    """All strips of a recording and the paper that they lie on.

    Parameters
    ----------
    strips : tuple of Strip
    width, height : float
        Size of the paper, in mm.
    gain : float
        In mm/mV: 10, or 5 where a QRS complex would run into the next row, or as asked.
    words : str
        The arrangement in words, for example ``"3 x 4 leads of 2.5 s and lead II of 10 s"``.
    shown : float
        Seconds of the recording on the paper.
    speed : float, default=25
        In mm/s.
    pitch : float, default=30
        Between baselines, in mm.
    """

    strips: tuple[Strip, ...]
    width: float
    height: float
    gain: float
    words: str
    shown: float
    speed: float = PAPER_SPEED
    pitch: float = ROW_PITCH

    @property
    def start(self) -> float:
        """First second of the recording on the paper."""
        return min(strip.start for strip in self.strips)

    def reach(self, strip: Strip) -> tuple[float, float]:
        """How far the trace of a strip may go above and below its baseline, in mm.

        On paper, neighbouring rows may overlap: it is two thirds of the pitch.
        """
        most = self.pitch * 2 / 3
        return min(most, strip.y - 1.0), min(most, self.height - FOOTER - strip.y)


def paper_layout(
    record: ECGRecord,
    layout: str = "auto",
    start: float = 0.0,
    *,
    seconds: float | None = None,
    speed: float = PAPER_SPEED,
    gain: float | Literal["auto"] = "auto",
    notes: int = 0,
    intervals: str | None = None,
) -> PaperLayout:
    """Lay out a recording on paper.

    Parameters
    ----------
    record : ECGRecord
    layout : {"auto", "3x4", "6x2", "12x1", "rows", "lines"}, default="auto"
        See :func:`~cardiorisk.explain.plot_ecg`.
    start : float, default=0.0
        First second of the recording to draw.
    seconds : float, optional
        How much of the recording to draw; as much as the layout holds, if None.
    speed : {25, 50}, default=25
        In mm/s.
    gain : {"auto", 5, 10, 20}, default="auto"
        In mm/mV. "auto" is 10, or 5 where a trace would leave its row.
    notes : int, default=0
        Lines of words under the title to leave room for.
    intervals : str, optional
        Lead under whose last long strip to leave room for interval brackets.

    Returns
    -------
    PaperLayout

    Raises
    ------
    ValueError
        The layout does not fit the recording, the start lies outside it, or the speed or the
        gain is none of ECG paper.

    Examples
    --------
    >>> import numpy as np
    >>> record = ECGRecord(np.zeros((2, 5000), np.float32), 500.0, ("I", "II"))
    >>> paper_layout(record).words
    '2 leads of 10 s'
    """
    if speed not in SPEEDS:
        raise ValueError(f"Got speed={speed!r}, but expected one of {SPEEDS} mm/s.")
    if gain != "auto" and gain not in GAINS:
        raise ValueError(f"Got gain={gain!r}, but expected 'auto' or one of {GAINS} mm/mV.")
    rows, words, shown = arrange(record, layout, start, seconds)
    height = float(GAINS[1] if gain == "auto" else gain)
    pitch = HIGH_GAIN_PITCH if height == max(GAINS) else ROW_PITCH
    strips = _placed(rows, speed, pitch, TOP + pitch - ROW_PITCH + notes * NOTE_PITCH, intervals)
    width = max(strip.x + speed * (strip.stop - strip.start) for strip in strips) + RIGHT
    length = max(strip.y for strip in strips) + BOTTOM + pitch - ROW_PITCH
    if intervals is not None and main_strip(strips, intervals).y == max(s.y for s in strips):
        length += INTERVAL_ROOM
    paper = PaperLayout(strips, max(width, MIN_WIDTH), length, height, words, shown, speed, pitch)
    if gain == "auto" and any(leaves_paper(record, strip, paper) for strip in strips):
        return replace(paper, gain=float(GAINS[0]))
    return paper


def _placed(
    rows: Sequence[Row], speed: float, pitch: float, y: float, intervals: str | None
) -> tuple[Strip, ...]:
    """Turn rows of spans into strips; the row with the intervals has more room beneath."""
    strips: list[Strip] = []
    left = PULSE_MARGIN + PULSE_SECONDS * speed
    for row in rows:
        for span in row:
            x = left + speed * (span.start - row[0].start)
            strips.append(Strip(span.lead, span.start, span.stop, x, y, span is row[0], span.label))
        y += pitch
    if max(map(len, rows)) > 1:  # a grid is read down its columns, and the rhythm strip last
        column = min(strip.stop - strip.start for strip in strips)
        strips.sort(key=lambda s: (s.stop - s.start > 1.5 * column, s.x, s.y))
    if intervals is None:
        return tuple(strips)
    roomy = main_strip(strips, intervals).y
    return tuple(replace(s, y=s.y + INTERVAL_ROOM * (s.y > roomy)) for s in strips)


def main_strip(strips: Sequence[Strip], lead: str) -> Strip:
    """Choose the longest strip of a lead, of equal ones the last: the rhythm strip."""
    of_lead = [strip for strip in reversed(strips) if strip.lead == lead]
    return max(of_lead, key=lambda strip: round(strip.stop - strip.start, 3))


def strip_samples(
    record: ECGRecord, strip: Strip
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Time from the strip's start (s) and potential around the median of 10 s (mV)."""
    lead = record.lead(strip.lead)
    first = round(strip.start * record.sampling_rate)
    last = min(round(strip.stop * record.sampling_rate) + 1, len(lead))
    time = np.arange(first, last) / record.sampling_rate - strip.start
    length = round(CENTRE_SECONDS * record.sampling_rate)
    begin = max(0, min(first, len(lead) - length))
    around = lead[begin : max(last, begin + length)].astype(float)
    around = around[np.isfinite(around)]
    centre = float(np.median(around)) if len(around) else 0.0
    return time, lead[first:last].astype(float) - centre


def leaves_paper(record: ECGRecord, strip: Strip, paper: PaperLayout) -> bool:
    """Tell whether a trace goes further from its baseline than the paper lets it."""
    up, down = paper.reach(strip)
    height = strip_samples(record, strip)[1] * paper.gain
    return bool((height > up).any() or (height < -down).any())


def label_height(record: ECGRecord, strip: Strip, paper: PaperLayout) -> float:
    """How far above the baseline the name of a lead stands: 11 mm, or more over a tall trace."""
    time, potential = strip_samples(record, strip)
    beside = potential[time * paper.speed <= LABEL_WIDTH] * paper.gain
    beside = beside[np.isfinite(beside)]
    tallest = float(beside.max()) if len(beside) else 0.0
    highest = paper.pitch / 2 - 1.0  # higher meets the title
    return min(max(LABEL_HEIGHT, tallest + 1.0), highest)


def is_simulated(metadata: Mapping[str, Any]) -> bool:
    """Tell whether a record says that it is not a recording of a person."""
    return bool(metadata.get("simulated")) or "simulat" in str(metadata.get("source", "")).lower()
