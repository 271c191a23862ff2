"""Columns of Arrow tables as the columns of events."""

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from cardiorisk._histories.columns import as_times
from cardiorisk._histories.labels import Labelled
from cardiorisk._optional import require

__all__ = ["codes_of", "first_words", "identifiers_of", "labelled", "pairs_of", "times_of"]

WHOLE_NUMBER = re.compile(r"-?(0|[1-9][0-9]{0,17})")


def labelled(column: Any) -> Labelled:
    """Labels of an Arrow column of any type, its values as text without blanks around it."""
    arrow, compute = require("pyarrow", extra="ehr"), require("pyarrow.compute", extra="ehr")
    if arrow.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    encoded = compute.dictionary_encode(column)
    if isinstance(encoded, arrow.ChunkedArray):
        encoded = encoded.unify_dictionaries().combine_chunks()
    if isinstance(encoded, arrow.ChunkedArray):  # no rows at all
        return Labelled(np.empty(0, np.int64), np.empty(0, np.str_))
    labels = encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
    words = [str(value).strip() for value in encoded.dictionary.to_pylist()]
    return relabelled(labels, words)


def relabelled(labels: npt.NDArray[np.int64], words: list[str]) -> Labelled:
    """Labels with what they stand for, where several may stand for the same; "" is missing."""
    values, place = np.unique(np.array(words, dtype=np.str_), return_inverse=True)
    if len(values) and values[0] == "":
        values, place = values[1:], place - 1
    return Labelled(np.append(place, -1)[labels].astype(np.int64), values)


def identifiers_of(column: Any) -> Labelled:
    """Label identifiers: as numbers where all are whole numbers without leading zeros."""
    found = labelled(column)
    if all(WHOLE_NUMBER.fullmatch(word) for word in found.values.tolist()):
        return Labelled(found.labels, found.values.astype(np.int64))
    return found


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
