"""A sheet to draw on: SVG elements with every text escaped and every number short."""

from html import escape

__all__ = ["Canvas", "number"]


def number(value: float, decimals: int = 1) -> str:
    """Write a coordinate with as few characters as it needs.

    Examples
    --------
    >>> number(12.0), number(0.26), number(-0.04)
    ('12', '0.3', '0')
    """
    text = f"{value:.{decimals}f}".rstrip("0").rstrip(".") if decimals else f"{value:.0f}"
    return "0" if text in ("-0", "") else text


class Canvas:
    """Collect SVG elements and close them into one picture.

    Parameters
    ----------
    width, height : float
        Size of the view box.
    key : str
        Prefix of every id, so that pictures in one page cannot refer to each other.
    title : str
        What the picture is, with its main number; read first by a screen reader.
    desc : str
        The finding, the range and n.
    css_class : str, default="chart"
    """

    def __init__(
        self,
        width: float,
        height: float,
        *,
        key: str = "",
        title: str = "",
        desc: str = "",
        css_class: str = "chart",
    ) -> None:
        self.width, self.height = width, height
        self.key, self.title, self.desc = key, title, desc
        self.css_class = css_class
        self._parts: list[str] = []

    def line(
        self,
        x1: float,
        y1: float,
        x2: float,
        y2: float,
        *,
        stroke: str,
        width: float = 1,
        dash: str = "",
    ) -> None:
        """Draw a straight line."""
        self.path(
            f"M{number(x1)} {number(y1)}L{number(x2)} {number(y2)}",
            stroke=stroke,
            width=width,
            dash=dash,
        )

    def path(
        self, d: str, *, stroke: str = "none", width: float = 1, fill: str = "none", dash: str = ""
    ) -> None:
        """Draw a path; ``d`` is built by us from numbers only."""
        dashes = f' stroke-dasharray="{dash}"' if dash else ""
        line = f' stroke="{stroke}" stroke-width="{number(width, 2)}"' if stroke != "none" else ""
        self._parts.append(f'<path d="{d}" fill="{fill}"{line}{dashes}/>')

    def polyline(
        self, points: list[tuple[float, float]], *, stroke: str, width: float = 1.5, dash: str = ""
    ) -> None:
        """Draw a line through points."""
        if points:
            self.path(_through(points), stroke=stroke, width=width, dash=dash)

    def polygon(self, points: list[tuple[float, float]], *, fill: str) -> None:
        """Fill the area within points."""
        if points:
            self.path(_through(points) + "Z", fill=fill)

    def rect(
        self, x: float, y: float, width: float, height: float, *, fill: str, stroke: str = "none"
    ) -> None:
        """Draw a rectangle."""
        if width > 0 and height > 0:
            d = f"M{number(x)} {number(y)}h{number(width)}v{number(height)}h{number(-width)}Z"
            self.path(d, fill=fill, stroke=stroke)

    def dots(self, points: list[tuple[float, float]], *, radius: float, fill: str) -> None:
        """Draw many dots as one path: zero-length strokes with round ends."""
        if points:
            d = "".join(f"M{number(x)} {number(y)}h0" for x, y in points)
            self._parts.append(
                f'<path d="{d}" fill="none" stroke="{fill}" stroke-width="{number(2 * radius)}" '
                'stroke-linecap="round"/>'
            )

    def text(
        self,
        x: float,
        y: float,
        words: str,
        *,
        anchor: str = "start",
        fill: str = "#1B1F24",
        bold: bool = False,
        size: float | None = None,
        rotate: float | None = None,
        halo: str = "",
    ) -> None:
        """Write words, escaped; a halo of the paper's colour keeps lines off the letters."""
        attributes = "" if anchor == "start" else f' text-anchor="{anchor}"'
        attributes += ' font-weight="700"' if bold else ""
        attributes += f' font-size="{number(size)}"' if size else ""
        if halo:
            attributes += f' stroke="{halo}" stroke-width="1" paint-order="stroke"'
        place = f"{number(x)} {number(y)}"
        attributes += f' transform="rotate({number(rotate)} {place})"' if rotate else ""
        start = f'<text x="{number(x)}" y="{number(y)}" fill="{fill}"{attributes}>'
        self._parts.append(f"{start}{escape(words)}</text>")

    def raw(self, element: str) -> None:
        """Add an element that was built by another function of this package."""
        self._parts.append(element)

    def markup(self, extra: str = "") -> str:
        """Close the picture. Without a title it is hidden from screen readers.

        Parameters
        ----------
        extra : str, default=""
            Further attributes of the ``svg`` element, for example a size in millimetres.
        """
        box = f'viewBox="0 0 {number(self.width)} {number(self.height)}"'
        head = f'<svg class="{self.css_class}" {box}{" " + extra if extra else ""}'
        body = "".join(self._parts) + "</svg>"
        if self.title:
            head += f' role="img" aria-labelledby="{self.key}-t {self.key}-d">'
            head += f'<title id="{self.key}-t">{escape(self.title)}</title>'
            head += f'<desc id="{self.key}-d">{escape(self.desc)}</desc>'
        else:
            head += ' aria-hidden="true" focusable="false">'
        return head + body


def _through(points: list[tuple[float, float]]) -> str:
    return "M" + "L".join(f"{number(x)} {number(y)}" for x, y in points)
