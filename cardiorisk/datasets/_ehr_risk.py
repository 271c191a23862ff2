"""The true risk of simulated patients: given their conditions, and given what is recorded."""

import numpy as np
import numpy.typing as npt
from scipy.special import gammaln, logsumexp
from sklearn.metrics import roc_auc_score

from cardiorisk.datasets._ehr_conditions import MORE_VISITS, PROFILE_SHARE, STEP, Conditions
from cardiorisk.datasets._ehr_log import (
    FRAILTY,
    WHEN_ABSENT,
    WHEN_PRESENT,
    WINDOW,
    EHRDesign,
    VisitLog,
    incidence,
)

__all__ = ["OnsetRisk", "expected_auroc", "risk_given_conditions", "risk_given_history"]

BATCH = 5_000  # patients at once

Floats = npt.NDArray[np.float64]


class OnsetRisk:
    """Probability of heart failure within the follow-up, by the sum of log hazard ratios.

    Parameters
    ----------
    conditions : Conditions
    prevalence : float
        Share of patients in whom heart failure begins, over the whole population.

    Attributes
    ----------
    by_sum : ndarray of float, shape (n_sums,)
        ``1 - exp(-exp(intercept + STEP * sum))`` for each sum of ``conditions.steps``.
    """

    def __init__(self, conditions: Conditions, prevalence: float) -> None:
        shares = conditions.prevalence[:, None, :]  # (n_profiles, 1, n_conditions)
        sums = PROFILE_SHARE @ np.stack([sum_shares(p, conditions.steps)[0] for p in shares])
        low, high = -20.0, 5.0
        while high - low > 1e-10:
            middle = (low + high) / 2
            low, high = (
                (middle, high) if sums @ _onset(middle, len(sums)) < prevalence else (low, middle)
            )
        self.by_sum = _onset(low, len(sums))


def _onset(intercept: float, n_sums: int) -> Floats:
    return np.asarray(-np.expm1(-np.exp(intercept + STEP * np.arange(n_sums))))


def sum_shares(present: Floats, steps: npt.NDArray[np.intp]) -> Floats:
    """Distribution of the sum of steps over independent conditions.

    Parameters
    ----------
    present : ndarray of float, shape (n, n_conditions)
        Probability that each condition is there.
    steps : ndarray of int, shape (n_conditions,)

    Returns
    -------
    shares : ndarray of float, shape (n, steps.sum() + 1)
    """
    shares = np.zeros((len(present), int(steps.sum()) + 1))
    shares[:, 0] = 1.0
    for column in np.flatnonzero(steps):
        p, step = present[:, column, None], steps[column]
        moved = np.zeros_like(shares)
        moved[:, step:] = shares[:, :-step]
        shares = shares * (1 - p) + moved * p
    return shares


def risk_given_conditions(log: VisitLog, conditions: Conditions, onset: OnsetRisk) -> Floats:
    """Risk of patients whose conditions at the prediction time are known, shape (n,)."""
    return np.asarray(onset.by_sum[log.present @ conditions.steps])


def risk_given_history(log: VisitLog, design: EHRDesign, onset: OnsetRisk) -> Floats:
    """Risk of patients of whom nothing but the recorded events is known, shape (n,).

    Exact: given the profile, conditions are independent two-state processes that are observed
    at the visits (forward algorithm), the number of visits is negative binomial, and the sums of
    log hazard ratios lie on a grid. Which synonym is recorded tells nothing.
    """
    starts = np.concatenate([[0], np.cumsum(log.n_visits)])
    risk = np.empty(len(log.profile))
    for first in range(0, len(risk), BATCH):
        rows = slice(first, min(first + BATCH, len(risk)))
        risk[rows] = _risk_of_batch(log, starts[rows.start : rows.stop + 1], rows, design, onset)
    return risk


def _risk_of_batch(
    log: VisitLog, starts: npt.NDArray[np.int64], rows: slice, design: EHRDesign, onset: OnsetRisk
) -> Floats:
    visits = slice(starts[0], starts[-1])
    absent, present = _record_shares(log.recorded[:, visits], log.diagnosed[visits])
    day, counts = log.day[visits], log.n_visits[rows]
    before, rate = incidence(design.conditions.prevalence)
    evidence, risks = [], []
    for profile, share in enumerate(PROFILE_SHARE):
        has, support = _filter(
            absent, present, day, starts[:-1] - starts[0], counts, before[profile], rate[profile]
        )
        evidence.append(np.log(share) + support + _log_visits(counts - 1, MORE_VISITS[profile]))
        risks.append(sum_shares(has, design.conditions.steps) @ onset.by_sum)
    weights = np.stack(evidence)
    weights = np.exp(weights - logsumexp(weights, axis=0))
    return np.asarray((weights * np.stack(risks)).sum(axis=0))


def _record_shares(
    recorded: npt.NDArray[np.bool_], diagnosed: npt.NDArray[np.bool_]
) -> tuple[Floats, Floats]:
    """Probability of what a visit records if a condition is absent, and if it is present."""
    shares = []
    for chances in (WHEN_ABSENT, WHEN_PRESENT):
        share = np.ones(recorded.shape[1:])
        for role, chance in enumerate(chances):
            here = np.full(share.shape, chance)
            if role == 1:
                here[~diagnosed] = WHEN_ABSENT[1]
            share *= np.where(recorded[role], here, 1 - here)
        shares.append(share)
    return shares[0], shares[1]


def _filter(
    absent: Floats,
    present: Floats,
    day: Floats,
    starts: npt.NDArray[np.int64],
    counts: npt.NDArray[np.int64],
    before: Floats,
    rate: Floats,
) -> tuple[Floats, Floats]:
    """Forward algorithm over the visits of each patient, for all conditions at once.

    Returns
    -------
    has : ndarray of float, shape (n, n_conditions)
        Probability that the condition is there at the prediction time.
    support : ndarray of float, shape (n,)
        Log-likelihood of the records.
    """
    has = np.tile(before, (len(starts), 1))
    support = np.zeros(len(starts))
    last = np.zeros(len(starts))
    for place in range(int(counts.max(initial=0))):
        rows = np.flatnonzero(counts > place)
        visit = starts[rows] + place
        stays = np.exp(-rate * (day[visit] - last[rows])[:, None])
        there = 1 - (1 - has[rows]) * stays
        yes, no = there * present[visit], (1 - there) * absent[visit]
        has[rows] = yes / (yes + no)
        support[rows] += np.log(yes + no).sum(axis=1)
        last[rows] = day[visit]
    return 1 - (1 - has) * np.exp(-rate * (WINDOW - last)[:, None]), support


def _log_visits(more: npt.NDArray[np.int64], mean: float) -> Floats:
    """Log-probability of the number of visits beyond the first: negative binomial."""
    p = FRAILTY / (FRAILTY + mean)
    return np.asarray(
        gammaln(more + FRAILTY)
        - gammaln(FRAILTY)
        - gammaln(more + 1)
        + FRAILTY * np.log(p)
        + more * np.log1p(-p)
    )


def expected_auroc(score: Floats, risk: Floats) -> float:
    """AUROC of a score when outcomes are drawn with the given risks, averaged over the draws.

    Every patient counts as a case with weight ``risk`` and as a control with the rest.
    """
    labels = np.repeat([1, 0], len(risk))
    weights = np.concatenate([risk, 1 - risk])
    return float(roc_auc_score(labels, np.concatenate([score, score]), sample_weight=weights))
