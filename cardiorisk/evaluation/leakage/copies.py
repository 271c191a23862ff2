"""Rows that are in two places: training and test, or training and calibration."""

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.stats import binom

from cardiorisk.evaluation.leakage.cells import Cells, row_codes
from cardiorisk.evaluation.leakage.finding import Finding, NotChecked
from cardiorisk.evaluation.leakage.study import Study, material_count
from cardiorisk.evaluation.protocols import Split

__all__ = ["calibration_overlap", "copies_across_folds"]

Bools = npt.NDArray[np.bool_]
Codes = npt.NDArray[np.uint64]

LEVEL = 0.001  # of the test that there are more copies than near copies


def copies_across_folds(study: Study) -> list[Finding]:
    """Find test rows that are also, value by value, in their training part."""
    mixed = row_codes(_without_row_numbers(study.cells))
    splits = study.folds()
    copied, near, p_value = _copied(mixed, splits, study.cells.whole)
    n_tested = len(np.unique(np.concatenate([test for _, test in splits])))
    if copied.sum() <= material_count(n_tested) or p_value >= LEVEL:
        return []
    rows = np.flatnonzero(copied)
    evidence: dict[str, float | str] = {
        "rows": int(copied.sum()),
        "share of tested rows": float(copied.sum() / n_tested),
        "rows beyond the first of their kind": _surplus(mixed),
        "rows that differ in one value": int(near.sum()),
        "p": p_value,
    }
    if study.y is not None:
        evidence["copies with the same outcome"] = float(_same_outcome(mixed, study.y)[rows].mean())
    what = (
        f"{len(rows)} of {n_tested} tested rows are also in their training part, value by value; "
        f"only {int(near.sum())} differ from a training row in a single value, so these are copies "
        "and no coincidence."
    )
    remedy = "Drop duplicates before splitting, or pass groups that keep copies together."
    return [Finding("copies_across_folds", what, remedy, evidence, tuple(rows.tolist()))]


def calibration_overlap(study: Study) -> list[Finding]:
    """Find calibration rows, or patients, that are also in training."""
    if study.calibration is None:
        raise NotChecked("needs calibration")
    findings = []
    other = Cells.of(study.calibration)
    if other is not None and other.columns == study.cells.columns:
        findings += _shared_rows(study.cells, other)
    if study.groups is not None and study.calibration_groups is not None:
        findings += _shared_groups(study.groups, study.calibration_groups)
    elif other is None or other.columns != study.cells.columns:
        raise NotChecked("calibration has other columns than X, and no groups to compare")
    return findings


def _shared_rows(cells: Cells, other: Cells) -> list[Finding]:
    mixed = row_codes(np.concatenate([cells.codes, other.codes]))
    n_train, n_other = len(cells.codes), len(other.codes)
    split = (np.arange(n_train), np.arange(n_train, n_train + n_other))
    copied, near, p_value = _copied(mixed, (split,), cells.whole)
    rows = np.flatnonzero(copied[n_train:])
    if len(rows) <= material_count(n_other) or p_value >= LEVEL:
        return []
    what = f"{len(rows)} of {n_other} calibration rows are training rows, value by value."
    evidence: dict[str, float | str] = {
        "rows": len(rows),
        "share": len(rows) / n_other,
        "rows that differ in one value": int(near.sum()),
        "p": p_value,
    }
    remedy = (
        "Calibrate on rows that the model never saw: ConformalClassifier(cv=5), or a part held "
        "back before training. Scores of training rows are too good, so sets become too small."
    )
    return [Finding("calibration_overlap", what, remedy, evidence, tuple(rows.tolist()))]


def _shared_groups(groups: npt.NDArray[Any], others: npt.NDArray[Any]) -> list[Finding]:
    rows = np.flatnonzero(np.isin(others, groups))
    if not len(rows):
        return []
    n_shared = len(np.unique(others[rows]))
    what = (
        f"{n_shared} patients of the calibration set are in training, with {len(rows)} of "
        f"{len(others)} calibration rows."
    )
    remedy = "Hold whole patients back for calibration."
    evidence: dict[str, float | str] = {"patients": n_shared, "rows": len(rows)}
    return [Finding("calibration_overlap", what, remedy, evidence, tuple(rows.tolist()))]


def _surplus(mixed: Codes) -> int:
    return len(mixed) - len(np.unique(mixed.sum(axis=1, dtype=np.uint64)))


def _without_row_numbers(cells: Cells) -> Codes:
    """Leave out columns of words or whole numbers that are different in every row."""
    keep = []
    for place in range(cells.codes.shape[1]):
        column = cells.codes[:, place]
        counts = not _fractions(cells, place)
        keep.append(not (counts and len(np.unique(column)) == len(column)))
    return cells.codes[:, keep] if any(keep) and len(keep) > 1 else cells.codes


def _fractions(cells: Cells, place: int) -> bool:
    if place not in cells.numeric:
        return False
    values = cells.numbers[:, cells.numeric.index(place)]
    return bool(np.any(values[np.isfinite(values)] % 1))


def _copied(
    mixed: Codes, splits: tuple[Split, ...], whole_rows: bool
) -> tuple[Bools, Bools, float]:
    """Rows with a copy, and rows with a near copy, in their training part; and a p-value.

    Natural coincidences are rarer than near ones: for independent columns that agree with chances
    ``m``, pairs that differ in one column are ``sum((1 - m) / m)`` times as many as pairs that
    differ in none, at least as many where one ``m`` is at most 1/2. So more copies than near
    copies, by the sign test on distinct rows, are no coincidence. Coarse tables, in which every
    row has a near one, pass. Two equal signals are never a coincidence.
    """
    whole = mixed.sum(axis=1, dtype=np.uint64)
    value = np.unique(whole, return_inverse=True)[1]
    copied = _in_training(value, splits)
    near = np.zeros(len(value), dtype=bool)
    if copied.sum() <= material_count(len(value)):
        return copied, near, 1.0
    for column in () if whole_rows else mixed.T:
        rest = np.unique(whole - column, return_inverse=True)[1]
        near |= _in_training(rest, splits, value)
    n_copied, n_near = (len(np.unique(value[rows])) for rows in (copied, near))
    return copied, near, float(binom.sf(n_copied - 1, n_copied + n_near, 0.5))


def _in_training(
    key: npt.NDArray[np.intp],
    splits: tuple[Split, ...],
    not_same: npt.NDArray[np.intp] | None = None,
) -> Bools:
    """Rows whose key occurs in their training part, there with another ``not_same`` if given."""
    found = np.zeros(len(key), dtype=bool)
    for train, test in splits:
        times = np.bincount(key[train], minlength=key.max() + 1)[key[test]]
        if not_same is not None:
            times -= np.bincount(not_same[train], minlength=not_same.max() + 1)[not_same[test]]
        found[test[times > 0]] = True
    return found


def _same_outcome(mixed: Codes, y: npt.NDArray[Any]) -> Bools:
    """Whether all rows with the same values have the same outcome, for each row."""
    value = np.unique(mixed.sum(axis=1, dtype=np.uint64), return_inverse=True)[1]
    outcome = np.unique(y, return_inverse=True)[1]
    lowest = np.full(value.max() + 1, outcome.max() + 1)
    highest = np.full(value.max() + 1, -1)
    np.minimum.at(lowest, value, outcome)
    np.maximum.at(highest, value, outcome)
    return np.asarray((lowest == highest)[value])
