"""Whether acting on the model does more good than acting on everyone or on nobody."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from cardiorisk._validation import check_groups
from cardiorisk.evaluation.intervals import check_confidence
from cardiorisk.evaluation.mean_limits import GroupedMeans, grouped_means, skewed_limits
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
        The patient of each row; patients are then the independent units.
    n_bootstraps : int, default=500
        0 leaves the limits missing. Any other number gives the same limits, which need no
        resamples; it is taken so that one set of options serves all measures.
    confidence : float, default=0.95
        Level of the pointwise intervals.
    pos_label : object, optional
        The class that is an event. None takes the second of two classes.
    random_state : int, RandomState instance or None, default=0
        Without effect, as ``n_bootstraps``.

    Returns
    -------
    curve : DecisionCurve

    Raises
    ------
    ValueError
        Labels or risks are missing or out of range, or a threshold is.

    Notes
    -----
    Net benefit is a mean over rows, so its limits are those of a mean: Student's t, with the number
    of patients, and Hall's correction, since a few missed events weigh much. They are missing
    where all rows contribute the same, for example where nobody reaches the threshold. The gain
    over the better of treating all and none has the lower of the limits over each (Berger), so
    that a lower limit above 0 holds against both.

    References
    ----------
    Vickers AJ, Elkin EB. Medical Decision Making 2006;26:565-574. doi:10.1177/0272989X06295361;
    limits: Hall P. JRSS B 1992;54:221-228. doi:10.1111/j.2517-6161.1992.tb01876.x; Berger
    RL. Technometrics 1982;24:295-300. doi:10.1080/00401706.1982.10487790

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
    means = _contributions(events, risk, cuts, groups)
    low, high = skewed_limits(means, confidence)
    if not n_bootstraps:
        low, high = np.full((2, len(means.mean)), np.nan)
    prevalence, k = float(events.mean()), len(cuts)
    estimate, low, high = (part.reshape(3, k) for part in (means.mean, low, high))
    table = pd.DataFrame(
        {
            "threshold": cuts,
            "net_benefit": estimate[0],
            "low": low[0],
            "high": high[0],
            "treat_all": prevalence - (1 - prevalence) * cuts / (1 - cuts),
            "treat_none": 0.0,
            "gain": np.minimum(estimate[1], estimate[2]),
            "gain_low": np.minimum(low[1], low[2]),
            "gain_high": np.minimum(high[1], high[2]),
        }
    )
    return DecisionCurve(table, prevalence, len(events), int(events.sum()), confidence)


def _contributions(
    events: npt.NDArray[np.bool_], risk: Floats, thresholds: Floats, groups: Any
) -> GroupedMeans:
    """Net benefit at each threshold, then what it is above treating none, and above all.

    Each row contributes 1 where rightly treated, the odds of the threshold less where wrongly.
    """
    unit = None if groups is None else np.unique(groups, return_inverse=True)[1]
    parts = []
    for threshold in thresholds:
        treated = np.where(events, 1.0, -threshold / (1 - threshold))
        model = np.where(risk >= threshold, treated, 0.0)
        parts.append(grouped_means(np.stack([model, model, model - treated], axis=1), unit))
    mean, error, skewness = (
        np.stack([part[k] for part in parts], axis=1).ravel() for k in range(3)
    )
    return GroupedMeans(mean, error, skewness, parts[0].n_units)
