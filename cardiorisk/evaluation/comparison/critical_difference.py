"""Mean ranks of models over data sets or folds, and which of them cannot be told apart."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

from cardiorisk._colours import INK, LOWERS, MUTED, RULE
from cardiorisk._optional import require
from cardiorisk.evaluation.comparison.result import Comparison
from cardiorisk.evaluation.comparison.scores import LOWER_IS_BETTER

__all__ = ["CriticalDifference", "critical_difference", "plot_critical_difference"]

WITHOUT_ORDER = ("calibration_slope", "calibration_intercept", "observed_expected_ratio")
FEW_BLOCKS = 10
MOST_TICKS = 25  # more would run into each other
FOLDS_AS_BLOCKS = (
    "The blocks are folds of one data set, which share training rows: the critical difference is "
    "too small. It is meant for independent data sets."
)


@dataclass(frozen=True, eq=False, repr=False)
class CriticalDifference:
    """Friedman's test and the difference of mean ranks that a later test calls significant.

    Parameters
    ----------
    ranks : Series
        Mean rank of each model, 1 the best, in rising order.
    distance : float
        The critical difference at ``alpha``.
    statistic, p : float
        Friedman's chi-squared in the F form of Iman and Davenport, and its p-value: unless it is
        small, differences of ranks should not be read at all.
    cliques : tuple of tuple of str
        Longest runs of models whose mean ranks differ by less than ``distance``; with a
        ``control``, the models that cannot be told from it.
    n_blocks : int
        Data sets or folds.
    alpha : float
    control : str or None
    notes : tuple of str

    Examples
    --------
    >>> import pandas as pd
    >>> scores = pd.DataFrame({"forest": [0.9, 0.8, 0.7], "tree": [0.8, 0.7, 0.6]})
    >>> critical_difference(scores).ranks.to_dict()
    {'forest': 1.0, 'tree': 2.0}
    """

    ranks: pd.Series
    distance: float
    statistic: float
    p: float
    cliques: tuple[tuple[str, ...], ...]
    n_blocks: int
    alpha: float = 0.05
    control: str | None = None
    notes: tuple[str, ...] = ()

    def to_frame(self) -> pd.DataFrame:
        """Tabulate the mean ranks, one row a model, the best first."""
        return self.ranks.to_frame("mean_rank").rename_axis("model")

    def __repr__(self) -> str:
        test = "Nemenyi" if self.control is None else f"Bonferroni-Dunn against {self.control}"
        lines = [
            f"CriticalDifference: {len(self.ranks)} models on {self.n_blocks} blocks, Friedman "
            f"p = {self.p:.3g}; mean ranks differ by {test} from {self.distance:.2f} on",
            *(f"  {name}  {rank:.2f}" for name, rank in self.ranks.items()),
            *(f"Note: {note}" for note in self.notes),
        ]
        return "\n".join(lines)


def critical_difference(
    scores: pd.DataFrame | Comparison,
    *,
    alpha: float = 0.05,
    control: str | None = None,
    higher_is_better: bool = True,
) -> CriticalDifference:
    """Rank models within each data set and test the mean ranks.

    Parameters
    ----------
    scores : DataFrame of shape (n_blocks, n_models), or Comparison
        A column a model, a row a data set. The scores of a Comparison are those of folds, which
        are not independent: the result says so.
    alpha : float, default=0.05
    control : str, optional
        Compare each model with this one only (Bonferroni-Dunn), which needs a smaller difference.
        None compares all pairs (Nemenyi).
    higher_is_better : bool, default=True
        Not used for a Comparison, whose metric is known.

    Returns
    -------
    found : CriticalDifference

    Raises
    ------
    ValueError
        There are fewer than two models or blocks, a score is missing, the control is not among
        the models, or the metric of the Comparison has no better end.

    Notes
    -----
    - The outcome for two models depends on which others are in the table, since ranks do (Benavoli
      A, Corani G, Mangili F. JMLR 2016;17(5):1-10): report :func:`compare` of the pair as well.
    - That models share a bar does not show that they are equal.

    References
    ----------
    Demsar J. JMLR 2006;7:1-30. https://jmlr.org/papers/v7/demsar06a.html; Friedman M. JASA
    1937;32:675-701. doi:10.1080/01621459.1937.10503522; Iman RL, Davenport JM. Commun Stat
    1980;9:571-595. doi:10.1080/03610928008827904

    Examples
    --------
    >>> import pandas as pd
    >>> from cardiorisk.evaluation import critical_difference
    >>> scores = pd.DataFrame({"a": [0.9, 0.8, 0.7], "b": [0.8, 0.7, 0.6], "c": [0.7, 0.6, 0.5]})
    >>> round(critical_difference(scores).distance, 2)
    1.91
    """
    notes: list[str] = []
    if isinstance(scores, Comparison):
        if scores.metric in WITHOUT_ORDER:
            raise ValueError(f"Got scores of {scores.metric}, of which neither end is better.")
        notes.append(FOLDS_AS_BLOCKS)
        higher_is_better = scores.metric not in LOWER_IS_BETTER
        scores = scores.scores.dropna()
    n, k = _check_scores(scores, alpha)
    if control is not None and control not in scores:
        raise ValueError(f"Got control={control!r}, but the models are {list(scores)}.")
    if n < FEW_BLOCKS:
        notes.append(f"Only {n} blocks: the test is asymptotic, and weak with so few.")
    signed = -scores.to_numpy(np.float64) if higher_is_better else scores.to_numpy(np.float64)
    mean = stats.rankdata(signed, axis=1).mean(axis=0)
    ranks = pd.Series(mean, index=list(scores), name="mean_rank").sort_values(kind="stable")
    statistic, p = _iman_davenport(signed, n, k)
    distance = _quantile(k, alpha, control is not None) * np.sqrt(k * (k + 1) / (6 * n))
    cliques = _cliques(ranks, distance) if control is None else _near(ranks, distance, control)
    return CriticalDifference(
        ranks, float(distance), statistic, p, cliques, n, alpha, control, tuple(notes)
    )


def _check_scores(scores: pd.DataFrame, alpha: float) -> tuple[int, int]:
    n, k = scores.shape
    if n < 2 or k < 2:
        raise ValueError(
            f"Got scores of {n} data sets and {k} models, but expected two or more of each."
        )
    if scores.isna().any(axis=None):
        raise ValueError("Got scores with missing entries; leave out those data sets or models.")
    if not 0 < alpha < 1:
        raise ValueError(f"Got alpha={alpha!r}, but expected a number between 0 and 1.")
    return n, k


def _iman_davenport(signed: npt.NDArray[np.float64], n: int, k: int) -> tuple[float, float]:
    """F statistic of the two-way analysis of ranks, exact for ties as well."""
    ranks = stats.rankdata(signed, axis=1)
    within = float(((ranks - (k + 1) / 2) ** 2).sum())
    between = n * float(((ranks.mean(axis=0) - (k + 1) / 2) ** 2).sum())
    if within == 0:
        return 0.0, 1.0
    if within - between <= 1e-12 * within:
        return np.inf, 0.0
    f = (n - 1) * between / (within - between)
    return float(f), float(stats.f.sf(f, k - 1, (k - 1) * (n - 1)))


def _quantile(k: int, alpha: float, with_control: bool) -> float:
    if with_control:
        return float(stats.norm.isf(alpha / (2 * (k - 1))))
    return float(stats.studentized_range.ppf(1 - alpha, k, np.inf) / np.sqrt(2))


def _cliques(ranks: pd.Series, distance: float) -> tuple[tuple[str, ...], ...]:
    """Maximal runs of neighbours in rank that are nearer than ``distance``."""
    values, names = ranks.to_numpy(), [str(name) for name in ranks.index]
    ends = np.searchsorted(values, values + distance, side="left")
    runs = [
        (start, int(end))
        for start, end in enumerate(ends)
        if end - start > 1 and (start == 0 or ends[start - 1] < end)
    ]
    return tuple(tuple(names[start:end]) for start, end in runs)


def _near(ranks: pd.Series, distance: float, control: str) -> tuple[tuple[str, ...], ...]:
    near = ranks[(ranks - ranks[control]).abs() < distance]
    return (tuple(str(name) for name in near.index),) if len(near) > 1 else ()


def plot_critical_difference(
    found: CriticalDifference | Comparison | pd.DataFrame, ax: Any = None, **options: Any
) -> Any:
    """Draw the mean ranks on a line; a bar joins models that cannot be told apart.

    Parameters
    ----------
    found : CriticalDifference, or what :func:`critical_difference` takes
    ax : matplotlib Axes, optional
        None makes a new figure.
    **options
        For :func:`critical_difference`.

    Returns
    -------
    ax : matplotlib Axes

    References
    ----------
    Demsar J. JMLR 2006;7:1-30. https://jmlr.org/papers/v7/demsar06a.html

    Examples
    --------
    >>> import matplotlib
    >>> import pandas as pd
    >>> matplotlib.use("Agg")
    >>> scores = pd.DataFrame({"forest": [0.9, 0.8, 0.7], "tree": [0.8, 0.7, 0.6]})
    >>> plot_critical_difference(scores).get_xlabel()
    'Mean rank (1 is best)'
    """
    if not isinstance(found, CriticalDifference):
        found = critical_difference(found, **options)
    k = len(found.ranks)
    if ax is None:
        size = (6.5, 1.4 + 0.28 * ((k + 1) // 2) + 0.15 * len(found.cliques))
        ax = require("matplotlib.pyplot").subplots(figsize=size, layout="constrained")[1]
    depth = -0.6 - 0.3 * len(found.cliques)
    _draw_models(ax, found, depth)
    for level, clique in enumerate(found.cliques):
        y, ends = -0.35 - 0.3 * level, [found.ranks[clique[0]], found.ranks[clique[-1]]]
        bar = [ends[0] - 0.04, ends[1] + 0.04]
        ax.plot(bar, [y, y], color=LOWERS, linewidth=4, solid_capstyle="butt")
    ax.plot([1, 1 + found.distance], [0.55, 0.55], color=INK, linewidth=1.5, marker="|")
    ax.text(1 + found.distance / 2, 0.65, f"critical difference {found.distance:.2f}", ha="center")
    ax.set(
        xlabel="Mean rank (1 is best)",
        xlim=(0.5, max(k, 1 + found.distance) + 0.5),
        ylim=(depth - 0.55 * ((k + 1) // 2), 1.1),
        xticks=range(1, k + 1, 1 + k // MOST_TICKS),
        yticks=[],
    )
    ax.spines[["left", "right", "bottom"]].set_visible(False)
    ax.spines["top"].set_color(RULE)
    ax.xaxis.set_ticks_position("top")
    ax.xaxis.set_label_position("top")
    return ax


def _draw_models(ax: Any, found: CriticalDifference, depth: float) -> None:
    """Names at the sides, the better half on the left, each with a line to its rank."""
    k = len(found.ranks)
    half = (k + 1) // 2
    for place, (name, rank) in enumerate(found.ranks.items()):
        left = place < half
        y = depth - 0.5 * (place if left else k - 1 - place)
        side = 0.9 if left else k + 0.1
        ax.plot([rank, rank, side], [0, y, y], color=MUTED, linewidth=1, clip_on=False)
        ax.text(
            side + (-0.05 if left else 0.05),
            y,
            f"{name} ({rank:.2f})",
            ha="right" if left else "left",
            va="center",
            color=INK,
            clip_on=False,
        )
    ax.plot([1, k], [0, 0], color=RULE, linewidth=1)
