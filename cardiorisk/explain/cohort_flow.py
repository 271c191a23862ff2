"""Draw and tell how a cohort came about."""

from typing import Any

import pandas as pd

from cardiorisk._colours import INK, MUTED, RULE
from cardiorisk._optional import require

__all__ = ["cohort_flow_text", "plot_cohort_flow"]

ROW_HEIGHT = 0.62  # inches
BOX = {"boxstyle": "square,pad=0.5", "facecolor": "white", "edgecolor": INK, "linewidth": 1}


def cohort_flow_text(flow: pd.DataFrame) -> str:
    """Tell the counts of a flow in words, for readers who do not see the picture.

    Parameters
    ----------
    flow : DataFrame
        Of a :class:`cardiorisk.features.Cohort`.

    Examples
    --------
    >>> flow = pd.DataFrame(
    ...     {"step": ["patients", "too young"], "patients": [90, 8], "kind": ["kept", "left out"]}
    ... )
    >>> cohort_flow_text(flow)
    '90 patients; left out: 8 too young.'
    """
    return "; ".join(_line(row) for row in flow.itertuples(index=False)) + "."


def _line(row: Any) -> str:
    prefix = {"left out": "left out: ", "note": "note: "}.get(row.kind, "")
    return prefix + (row.step if pd.isna(row.patients) else f"{row.patients:,} {row.step}")


def plot_cohort_flow(flow: pd.DataFrame, ax: Any = None) -> Any:
    """Draw a flow diagram: boxes for who is kept, and beside them who is left out.

    Parameters
    ----------
    flow : DataFrame
        Of a :class:`cardiorisk.features.Cohort`: columns ``step``, ``patients`` and ``kind``.
    ax : matplotlib Axes, optional
        None makes a new figure.

    Returns
    -------
    ax : matplotlib Axes
        Its label is the flow in words.

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("Agg")
    >>> flow = pd.DataFrame({"step": ["patients"], "patients": [90], "kind": ["kept"]})
    >>> plot_cohort_flow(flow).get_label()
    '90 patients.'
    """
    if ax is None:
        pyplot = require("matplotlib.pyplot")
        ax = pyplot.subplots(figsize=(8, ROW_HEIGHT * max(len(flow), 2)), layout="constrained")[1]
    ax.set(xlim=(0, 1), ylim=(len(flow) - 0.5, -0.5))
    ax.set_axis_off()
    ax.set_label(cohort_flow_text(flow))
    kept = [place for place, kind in enumerate(flow["kind"]) if kind == "kept"]
    if len(kept) > 1:
        ax.plot([0.24, 0.24], [kept[0], kept[-1]], color=RULE, zorder=0)
    for place, row in enumerate(flow.itertuples(index=False)):
        words = row.step if pd.isna(row.patients) else f"{row.patients:,} {row.step}"
        if row.kind == "kept":
            ax.text(0.24, place, words, ha="center", va="center", color=INK, wrap=True, bbox=BOX)
        elif row.kind == "left out":
            ax.plot([0.24, 0.52], [place, place], color=RULE, zorder=0)
            ax.text(
                0.54,
                place,
                words,
                ha="left",
                va="center",
                color=INK,
                bbox=BOX | {"edgecolor": RULE},
            )
        else:
            ax.text(0.54, place, words, ha="left", va="center", color=MUTED, style="italic")
    return ax
