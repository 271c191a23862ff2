"""Put events into the order of the histories, and find where visits and patients begin."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from cardiorisk._histories.ranges import offsets_of

__all__ = ["OrderedEvents", "order_events"]

MOST = 1 << 63

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
    """Sort by patient, time, visit and code; several of them as one number where they fit.

    Events of one patient and moment mostly belong to one visit. Then visits need no sorting.
    """
    if not len(stamps):
        return np.empty(0, np.intp)
    seconds, rest = np.divmod(stamps - stamps.min(), 1_000_000)
    span = int(seconds.max()) + 1
    n_moments = (int(patient.max()) + 1) * span
    if rest.any() or n_moments >= MOST:
        return np.lexsort((codes, visits, stamps, patient))
    when = patient * np.int64(span) + seconds
    n_codes = int(codes.max()) + 1
    if n_moments * n_codes < MOST:
        order = np.argsort(when * n_codes + codes)
        if not len(_tied(order, when, visits)):
            return order
    order = np.argsort(when)
    rows = _tied(order, when)
    part = order[rows]
    order[rows] = part[np.lexsort((codes[part], visits[part], when[part]))]
    return order


def _tied(
    order: npt.NDArray[np.intp], when: Ints, visits: npt.NDArray[Any] | None = None
) -> npt.NDArray[np.intp]:
    """Places in the order of events of one moment; with visits, of moments that have several."""
    moment = when[order]
    same = moment[1:] == moment[:-1]
    if visits is not None:
        same &= visits[order[1:]] != visits[order[:-1]]
    tied = np.zeros(len(order) + 1, bool)
    tied[1:-1] = same
    return np.flatnonzero(tied[1:] | tied[:-1])


def _n_split(patient: npt.NDArray[Any], visit: npt.NDArray[Any]) -> int:
    """Count the pieces of visits beyond the first."""
    label, found = pd.factorize(visit)
    if len(found) == len(visit):
        return 0
    return len(visit) - len(pd.unique(patient * len(found) + label))
