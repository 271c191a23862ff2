"""Draw wave brackets and measured intervals under the traces of an electrocardiogram."""

import numpy as np
import numpy.typing as npt

from cardiorisk._colours import INK, LOWERS, RAISES
from cardiorisk.explain.ecg_layout import FOOTER, PaperLayout, Strip, strip_samples
from cardiorisk.explain.ecg_sheet import Sheet
from cardiorisk.explain.ecg_words import INTERVALS, interval_lengths
from cardiorisk.records import Delineation, ECGRecord

__all__ = ["WAVES", "draw_intervals", "draw_waves"]

WAVES = {
    "P": ("P_on", "P_off", LOWERS),
    "QRS": ("QRS_on", "QRS_off", INK),
    "T": ("T_on", "T_off", RAISES),
}
# mm below the baseline: QRS on a level of its own, since its ends touch those of P and T
_DEPTH = {"P": 7.5, "QRS": 9.0, "T": 7.5}
BRACKET_WIDTH = 0.35  # mm
LEVEL = 3.5  # mm between the brackets of intervals
LABEL_SPACE = 17.0  # mm for "QRS 120 ms" at the right of a bracket

Times = npt.NDArray[np.float64]


def draw_waves(
    sheet: Sheet, record: ECGRecord, marks: Delineation, strip: Strip, paper: PaperLayout
) -> float:
    """Bracket P, QRS and T of each beat of a strip.

    Returns
    -------
    depth : float
        How far below the baseline the brackets reach, in mm; 0 without brackets.
    """
    if strip.lead not in marks.lead_names:
        return 0.0
    found = marks.leads[marks.lead_names.index(strip.lead)]
    deepest = 0.0
    for wave, (begin, end, colour) in WAVES.items():
        first, last = (found[mark] / marks.sampling_rate for mark in (begin, end))
        shown = (last > strip.start) & (first < strip.stop)  # false also where an end is NaN
        spans = np.stack([first[shown], last[shown]], axis=1) - strip.start
        depth = _depth_below(record, strip, paper, spans, _DEPTH[wave])
        for start, stop in spans:
            x, y = _bracket(start, stop, strip.stop - strip.start)
            x, y = strip.x + paper.speed * x, strip.y + depth + y
            sheet.line(x, y, colour=colour, width=BRACKET_WIDTH)
            deepest = max(deepest, depth)
    return deepest


def _bracket(first: float, last: float, length: float) -> tuple[Times, Times]:
    """Return times and depths of a bracket; where a strip cuts the wave, that end stays open."""
    x, y = [max(first, 0.0), min(last, length)], [0.0, 0.0]
    if first >= 0:
        x, y = [x[0], *x], [-1.0, *y]
    if last <= length:
        x, y = [*x, x[-1]], [*y, -1.0]
    return np.array(x), np.array(y)


def _depth_below(
    record: ECGRecord, strip: Strip, paper: PaperLayout, spans: Times, least: float
) -> float:
    """One depth for all brackets of a wave in a strip, below the trace within them."""
    time, potential = strip_samples(record, strip)
    lowest = paper.reach(strip)[1] - 1.0  # the words in the footer stand just below
    depth = least
    for first, last in spans:
        inside = (time >= first) & (time <= last) & np.isfinite(potential)
        below = -potential[inside] * paper.gain
        depth = max(depth, min(float(below.max(initial=0.0)) + 2.0, lowest))
    return depth


def draw_intervals(
    sheet: Sheet, marks: Delineation, strip: Strip, paper: PaperLayout, depth: float
) -> None:
    """Measure out PR, QRS and QT of one typical beat, with their lengths in ms.

    The beat is the one within the strip of which most is measured, and whose intervals are
    closest to the medians of the recording: no premature beat, if there are others. Intervals
    are those of all leads together, as a clinician reads them.

    Parameters
    ----------
    sheet : Sheet
    marks : Delineation
    strip : Strip
        With room beneath it.
    paper : PaperLayout
    depth : float
        How far below the baseline of the strip the brackets of waves reach, in mm.
    """
    beat = _typical_beat(marks, strip, paper)
    if beat is None:
        return
    lowest = paper.height - FOOTER - strip.y - 2.0 - LEVEL * (len(INTERVALS) - 1)
    y = strip.y + min(max(12.0, depth + 3.0), max(lowest, 12.0))
    for name, (start, end) in INTERVALS.items():
        first, last = (marks.beats[mark][beat] / marks.sampling_rate for mark in (start, end))
        if np.isfinite(last - first):
            x = strip.x + paper.speed * (np.array([first, last]) - strip.start)
            sheet.line(x[[0, 0, 1, 1]], y + np.array([-1.2, 0, 0, -1.2]), colour=INK, width=0.3)
            words = f"{name} {1000 * (last - first):.0f} ms"
            sheet.words(x[1] + 1.0, y + 0.6, words, size=2.6)
            y += LEVEL


def _typical_beat(marks: Delineation, strip: Strip, paper: PaperLayout) -> int | None:
    lengths = np.stack([interval_lengths(marks, name) for name in INTERVALS])
    measured = np.isfinite(lengths)
    ends = np.stack([marks.beats[m] for pair in INTERVALS.values() for m in pair])
    last_start = strip.stop - LABEL_SPACE / paper.speed
    room = (np.fmin.reduce(ends) >= strip.start * marks.sampling_rate) & (
        np.fmax.reduce(ends) <= last_start * marks.sampling_rate
    )
    beats = np.flatnonzero(measured.any(axis=0) & room)
    if len(beats) == 0:
        return None
    typical = [
        np.median(row[ok]) if ok.any() else 0.0 for row, ok in zip(lengths, measured, strict=True)
    ]
    usual = np.array(typical)
    unusual = np.where(measured, np.abs(lengths - usual[:, None]), 0.0).sum(axis=0)
    order = np.lexsort((unusual[beats], -measured.sum(axis=0)[beats]))
    return int(beats[order[0]])
