"""Histories on disk: a folder with one ``.npy`` file a column."""

import io
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from cardiorisk.exceptions import ReadError

__all__ = ["ARRAYS", "DESCRIPTION", "open_columns", "save_columns", "write_description"]

ARRAYS = (
    *("codes", "times", "vocabulary", "visit_offsets", "patient_offsets", "subject_ids"),
    *("prediction_times", "descriptions"),
)
OPTIONAL = ("prediction_times", "descriptions")
DESCRIPTION = "histories.json"
FORMAT = 1


def save_columns(folder: str | os.PathLike[str], columns: Mapping[str, Any]) -> None:
    """Write the columns of histories; the description comes last, so that a part is no whole."""
    path = Path(folder)
    prepare_folder(path)
    for name in ARRAYS:
        if columns[name] is not None:
            np.save(path / f"{name}.npy", columns[name], allow_pickle=False)
    write_description(path, columns["static"], columns["reading"])


def prepare_folder(path: Path) -> None:
    """Make a folder, or empty one that holds saved histories; refuse any other."""
    path.mkdir(parents=True, exist_ok=True)
    present = list(path.iterdir())
    if foreign := [file for file in present if not (file.suffix == ".npy" or _is_ours(file))]:
        raise FileExistsError(f"Got {path}, which holds other files, such as {foreign[0].name}.")
    for file in sorted(present, key=lambda file: file.name != DESCRIPTION):
        file.unlink()


def _is_ours(file: Path) -> bool:
    return file.name == DESCRIPTION


def write_description(path: Path, static: pd.DataFrame | None, reading: pd.DataFrame) -> None:
    """Write static columns and the table of findings, and with it make the folder whole."""
    names = None if static is None else [str(name) for name in static.columns]
    if static is not None:
        for number, name in enumerate(static.columns):
            np.save(path / f"static_{number}.npy", _as_array(static[name]), allow_pickle=False)
    described = {
        "format": FORMAT,
        "static": names,
        "reading": json.loads(reading.to_json(orient="split", index=False)),
    }
    (path / DESCRIPTION).write_text(json.dumps(described), encoding="utf-8")


def _as_array(column: pd.Series) -> npt.NDArray[Any]:
    """Dates and numbers as they are, all else as text with "" for missing."""
    if pd.api.types.is_datetime64_any_dtype(column):
        return column.to_numpy().astype("datetime64[us]")
    plain = column.to_numpy()
    if plain.dtype.kind in "iufb":
        return plain
    return column.astype("string").fillna("").to_numpy(dtype=np.str_)


def open_columns(folder: str | os.PathLike[str]) -> dict[str, Any]:
    """Map the columns of saved histories."""
    path = Path(folder)
    if not (path / DESCRIPTION).is_file():
        raise ReadError(f"Got {path}, but expected a folder of saved histories ({DESCRIPTION}).")
    try:
        described = json.loads((path / DESCRIPTION).read_text(encoding="utf-8"))
        if described["format"] != FORMAT:
            raise ReadError(f"Got {path} in format {described['format']}, but expected {FORMAT}.")
        columns: dict[str, Any] = {}
        for name in ARRAYS:
            file = path / f"{name}.npy"
            is_there = name not in OPTIONAL or file.is_file()
            columns[name] = _map(file) if is_there else None
        columns["static"] = _read_static(path, described["static"])
        table = json.dumps(described["reading"])
    except (ValueError, KeyError, EOFError, FileNotFoundError) as error:
        raise ReadError(f"Got {path}, but its histories are damaged: {error}.") from error
    columns["reading"] = pd.read_json(io.StringIO(table), orient="split")
    return columns


def _map(path: Path) -> npt.NDArray[Any]:
    try:
        mapped = np.load(path, mmap_mode="r", allow_pickle=False)
    except ValueError:  # an array without entries cannot be mapped
        mapped = np.load(path, allow_pickle=False)
    return np.asarray(mapped) if not mapped.size else mapped


def _read_static(path: Path, names: list[str] | None) -> pd.DataFrame | None:
    if names is None:
        return None
    columns = {}
    for number, name in enumerate(names):
        values = np.load(path / f"static_{number}.npy", allow_pickle=False)
        column = pd.Series(values)
        columns[name] = column.replace("", None) if values.dtype.kind == "U" else column
    return pd.DataFrame(columns)
