"""Pictures of calibration and net benefit."""

from typing import Any

from cardiorisk._colours import INK, LOWERS, MUTED, RAISES, REFERENCE, RULE
from cardiorisk._optional import require
from cardiorisk.evaluation.calibration_curve import CalibrationCurve
from cardiorisk.evaluation.net_benefit import DecisionCurve

__all__ = ["plot_calibration", "plot_decision_curve"]

HISTOGRAM_HEIGHT = 0.07  # of the picture, above and below its own base line
HISTOGRAM_BASE = -0.1


def plot_calibration(curve: CalibrationCurve, ax: Any = None) -> Any:
    """Draw observed against predicted risk, with the risks' histogram by outcome below.

    Parameters
    ----------
    curve : CalibrationCurve
    ax : matplotlib Axes, optional
        None makes a new figure.

    Returns
    -------
    ax : matplotlib Axes

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("Agg")
    >>> from cardiorisk.evaluation import calibration, plot_calibration
    >>> ax = plot_calibration(calibration([0, 0, 1, 0, 1, 1], [0.1, 0.2, 0.3, 0.5, 0.6, 0.9]))
    >>> ax.get_xlabel()
    'Predicted risk'
    """
    ax = _new_axes() if ax is None else ax
    smooth, bins = curve.curve, curve.table
    ax.plot([0, 1], [0, 1], color=REFERENCE, linestyle="--", linewidth=1, label="ideal")
    band = {"color": LOWERS, "alpha": 0.18, "linewidth": 0}
    ax.fill_between(smooth["predicted"], smooth["low"], smooth["high"], **band)
    label = f"smooth curve, {curve.confidence:.0%} band"
    ax.plot(smooth["predicted"], smooth["observed"], color=LOWERS, linewidth=2, label=label)
    ax.errorbar(
        bins["mean_predicted"],
        bins["observed"],
        yerr=[bins["observed"] - bins["low"], bins["high"] - bins["observed"]],
        fmt="o",
        markersize=4,
        color=INK,
        ecolor=RULE,
        linewidth=1,
        label="bins of predicted risk",
    )
    _draw_histogram(curve, ax)
    ax.set(
        xlabel="Predicted risk",
        ylabel="Observed share with the outcome",
        xlim=(-0.02, 1.02),
        ylim=(HISTOGRAM_BASE - 1.3 * HISTOGRAM_HEIGHT, 1.02),
        yticks=[0, 0.2, 0.4, 0.6, 0.8, 1],
    )
    ax.legend(loc="upper left", frameon=False)
    _tidy(ax)
    return ax


def plot_decision_curve(
    curve: DecisionCurve, ax: Any = None, *, preferences: tuple[float, float] | None = None
) -> Any:
    """Draw the net benefit of the model, of treating all and of treating none.

    Parameters
    ----------
    curve : DecisionCurve
    ax : matplotlib Axes, optional
        None makes a new figure.
    preferences : tuple of (float, float), optional
        The range of thresholds that is reasonable for the decision at hand; it is shaded.

    Returns
    -------
    ax : matplotlib Axes

    References
    ----------
    Axis words: Vickers AJ et al. Diagnostic and Prognostic Research 2019;3:18.
    doi:10.1186/s41512-019-0064-7

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("Agg")
    >>> from cardiorisk.evaluation import decision_curve, plot_decision_curve
    >>> ax = plot_decision_curve(decision_curve([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8]))
    >>> ax.get_ylabel()
    'Benefit (net true positives a person)'
    """
    ax = _new_axes() if ax is None else ax
    table = curve.table
    if preferences is not None:
        ax.axvspan(*preferences, color=RULE, alpha=0.15, linewidth=0)
    band = {"color": LOWERS, "alpha": 0.18, "linewidth": 0}
    ax.fill_between(table["threshold"], table["low"], table["high"], **band)
    label = f"model, {curve.confidence:.0%} band"
    ax.plot(table["threshold"], table["net_benefit"], color=LOWERS, linewidth=2, label=label)
    ax.plot(table["threshold"], table["treat_all"], color=RAISES, linestyle="--", label="treat all")
    ax.plot(table["threshold"], table["treat_none"], color=MUTED, linewidth=1, label="treat none")
    top = max(float(table["net_benefit"].max()), curve.prevalence)
    ax.set(
        xlabel="Preference (risk at which one would act)",
        ylabel="Benefit (net true positives a person)",
        xlim=(0, 1),
        ylim=(-0.15 * top, 1.15 * top),
    )
    ax.legend(loc="upper right", frameon=False)
    _tidy(ax)
    return ax


def _new_axes() -> Any:
    return require("matplotlib.pyplot").subplots(figsize=(5, 5), layout="constrained")[1]


def _draw_histogram(curve: CalibrationCurve, ax: Any) -> None:
    """Bars upward for rows with the outcome and downward for those without."""
    bins = curve.histogram
    tallest = max(bins["events"].max(), bins["non_events"].max())
    width = bins["right"] - bins["left"]
    for column, sign, colour in (("events", 1, RAISES), ("non_events", -1, MUTED)):
        height = sign * HISTOGRAM_HEIGHT * bins[column] / tallest
        ax.bar(bins["left"], height, width, HISTOGRAM_BASE, align="edge", color=colour)
    words = {"x": 1.03, "ha": "left", "fontsize": "small"}  # right of the bars, over none
    ax.text(y=HISTOGRAM_BASE, s="with", va="bottom", color=RAISES, **words)
    ax.text(y=HISTOGRAM_BASE, s="without", va="top", color=MUTED, **words)


def _tidy(ax: Any) -> None:
    ax.spines[["top", "right"]].set_visible(False)
    for side in ("left", "bottom"):
        ax.spines[side].set_color(RULE)
