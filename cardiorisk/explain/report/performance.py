"""How good the model is on people that it did not see, in numbers ready to be said."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

from cardiorisk.evaluation import DecisionCurve, calibration, decision_curve, subgroup_report
from cardiorisk.explain.report.histories import ages_of
from cardiorisk.explain.report.inputs import Effort, ReportInputs
from cardiorisk.explain.report.summary import CutoffCounts, PerformanceSummary
from cardiorisk.explain.report.unseen import Unseen, conformal_sets, leave_sites_out
from cardiorisk.explain.report.wording import format_value
from cardiorisk.records import PatientHistories

__all__ = ["default_subgroups", "summarise_performance"]

CUTOFFS = (0.1, 0.2, 0.5)
REASONABLE = (0.05, 0.5)  # cut-offs at which somebody would think of acting
AGE_EDGES = (0, 50, 60, 70, np.inf)
AGE_WORDS = ("under 50", "50 to 59", "60 to 69", "70 and over")


def summarise_performance(
    inputs: ReportInputs,
    unseen: Unseen,
    alpha: float,
    subgroups: Mapping[str, Any] | pd.DataFrame | None,
    effort: Effort,
) -> tuple[PerformanceSummary, npt.NDArray[np.bool_]]:
    """Measure everything of the performance section.

    Returns
    -------
    summary : PerformanceSummary
    sets : ndarray of bool, shape (n, 2)
        The conformal set of each row, for the patient pages.
    """
    tested = unseen.result.tested
    events, risk = inputs.events[tested], unseen.risk[tested]
    options: dict[str, Any] = {
        "n_bootstraps": effort.n_bootstraps,
        "random_state": effort.random_state,
    }
    if inputs.groups is not None:
        options["groups"] = inputs.groups[tested]
    curve = calibration(events, risk, **options)
    decision = decision_curve(events, risk, **options)
    groups = default_subgroups(inputs) if subgroups is None else pd.DataFrame(subgroups)
    table = pd.DataFrame()
    if groups.shape[1]:
        table = subgroup_report(events, risk, groups.loc[tested], **options)
    sets = conformal_sets(inputs, unseen, alpha, effort.random_state)
    summary = PerformanceSummary(
        protocol=unseen.result.protocol,
        n=int(tested.sum()),
        n_events=int(events.sum()),
        metrics=unseen.result.metrics,
        calibration=curve,
        decision=decision,
        claim=claim_range(decision),
        histogram=curve.histogram,
        median_risk=(float(np.median(risk[events])), float(np.median(risk[~events]))),
        cutoffs=tuple(cutoff_counts(events, risk, cutoff) for cutoff in CUTOFFS),
        subgroups=table,
        left_out_sites=leave_sites_out(inputs, effort),
        coverage=_coverage(inputs, sets, tested),
        alpha=alpha,
    )
    return summary, sets


def default_subgroups(inputs: ReportInputs) -> pd.DataFrame:
    """Sex, age band and site, where the table has them."""
    groups = pd.DataFrame(index=inputs.table.index)
    for name in inputs.table.columns:
        variable, column = inputs.schema[name], inputs.table[name]
        if str(name).lower() in ("sex", "gender"):
            groups["sex"] = [format_value(value, variable) for value in column]
        elif str(name).lower() == "age" and pd.api.types.is_numeric_dtype(column.dtype):
            groups["age"] = pd.cut(column, AGE_EDGES, right=False, labels=list(AGE_WORDS))
    if inputs.histories is not None:
        groups = _groups_of(inputs.histories)
    if inputs.sites is not None:
        groups["site"] = inputs.sites
    return groups


def _groups_of(histories: PatientHistories) -> pd.DataFrame:
    """Sex and age band out of what histories know of a patient."""
    groups = pd.DataFrame(index=range(len(histories)))
    if histories.static is not None and "sex" in histories.static:
        groups["sex"] = histories.static["sex"]
    ages = ages_of(histories)
    if ages is not None:
        groups["age"] = pd.cut(ages, AGE_EDGES, right=False, labels=list(AGE_WORDS))
    return groups


def cutoff_counts(
    events: npt.NDArray[np.bool_], risk: npt.NDArray[np.float64], cutoff: float
) -> CutoffCounts:
    """Count the four outcomes of a cut-off among 100 people, as whole people that add up.

    Examples
    --------
    >>> events = np.array([True, True, False, False])
    >>> counts = cutoff_counts(events, np.array([0.9, 0.1, 0.8, 0.2]), 0.5)
    >>> counts.with_flagged, counts.with_missed, counts.without_flagged, counts.without_cleared
    (25, 25, 25, 25)
    """
    flagged = risk >= cutoff
    shares = [flagged & events, ~flagged & events, flagged & ~events, ~flagged & ~events]
    return CutoffCounts(cutoff, *_whole([100 * float(share.mean()) for share in shares]))


def _whole(parts: Sequence[float]) -> list[int]:
    """Round parts that sum to 100 to whole numbers that still do: largest remainders up."""
    whole = np.floor(parts).astype(int)
    order = np.argsort(-(np.asarray(parts) - whole), kind="stable")
    whole[order[: round(sum(parts)) - int(whole.sum())]] += 1
    return [int(value) for value in whole]


def claim_range(decision: DecisionCurve) -> tuple[float, float]:
    """Find the longest run of reasonable cut-offs at which the whole interval shows a gain.

    Returns (0.0, 0.0) where there is none.
    """
    table = decision.table
    inside = table["threshold"].between(*REASONABLE)
    good = (inside & (table["gain_low"] > 0)).to_numpy()
    thresholds = table["threshold"].to_numpy()
    edges = np.flatnonzero(np.diff(np.concatenate(([False], good, [False])).astype(int)))
    runs = [
        (thresholds[a], thresholds[b - 1]) for a, b in zip(edges[::2], edges[1::2], strict=True)
    ]
    longest = max(runs, key=lambda run: run[1] - run[0], default=(0.0, 0.0))
    return float(longest[0]), float(longest[1])


def _coverage(
    inputs: ReportInputs, sets: npt.NDArray[np.bool_], tested: npt.NDArray[np.bool_]
) -> pd.DataFrame:
    kinds = [("all", np.full(len(inputs.y), "everyone"))]
    kinds.append(("class", np.where(inputs.events, "with the outcome", "without the outcome")))
    if inputs.sites is not None:
        kinds.append(("site", inputs.sites))
    truth = np.where(inputs.events, sets[:, 1], sets[:, 0])
    rows = []
    for kind, levels in kinds:
        for level in np.unique(levels[tested]):
            inside = tested & (levels == level)
            n, covered = int(inside.sum()), int(truth[inside].sum())
            low, high = stats.binomtest(covered, n).proportion_ci(method="exact")
            rows.append(
                {
                    "kind": kind,
                    "level": str(level),
                    "n": n,
                    "covered": covered / n,
                    "low": float(low),
                    "high": float(high),
                    "cannot_tell": float(sets[inside].all(axis=1).mean()),
                    "empty": float((~sets[inside].any(axis=1)).mean()),
                }
            )
    return pd.DataFrame(rows)
