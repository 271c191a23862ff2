"""Put the events of one or several tables together; count the rows that cannot be used."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from cardiorisk._histories.columns import EventColumns
from cardiorisk._histories.labels import Labelled, label, unify
from cardiorisk._histories.ordering import OrderedEvents, order_events
from cardiorisk._histories.reading import Finding, reading_table
from cardiorisk.exceptions import TableError

__all__ = ["MAX_CODE_LENGTH", "Collected", "collect"]

NO_VISIT = -(1 << 62)  # less the day: no number of a visit
MAX_CODE_LENGTH = 100
"""Longer than this, or with a line break, an entry is free text and no code."""


@dataclass(frozen=True, eq=False)
class Collected:
    """All that makes histories; see :class:`~cardiorisk.records.PatientHistories`."""

    events: OrderedEvents
    vocabulary: npt.NDArray[np.str_]
    descriptions: npt.NDArray[np.str_] | None
    subject_ids: npt.NDArray[Any]
    static: pd.DataFrame | None
    reading: pd.DataFrame


def collect(
    parts: Sequence[EventColumns],
    static: pd.DataFrame | None = None,
    subject: str = "subject_id",
    findings: Sequence[Finding] = (),
) -> Collected:
    """Put the events of several tables into one order; patients are sorted by identifier.

    Parameters
    ----------
    parts : sequence of EventColumns
    static : DataFrame, optional
        One row a patient, identified by the column ``subject``. Its patients are kept without
        events, too; events of other patients are left out and counted.
    subject : str, default="subject_id"
    findings : sequence of Finding
        What was met before, put first in the table.

    Raises
    ------
    TableError
        ``static`` has no column ``subject``, a patient twice, or one without an identifier.
    """
    people = None if static is None else _people(static, subject)
    everyone = [] if people is None else [people]
    subjects, subject_ids = unify([*everyone, *(part.subject for part in parts)])
    if people is not None:
        subject_ids, subjects = _only_known(subject_ids, subjects)
    found = list(findings)
    kept = []
    for part, patient in zip(parts, subjects[len(everyone) :], strict=True):
        bad, reasons = _bad_rows(part, patient)
        found += reasons
        kept.append(~bad)
    codes, vocabulary = unify([part.code[keep] for part, keep in zip(parts, kept, strict=True)])
    patient = np.concatenate([p[k] for p, k in zip(subjects[len(everyone) :], kept, strict=True)])
    if people is None:
        patient, subject_ids = _only_used(patient, subject_ids)
    events = order_events(
        patient,
        np.concatenate([part.times[keep] for part, keep in zip(parts, kept, strict=True)]),
        np.concatenate(codes),
        _visits(parts, kept),
        n_patients=len(subject_ids),
    )
    found += [
        ("all", "earlier than the row before", events.n_late, "sorted"),
        ("all", "duplicated", events.n_duplicates, "left out"),
        ("all", "piece of an interrupted visit", events.n_split_visits, "a visit of its own"),
    ]
    table = None
    if static is not None:
        order = np.argsort(subjects[0])
        table = _plain_dates(static.drop(columns=[subject]).iloc[order].reset_index(drop=True))
    return Collected(
        events,
        vocabulary.astype(np.str_),
        _descriptions(parts, vocabulary),
        subject_ids.astype(np.int64 if subject_ids.dtype.kind in "iu" else np.str_),
        table,
        reading_table(found),
    )


def _descriptions(
    parts: Sequence[EventColumns], vocabulary: npt.NDArray[Any]
) -> npt.NDArray[np.str_] | None:
    """Words for each code, from the first table that has them."""
    known: dict[str, str] = {}
    for part in parts:
        if part.names is not None:
            named = zip(part.code.values.tolist(), part.names.tolist(), strict=True)
            known = {code: words for code, words in named if words} | known
    if not known:
        return None
    return np.array([known.get(code, "") for code in vocabulary.tolist()], dtype=np.str_)


def _plain_dates(static: pd.DataFrame) -> pd.DataFrame:
    """Dates in microseconds, like the times of events."""
    names = [n for n in static.columns if pd.api.types.is_datetime64_dtype(static[n].dtype)]
    return static.astype(dict.fromkeys(names, "datetime64[us]"))


def _people(static: pd.DataFrame, subject: str) -> Labelled:
    if subject not in static.columns:
        raise TableError(
            f"Got static with columns {', '.join(map(str, static.columns))}, but expected "
            f"{subject!r} too."
        )
    people = label(static[subject].reset_index(drop=True))
    repeated = len(people.labels) - len(np.unique(people.labels))
    if repeated or people.is_missing.any():
        raise TableError(
            f"Got {repeated} repeated and {int(people.is_missing.sum())} missing entries of "
            f"{subject!r} in static, but expected one row a patient."
        )
    return people


def _only_known(
    subject_ids: npt.NDArray[Any], subjects: list[npt.NDArray[np.int64]]
) -> tuple[npt.NDArray[Any], list[npt.NDArray[np.int64]]]:
    """Keep the patients of the first column; a label of any other patient becomes -2."""
    known = np.unique(subjects[0])
    place = np.full(len(subject_ids) + 1, -2, np.int64)
    place[known] = np.arange(len(known))
    place[-1] = -1
    return subject_ids[known], [place[labels] for labels in subjects]


def _only_used(
    patient: npt.NDArray[np.int64], subject_ids: npt.NDArray[Any]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[Any]]:
    """Leave out patients of whom no row could be used."""
    used = np.zeros(len(subject_ids), bool)
    used[patient] = True
    return (np.cumsum(used) - 1)[patient] if len(used) else patient, subject_ids[used]


def _bad_rows(
    part: EventColumns, patient: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.bool_], list[Finding]]:
    """Mark the rows that cannot be used, each counted for its first reason."""
    words = [str(word) for word in part.code.values.tolist()]
    is_text = [len(w) > MAX_CODE_LENGTH or "\n" in w or "\r" in w for w in words]
    reasons = {
        "null subject": patient == -1,
        "null code": part.code.is_missing,
        "null or unreadable time": np.isnat(part.times),
        "free text in the code column": np.array([*is_text, False])[part.code.labels],
        "unknown subject": patient == -2,
    }
    bad = np.zeros(len(patient), bool)
    findings: list[Finding] = [(part.source, "read", len(patient), "")]
    for reason, rows in reasons.items():
        findings.append((part.source, reason, int(np.sum(rows & ~bad)), "left out"))
        bad |= rows
    return bad, findings


def _visits(
    parts: Sequence[EventColumns], kept: list[npt.NDArray[np.bool_]]
) -> npt.NDArray[np.int64] | None:
    """One number a visit; an event without a visit belongs to its calendar day."""
    if all(part.visit is None for part in parts):
        return None
    given = [part.visit for part in parts if part.visit is not None]
    as_text = len({visit.values.dtype.kind for visit in given if len(visit.values)}) > 1
    keys = []
    for part, keep in zip(parts, kept, strict=True):
        days = part.times[keep].astype("datetime64[D]").view(np.int64)
        key = NO_VISIT - days
        if part.visit is not None:
            labels = part.visit.labels[keep]
            own = np.append(_visit_numbers(part.visit.values, as_text), 0)[labels]
            key = np.where(labels < 0, key, own)
        keys.append(key)
    return np.concatenate(keys)


def _visit_numbers(values: npt.NDArray[Any], as_text: bool) -> npt.NDArray[np.int64]:
    """Numbers that tell visits apart in every table: their own, or a hash of 64 bits."""
    if values.dtype.kind in "iu" and not as_text:
        return values.astype(np.int64)
    words = values if values.dtype == object else values.astype(np.str_).astype(object)
    return pd.util.hash_array(words, categorize=False).view(np.int64)
