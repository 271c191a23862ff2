"""Read many ECG files; one bad file never stops the rest."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, overload

import pandas as pd

from cardiorisk._optional import require
from cardiorisk.exceptions import ReadError
from cardiorisk.io.ecg_channels import SubjectOf
from cardiorisk.io.ecg_files import FILE_SUFFIXES, read_ecg
from cardiorisk.io.wfdb_records import record_stem
from cardiorisk.records import ECGRecord

__all__ = ["ECGBatch", "read_ecgs"]


def _no_failures() -> pd.DataFrame:
    return pd.DataFrame({"path": [], "reason": []}, dtype=object)


@dataclass(frozen=True, eq=False, repr=False)
class ECGBatch(Sequence[ECGRecord]):
    """What a folder held: the records that could be read, and the files that could not.

    A batch is a sequence of its records, so it can be given to every transformer as it is.

    Parameters
    ----------
    records : tuple of ECGRecord
    failures : DataFrame
        Columns ``path`` and ``reason``, one row a file that could not be read.

    Examples
    --------
    >>> import numpy as np
    >>> batch = ECGBatch((ECGRecord(np.zeros((1, 500)), 500.0, ("II",), "a"),))
    >>> batch
    ECGBatch(1 record, 0 failures)
    >>> batch[0].record_id
    'a'
    """

    records: tuple[ECGRecord, ...]
    failures: pd.DataFrame = field(default_factory=_no_failures)

    def __len__(self) -> int:
        return len(self.records)

    @overload
    def __getitem__(self, index: int) -> ECGRecord: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[ECGRecord, ...]: ...
    def __getitem__(self, index: Any) -> Any:
        return self.records[index]

    def __iter__(self) -> Iterator[ECGRecord]:
        return iter(self.records)

    def __repr__(self) -> str:
        counts = ((len(self.records), "record"), (len(self.failures), "failure"))
        words = [f"{count} {word}{'' if count == 1 else 's'}" for count, word in counts]
        return f"ECGBatch({', '.join(words)})"


def _natural_order(path: Path) -> list[tuple[int, str]]:
    """Sort key that puts record 2 before record 10."""
    parts = re.split(r"(\d+)", str(path))
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in parts]


def find_records(path: str | Path, pattern: str = "*", recursive: bool = True) -> list[Path]:
    """List the ECGs of a folder in natural order; a WFDB record without its suffix."""
    path = Path(path)
    if not path.is_dir():
        return [record_stem(path)]
    search = path.rglob if recursive else path.glob
    lower = (".hea", *FILE_SUFFIXES)
    suffixes = {*lower, *(suffix.upper() for suffix in lower)}
    found = {file for end in suffixes for file in search(pattern + end) if file.is_file()}
    if not found:
        below = " or below it" if recursive else ""
        names = ", ".join(pattern + suffix for suffix in lower)
        raise ReadError(f"Got folder {path}, but no {names} is in it{below}.")
    return sorted((record_stem(file) for file in found), key=_natural_order)


def read_ecgs(
    path_or_paths: str | Path | Iterable[str | Path],
    *,
    pattern: str = "*",
    recursive: bool = True,
    subject_id: SubjectOf | None = None,
    verbose: bool = False,
) -> ECGBatch:
    """Read every ECG of a folder, of several folders, or of a list of files.

    A folder is searched for ``.hea``, ``.dcm``, ``.edf``, ``.scp`` and ``.xml``; a listed file may
    have any name, its content tells the format.

    Parameters
    ----------
    path_or_paths : path-like, or iterable of path-like
        Folders and files, in any mixture.
    pattern : str, default="*"
        Glob of the record names to read in a folder, for example ``"HR*"``.
    recursive : bool, default=True
        Whether to look in the folders below, too.
    subject_id : callable or mapping, optional
        How to find a record's patient, see :func:`read_ecg`.
    verbose : bool, default=False
        Whether to show a progress bar.

    Returns
    -------
    batch : ECGBatch
        Records in natural order of their paths, and a table of the files that failed.

    Raises
    ------
    ReadError
        A folder holds no record, or no path was given.
    OptionalDependencyError
        The package that reads one of the files is not installed.

    Examples
    --------
    >>> batch = read_ecgs("ludb/data")  # doctest: +SKIP
    >>> batch, batch.failures  # doctest: +SKIP
    """
    given = [path_or_paths] if isinstance(path_or_paths, str | Path) else list(path_or_paths)
    paths = [file for path in given for file in find_records(path, pattern, recursive)]
    if not paths:
        raise ReadError("Got an empty list of paths, but expected at least one record or folder.")
    records, failures = [], []
    for file in require("tqdm").tqdm(paths, desc="read", unit="ECG", disable=not verbose):
        try:
            records.append(read_ecg(file, subject_id=subject_id))
        except ReadError as error:
            failures.append({"path": str(file), "reason": str(error)})
    table = pd.DataFrame(failures) if failures else _no_failures()
    return ECGBatch(tuple(records), table)
