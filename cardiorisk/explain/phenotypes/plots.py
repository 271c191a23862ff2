"""Pictures of an association study: the volcano, and phecodes along the chromosomes of medicine."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from cardiorisk._colours import INK, LOWERS, MUTED, RAISES, REFERENCE, RULE
from cardiorisk._optional import require
from cardiorisk.explain.phenotypes.result import PhenotypeAssociations

__all__ = ["plot_phecode_manhattan", "plot_volcano"]

EFFECTS = {
    "logistic": "Log odds ratio a standard deviation",
    "mannwhitney": "Rank-biserial correlation",
    "welch": "Difference in standard deviations",
}
MAX_WORDS = 26  # characters of a label


def plot_volcano(found: PhenotypeAssociations, ax: Any = None, *, n_labels: int = 8) -> Any:
    """Draw the p-value of each pair against its effect.

    Parameters
    ----------
    found : PhenotypeAssociations
    ax : matplotlib Axes, optional
        None makes a new figure.
    n_labels : int, default=8
        How many phenotypes are named, each with its strongest prototype, the smallest p-values
        first.

    Returns
    -------
    ax : matplotlib Axes

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("Agg")
    >>> from cardiorisk.datasets import make_phenotypes
    >>> from cardiorisk.explain import phenotype_associations
    >>> data = make_phenotypes(n_subjects=300, random_state=0)
    >>> found = phenotype_associations(
    ...     data.activations, data.ecg_table, data.diagnoses, data.code_map, data.covariates,
    ...     min_cases=20, intervals="none",
    ... )
    >>> plot_volcano(found).get_xlabel()
    'Log odds ratio a standard deviation'
    """
    ax = _new_axes(6.5, 5.0) if ax is None else ax
    table = found.table[found.table["status"] == "ok"]
    height = -table["log10_p"].to_numpy()
    effect = table["effect"].to_numpy()
    significant = table["significant"].to_numpy()
    for chosen, colour, label in (
        (~significant, RULE, "not significant"),
        (significant & (effect > 0), RAISES, "more often with the prototype"),
        (significant & (effect < 0), LOWERS, "less often with the prototype"),
    ):
        if chosen.any():
            size = 9 if colour == RULE else 22
            ax.scatter(
                effect[chosen],
                height[chosen],
                s=size,
                color=colour,
                alpha=0.5 if colour == RULE else 0.9,
                linewidth=0,
                label=f"{label} ({chosen.sum()})",
                rasterized=len(table) > 20_000,
            )
    ax.axvline(0, color=REFERENCE, linewidth=0.8, zorder=0)
    ax.set(xlabel=EFFECTS[found.test], ylabel="$-\\log_{10}(p)$")
    ax.set_ylim(0, 1.12 * height.max(initial=1.0))
    best = found.best()
    best = best[best["significant"]].nsmallest(n_labels, "log10_p")
    _label_at_sides(ax, best, np.abs(effect).max(initial=0.1))
    _threshold(ax, found)
    ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3, **SMALL)
    _tidy(ax)
    return ax


def plot_phecode_manhattan(
    found: PhenotypeAssociations, ax: Any = None, *, n_labels: int = 8
) -> Any:
    """Draw the smallest p-value of each phenotype, by category, in the order of phecodes.

    Parameters
    ----------
    found : PhenotypeAssociations
    ax : matplotlib Axes, optional
        None makes a new figure.
    n_labels : int, default=8
        How many of the phenotypes with the smallest p-values are named.

    Returns
    -------
    ax : matplotlib Axes
        A triangle upward is a higher, one downward a lower odds or value with the prototype.

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("Agg")
    >>> from cardiorisk.datasets import make_phenotypes
    >>> from cardiorisk.explain import phenotype_associations
    >>> data = make_phenotypes(n_subjects=300, random_state=0)
    >>> found = phenotype_associations(
    ...     data.activations, data.ecg_table, data.diagnoses, data.code_map, data.covariates,
    ...     min_cases=20, intervals="none",
    ... )
    >>> [tick.get_text() for tick in plot_phecode_manhattan(found).get_xticklabels()]
    ['circulatory', 'renal', 'endocrine']
    """
    ax = _new_axes(9.0, 4.5) if ax is None else ax
    best = found.best()
    categories = list(dict.fromkeys(best["category"]))
    best = pd.concat([best[best["category"] == one] for one in categories], ignore_index=True)
    height = -best["log10_p"].to_numpy()
    position = np.arange(len(best), dtype=float)
    ticks = []
    for number, category in enumerate(categories):
        members = (best["category"] == category).to_numpy()
        ticks.append(position[members].mean())
        for raises, marker in ((True, "^"), (False, "v")):
            chosen = members & ((best["effect"] > 0).to_numpy() == raises)
            ax.scatter(
                position[chosen],
                height[chosen],
                s=np.where(best["significant"].to_numpy()[chosen], 34, 12),
                marker=marker,
                color=(LOWERS, MUTED)[number % 2],
                alpha=0.9,
                linewidth=0,
            )
    ax.set_xticks(ticks, [str(name) or "no category" for name in categories])
    _turn_if_crowded(ax, categories)
    ax.set(ylabel="$-\\log_{10}(p)$ of the best prototype", xlim=(-1, len(best)))
    ax.set_ylim(0, 1.15 * height.max(initial=1.0))
    points = np.column_stack([position, height])[np.argsort(-height, kind="stable")]
    top = best[best["significant"]].nsmallest(n_labels, "log10_p")
    _label_above(ax, points, _words(top), len(top))
    _threshold(ax, found)
    for marker, words in (("^", "higher with the prototype"), ("v", "lower with it")):
        ax.scatter([], [], s=34, marker=marker, color=MUTED, linewidth=0, label=words)
    ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2, **SMALL)
    _tidy(ax)
    return ax


LINE = {"arrowstyle": "-", "color": RULE, "linewidth": 0.6, "shrinkB": 2}
SMALL = {"frameon": False, "fontsize": "small", "handletextpad": 0.2, "columnspacing": 1.0}


def _new_axes(width: float, height: float) -> Any:
    return require("matplotlib.pyplot").subplots(figsize=(width, height), layout="constrained")[1]


def _words(rows: pd.DataFrame) -> list[str]:
    names = rows["phenotype"].where(rows["phenotype"] != "", rows["phecode"]).astype(str)
    return [one if len(one) <= MAX_WORDS else f"{one[: MAX_WORDS - 1]}…" for one in names]


def _label_at_sides(ax: Any, rows: pd.DataFrame, reach: float) -> None:
    """Write names in a column beyond the points, on the side of their effect."""
    raised = rows["effect"].to_numpy() > 0
    for side, chosen in ((1, raised), (-1, ~raised)):
        part = rows[chosen].sort_values("log10_p", kind="stable")
        level = np.inf
        gap = 0.05 * ax.get_ylim()[1]
        for word, (_, row) in zip(_words(part), part.iterrows(), strict=True):
            level = min(-row["log10_p"], level - gap)
            ax.annotate(
                f"{word} · {row['prototype']}",
                (row["effect"], -row["log10_p"]),
                xytext=(side * 1.15 * reach, level),
                ha="left" if side > 0 else "right",
                va="center",
                fontsize="small",
                color=INK,
                arrowprops=LINE | {"relpos": (0 if side > 0 else 1, 0.5)},
            )
    ax.set_xlim(-reach * (1.1 if raised.all() else 2.1), reach * (2.1 if raised.any() else 1.1))


def _label_above(ax: Any, points: npt.NDArray[np.float64], words: list[str], n_names: int) -> None:
    """Write names over the first points (x, y), each raised until it covers nothing."""
    (left, right), top = ax.get_xlim(), ax.get_ylim()[1]
    line, letter = 0.05 * top, 0.0092 * (right - left)
    boxes = [(x - letter, x + letter, y - line / 3, y + line / 3) for x, y in points]
    for (x, y), word in zip(points[:n_names], words, strict=True):
        half = letter * len(word) / 2
        middle = float(np.clip(x, left + half, right - half))
        level = y + 0.8 * line
        while any(
            middle - half < high_x
            and low_x < middle + half
            and level - line / 2 < high_y
            and low_y < level + line / 2
            for low_x, high_x, low_y, high_y in boxes
        ):
            level += line / 4
        boxes.append((middle - half, middle + half, level - line / 2, level + line / 2))
        text = {"ha": "center", "va": "center", "fontsize": "small", "color": INK}
        far = level - y > 1.3 * line
        ax.annotate(word, (x, y), xytext=(middle, level), **text, arrowprops=LINE if far else None)
        top = max(top, level + line)
    ax.set_ylim(0, top)


def _threshold(ax: Any, found: PhenotypeAssociations) -> None:
    """Draw the largest p-value that is significant, or would be."""
    table = found.table
    if found.correction == "bonferroni":
        limit, name = found.alpha / max(table["p"].notna().sum(), 1), "Bonferroni"
    else:
        name = {"holm": "Holm", "bh": "false discovery rate"}[found.correction]
        limit = table.loc[table["significant"], "p"].max()
    if not limit > 0:
        return
    ax.axhline(-np.log10(limit), color=REFERENCE, linestyle="--", linewidth=1, zorder=0)
    ax.annotate(
        f"{name}, {found.alpha:g}",
        (1.0, -np.log10(limit)),
        xycoords=("axes fraction", "data"),
        xytext=(-2, 2),
        textcoords="offset points",
        ha="right",
        va="bottom",
        fontsize="small",
        color=MUTED,
    )


def _turn_if_crowded(ax: Any, names: list[str]) -> None:
    if len(names) > 4:
        for tick in ax.get_xticklabels():
            tick.set(rotation=30, ha="right", rotation_mode="anchor")


def _tidy(ax: Any) -> None:
    ax.spines[["top", "right"]].set_visible(False)
    for side in ("left", "bottom"):
        ax.spines[side].set_color(RULE)
