"""Rows that lie on a straight line between two others: oversampling before the split."""

import numpy as np
import numpy.typing as npt
from scipy.stats import binomtest

from cardiorisk.evaluation.leakage.finding import Finding, NotChecked
from cardiorisk.evaluation.leakage.study import Study

__all__ = ["interpolated_rows"]

Floats = npt.NDArray[np.float64]

LOOKED_AT = 100  # rows of a class
NEIGHBOURS = 12  # SMOTE takes one of five (doi:10.1613/jair.953); invented rows lie between
MOST_CLASSES = 5
FEWEST_COLUMNS = 3  # in two, a line is met by chance
STRAIGHT, STRAIGHT_SINGLE = 1e-11, 1e-8  # 1 + cosine of the angle at the middle row
LEVEL, LEAST_SHARE = 1e-4, 0.02


def interpolated_rows(study: Study) -> list[Finding]:
    """Find a class whose rows lie between two rows of the same class, as SMOTE makes them."""
    labels = study.labels()
    numbers = _standard(study.numbers)
    if numbers.shape[1] < FEWEST_COLUMNS:
        raise NotChecked(f"fewer than {FEWEST_COLUMNS} complete columns of numbers")
    straight = STRAIGHT_SINGLE if study.cells.single else STRAIGHT
    rng = np.random.default_rng(study.seed)
    findings = []
    classes, counts = np.unique(labels, return_counts=True)
    for label in classes[np.argsort(counts)][:MOST_CLASSES]:
        members = np.flatnonzero(labels == label)
        if len(members) <= NEIGHBOURS:
            continue
        looked = rng.choice(members, min(LOOKED_AT, len(members)), replace=False)
        between = _between(numbers, looked, members, straight)
        if between.mean() <= LEAST_SHARE:
            continue
        shuffled = rng.permuted(numbers[members], axis=0)
        some = rng.choice(len(members), len(looked), replace=False)
        by_chance = _between(shuffled, some, np.arange(len(members)), straight).mean()
        chance = max(float(by_chance), LEAST_SHARE)
        if binomtest(int(between.sum()), len(looked), chance, "greater").pvalue < LEVEL:
            findings.append(_finding(str(label), looked[between], between, float(by_chance)))
    return findings


def _standard(numbers: Floats) -> Floats:
    """Complete columns that vary, each divided by its standard deviation."""
    complete = numbers[:, np.isfinite(numbers).all(axis=0)]
    scale = complete.std(axis=0)
    return np.asarray((complete - complete.mean(axis=0))[:, scale > 0] / scale[scale > 0])


def _between(
    numbers: Floats,
    looked: npt.NDArray[np.intp],
    members: npt.NDArray[np.intp],
    straight: float,
) -> npt.NDArray[np.bool_]:
    """Whether each row lies on the straight line between two of its neighbours."""
    pool = numbers[members]
    squares = (pool**2).sum(axis=1)
    found = np.zeros(len(looked), dtype=bool)
    for place, row in enumerate(numbers[looked]):
        distance = squares - 2 * (pool @ row) + row @ row
        nearest = np.argpartition(distance, NEIGHBOURS)[: NEIGHBOURS + 1]
        steps = pool[nearest] - row
        steps = steps[(np.abs(steps) > 1e-9).sum(axis=1) >= FEWEST_COLUMNS]
        if len(steps) < 2:
            continue
        steps /= np.sqrt((steps**2).sum(axis=1, keepdims=True))
        found[place] = (steps @ steps.T).min() <= -1 + straight
    return found


def _finding(
    label: str, rows: npt.NDArray[np.intp], between: npt.NDArray[np.bool_], chance: float
) -> Finding:
    what = (
        f"{int(between.sum())} of {len(between)} rows of class {label} that were looked at lie on "
        f"a straight line between two others ({chance:.0%} after shuffling): they were made by "
        "SMOTE or the like, some out of test rows."
    )
    remedy = "Split first and oversample within the training part, or use class_weight instead."
    evidence: dict[str, float | str] = {
        "share between two others": float(between.mean()),
        "share after shuffling": chance,
    }
    return Finding("interpolated_rows", what, remedy, evidence, tuple(np.sort(rows).tolist()))
