"""A prototype's training window above the window that matched it, on millimetre paper."""

from cardiorisk._colours import INK, WARNING_TEXT
from cardiorisk.explain.ecg_layout import PAPER_SPEED, PaperLayout, Strip, leaves_paper
from cardiorisk.explain.report.prototypes import PrototypeMatch
from cardiorisk.explain.report.svg.canvas import Canvas, number
from cardiorisk.explain.report.svg.ecg_paper import draw_grid, draw_strip
from cardiorisk.records import ECGRecord

__all__ = ["draw_match"]

MARGIN = 1.0  # s of the record before and after the windows
LEAST_SECONDS = 2.5
LEFT, RIGHT, TOP, PITCH, BOTTOM = 14.0, 6.0, 24.0, 36.0, 16.0  # mm
MIN_WIDTH = 110.0  # mm: the words need as much
TOLERANCE = 0.1  # mm
SHADE = "#FFE9B8"


def draw_match(match: PrototypeMatch, key: str, title: str, desc: str, names: list[str]) -> str:
    """Draw the telling lead of both records so that the windows begin at the same place.

    Parameters
    ----------
    match : PrototypeMatch
        With a ``source_record``.
    key, title, desc : str
        As in :class:`~cardiorisk.explain.report.svg.canvas.Canvas`.
    names : list of str
        What is written at the two rows.

    Returns
    -------
    svg : str
    """
    assert match.source_record is not None
    rows = ((match.source_record, match.source), (match.record, match.match))
    before = min(MARGIN, *(window[0] for _, window in rows))
    longest = max(stop - start for _, (start, stop) in rows)
    room = min(record.duration - start + before for record, (start, _) in rows)
    seconds = min(max(before + longest + MARGIN, LEAST_SECONDS), room)
    strips = tuple(
        Strip(match.lead, start - before, start - before + seconds, LEFT, TOP + place * PITCH, True)
        for place, (_, (start, _)) in enumerate(rows)
    )
    width = max(LEFT + PAPER_SPEED * seconds + RIGHT, MIN_WIDTH)
    paper = PaperLayout(strips, width, TOP + PITCH + BOTTOM, 10.0, "", seconds)
    records = [record for record, _ in rows]
    if any(leaves_paper(r, strip, paper) for r, strip in zip(records, strips, strict=True)):
        paper = PaperLayout(strips, width, paper.height, 5.0, "", seconds)
    canvas = Canvas(width, paper.height, key=key, title=title, desc=desc, css_class="ecg")
    draw_grid(canvas, paper)
    for (record, (start, stop)), strip, name in zip(rows, strips, names, strict=True):
        _draw_row(canvas, record, strip, paper, (start, stop), name)
    words = f"{PAPER_SPEED:g} mm/s  {paper.gain:g} mm/mV  lead {match.lead}"
    canvas.text(5, paper.height - 1.5, words, size=3, fill=INK)
    return canvas.markup(f'width="{number(width)}mm" height="{number(paper.height)}mm"')


def _draw_row(
    canvas: Canvas,
    record: ECGRecord,
    strip: Strip,
    paper: PaperLayout,
    window: tuple[float, float],
    name: str,
) -> None:
    """Shade the window, draw the lead over it and write whose it is."""
    begin, end = (
        strip.x + PAPER_SPEED * (min(max(at, strip.start), strip.stop) - strip.start)
        for at in window
    )
    top, bottom = strip.y - 15, strip.y + 13
    canvas.raw(
        f'<rect x="{number(begin)}" y="{number(top)}" width="{number(end - begin)}" '
        f'height="{number(bottom - top)}" fill="{SHADE}" fill-opacity="0.6"/>'
    )
    for x in (begin, end):
        canvas.line(x, top, x, bottom, stroke=WARNING_TEXT, width=0.4, dash="1.5 1")
    draw_strip(canvas, record, strip, paper, TOLERANCE)
    canvas.text(strip.x + 1, strip.y - 17, name, size=3.5, fill=INK, halo="#FFFFFF")
