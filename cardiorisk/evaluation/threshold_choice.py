"""Choose the risk at which one acts on training rows, and measure the choice on test rows."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.utils import _safe_indexing
from sklearn.utils.validation import _num_samples

from cardiorisk.evaluation.fold_assembly import assemble
from cardiorisk.evaluation.fold_fits import run_folds
from cardiorisk.evaluation.intervals import Interval
from cardiorisk.evaluation.measures import THRESHOLD_MEASURES
from cardiorisk.evaluation.pooling import pooled_thresholds
from cardiorisk.evaluation.protocols import LEAVE_ONE_SITE_OUT, resolve_protocol
from cardiorisk.evaluation.result import EvaluationResult

__all__ = ["ThresholdChoice", "choose_threshold"]

Floats = npt.NDArray[np.float64]
Events = npt.NDArray[np.bool_]
Rule = Callable[[Events, Floats], float]


@dataclass(frozen=True, eq=False, repr=False)
class ThresholdChoice:
    """Thresholds chosen by folds, and what they are worth on rows that did not choose them.

    Parameters
    ----------
    metrics : dict of str to Interval
        ``sensitivity``, ``specificity``, ``ppv`` and ``npv`` of the test parts, each row flagged
        by the threshold of its own fold's training rows.
    by_fold : DataFrame
        One row a fold: ``threshold``, ``sensitivity`` and ``specificity`` in its test part.
    threshold : float
        For use: chosen on the out-of-fold risks of all rows. ``metrics`` tell what a threshold
        chosen this way is worth, not this number itself.
    rule : str

    Examples
    --------
    >>> from sklearn.datasets import make_classification
    >>> from sklearn.linear_model import LogisticRegression
    >>> from cardiorisk.evaluation import choose_threshold, evaluate
    >>> X, y = make_classification(300, flip_y=0.2, random_state=0)
    >>> result = evaluate(LogisticRegression(), X, y, n_bootstraps=0)
    >>> choice = choose_threshold(LogisticRegression(), X, result, sensitivity=0.9, n_bootstraps=50)
    >>> len(choice.by_fold), 0 < choice.threshold < 0.5
    (5, True)
    """

    metrics: dict[str, Interval]
    by_fold: pd.DataFrame
    threshold: float
    rule: str

    def to_frame(self) -> pd.DataFrame:
        """Tabulate the measures: one row each, with ``estimate``, ``low`` and ``high``."""
        rows = {
            name: {"estimate": i.estimate, "low": i.low, "high": i.high}
            for name, i in self.metrics.items()
        }
        return pd.DataFrame.from_dict(rows, orient="index").rename_axis("metric")

    def __repr__(self) -> str:
        low, high = self.by_fold["threshold"].min(), self.by_fold["threshold"].max()
        lines = [
            f"ThresholdChoice for {self.rule}: {self.threshold:.3f} "
            f"({low:.3f} to {high:.3f} in the folds); on rows that did not choose:"
        ]
        lines += [f"  {name:<12} {interval}" for name, interval in self.metrics.items()]
        return "\n".join(lines)


def choose_threshold(
    model: Any,
    X: Any,
    result: EvaluationResult,
    *,
    sensitivity: float | None = None,
    costs: tuple[float, float] | None = None,
    inner_cv: Any = 5,
    n_bootstraps: int = 1000,
    n_jobs: int | None = None,
    random_state: Any = 0,
) -> ThresholdChoice:
    """Choose a threshold within the training rows of each fold and measure it on the test rows.

    A threshold chosen and measured on the same rows looks better than it is. Here, in each fold of
    ``result``, the training rows are cross-validated once more, the rule is applied to these
    inner out-of-fold risks, and the threshold flags the test rows.

    Parameters
    ----------
    model : estimator
        The one that was evaluated. Not changed.
    X : as in :func:`~cardiorisk.evaluation.evaluate`
        The same rows.
    result : EvaluationResult
        Of cross-validation, with one risk.
    sensitivity : float, optional
        The largest threshold that flags at least this share of those with the event. One of this
        and ``costs``.
    costs : tuple of (float, float), optional
        Costs of a false alarm and of a missed event; the threshold with the smallest sum. For a
        calibrated model it is near ``false / (false + missed)``, which needs no data.
    inner_cv : as ``cv`` in :func:`~cardiorisk.evaluation.evaluate`, default=5
        Within training rows; ``groups`` of the result are kept whole. Where sites were left out,
        each training site is left out in turn instead.
    n_bootstraps : int, default=1000
        Resamples behind the intervals.
    n_jobs : int, optional
        Inner folds fitted at the same time.
    random_state : int, RandomState instance or None, default=0

    Returns
    -------
    choice : ThresholdChoice
        Put ``choice.threshold`` into scikit-learn's
        :class:`~sklearn.model_selection.FixedThresholdClassifier`.

    Raises
    ------
    ValueError
        The result is external, or X has other rows; not exactly one rule was given, or it is
        impossible.

    Notes
    -----
    scikit-learn's ``TunedThresholdClassifierCV`` averages a score over inner folds, which for a
    target of sensitivity jumps; here inner folds are pooled first.

    References
    ----------
    Wynants L et al. BMC Medicine 2019;17:192. doi:10.1186/s12916-019-1425-3; costs: Elkan C. IJCAI
    2001:973-978.

    Examples
    --------
    >>> from sklearn.datasets import make_classification
    >>> from sklearn.linear_model import LogisticRegression
    >>> from cardiorisk.evaluation import choose_threshold, evaluate
    >>> X, y = make_classification(300, flip_y=0.2, random_state=0)
    >>> result = evaluate(LogisticRegression(), X, y, n_bootstraps=0)
    >>> found = choose_threshold(LogisticRegression(), X, result, costs=(1, 4), n_bootstraps=0)
    >>> bool(found.metrics["sensitivity"].estimate > found.metrics["specificity"].estimate)
    True
    """
    if result.external:
        raise ValueError("Got an external result, which has no training rows to choose on.")
    X = X if hasattr(X, "shape") else list(X)
    if _num_samples(X) != len(result.y):
        raise ValueError(f"Got {_num_samples(X)} rows of X for a result of {len(result.y)} rows.")
    words, rule = _rule(sensitivity, costs)
    positive = int(np.flatnonzero(result.classes == result._positive())[0])
    rows, flagged = [], np.full(result.fold.shape, np.nan)
    for number in range(len(result.per_fold)):
        repeat, test = np.nonzero(result.fold == number)
        train = np.setdiff1d(np.arange(len(result.y)), test)
        inner = _inner_risk(model, X, result, train, inner_cv, n_jobs, random_state)
        known = ~np.isnan(inner)
        threshold = rule(result.outcome[train][known], inner[known])
        acted = result.probability[repeat[0], test, positive] >= threshold
        flagged[repeat[0], test] = acted
        rows.append({"threshold": threshold, **_shares(acted, result.outcome[test])})
    tested = result.tested
    return ThresholdChoice(
        metrics=_measure(result, flagged, n_bootstraps, random_state),
        by_fold=pd.DataFrame(rows).rename_axis("fold"),
        threshold=rule(result.outcome[tested], result.risk[tested]),
        rule=words,
    )


def _rule(sensitivity: float | None, costs: tuple[float, float] | None) -> tuple[str, Rule]:
    if (sensitivity is None) == (costs is None):
        raise ValueError("Got both or neither of sensitivity and costs, but expected one.")
    if sensitivity is not None:
        if not 0 < sensitivity <= 1:
            raise ValueError(f"Got sensitivity={sensitivity!r}, but expected a share up to 1.")
        return f"sensitivity of {sensitivity:g}", lambda e, r: _for_sensitivity(e, r, sensitivity)
    assert costs is not None
    false_alarm, missed = costs
    if not (false_alarm > 0 and missed > 0):
        raise ValueError(f"Got costs={costs!r}, but expected two numbers above 0.")
    words = f"costs of {false_alarm:g} a false alarm and {missed:g} a missed event"
    return words, lambda e, r: _for_costs(e, r, false_alarm, missed)


def _for_sensitivity(events: Events, risk: Floats, target: float) -> float:
    """Largest risk that leaves at least the target share of events at or above it."""
    falling = np.sort(risk[events])[::-1]
    return float(falling[int(np.ceil(target * len(falling) - 1e-9)) - 1])


def _for_costs(events: Events, risk: Floats, false_alarm: float, missed: float) -> float:
    """Cheapest threshold; of those equally cheap, the one nearest to that of theory."""
    order = np.argsort(risk, kind="stable")
    ordered = risk[order]
    values, first = np.unique(ordered, return_index=True)
    below = np.concatenate([[0], np.cumsum(events[order])])
    lost = below[first]  # events below each threshold
    alarms = len(risk) - first - (below[-1] - lost)
    total = lost * missed + alarms * false_alarm
    nobody = np.nextafter(values[-1], 2.0)
    values = np.append(values, nobody)
    total = np.append(total, below[-1] * missed)
    cheapest = values[total <= total.min() + 1e-9]
    theory = false_alarm / (false_alarm + missed)
    return float(cheapest[np.abs(cheapest - theory).argmin()])


def _inner_risk(
    model: Any,
    X: Any,
    result: EvaluationResult,
    train: npt.NDArray[np.intp],
    inner_cv: Any,
    n_jobs: int | None,
    random_state: Any,
) -> Floats:
    y = result.y[train]
    groups = None if result.groups is None else result.groups[train]
    rows = _safe_indexing(X, train)
    if result.by_site and groups is not None:
        # Sites are few: they are left out one by one, or rows are divided.
        alone = len(np.unique(groups)) < 2
        groups, inner_cv = (None, inner_cv) if alone else (groups, LEAVE_ONE_SITE_OUT)
    protocol = resolve_protocol(inner_cv, rows, y, groups, random_state)
    folds = run_folds(model, rows, y, protocol, groups, None, False, n_jobs, 0)
    probability, _ = assemble(
        protocol, [part for part, _ in folds], len(train), len(result.classes)
    )
    positive = int(np.flatnonzero(result.classes == result.pos_label)[0])
    return np.asarray(probability[0, :, positive])


def _measure(
    result: EvaluationResult, flagged: Floats, n_bootstraps: int, random_state: Any
) -> dict[str, Interval]:
    """Measure what was flagged, as if flags were risks of 0 and 1 cut at one half."""
    row = pooled_thresholds(
        result.outcome.astype(np.intp),
        np.stack([1 - flagged, flagged], axis=2),
        1,
        np.array([0.5]),
        confidence=result.confidence,
        groups=result.patients,
        strata=result.groups if result.by_site else None,
        n_bootstraps=n_bootstraps,
        random_state=random_state,
    ).iloc[0]
    return {
        name: Interval(row[name], row[f"{name}_low"], row[f"{name}_high"])
        for name in THRESHOLD_MEASURES[1:]
    }


def _shares(flagged: npt.NDArray[np.bool_], events: Events) -> dict[str, float]:
    parts = {"sensitivity": flagged[events], "specificity": ~flagged[~events]}
    return {name: float(part.mean()) if len(part) else np.nan for name, part in parts.items()}
