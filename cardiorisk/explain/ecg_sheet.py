"""A drawing in millimetres that knows which of its places are taken."""

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from cardiorisk._colours import GRID_MAJOR, GRID_MINOR, INK, PAPER, WARNING_FILL, WARNING_TEXT
from cardiorisk._optional import require

__all__ = ["MM_PER_INCH", "Box", "Sheet"]

MM_PER_INCH = 25.4
POINTS_PER_MM = 72 / MM_PER_INCH
ASCENT, DESCENT = 0.75, 0.25  # of the size of letters, above and below the line they stand on
PAD = 0.5  # mm around words

Coordinates = npt.NDArray[np.float64]


class Box(NamedTuple):
    """A rectangle in mm, y pointing down."""

    left: float
    top: float
    right: float
    bottom: float


class Sheet:
    """Draw lines and words in mm from the top left corner of the paper.

    Parameters
    ----------
    ax : matplotlib Axes
    width, height : float
        Of the paper, in mm.
    """

    def __init__(self, ax: Any, width: float, height: float) -> None:
        self.ax, self.width, self.height = ax, width, height
        self._boxes: list[Box] = []
        self._pieces: list[Coordinates] = []  # extents of line pieces: left, top, right, bottom

    def grid(self) -> None:
        """Draw squares of 1 mm and of 5 mm, square on any screen."""
        ax, (width, height) = self.ax, (self.width, self.height)
        ax.set(xlim=(0, width), ylim=(height, 0), xticks=[], yticks=[], facecolor=PAPER)
        ax.set_aspect(1.0)
        for spine in ax.spines.values():
            spine.set_visible(False)
        collection = require("matplotlib.collections").LineCollection
        for step, colour, thickness in ((1, GRID_MINOR, 0.1), (5, GRID_MAJOR, 0.2)):
            lines = [[(x, 0), (x, height)] for x in np.arange(0, width + 0.1, step)]
            lines += [[(0, y), (width, y)] for y in np.arange(0, height + 0.1, step)]
            widths = thickness * POINTS_PER_MM
            ax.add_collection(collection(lines, colors=colour, linewidths=widths, zorder=0))

    def line(
        self, x: Any, y: Any, *, colour: str, width: float, zorder: float = 3, style: str = "-"
    ) -> None:
        """Draw a line that no words placed later cross."""
        x, y = np.asarray(x, float), np.asarray(y, float)
        look = {"color": colour, "linewidth": width * POINTS_PER_MM, "linestyle": style}
        self.ax.plot(x, y, zorder=zorder, solid_joinstyle="round", **look)
        extents = [np.minimum(x[:-1], x[1:]), np.minimum(y[:-1], y[1:])]
        extents += [np.maximum(x[:-1], x[1:]), np.maximum(y[:-1], y[1:])]
        pieces = np.stack(extents, axis=1)
        self._pieces.append(pieces[np.isfinite(pieces).all(axis=1)])

    def fill(self, box: Box, colour: str) -> None:
        """Shade a rectangle behind the traces."""
        size = (box.right - box.left, box.bottom - box.top)
        rectangle = require("matplotlib.patches").Rectangle
        self.ax.add_patch(
            rectangle(box[:2], *size, facecolor=colour, alpha=0.15, linewidth=0, zorder=1)
        )

    def words(
        self,
        x: float,
        y: float,
        text: str,
        *,
        size: float = 3.0,
        colour: str = INK,
        bold: bool = False,
        from_right: bool = False,
        warning: bool = False,
    ) -> None:
        """Write words on a line at height y, with a rim of paper that keeps traces off them.

        A warning stands in a box of its own instead.
        """
        left = x - self.text_width(text, size, bold) if from_right else x
        self._boxes.append(self._extent(left, y, text, size, bold))
        style: dict[str, Any] = {"size": size * POINTS_PER_MM, "color": colour, "zorder": 4}
        if warning:
            edge = {"edgecolor": WARNING_TEXT, "linewidth": 0.5}
            style["bbox"] = {"facecolor": WARNING_FILL, "pad": PAD * POINTS_PER_MM, **edge}
            style["color"] = WARNING_TEXT
        else:
            stroke = require("matplotlib.patheffects").withStroke
            style["path_effects"] = [stroke(linewidth=POINTS_PER_MM, foreground=PAPER)]
        alignment = "right" if from_right else "left"
        weight = "bold" if bold else "normal"
        self.ax.text(x, y, text, ha=alignment, weight=weight, **style)

    def words_at_free_place(
        self, places: Iterable[tuple[float, float]], text: str, *, size: float = 2.8, **look: Any
    ) -> None:
        """Write words at the first free place, or where they cover least."""
        best, least = None, np.inf
        for x, y in places:
            box = self._extent(x, y, text, size, look.get("bold", False))
            outside = box.left < 0 or box.right > self.width
            covered = self._covered(box) + 10_000 * outside
            if covered < least:
                best, least = (x, y), covered
            if covered == 0:
                break
        if best is not None:
            self.words(*best, text, size=size, **look)

    def text_width(self, text: str, size: float, bold: bool = False) -> float:
        """Width of words in mm, letters being ``size`` mm high."""
        font = require("matplotlib.font_manager").FontProperties(weight="bold" if bold else None)
        path = require("matplotlib.textpath").TextPath
        extents = path((0, 0), text, size=size, prop=font).get_extents()
        return float(extents.width)

    def _extent(self, x: float, y: float, text: str, size: float, bold: bool) -> Box:
        right = x + self.text_width(text, size, bold)
        return Box(x - PAD, y - ASCENT * size - PAD, right + PAD, y + DESCENT * size + PAD)

    def _covered(self, box: Box) -> int:
        """Count what a box would cover, words before lines."""
        boxes = np.array(self._boxes).reshape(-1, 4)
        pieces = np.concatenate([np.empty((0, 4)), *self._pieces])
        return 1000 * _overlapping(boxes, box) + _overlapping(pieces, box)


def _overlapping(extents: Coordinates, box: Box) -> int:
    beside = (extents[:, 2] < box.left) | (extents[:, 0] > box.right)
    apart = (extents[:, 3] < box.top) | (extents[:, 1] > box.bottom)
    return int((~(beside | apart)).sum())
