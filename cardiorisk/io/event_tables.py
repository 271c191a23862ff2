"""Read one table of events after its description: which column says what."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from cardiorisk._histories.collect import collect
from cardiorisk._histories.columns import EventColumns
from cardiorisk._histories.labels import Labelled, as_identifiers
from cardiorisk._histories.reading import Finding
from cardiorisk.exceptions import ReadError
from cardiorisk.io.code_systems import join_code, system_name
from cardiorisk.io.event_columns import (
    codes_of,
    first_words,
    identifiers_of,
    pairs_of,
    times_of,
)
from cardiorisk.io.event_files import TableFolder
from cardiorisk.records import PatientHistories

__all__ = ["EventTable", "TableReader", "times_of_visits"]


@dataclass(frozen=True)
class EventTable:
    """What a table of events is called, and what its columns mean.

    Parameters
    ----------
    name : str
        Of the table, in lower case as all columns.
    times : tuple of str
        Columns with the time; where the first is empty, the next is taken. None: the time is
        that of the visit.
    code : str
    system : str
        Coding system of the codes, where the table does not tell it.
    system_column : str, optional
        Column that tells the coding system of each row.
    words : str, optional
        Column that says in words what the code means.
    spell : callable, optional
        Makes the code of a row from the entries of ``system_column`` and ``code``.
    """

    name: str
    times: tuple[str, ...]
    code: str
    system: str
    system_column: str | None = None
    words: str | None = None
    spell: Callable[[str, str], str] | None = None

    def spelled(self, system: str, code: str) -> str:
        """One word for a code and what its table says of the system."""
        if self.spell is not None:
            return self.spell(system, code)
        return join_code(system_name(system, self.system), code)


class TableReader:
    """Reads the tables of one folder and remembers what it met.

    Parameters
    ----------
    folder : TableFolder
    subject, visit : str
        Columns with the identifiers of patient and visit, the same in all tables.
    """

    def __init__(self, folder: TableFolder, subject: str, visit: str) -> None:
        self.folder, self.subject, self.visit = folder, subject, visit
        self.findings: list[Finding] = []
        self.parts: list[EventColumns] = []

    def table(self, name: str, columns: Sequence[str], optional: Sequence[str] = ()) -> Any:
        """Read one table; None, and a finding, where the folder has none."""
        if name not in self.folder:
            self.findings.append((name, "table not found", 0, ""))
            return None
        table, n_broken = self.folder.read(name, columns, optional)
        self.findings.append((name, "line with another number of columns", n_broken, "left out"))
        return table

    def read(
        self, spec: EventTable, visit_times: "VisitTimes | None" = None
    ) -> EventColumns | None:
        """Read the events of one table, and keep them for :meth:`histories`."""
        optional = [self.visit, *spec.times, spec.system_column, spec.words]
        needed = [self.subject, spec.code]
        table = self.table(spec.name, needed, [name for name in optional if name])
        if table is None:
            return None
        has = set(table.column_names)
        visit = identifiers_of(table[self.visit]) if self.visit in has else None
        if spec.system_column in has:
            code = pairs_of(table[spec.system_column], table[spec.code], spec.spelled)
        else:
            code = codes_of(table[spec.code], lambda word: spec.spelled("", word))
        part = EventColumns(
            subject=identifiers_of(table[self.subject]),
            times=_first_time(table, spec.times, visit, visit_times),
            code=code,
            visit=visit,
            source=spec.name,
            names=first_words(code, table[spec.words]) if spec.words in has else None,
        )
        self.parts.append(part)
        return part

    def histories(self, static: pd.DataFrame | None) -> PatientHistories:
        """Put everything that was read together; a patient is described once.

        Raises
        ------
        ReadError
            There was no table of events.
        """
        if not self.parts:
            missing = [name for name, finding, *_ in self.findings if finding == "table not found"]
            raise ReadError(f"Got a folder without events: none of {', '.join(missing)} is in it.")
        if static is not None:
            usable = static["subject_id"].notna() & ~static["subject_id"].duplicated()
            n_rest = int(len(static) - usable.sum())
            self.findings.append(
                ("all", "patient again, or without identifier", n_rest, "left out")
            )
            static = static[usable].reset_index(drop=True)
        found = collect(self.parts, static, "subject_id", self.findings)
        return PatientHistories._from_collected(found)


VisitTimes = tuple[Labelled, npt.NDArray[Any]]
"""Identifiers of visits, and the time of each."""


def times_of_visits(visit: Labelled, known: VisitTimes) -> npt.NDArray[Any]:
    """Time of the visit of each row, NaT where the visit is not known."""
    ids, times = known
    own, listed = as_identifiers(visit, ids)
    places = pd.Index(listed.values[listed.labels[~listed.is_missing]])
    times = times[~listed.is_missing]
    unique = ~places.duplicated()
    found = places[unique].get_indexer(pd.Index(own.values))
    of_value = np.append(times[unique], np.datetime64("NaT", "us"))[found]
    return np.append(of_value, np.datetime64("NaT", "us"))[own.labels]


def _first_time(
    table: Any, names: Sequence[str], visit: Labelled | None, visit_times: VisitTimes | None
) -> npt.NDArray[Any]:
    times = np.full(table.num_rows, np.datetime64("NaT", "us"))
    for name in names:
        if name in table.column_names and np.isnat(times).any():
            times = np.where(np.isnat(times), times_of(table[name], name), times)
    if visit is not None and visit_times is not None and not names:
        times = times_of_visits(visit, visit_times)
    return times
