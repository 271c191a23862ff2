"""Read the tables of the OMOP common data model."""

import os
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from cardiorisk._histories.columns import EventColumns
from cardiorisk._optional import require
from cardiorisk.io.code_systems import join_code
from cardiorisk.io.event_columns import entries_of, identifiers_of, labelled, times_of
from cardiorisk.io.event_files import TableFolder
from cardiorisk.io.event_tables import EventTable, TableReader, VisitTimes, times_of_visits
from cardiorisk.records import PatientHistories

__all__ = ["read_omop"]

NO_CONCEPT = "OMOP//0"  # OMOP's "no matching concept"
SEX = {"8507": "M", "8532": "F"}
SEX_WORDS = {"m": "M", "male": "M", "f": "F", "female": "F"}
PERSON = (
    *("year_of_birth", "month_of_birth", "day_of_birth", "birth_datetime"),
    *("gender_concept_id", "gender_source_value", "care_site_id"),
)


def _plain(_: str, concept: str) -> str:
    code = join_code("OMOP", concept)
    return "" if code == NO_CONCEPT else code


def _event_table(name: str, start: str, concept: str) -> EventTable:
    return EventTable(name, (f"{start}_datetime", f"{start}_date"), concept, "OMOP", spell=_plain)


TABLES = (
    _event_table("condition_occurrence", "condition_start", "condition_concept_id"),
    _event_table("drug_exposure", "drug_exposure_start", "drug_concept_id"),
    _event_table("procedure_occurrence", "procedure", "procedure_concept_id"),
)


def read_omop(path: str | os.PathLike[str], *, source: bool = False) -> PatientHistories:
    """Read conditions, drugs and procedures of OMOP, version 5.3 or 5.4.

    Parameters
    ----------
    path : path-like
        The folder with ``person`` and any of ``condition_occurrence``, ``drug_exposure``,
        ``procedure_occurrence``, ``visit_occurrence``, ``death`` and ``concept``, as CSV
        (also gzipped, also with tabs) or parquet.
    source : bool, default=False
        Whether to take the concepts of the source, such as ICD-10-CM, instead of the standard
        ones.

    Returns
    -------
    PatientHistories
        With a ``concept`` table, codes such as ``"SNOMED//84114007"`` and ``descriptions``;
        without it ``"OMOP//316139"``. Concept 0 ("no matching concept") counts as a null code.
        A visit is a visit occurrence. ``static`` has ``sex``, ``birth_date``, ``death_date`` and
        ``site`` where they are known.

    Raises
    ------
    ReadError
        A table is missing, damaged, or lacks a column.

    Notes
    -----
    - An event with neither time nor date gets the beginning of its visit.
    - A birth without month or day is taken as January or the first.

    References
    ----------
    https://ohdsi.github.io/CommonDataModel/

    Examples
    --------
    >>> read_omop("omop")  # doctest: +SKIP
    """
    names = ("person", "visit_occurrence", "death", "concept", *(table.name for table in TABLES))
    folder = TableFolder.find(path, names)
    reader = TableReader(folder, "person_id", "visit_occurrence_id")
    person = folder.read("person", ("person_id",), PERSON)[0]
    reader.findings.append(("person", "read", person.num_rows, ""))
    starts = _visit_starts(reader)
    for table in TABLES:
        code = table.code.replace("_concept_id", "_source_concept_id") if source else table.code
        part = reader.read(replace(table, code=code))
        if part is not None and starts is not None and part.visit is not None:
            reader.parts[-1] = _fill_times(part, starts)
    concepts = reader.table(
        "concept", ("concept_id", "vocabulary_id", "concept_code"), ("concept_name",)
    )
    if concepts is not None:
        rename = _concept_names(concepts, reader.parts)
        reader.parts = [rename(part) for part in reader.parts]
    return reader.histories(_people(person, reader))


def _visit_starts(reader: TableReader) -> VisitTimes | None:
    optional = ("visit_start_datetime", "visit_start_date")
    visits = reader.table("visit_occurrence", ("visit_occurrence_id",), optional)
    if visits is None:
        return None
    times = np.full(visits.num_rows, np.datetime64("NaT", "us"))
    for name in optional:
        if name in visits.column_names:
            times = np.where(np.isnat(times), times_of(visits[name], name), times)
    return identifiers_of(visits["visit_occurrence_id"]), times


def _fill_times(part: EventColumns, starts: VisitTimes) -> EventColumns:
    assert part.visit is not None
    begin = times_of_visits(part.visit, starts)
    return replace(part, times=np.where(np.isnat(part.times), begin, part.times))


def _concept_names(
    concepts: Any, parts: list[EventColumns]
) -> Callable[[EventColumns], EventColumns]:
    """Give codes the names of their vocabulary, and words, where the table knows them."""
    arrow = require("pyarrow", extra="ehr")
    compute = require("pyarrow.compute", extra="ehr")
    used = {code.rpartition("/")[2] for part in parts for code in part.code.values.tolist()}
    ids = concepts["concept_id"].cast(arrow.string())
    table = concepts.filter(compute.is_in(ids, value_set=arrow.array(sorted(used), arrow.string())))
    column = {name: table[name].cast(arrow.string()).to_pylist() for name in table.column_names}
    rows = zip(column["concept_id"], column["vocabulary_id"], column["concept_code"], strict=True)
    names = {f"OMOP//{key}": join_code(system or "OMOP", code or key) for key, system, code in rows}
    words = column.get("concept_name", [""] * len(names))
    meant = {
        f"OMOP//{key}": text or "" for key, text in zip(column["concept_id"], words, strict=True)
    }

    def rename(part: EventColumns) -> EventColumns:
        old = part.code.values.tolist()
        new = np.array([names.get(code, code) for code in old], dtype=np.str_)
        values, place = np.unique(new, return_inverse=True)
        described = np.full(len(values), "", dtype=object)
        described[place] = [meant.get(code, "") for code in old]
        code = type(part.code)(np.append(place, -1)[part.code.labels], values)
        return replace(part, code=code, names=described.astype(np.str_))

    return rename


def _people(person: Any, reader: TableReader) -> pd.DataFrame:
    ids = identifiers_of(person["person_id"])
    people = pd.DataFrame({"subject_id": entries_of(ids), "sex": _sex(person)})
    people["birth_date"] = _births(person)
    if "care_site_id" in person.column_names:
        people["site"] = entries_of(labelled(person["care_site_id"]))
    deaths = reader.table("death", ("person_id", "death_date"))
    if deaths is not None:
        who = identifiers_of(deaths["person_id"])
        died = pd.Series(times_of(deaths["death_date"]), entries_of(who))
        people["death_date"] = people["subject_id"].map(died.groupby(level=0).min())
    return people


def _sex(person: Any) -> list[str | None]:
    n = person.num_rows
    concept, word = (
        person[name].to_pylist() if name in person.column_names else [None] * n
        for name in ("gender_concept_id", "gender_source_value")
    )
    return [
        SEX.get(str(number)) or SEX_WORDS.get(str(text).strip().lower())
        for number, text in zip(concept, word, strict=True)
    ]


def _births(person: Any) -> npt.NDArray[Any]:
    born = np.full(person.num_rows, np.datetime64("NaT", "us"))
    if "birth_datetime" in person.column_names:
        born = times_of(person["birth_datetime"])
    if "year_of_birth" not in person.column_names:
        return born
    parts = {"year": person["year_of_birth"].to_pandas()}
    for name in ("month", "day"):
        column = f"{name}_of_birth"
        parts[name] = person[column].to_pandas() if column in person.column_names else 1
    dates = pd.DataFrame(parts).apply(pd.to_numeric, errors="coerce")
    dates[["month", "day"]] = dates[["month", "day"]].fillna(1)
    stated = pd.to_datetime(dates, errors="coerce").to_numpy().astype("datetime64[us]")
    return np.where(np.isnat(born), stated, born)
