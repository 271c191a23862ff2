"""The measures of a prediction as functions of row weights, ready for the bootstrap."""

from typing import Literal

import numpy as np
import numpy.typing as npt

from cardiorisk.evaluation.discrimination import auroc, average_precision, cumulative_counts, rank
from cardiorisk.evaluation.intervals import (
    Interval,
    Statistic,
    bootstrap_interval,
    normal_interval,
)
from cardiorisk.evaluation.recalibration import (
    SMALLEST_RISK,
    calibration_in_the_large,
    log_odds,
    recalibration_line,
)

__all__ = [
    "BINARY_MEASURES",
    "MULTICLASS_MEASURES",
    "THRESHOLD_MEASURES",
    "binary_measures",
    "limited_risks",
    "measure_interval",
    "multiclass_measures",
    "reservation",
    "threshold_measures",
]

Floats = npt.NDArray[np.float64]

BINARY_MEASURES = (
    "auroc",
    "auprc",
    "brier",
    "log_loss",
    "calibration_slope",
    "calibration_intercept",
    "observed_expected_ratio",
)
LOG_ODDS_MEASURES = ("calibration_slope", "calibration_intercept")
NORMAL_SCALES: dict[str, Literal["plain", "log", "log_odds"]] = {
    "auprc": "log_odds",
    "calibration_intercept": "plain",
    "observed_expected_ratio": "log",
}
MULTICLASS_MEASURES = ("auroc", "brier", "log_loss")
THRESHOLD_MEASURES = ("flagged", "sensitivity", "specificity", "ppv", "npv")

_EPSILON = float(np.finfo(np.float64).eps)


def binary_measures(events: npt.NDArray[np.bool_], risk: Floats) -> Statistic:
    """Prepare :data:`BINARY_MEASURES` of the risk of an event.

    Parameters
    ----------
    events : ndarray of bool, shape (n,)
    risk : ndarray of shape (n,)

    Returns
    -------
    statistic : callable
        Maps weights (b, n) to values (b, 7); NaN where a measure does not exist.
    """
    ranking = rank(events, risk)
    outcome = events.astype(np.float64)
    x, _ = log_odds(risk)
    line, in_the_large = recalibration_line(x, outcome), calibration_in_the_large(x, outcome)
    # Weighted sums of these columns give everything that is a mean or a ratio of means.
    columns = np.stack([(risk - outcome) ** 2, _surprise(outcome, risk), outcome, risk], axis=1)

    def statistic(weights: Floats) -> Floats:
        total = weights.sum(axis=1)
        brier, log_loss, observed, expected = (weights @ columns).T
        counts = cumulative_counts(ranking, weights)
        values = (
            auroc(*counts),
            average_precision(*counts),
            brier / total,
            log_loss / total,
            line(weights)[:, 1],
            in_the_large(weights)[:, 0],
            _ratio(observed, expected),
        )
        return np.stack(values, axis=1)

    return statistic


def multiclass_measures(code: npt.NDArray[np.intp], probability: Floats) -> Statistic:
    """Prepare :data:`MULTICLASS_MEASURES` of all classes.

    The AUROC is the unweighted mean over classes, each against the rest; the Brier score is the
    sum over classes, so for two classes it would be twice the binary one.

    Parameters
    ----------
    code : ndarray of int, shape (n,)
        Position of the true class.
    probability : ndarray of shape (n, n_classes)

    Returns
    -------
    statistic : callable
        Maps weights (b, n) to values (b, 3).

    References
    ----------
    Brier GW. Monthly Weather Review 1950;78:1-3.
    doi:10.1175/1520-0493(1950)078<0001:VOFEIT>2.0.CO;2
    """
    n_classes = probability.shape[1]
    truth = np.eye(n_classes)[code]
    rankings = [rank(truth[:, k] > 0, probability[:, k]) for k in range(n_classes)]
    of_truth = np.clip(probability[np.arange(len(code)), code], _EPSILON, None)
    columns = np.stack([((probability - truth) ** 2).sum(axis=1), -np.log(of_truth)], axis=1)

    def statistic(weights: Floats) -> Floats:
        means = weights @ columns / weights.sum(axis=1, keepdims=True)
        areas = [auroc(*cumulative_counts(ranking, weights)) for ranking in rankings]
        return np.column_stack([np.mean(areas, axis=0), means])

    return statistic


def threshold_measures(
    events: npt.NDArray[np.bool_], risk: Floats, thresholds: Floats
) -> Statistic:
    """Prepare :data:`THRESHOLD_MEASURES`, a row being flagged at ``risk >= threshold``.

    Parameters
    ----------
    events : ndarray of bool, shape (n,)
    risk : ndarray of shape (n,)
    thresholds : ndarray of shape (t,)

    Returns
    -------
    statistic : callable
        Maps weights (b, n) to values (b, t * 5), the five of a threshold together.
    """
    flagged = (risk[:, None] >= thresholds).astype(np.float64)
    hits = flagged * events[:, None]
    outcome = events.astype(np.float64)

    def statistic(weights: Floats) -> Floats:
        total, cases = weights.sum(axis=1)[:, None], (weights @ outcome)[:, None]
        n_flagged, n_hits = weights @ flagged, weights @ hits
        controls = total - cases
        missed = cases - n_hits
        cleared = total - n_flagged
        values = (
            n_flagged / total,
            _ratio(n_hits, cases),
            _ratio(cleared - missed, controls),
            _ratio(n_hits, n_flagged),
            _ratio(cleared - missed, cleared),
        )
        return np.stack(values, axis=2).reshape(len(weights), -1)

    return statistic


def measure_interval(
    measure: str,
    estimate: float,
    samples: Floats,
    confidence: float,
    reason: str = "",
    *,
    n_events: float = np.inf,
) -> Interval:
    """Give a measure the interval that covers best: normal on a scale of its own, else bootstrap.

    The standard error of an AUPRC rests on the events, however many rows there are, so its quantile
    is that of Student's t with ``n_events - 1`` degrees of freedom.
    """
    scale = NORMAL_SCALES.get(measure)
    if scale is None:
        return bootstrap_interval(estimate, samples, confidence, reason)
    degrees = max(n_events - 1, 1) if measure == "auprc" else np.inf
    return normal_interval(estimate, samples, confidence, reason, scale=scale, degrees=degrees)


def limited_risks(risk: Floats) -> str:
    """Say how many risks are so near 0 or 1 that their log-odds are limited; empty for none."""
    n_limited = log_odds(risk)[1]
    if not n_limited:
        return ""
    return (
        f"{n_limited} of {risk.size} risks are within {SMALLEST_RISK:g} of 0 or 1 and were limited "
        "to it, which slope and intercept depend on"
    )


def reservation(measure: str, estimate: float, events: npt.NDArray[np.bool_], risk: Floats) -> str:
    """Say why a measure does not exist, or is doubtful; empty for neither."""
    if not np.isfinite(estimate):
        return _missing_reason(measure, events, risk)
    return limited_risks(risk) if measure in LOG_ODDS_MEASURES else ""


def _missing_reason(measure: str, events: npt.NDArray[np.bool_], risk: Floats) -> str:
    if measure in ("brier", "log_loss"):
        return ""
    if measure == "observed_expected_ratio":
        return "" if risk.sum() > 0 else "all risks are 0"
    if events.all() or not events.any():
        return "all rows have an event" if events.all() else "no row has an event"
    if measure == "calibration_slope":
        if np.ptp(risk) == 0:
            return "all risks are equal"
        return "the risks separate the classes perfectly"
    return ""


def _surprise(outcome: Floats, risk: Floats) -> Floats:
    clipped = np.clip(risk, _EPSILON, 1 - _EPSILON)
    return -np.where(outcome > 0, np.log(clipped), np.log1p(-clipped))


def _ratio(part: Floats, whole: Floats) -> Floats:
    shape = np.broadcast_shapes(part.shape, whole.shape)
    return np.divide(part, whole, out=np.full(shape, np.nan), where=whole > 0)
