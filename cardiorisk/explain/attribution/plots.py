"""Pictures of an explanation: one row's reasons, and those of a cohort."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from cardiorisk._colours import INK, LOWERS, MUTED, RAISES, REFERENCE, RULE
from cardiorisk._optional import require
from cardiorisk.explain.attribution.explanation import Explanation
from cardiorisk.records import Variable

__all__ = ["plot_explanation", "plot_importance"]

JITTER_BINS = 40  # across the axis; dots that share one are stacked
STACK_HEIGHT = 0.35  # of the distance between two features


def plot_explanation(
    explanation: Explanation,
    row: int = 0,
    ax: Any = None,
    *,
    schema: Mapping[str, Variable] | None = None,
    max_features: int = 12,
) -> Any:
    """Draw what raises and what lowers one row's prediction, strongest first.

    Parameters
    ----------
    explanation : Explanation
    row : int, default=0
        Position of the row.
    ax : matplotlib Axes, optional
        None makes a new figure.
    schema : mapping of str to Variable, optional
        Clinical words, units and category names of the columns.
    max_features : int, default=12
        The weaker ones are drawn as one bar, "others".

    Returns
    -------
    ax : matplotlib Axes

    Examples
    --------
    >>> import matplotlib, pandas as pd
    >>> matplotlib.use("Agg")
    >>> from cardiorisk.explain import explain
    >>> from sklearn.linear_model import LogisticRegression
    >>> table = pd.DataFrame({"age": [40, 50, 60, 70], "male": [0, 1, 0, 1]})
    >>> model = LogisticRegression().fit(table, [0, 0, 1, 1])
    >>> ax = plot_explanation(explain(model, table, output="probability"), row=3)
    >>> [label.get_text() for label in ax.get_yticklabels()]
    ['age 70', 'male 1']
    """
    one = explanation[row]
    order, rest = _strongest(np.abs(one.values[0]), max_features)
    sizes = one.values[0, order]
    labels = [_reason(one, column, schema or {}) for column in order]
    if len(rest):
        sizes = np.append(sizes, one.values[0, rest].sum())
        labels.append(f"{len(rest)} others together")
    scale, unit = _unit(one)
    ax = _new_axes(len(labels)) if ax is None else ax
    places = np.arange(len(labels))
    ax.barh(places, scale * sizes, color=np.where(sizes > 0, RAISES, LOWERS), height=0.62)
    _write_sizes(ax, scale * sizes, one.output)
    ax.axvline(0, color=REFERENCE, linewidth=1)
    ax.set_yticks(places, labels)
    _write_direction(ax, scale * sizes, unit)
    ax.set_title(_headline(one), loc="left", fontsize="medium", color=INK)
    ax.invert_yaxis()
    _tidy(ax)
    return ax


def plot_importance(
    explanation: Explanation,
    ax: Any = None,
    *,
    schema: Mapping[str, Variable] | None = None,
    max_features: int = 12,
) -> Any:
    """Draw the contributions of every row, the feature with the largest mean on top.

    Each dot is a row; a dark dot has a high value of the feature, a pale one a low value, an
    open one has no value or a category.

    Parameters
    ----------
    explanation : Explanation
    ax : matplotlib Axes, optional
        None makes a new figure.
    schema : mapping of str to Variable, optional
        Clinical words and units of the columns.
    max_features : int, default=12
        The weaker ones are left out, and the picture says how many.

    Returns
    -------
    ax : matplotlib Axes

    Examples
    --------
    >>> import matplotlib, pandas as pd
    >>> matplotlib.use("Agg")
    >>> from cardiorisk.explain import explain
    >>> from sklearn.linear_model import LogisticRegression
    >>> table = pd.DataFrame({"age": [40, 50, 60, 70], "male": [0, 1, 0, 1]})
    >>> model = LogisticRegression().fit(table, [0, 0, 1, 1])
    >>> ax = plot_importance(explain(model, table, output="probability"))
    >>> ax.get_xlabel()
    '◀ lowers    points per 100    raises ▶'
    """
    importance = np.abs(explanation.values).mean(axis=0)
    order, rest = _strongest(importance, max_features)
    scale, unit = _unit(explanation)
    ax = _new_axes(len(order)) if ax is None else ax
    everything = scale * explanation.values[:, order]
    width = max(float(np.ptp(everything)), 1e-9) / JITTER_BINS
    for place, column in enumerate(order):
        x = scale * explanation.values[:, column]
        y = place - _stack(np.floor(x / width))
        shade = _shades(explanation, column, schema or {})
        known = ~np.isnan(shade)
        ax.scatter(x[known], y[known], c=shade[known], cmap="cividis_r", vmin=0, vmax=1, s=9)
        ax.scatter(x[~known], y[~known], facecolors="none", edgecolors=RULE, s=9, linewidths=0.6)
    labels = [_label(explanation, column, schema or {}) for column in order]
    sizes = [_size(scale * importance[column], explanation.output) for column in order]
    ax.set_yticks(range(len(order)), [f"{a}\nmean {b}" for a, b in zip(labels, sizes, strict=True)])
    ax.axvline(0, color=REFERENCE, linewidth=1)
    _write_direction(ax, everything, unit)
    note = f", {len(rest)} weaker features left out" if len(rest) else ""
    rows = "1 row" if len(explanation) == 1 else f"{len(explanation)} rows"
    title = f"{rows}{note}\ndark: high value, pale: low, open: category or missing"
    ax.set_title(title, loc="left", fontsize="small", color=MUTED)
    ax.invert_yaxis()
    _tidy(ax)
    return ax


def _strongest(
    sizes: npt.NDArray[np.float64], max_features: int
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Positions of the strongest features, and of the rest."""
    order = np.argsort(-sizes, kind="stable")
    if len(order) == max_features + 1:  # a single one needs no more room than its summary
        max_features += 1
    return order[:max_features], order[max_features:]


def _unit(explanation: Explanation) -> tuple[float, str]:
    """Factor and words of the axis: risk is told in points per 100."""
    if explanation.output == "probability":
        return 100.0, "points per 100"
    return 1.0, "model score, not a risk"


def _size(size: float, output: str) -> str:
    """Whole points are enough for a risk."""
    if output != "probability":
        return f"{size:.2f}"
    return "under 1" if 0 < abs(size) < 1 else f"{size:.0f}"


def _label(explanation: Explanation, column: int, schema: Mapping[str, Variable]) -> str:
    name = str(explanation.feature_names[column])
    variable = schema.get(name)
    if variable is None:
        return name
    return f"{variable.label} ({variable.unit})" if variable.unit else variable.label


def _reason(one: Explanation, column: int, schema: Mapping[str, Variable]) -> str:
    """Feature, value and unit of the only row."""
    name, value = str(one.feature_names[column]), one.data.iloc[0, column]
    variable = schema.get(name) or Variable(name, name)
    if pd.isna(value) or (variable.zero_is_missing and value == 0):
        return f"{variable.label}: not recorded"
    if variable.categories and value in variable.categories:
        return f"{variable.label}: {variable.categories[value]}"
    number = f"{value:g}" if isinstance(value, float | np.floating) else str(value)
    return f"{variable.label} {number} {variable.unit}".rstrip()


def _headline(one: Explanation) -> str:
    factor, _ = _unit(one)
    end, start = (
        _size(factor * float(value), one.output)
        for value in (one.predictions[0], one.base_values[0])
    )
    words = "in 100" if one.output == "probability" else "(model score)"
    return f"class {one.target[0]}: {end} {words}\nstarting from {start}: {one.base_description}"


def _shades(
    explanation: Explanation, column: int, schema: Mapping[str, Variable]
) -> npt.NDArray[np.float64]:
    """Rank of each value from 0 to 1; NaN where it is missing or a category."""
    values = explanation.data.iloc[:, column]
    variable = schema.get(str(explanation.feature_names[column]))
    coded = variable is not None and variable.categories is not None
    if coded or not pd.api.types.is_numeric_dtype(values):
        return np.full(len(values), np.nan)
    known = values.astype(float)
    if variable is not None and variable.zero_is_missing:
        known = known.where(known != 0)
    ranks = known.rank(method="average")
    spread = ranks.max() - ranks.min()
    return ((ranks - ranks.min()) / spread if spread else ranks * 0 + 0.5).to_numpy(dtype=float)


def _stack(bins: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Spread the dots of each bin up and down from the middle."""
    _, which, counts = np.unique(bins, return_inverse=True, return_counts=True)
    order = np.argsort(which, kind="stable")
    starts = np.concatenate([[0], np.cumsum(counts)[:-1]])
    turn = np.empty(len(bins))
    turn[order] = np.arange(len(bins)) - starts[which[order]]
    signed = np.where(turn % 2 == 0, turn / 2, -(turn + 1) / 2)
    return STACK_HEIGHT * signed / max(float(counts.max()) / 2, 1.0)


def _write_sizes(ax: Any, sizes: npt.NDArray[np.float64], output: str) -> None:
    gap = 0.01 * max(float(np.ptp(np.append(sizes, 0.0))), 1e-9)
    for place, size in enumerate(sizes):
        word = "raises" if size > 0 else "lowers"
        text = f"{word} {_size(abs(size), output)}" if size else "no difference"
        side = {"ha": "left"} if size >= 0 else {"ha": "right"}
        colour = RAISES if size > 0 else LOWERS
        x = size + (gap if size >= 0 else -gap)
        ax.text(x, place, text, va="center", color=colour, fontsize="small", **side)


def _write_direction(ax: Any, sizes: npt.NDArray[np.float64], unit: str) -> None:
    """Name both sides of the axis, and leave room for the words beside the bars."""
    ax.set_xlabel(f"◀ lowers    {unit}    raises ▶")
    low, high = min(float(sizes.min()), 0.0), max(float(sizes.max()), 0.0)
    room = 0.28 * max(high - low, 1e-9)
    ax.set_xlim(low - room, high + room)


def _new_axes(n_rows: int) -> Any:
    pyplot = require("matplotlib.pyplot")
    height = 1.2 + 0.42 * n_rows
    return pyplot.subplots(figsize=(7.5, height), layout="constrained")[1]


def _tidy(ax: Any) -> None:
    for side in ("top", "right", "left"):
        ax.spines[side].set_visible(False)
    ax.spines["bottom"].set_color(RULE)
    ax.tick_params(colors=MUTED, labelcolor=INK, length=0)
