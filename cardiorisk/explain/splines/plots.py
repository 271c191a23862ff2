"""A picture of the learned curves, with the rows behind them."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from cardiorisk._colours import INK, LOWERS, MUTED, REFERENCE, RULE
from cardiorisk._optional import require
from cardiorisk.explain.splines.curves import Spline, SplineCurves

__all__ = ["plot_splines"]

COLUMNS = 4
RUG = 0.06  # of the height of the axes


def plot_splines(
    curves: SplineCurves,
    names: Sequence[str] | None = None,
    ax: Any = None,
    *,
    max_inputs: int = 12,
) -> Any:
    """Draw the curve of each input, one standard deviation over the fits, and a rug of the rows.

    All share one scale of log-odds, so that a flat curve looks flat. Inputs of two values are
    drawn as two points.

    Parameters
    ----------
    curves : SplineCurves
    names : sequence of str, optional
        Inputs to draw. None takes those with the largest curves.
    ax : matplotlib Axes or sequence of them, optional
        One for each input. None makes a new figure.
    max_inputs : int, default=12
        Limit where ``names`` is None.

    Returns
    -------
    axes : list of matplotlib Axes

    Raises
    ------
    KeyError
        A name is no input.
    ValueError
        There are fewer axes than inputs.

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("Agg")
    >>> x = np.linspace(40, 80, 41)
    >>> age = Spline("age", x, np.tanh((x - 60) / 5)[None], x)
    >>> axes = plot_splines(SplineCurves((age,), np.ones(1)))
    >>> axes[0].get_title(loc="left")
    'age'
    """
    wanted = list(curves.importance().index[:max_inputs]) if names is None else list(names)
    splines = [curves[name] for name in wanted]
    axes = _axes(ax, len(splines))
    low = min(float((spline.mean - spline.spread).min()) for spline in splines)
    high = max(float((spline.mean + spline.spread).max()) for spline in splines)
    margin = 0.15 * max(high - low, 1e-9)
    for place, (spline, own) in enumerate(zip(splines, axes, strict=True)):
        own.set_ylim(low - margin, high + margin)
        _draw(own, spline)
        if place % COLUMNS == 0:
            own.set_ylabel("log-odds", color=INK, fontsize="small")
    return axes


def _axes(ax: Any, n: int) -> list[Any]:
    if ax is None:
        rows = -(-n // COLUMNS)
        columns = min(n, COLUMNS)
        pyplot = require("matplotlib.pyplot")
        size = (2.4 * columns, 2.1 * rows)
        figure, grid = pyplot.subplots(rows, columns, figsize=size, layout="constrained")
        places = list(np.ravel(grid))
        for spare in places[n:]:
            figure.delaxes(spare)
        return places[:n]
    given = list(np.ravel(ax))
    if len(given) < n:
        raise ValueError(f"Got {len(given)} axes for {n} inputs; give one for each.")
    return given[:n]


def _draw(ax: Any, spline: Spline) -> None:
    mean, spread = spline.mean, spline.spread
    ax.axhline(0, color=REFERENCE, linewidth=0.8)
    if len(spline.values) == 2:
        looks = {"color": LOWERS, "ecolor": LOWERS, "capsize": 3}
        ax.errorbar(spline.values, mean, yerr=spread, fmt="o", **looks)
        ax.set_xlim(*_beyond(spline.values))
        ax.set_xticks(spline.values)
    else:
        ax.fill_between(spline.values, mean - spread, mean + spread, color=LOWERS, alpha=0.2)
        ax.plot(spline.values, mean, color=LOWERS, linewidth=1.6)
    rug = ax.get_xaxis_transform()
    ax.vlines(spline.data, 0, RUG, transform=rug, color=MUTED, linewidth=0.4, alpha=0.5)
    ax.set_title(spline.name, loc="left", fontsize="small", color=INK)
    ax.tick_params(labelsize="x-small", colors=MUTED)
    ax.spines[["top", "right"]].set_visible(False)
    ax.spines[["left", "bottom"]].set_color(RULE)


def _beyond(values: Any) -> tuple[float, float]:
    width = float(values[1] - values[0])
    return float(values[0]) - 0.5 * width, float(values[1]) + 0.5 * width
