"""One measure of several models, by fold and on all rows, from results that can be compared."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from cardiorisk.evaluation.intervals import Statistic
from cardiorisk.evaluation.measures import (
    BINARY_MEASURES,
    MULTICLASS_MEASURES,
    THRESHOLD_MEASURES,
    binary_measures,
    multiclass_measures,
    threshold_measures,
)
from cardiorisk.evaluation.multilabel import MultilabelResult
from cardiorisk.evaluation.pooling import mean_over_repeats
from cardiorisk.evaluation.result import EvaluationResult

__all__ = ["LOWER_IS_BETTER", "Metric", "check_results", "correct", "fold_scores", "pooled_score"]

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.intp]
Metric = str | Callable[[npt.NDArray[np.bool_], Floats], float]

LOWER_IS_BETTER = ("brier", "log_loss")
AT_A_THRESHOLD = THRESHOLD_MEASURES[1:]  # the share that is flagged is not a merit


def check_results(results: Mapping[str, EvaluationResult]) -> dict[str, EvaluationResult]:
    """Return the results if they are of the same rows, labels and folds.

    Raises
    ------
    TypeError
        A value is not an EvaluationResult.
    ValueError
        There are fewer than two, or two of them differ in what was predicted by what.
    """
    if not isinstance(results, Mapping):
        raise TypeError(
            f"Got a {type(results).__name__} of results, but expected a mapping of name to result, "
            'such as {"first": first, "second": second}.'
        )
    checked = {str(name): result for name, result in dict(results).items()}
    for name, result in checked.items():
        if not isinstance(result, EvaluationResult):
            raise TypeError(
                f"Got a {type(result).__name__} for {name!r}, but expected what evaluate returns."
            )
        if isinstance(result, MultilabelResult):
            raise TypeError(
                f"Got a MultilabelResult for {name!r}; compare one label at a time, with "
                "result.label(label)."
            )
    if len(checked) < 2:
        raise ValueError(f"Got {len(checked)} results, but expected at least two to compare.")
    (first, reference), *others = checked.items()
    for name, result in others:
        for what in ("classes", "y", "fold", "groups"):
            if not _same(getattr(reference, what), getattr(result, what)):
                raise ValueError(
                    f"{first!r} and {name!r} differ in {what}; evaluate both on the same rows "
                    "with the same cv, groups and random_state."
                )
        if reference.pos_label != result.pos_label or reference.by_site != result.by_site:
            raise ValueError(f"{first!r} and {name!r} differ in pos_label or in the protocol.")
    return checked


def fold_scores(
    results: Mapping[str, EvaluationResult], metric: Metric, threshold: float
) -> pd.DataFrame:
    """Measure each model in each fold.

    Returns
    -------
    scores : DataFrame of shape (n_folds, n_models)
        NaN where the measure does not exist in a fold.
    """
    columns = {}
    for name, result in results.items():
        rows = [np.nonzero(result.fold == number) for number in range(len(result.per_fold))]
        columns[name] = [
            _value(result, metric, threshold, result.probability[repeat[:1]][:, row], row)
            for repeat, row in rows
        ]
    return pd.DataFrame(columns, dtype=np.float64).rename_axis("fold")


def _value(
    result: EvaluationResult,
    metric: Metric,
    threshold: float,
    probability: Floats,
    rows: npt.NDArray[np.intp],
) -> float:
    """Measure one prediction of some rows; ``probability`` is (1, n_rows, n_classes)."""
    if callable(metric):
        positive = int(np.flatnonzero(result.classes == result.pos_label)[0])
        return float(metric(result.outcome[rows], probability[0, :, positive]))
    statistic = _prepare(result, metric, threshold)(result.code[rows], probability[0])
    return float(statistic(np.ones((1, len(rows))))[0, 0])


def pooled_score(result: EvaluationResult, metric: Metric, threshold: float) -> Statistic:
    """Prepare a measure of all rows, averaged over repeats: weights (b, n) to values (b, 1)."""
    prepare = _prepare(result, metric, threshold)
    return mean_over_repeats(result.code, result.probability, prepare)


def correct(result: EvaluationResult, threshold: float) -> npt.NDArray[np.bool_]:
    """Whether each tested row was classified correctly, repeats averaged first; shape (n,)."""
    if result.pos_label is not None:
        return (result.risk >= threshold) == result.outcome
    counts = (result.fold >= 0).sum(axis=0)[:, None]
    total = np.where((result.fold >= 0)[..., None], result.probability, 0.0).sum(axis=0)
    return np.asarray((total / np.maximum(counts, 1)).argmax(axis=1) == result.code)


def _prepare(
    result: EvaluationResult, metric: Metric, threshold: float
) -> Callable[[Codes, Floats], Statistic]:
    """Prepare one measure as a statistic of row weights with a single column."""
    if callable(metric):
        raise ValueError("Got a function as metric, which only tests over folds can use.")
    one_risk = result.pos_label is not None
    positive = int(np.flatnonzero(result.classes == result.pos_label)[0]) if one_risk else -1
    named = BINARY_MEASURES if one_risk else MULTICLASS_MEASURES
    known = ("accuracy", *named, *(AT_A_THRESHOLD if one_risk else ()))
    if metric not in known:
        raise ValueError(f"Got metric={metric!r}, but expected one of {', '.join(known)}.")

    def prepare(truth: Codes, predicted: Floats) -> Statistic:
        if metric == "accuracy":
            return _accuracy(truth, predicted, positive, threshold)
        if metric in AT_A_THRESHOLD:
            cuts = np.array([threshold])
            every = threshold_measures(truth == positive, predicted[:, positive], cuts)
            return _column(every, THRESHOLD_MEASURES.index(metric))
        if one_risk:
            every = binary_measures(truth == positive, predicted[:, positive])
        else:
            every = multiclass_measures(truth, predicted)
        return _column(every, named.index(metric))

    return prepare


def _accuracy(truth: Codes, predicted: Floats, positive: int, threshold: float) -> Statistic:
    if positive < 0:
        right = predicted.argmax(axis=1) == truth
    else:
        right = (predicted[:, positive] >= threshold) == (truth == positive)
    column = right.astype(np.float64)[:, None]
    return lambda weights: weights @ column / weights.sum(axis=1, keepdims=True)


def _column(statistic: Statistic, number: int) -> Statistic:
    return lambda weights: statistic(weights)[:, number : number + 1]


def _same(first: Any, second: Any) -> bool:
    if first is None or second is None:
        return first is second
    return bool(np.array_equal(first, second))
