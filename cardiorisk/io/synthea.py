"""Read the tables that Synthea writes."""

import os
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from cardiorisk._histories.columns import EventColumns
from cardiorisk.io.event_columns import entries_of, identifiers_of, labelled, times_of
from cardiorisk.io.event_files import TableFolder
from cardiorisk.io.event_tables import EventTable, TableReader, VisitTimes, times_of_visits
from cardiorisk.records import PatientHistories

__all__ = ["read_synthea"]

SYSTEM = ("code", "SNOMED", "system", "description")
TABLES = (
    EventTable("conditions", ("start",), *SYSTEM),
    EventTable("medications", ("start",), "code", "RxNorm", "system", "description"),
    EventTable("procedures", ("start", "date"), *SYSTEM),
    EventTable("careplans", ("start",), *SYSTEM),
    EventTable("immunizations", ("date",), "code", "CVX", "system", "description"),
    EventTable("allergies", ("start",), *SYSTEM),
    EventTable("devices", ("start",), *SYSTEM),
)


def read_synthea(path: str | os.PathLike[str]) -> PatientHistories:
    """Read a CSV export of Synthea: simulated patients with all their codes.

    Parameters
    ----------
    path : path-like
        The folder with ``patients`` and any of ``conditions``, ``medications``, ``procedures``,
        ``careplans``, ``immunizations``, ``allergies``, ``devices`` and ``encounters``, as
        ``.csv``, ``.csv.gz`` or ``.parquet``, or a folder above with ``csv`` in it; of runs that
        have a folder each below ``csv`` there must be one, or the folder of one is given. Old and
        new sets of columns are read.

    Returns
    -------
    PatientHistories
        Codes such as ``"SNOMED//88805009"``, ``"RxNorm//313782"`` and ``"CVX//140"``, with
        ``descriptions``. A visit is an encounter. ``static`` has ``sex``, ``birth_date``,
        ``death_date`` and ``race``; ``reading`` counts what was read and what could not be used.

    Raises
    ------
    ReadError
        A table is missing, damaged, or lacks a column.

    Notes
    -----
    - An event that has a date without a time of day gets the time at which its encounter
      began, if that is on the same day; else it stays at the beginning of the day.
    - Synthea writes an event when it begins; when it ended is not read.

    References
    ----------
    Walonoski et al. (2018), JAMIA 25:230-238, doi:10.1093/jamia/ocx079.

    Examples
    --------
    >>> read_synthea("synthea/output")  # doctest: +SKIP
    """
    names = ("patients", "encounters", *(table.name for table in TABLES))
    folder = TableFolder.find(path, names, ("csv", "output/csv"))
    reader = TableReader(folder, "patient", "encounter")
    patients = folder.read("patients", ("id", "birthdate"), ("deathdate", "gender", "race"))[0]
    reader.findings.append(("patients", "read", patients.num_rows, ""))
    visits = reader.table("encounters", ("id",), ("start", "date"))
    for table in TABLES:
        reader.read(table)
    begin = next((n for n in ("start", "date") if visits and n in visits.column_names), None)
    if begin is not None:
        starts = identifiers_of(visits["id"]), times_of(visits[begin])
        reader.parts = [_at_encounter(part, starts) for part in reader.parts]
    return reader.histories(_people(patients))


def _at_encounter(part: EventColumns, starts: VisitTimes) -> EventColumns:
    """Move dates without a time of day to the beginning of their encounter of that day."""
    if part.visit is None:
        return part
    begin, days = times_of_visits(part.visit, starts), part.times.astype("datetime64[D]")
    is_date = (part.times == days) & (begin.astype("datetime64[D]") == days)
    return replace(part, times=np.where(is_date, begin, part.times))


def _people(patients: Any) -> pd.DataFrame:
    ids = identifiers_of(patients["id"])

    def words(name: str) -> npt.NDArray[Any] | None:
        if name not in patients.column_names:
            return None
        return entries_of(labelled(patients[name]))

    columns = {
        "subject_id": entries_of(ids),
        "sex": words("gender"),
        "birth_date": times_of(patients["birthdate"]),
        "race": words("race"),
    }
    if "deathdate" in patients.column_names:
        columns["death_date"] = times_of(patients["deathdate"])
    return pd.DataFrame({name: column for name, column in columns.items() if column is not None})
