"""Columns of words or identifiers as numbers: a label an entry, and what the labels stand for."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

__all__ = ["Labelled", "as_identifiers", "label", "unify"]


@dataclass(frozen=True, eq=False)
class Labelled:
    """A column as labels.

    Parameters
    ----------
    labels : ndarray of int64, shape (n,)
        Position in ``values``; -1 where the entry is missing.
    values : ndarray of shape (n_values,)
    """

    labels: npt.NDArray[np.int64]
    values: npt.NDArray[Any]

    @property
    def is_missing(self) -> npt.NDArray[np.bool_]:
        """Which entries are missing."""
        return self.labels < 0

    def __getitem__(self, kept: npt.NDArray[Any]) -> "Labelled":
        return Labelled(self.labels[kept], self.values)


def label(column: Any) -> Labelled:
    """Give the entries of a column numbers; text loses the blanks around it, "" is missing.

    Examples
    --------
    >>> found = label(["I10", None, " I10 ", ""])
    >>> found.labels.tolist(), found.values.tolist()
    ([0, -1, 0, -1], ['I10'])
    """
    series = column if isinstance(column, pd.Series) else pd.Series(column)
    labels, values = pd.factorize(series)
    words = _plain_values(values)
    if words.dtype.kind in "iu":
        return Labelled(labels.astype(np.int64), words)
    unique, place = np.unique(words, return_inverse=True)
    if len(unique) and unique[0] == "":
        unique, place = unique[1:], place - 1
    return Labelled(np.append(place, -1)[labels].astype(np.int64), unique)


def _plain_values(values: Any) -> npt.NDArray[Any]:
    """Whole numbers as int64, all else as text without blanks around it."""
    plain = np.asarray(values)
    if plain.dtype.kind == "f" and np.all(plain == np.floor(plain)):
        plain = plain.astype(np.int64)
    if plain.dtype.kind in "iu":
        return plain.astype(np.int64)
    if plain.dtype == object and all(isinstance(value, int | np.integer) for value in plain):
        return plain.astype(np.int64)
    return np.array([str(value).strip() for value in plain], dtype=np.str_)


def as_identifiers(*columns: Labelled) -> tuple[Labelled, ...]:
    """Bring identifiers to one type: numbers if all are, else text.

    A patient ``7`` of one table is the patient ``"7"`` of another.
    """
    kinds = {column.values.dtype.kind for column in columns if len(column.values)}
    if len(kinds) < 2:
        return columns
    return tuple(Labelled(column.labels, column.values.astype(np.str_)) for column in columns)


def unify(columns: Sequence[Labelled]) -> tuple[list[npt.NDArray[np.int64]], npt.NDArray[Any]]:
    """Give several columns the same labels, in sorted order of what they stand for.

    Examples
    --------
    >>> labels, values = unify([label(["b", "a"]), label(["c", "b", None])])
    >>> [part.tolist() for part in labels], values.tolist()
    ([[1, 0], [2, 1, -1]], ['a', 'b', 'c'])
    """
    same_type = as_identifiers(*columns)
    used = [column.values[_is_used(column)] for column in same_type]
    filled = [part for part in used if len(part)]
    if not filled:
        return [column.labels for column in same_type], np.empty(0, np.str_)
    values = np.unique(np.concatenate(filled))
    out = []
    for column in same_type:
        place = np.searchsorted(values, column.values) if len(column.values) else np.empty(0, int)
        out.append(np.append(place, -1)[column.labels].astype(np.int64))
    return out, values


def _is_used(column: Labelled) -> npt.NDArray[np.bool_]:
    used = np.zeros(len(column.values) + 1, bool)
    used[column.labels] = True
    return used[:-1]
