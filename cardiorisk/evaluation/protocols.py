"""How the rows are divided into training and test parts, in words and in positions."""

import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from numbers import Integral
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.model_selection import LeaveOneGroupOut, StratifiedKFold

from cardiorisk.evaluation._group_folds import GroupFolds

__all__ = [
    "DEFAULT_FOLDS",
    "LEAVE_ONE_GROUP_OUT",
    "LEAVE_ONE_SITE_OUT",
    "Protocol",
    "resolve_protocol",
]

LEAVE_ONE_SITE_OUT = "leave-one-site-out"
LEAVE_ONE_GROUP_OUT = "leave-one-group-out"
DEFAULT_FOLDS = 5

Positions = npt.NDArray[np.intp]
Split = tuple[Positions, Positions]


@dataclass(frozen=True, eq=False)
class Protocol:
    """Splits and what to call them.

    Parameters
    ----------
    words : str
        For a reader, for example ``"5-fold cross-validation, stratified by outcome"``.
    splits : tuple of (ndarray, ndarray)
        Row positions of the training and the test part.
    repeat : tuple of int
        The repeat that each split belongs to: within a repeat no row is tested twice.
    held_out : tuple of str
        The site or group that each split leaves out; empty unless the protocol is about them.
    by_site : bool
        Whether groups are sites, whose rows are the independent units.
    """

    words: str
    splits: tuple[Split, ...]
    repeat: tuple[int, ...]
    held_out: tuple[str, ...] = ()
    by_site: bool = False

    @property
    def n_repeats(self) -> int:
        """Number of repeats."""
        return self.repeat[-1] + 1


def resolve_protocol(
    cv: Any,
    X: Any,
    y: npt.NDArray[Any],
    groups: npt.NDArray[Any] | None = None,
    random_state: Any = None,
) -> Protocol:
    """Turn every accepted form of ``cv`` into checked splits.

    Parameters
    ----------
    cv : None, int, str, splitter or iterable of (train, test)
        See :func:`cardiorisk.evaluation.evaluate`.
    X : indexable of length n
        Handed to a splitter.
    y : ndarray of shape (n,)
    groups : ndarray of shape (n,), optional
    random_state : int, RandomState instance or None, default=None
        Shuffles the folds of ``cv=None`` and of a number.

    Returns
    -------
    protocol : Protocol

    Raises
    ------
    ValueError
        ``cv`` is not understood, the data are too few for it, a split is not valid, or a group is
        in the training and the test part of a split.
    """
    if isinstance(cv, str):
        return _leave_one_out(cv, y, groups)
    if cv is None or (isinstance(cv, Integral) and not isinstance(cv, bool)):
        n_folds = DEFAULT_FOLDS if cv is None else int(cv)
        return _stratified(n_folds, y, groups, random_state)
    if hasattr(cv, "split"):
        with warnings.catch_warnings():
            # Splitters that ignore groups warn; whether that does harm is checked below.
            warnings.filterwarnings("ignore", message="The groups parameter is ignored")
            splits = _checked(cv.split(X, y, groups), len(y), groups)
        return _named(type(cv).__name__, splits, len(y))
    if isinstance(cv, Iterable):
        return _named("given splits", _checked(cv, len(y), groups), len(y))
    raise ValueError(
        f"Got cv={cv!r}, but expected None, a number of folds, {LEAVE_ONE_SITE_OUT!r}, "
        f"{LEAVE_ONE_GROUP_OUT!r}, a splitter or an iterable of (train, test)."
    )


def _leave_one_out(name: str, y: npt.NDArray[Any], groups: npt.NDArray[Any] | None) -> Protocol:
    if name not in (LEAVE_ONE_SITE_OUT, LEAVE_ONE_GROUP_OUT):
        raise ValueError(
            f"Got cv={name!r}, but the named protocols are {LEAVE_ONE_SITE_OUT!r} and "
            f"{LEAVE_ONE_GROUP_OUT!r}."
        )
    by_site = name == LEAVE_ONE_SITE_OUT
    noun = "site" if by_site else "group"
    if groups is None:
        raise ValueError(f"Got cv={name!r} without groups; pass the {noun} of each row as groups.")
    names = np.unique(groups)
    if len(names) < 2:
        raise ValueError(f"Got cv={name!r} with {len(names)} {noun}, but expected at least two.")
    splits = _checked(LeaveOneGroupOut().split(y, y, groups), len(y), groups)
    words = f"{name}: each of {len(names)} {noun}s is predicted by a model of the others"
    held_out = tuple(str(groups[test[0]]) for _, test in splits)
    return Protocol(words, splits, (0,) * len(splits), held_out, by_site)


def _stratified(
    n_folds: int, y: npt.NDArray[Any], groups: npt.NDArray[Any] | None, random_state: Any
) -> Protocol:
    if n_folds < 2:
        raise ValueError(f"Got cv={n_folds}, but expected at least 2 folds.")
    classes, counts = np.unique(y, return_counts=True)
    if counts.min() < n_folds:
        raise ValueError(
            f"Got {counts.min()} rows of class {classes.tolist()[counts.argmin()]!r} for {n_folds} "
            "folds; each fold needs one. Use fewer folds."
        )
    words = f"{n_folds}-fold cross-validation, stratified by outcome"
    splitter: Any
    if groups is None:
        splitter = StratifiedKFold(n_folds, shuffle=True, random_state=random_state)
    else:
        n_groups = len(np.unique(groups))
        if n_groups < n_folds:
            raise ValueError(
                f"Got {n_groups} groups for {n_folds} folds; use fewer folds, or "
                f"cv={LEAVE_ONE_GROUP_OUT!r}."
            )
        splitter = GroupFolds(n_folds, shuffle=True, random_state=random_state)
        words += ", groups kept whole"
    splits = _checked(splitter.split(y, y, groups), len(y), groups)
    return Protocol(words, splits, (0,) * len(splits))


def _named(name: str, splits: tuple[Split, ...], n_rows: int) -> Protocol:
    repeat = _assign_repeats(splits, n_rows)
    n_repeats, n_tested = repeat[-1] + 1, sum(len(test) for _, test in splits)
    if n_tested == n_repeats * n_rows and len(splits) % n_repeats == 0 and len(splits) > n_repeats:
        words = f"{len(splits) // n_repeats}-fold cross-validation ({name})"
    else:
        words = f"{len(splits)} splits ({name})"
    if n_repeats > 1:
        words += f", rows predicted up to {n_repeats} times"
        if n_tested == n_repeats * n_rows:
            words = f"{words.partition(', rows')[0]}, repeated {n_repeats} times"
    return Protocol(words, splits, repeat)


def _assign_repeats(splits: tuple[Split, ...], n_rows: int) -> tuple[int, ...]:
    """Begin a new repeat whenever a split tests a row that the current one has tested."""
    tested = np.zeros(n_rows, dtype=bool)
    repeat, current = [], 0
    for _, test in splits:
        if tested[test].any():
            tested[:] = False
            current += 1
        tested[test] = True
        repeat.append(current)
    return tuple(repeat)


def _checked(
    splits: Iterable[Any], n_rows: int, groups: npt.NDArray[Any] | None
) -> tuple[Split, ...]:
    checked = []
    for number, split in enumerate(splits):
        train, test = (_positions(part, n_rows, number) for part in split)
        _check_leak(train, test, groups, n_rows, number)
        checked.append((train, test))
    if not checked:
        raise ValueError("Got a cv without any split.")
    return tuple(checked)


def _positions(part: Any, n_rows: int, number: int) -> Positions:
    rows = np.asarray(part)
    if rows.dtype == bool and rows.shape == (n_rows,):
        rows = np.flatnonzero(rows)
    if rows.ndim != 1 or rows.dtype.kind not in "iu" or not len(rows):
        raise ValueError(
            f"Split {number} has a part of shape {rows.shape} and dtype {rows.dtype}, but "
            "expected row positions, at least one."
        )
    if rows.min() < 0 or rows.max() >= n_rows:
        raise ValueError(f"Split {number} has row positions outside 0 to {n_rows - 1}.")
    return rows.astype(np.intp)


def _check_leak(
    train: Positions, test: Positions, groups: npt.NDArray[Any] | None, n_rows: int, number: int
) -> None:
    trained = np.zeros(n_rows, dtype=bool)
    trained[train] = True
    if trained[test].any():
        raise ValueError(
            f"Split {number} has row {test[trained[test]][0]} in training and in test."
        )
    if len(np.unique(test)) < len(test):
        raise ValueError(f"Split {number} tests a row twice.")
    if groups is None:
        return
    shared = np.intersect1d(groups[train], groups[test])
    if len(shared):
        raise ValueError(
            f"Split {number} has {len(shared)} groups in training and in test, for example "
            f"{shared.tolist()[0]!r}. Use cv=None, a number, or a splitter that keeps groups "
            "whole, such as StratifiedGroupKFold."
        )
