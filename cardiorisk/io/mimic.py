"""Read the hospital tables of MIMIC-IV and MIMIC-III."""

import os
import re
from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from cardiorisk.io.code_systems import join_code
from cardiorisk.io.event_columns import entries_of, identifiers_of, labelled, times_of
from cardiorisk.io.event_files import TableFolder
from cardiorisk.io.event_tables import EventTable, TableReader
from cardiorisk.records import PatientHistories

__all__ = ["read_mimic_iii", "read_mimic_iv"]


def _diagnosis(version: str, code: str) -> str:
    return join_code({"9": "ICD9CM", "10": "ICD10CM"}.get(_version(version), "ICD"), code)


def _procedure(version: str, code: str) -> str:
    return join_code({"9": "ICD9Proc", "10": "ICD10PCS"}.get(_version(version), "ICD"), code)


@cache
def _version(text: str) -> str:
    """Take the number out of "9", "9.0", "ICD-10-CM"; "" where there is none."""
    found = re.search(r"10|9", text)
    return found.group() if found else ""


def _drug(_: str, name: str) -> str:
    # Line breaks stay: they tell free text from a name.
    return join_code("DRUG", re.sub(r"[ \t]+", " ", name.upper()))


MIMIC_IV = (
    EventTable("diagnoses_icd", (), "icd_code", "", "icd_version", spell=_diagnosis),
    EventTable("procedures_icd", ("chartdate",), "icd_code", "", "icd_version", spell=_procedure),
    EventTable("prescriptions", ("starttime",), "drug", "DRUG", spell=_drug),
)
MIMIC_III = (
    EventTable("diagnoses_icd", (), "icd9_code", "ICD9CM"),
    EventTable("procedures_icd", (), "icd9_code", "ICD9Proc"),
    EventTable("prescriptions", ("startdate",), "drug", "DRUG", spell=_drug),
)


def read_mimic_iv(path: str | os.PathLike[str]) -> PatientHistories:
    """Read MIMIC-IV: diagnoses, procedures and prescriptions of its ``hosp`` module.

    Parameters
    ----------
    path : path-like
        The folder of the data set, or its ``hosp`` folder; files are ``.csv``, ``.csv.gz`` or
        ``.parquet``. ``patients`` and ``admissions`` are needed; of the other tables those are
        read that are there.

    Returns
    -------
    PatientHistories
        Codes such as ``"ICD10CM//I50.9"``, ``"ICD9Proc//37.22"`` and ``"DRUG//FUROSEMIDE"``.
        A visit is an admission. ``static`` has ``sex``, ``birth_date`` and ``death_date``;
        ``reading`` counts what was read and what could not be used.

    Raises
    ------
    ReadError
        A table is missing, damaged, or lacks a column.

    Notes
    -----
    - A diagnosis has the time of the **discharge**: codes are given when the stay is over, and
      an earlier time would let a model know them too soon.
    - The year of birth is ``anchor_year - anchor_age``, on 1 January; ages above 89 are 91 there.
    - A code whose version is missing is ``"ICD//4280"``: the version is not guessed.
    - A drug is its name in capitals, with one blank between words.

    References
    ----------
    Johnson et al. (2023), Scientific Data 10:1, doi:10.1038/s41597-022-01899-x.

    Examples
    --------
    >>> read_mimic_iv("mimic-iv-demo")  # doctest: +SKIP
    PatientHistories(100 patients, 275 visits, 4,506 events, 1,472 codes)
    """
    return _read(path, MIMIC_IV, ("hosp",), _people_iv)


def read_mimic_iii(path: str | os.PathLike[str]) -> PatientHistories:
    """Read MIMIC-III: diagnoses, procedures and prescriptions.

    Parameters
    ----------
    path : path-like
        The folder with ``PATIENTS``, ``ADMISSIONS``, ``DIAGNOSES_ICD``, ``PROCEDURES_ICD`` and
        ``PRESCRIPTIONS`` as ``.csv``, ``.csv.gz`` or ``.parquet``; the first two are needed.

    Returns
    -------
    PatientHistories
        Codes such as ``"ICD9CM//428.0"``, ``"ICD9Proc//37.22"`` and ``"DRUG//FUROSEMIDE"``;
        otherwise like :func:`read_mimic_iv`.

    Raises
    ------
    ReadError
        A table is missing, damaged, or lacks a column.

    Notes
    -----
    - Diagnoses and procedures have the time of the **discharge**; this version dates neither.
    - Dates of birth of people above 89 are shifted there, to 300 years of age.

    References
    ----------
    Johnson et al. (2016), Scientific Data 3:160035, doi:10.1038/sdata.2016.35.

    Examples
    --------
    >>> read_mimic_iii("mimic-iii-demo")  # doctest: +SKIP
    PatientHistories(100 patients, 1,413 visits, 10,103 events, 1,496 codes)
    """
    return _read(path, MIMIC_III, (), _people_iii)


def _read(
    path: str | os.PathLike[str], tables: Sequence[EventTable], below: Sequence[str], people: Any
) -> PatientHistories:
    names = ("patients", "admissions", *(table.name for table in tables))
    folder = TableFolder.find(path, names, below)
    reader = TableReader(folder, "subject_id", "hadm_id")
    static = people(folder.read("patients", ("subject_id", "gender"), PEOPLE)[0])
    stays = folder.read("admissions", ("hadm_id", "dischtime"))[0]
    reader.findings += [
        ("patients", "read", len(static), ""),
        ("admissions", "read", stays.num_rows, ""),
    ]
    discharge = identifiers_of(stays["hadm_id"]), times_of(stays["dischtime"])
    for table in tables:
        reader.read(table, discharge)
    return reader.histories(static)


PEOPLE = ("anchor_age", "anchor_year", "dob", "dod")


def _people_iv(patients: Any) -> pd.DataFrame:
    numbers = (
        pd.to_numeric(patients[name].to_pandas(), errors="coerce").to_numpy()
        for name in ("anchor_year", "anchor_age")
    )
    year, age = numbers
    born = pd.to_datetime(pd.Series(year - age), format="%Y", errors="coerce")
    return _people(patients, born.to_numpy().astype("datetime64[us]"))


def _people_iii(patients: Any) -> pd.DataFrame:
    return _people(patients, times_of(patients["dob"]))


def _people(patients: Any, born: npt.NDArray[Any]) -> pd.DataFrame:
    ids, sex = identifiers_of(patients["subject_id"]), labelled(patients["gender"])
    died = np.full(len(born), np.datetime64("NaT", "us"))
    if "dod" in patients.column_names:
        died = times_of(patients["dod"])
    return pd.DataFrame(
        {
            "subject_id": entries_of(ids),
            "sex": entries_of(sex),
            "birth_date": born,
            "death_date": died,
        }
    )
