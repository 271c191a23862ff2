"""Draw an electrocardiogram as a cardiologist is used to see it."""

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from cardiorisk._colours import GRID_MAJOR, GRID_MINOR, INK, LOWERS, PAPER, RAISES, TRACE
from cardiorisk._optional import require
from cardiorisk._validation import as_records
from cardiorisk.explain.ecg_layout import (
    PAPER_SPEED,
    PaperLayout,
    Strip,
    is_simulated,
    label_height,
    leaves_paper,
    paper_layout,
    strip_samples,
)
from cardiorisk.records import Delineation, ECGRecord

__all__ = ["plot_ecg"]

MM_PER_INCH = 25.4
POINTS_PER_MM = 72 / MM_PER_INCH
PULSE_SECONDS = 0.2  # one large square
_WAVES = {
    "P": ("P_on", "P_off", LOWERS),
    "QRS": ("QRS_on", "QRS_off", INK),
    "T": ("T_on", "T_off", RAISES),
}
# mm below the baseline: QRS on a level of its own, since its ends touch those of P and T
_MARK_DEPTH = {"P": 7.5, "QRS": 9.0, "T": 7.5}


def plot_ecg(
    ecg: ECGRecord | npt.ArrayLike,
    *,
    sampling_rate: float | None = None,
    lead_names: Sequence[str] | None = None,
    marks: Delineation | None = None,
    layout: Literal["auto", "3x4", "rows"] = "auto",
    start: float = 0.0,
    title: str | None = None,
    ax: Any = None,
) -> Any:
    """Draw an ECG on millimetre paper, 25 mm/s and 10 mm/mV.

    Parameters
    ----------
    ecg : ECGRecord or array of shape (n_leads, n_samples)
        Potential in mV.
    sampling_rate : float, optional
        In Hz; needed for an array.
    lead_names : sequence of str, optional
        Needed for an array that is not a standard twelve-lead ECG.
    marks : Delineation, optional
        Waves to bracket below the trace: P, QRS and T of each beat of each lead. A wave that
        runs into the next strip is bracketed in both, open at the cut.
    layout : {"auto", "3x4", "rows"}, default="auto"
        ``"3x4"`` is 3 rows of 4 leads, consecutive in time, and a rhythm strip of lead II;
        ``"rows"`` is one row a lead of at most 10 s. ``"auto"`` takes ``"3x4"`` where it can.
    start : float, default=0.0
        First second of the recording to draw.
    title : str, optional
        Words above the paper. The record's own identifier is never drawn.
    ax : matplotlib Axes, optional
        Where to draw; a new figure in true millimetres otherwise.

    Returns
    -------
    ax : matplotlib Axes
        Its data coordinates are millimetres from the top left corner of the paper.

    Raises
    ------
    SignalError
        Shape, sampling rate or lead names do not fit together.
    ValueError
        The layout or the start does not fit the recording.

    Notes
    -----
    Each lead is shown around its median. Where a deflection would leave its row at 10 mm/mV, the
    whole paper is drawn at 5 mm/mV with a pulse of half height, and the footer says so. A record
    whose metadata say that it is simulated is marked "SIMULATED".

    Examples
    --------
    >>> import numpy as np
    >>> time = np.arange(5000) / 500
    >>> ax = plot_ecg(np.sin(time)[None], sampling_rate=500, lead_names=["II"])
    >>> ax.get_aspect()
    1.0
    """
    record = _one_record(ecg, sampling_rate, lead_names)
    paper = paper_layout(record, layout, start)
    ax = _new_axes(paper) if ax is None else ax
    _draw_grid(ax, paper)
    for strip in paper.strips:
        _draw_strip(ax, record, strip, paper)
        if marks is not None:
            _draw_marks(ax, record, marks, strip, paper)
    for strip in paper.strips:
        _draw_name(ax, record, strip, paper)
    _draw_words(ax, record, paper, title, marked=marks is not None)
    return ax


def _one_record(
    ecg: ECGRecord | npt.ArrayLike, sampling_rate: float | None, lead_names: Sequence[str] | None
) -> ECGRecord:
    if isinstance(ecg, ECGRecord):
        return as_records([ecg])[0]
    return as_records(np.asarray(ecg)[None], sampling_rate, lead_names)[0]


def _new_axes(paper: PaperLayout) -> Any:
    figure = require("matplotlib.figure").Figure(
        figsize=(paper.width / MM_PER_INCH, paper.height / MM_PER_INCH)
    )
    return figure.add_axes((0, 0, 1, 1))


def _draw_grid(ax: Any, paper: PaperLayout) -> None:
    collections = require("matplotlib.collections")
    ax.set(xlim=(0, paper.width), ylim=(paper.height, 0), xticks=[], yticks=[], facecolor=PAPER)
    ax.set_aspect(1.0)
    for spine in ax.spines.values():
        spine.set_visible(False)
    for step, colour, width in ((1, GRID_MINOR, 0.1), (5, GRID_MAJOR, 0.2)):
        vertical = [[(x, 0), (x, paper.height)] for x in np.arange(0, paper.width + 0.1, step)]
        level = [[(0, y), (paper.width, y)] for y in np.arange(0, paper.height + 0.1, step)]
        lines = collections.LineCollection(
            vertical + level, colors=colour, linewidths=width * POINTS_PER_MM, zorder=0
        )
        ax.add_collection(lines)


def _draw_strip(ax: Any, record: ECGRecord, strip: Strip, paper: PaperLayout) -> None:
    time, potential = strip_samples(record, strip)
    up, down = paper.reach(strip)
    height = np.clip(potential * paper.gain, -down, up)
    line = {"color": TRACE, "linewidth": 0.3 * POINTS_PER_MM, "solid_joinstyle": "round"}
    ax.plot(strip.x + time * PAPER_SPEED, strip.y - height, zorder=2, **line)
    if leaves_paper(record, strip, paper):
        ax.text(strip.x + 14, strip.y - 13, "clipped", size=3 * POINTS_PER_MM, color=INK)
    if strip.first_in_row:
        x, width = strip.x - 9, PULSE_SECONDS * PAPER_SPEED
        steps = [x - 2, x, x, x + width, x + width, x + width + 2]
        top = strip.y - paper.gain
        ax.plot(steps, [strip.y, strip.y, top, top, strip.y, strip.y], zorder=2, **line)
    else:
        ax.plot([strip.x, strip.x], [strip.y - 3, strip.y + 3], color=INK, linewidth=0.6)


def _draw_name(ax: Any, record: ECGRecord, strip: Strip, paper: PaperLayout) -> None:
    """Name a lead over all traces, with a rim of paper that keeps them off the letters."""
    rim = require("matplotlib.patheffects").withStroke(linewidth=POINTS_PER_MM, foreground=PAPER)
    ax.text(
        strip.x + 1,
        strip.y - label_height(record, strip, paper),
        strip.lead,
        size=3.5 * POINTS_PER_MM,
        color=INK,
        zorder=4,
        path_effects=[rim],
    )


def _draw_marks(
    ax: Any, record: ECGRecord, marks: Delineation, strip: Strip, paper: PaperLayout
) -> None:
    if strip.lead not in marks.lead_names:
        return
    found = marks.leads[marks.lead_names.index(strip.lead)]
    for wave, (begin, end, colour) in _WAVES.items():
        spans = []
        for on, off in zip(found[begin], found[end], strict=True):
            first, last = on / marks.sampling_rate, off / marks.sampling_rate
            if last > strip.start and first < strip.stop:  # false also where an end is NaN
                spans.append((first, last))
        depth = strip.y + _mark_depth(record, strip, paper, wave, spans)
        for first, last in spans:
            x, y = _bracket(first - strip.start, last - strip.start, strip.stop - strip.start)
            x, y = strip.x + PAPER_SPEED * x, depth + y
            ax.plot(x, y, color=colour, linewidth=0.35 * POINTS_PER_MM, zorder=3)


def _bracket(
    first: float, last: float, length: float
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return times and depths of a bracket; where a strip cuts the wave, that end stays open."""
    x, y = [max(first, 0.0), min(last, length)], [0.0, 0.0]
    if first >= 0:
        x, y = [x[0], *x], [-1.0, *y]
    if last <= length:
        x, y = [*x, x[-1]], [*y, -1.0]
    return np.array(x), np.array(y)


def _mark_depth(
    record: ECGRecord,
    strip: Strip,
    paper: PaperLayout,
    wave: str,
    spans: Sequence[tuple[float, float]],
) -> float:
    """One depth for all brackets of a wave in a strip, below the trace within them."""
    time, potential = strip_samples(record, strip)
    _, down = paper.reach(strip)
    depth = _MARK_DEPTH[wave]
    for first, last in spans:
        inside = (time >= first - strip.start) & (time <= last - strip.start)
        below = -potential[inside & np.isfinite(potential)] * paper.gain
        depth = max(depth, min(float(below.max(initial=0.0)) + 2.0, down))
    return depth


def _draw_words(
    ax: Any, record: ECGRecord, paper: PaperLayout, title: str | None, marked: bool
) -> None:
    footer = f"25 mm/s   {paper.gain:g} mm/mV   {record.sampling_rate:g} Hz   {paper.words}"
    style = {"size": 3 * POINTS_PER_MM, "color": INK, "zorder": 3}
    ax.text(5, paper.height - 1.5, footer, **style)
    if is_simulated(record.metadata):
        said = {**style, "size": 3.5 * POINTS_PER_MM, "weight": "bold", "ha": "right"}
        ax.text(paper.width - 5, 4.5, "SIMULATED", **said)
    if title is not None:
        ax.text(5, 4.5, title, **{**style, "size": 3.5 * POINTS_PER_MM, "weight": "bold"})
    if marked:
        for place, (wave, (_, _, colour)) in enumerate(_WAVES.items()):
            x = paper.width - 40 + 13 * place
            ax.plot(
                [x, x, x + 4, x + 4],
                np.array([-2.5, -1.5, -1.5, -2.5]) + paper.height,
                color=colour,
            )
            ax.text(x + 5, paper.height - 1.5, wave, **{**style, "color": colour})
