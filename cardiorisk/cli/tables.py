"""Read and write the tables that the verbs exchange."""

from pathlib import Path

import pandas as pd

from cardiorisk.exceptions import ReadError, TableError

__all__ = ["IDENTIFIERS", "read_table", "take_column", "write_table"]

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


def write_table(table: pd.DataFrame, path: Path) -> None:
    """Write a comma- or tab-separated table, making its folder where needed."""
    separator = _SEPARATORS.get(path.suffix.lower())
    if separator is None:
        raise ReadError(f"Got {path}, but expected a name that ends in .csv or .tsv.")
    path.parent.mkdir(parents=True, exist_ok=True)
    table.to_csv(path, sep=separator, index=False)


def take_column(table: pd.DataFrame, column: str, *, complete: bool = True) -> pd.Series:
    """Return a column by name, or say which columns there are."""
    if column not in table.columns:
        present = ", ".join(map(str, table.columns))
        raise TableError(f"Got column {column!r}, but the table has {present}.")
    values = table[column]
    if complete and values.isna().any():
        raise TableError(
            f"Column {column!r} is missing in {int(values.isna().sum())} of {len(values)} rows; "
            "remove these rows or complete them."
        )
    return values
