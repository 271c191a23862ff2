"""Measures of each label of a table, and their averages, on the same resamples."""

from collections.abc import Callable
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from cardiorisk.evaluation.discrimination import auroc, average_precision, cumulative_counts, rank
from cardiorisk.evaluation.intervals import (
    Interval,
    Statistic,
    estimate_and_resamples,
    normal_interval,
)
from cardiorisk.evaluation.measures import (
    BINARY_MEASURES,
    binary_measures,
    measure_interval,
    reservation,
)
from cardiorisk.evaluation.pooling import mean_over_repeats, pooled_thresholds
from cardiorisk.evaluation.protocols import Protocol

__all__ = ["AVERAGES", "measure_labels", "table_of_folds", "thresholds_of_labels"]

Floats = npt.NDArray[np.float64]

MACRO = ("auroc", "auprc", "brier", "log_loss")
AREAS = ("auroc", "auprc")
AVERAGES = (*(f"macro_{name}" for name in MACRO), "micro_auroc", "micro_auprc")


def measure_labels(
    names: npt.NDArray[Any],
    present: npt.NDArray[np.bool_],
    probability: Floats,
    confidence: float,
    resampling: dict[str, Any],
) -> tuple[dict[str, Interval], pd.DataFrame]:
    """Compute the averages over labels, and a table with one row a label.

    Parameters
    ----------
    names : ndarray of shape (n_labels,)
    present : ndarray of bool, shape (n, n_labels)
    probability : ndarray of shape (n_repeats, n, n_labels)
        NaN where a row was not tested.
    confidence : float
    resampling : dict
        For :func:`cardiorisk.evaluation.intervals.bootstrap`.

    Averages have normal limits with the standard error of the resamples, areas on the scale of the
    log-odds and losses on that of the logarithm; the average AUPRC rests on the rarest label.

    Returns
    -------
    averages : dict of str to Interval
    per_label : DataFrame
        See :class:`cardiorisk.evaluation.MultilabelResult`.
    """
    statistic = _all_labels(present, probability)
    estimate, samples = estimate_and_resamples(statistic, len(present), **resampling)
    k, n_labels = len(BINARY_MEASURES), len(names)
    rows = []
    for at in range(n_labels):
        n_events = int(present[:, at].sum())
        row: dict[str, Any] = {"n_events": n_events}
        notes = set()
        for m, measure in enumerate(BINARY_MEASURES):
            value, drawn = estimate[at * k + m], samples[:, at * k + m]
            reason = _reason(measure, value, present[:, at], probability[:, :, at])
            interval = measure_interval(
                measure, value, drawn, confidence, reason, n_events=n_events
            )
            row |= {measure: interval.estimate, f"{measure}_low": interval.low}
            row[f"{measure}_high"] = interval.high
            if interval.reason:
                notes.add(f"{measure}: {interval.reason}")
        rows.append({**row, "note": "; ".join(sorted(notes))})
    averages = {}
    for m, name in enumerate(AVERAGES):
        value, drawn = estimate[k * n_labels + m], samples[:, k * n_labels + m]
        reason = "" if np.isfinite(value) else "a label is absent or present in all rows"
        of_labels, _, measure = name.partition("_")
        counts = present.sum(axis=0)
        n_events = counts.min() if of_labels == "macro" else counts.sum()
        degrees = max(float(n_events) - 1, 1) if measure == "auprc" else np.inf
        scale: Literal["log", "log_odds"] = "log_odds" if measure in AREAS else "log"
        averages[name] = normal_interval(
            value, drawn, confidence, reason, scale=scale, degrees=degrees
        )
    return averages, pd.DataFrame(rows, index=pd.Index(names, name="label"))


def _all_labels(present: npt.NDArray[np.bool_], probability: Floats) -> Statistic:
    """Prepare the measures of each label, then the averages, as one statistic."""
    n_labels = present.shape[1]
    labels = []
    for at in range(n_labels):
        code = present[:, at].astype(np.intp)
        labels.append(mean_over_repeats(code, probability[:, :, [at]], _one_label))
    rows = np.arange(len(present))
    pooled = mean_over_repeats(rows, probability, _micro(present))
    columns = [BINARY_MEASURES.index(name) for name in MACRO]

    def statistic(weights: Floats) -> Floats:
        each = np.stack([label(weights) for label in labels], axis=1)
        macro = each[:, :, columns].mean(axis=1)
        return np.hstack([each.reshape(len(weights), -1), macro, pooled(weights)])

    return statistic


def _one_label(code: npt.NDArray[np.intp], risk: Floats) -> Statistic:
    return binary_measures(code > 0, risk[:, 0])


def _micro(
    present: npt.NDArray[np.bool_],
) -> Callable[[npt.NDArray[np.intp], Floats], Statistic]:
    """Rank all pairs of row and label together."""

    def prepare(rows: npt.NDArray[np.intp], risk: Floats) -> Statistic:
        ranking = rank(present[rows].ravel(), risk.ravel())

        def statistic(weights: Floats) -> Floats:
            counts = cumulative_counts(ranking, np.repeat(weights, risk.shape[1], axis=1))
            return np.stack([auroc(*counts), average_precision(*counts)], axis=1)

        return statistic

    return prepare


def _reason(measure: str, value: float, events: npt.NDArray[np.bool_], probability: Floats) -> str:
    for risk in probability:
        tested = ~np.isnan(risk)
        if found := reservation(measure, value, events[tested], risk[tested]):
            return found
    return ""


def thresholds_of_labels(
    names: npt.NDArray[Any],
    present: npt.NDArray[np.bool_],
    probability: Floats,
    thresholds: Floats,
    confidence: float,
    resampling: dict[str, Any],
) -> pd.DataFrame:
    """Tabulate sensitivity and the like of each label; see :func:`measure_labels`."""
    tables = []
    for at, name in enumerate(names.tolist()):
        both = np.stack([1 - probability[:, :, at], probability[:, :, at]], axis=2)
        code = present[:, at].astype(np.intp)
        cuts = pooled_thresholds(code, both, 1, thresholds, confidence=confidence, **resampling)
        tables.append(cuts.assign(label=[name] * len(cuts)))
    return pd.concat(tables, ignore_index=True)


def table_of_folds(
    present: npt.NDArray[np.bool_], probability: Floats, protocol: Protocol
) -> pd.DataFrame:
    """Tabulate the averages of each test part; NaN where a label is absent from it."""
    rows = []
    for number, (train, test) in enumerate(protocol.splits):
        part = probability[protocol.repeat[number], test][None]
        values = _all_labels(present[test], part)(np.ones((1, len(test))))[0, -len(AVERAGES) :]
        rows.append(
            {
                "repeat": protocol.repeat[number],
                "held_out": protocol.held_out[number] if protocol.held_out else "",
                "n_train": len(train),
                "n_test": len(test),
                **dict(zip(AVERAGES, values, strict=True)),
            }
        )
    return pd.DataFrame(rows).rename_axis("fold")
