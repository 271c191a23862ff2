"""Find controls that are like a case: same sex, age band and site, observed at the same time."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from cardiorisk._histories.ranges import count_until
from cardiorisk.records import PatientHistories

__all__ = ["ages_at", "draw_controls", "enough_events", "known_traits"]

DAYS_PER_YEAR = 365.25
CANDIDATES_PER_CONTROL = 50  # looked at for each control that is wanted: a bound on the work

Ints = npt.NDArray[np.int64]
Times = npt.NDArray[Any]


def enough_events(
    histories: PatientHistories,
    rows: Ints,
    last: Times,
    window: np.timedelta64 | None,
    min_events: int,
) -> npt.NDArray[np.bool_]:
    """Tell which patients have ``min_events`` in the window that ends at ``last``."""
    offsets = histories.event_offsets
    runs = offsets[rows], offsets[rows + 1]
    until = count_until(histories.times, *runs, last)
    begin = runs[0]
    if window is not None:
        begin = count_until(histories.times, *runs, last - window)
    return np.asarray(until - begin >= min_events)


def ages_at(static: pd.DataFrame | None, rows: Ints, times: Times) -> npt.NDArray[np.float64]:
    """Ages in years, NaN where the date of birth is not known."""
    if static is None or "birth_date" not in static:
        return np.full(len(rows), np.nan)
    born = static["birth_date"].to_numpy().astype("datetime64[us]")[rows]
    return np.asarray((times - born) / np.timedelta64(1, "D") / DAYS_PER_YEAR, dtype=float)


def alive_at(static: pd.DataFrame | None, rows: Ints, times: Times) -> npt.NDArray[np.bool_]:
    """Whether nobody says that the patient was dead, or not yet born."""
    alive = np.ones(len(rows), bool)
    if static is None:
        return alive
    if "death_date" in static:
        died = static["death_date"].to_numpy().astype("datetime64[us]")[rows]
        alive &= ~(died <= times)
    if "birth_date" in static:
        born = static["birth_date"].to_numpy().astype("datetime64[us]")[rows]
        alive &= ~(born > times)
    return alive


def known_traits(static: pd.DataFrame | None, match: Sequence[str]) -> tuple[list[str], list[str]]:
    """Split what is to be matched on into what the histories know, and what they do not."""
    columns = {"age": "birth_date"}
    names = set() if static is None else set(static.columns)
    known = [trait for trait in match if columns.get(trait, trait) in names]
    return known, [trait for trait in match if trait not in known]


def _codes_of_traits(histories: PatientHistories, traits: Sequence[str]) -> Ints:
    """One number for each combination of traits other than age; missing is like missing."""
    code = np.zeros(len(histories), np.int64)
    for trait in traits:
        if trait != "age":
            assert histories.static is not None
            labels, values = pd.factorize(histories.static[trait])
            code = code * (len(values) + 1) + labels + 1
    return code


def draw_controls(
    histories: PatientHistories,
    cases: Ints,
    candidates: Ints,
    last: Times,
    *,
    traits: Sequence[str],
    age_band: float,
    window: np.timedelta64 | None,
    min_events: int,
    per_case: int,
    rng: np.random.Generator,
) -> tuple[Ints, Ints]:
    """Draw controls for each case, every candidate at most once.

    Cases draw in rounds, one control each, so that a shortage is shared.

    Parameters
    ----------
    cases, candidates : ndarray of int
        Rows of the histories.
    last : ndarray of datetime64, shape (n_cases,)
        Prediction time of each case, which its controls take over.

    Returns
    -------
    controls : ndarray of int
        Rows of the histories.
    of_case : ndarray of int
        Position in ``cases`` that each control belongs to.
    """
    stratum = _codes_of_traits(histories, traits)
    by_age = "age" in traits
    pools = []
    for case, moment in zip(cases, last, strict=True):
        alike = candidates[stratum[candidates] == stratum[case]]
        if by_age:
            ages = ages_at(histories.static, np.append(alike, case), np.repeat(moment, 1))
            band = np.floor(ages / age_band)
            alike = alike[band[:-1] == band[-1]]
        alike = rng.permutation(alike)[: CANDIDATES_PER_CONTROL * max(per_case, 1)]
        moments = np.full(len(alike), moment)
        seen = enough_events(histories, alike, moments, window, min_events)
        pools.append(alike[seen & alive_at(histories.static, alike, moments)].tolist())
    return _in_rounds(pools, per_case, rng)


def _in_rounds(
    pools: list[list[int]], per_case: int, rng: np.random.Generator
) -> tuple[Ints, Ints]:
    taken: set[int] = set()
    drawn: list[tuple[int, int]] = []
    for _ in range(per_case):
        for case in rng.permutation(len(pools)).tolist():
            pool = pools[case]
            while pool and pool[-1] in taken:
                pool.pop()
            if pool:
                taken.add(pool[-1])
                drawn.append((pool.pop(), case))
    pairs = np.array(drawn, dtype=np.int64).reshape(-1, 2)
    return pairs[:, 0], pairs[:, 1]
