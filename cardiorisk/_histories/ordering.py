"""Put events into the order of the histories, and find where visits and patients begin."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from cardiorisk._histories.ranges import offsets_of

__all__ = ["OrderedEvents", "order_events"]

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class OrderedEvents:
    """Events by patient, time and visit; see :class:`~cardiorisk.records.PatientHistories`."""

    codes: npt.NDArray[np.int32]
    times: npt.NDArray[np.datetime64]
    visit_offsets: Ints
    patient_offsets: Ints
    n_duplicates: int
    n_late: int
    n_split_visits: int


def order_events(
    patient: npt.NDArray[Any],
    times: npt.NDArray[Any],
    codes: npt.NDArray[Any],
    visit: npt.NDArray[Any] | None,
    n_patients: int,
) -> OrderedEvents:
    """Sort events by patient, time, visit and code, drop repeated ones, and cut into visits.

    The order of the rows that came in makes no difference. Time order wins over visits: a visit
    that is interrupted by an event of another one is cut there.

    Parameters
    ----------
    patient : ndarray of int, shape (n,)
        Row of the patient, from 0.
    times : ndarray of datetime64[us], shape (n,)
    codes : ndarray of int, shape (n,)
    visit : ndarray of int, shape (n,), optional
        One number a visit. None makes a visit of the events of one calendar day.
    n_patients : int
    """
    stamps = times.astype("datetime64[us]").view(np.int64)
    visits = np.asarray(times.astype("datetime64[D]").view(np.int64) if visit is None else visit)
    late = np.sum((patient[1:] == patient[:-1]) & (stamps[1:] < stamps[:-1]))
    order = _order(codes, visits, stamps, patient)
    patient, stamps, visits, codes = (c[order] for c in (patient, stamps, visits, codes))
    new_patient = patient[1:] != patient[:-1]
    new_visit = new_patient | (visits[1:] != visits[:-1])
    fresh = new_visit | (stamps[1:] != stamps[:-1]) | (codes[1:] != codes[:-1])
    first = np.ones(min(len(codes), 1), bool)
    kept, opens = np.concatenate((first, fresh)), np.concatenate((first, new_visit))
    patient, stamps, visits, codes, opens = (
        c[kept] for c in (patient, stamps, visits, codes, opens)
    )
    starts = np.flatnonzero(opens)
    return OrderedEvents(
        codes=codes.astype(np.int32),
        times=stamps.view("datetime64[us]"),
        visit_offsets=np.append(starts, len(codes)).astype(np.int64),
        patient_offsets=offsets_of(np.bincount(patient[starts], minlength=n_patients)),
        n_duplicates=int(np.sum(~kept)),
        n_late=int(late),
        n_split_visits=0 if visit is None else _n_split(patient[starts], visits[starts]),
    )


def _order(
    codes: npt.NDArray[Any], visits: npt.NDArray[Any], stamps: Ints, patient: npt.NDArray[Any]
) -> npt.NDArray[np.intp]:
    """Sort by patient, time, visit and code; patient and time as one number where they fit."""
    if not len(stamps):
        return np.empty(0, np.intp)
    seconds, rest = np.divmod(stamps - stamps.min(), 1_000_000)
    span = int(seconds.max()) + 1
    if rest.any() or (int(patient.max()) + 1) * span >= 1 << 63:
        return np.lexsort((codes, visits, stamps, patient))
    when = patient * np.int64(span) + seconds
    order = np.argsort(when)
    when = when[order]
    tied = np.zeros(len(when) + 1, bool)
    tied[1:-1] = when[1:] == when[:-1]
    rows = np.flatnonzero(tied[1:] | tied[:-1])
    part = order[rows]
    order[rows] = part[np.lexsort((codes[part], visits[part], when[rows]))]
    return order


def _n_split(patient: npt.NDArray[Any], visit: npt.NDArray[Any]) -> int:
    """Count the pieces of visits beyond the first."""
    if len(pd.unique(visit)) == len(visit):
        return 0
    order = np.lexsort((visit, patient))
    patient, visit = patient[order], visit[order]
    return int(np.sum((patient[1:] == patient[:-1]) & (visit[1:] == visit[:-1])))
