"""One hundred people as icons, the affected ones together."""

from cardiorisk._colours import INK, RULE
from cardiorisk.explain.report.svg.canvas import Canvas, number
from cardiorisk.explain.report.wording import per_100, risk_words

__all__ = ["icon_array"]

PITCH, SIDE = 18.0, 14.0


def icon_array(risk: float, outcome: str, key: str) -> str:
    """Draw 10 x 10 squares filled row by row from the top left."""
    affected = per_100(risk)
    canvas = Canvas(
        PITCH * 10,
        PITCH * 10,
        key=key,
        title=f"{risk_words(risk)} of 100 squares filled",
        desc=f"Each square is one of 100 people with this record; a filled one has {outcome}.",
        css_class="icons",
    )
    square = f"h{number(SIDE)}v{number(SIDE)}h{number(-SIDE)}z"
    places = [(2 + PITCH * (i % 10), 2 + PITCH * (i // 10)) for i in range(100)]
    moves = [f"M{number(x)} {number(y)}{square}" for x, y in places]
    canvas.path("".join(moves[:affected]), fill=INK, stroke=INK)
    canvas.path("".join(moves[affected:]), fill="#FFFFFF", stroke=RULE)
    return canvas.markup()
