"""How far apart subgroups are: gaps of error rates at a threshold, and of ranking."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from cardiorisk._optional import require
from cardiorisk._validation import check_groups
from cardiorisk.evaluation.discrimination import auroc, cumulative_counts, rank
from cardiorisk.evaluation.gap_limits import gap_of_shares
from cardiorisk.evaluation.intervals import (
    Interval,
    Statistic,
    check_confidence,
    estimate_and_resamples,
    normal_interval,
)
from cardiorisk.evaluation.measures import THRESHOLD_MEASURES, threshold_measures
from cardiorisk.evaluation.outcomes import check_outcome
from cardiorisk.evaluation.proportion_limits import share_of
from cardiorisk.evaluation.subgroups import EVERYONE, members, subgroup_table, too_few

__all__ = ["fairness_gaps"]

Floats = npt.NDArray[np.float64]

MEASURES = ("flagged", "sensitivity", "specificity", "ppv", "auroc")
MISSING = Interval(np.nan, np.nan, np.nan)


def fairness_gaps(
    y: Any,
    probability: Any,
    subgroups: Any,
    *,
    threshold: float = 0.5,
    groups: Any = None,
    min_events: int = 10,
    n_bootstraps: int = 1000,
    confidence: float = 0.95,
    pos_label: Any = None,
    random_state: Any = 0,
) -> pd.DataFrame:
    """Measure the largest gap between subgroups of each variable, with its interval.

    The gaps are those of fairlearn's ``MetricFrame``; our intervals allow for patients.

    Parameters
    ----------
    y : array-like of shape (n,)
        Labels of two classes (of more with ``pos_label``).
    probability : array-like of shape (n,)
        Predicted risk of the event, out of fold: see ``EvaluationResult.risk``.
    subgroups : as in :func:`~cardiorisk.evaluation.subgroup_report`
    threshold : float, default=0.5
        A row is flagged at ``risk >= threshold``.
    groups : array-like of shape (n,), optional
        The patient of each row. None takes rows as independent.
    min_events : int, default=10
        Subgroups with fewer events, or fewer rows without an event, are left out and named.
    n_bootstraps : int, default=1000
        Resamples behind the interval of the gap of AUROCs; those of proportions need none.
    confidence : float, default=0.95
    pos_label : object, optional
        The class that is an event. None takes the second of two classes.
    random_state : int, RandomState instance or None, default=0

    Returns
    -------
    gaps : DataFrame
        One row a variable and measure: ``gap`` (of ``flagged`` it is the difference of demographic
        parity, the larger of ``sensitivity`` and ``specificity`` that of equalised odds), ``low``,
        ``high``, ``lowest`` and ``highest`` subgroup, and ``note``.

    Raises
    ------
    OptionalDependencyError
        fairlearn is not installed (extra ``fairness``).
    ValueError
        Lengths differ, a variable has more than 30 values, or the threshold is not a risk.

    Notes
    -----
    - The interval is that of the two subgroups which are farthest apart. Of more than two, they
      were chosen for being so, and the gap is too large by chance; a note says it.
    - Gaps of proportions have limits put together from Jeffreys' limits of each subgroup (Laud);
      the gap of AUROCs has the standard error of its resamples. The interval is that of the
      difference of the two named subgroups: below 0, their order is the other way round.
    - Equal error rates and equal calibration cannot both be had where prevalence differs
      (Chouldechova A. Big Data 2017;5:153-163. doi:10.1089/big.2016.0047): which gap matters
      depends on what the model is for.

    References
    ----------
    Weerts H et al. JMLR 2023;24(257):1-8. https://jmlr.org/papers/v24/23-0389.html; equalised
    odds: Hardt M, Price E, Srebro N. NeurIPS 2016. doi:10.48550/arXiv.1610.02413;
    limits: Laud PJ. Pharmaceutical Statistics 2017;16:334-348. doi:10.1002/pst.1813

    Examples
    --------
    >>> import numpy as np
    >>> from cardiorisk.evaluation import fairness_gaps
    >>> rng = np.random.default_rng(0)
    >>> risk, sex = rng.uniform(size=600), rng.choice(["f", "m"], 600)
    >>> gaps = fairness_gaps(rng.random(600) < risk, risk, {"sex": sex}, n_bootstraps=100)
    >>> gaps["measure"].tolist()
    ['flagged', 'sensitivity', 'specificity', 'ppv', 'auroc']
    """
    check_confidence(n_bootstraps, confidence)
    if not 0 <= threshold <= 1:
        raise ValueError(f"Got threshold={threshold!r}, but expected a risk from 0 to 1.")
    events, risk = check_outcome(y, probability, pos_label)
    groups = check_groups(groups, len(events))
    resampling = {"groups": groups, "n_bootstraps": n_bootstraps, "random_state": random_state}
    by_variable: dict[str, dict[str, npt.NDArray[np.bool_]]] = {}
    for variable, subgroup, member in members(subgroup_table(subgroups, len(events))):
        if variable != EVERYONE:
            by_variable.setdefault(variable, {})[subgroup] = member
    rows = []
    for variable, parts in by_variable.items():
        small = [
            name
            for name, member in parts.items()
            if too_few(int(events[member].sum()), int(member.sum()), min_events)
        ]
        kept = {name: member for name, member in parts.items() if name not in small}
        notes = [f"too few events: {', '.join(small)}"] if small else []
        rows += _gaps(variable, kept, events, risk, threshold, confidence, resampling, notes)
    return pd.DataFrame(rows)


def _gaps(
    variable: str,
    parts: dict[str, npt.NDArray[np.bool_]],
    events: npt.NDArray[np.bool_],
    risk: Floats,
    threshold: float,
    confidence: float,
    resampling: dict[str, Any],
    notes: list[str],
) -> list[dict[str, Any]]:
    if len(parts) < 2:
        note = "; ".join([*notes, "fewer than two subgroups to compare"])
        return [_row(variable, name, MISSING, "", "", note) for name in MEASURES]
    names, rows = list(parts), []
    frame = _frame(parts, events, risk, threshold)
    if len(parts) > 2:
        notes = [*notes, f"the farthest apart of {len(parts)} subgroups"]
    limits = _gap_limits(parts, events, risk, threshold, confidence, resampling)
    for measure in MEASURES:
        values = frame.by_group[measure].reindex(names).to_numpy(dtype=np.float64)
        if not np.isfinite(values).all():
            missing = f"{measure} does not exist in a subgroup"
            rows.append(_row(variable, measure, MISSING, "", "", missing))
            continue
        order = np.argsort(values, kind="stable")  # of equal values two different subgroups
        lowest, highest = names[order[0]], names[order[-1]]
        interval = limits(measure, highest, lowest)
        note = "; ".join(notes + ([interval.reason] if interval.reason else []))
        rows.append(_row(variable, measure, interval, lowest, highest, note))
    return rows


def _gap_limits(
    parts: dict[str, npt.NDArray[np.bool_]],
    events: npt.NDArray[np.bool_],
    risk: Floats,
    threshold: float,
    confidence: float,
    resampling: dict[str, Any],
) -> Callable[[str, str, str], Interval]:
    """Prepare limits of the gap of a measure, from the higher and the lower subgroup."""
    groups, flagged = resampling["groups"], risk >= threshold
    unit = None if groups is None else np.unique(groups, return_inverse=True)[1]
    areas, samples = estimate_and_resamples(
        _areas(list(parts.values()), events, risk), len(risk), **resampling
    )
    place = {name: number for number, name in enumerate(parts)}

    def limits(measure: str, highest: str, lowest: str) -> Interval:
        if measure == "auroc":
            high, low = place[highest], place[lowest]
            gap, drawn = areas[high] - areas[low], samples[:, high] - samples[:, low]
            return normal_interval(float(gap), drawn, confidence)
        counted, hit = _denominator_and_hits(measure, events, flagged)
        higher, lower = (
            share_of(parts[name] & counted, hit, unit, confidence) for name in (highest, lowest)
        )
        return gap_of_shares(higher, lower, confidence)

    return limits


def _denominator_and_hits(
    measure: str, events: npt.NDArray[np.bool_], flagged: npt.NDArray[np.bool_]
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    return {
        "flagged": (np.ones_like(events), flagged),
        "sensitivity": (events, flagged),
        "specificity": (~events, ~flagged),
        "ppv": (flagged, events),
    }[measure]


def _row(
    variable: str, measure: str, interval: Interval, lowest: str, highest: str, note: str
) -> dict[str, Any]:
    limits = {"gap": interval.estimate, "low": interval.low, "high": interval.high}
    words = {"lowest": lowest, "highest": highest, "note": note}
    return {"variable": variable, "measure": measure, **limits, **words}


def _frame(
    parts: dict[str, npt.NDArray[np.bool_]],
    events: npt.NDArray[np.bool_],
    risk: Floats,
    threshold: float,
) -> Any:
    """Let fairlearn measure each subgroup; rows of none of them are left out."""
    inside = np.logical_or.reduce(list(parts.values()))
    names = np.full(len(risk), "", dtype=object)
    for name, member in parts.items():
        names[member] = name
    cuts = np.array([threshold])

    def measured(position: int) -> Any:
        def at_threshold(truth: Any, predicted: Any) -> float:
            statistic = threshold_measures(np.asarray(truth, bool), np.asarray(predicted), cuts)
            return float(statistic(np.ones((1, len(truth))))[0, position])

        return at_threshold

    def ranked(truth: Any, predicted: Any) -> float:
        ranking = rank(np.asarray(truth, bool), np.asarray(predicted, dtype=np.float64))
        return float(auroc(*cumulative_counts(ranking, np.ones((1, len(truth)))))[0])

    metrics = {name: measured(THRESHOLD_MEASURES.index(name)) for name in MEASURES[:-1]}
    return require("fairlearn.metrics", extra="fairness").MetricFrame(
        metrics={**metrics, "auroc": ranked},
        y_true=events[inside],
        y_pred=risk[inside],
        sensitive_features=names[inside],
    )


def _areas(
    parts: list[npt.NDArray[np.bool_]], events: npt.NDArray[np.bool_], risk: Floats
) -> Statistic:
    """Prepare the AUROC of each subgroup: weights (b, n) to values (b, parts)."""
    prepared = [(member, rank(events[member], risk[member])) for member in parts]

    def statistic(weights: Floats) -> Floats:
        areas = [
            auroc(*cumulative_counts(ranking, weights[:, member])) for member, ranking in prepared
        ]
        return np.stack(areas, axis=1)

    return statistic
