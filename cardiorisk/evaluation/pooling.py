"""Measures of pooled out-of-fold predictions, averaged over repeats, with their intervals."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from cardiorisk.evaluation.delong import delong, delong_interval
from cardiorisk.evaluation.intervals import (
    Interval,
    Statistic,
    estimate_and_resamples,
    proportion_interval,
)
from cardiorisk.evaluation.measures import (
    BINARY_MEASURES,
    MULTICLASS_MEASURES,
    THRESHOLD_MEASURES,
    binary_measures,
    measure_interval,
    multiclass_measures,
    reservation,
    threshold_measures,
)
from cardiorisk.evaluation.protocols import Protocol

__all__ = [
    "binary_intervals",
    "check_auroc_interval",
    "mean_over_repeats",
    "pooled_measures",
    "pooled_thresholds",
    "table_of_folds",
]

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.intp]
Prepare = Callable[[npt.NDArray[np.intp], int], Statistic]


def binary_intervals(
    events: npt.NDArray[np.bool_], risk: Floats, *, confidence: float = 0.95, **resampling: Any
) -> dict[str, Interval]:
    """Compute all binary measures of one prediction of every row.

    Parameters
    ----------
    events : ndarray of bool, shape (n,)
    risk : ndarray of shape (n,)
    confidence : float, default=0.95
    **resampling
        For :func:`cardiorisk.evaluation.intervals.bootstrap`.

    Returns
    -------
    intervals : dict of str to Interval
    """
    return pooled_measures(
        events.astype(np.intp),
        np.stack([1 - risk, risk], axis=1)[None],
        1,
        confidence=confidence,
        **resampling,
    )


def pooled_measures(
    code: Codes,
    probability: Floats,
    positive: int | None,
    *,
    confidence: float = 0.95,
    auroc_interval: str = "bootstrap",
    **resampling: Any,
) -> dict[str, Interval]:
    """Measure pooled predictions.

    Parameters
    ----------
    code : ndarray of int, shape (n,)
        Position of the true class.
    probability : ndarray of shape (n_repeats, n, n_classes)
        NaN where a row was not tested.
    positive : int or None
        Position of the class that is an event. None measures all classes together.
    confidence : float, default=0.95
    auroc_interval : {"bootstrap", "delong"}, default="bootstrap"
    **resampling
        For :func:`cardiorisk.evaluation.intervals.bootstrap`.

    Returns
    -------
    intervals : dict of str to Interval
    """
    statistic = mean_over_repeats(code, probability, _preparation(positive))
    estimate, samples = estimate_and_resamples(statistic, len(code), **resampling)
    reasons = _reasons(code, probability, positive, estimate)
    names = MULTICLASS_MEASURES if positive is None else BINARY_MEASURES
    n_events = np.inf if positive is None else float(np.sum(code == positive))
    intervals = {
        name: measure_interval(
            name, estimate[k], samples[:, k], confidence, reasons[k], n_events=n_events
        )
        for k, name in enumerate(names)
    }
    if n_events == 0:
        expected = np.nanmean(probability[:, :, positive], axis=0).sum()
        units = resampling.get("groups")
        share = 1.0 if units is None else len(np.unique(units)) / len(code)
        intervals["observed_expected_ratio"] = _no_events(float(expected * share), confidence)
    if auroc_interval == "delong":
        risks = probability[None, :, :, positive]
        area, covariance = delong(code == positive, risks, resampling.get("groups"))
        intervals["auroc"] = delong_interval(float(area[0]), float(covariance[0, 0]), confidence)
    return intervals


def _no_events(expected: float, confidence: float) -> Interval:
    """Limit observed:expected where nothing was observed, exactly for a Poisson count.

    References
    ----------
    Garwood F. Biometrika 1936;28:437-442. doi:10.1093/biomet/28.3-4.437
    """
    if not expected > 0:
        return Interval(np.nan, np.nan, np.nan, "all risks are 0")
    return Interval(
        0.0, 0.0, float(-np.log((1 - confidence) / 2) / expected), "no row has an event"
    )


def check_auroc_interval(auroc_interval: Any, positive: int | None) -> str:
    """Return the name if the AUROC can get its interval that way, or raise ValueError."""
    if auroc_interval not in ("bootstrap", "delong"):
        raise ValueError(
            f"Got auroc_interval={auroc_interval!r}, but expected 'bootstrap' or 'delong'."
        )
    if auroc_interval == "delong" and positive is None:
        raise ValueError("Got auroc_interval='delong' with several classes; name pos_label.")
    return str(auroc_interval)


def pooled_thresholds(
    code: Codes,
    probability: Floats,
    positive: int | None,
    thresholds: Floats,
    *,
    confidence: float = 0.95,
    **resampling: Any,
) -> pd.DataFrame:
    """Tabulate :data:`THRESHOLD_MEASURES` with Wilson intervals; see :func:`pooled_measures`."""
    columns = ["threshold", "flagged"]
    columns += [f"{n}{part}" for n in THRESHOLD_MEASURES[1:] for part in ("", "_low", "_high")]
    if positive is None or not len(thresholds):
        return pd.DataFrame(columns=columns, dtype=np.float64)

    def prepare(truth: Codes, predicted: Floats) -> Statistic:
        return threshold_measures(truth == positive, predicted[:, positive], thresholds)

    statistic = mean_over_repeats(code, probability, prepare)
    estimate, samples = estimate_and_resamples(statistic, len(code), **resampling)
    units = _denominators(code, probability, positive, thresholds, resampling.get("groups"))
    rows = []
    for k, threshold in enumerate(thresholds):
        row = {"threshold": threshold}
        for m, name in enumerate(THRESHOLD_MEASURES):
            at = k * len(THRESHOLD_MEASURES) + m
            row[name] = estimate[at]
            if name != "flagged":
                interval = proportion_interval(
                    estimate[at],
                    samples[:, at],
                    units[0, k, m],
                    confidence,
                    n_rows=units[1, k, m],
                )
                row[f"{name}_low"], row[f"{name}_high"] = interval.low, interval.high
        rows.append(row)
    return pd.DataFrame(rows, columns=columns)


def table_of_folds(
    code: Codes,
    probability: Floats,
    positive: int | None,
    protocol: Protocol,
    **resampling: Any,
) -> pd.DataFrame:
    """Tabulate the measures of each test part, with intervals where it is a site.

    Returns
    -------
    table : DataFrame
        One row a split; see :class:`cardiorisk.evaluation.EvaluationResult`.
    """
    patients = resampling.get("groups") if protocol.by_site else None
    within = {**resampling, "groups": None, "strata": None}
    if not protocol.by_site:
        within["n_bootstraps"] = 0
    rows = []
    for number, (train, test) in enumerate(protocol.splits):
        row: dict[str, Any] = {"repeat": protocol.repeat[number]}
        row["held_out"] = protocol.held_out[number] if protocol.held_out else ""
        row |= {"n_train": len(train), "n_test": len(test)}
        if positive is not None:
            row["n_events"] = int(np.sum(code[test] == positive))
        part = probability[protocol.repeat[number], test][None]
        if patients is not None:
            within["groups"] = patients[test]
        intervals = pooled_measures(code[test], part, positive, **within)
        for name, interval in intervals.items():
            row[name] = interval.estimate
            if protocol.by_site:
                row[f"{name}_low"], row[f"{name}_high"] = interval.low, interval.high
        row["note"] = _note(intervals)
        rows.append(row)
    return pd.DataFrame(rows).rename_axis("fold")


def _preparation(positive: int | None) -> Callable[[Codes, Floats], Statistic]:
    def prepare(truth: Codes, predicted: Floats) -> Statistic:
        if positive is None:
            return multiclass_measures(truth, predicted)
        return binary_measures(truth == positive, predicted[:, positive])

    return prepare


def mean_over_repeats(
    code: Codes, probability: Floats, prepare: Callable[[Codes, Floats], Statistic]
) -> Statistic:
    """Average a statistic over repeats, each on the rows that it tested.

    Parameters
    ----------
    code : ndarray of int, shape (n,)
        Position of the true class.
    probability : ndarray of shape (n_repeats, n, n_classes)
        NaN where a row was not tested.
    prepare : callable
        Makes the statistic of the codes and probabilities of some rows.

    Returns
    -------
    statistic : callable
        Maps weights (b, n) to values (b, k).
    """
    parts = []
    for predicted in probability:
        tested = np.flatnonzero(~np.isnan(predicted[:, 0]))
        rows = None if len(tested) == len(code) else tested
        parts.append((rows, prepare(code[tested], predicted[tested])))

    def statistic(weights: Floats) -> Floats:
        values = [part(weights if rows is None else weights[:, rows]) for rows, part in parts]
        return np.mean(values, axis=0)

    return statistic


def _reasons(code: Codes, probability: Floats, positive: int | None, estimate: Floats) -> list[str]:
    """Why each estimate is missing or doubtful, from the first repeat where it is."""
    if positive is None:
        return ["a class has no row, or all rows" if np.isnan(value) else "" for value in estimate]
    reasons = [""] * len(BINARY_MEASURES)
    for predicted in probability:
        tested = ~np.isnan(predicted[:, 0])
        events, risk = code[tested] == positive, predicted[tested, positive]
        for k, name in enumerate(BINARY_MEASURES):
            reasons[k] = reasons[k] or reservation(name, estimate[k], events, risk)
    return reasons


def _denominators(
    code: Codes, probability: Floats, positive: int, thresholds: Floats, groups: Any
) -> Floats:
    """Independent units, then rows, behind each proportion: (2, n_thresholds, n_measures)."""
    units = np.zeros((2, len(thresholds), len(THRESHOLD_MEASURES)))
    events = code == positive
    with np.errstate(invalid="ignore"):
        tested = ~np.isnan(probability[:, :, positive]).all(axis=0)
        for k, threshold in enumerate(thresholds):
            flagged = (probability[:, :, positive] >= threshold).any(axis=0)
            cleared = (probability[:, :, positive] < threshold).any(axis=0)
            parts = (tested, tested & events, tested & ~events, flagged, cleared)
            for m, part in enumerate(parts):
                units[1, k, m] = part.sum()
                units[0, k, m] = part.sum() if groups is None else len(np.unique(groups[part]))
    return units


def _note(intervals: dict[str, Interval]) -> str:
    missing: dict[str, list[str]] = {}
    for name, interval in intervals.items():
        if np.isnan(interval.estimate):
            missing.setdefault(interval.reason, []).append(name)
    return "; ".join(f"{', '.join(names)}: {reason}" for reason, names in missing.items())
