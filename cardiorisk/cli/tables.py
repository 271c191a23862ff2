"""Read and write the tables that the verbs exchange."""

from pathlib import Path
from typing import Any

import pandas as pd

from cardiorisk.exceptions import ReadError, TableError

__all__ = [
    "IDENTIFIERS",
    "check_writable",
    "model_columns",
    "read_table",
    "take_column",
    "write_table",
]

IDENTIFIERS = ("record_id", "subject_id", "flags")
"""Columns that ``cardiorisk features`` writes and that are never used as predictors."""

_SEPARATORS = {".csv": ",", ".tsv": "\t"}


def read_table(path: Path) -> pd.DataFrame:
    """Read a comma- or tab-separated table; identifiers stay text."""
    separator = _SEPARATORS.get(path.suffix.lower())
    if separator is None:
        raise ReadError(f"Got {path}, but expected a table that ends in .csv or .tsv.")
    try:
        table = pd.read_csv(path, sep=separator, dtype=dict.fromkeys(IDENTIFIERS, str))
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise ReadError(f"{path} could not be read as a table: {error}") from error
    if table.empty:
        raise TableError(f"{path} holds no rows.")
    return table


def check_writable(path: Path, *, is_table: bool = True) -> None:
    """Make the folder of an output, and refuse a bad name before the work, not after it."""
    if is_table and path.suffix.lower() not in _SEPARATORS:
        raise ReadError(f"Got {path}, but expected a name that ends in .csv or .tsv.")
    path.parent.mkdir(parents=True, exist_ok=True)


def write_table(table: pd.DataFrame, path: Path) -> None:
    """Write a comma- or tab-separated table, making its folder where needed."""
    check_writable(path)
    table.to_csv(path, sep=_SEPARATORS[path.suffix.lower()], index=False)


def model_columns(model: Any, table: pd.DataFrame) -> pd.DataFrame:
    """Columns that the model was fitted on, in its order, found by name."""
    names = getattr(model, "feature_names_in_", None)
    if names is None:
        raise TableError("The model was not fitted on a table with column names.")
    missing = [name for name in names if name not in table.columns]
    if missing:
        raise TableError(f"The table lacks the model's column(s) {', '.join(missing)}.")
    return table[list(names)]


def take_column(table: pd.DataFrame, column: str, *, complete: bool = True) -> pd.Series:
    """Return a column by name, or say which columns there are."""
    if column not in table.columns:
        present = ", ".join(map(str, table.columns))
        raise TableError(f"Got column {column!r}, but the table has {present}.")
    values = table[column]
    if complete and values.isna().all():
        raise TableError(f"Column {column!r} is empty; name another one.")
    if complete and values.isna().any():
        raise TableError(
            f"Column {column!r} is missing in {int(values.isna().sum())} of {len(values)} rows; "
            "remove these rows or complete them."
        )
    return values
