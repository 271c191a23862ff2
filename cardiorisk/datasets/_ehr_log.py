"""Draw simulated patients: who has which condition since when, and what their visits record."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from cardiorisk.datasets._ehr_conditions import MORE_VISITS, PROFILE_SHARE, Conditions

__all__ = ["ROLES", "EHRDesign", "VisitLog", "draw_log", "incidence"]

ROLES = ("diagnosis", "drug", "procedure")

WINDOW = 540.0  # days of history before the prediction time
FRAILTY = 3.0  # shape of the gamma distribution of how often people of one profile come
PREVALENT = 0.8  # share of the conditions of the prediction time that began before the window
WHEN_PRESENT = np.array([0.35, 0.40, 0.10])  # a visit records the role of a present condition
WHEN_ABSENT = np.array([0.010, 0.002, 0.005])  # ruled out, or coded by mistake
PERSISTENCE = np.array([0.6, 0.8, 0.2])  # share of records that repeat the patient's own synonym
OTHER_REASONS = 0.6  # mean number of reasons for a visit beyond the first

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class EHRDesign:
    """What does not change between patients.

    Parameters
    ----------
    conditions : Conditions
    synonyms : tuple of int
        Number of codes that mean the same: diagnoses, drugs and procedures of a condition.
    cumulative : tuple of ndarray of float, shape (n_sites * n_conditions, n_synonyms)
        For each role, cumulative share of the synonyms at each site and condition.
    other : ndarray of float, shape (n_other,)
        Cumulative share of the codes that have nothing to do with the conditions.
    n_sites : int
    """

    conditions: Conditions
    synonyms: tuple[int, ...]
    cumulative: tuple[Floats, ...]
    other: Floats
    n_sites: int


@dataclass(frozen=True, eq=False)
class VisitLog:
    """What was drawn for some patients: the truth, and what their visits record.

    Parameters
    ----------
    profile, site : ndarray of int, shape (n_patients,)
    n_visits : ndarray of int, shape (n_patients,)
    patient : ndarray of int, shape (n_visits,)
    day : ndarray of float, shape (n_visits,)
        Days since the window began, increasing within a patient.
    recorded : ndarray of bool, shape (3, n_visits, n_conditions)
        Whether a visit records a diagnosis, drug or procedure of a condition.
    diagnosed : ndarray of bool, shape (n_visits, n_conditions)
        Whether a diagnosis was recorded at this visit or before.
    present : ndarray of bool, shape (n_patients, n_conditions)
        At the prediction time.
    codes : ndarray of int32, shape (n_events,)
    visit_of_event : ndarray of int, shape (n_events,)
        Increasing.
    """

    profile: Ints
    site: Ints
    n_visits: Ints
    patient: Ints
    day: Floats
    recorded: npt.NDArray[np.bool_]
    diagnosed: npt.NDArray[np.bool_]
    present: npt.NDArray[np.bool_]
    codes: npt.NDArray[np.int32]
    visit_of_event: Ints


def incidence(prevalence: Floats) -> tuple[Floats, Floats]:
    """Share that has a condition when the window begins, and the rate a day at which it comes."""
    before = PREVALENT * prevalence
    rate = -np.log1p(-(prevalence - before) / (1 - before)) / WINDOW
    return before, rate


def draw_log(n_patients: int, design: EHRDesign, rng: np.random.Generator) -> VisitLog:
    """Draw patients and their visits in the window before the prediction time."""
    profile = rng.choice(len(PROFILE_SHARE), n_patients, p=PROFILE_SHARE)
    site = rng.integers(design.n_sites, size=n_patients)
    rate = MORE_VISITS[profile] * rng.gamma(FRAILTY, 1 / FRAILTY, n_patients)
    n_visits = 1 + rng.poisson(rate)
    patient = np.repeat(np.arange(n_patients), n_visits)
    minutes = np.floor(WINDOW * 1440 * rng.random(len(patient)))
    day = np.sort(patient * (WINDOW * 1440) + minutes) / 1440 - patient * WINDOW
    before, hazard = incidence(design.conditions.prevalence)
    since = rng.exponential(size=(n_patients, before.shape[1])) / hazard[profile]
    since[rng.random(since.shape) < before[profile]] = 0.0
    recorded, diagnosed = _record(since[patient] <= day[:, None], patient, n_visits, rng)
    codes, visit = _events(recorded, patient, site, design, rng)
    present = since <= WINDOW
    return VisitLog(
        profile, site, n_visits, patient, day, recorded, diagnosed, present, codes, visit
    )


def _record(
    present: npt.NDArray[np.bool_], patient: Ints, n_visits: Ints, rng: np.random.Generator
) -> tuple[Any, Any]:
    """Decide what each visit records; a drug is prescribed once the diagnosis is on record."""
    drawn = rng.random((3, *present.shape), dtype=np.float32)
    recorded = np.empty(drawn.shape, dtype=bool)
    recorded[0] = drawn[0] < np.where(present, WHEN_PRESENT[0], WHEN_ABSENT[0])
    so_far = np.cumsum(recorded[0], axis=0, dtype=np.int32)
    first = np.cumsum(n_visits) - n_visits
    earlier = so_far[first] - recorded[0][first]
    diagnosed = so_far > earlier[patient]
    recorded[1] = drawn[1] < np.where(present & diagnosed, WHEN_PRESENT[1], WHEN_ABSENT[1])
    recorded[2] = drawn[2] < np.where(present, WHEN_PRESENT[2], WHEN_ABSENT[2])
    return recorded, diagnosed


def _events(
    recorded: npt.NDArray[np.bool_],
    patient: Ints,
    site: Ints,
    design: EHRDesign,
    rng: np.random.Generator,
) -> tuple[npt.NDArray[np.int32], Ints]:
    """Choose the synonym of each record and add the other reasons for the visits."""
    n_patients, n_conditions = len(site), recorded.shape[2]
    codes, visits = [], []
    start = 0
    for role, n_synonyms in enumerate(design.synonyms):
        visit, condition = np.nonzero(recorded[role])
        who = patient[visit]
        own = rng.random((n_patients, n_conditions))[who, condition]
        drawn = np.where(rng.random(len(visit)) < PERSISTENCE[role], own, rng.random(len(visit)))
        row = site[who] * n_conditions + condition
        flat = (design.cumulative[role] + np.arange(len(design.cumulative[role]))[:, None]).ravel()
        synonym = np.searchsorted(flat, row + drawn, side="right") - row * n_synonyms
        codes.append(start + condition * n_synonyms + np.minimum(synonym, n_synonyms - 1))
        visits.append(visit)
        start += n_conditions * n_synonyms
    reasons = 1 + rng.poisson(OTHER_REASONS, len(patient))
    visits.append(np.repeat(np.arange(len(patient)), reasons))
    other = np.searchsorted(design.other, rng.random(len(visits[-1])), side="right")
    codes.append(start + np.minimum(other, len(design.other) - 1))
    n_codes = start + len(design.other)
    keys = np.unique(np.concatenate(visits) * n_codes + np.concatenate(codes))  # once a visit
    return (keys % n_codes).astype(np.int32), keys // n_codes
