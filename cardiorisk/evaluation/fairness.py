"""How far apart subgroups are: gaps of error rates at a threshold, and of ranking."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from cardiorisk._optional import require
from cardiorisk._validation import check_groups
from cardiorisk.evaluation.discrimination import auroc, cumulative_counts, rank
from cardiorisk.evaluation.gap_limits import proportion_gap
from cardiorisk.evaluation.intervals import (
    Interval,
    Statistic,
    check_confidence,
    estimate_and_resamples,
    normal_interval,
    proportion_interval,
)
from cardiorisk.evaluation.measures import THRESHOLD_MEASURES, threshold_measures
from cardiorisk.evaluation.outcomes import check_outcome
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

    The gaps are those of fairlearn's ``MetricFrame``; its intervals draw rows, ours draw patients.

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
        The patient of each row; the bootstrap draws patients.
    min_events : int, default=10
        Subgroups with fewer events, or fewer rows without an event, are left out and named.
    n_bootstraps : int, default=1000
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
    - Gaps of proportions have Newcombe's limits, from Wilson's limits of each subgroup; the gap of
      AUROCs has the standard error of its resamples. A lower limit below 0 says that the order of
      the two may be the other way round.
    - Equal error rates and equal calibration cannot both be had where prevalence differs
      (Chouldechova A. Big Data 2017;5:153-163. doi:10.1089/big.2016.0047): which gap matters
      depends on what the model is for.

    References
    ----------
    Weerts H et al. JMLR 2023;24(257):1-8. https://jmlr.org/papers/v24/23-0389.html; equalised
    odds: Hardt M, Price E, Srebro N. NeurIPS 2016. doi:10.48550/arXiv.1610.02413;
    limits: Newcombe RG. Stat Med 1998;17:873-890.
    doi:10.1002/(SICI)1097-0258(19980430)17:8<873::AID-SIM779>3.0.CO;2-I

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
    statistic = _all_parts(list(parts.values()), events, risk, threshold)
    frame = _frame(parts, events, risk, threshold)
    _, samples = estimate_and_resamples(statistic, len(risk), **resampling)
    names, rows = list(parts), []
    if len(parts) > 2:
        notes = [*notes, f"the farthest apart of {len(parts)} subgroups"]
    for m, measure in enumerate(MEASURES):
        values = frame.by_group[measure].reindex(names).to_numpy(dtype=np.float64)
        if not np.isfinite(values).all():
            missing = f"{measure} does not exist in a subgroup"
            rows.append(_row(variable, measure, MISSING, "", "", missing))
            continue
        low, high = int(values.argmin()), int(values.argmax())
        drawn = [samples[:, part * len(MEASURES) + m] for part in (high, low)]
        pair = [parts[names[part]] for part in (high, low)]
        shares = values[[high, low]]
        units = [
            _units(measure, member, events, risk >= threshold, resampling["groups"])
            for member in pair
        ]
        interval = _limits(measure, shares, drawn, units, confidence)
        note = "; ".join(notes + ([interval.reason] if interval.reason else []))
        rows.append(_row(variable, measure, interval, names[low], names[high], note))
    return rows


def _limits(
    measure: str,
    values: Floats,
    drawn: list[Floats],
    units: list[tuple[int, int]],
    confidence: float,
) -> Interval:
    """Limit the gap of the higher and the lower of two subgroups."""
    if measure == "auroc":
        return normal_interval(float(values[0] - values[1]), drawn[0] - drawn[1], confidence)
    higher, lower = (
        proportion_interval(value, samples, n_units, confidence, n_rows=n_rows)
        for value, samples, (n_units, n_rows) in zip(values, drawn, units, strict=True)
    )
    return proportion_gap(higher, lower)


def _units(
    measure: str,
    member: npt.NDArray[np.bool_],
    events: npt.NDArray[np.bool_],
    flagged: npt.NDArray[np.bool_],
    groups: npt.NDArray[Any] | None,
) -> tuple[int, int]:
    """Independent units, and rows, behind a proportion of a subgroup."""
    every = np.ones(len(events), dtype=bool)
    behind = {"sensitivity": events, "specificity": ~events, "ppv": flagged}.get(measure, every)
    rows = member & behind
    n_rows = int(rows.sum())
    return (n_rows if groups is None else len(np.unique(groups[rows]))), n_rows


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


def _all_parts(
    parts: list[npt.NDArray[np.bool_]],
    events: npt.NDArray[np.bool_],
    risk: Floats,
    threshold: float,
) -> Statistic:
    """Prepare the measures of each subgroup: weights (b, n) to values (b, parts * measures)."""
    columns = [THRESHOLD_MEASURES.index(name) for name in MEASURES[:-1]]
    prepared = [
        (
            member,
            threshold_measures(events[member], risk[member], np.array([threshold])),
            rank(events[member], risk[member]),
        )
        for member in parts
    ]

    def statistic(weights: Floats) -> Floats:
        values = []
        for member, at_threshold, ranking in prepared:
            inside = weights[:, member]
            area = auroc(*cumulative_counts(ranking, inside))
            with np.errstate(divide="ignore", invalid="ignore"):  # a subgroup may not be drawn
                values.append(np.column_stack([at_threshold(inside)[:, columns], area]))
        return np.hstack(values)

    return statistic
