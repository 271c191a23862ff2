"""How often prediction sets hold the truth."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import binomtest

__all__ = ["control_table", "coverage_table", "label_coverage_table"]


def coverage_table(
    sets: npt.NDArray[np.bool_],
    codes: npt.NDArray[np.intp],
    classes: npt.NDArray[Any],
    groups: npt.NDArray[Any] | None,
    target: float,
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Count how often the sets hold the truth: overall, by class, by group, and by both.

    Parameters
    ----------
    sets : ndarray of bool, shape (n, n_classes)
    codes : ndarray of int, shape (n,)
        Column of the true label.
    classes : ndarray of shape (n_classes,)
    groups : ndarray of shape (n,), optional
    target : float
        Coverage that was asked for.
    confidence : float, default=0.95
        Level of the exact binomial interval (Clopper and Pearson 1934,
        doi:10.1093/biomet/26.4.404).

    Returns
    -------
    DataFrame
        Columns level, class, group, n, covered, coverage, low, high, target, mean_size, empty,
        singletons. The last two are shares of the rows; "all" stands where a level does not
        divide the rows.
    """
    everyone = np.ones(len(codes), bool)
    names = [] if groups is None else list(np.unique(groups))
    of_class = [(name, codes == code) for code, name in enumerate(classes)]
    of_group = [(name, groups == name) for name in names]
    parts: list[Any] = [("overall", "all", "all", everyone)]
    parts += [("class", name, "all", rows) for name, rows in of_class]
    parts += [("group", "all", name, rows) for name, rows in of_group]
    parts += [
        ("class x group", label, name, rows & members)
        for name, members in of_group
        for label, rows in of_class
    ]
    records = [
        {"level": level, "class": label, "group": name}
        | _coverage(sets[rows], codes[rows], confidence)
        for level, label, name, rows in parts
    ]
    table = pd.DataFrame(records)
    table.insert(8, "target", target)
    return table


def _coverage(
    sets: npt.NDArray[np.bool_], codes: npt.NDArray[np.intp], confidence: float
) -> dict[str, float]:
    n = len(codes)
    if n == 0:
        return {"n": 0, "covered": 0} | dict.fromkeys(
            ("coverage", "low", "high", "mean_size", "empty", "singletons"), np.nan
        )
    covered = int(sets[np.arange(n), codes].sum())
    interval = binomtest(covered, n).proportion_ci(confidence, method="exact")
    sizes = sets.sum(axis=1)
    return {
        "n": n,
        "covered": covered,
        "coverage": covered / n,
        "low": float(interval.low),
        "high": float(interval.high),
        "mean_size": float(sizes.mean()),
        "empty": float((sizes == 0).mean()),
        "singletons": float((sizes == 1).mean()),
    }


def label_coverage_table(
    sets: npt.NDArray[np.bool_],
    present: npt.NDArray[np.bool_],
    names: npt.NDArray[Any],
    classes: list[npt.NDArray[Any]],
    undecidable: npt.NDArray[np.bool_],
    target: float,
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Count for each label, where it is absent and where it is present, how often sets hold that.

    Parameters
    ----------
    sets : ndarray of bool, shape (n, n_labels, 2)
    present : ndarray of bool, shape (n, n_labels)
    names : ndarray of shape (n_labels,)
    classes : list of ndarray, each of shape (2,)
    undecidable : ndarray of bool, shape (n_labels,)
    target : float
    confidence : float, default=0.95

    Returns
    -------
    DataFrame
        Columns label, class, n, covered, coverage, low, high, target, both, empty, undecidable.
    """
    records = []
    for label, name in enumerate(names):
        for code in (0, 1):
            of_label = sets[present[:, label] == code, label]
            covered, n = int(of_label[:, code].sum()), len(of_label)
            records.append(
                {"label": name, "class": classes[label][code], "n": n, "covered": covered}
                | _proportion("coverage", covered, n, confidence, ("low", "high"))
                | {"target": target}
                | {"both": float(of_label.all(axis=1).mean()) if n else np.nan}
                | {"empty": float((~of_label.any(axis=1)).mean()) if n else np.nan}
                | {"undecidable": bool(undecidable[label])}
            )
    return pd.DataFrame(records)


def control_table(
    predicted: npt.NDArray[np.bool_],
    present: npt.NDArray[np.bool_],
    names: npt.NDArray[Any],
    thresholds: npt.NDArray[np.float64],
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Recall and precision of each label, with exact intervals.

    Parameters
    ----------
    predicted, present : ndarray of bool, shape (n, n_labels)
    names, thresholds : ndarray of shape (n_labels,)
    confidence : float, default=0.95

    Returns
    -------
    DataFrame
    """
    records = []
    for label, name in enumerate(names):
        flagged, truth = predicted[:, label], present[:, label]
        hits, n_present, n_flagged = int((flagged & truth).sum()), truth.sum(), flagged.sum()
        records.append(
            {"label": name, "threshold": thresholds[label]}
            | {"n_present": int(n_present), "n_predicted": int(n_flagged)}
            | _proportion("recall", hits, int(n_present), confidence)
            | _proportion("precision", hits, int(n_flagged), confidence)
        )
    return pd.DataFrame(records)


def _proportion(
    name: str, hits: int, n: int, confidence: float, limits: tuple[str, str] | None = None
) -> dict[str, float]:
    low, high = limits or (f"{name}_low", f"{name}_high")
    if n == 0:
        return dict.fromkeys((name, low, high), np.nan)
    interval = binomtest(hits, n).proportion_ci(confidence, method="exact")
    return {name: hits / n, low: float(interval.low), high: float(interval.high)}
