"""How well predicted risks agree with what happened."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from cardiorisk._validation import check_groups
from cardiorisk.evaluation.calibration_bins import bin_table
from cardiorisk.evaluation.curve_band import curve_band
from cardiorisk.evaluation.curve_span import choose_span
from cardiorisk.evaluation.distance_interval import distance_limits
from cardiorisk.evaluation.intervals import (
    Interval,
    Statistic,
    check_confidence,
    estimate_and_resamples,
)
from cardiorisk.evaluation.local_linear import SPAN, smooth_curve
from cardiorisk.evaluation.measures import measure_interval, reservation
from cardiorisk.evaluation.outcomes import check_outcome
from cardiorisk.evaluation.recalibration import (
    calibration_in_the_large,
    log_odds,
    recalibration_line,
)

__all__ = ["CalibrationCurve", "calibration"]

Floats = npt.NDArray[np.float64]

MEASURED = (
    "calibration_slope",
    "calibration_intercept",
    "calibration_slope",  # the intercept that belongs to it exists where it does
    "observed_expected_ratio",
)
ROUGHER = 0.5  # span of the curve behind the band, beside that of the curve shown
ICI, CURVE = 4, 5  # where it, and the curve, begin among the values
GRID_POINTS = 101
HISTOGRAM_BINS = 20


@dataclass(frozen=True, eq=False, repr=False)
class CalibrationCurve:
    """Agreement of predicted and observed risk.

    Parameters
    ----------
    table : DataFrame
        One row a bin of predicted risk: ``mean_predicted``, ``observed``, ``low``, ``high``
        (Clopper-Pearson unless asked otherwise), ``n`` and ``events``.
    curve : DataFrame
        The smooth curve: ``predicted``, ``observed``, and ``low`` and ``high``, pointwise limits of
        the true risk.
    histogram : DataFrame
        Twenty equal bins of predicted risk: ``left``, ``right``, ``events``, ``non_events``.
    slope : Interval
        1 is ideal; below 1, predictions are too extreme.
    intercept : Interval
        Calibration-in-the-large, on the log-odds scale with the slope held at 1; 0 is ideal,
        below 0 the risks are too high on average.
    recalibration_intercept : Interval
        The intercept that belongs to ``slope``.
    observed_expected_ratio : Interval
        Events per predicted event; 1 is ideal.
    ici : Interval
        Integrated calibration index: mean absolute distance of prediction and smooth curve.
    n, n_events : int
    n_clipped : int
        Predictions that were so near 0 or 1 that their log-odds had to be limited.
    confidence : float
    span : float
        Share of rows that each point of the smooth curve looks at.

    Examples
    --------
    >>> import numpy as np
    >>> risk = np.repeat([0.2, 0.8], 50)
    >>> y = np.tile([1, 0, 0, 0, 0], 10).tolist() + np.tile([1, 1, 1, 1, 0], 10).tolist()
    >>> calibration(y, risk, n_bootstraps=50).table["observed"].tolist()
    [0.2, 0.8]
    """

    table: pd.DataFrame
    curve: pd.DataFrame
    histogram: pd.DataFrame
    slope: Interval
    intercept: Interval
    recalibration_intercept: Interval
    observed_expected_ratio: Interval
    ici: Interval
    n: int
    n_events: int
    n_clipped: int = 0
    confidence: float = 0.95
    span: float = SPAN

    def to_frame(self) -> pd.DataFrame:
        """Tabulate the bins; the same as ``table``."""
        return self.table.copy()

    def __repr__(self) -> str:
        lines = [
            f"CalibrationCurve: {self.n} rows, {self.n_events} events; "
            f"{self.confidence:.0%} intervals",
            f"  slope (ideal 1)               {self.slope}",
            f"  intercept (ideal 0)           {self.intercept}",
            f"  observed:expected (ideal 1)   {self.observed_expected_ratio}",
            f"  ICI (ideal 0)                 {self.ici:.3f}",
        ]
        if self.n_clipped:
            lines.append(f"Note: {self.n_clipped} risks within 1e-6 of 0 or 1 were limited to it.")
        return "\n".join(lines)


def calibration(
    y: Any,
    probability: Any,
    *,
    groups: Any = None,
    n_bins: int = 10,
    strategy: Literal["quantile", "uniform"] = "quantile",
    interval: Literal["clopper-pearson", "jeffreys"] = "clopper-pearson",
    span: float | None = None,
    n_bootstraps: int = 500,
    confidence: float = 0.95,
    pos_label: Any = None,
    random_state: Any = 0,
) -> CalibrationCurve:
    """Compare predicted risks with what happened.

    Parameters
    ----------
    y : array-like of shape (n,)
        Labels of two classes (of more with ``pos_label``).
    probability : array-like of shape (n,)
        Predicted risk of the event, out of fold: see ``EvaluationResult.risk``.
    groups : array-like of shape (n,), optional
        The patient of each row; the bootstrap draws patients.
    n_bins : int, default=10
        Bins of the table. Equal risks are never divided, so there may be fewer.
    strategy : {"quantile", "uniform"}, default="quantile"
        Bins of equal size, or of equal width.
    interval : {"clopper-pearson", "jeffreys"}, default="clopper-pearson"
        Limits of the bins. The first hold the truth at least as often as they promise, and in bins
        of 20 rows more often: 97.5 to 98.5 % of the time instead of 95. They take rows as
        independent. The second keep the promise on average, and allow for ``groups``.
    span : float, optional
        Share of rows that each point of the smooth curve looks at. None takes 2/3, or half or a
        quarter of it where that predicts left-out rows better by more than a standard error.
    n_bootstraps : int, default=500
        Resamples behind the band and the intervals.
    confidence : float, default=0.95
    pos_label : object, optional
        The class that is an event. None takes the second of two classes.
    random_state : int, RandomState instance or None, default=0

    Returns
    -------
    curve : CalibrationCurve

    Raises
    ------
    ValueError
        Labels or risks are missing or out of range, or a parameter is.

    Notes
    -----
    - Slope and intercepts are maximum-likelihood fits without a penalty. Log-odds of risks within
      1e-6 of 0 or 1 are limited, since a forest may say exactly 0. A slope that does not exist
      (risks separate the classes perfectly, or are all equal) is missing, with the reason.
    - The ICI is never negative, so chance pushes it up: in small samples the estimate is too high.
      Its interval allows for that, and begins at 0 where perfect calibration cannot be excluded.
      Its limits invert bootstrap tests, which need from the curve only on which side of the risks
      the truth lies. Miscalibration that changes its side within less than the span goes unseen:
      then estimate and limits are too low.

    References
    ----------
    Van Calster B et al. BMC Medicine 2019;17:230. doi:10.1186/s12916-019-1466-7; Austin PC,
    Steyerberg EW. Stat Med 2019;38:4051-4065. doi:10.1002/sim.8281; bins: Clopper CJ, Pearson ES.
    Biometrika 1934;26:404-413. doi:10.1093/biomet/26.4.404

    Examples
    --------
    >>> import numpy as np
    >>> from cardiorisk.evaluation import calibration
    >>> rng = np.random.default_rng(0)
    >>> risk = rng.uniform(size=2000)
    >>> happened = rng.uniform(size=2000) < risk
    >>> curve = calibration(happened, risk)
    >>> curve.slope.low < 1 < curve.slope.high
    True
    """
    check_confidence(n_bootstraps, confidence)
    events, risk = check_outcome(y, probability, pos_label)
    groups = check_groups(groups, len(events))
    if span is not None and not 0 < span <= 1:
        raise ValueError(f"Got span={span!r}, but expected a share of rows above 0 and up to 1.")
    grid = _grid(risk)
    unit = None if groups is None else np.unique(groups, return_inverse=True)[1]
    span = choose_span(risk, events, grid, unit) if span is None else span
    resampling = {"groups": groups, "n_bootstraps": n_bootstraps, "random_state": random_state}
    statistic = _statistic(events, risk, grid, span)
    estimate, samples = estimate_and_resamples(statistic, len(risk), **resampling)
    slope, intercept, line_intercept, ratio = (
        measure_interval(
            name,
            estimate[k],
            samples[:, k],
            confidence,
            reservation(name, estimate[k], events, risk),
        )
        for k, name in enumerate(MEASURED)
    )
    curve, rough = np.split(estimate[CURVE:], 2)
    ici = _ici(estimate[ICI], risk, events, grid, curve, span, unit, confidence, resampling)
    n_units = len(risk) if unit is None else int(unit.max()) + 1
    nearby = [max(2.0, span * ROUGHER * count) for count in (n_units, len(risk))]
    band = samples[:, CURVE + len(grid) :]
    low, high = curve_band(rough, band, nearby[0], confidence, n_rows=nearby[1], shown=curve)
    return CalibrationCurve(
        table=bin_table(events, risk, n_bins, strategy, interval, unit, confidence),
        curve=pd.DataFrame({"predicted": grid, "observed": curve, "low": low, "high": high}),
        histogram=_histogram(events, risk),
        slope=slope,
        intercept=intercept,
        recalibration_intercept=line_intercept,
        observed_expected_ratio=ratio,
        ici=ici,
        n=len(events),
        n_events=int(events.sum()),
        n_clipped=log_odds(risk)[1],
        confidence=confidence,
        span=span,
    )


def _grid(risk: Floats) -> Floats:
    low, high = float(risk.min()), float(risk.max())
    if high - low < 1e-6:  # a curve needs points apart
        low, high = max(low - 1e-6, 0.0), min(high + 1e-6, 1.0)
    return np.linspace(low, high, GRID_POINTS)


def _statistic(events: npt.NDArray[np.bool_], risk: Floats, grid: Floats, span: float) -> Statistic:
    """Slope, intercept, its own intercept, O:E and ICI; the curve; a rougher one."""
    outcome = events.astype(np.float64)
    x, _ = log_odds(risk)
    line, in_the_large = recalibration_line(x, outcome), calibration_in_the_large(x, outcome)
    smooth, rough = (smooth_curve(risk, events, grid, s) for s in (span, span * ROUGHER))

    def statistic(weights: Floats) -> Floats:
        fitted, curve = line(weights), smooth(weights)
        expected = weights @ risk
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = (weights @ outcome) / expected
        measures = (fitted[:, 1], in_the_large(weights)[:, 0], fitted[:, 0], ratio, curve[:, -1])
        return np.column_stack([*measures, curve[:, :-1], rough(weights)[:, :-1]])

    return statistic


def _ici(
    estimate: Any,
    risk: Floats,
    events: npt.NDArray[np.bool_],
    grid: Floats,
    curve: Floats,
    span: float,
    unit: npt.NDArray[np.intp] | None,
    confidence: float,
    resampling: dict[str, Any],
) -> Interval:
    """Limit the index so that it holds the estimate, which the limits do not start from."""
    low, high = distance_limits(
        risk,
        events,
        grid,
        curve,
        span=span,
        unit=unit,
        n_draws=resampling["n_bootstraps"],
        confidence=confidence,
        random_state=resampling["random_state"],
    )
    index = float(estimate)
    return Interval(index, float(np.minimum(low, index)), float(np.maximum(high, index)))


def _histogram(events: npt.NDArray[np.bool_], risk: Floats) -> pd.DataFrame:
    edges = np.linspace(0, 1, HISTOGRAM_BINS + 1)
    counts = {
        "events": np.histogram(risk[events], edges)[0],
        "non_events": np.histogram(risk[~events], edges)[0],
    }
    return pd.DataFrame({"left": edges[:-1], "right": edges[1:], **counts})
