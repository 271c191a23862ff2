"""Whether acting on the model does more good than acting on everyone or on nobody."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from cardiorisk._validation import check_groups
from cardiorisk.evaluation.intervals import Statistic, check_confidence, estimate_and_resamples
from cardiorisk.evaluation.outcomes import check_outcome

__all__ = ["DecisionCurve", "decision_curve"]

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False, repr=False)
class DecisionCurve:
    """Net benefit over a range of decision thresholds.

    Parameters
    ----------
    table : DataFrame
        One row a threshold: ``threshold``, ``net_benefit``, ``low``, ``high``, ``treat_all``,
        ``treat_none``, and ``gain``, ``gain_low``, ``gain_high``: the net benefit above the
        better of treating all and treating none (paired interval).
    prevalence : float
        Share of events.
    n, n_events : int
    confidence : float

    Examples
    --------
    >>> risk = [0.1, 0.2, 0.7, 0.9]
    >>> curve = decision_curve([0, 0, 1, 1], risk, thresholds=[0.5], n_bootstraps=20)
    >>> curve.table["net_benefit"].tolist()
    [0.5]
    """

    table: pd.DataFrame
    prevalence: float
    n: int
    n_events: int
    confidence: float = 0.95

    def to_frame(self) -> pd.DataFrame:
        """Tabulate the curve; the same as ``table``."""
        return self.table.copy()

    def __repr__(self) -> str:
        thresholds = self.table["threshold"]
        better = thresholds[self.table["gain_low"] > 0]
        where = (
            f"surely above both at {len(better)} of {len(thresholds)} thresholds, "
            f"{better.min():.2f} to {better.max():.2f}"
            if len(better)
            else f"at none of {len(thresholds)} thresholds surely above both"
        )
        return (
            f"DecisionCurve: {self.n} rows, {self.n_events} events; compared with treating all "
            f"and none, {where} ({self.confidence:.0%} intervals)"
        )


def decision_curve(
    y: Any,
    probability: Any,
    *,
    thresholds: Sequence[float] | npt.NDArray[np.float64] | None = None,
    groups: Any = None,
    n_bootstraps: int = 500,
    confidence: float = 0.95,
    pos_label: Any = None,
    random_state: Any = 0,
) -> DecisionCurve:
    """Compute the net benefit of acting on a risk at or above each threshold.

    The net benefit at threshold t is ``TP / n - FP / n * t / (1 - t)``: the share of people
    rightly treated, less the share wrongly treated in the exchange that choosing t implies.

    Parameters
    ----------
    y : array-like of shape (n,)
        Labels of two classes (of more with ``pos_label``).
    probability : array-like of shape (n,)
        Predicted risk of the event, out of fold: see ``EvaluationResult.risk``.
    thresholds : sequence of float, optional
        Risks from 0 to below 1. None takes 0.01, 0.02, ..., 0.99. The range that matters comes
        from the clinical question, never from the curve.
    groups : array-like of shape (n,), optional
        The patient of each row; the bootstrap draws patients.
    n_bootstraps : int, default=500
    confidence : float, default=0.95
        Level of the pointwise intervals.
    pos_label : object, optional
        The class that is an event. None takes the second of two classes.
    random_state : int, RandomState instance or None, default=0

    Returns
    -------
    curve : DecisionCurve

    Raises
    ------
    ValueError
        Labels or risks are missing or out of range, or a threshold is.

    References
    ----------
    Vickers AJ, Elkin EB. Medical Decision Making 2006;26:565-574. doi:10.1177/0272989X06295361

    Examples
    --------
    >>> from cardiorisk.evaluation import decision_curve
    >>> curve = decision_curve([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8], thresholds=[0.2])
    >>> float(curve.table["net_benefit"][0])  # 2 of 4 rightly, 1 of 4 wrongly: 0.5 - 0.25 / 4
    0.4375
    """
    check_confidence(n_bootstraps, confidence)
    events, risk = check_outcome(y, probability, pos_label)
    groups = check_groups(groups, len(events))
    cuts = np.arange(1, 100) / 100 if thresholds is None else np.asarray(thresholds, np.float64)
    if cuts.ndim != 1 or not len(cuts) or not np.all((cuts >= 0) & (cuts < 1)):
        raise ValueError(f"Got thresholds={thresholds!r}, but expected risks from 0 to below 1.")
    resampling = {"groups": groups, "n_bootstraps": n_bootstraps, "random_state": random_state}
    statistic = _statistic(events, risk, cuts)
    estimate, samples = estimate_and_resamples(statistic, len(risk), **resampling)
    tail = (1 - confidence) / 2
    limits = (
        np.quantile(samples, [tail, 1 - tail], axis=0)
        if n_bootstraps
        else np.full((2, len(estimate)), np.nan)
    )
    prevalence, k = float(events.mean()), len(cuts)
    table = pd.DataFrame(
        {
            "threshold": cuts,
            "net_benefit": estimate[:k],
            "low": limits[0, :k],
            "high": limits[1, :k],
            "treat_all": prevalence - (1 - prevalence) * cuts / (1 - cuts),
            "treat_none": 0.0,
            "gain": estimate[k:],
            "gain_low": limits[0, k:],
            "gain_high": limits[1, k:],
        }
    )
    return DecisionCurve(table, prevalence, len(events), int(events.sum()), confidence)


def _statistic(events: npt.NDArray[np.bool_], risk: Floats, thresholds: Floats) -> Statistic:
    """Net benefit at each threshold, then its gain over the better of all and none."""
    order = np.argsort(risk, kind="stable")
    outcome = events[order].astype(np.float64)
    first = np.searchsorted(risk[order], thresholds, side="left")
    odds = thresholds / (1 - thresholds)

    def flagged(ordered: Floats) -> tuple[Floats, Floats]:
        below = np.zeros((len(ordered), ordered.shape[1] + 1))
        np.cumsum(ordered, axis=1, out=below[:, 1:])
        total = below[:, -1:]
        return total - below[:, first], total

    def statistic(weights: Floats) -> Floats:
        ordered = weights.take(order, axis=1)
        positives, total = flagged(ordered)
        true_positives, cases = flagged(ordered * outcome)
        net_benefit = (true_positives - (positives - true_positives) * odds) / total
        treat_all = (cases - (total - cases) * odds) / total
        return np.hstack([net_benefit, net_benefit - np.maximum(treat_all, 0)])

    return statistic
