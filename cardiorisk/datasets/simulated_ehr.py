"""Simulated event logs of patients of whom some get heart failure, with their true risk."""

from collections.abc import Sequence
from dataclasses import replace
from numbers import Integral, Real
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.utils import Bunch, check_random_state

from cardiorisk.datasets._ehr_conditions import Conditions, known_conditions
from cardiorisk.datasets._ehr_log import ROLES, WINDOW, EHRDesign, VisitLog, draw_log
from cardiorisk.datasets._ehr_risk import (
    OnsetRisk,
    expected_auroc,
    risk_given_conditions,
    risk_given_history,
)
from cardiorisk.records import PatientHistories

__all__ = ["make_ehr"]

FOLLOW_UP = 365.0  # days after the prediction time in which heart failure is looked for
FIRST_DAY = np.datetime64("2100-01-01T00:00:00", "us")
SPREAD = 3650  # days over which the prediction times are spread
FIRST_SUBJECT = 1_000_001
DAY = 86_400_000_000  # microseconds
OTHER = "other reason"
HEART_FAILURE = "diagnosis/heart failure/0"
SITE_HABITS = 2.0  # shape of the gamma distribution of how much a site likes a synonym
PATIENTS_A_PART = 20_000

Floats = npt.NDArray[np.float64]


def make_ehr(
    n_patients: int = 2000,
    *,
    prevalence: float = 0.1,
    synonyms: tuple[int, int, int] = (12, 20, 6),
    rare_share: float = 0.3,
    n_other_codes: int = 800,
    n_sites: int = 10,
    true_risk: bool = True,
    random_state: int | np.random.RandomState | None = None,
) -> Bunch:
    """Simulate 18 months of visits before a prediction time, and heart failure in the year after.

    Parameters
    ----------
    n_patients : int, default=2000
        About 32 events each; a million patients take minutes.
    prevalence : float, default=0.1
        Share in whom heart failure begins within the year.
    synonyms : tuple of int, default=(12, 20, 6)
        How many codes mean the same: diagnoses, drugs and procedures of each of 28 conditions.
    rare_share : float in [0, 1], default=0.3
        Share of the records that use a rare synonym. The first quarter of the synonyms share the
        rest of the records, falling as 1, 1/2, 1/3, ...; all others are rare, each like the next.
    n_other_codes : int, default=800
        Codes that have nothing to do with any condition, with shares falling as 1, 1/2, 1/3, ...
    n_sites : int, default=10
        Clinics, each with habits of its own among synonyms.
    true_risk : bool, default=True
        Whether to compute the risk given the history, which takes about as long as the simulation.
    random_state : int, RandomState instance or None, default=None

    Returns
    -------
    Bunch
        ``histories``
            :class:`~cardiorisk.records.PatientHistories` as of the prediction times.
        ``target`` (n_patients,)
            1 if heart failure began within the year, else 0.
        ``true_risk`` (n_patients,)
            Its probability given the history: no model of the histories can rank better.
        ``latent_risk`` (n_patients,)
            Its probability given the conditions that the patient truly has.
        ``optimal_auroc``, ``latent_auroc``
            AUROC of these two, averaged over the draw of the outcomes of these patients.
        ``log``
            The histories with the diagnosis of heart failure of the year after, for cohort
            builders and for tests of leaks.
        ``prediction_times``, ``groups`` (the identifiers of the patients), ``sites``
            One entry a patient.
        ``codes``
            Table with ``code``, ``type``, ``group`` (the condition) and ``rare``.
        ``present``
            Table of truth values: which conditions each patient has at the prediction time.
        ``DESCR``

    Raises
    ------
    ValueError
        A number is out of range.

    Notes
    -----
    - Patients belong to one of four profiles (healthy, cardiometabolic, respiratory and joints,
      mental and digestive), which settle how often each of 28 conditions occurs; given the
      profile, conditions are independent. A fifth of those of the prediction time begin within
      the window. Visits are a Poisson process whose rate depends on the profile and a frailty.
    - A visit records a diagnosis of a present condition with probability 0.35, a procedure with
      0.10, and a drug with 0.40 once the diagnosis is on record; of an absent condition with
      0.010, 0.005 and 0.002. A patient tends to keep a synonym (0.6, 0.8 and 0.2 of records).
    - Heart failure follows ``1 - exp(-exp(a + sum of log hazard ratios))`` of the conditions that
      are present at the prediction time (hypertension 0.5, coronary disease 0.75, ...).
    - The risk given the history is exact: a forward algorithm over the visits for each condition
      and profile, then a sum over all numbers of present conditions. It depends on which
      condition a code stands for, not on the synonym.
    - Shares, probabilities and hazard ratios are of a plausible order of magnitude and are not
      estimates. There is no age, sex, death or loss to follow-up, and no test results.

    Examples
    --------
    >>> from cardiorisk.datasets import make_ehr
    >>> ehr = make_ehr(n_patients=300, random_state=0)
    >>> ehr.histories.shape == (300, 28 * 38 + 801)
    True
    >>> bool(0.7 < ehr.optimal_auroc < ehr.latent_auroc < 0.9)
    True
    """
    _check(n_patients, prevalence, synonyms, rare_share, n_other_codes, n_sites)
    rng = np.random.default_rng(check_random_state(random_state).randint(2**31 - 1))
    conditions = known_conditions()
    design = _design(conditions, synonyms, rare_share, n_other_codes, n_sites, rng)
    onset = OnsetRisk(conditions, prevalence)
    parts, risks = [], []
    for first in range(0, n_patients, PATIENTS_A_PART):
        part = draw_log(min(PATIENTS_A_PART, n_patients - first), design, rng)
        latent = risk_given_conditions(part, conditions, onset)
        seen = risk_given_history(part, design, onset) if true_risk else latent
        risks.append(np.stack([latent, seen]))
        nothing = np.empty((0, 0), dtype=bool)
        parts.append(replace(part, recorded=nothing, diagnosed=nothing))
    latent, seen = np.concatenate(risks, axis=1)
    target = (rng.random(n_patients) < latent).astype(np.int64)
    times = FIRST_DAY + rng.integers(SPREAD * 1440, size=n_patients) * np.timedelta64(60, "s")
    codes = _code_table(conditions, synonyms, n_other_codes)
    log = _histories(parts, codes, times, target, rng)
    bunch = Bunch(
        histories=log.as_of(times),
        target=target,
        latent_risk=latent,
        latent_auroc=expected_auroc(latent, latent),
        log=log,
        prediction_times=times,
        groups=log.subject_ids,
        sites=np.array([f"site {k + 1}" for k in range(n_sites)])[_joined(parts, "site")],
        codes=codes,
        present=pd.DataFrame(_joined(parts, "present"), columns=list(conditions.names)),
        DESCR=_describe(n_patients, prevalence, synonyms, rare_share, n_other_codes, n_sites),
    )
    if true_risk:
        bunch |= {"true_risk": seen, "optimal_auroc": expected_auroc(seen, latent)}
    return Bunch(**bunch)


def _check(
    n_patients: object,
    prevalence: object,
    synonyms: Sequence[object],
    rare_share: object,
    n_other_codes: object,
    n_sites: object,
) -> None:
    counts = {"n_patients": n_patients, "n_other_codes": n_other_codes, "n_sites": n_sites}
    if len(synonyms) != len(ROLES):
        raise ValueError(f"Got synonyms={synonyms!r}, but expected {len(ROLES)} numbers.")
    counts |= {f"synonyms[{place}]": count for place, count in enumerate(synonyms)}
    for name, count in counts.items():
        if not isinstance(count, Integral) or isinstance(count, bool) or count < 1:
            raise ValueError(f"Got {name}={count!r}, but expected a positive whole number.")
    if not isinstance(prevalence, Real) or not 0 < float(prevalence) < 1:
        raise ValueError(f"Got prevalence={prevalence!r}, but expected a share between 0 and 1.")
    if not isinstance(rare_share, Real) or not 0 <= float(rare_share) <= 1:
        raise ValueError(f"Got rare_share={rare_share!r}, but expected a share from 0 to 1.")


def _design(
    conditions: Conditions,
    synonyms: tuple[int, int, int],
    rare_share: float,
    n_other_codes: int,
    n_sites: int,
    rng: np.random.Generator,
) -> EHRDesign:
    cumulative = []
    for n_synonyms in synonyms:
        liking = rng.gamma(
            SITE_HABITS, 1 / SITE_HABITS, (n_sites * len(conditions.names), n_synonyms)
        )
        shares = liking * _shares(n_synonyms, rare_share)
        cumulative.append(np.cumsum(shares / shares.sum(axis=1, keepdims=True), axis=1))
    other = np.cumsum(1 / np.arange(1, n_other_codes + 1))
    return EHRDesign(conditions, synonyms, tuple(cumulative), other / other[-1], n_sites)


def _n_frequent(n_synonyms: int) -> int:
    return -(-n_synonyms // 4)


def _shares(n_synonyms: int, rare_share: float) -> Floats:
    """Share of each synonym in the records of a condition, before the habits of the sites."""
    n_frequent = _n_frequent(n_synonyms)
    n_rare = n_synonyms - n_frequent
    frequent = 1 / np.arange(1, n_frequent + 1)
    if not n_rare:
        return frequent / frequent.sum()
    rare = np.full(n_rare, rare_share / n_rare)
    return np.concatenate([(1 - rare_share) * frequent / frequent.sum(), rare])


def _code_table(
    conditions: Conditions, synonyms: tuple[int, int, int], n_other_codes: int
) -> pd.DataFrame:
    """List what the numbers of the drawn codes stand for; the last one is heart failure."""
    rows = [
        (f"{role}/{name}/{place}", role, name, place >= _n_frequent(n_synonyms))
        for role, n_synonyms in zip(ROLES, synonyms, strict=True)
        for name in conditions.names
        for place in range(n_synonyms)
    ]
    rows += [
        (f"{ROLES[place % 3]}/{OTHER}/{place}", ROLES[place % 3], OTHER, False)
        for place in range(n_other_codes)
    ]
    rows.append((HEART_FAILURE, ROLES[0], "heart failure", False))
    return pd.DataFrame(rows, columns=["code", "type", "group", "rare"])


def _joined(parts: Sequence[VisitLog], name: str) -> npt.NDArray[Any]:
    return np.concatenate([getattr(part, name) for part in parts])


def _histories(
    parts: Sequence[VisitLog],
    codes: pd.DataFrame,
    times: npt.NDArray[np.datetime64],
    target: npt.NDArray[np.int64],
    rng: np.random.Generator,
) -> PatientHistories:
    """Put the parts together, with the diagnosis of heart failure as a last visit of cases."""
    order = np.argsort(codes["code"].to_numpy(dtype=np.str_))
    n_visits = _joined(parts, "n_visits")
    begins = np.cumsum([0, *(len(part.patient) for part in parts)])
    visit = np.concatenate(
        [part.visit_of_event + start for part, start in zip(parts, begins, strict=False)]
    )
    moment = times.repeat(n_visits) - np.rint((WINDOW - _joined(parts, "day")) * DAY).astype(
        "m8[us]"
    )
    cases = np.flatnonzero(target)
    ends = np.cumsum(n_visits)[cases]
    later = times[cases] + (rng.random(len(cases)) * FOLLOW_UP * DAY).astype("m8[us]")
    events = np.bincount(visit, minlength=begins[-1])
    at = np.concatenate([[0], np.cumsum(events)])[ends]
    numbers = np.insert(_joined(parts, "codes"), at, len(codes) - 1)
    events, moment = np.insert(events, ends, 1), np.insert(moment, ends, later)
    place = np.empty(len(codes), dtype=np.int64)
    place[order] = np.arange(len(codes))
    keys = np.sort(np.repeat(np.arange(len(events)), events) * len(codes) + place[numbers])
    return PatientHistories(
        codes=(keys % len(codes)).astype(np.int32),
        times=moment.repeat(events),
        vocabulary=codes["code"].to_numpy(dtype=np.str_)[order],
        visit_offsets=np.concatenate([[0], np.cumsum(events)]),
        patient_offsets=np.concatenate([[0], np.cumsum(n_visits + target)]),
        subject_ids=FIRST_SUBJECT + np.arange(len(target)),
    )


def _describe(
    n_patients: int,
    prevalence: float,
    synonyms: tuple[int, int, int],
    rare_share: float,
    n_other_codes: int,
    n_sites: int,
) -> str:
    return (
        f"Simulated visits of {n_patients} patients at {n_sites} sites in the {WINDOW:g} days "
        f"before a prediction time; heart failure begins in a share of {prevalence:g} within "
        f"{FOLLOW_UP:g} days after it. Each of 28 conditions has "
        f"{' + '.join(map(str, synonyms))} codes of three types, {rare_share:g} of the records "
        f"use rare ones, and {n_other_codes} codes are unrelated. Codes are made up. "
        "cardiorisk.datasets.make_ehr states all assumptions."
    )
