"""Files that a killed training goes on from: arrays and JSON in one npz, never a pickle."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from cardiorisk.exceptions import ReadError

__all__ = ["read_checkpoint", "write_checkpoint"]

Arrays = dict[str, npt.NDArray[Any]]

FORMAT = 1
ABOUT = "about.json"


def _dumped(about: Mapping[str, Any]) -> str:
    def plain(value: Any) -> Any:
        if isinstance(value, np.generic | np.ndarray):
            return value.tolist()
        raise TypeError(f"Got a {type(value).__name__}, but a checkpoint holds JSON's types only.")

    return json.dumps(about, default=plain)


def write_checkpoint(
    path: Path, configuration: Mapping[str, Any], arrays: Arrays, state: Mapping[str, Any]
) -> None:
    """Replace the file at once: after a kill there is the old one or the new one, complete.

    Parameters
    ----------
    path : Path
        Its folder must exist.
    configuration : mapping
        What a resumed training must share; JSON can hold it.
    arrays : dict of str to ndarray
    state : mapping
        JSON can hold it.
    """
    about = _dumped({"format": FORMAT, "configuration": configuration, "state": state})
    # One fixed name, so that repeated kills leave at most one unfinished file.
    unfinished = path.with_name(f".{path.name}.unfinished")
    with unfinished.open("wb") as file:
        np.savez(file, **{ABOUT: np.frombuffer(about.encode(), np.uint8)}, **arrays)  # type: ignore[arg-type]
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)


def read_checkpoint(
    path: Path, configuration: Mapping[str, Any]
) -> tuple[Arrays, dict[str, Any]] | None:
    """Read what :func:`write_checkpoint` wrote for the same configuration.

    Parameters
    ----------
    path : Path
    configuration : mapping

    Returns
    -------
    arrays, state : dict, dict
        None where there is no file.

    Raises
    ------
    FileNotFoundError
        There is no such folder.
    ReadError
        The file is no checkpoint, or damaged.
    ValueError
        It belongs to another configuration; what differs is named.
    """
    expected = json.loads(_dumped(configuration))  # first: what JSON cannot hold is told at once
    if not path.parent.is_dir():
        raise FileNotFoundError(f"Got checkpoint={str(path)!r}, but there is no such folder.")
    if not path.exists():
        return None
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as parts:
            arrays = {name: parts[name] for name in parts.files}
        about = json.loads(arrays.pop(ABOUT).tobytes())
        form, found, state = about["format"], about["configuration"], about["state"]
    except Exception as error:  # bytes that are no zip, or no JSON, raise many different types
        raise ReadError(f"{path} is no checkpoint of a training: {error!r}.") from error
    if form != FORMAT:
        raise ReadError(f"{path} has checkpoint format {form!r}, but this version reads {FORMAT}.")
    differ = [key for key in expected | found if expected.get(key) != found.get(key)]
    if differ:
        reason = _difference(differ, found, expected)
        raise ValueError(
            f"Got checkpoint={str(path)!r} of another training: {reason}. Name another file, or "
            "remove this one."
        )
    return arrays, state


def _difference(keys: list[str], found: Any, expected: Any) -> str:
    if all(isinstance(side.get(key), dict) for side in (found, expected) for key in keys):
        inner = {key: set(found[key]) | set(expected[key]) for key in keys}
        return "; ".join(
            f"{name}={found[key].get(name)!r} there and {expected[key].get(name)!r} here"
            for key, names in inner.items()
            for name in sorted(names)
            if found[key].get(name) != expected[key].get(name)
        )
    return "; ".join(
        f"{key}={found.get(key)!r} there and {expected.get(key)!r} here" for key in keys
    )
