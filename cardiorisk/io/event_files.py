"""Find and read the columns of a hospital's tables: CSV, also gzipped, or parquet."""

import gzip
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cardiorisk._optional import require
from cardiorisk.exceptions import ReadError

__all__ = ["TableFolder", "read_columns_of"]

SUFFIXES = (".csv", ".csv.gz", ".parquet", ".tsv", ".tsv.gz", ".txt", ".txt.gz")
SEPARATORS = ",\t;|"
BLOCK = 1 << 24  # bytes of a CSV file that are parsed at a time


@dataclass(frozen=True)
class TableFolder:
    """A folder with one file a table; names of files and columns in any case.

    Parameters
    ----------
    files : mapping of str to Path
        Lower-case name of the table to its file.
    """

    files: Mapping[str, Path] = field(default_factory=dict)

    @classmethod
    def find(
        cls, path: str | os.PathLike[str], wanted: Iterable[str], below: Iterable[str] = ()
    ) -> "TableFolder":
        """Look for tables in a folder and in the named folders below it.

        Where there are none, folders inside these are looked into, as a program makes them that
        writes each of its runs to a folder of its own.

        Raises
        ------
        ReadError
            There is no such folder, none of the tables is in it, or there are several runs.
        """
        root, wanted = Path(path), tuple(wanted)
        if not root.is_dir():
            raise ReadError(f"Got {root}, but expected a folder with {', '.join(wanted)}.")
        folders = [root, *(root / name for name in below)]
        if files := _tables_in(folders, wanted):
            return cls(files)
        inside = (run for folder in folders if folder.is_dir() for run in sorted(folder.iterdir()))
        runs = {run: found for run in inside if (found := _tables_in([run], wanted))}
        if len(runs) == 1:
            return cls(next(iter(runs.values())))
        if runs:
            names = ", ".join(str(run.relative_to(root)) for run in runs)
            raise ReadError(
                f"Got {root} with the tables of {len(runs)} runs ({names}), but expected those of "
                "one: give its folder."
            )
        raise ReadError(f"Got {root}, but none of {', '.join(wanted)} is in it.")

    def __contains__(self, name: object) -> bool:
        return name in self.files

    def read(self, name: str, columns: Iterable[str], optional: Iterable[str] = ()) -> Any:
        """Read columns of a table under lower-case names, all as text; see read_columns_of."""
        if name not in self.files:
            raise ReadError(
                f"Got a folder without the table {name!r}, which is needed; it has "
                f"{', '.join(sorted(self.files))}."
            )
        return read_columns_of(self.files[name], columns, optional)


def _tables_in(folders: Iterable[Path], wanted: Iterable[str]) -> dict[str, Path]:
    """File of each table, from the first folder that has it."""
    files: dict[str, Path] = {}
    for folder in folders:
        for file in sorted(folder.iterdir()) if folder.is_dir() else ():
            name = file.name.lower()
            suffix = next((end for end in SUFFIXES if name.endswith(end)), None)
            if suffix is not None and name.removesuffix(suffix) in wanted:
                files.setdefault(name.removesuffix(suffix), file)
    return files


def read_columns_of(
    file: Path, columns: Iterable[str], optional: Iterable[str] = ()
) -> tuple[Any, int]:
    """Read columns of a file as text.

    Parameters
    ----------
    file : Path
    columns : iterable of str
        Lower-case names; the file may spell them in any case.
    optional : iterable of str
        Columns that the file may lack.

    Returns
    -------
    table : pyarrow.Table
        With lower-case names. Columns of CSV are text, "" is null; those of parquet as they are.
    n_broken : int
        Lines with too few or too many columns, which are left out.

    Raises
    ------
    ReadError
        The file is damaged, empty, or lacks a column.
    """
    required, wanted = tuple(columns), {*columns, *optional}
    try:
        if file.suffix.lower() == ".parquet":
            table, n_broken = _read_parquet(file, wanted), 0
        else:
            table, n_broken = _read_csv(file, wanted)
    except (ValueError, OSError, EOFError, UnicodeDecodeError) as error:  # Arrow's errors too
        raise ReadError(f"{file} could not be read as a table: {error}") from error
    if missing := [name for name in required if name not in table.column_names]:
        raise ReadError(
            f"Got {file.name} with columns {', '.join(table.column_names)} of those wanted, but "
            f"expected {', '.join(missing)} too."
        )
    return table, n_broken


def _read_parquet(file: Path, wanted: set[str]) -> Any:
    parquet = require("pyarrow.parquet", extra="ehr")
    names = {name.lower(): name for name in parquet.read_schema(file).names}
    found = {lower: name for lower, name in names.items() if lower in wanted}
    table = parquet.read_table(file, columns=list(found.values()))
    return table.rename_columns([name.lower() for name in table.column_names])


def _read_csv(file: Path, wanted: set[str]) -> tuple[Any, int]:
    arrow, csv = require("pyarrow", extra="ehr"), require("pyarrow.csv", extra="ehr")
    header, separator, encoding = _header(file)
    broken: list[int] = []

    def skip(row: Any) -> str:
        broken.append(row.number)
        return "skip"

    # Vocabularies of OMOP have tabs and bare quotes, which stand for themselves.
    is_bare = separator == "\t" and not any('"' in name for name in header)
    parse = csv.ParseOptions(
        delimiter=separator,
        quote_char=False if is_bare else '"',
        newlines_in_values=not is_bare,
        invalid_row_handler=skip,
    )
    names = [name.strip('"') for name in header]
    found = [name for name in names if name.strip().lower() in wanted]
    options = csv.ConvertOptions(
        include_columns=found,
        column_types=dict.fromkeys(found, arrow.string()),
        strings_can_be_null=True,
        null_values=["", "NULL", "null", "NaN", "nan", "\\N"],
    )

    def read(encoding: str) -> Any:
        broken.clear()
        how = csv.ReadOptions(block_size=BLOCK, encoding=encoding)
        return csv.read_csv(file, read_options=how, parse_options=parse, convert_options=options)

    try:
        table = read(encoding)
    except arrow.ArrowInvalid as error:
        if encoding == "latin-1" or "UTF8" not in str(error):
            raise
        table = read("latin-1")  # the first such letter stands far down
    return table.rename_columns([name.strip().lower() for name in found]), len(broken)


def _header(file: Path) -> tuple[list[str], str, str]:
    """Names of the columns, the separator and the encoding of a CSV file."""
    opener = gzip.open if file.suffix.lower() == ".gz" else open
    with opener(file, "rb") as stream:
        start = stream.read(1 << 16)
    try:
        text, encoding = start.decode("utf-8-sig"), "utf8"
    except UnicodeDecodeError as error:
        cut_in_a_letter = error.start > len(start) - 4
        encoding = "utf8" if cut_in_a_letter else "latin-1"
        text = start.decode("utf-8-sig" if cut_in_a_letter else "latin-1", errors="ignore")
    line = text.lstrip("\r\n").partition("\n")[0].rstrip("\r")
    if not line.strip():
        raise ValueError("the file is empty")
    separator = max(SEPARATORS, key=line.count)
    return line.split(separator), separator, encoding
