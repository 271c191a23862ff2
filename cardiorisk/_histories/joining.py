"""Put histories of different patients one after the other, in memory or on disk."""

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from cardiorisk._histories.files import prepare_folder, write_description
from cardiorisk._histories.reading import Finding, reading_table

__all__ = ["append_to_folder", "findings_of"]

CHUNK = 1 << 23  # codes renumbered at a time
STREAMED = {
    "codes": np.dtype(np.int32),
    "times": np.dtype("datetime64[us]"),
    "visit_offsets": np.dtype(np.int64),
    "patient_offsets": np.dtype(np.int64),
}


class _GrowingArray:
    """A ``.npy`` file that grows at its end; its header has room for any length."""

    def __init__(self, path: Path, dtype: np.dtype[Any]) -> None:
        self.file: IO[bytes] = path.open("wb")
        self.dtype, self.length = dtype, 0
        self._write_header()

    def _write_header(self) -> None:
        header = {"descr": self.dtype.str, "fortran_order": False, "shape": (self.length,)}
        np.lib.format.write_array_header_1_0(self.file, header)

    def append(self, values: npt.NDArray[Any]) -> None:
        self.file.write(np.ascontiguousarray(values, self.dtype).tobytes())
        self.length += len(values)

    def close(self) -> None:
        self.file.seek(0)
        self._write_header()
        self.file.close()


class _GrowingVocabulary:
    """Codes in the order in which they are met."""

    def __init__(self) -> None:
        self.place: dict[str, int] = {}
        self.words: dict[str, str] = {}

    def renumber(self, part: Any) -> npt.NDArray[np.int32]:
        """Give each code of the part's vocabulary its number."""
        words = part.vocabulary.tolist()
        if part.descriptions is not None:
            named = zip(words, part.descriptions.tolist(), strict=True)
            self.words = {code: text for code, text in named if text} | self.words
        numbers = [self.place.setdefault(code, len(self.place)) for code in words]
        return np.array(numbers, dtype=np.int32)

    def sort(self) -> tuple[npt.NDArray[np.str_], npt.NDArray[np.int32]]:
        """Return the sorted vocabulary, and the place in it of each number."""
        vocabulary, place = np.unique(
            np.array(list(self.place), dtype=np.str_), return_inverse=True
        )
        return vocabulary, place.astype(np.int32)


def append_to_folder(
    folder: str | os.PathLike[str], parts: Iterable[Any], findings: Sequence[Finding] = ()
) -> None:
    """Write parts one by one into one folder of saved histories; only one is in memory.

    Parameters
    ----------
    folder : path-like
    parts : iterable of PatientHistories
        Of different patients. What was met in reading them is added up.
    findings : sequence of Finding
        What was met before.
    """
    path = Path(folder)
    prepare_folder(path)
    arrays = {name: _GrowingArray(path / f"{name}.npy", dtype) for name, dtype in STREAMED.items()}
    vocabulary, subjects, statics, found = _GrowingVocabulary(), [], [], list(findings)
    for name in ("visit_offsets", "patient_offsets"):
        arrays[name].append(np.zeros(1, np.int64))
    for part in parts:
        n_events, n_visits = arrays["codes"].length, arrays["visit_offsets"].length - 1
        arrays["codes"].append(vocabulary.renumber(part)[part.codes])
        arrays["times"].append(part.times)
        arrays["visit_offsets"].append(part.visit_offsets[1:] + n_events)
        arrays["patient_offsets"].append(part.patient_offsets[1:] + n_visits)
        subjects.append(part.subject_ids)
        statics.append(part.static if part.static is not None else _no_columns(len(part)))
        found += findings_of(part.reading)
    for array in arrays.values():
        array.close()
    words, place = vocabulary.sort()
    _renumber_file(path / "codes.npy", place)
    np.save(path / "vocabulary.npy", words, allow_pickle=False)
    if vocabulary.words:
        described = np.array([vocabulary.words.get(code, "") for code in words.tolist()], np.str_)
        np.save(path / "descriptions.npy", described, allow_pickle=False)
    np.save(path / "subject_ids.npy", _as_one_type(subjects), allow_pickle=False)
    write_description(path, _joined_static(statics), reading_table(found))


def findings_of(reading: pd.DataFrame) -> list[Finding]:
    """Rows of a table of findings."""
    return [tuple(row) for row in reading.itertuples(index=False)]


def _no_columns(n_rows: int) -> pd.DataFrame:
    return pd.DataFrame(index=range(n_rows))


def _joined_static(statics: list[pd.DataFrame]) -> pd.DataFrame | None:
    filled = [static for static in statics if len(static)]
    if not any(static.shape[1] for static in filled):
        return None
    names = list(dict.fromkeys(name for static in filled for name in static.columns))
    columns = {name: _joined_column(name, filled) for name in names}
    return pd.DataFrame(columns)


def _joined_column(name: Any, statics: list[pd.DataFrame]) -> pd.Series:
    """Pieces of one column, in their own type where they share one that has room for missing."""
    pieces = [
        static[name] if name in static else pd.Series([None] * len(static)) for static in statics
    ]
    joined = pd.concat([piece.astype(object) for piece in pieces], ignore_index=True)
    types = {piece.dtype for piece in pieces if not piece.isna().all()}
    if len(types) != 1:
        return joined
    target = types.pop()
    if pd.api.types.is_datetime64_any_dtype(target):
        return pd.to_datetime(joined).astype(target)
    if joined.isna().any() and not pd.api.types.is_float_dtype(target):
        return joined
    return joined.astype(target)


def _as_one_type(subjects: list[npt.NDArray[Any]]) -> npt.NDArray[Any]:
    filled = [ids for ids in subjects if len(ids)]
    if not filled:
        return np.empty(0, np.int64)
    if len({ids.dtype.kind for ids in filled}) > 1:
        filled = [ids.astype(np.str_) for ids in filled]
    return np.concatenate(filled)


def _renumber_file(path: Path, place: npt.NDArray[np.int32]) -> None:
    if not len(place):
        return
    codes = np.load(path, mmap_mode="r+")
    for start in range(0, len(codes), CHUNK):
        codes[start : start + CHUNK] = place[codes[start : start + CHUNK]]
    codes.flush()
