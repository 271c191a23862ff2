"""Read the measurements that an ECG cart prints: the table of MIMIC-IV-ECG."""

import os
from collections.abc import Iterable, Iterator
from typing import Any, overload

import pandas as pd

from cardiorisk.exceptions import ReadError

__all__ = ["COLUMNS", "IDENTIFIERS", "MEASURED", "REPORT_LINES", "read_machine_measurements"]

IDENTIFIERS = ("subject_id", "study_id", "cart_id", "ecg_time")
REPORT_LINES = tuple(f"report_{line}" for line in range(18))
SETTINGS = ("bandwidth", "filtering")
MEASURED = (
    *("rr_interval", "p_onset", "p_end", "qrs_onset", "qrs_end", "t_end"),
    *("p_axis", "qrs_axis", "t_axis"),
)
"""What the cart measured: times in ms, positions in ms from the start of the usual beat, axes in
degrees."""

COLUMNS = (*IDENTIFIERS, *REPORT_LINES, *SETTINGS, *MEASURED)
"""The 33 columns of the file, in its order."""

SUBSETS = {
    "all": COLUMNS,
    "measured": (*IDENTIFIERS, *MEASURED),
    "report": (*IDENTIFIERS[:2], *REPORT_LINES),
}

# Report lines repeat a few hundred phrases, and most are empty: one code a cell instead of one
# string keeps 800,000 rows small and says that the columns of numbers and text alike are text.
DTYPES: dict[str, Any] = {
    **dict.fromkeys(IDENTIFIERS[:3], "int64"),
    **dict.fromkeys(REPORT_LINES + SETTINGS, "category"),
    **dict.fromkeys(MEASURED, "float64"),
}

FilePath = str | os.PathLike[str]


def _chosen(columns: str | Iterable[str]) -> list[str]:
    if isinstance(columns, str) and columns in SUBSETS:
        return list(SUBSETS[columns])
    asked = [columns] if isinstance(columns, str) else list(columns)
    unknown = [str(name) for name in asked if name not in COLUMNS]
    if unknown or not asked:
        raise ValueError(
            f"Got columns={columns!r}, but expected {', '.join(map(repr, SUBSETS))} or some of "
            f"{', '.join(COLUMNS)}."
        )
    return [name for name in COLUMNS if name in asked]


def _check_header(path: FilePath, wanted: Iterable[str]) -> None:
    try:
        found = list(pd.read_csv(path, nrows=0).columns)
    except (pd.errors.EmptyDataError, pd.errors.ParserError, UnicodeDecodeError) as error:
        raise ReadError(f"{path} could not be read as a table: {error}") from error
    if missing := [name for name in wanted if name not in found]:
        raise ReadError(
            f"{path} has no column {', '.join(missing)}; it has {', '.join(found)}. Expected the "
            "form of machine_measurements.csv of MIMIC-IV-ECG."
        )


def _typed(part: pd.DataFrame, path: FilePath) -> pd.DataFrame:
    if "ecg_time" in part:
        try:
            part["ecg_time"] = pd.to_datetime(part["ecg_time"], format="ISO8601")
        except ValueError as error:
            raise ReadError(f"{path} has an ecg_time that is no time: {error}") from error
    return part


def _with_paths(part: pd.DataFrame, records: pd.DataFrame, path: FilePath) -> pd.DataFrame:
    joined = part.join(records, on="study_id")
    if "subject_id" in part:
        differ = joined["listed_subject"].notna() & (joined["listed_subject"] != part["subject_id"])
        if differ.any():
            study = part.loc[differ, "study_id"].iloc[0]
            raise ReadError(
                f"{path} and its record list name different subjects for study {study}; expected "
                "two files of one release."
            )
    return joined.drop(columns="listed_subject")


def _record_list(path: FilePath) -> pd.DataFrame:
    wanted = ("subject_id", "study_id", "path")
    _check_header(path, wanted)
    records = pd.read_csv(path, usecols=wanted).rename(columns={"subject_id": "listed_subject"})
    if records["study_id"].duplicated().any():
        twice = records.loc[records["study_id"].duplicated(), "study_id"].iloc[0]
        raise ReadError(f"{path} lists study {twice} more than once.")
    return records.set_index("study_id")


def _parts(reader: Iterable[pd.DataFrame], path: FilePath) -> Iterator[pd.DataFrame]:
    try:
        for part in reader:
            yield _typed(part, path)
    except ReadError:
        raise
    except (ValueError, pd.errors.ParserError) as error:
        raise ReadError(
            f"{path} holds text where a number is expected, or a broken line: {error}"
        ) from error


def _pieces(reader: Any, chunk_size: int | None, n_rows: int | None) -> Iterator[pd.DataFrame]:
    with reader:
        if chunk_size is None:
            yield reader.read(n_rows)
        else:
            yield from reader


@overload
def read_machine_measurements(
    path: FilePath,
    *,
    columns: str | Iterable[str] = "all",
    record_list: FilePath | None = None,
    n_rows: int | None = None,
    chunk_size: None = None,
) -> pd.DataFrame: ...


@overload
def read_machine_measurements(
    path: FilePath,
    *,
    columns: str | Iterable[str] = "all",
    record_list: FilePath | None = None,
    n_rows: int | None = None,
    chunk_size: int,
) -> Iterator[pd.DataFrame]: ...


def read_machine_measurements(
    path: FilePath,
    *,
    columns: str | Iterable[str] = "all",
    record_list: FilePath | None = None,
    n_rows: int | None = None,
    chunk_size: int | None = None,
) -> pd.DataFrame | Iterator[pd.DataFrame]:
    """Read ``machine_measurements.csv`` of MIMIC-IV-ECG, or a file in its form.

    Nothing is cleaned: "not measured" stays 29999. That is the work of
    :class:`~cardiorisk.features.MachineMeasurements`.

    Parameters
    ----------
    path : str or path
        A CSV file with a header, plain or compressed (``.gz``, ``.zip``, ...).
    columns : {"all", "measured", "report"} or sequence of str, default="all"
        What to read: the 33 columns; identifiers and measurements; or subject, study and the
        lines of the report. Columns of the file beyond the 33 are left out.
    record_list : str or path, optional
        ``record_list.csv`` of the same release: adds ``path``, where the signals of each study
        lie below the folder of the release; missing for a study that is not in the list.
    n_rows : int, optional
        Read the first rows only.
    chunk_size : int, optional
        Yield tables of so many rows one after the other instead of one table.

    Returns
    -------
    table : DataFrame of shape (n_records, n_columns), or iterator of these
        In the order of the file. Identifiers are int64, ``ecg_time`` is a datetime, measurements
        are float64 with NaN for an empty cell, report lines and settings are categories. The
        categories of two chunks differ: turn them into text before joining chunks.

    Raises
    ------
    FileNotFoundError
        There is no such file.
    ReadError
        The file lacks a wanted column, holds text in a column of numbers or is no CSV file; or
        the record list belongs to another release.
    ValueError
        ``columns`` names something that the form does not have.

    References
    ----------
    Gow et al. (2023), MIMIC-IV-ECG 1.0, doi:10.13026/4nqg-sb35.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from cardiorisk.datasets import make_machine_measurements
    >>> with TemporaryDirectory() as folder:
    ...     file = Path(folder, "machine_measurements.csv")
    ...     make_machine_measurements(50, random_state=0).data.to_csv(file, index=False)
    ...     table = read_machine_measurements(file, columns="measured")
    >>> table.shape
    (50, 13)
    """
    wanted = _chosen(columns)
    if record_list is not None and "study_id" not in wanted:
        raise ValueError("Got a record_list without the column study_id, which it is joined on.")
    records = None if record_list is None else _record_list(record_list)
    _check_header(path, wanted)
    reader = pd.read_csv(
        path,
        usecols=wanted,
        dtype={name: kind for name, kind in DTYPES.items() if name in wanted},
        nrows=n_rows,
        iterator=True,
        chunksize=chunk_size,
    )
    parts = (part[wanted] for part in _parts(_pieces(reader, chunk_size, n_rows), path))
    if records is not None:
        parts = (_with_paths(part, records, path) for part in parts)
    return next(parts) if chunk_size is None else parts
