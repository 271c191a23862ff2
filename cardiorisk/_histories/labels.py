"""Columns of words or identifiers as numbers: a label an entry, and what the labels stand for."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

__all__ = ["Labelled", "as_identifiers", "label", "relabelled", "unify"]


@dataclass(frozen=True, eq=False)
class Labelled:
    """A column as labels.

    Parameters
    ----------
    labels : ndarray of int64, shape (n,)
        Position in ``values``; -1 where the entry is missing.
    values : ndarray of int64, or of str objects, shape (n_values,)
        All different.
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
    plain = np.asarray(values)
    if plain.dtype.kind == "f" and np.all(plain == np.floor(plain)):
        plain = plain.astype(np.int64)
    is_whole = plain.dtype == object and pd.api.types.infer_dtype(plain) == "integer"
    if plain.dtype.kind in "iu" or is_whole:
        return Labelled(labels.astype(np.int64), plain.astype(np.int64))
    words = [str(value).strip() for value in plain.tolist()]
    return relabelled(labels.astype(np.int64), words)


def relabelled(labels: npt.NDArray[np.int64], words: Sequence[str]) -> Labelled:
    """Labels of words of which several may be equal; "" is missing.

    Examples
    --------
    >>> found = relabelled(np.array([0, 1, 2, -1]), ["b", "", "b"])
    >>> found.labels.tolist(), found.values.tolist()
    ([0, -1, 0, -1], ['b'])
    """
    place, values = pd.factorize(np.array([*words, ""], dtype=object)[:-1])
    if len(empty := np.flatnonzero(values == "")):
        values = np.delete(values, empty[0])
        place = np.where(place == empty[0], -1, place - (place > empty[0]))
    return Labelled(np.append(place, -1)[labels].astype(np.int64), values)


def as_identifiers(*columns: Labelled) -> tuple[Labelled, ...]:
    """Bring identifiers to one type: numbers if all are, else text.

    A patient ``7`` of one table is the patient ``"7"`` of another.
    """
    if len({column.values.dtype.kind for column in columns if len(column.values)}) < 2:
        return columns
    return tuple(
        Labelled(column.labels, column.values.astype(np.str_).astype(object)) for column in columns
    )


def unify(columns: Sequence[Labelled]) -> tuple[list[npt.NDArray[np.int64]], npt.NDArray[Any]]:
    """Give several columns the same labels, in sorted order of what they stand for.

    Examples
    --------
    >>> labels, values = unify([label(["b", "a"]), label(["c", "b", None])])
    >>> [part.tolist() for part in labels], values.tolist()
    ([[1, 0], [2, 1, -1]], ['a', 'b', 'c'])
    """
    same_type = as_identifiers(*columns)
    used = [_is_used(column) for column in same_type]
    filled = [c.values[u] for c, u in zip(same_type, used, strict=True) if u.any()]
    if not filled:
        return [column.labels for column in same_type], np.empty(0, object)
    codes, values = pd.factorize(np.concatenate(filled), sort=True)
    out, start = [], 0
    for column, chosen in zip(same_type, used, strict=True):
        place = np.full(len(column.values) + 1, -1, np.int64)
        place[np.flatnonzero(chosen)] = codes[start : start + chosen.sum()]
        start += int(chosen.sum())
        out.append(place[column.labels])
    return out, values


def _is_used(column: Labelled) -> npt.NDArray[np.bool_]:
    used = np.zeros(len(column.values) + 1, bool)
    used[column.labels] = True
    return used[:-1]
