"""An ECG on millimetre paper as one small SVG in true millimetres."""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cardiorisk._colours import GRID_MAJOR, GRID_MINOR, INK, PAPER, TRACE
from cardiorisk.explain.ecg_layout import (
    PAPER_SPEED,
    PaperLayout,
    Strip,
    label_height,
    leaves_paper,
    paper_layout,
    strip_samples,
)
from cardiorisk.explain.report.svg.canvas import Canvas, number
from cardiorisk.records import ECGRecord

__all__ = ["ECGPicture", "draw_ecg", "draw_grid", "draw_strip", "simplify"]

MIN_UNITS = 100  # path units per mm
TOLERANCES = (0.1, 0.2, 0.3, 0.5)  # mm; at 10 mm/mV 10, 20, 30, 50 µV
MAX_BYTES = 58_000


@dataclass(frozen=True)
class ECGPicture:
    """The drawing and what must be said beside it.

    Parameters
    ----------
    svg : str
    tolerance_uv : float
        Largest vertical error of the simplified trace, in microvolts.
    gain : float
        In mm/mV.
    clipped : tuple of str
        Leads that leave the paper even at half gain.
    words : str
        The arrangement of the leads.
    """

    svg: str
    tolerance_uv: float
    gain: float
    clipped: tuple[str, ...]
    words: str


def simplify(
    x: npt.NDArray[np.float64], y: npt.NDArray[np.float64], tolerance: float
) -> npt.NDArray[np.intp]:
    """Choose points so that straight lines between them stay within a vertical distance.

    One pass: from the last kept point a funnel of slopes narrows with every sample; when the
    next sample falls out of it, the sample before is kept. Distance is vertical, since a
    perpendicular one lets steep QRS edges go wrong by several tolerances.

    Parameters
    ----------
    x : ndarray of shape (n,)
        Increasing.
    y : ndarray of shape (n,)
        Finite.
    tolerance : float
        Largest vertical distance, in the unit of ``y``.

    Returns
    -------
    kept : ndarray of int
        Positions, the first and last included.

    Examples
    --------
    >>> simplify(np.arange(5.0), np.array([0, 0, 0, 1, 2.0]), 0.01)
    array([0, 2, 4])
    """
    kept, anchor, last = [0], 0, len(x) - 1
    steepest, flattest = math.inf, -math.inf
    xs, ys = x.tolist(), y.tolist()
    i = 1
    while i <= last:
        run, rise = xs[i] - xs[anchor], ys[i] - ys[anchor]
        if flattest <= rise / run <= steepest:
            steepest = min(steepest, (rise + tolerance) / run)
            flattest = max(flattest, (rise - tolerance) / run)
            i += 1
        else:
            anchor = i - 1
            kept.append(anchor)
            steepest, flattest = math.inf, -math.inf
    if kept[-1] != last:
        kept.append(last)
    return np.asarray(kept)


def draw_ecg(record: ECGRecord, key: str, title: str, desc: str, footer: str) -> ECGPicture:
    """Draw the first page of a recording, the trace as fine as the size budget allows.

    Parameters
    ----------
    record : ECGRecord
    key, title, desc : str
        As in :class:`~cardiorisk.explain.report.svg.canvas.Canvas`.
    footer : str
        Words after speed and gain: filter, sampling rate, source.

    Returns
    -------
    ECGPicture
    """
    paper = paper_layout(record)
    for tolerance in TOLERANCES:
        canvas = Canvas(paper.width, paper.height, key=key, title=title, desc=desc, css_class="ecg")
        draw_grid(canvas, paper)
        for strip in paper.strips:
            draw_strip(canvas, record, strip, paper, tolerance)
        for strip in paper.strips:  # names over all traces, so that none is crossed out
            _draw_name(canvas, record, strip, paper)
        words = f"25 mm/s  {paper.gain:g} mm/mV  {footer}"
        canvas.text(5, paper.height - 1.5, words, size=3, fill=INK)
        size = f'width="{number(paper.width)}mm" height="{number(paper.height)}mm"'
        svg = canvas.markup(size)
        if len(svg.encode()) <= MAX_BYTES:
            break
    clipped = tuple(dict.fromkeys(s.lead for s in paper.strips if leaves_paper(record, s, paper)))
    return ECGPicture(svg, 1000 * tolerance / paper.gain, paper.gain, clipped, paper.words)


def draw_grid(canvas: Canvas, paper: PaperLayout) -> None:
    """Draw the paper: a line every millimetre, a stronger one every five."""
    width, height = paper.width, paper.height
    canvas.rect(0, 0, width, height, fill=PAPER)
    for step, colour, stroke in ((1, GRID_MINOR, 0.1), (5, GRID_MAJOR, 0.2)):
        columns = [x for x in range(0, int(width) + 1, step) if step == 5 or x % 5]
        rows = [y for y in range(0, int(height) + 1, step) if step == 5 or y % 5]
        d = "".join(f"M{x} 0V{number(height)}" for x in columns)
        d += "".join(f"M0 {y}H{number(width)}" for y in rows)
        canvas.path(d, stroke=colour, width=stroke)


def draw_strip(
    canvas: Canvas, record: ECGRecord, strip: Strip, paper: PaperLayout, tolerance: float
) -> None:
    """Draw one lead over its span, simplified to within a height in mm, and the calibration."""
    time, potential = strip_samples(record, strip)
    up, down = paper.reach(strip)
    height = np.clip(potential * paper.gain, -down, up)
    units = _units(record.sampling_rate)
    d = _trace(strip.x + time * PAPER_SPEED, strip.y - height, tolerance, units)
    if d:
        canvas.raw(
            f'<path d="{d}" transform="scale({1 / units:.8g})" fill="none" stroke="{TRACE}" '
            f'stroke-width="{0.3 * units:g}" stroke-linejoin="round"/>'
        )
    if strip.first_in_row:
        x = number(strip.x - 11)
        pulse = f"M{x} {number(strip.y)}h2v{-paper.gain:g}h5v{paper.gain:g}h2"
        canvas.path(pulse, stroke=TRACE, width=0.3)
    else:
        canvas.line(strip.x, strip.y - 3, strip.x, strip.y + 3, stroke=INK, width=0.2)


def _draw_name(canvas: Canvas, record: ECGRecord, strip: Strip, paper: PaperLayout) -> None:
    words = f"{strip.lead} (clipped)" if leaves_paper(record, strip, paper) else strip.lead
    y = strip.y - label_height(record, strip, paper)
    canvas.text(strip.x + 1, y, words, size=3.5, fill=INK, halo=PAPER)


def _units(sampling_rate: float) -> float:
    """Path units per mm, at least 100, in which one sample is a whole number of units.

    A rounded time would move steep QRS edges by more than the tolerance of the height.
    """
    samples_per_mm = sampling_rate / PAPER_SPEED
    return samples_per_mm * math.ceil(MIN_UNITS / samples_per_mm)


def _trace(
    x: npt.NDArray[np.float64], y: npt.NDArray[np.float64], tolerance: float, units: float
) -> str:
    """Relative integer path over the finite stretches of a lead."""
    finite = np.isfinite(y)
    edges = np.flatnonzero(np.diff(np.concatenate(([False], finite, [False])).astype(int)))
    pieces = []
    for first, stop in zip(edges[::2], edges[1::2], strict=True):
        if stop - first < 2:
            continue
        kept = first + simplify(x[first:stop], y[first:stop], tolerance)
        places = np.stack([np.rint(units * x[kept]), np.rint(units * y[kept])], axis=1).astype(int)
        steps = np.diff(places, axis=0)
        moves = "".join(f"{dx}{dy if dy < 0 else f' {dy}'} " for dx, dy in steps.tolist())
        pieces.append(f"M{places[0, 0]} {places[0, 1]}l{moves.rstrip()}")
    return "".join(pieces)
