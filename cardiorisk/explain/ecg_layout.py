"""Where each lead lies on electrocardiographic paper, in millimetres."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from cardiorisk.records import STANDARD_LEADS, ECGRecord

__all__ = [
    "PAPER_SPEED",
    "ROW_PITCH",
    "PaperLayout",
    "Strip",
    "is_simulated",
    "label_height",
    "leaves_paper",
    "paper_layout",
    "strip_samples",
]

PAPER_SPEED = 25.0  # mm/s
GAIN = 10.0  # mm/mV
ROW_PITCH = 30.0  # mm between baselines
REACH = 20.0  # mm that a trace may leave its baseline: on paper, neighbouring rows may overlap
FOOTER = 4.0  # mm at the lower edge kept for words
LEFT, TOP, BOTTOM, RIGHT = 14.0, 20.0, 15.0, 6.0  # mm; the pulse stands in the left margin
LABEL_HEIGHT, MAX_LABEL_HEIGHT, LABEL_WIDTH = 11.0, 14.0, 9.0  # mm; higher meets the title
COLUMN_SECONDS = 2.5
PAGE_SECONDS = 10.0

_COLUMNS = (("I", "II", "III"), ("aVR", "aVL", "aVF"), ("V1", "V2", "V3"), ("V4", "V5", "V6"))
_RHYTHM_LEAD = "II"


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
    """

    lead: str
    start: float
    stop: float
    x: float
    y: float
    first_in_row: bool


@dataclass(frozen=True)
class PaperLayout:
    """All strips of a recording and the paper that they lie on.

    Parameters
    ----------
    strips : tuple of Strip
    width, height : float
        Size of the paper, in mm.
    gain : float
        In mm/mV: 10, or 5 where a QRS complex would run into the next row.
    words : str
        The arrangement in words, for example ``"3 x 4 leads of 2.5 s and lead II of 10 s"``.
    shown : float
        Seconds of the recording on the paper.
    """

    strips: tuple[Strip, ...]
    width: float
    height: float
    gain: float
    words: str
    shown: float

    def reach(self, strip: Strip) -> tuple[float, float]:
        """How far the trace of a strip may go above and below its baseline, in mm."""
        return min(REACH, strip.y - 1.0), min(REACH, self.height - FOOTER - strip.y)


def paper_layout(
    record: ECGRecord, layout: Literal["auto", "3x4", "rows"] = "auto", start: float = 0.0
) -> PaperLayout:
    """Lay out a recording on paper at 25 mm/s.

    Twelve standard leads of at least 10 s become 3 rows of 4 leads, consecutive in time, above a
    rhythm strip of lead II. Anything else becomes one row a lead, of at most 10 s.

    Parameters
    ----------
    record : ECGRecord
    layout : {"auto", "3x4", "rows"}, default="auto"
    start : float, default=0.0
        First second of the recording to draw.

    Returns
    -------
    PaperLayout

    Raises
    ------
    ValueError
        ``layout="3x4"`` for a recording that has not twelve standard leads and 10 s, or a start
        outside the recording.

    Examples
    --------
    >>> import numpy as np
    >>> record = ECGRecord(np.zeros((2, 5000), np.float32), 500.0, ("I", "II"))
    >>> paper_layout(record).words
    '2 leads of 10 s'
    """
    if not 0 <= start < record.duration:
        raise ValueError(
            f"Got start={start!r}, but the recording lasts from 0 to {record.duration:g} s."
        )
    left = record.duration - start
    complete = set(STANDARD_LEADS) <= set(record.lead_names) and left >= PAGE_SECONDS - 1e-9
    if layout not in ("auto", "3x4", "rows"):
        raise ValueError(f"Got layout={layout!r}, but expected 'auto', '3x4' or 'rows'.")
    if layout == "3x4" and not complete:
        raise ValueError(
            f"Got layout='3x4' for {record!r}, but it needs the twelve standard leads and "
            f"{PAGE_SECONDS:g} s."
        )
    if complete and layout != "rows":
        strips, words, shown = _three_by_four(start), "3 x 4 leads of 2.5 s, lead II of 10 s", 10.0
    else:
        shown = min(left, PAGE_SECONDS)
        strips = _rows(record.lead_names, start, shown)
        words = f"{len(record.lead_names)} lead{'s' * (len(strips) > 1)} of {shown:.3g} s"
    width = LEFT + PAPER_SPEED * shown + RIGHT
    height = max(strip.y for strip in strips) + BOTTOM
    paper = PaperLayout(strips, width, height, GAIN, words, shown)
    if any(leaves_paper(record, strip, paper) for strip in strips):
        return replace(paper, gain=GAIN / 2)
    return paper


def strip_samples(
    record: ECGRecord, strip: Strip
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Time from the strip's start (s) and potential around the lead's median (mV)."""
    signal = record.lead(strip.lead).astype(float)
    finite = signal[np.isfinite(signal)]
    centre = float(np.median(finite)) if len(finite) else 0.0
    first = round(strip.start * record.sampling_rate)
    last = min(round(strip.stop * record.sampling_rate) + 1, len(signal))
    time = np.arange(first, last) / record.sampling_rate - strip.start
    return time, signal[first:last] - centre


def leaves_paper(record: ECGRecord, strip: Strip, paper: PaperLayout) -> bool:
    """Tell whether a trace goes further from its baseline than the paper lets it."""
    height = strip_samples(record, strip)[1] * paper.gain
    up, down = paper.reach(strip)
    return bool((height > up).any() or (height < -down).any())


def label_height(record: ECGRecord, strip: Strip, paper: PaperLayout) -> float:
    """How far above the baseline the name of a lead stands: 11 mm, or more over a tall trace."""
    time, potential = strip_samples(record, strip)
    beside = potential[time * PAPER_SPEED <= LABEL_WIDTH] * paper.gain
    beside = beside[np.isfinite(beside)]
    tallest = float(beside.max()) if len(beside) else 0.0
    return min(max(LABEL_HEIGHT, tallest + 1.0), MAX_LABEL_HEIGHT)


def is_simulated(metadata: Mapping[str, Any]) -> bool:
    """Tell whether a record says that it is not a recording of a person."""
    return bool(metadata.get("simulated")) or "simulat" in str(metadata.get("source", "")).lower()


def _three_by_four(start: float) -> tuple[Strip, ...]:
    strips = []
    for column, leads in enumerate(_COLUMNS):
        offset = column * COLUMN_SECONDS
        for row, lead in enumerate(leads):
            x, y = LEFT + PAPER_SPEED * offset, TOP + row * ROW_PITCH
            begin = start + offset
            strips.append(Strip(lead, begin, begin + COLUMN_SECONDS, x, y, column == 0))
    rhythm_y = TOP + 3 * ROW_PITCH
    strips.append(Strip(_RHYTHM_LEAD, start, start + PAGE_SECONDS, LEFT, rhythm_y, True))
    return tuple(strips)


def _rows(leads: Sequence[str], start: float, seconds: float) -> tuple[Strip, ...]:
    return tuple(
        Strip(lead, start, start + seconds, LEFT, TOP + row * ROW_PITCH, True)
        for row, lead in enumerate(leads)
    )
