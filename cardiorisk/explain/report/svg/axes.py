"""Scales and axes: from data to places on the sheet."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from cardiorisk._colours import INK, MUTED, RULE
from cardiorisk.explain.report.svg.canvas import Canvas

__all__ = ["Frame", "nice_ticks"]

FAINT = "#E4E7EB"


def nice_ticks(low: float, high: float, count: int = 5) -> list[float]:
    """Round numbers that span about ``count`` steps between two limits, both included if round.

    Examples
    --------
    >>> nice_ticks(0, 1)
    [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]
    >>> nice_ticks(28, 77)
    [30.0, 40.0, 50.0, 60.0, 70.0]
    """
    if not high > low:
        return [low]
    raw = (high - low) / count
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(m * power for m in (1, 2, 2.5, 5, 10) if m * power >= raw * 0.999)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [round(k * step, 10) + 0.0 for k in range(first, last + 1)]


@dataclass(frozen=True)
class Frame:
    """The plotting area of a sheet and the two ranges that it shows.

    Parameters
    ----------
    left, top, right, bottom : float
        Edges of the area on the sheet.
    x, y : tuple of (float, float)
        Data limits.
    """

    left: float
    top: float
    right: float
    bottom: float
    x: tuple[float, float]
    y: tuple[float, float]

    def px(self, value: float) -> float:
        """Place of a data value on the horizontal axis."""
        low, high = self.x
        return self.left + (value - low) / ((high - low) or 1) * (self.right - self.left)

    def py(self, value: float) -> float:
        """Place of a data value on the vertical axis; up is more."""
        low, high = self.y
        return self.bottom - (value - low) / ((high - low) or 1) * (self.bottom - self.top)

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Place of a point, kept within the area."""
        inside_x = min(max(self.px(x), self.left), self.right)
        return inside_x, min(max(self.py(y), self.top), self.bottom)

    def draw_x(
        self,
        canvas: Canvas,
        ticks: Sequence[float],
        label: str,
        words: Callable[[float], str] = lambda v: f"{v:g}",
    ) -> None:
        """Draw the horizontal axis with ticks, their words and a label below."""
        canvas.line(self.left, self.bottom, self.right, self.bottom, stroke=RULE)
        for tick in ticks:
            x = self.px(tick)
            canvas.line(x, self.bottom, x, self.bottom + 4, stroke=RULE)
            canvas.text(x, self.bottom + 16, words(tick), anchor="middle", fill=MUTED)
        if label:
            middle = (self.left + self.right) / 2
            canvas.text(middle, self.bottom + 32, label, anchor="middle", fill=INK)

    def draw_y(
        self,
        canvas: Canvas,
        ticks: Sequence[float],
        label: str,
        words: Callable[[float], str] = lambda v: f"{v:g}",
    ) -> None:
        """Draw faint level lines with words to their left and a label above the area."""
        for tick in ticks:
            y = self.py(tick)
            canvas.line(self.left, y, self.right, y, stroke=FAINT)
            canvas.text(self.left - 6, y + 4, words(tick), anchor="end", fill=MUTED)
        if label:
            canvas.text(2, self.top - 10, label, fill=INK)
