"""Explain a model of histories by the codes in them."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from cardiorisk._histories.ranges import gather_indices, offsets_of
from cardiorisk.records import PatientHistories

__all__ = ["CodeEffects", "shapley_of_codes", "swap_codes"]

MAX_COPIES = 4_000_000  # events of recombined histories for one explained patient
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class CodeEffects:
    """How far each column of codes moves a risk.

    Parameters
    ----------
    values : ndarray of shape (n, n_columns)
        In probability; with ``base_values`` they add up to the risk.
    base_values : ndarray of shape (n,)
        Mean risk of the background.
    method : str
    """

    values: npt.NDArray[np.float64]
    base_values: npt.NDArray[np.float64]
    method: str = "permutation"


def shapley_of_codes(
    model: Any,
    histories: PatientHistories,
    background: PatientHistories,
    column_of_code: npt.NDArray[np.int64],
    *,
    target: Any,
    n_background: int = 50,
    random_state: int = 0,
) -> CodeEffects:
    """Shapley values of the codes in each history, against the codes of other people.

    A recombined history has the events of some codes from the explained patient and those of the
    others from a person of the background, at the same distance from the prediction time. Codes
    go over from one to the other in a random order and back; what the risk changes by at each
    step is the code's part.

    Parameters
    ----------
    model : fitted classifier
        Reads histories.
    histories, background : PatientHistories
        With the same vocabulary.
    column_of_code : ndarray of int, shape (n_codes,)
        Column that each code counts for.
    target : label
    n_background : int, default=50
        People drawn from the background for each patient, each walked twice; fewer for very
        long histories.

    References
    ----------
    Strumbelj and Kononenko 2014, doi:10.1007/s10115-013-0679-x.
    """
    n_columns = int(column_of_code.max(initial=-1)) + 1
    place = int(np.flatnonzero(np.asarray(model.classes_) == target)[0])
    values, base = np.zeros((len(histories), n_columns)), np.zeros(len(histories))
    for row in range(len(histories)):
        rng = np.random.default_rng(random_state)
        walks = _Walks(histories[[row]], column_of_code)
        for other in rng.permutation(len(background))[:n_background]:
            walks.add(background[[int(other)]], rng)
            if walks.n_copies > MAX_COPIES:
                break
        risk = np.asarray(model.predict_proba(walks.histories()), dtype=float)[:, place]
        values[row], base[row] = walks.effects(risk, n_columns)
    return CodeEffects(values, base)


class _Walks:
    """Recombined histories of one patient with several others."""

    def __init__(self, patient: PatientHistories, column_of_code: Ints) -> None:
        self.patient, self.column_of_code = patient, column_of_code
        self.columns = column_of_code[patient.codes]
        self.parts: list[tuple[Ints, npt.NDArray[Any], npt.NDArray[np.int32]]] = []
        self.orders: list[tuple[int, Ints]] = []  # first row of a walk, columns in its order
        self.n_rows = self.n_copies = 0

    def add(self, other: PatientHistories, rng: np.random.Generator) -> None:
        """Walk from the other person to the patient in a random order, and in its reverse."""
        columns = self.column_of_code[other.codes]
        union = np.unique(np.concatenate([self.columns, columns]))
        order = rng.permutation(len(union))
        shifted = other.times + (reference_times(self.patient) - reference_times(other))
        for steps in (order, order[::-1]):
            rank = np.empty(len(union), np.int64)
            rank[steps] = np.arange(len(union))
            own = rank[np.searchsorted(union, self.columns)] + self.n_rows
            last = np.full(len(own), self.n_rows + len(union), np.int64)
            self._copy(own + 1, last + 1, self.patient.times, self.patient.codes)
            lent = rank[np.searchsorted(union, columns)] + self.n_rows
            self._copy(np.full(len(lent), self.n_rows, np.int64), lent + 1, shifted, other.codes)
            self.orders.append((self.n_rows, union[steps]))
            self.n_rows += len(union) + 1

    def _copy(self, first: Ints, stop: Ints, times: Any, codes: Any) -> None:
        """Put each event into the recombined histories ``first`` to ``stop``."""
        copies = stop - first
        rows = gather_indices(first, stop)
        self.parts.append((rows, np.repeat(times, copies), np.repeat(codes, copies)))
        self.n_copies += len(rows)

    def histories(self) -> PatientHistories:
        """All recombined histories."""
        rows, times, codes = (np.concatenate(column) for column in zip(*self.parts, strict=True))
        alike = np.zeros(self.n_rows, np.int64)
        return assemble(self.patient, alike, rows, times, codes)

    def effects(
        self, risk: npt.NDArray[np.float64], n_columns: int
    ) -> tuple[npt.NDArray[np.float64], float]:
        """Mean step of each column over the walks, and the mean risk at their beginning."""
        total, base = np.zeros(n_columns), 0.0
        for first, columns in self.orders:
            walk = risk[first : first + len(columns) + 1]
            total[columns] += np.diff(walk)
            base += walk[0]
        return total / len(self.orders), base / len(self.orders)


def reference_times(histories: PatientHistories) -> npt.NDArray[Any]:
    """Prediction times; where there are none, the time of the last event."""
    if histories.prediction_times is not None:
        return histories.prediction_times
    stops = histories.event_offsets[1:]
    last = np.full(len(histories), np.datetime64(0, "us"))
    some = np.diff(histories.event_offsets) > 0
    last[some] = histories.times[stops[some] - 1]
    return last


def assemble(
    like: PatientHistories,
    alike: Ints,
    rows: Ints,
    times: npt.NDArray[Any],
    codes: npt.NDArray[np.int32],
) -> PatientHistories:
    """Make histories of events in any order, one a row of ``alike``.

    Parameters
    ----------
    like : PatientHistories
        Whose patients ``alike`` lend their static columns and prediction times.
    alike : ndarray of int, shape (n_rows,)
    rows, times, codes : ndarray of shape (n_events,)
        A visit is a calendar day.
    """
    order = np.lexsort((codes, times, rows))
    rows, times, codes = rows[order], times[order], codes[order]
    days = times.astype("datetime64[D]")
    opens = np.ones(len(rows), bool)
    opens[1:] = (rows[1:] != rows[:-1]) | (days[1:] != days[:-1])
    starts = np.flatnonzero(opens)
    moments = like.prediction_times
    return replace(
        like,
        codes=codes,
        times=times,
        visit_offsets=np.append(starts, len(rows)),
        patient_offsets=offsets_of(np.bincount(rows[starts], minlength=len(alike))),
        subject_ids=np.arange(len(alike)),
        static=None if like.static is None else like.static.iloc[alike].reset_index(drop=True),
        prediction_times=None if moments is None else moments[alike],
    )


def swap_codes(
    histories: PatientHistories, rows: Ints, donors: Ints, chosen: npt.NDArray[np.bool_]
) -> PatientHistories:
    """Give patients the events of some codes from other patients.

    Parameters
    ----------
    rows, donors : ndarray of int, shape (m,)
        Rows of the histories.
    chosen : ndarray of bool, shape (n_codes,)
        Codes that come from the donor.

    Returns
    -------
    PatientHistories of length m
    """
    own, lent = histories[rows], histories[donors]
    stays, comes = ~chosen[own.codes], chosen[lent.codes]
    lag = reference_times(own) - reference_times(lent)
    giver = lent.event_patients()[comes]
    return assemble(
        own,
        np.arange(len(rows)),
        np.concatenate([own.event_patients()[stays], giver]).astype(np.int64),
        np.concatenate([own.times[stays], lent.times[comes] + lag[giver]]),
        np.concatenate([own.codes[stays], lent.codes[comes]]),
    )
