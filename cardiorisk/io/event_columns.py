"""Columns of Arrow tables as the columns of events."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from cardiorisk._histories.columns import as_times
from cardiorisk._histories.labels import Labelled, relabelled
from cardiorisk._optional import require

__all__ = [
    "codes_of",
    "entries_of",
    "first_words",
    "identifiers_of",
    "labelled",
    "pairs_of",
    "times_of",
]


def labelled(column: Any) -> Labelled:
    """Labels of an Arrow column of any type, its values as text without blanks around it."""
    return _as_words(*_encoded(column))


def _as_words(labels: npt.NDArray[np.int64], dictionary: Any) -> Labelled:
    if len(dictionary) and _compute().any(_compute().equal(dictionary, "")).as_py():
        return relabelled(labels, dictionary.to_pylist())
    return Labelled(labels, np.array([*dictionary.to_pylist(), ""], dtype=object)[:-1])


def _encoded(column: Any) -> tuple[npt.NDArray[np.int64], Any]:
    """Labels and the Arrow array of what they stand for, as trimmed text, all different."""
    arrow, compute = require("pyarrow", extra="ehr"), _compute()
    if arrow.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if column.type != arrow.string():
        column = column.cast(arrow.string())
    encoded = compute.dictionary_encode(column)
    if isinstance(encoded, arrow.ChunkedArray):
        encoded = encoded.unify_dictionaries().combine_chunks()
    if isinstance(encoded, arrow.ChunkedArray):  # no rows at all
        return np.empty(0, np.int64), arrow.array([], arrow.string())
    labels = encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
    trimmed = compute.utf8_trim_whitespace(encoded.dictionary)
    if trimmed.equals(encoded.dictionary):
        return labels, trimmed
    again = compute.dictionary_encode(trimmed)
    if len(again.dictionary) == len(trimmed):
        return labels, trimmed
    place = again.indices.to_numpy().astype(np.int64)
    return np.append(place, -1)[labels], again.dictionary


def _compute() -> Any:
    return require("pyarrow.compute", extra="ehr")


def identifiers_of(column: Any) -> Labelled:
    """Label identifiers: as numbers where all are whole numbers without leading zeros.

    ``100.0``, as a program writes whole numbers with some missing among them, is 100.
    """
    arrow = require("pyarrow", extra="ehr")
    labels, dictionary = _encoded(column)
    if len(dictionary) and dictionary[0].as_py().endswith(".0"):
        is_whole = _compute().match_substring_regex(dictionary, r"^(0|[1-9]\d*)\.0$")
        if _compute().all(is_whole).as_py():
            dictionary = _compute().utf8_slice_codeunits(dictionary, 0, -2)
    if len(dictionary) and not dictionary[0].as_py().removeprefix("-").isdecimal():
        return _as_words(labels, dictionary)  # Arrow takes long to find out
    try:
        numbers = dictionary.cast(arrow.int64())
    except arrow.ArrowInvalid:
        return _as_words(labels, dictionary)
    if not numbers.cast(arrow.string()).equals(dictionary):
        return _as_words(labels, dictionary)
    return Labelled(labels, numbers.to_numpy(zero_copy_only=False).astype(np.int64))


def entries_of(found: Labelled) -> npt.NDArray[Any]:
    """Give each row what its label stands for, None where it is missing."""
    return np.array([*found.values.tolist(), None], dtype=object)[found.labels]


def codes_of(column: Any, spell: Callable[[str], str]) -> Labelled:
    """Codes, each different one spelled once."""
    found = labelled(column)
    return relabelled(found.labels, [spell(word) for word in found.values.tolist()])


def pairs_of(first: Any, second: Any, spell: Callable[[str, str], str]) -> Labelled:
    """Codes that are made of two columns, such as a version and a code.

    Missing where ``second`` is missing; ``spell`` gets "" for a missing ``first``.
    """
    a, b = labelled(first), labelled(second)
    n = len(a.values) + 1
    pair = b.labels * n + (a.labels + 1)
    used, labels = np.unique(np.where(b.labels < 0, -1, pair), return_inverse=True)
    versions = ["", *a.values.tolist()]
    words = [
        "" if code < 0 else spell(versions[code % n], str(b.values[code // n]))
        for code in used.tolist()
    ]
    return relabelled(labels.astype(np.int64), words)


def first_words(code: Labelled, column: Any) -> npt.NDArray[np.str_]:
    """Words that stand beside each code, those of its first row."""
    first = np.full(len(code.values) + 1, -1, np.int64)
    first[code.labels[::-1]] = np.arange(len(code.labels))[::-1]
    chosen = column.take(require("pyarrow", extra="ehr").array(np.maximum(first[:-1], 0)))
    words = [str(word or "").strip() for word in chosen.to_pylist()]
    return np.where(first[:-1] < 0, "", np.array(words, dtype=np.str_))


def times_of(column: Any, name: str = "time") -> npt.NDArray[Any]:
    """Convert dates, timestamps or ISO 8601 text to datetime64[us], NaT where unreadable."""
    arrow = require("pyarrow", extra="ehr")
    if not (arrow.types.is_string(column.type) or arrow.types.is_large_string(column.type)):
        return as_times(column.to_pandas(), name)
    for target in (arrow.timestamp("us"), arrow.timestamp("us", "UTC")):
        try:
            stamps = column.cast(target).cast(arrow.timestamp("us"))
        except arrow.ArrowInvalid:
            continue
        return stamps.to_numpy().astype("datetime64[us]")
    return as_times(pd.Series(column.to_pandas(), dtype=object), name)
