"""The histories of many patients: codes, times, and where visits and patients begin."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from cardiorisk._histories import files
from cardiorisk._histories.collect import Collected, collect
from cardiorisk._histories.columns import read_columns
from cardiorisk._histories.contract import check_arrays
from cardiorisk._histories.ranges import (
    count_until,
    gather,
    gather_indices,
    offsets_of,
)
from cardiorisk._histories.reading import reading_table
from cardiorisk._histories.windows import as_prediction_times, hide_later_dates, visible_limits

__all__ = ["PatientHistories"]

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False, repr=False)
class PatientHistories:
    """What happened to many patients, and when: one code an event.

    Events are sorted by patient, time and visit; one array holds each column for all patients,
    in memory or mapped from disk. ``histories[rows]`` picks patients (an integer, a slice, a mask
    or positions), so scikit-learn can split them. Build them by a reader of :mod:`cardiorisk.io`
    or by :meth:`from_events`.

    Parameters
    ----------
    codes : ndarray of int32, shape (n_events,)
        Positions in ``vocabulary``.
    times : ndarray of datetime64[us], shape (n_events,)
        In UTC, or the hospital's own time throughout.
    vocabulary : ndarray of str, shape (n_codes,)
        For example ``"ICD10CM//I50.9"``; shared by all parts that are taken out.
    visit_offsets : ndarray of int64, shape (n_visits + 1,)
        Events of visit ``v`` are ``visit_offsets[v]`` to ``visit_offsets[v + 1]``.
    patient_offsets : ndarray of int64, shape (n_patients + 1,)
        Visits of patient ``p``, likewise. A patient may have none.
    subject_ids : ndarray of int64 or str, shape (n_patients,)
    static : DataFrame, optional
        One row a patient, for example ``sex`` and ``birth_date``.
    prediction_times : ndarray of datetime64[us], shape (n_patients,), optional
        Set by :meth:`as_of`: nothing later is in the histories.
    descriptions : ndarray of str, shape (n_codes,), optional
        The vocabulary in words, "" where they are not known.
    reading : DataFrame
        What the reader met: columns ``source``, ``finding``, ``rows`` and ``treatment``.

    Raises
    ------
    ValueError
        The arrays do not fit together, or the events of a patient are not in the order of time.

    Examples
    --------
    >>> import pandas as pd
    >>> events = pd.DataFrame(
    ...     {
    ...         "subject_id": [1, 1, 1, 2],
    ...         "time": pd.to_datetime(["2020-01-01", "2020-01-01", "2021-05-01", "2020-03-01"]),
    ...         "code": ["ICD10CM//I10", "ICD10CM//E11.9", "ICD10CM//I50.9", "ICD10CM//I10"],
    ...     }
    ... )
    >>> histories = PatientHistories.from_events(events)
    >>> histories
    PatientHistories(2 patients, 3 visits, 4 events, 3 codes)
    >>> histories.as_of("2020-12-31")
    PatientHistories(2 patients, 2 visits, 3 events, 3 codes, as of a prediction time)
    >>> histories[[1]].vocabulary[histories[[1]].codes].tolist()
    ['ICD10CM//I10']
    """

    codes: npt.NDArray[np.int32]
    times: npt.NDArray[np.datetime64]
    vocabulary: npt.NDArray[np.str_]
    visit_offsets: Ints
    patient_offsets: Ints
    subject_ids: npt.NDArray[Any]
    static: pd.DataFrame | None = None
    prediction_times: npt.NDArray[np.datetime64] | None = None
    descriptions: npt.NDArray[np.str_] | None = None
    reading: pd.DataFrame | None = None

    def __post_init__(self) -> None:
        if self.reading is None:
            object.__setattr__(self, "reading", reading_table([]))
        check_arrays(self)

    @classmethod
    def from_events(
        cls,
        frame: Any,
        subject: str = "subject_id",
        time: str = "time",
        code: str = "code",
        visit: str | None = None,
        static: pd.DataFrame | None = None,
    ) -> "PatientHistories":
        """Build histories from a table with one row an event, in any order.

        A row without subject, code or readable time, a repeated row, and free text in the place
        of a code (a line break, or more than 100 characters) are left out and counted in
        ``reading``; so is a row of a patient who is not in ``static``, where that is given.

        Parameters
        ----------
        frame : DataFrame of pandas, polars, pyarrow or any other that narwhals reads
        subject, time, code : str
            Names of the columns. Times are datetimes, dates or ISO 8601 text.
        visit : str, optional
            Column with an identifier of the visit. Without one, the events of a calendar day are
            a visit. A visit that events of another one interrupt is cut there.
        static : DataFrame, optional
            One row a patient with the column ``subject``; all its patients are kept.

        Returns
        -------
        PatientHistories
            Patients sorted by identifier.

        Raises
        ------
        TableError
            A column is missing, times are numbers, or ``static`` repeats a patient.
        """
        return cls._from_collected(
            collect([read_columns(frame, subject, time, code, visit)], static, subject)
        )

    @classmethod
    def open(cls, folder: str | os.PathLike[str]) -> "PatientHistories":
        """Map saved histories from disk: events are read when they are used.

        Parameters
        ----------
        folder : path-like
            Written by :meth:`save`.

        Raises
        ------
        ReadError
            The folder does not hold saved histories, or only a part of them.
        """
        return cls._unchecked(**files.open_columns(folder))

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Write the columns to a folder of ``.npy`` files, for :meth:`open`.

        Parameters
        ----------
        folder : path-like
            Made if it is not there. Saved histories in it are replaced.

        Raises
        ------
        FileExistsError
            The folder holds other files.
        """
        files.save_columns(folder, {f.name: getattr(self, f.name) for f in fields(self)})

    @property
    def shape(self) -> tuple[int, int]:
        """Number of patients and number of codes in the vocabulary."""
        return len(self.subject_ids), len(self.vocabulary)

    @property
    def event_offsets(self) -> Ints:
        """Where the events of each patient begin, shape (n_patients + 1,)."""
        return np.asarray(self.visit_offsets)[np.asarray(self.patient_offsets)]

    def event_patients(self) -> npt.NDArray[np.int32]:
        """Row of the patient of each event, shape (n_events,)."""
        rows = np.arange(len(self), dtype=np.int32)
        return np.repeat(rows, np.diff(self.event_offsets))

    def as_of(
        self, prediction_times: Any, observation_window: Any = None, gap: Any = None
    ) -> "PatientHistories":
        """Keep what was known at a time: nothing later is visible.

        An event is visible at ``prediction_time - gap - observation_window < time <=
        prediction_time - gap``. Dates in ``static`` that are later than the prediction time are
        blanked. Patients without a visible event stay, as empty rows.

        Parameters
        ----------
        prediction_times : datetime-like, or array-like of them, shape (n_patients,)
            One for all patients, or one each.
        observation_window : int, Timedelta or timedelta64, optional
            A number is days. None looks back to the first event.
        gap : int, Timedelta or timedelta64, optional
            Time before the prediction that is not looked at.

        Returns
        -------
        PatientHistories
            With ``prediction_times``.

        Raises
        ------
        ValueError
            A prediction time is missing, or the window or the gap is negative.
        """
        moments = as_prediction_times(prediction_times, len(self))
        last, after = visible_limits(moments, observation_window, gap)
        offsets = self.event_offsets
        runs = offsets[:-1], offsets[1:]
        stops = count_until(self.times, *runs, last)
        starts = runs[0] if after is None else count_until(self.times, *runs, after)
        seen = self._cut(np.arange(len(self)), np.minimum(starts, stops), stops)
        begins, filled = seen.event_offsets[:-1], np.diff(seen.event_offsets) > 0
        if np.any(np.maximum.reduceat(seen.times, begins[filled]) > last[filled]):
            raise ValueError("Got events that are not in the order of time within a patient.")
        return seen._replace(
            prediction_times=moments, static=hide_later_dates(self.static, moments)
        )

    def where(self, kept: npt.NDArray[np.bool_]) -> "PatientHistories":
        """Keep chosen events; patients without any stay, as empty rows.

        Parameters
        ----------
        kept : ndarray of bool, shape (n_events,)
        """
        kept = np.asarray(kept)
        if kept.shape != self.codes.shape or kept.dtype != bool:
            raise ValueError(f"Got {kept.dtype} of shape {kept.shape}, but expected one bool each.")
        counts = np.diff(offsets_of(kept)[self.visit_offsets])
        filled = counts > 0
        before = offsets_of(filled)
        return self._replace(
            codes=self.codes[kept],
            times=self.times[kept],
            visit_offsets=offsets_of(counts[filled]),
            patient_offsets=before[np.asarray(self.patient_offsets)],
        )

    def __len__(self) -> int:
        return len(self.subject_ids)

    def __iter__(self) -> Iterator["PatientHistories"]:
        return (self[row] for row in range(len(self)))

    def __getitem__(self, key: Any) -> "PatientHistories":
        if isinstance(key, tuple):
            if len(key) != 2 or key[1] is not Ellipsis:
                raise IndexError("Got more than one index; histories are indexed by patient only.")
            key = key[0]
        rows = np.arange(len(self))[key]
        rows = np.atleast_1d(rows).astype(np.int64)
        offsets = self.event_offsets
        part = self._cut(rows, offsets[rows], offsets[rows + 1])
        moments = self.prediction_times
        return part._replace(
            prediction_times=None if moments is None else moments[rows],
            static=None if self.static is None else self.static.iloc[rows].reset_index(drop=True),
        )

    def __array__(self, *_: Any, **__: Any) -> npt.NDArray[Any]:
        raise TypeError(
            "PatientHistories cannot become an array of numbers by themselves; put a transformer "
            "such as ConceptCounts before the model."
        )

    def __repr__(self) -> str:
        counts = {
            "patient": len(self),
            "visit": len(self.visit_offsets) - 1,
            "event": len(self.codes),
            "code": len(self.vocabulary),
        }
        words = [f"{n:,} {word}{'' if n == 1 else 's'}" for word, n in counts.items()]
        known = "" if self.prediction_times is None else ", as of a prediction time"
        return f"PatientHistories({', '.join(words)}{known})"

    def _cut(self, rows: Ints, starts: Ints, stops: Ints) -> "PatientHistories":
        """Patients ``rows`` with the events ``[start, stop)``; visits are cut with them."""
        edges = np.asarray(self.visit_offsets)
        some = stops > starts
        first = np.searchsorted(edges, starts, side="right") - 1
        last = np.where(some, np.searchsorted(edges, stops, side="left"), first)
        n_visits = last - first
        visits = gather_indices(first, last)
        begins = np.maximum(edges[visits], np.repeat(starts, n_visits))
        ends = np.minimum(edges[visits + 1], np.repeat(stops, n_visits))
        codes, times = gather((self.codes, self.times), starts, stops)
        return self._replace(
            codes=codes,
            times=times,
            visit_offsets=offsets_of(ends - begins),
            patient_offsets=offsets_of(n_visits),
            subject_ids=self.subject_ids[rows],
        )

    def _in_memory(self) -> "PatientHistories":
        """Copy what is mapped from disk."""
        own = {f.name: getattr(self, f.name) for f in fields(self)}
        arrays = {
            name: np.array(value) for name, value in own.items() if isinstance(value, np.ndarray)
        }
        return self._unchecked(**own | arrays)

    def _replace(self, **changes: Any) -> "PatientHistories":
        own = {f.name: getattr(self, f.name) for f in fields(self)}
        return self._unchecked(**own | changes)

    @classmethod
    def _unchecked(cls, **columns: Any) -> "PatientHistories":
        """Make histories of columns that are known to fit."""
        made = object.__new__(cls)
        for name, value in columns.items():
            object.__setattr__(made, name, value)
        return made

    @classmethod
    def _from_collected(cls, found: Collected) -> "PatientHistories":
        return cls._unchecked(
            codes=found.events.codes,
            times=found.events.times,
            vocabulary=found.vocabulary,
            visit_offsets=found.events.visit_offsets,
            patient_offsets=found.events.patient_offsets,
            subject_ids=found.subject_ids,
            static=found.static,
            prediction_times=None,
            descriptions=found.descriptions,
            reading=found.reading,
        )
