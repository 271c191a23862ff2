"""Columns that were scaled, or turned, on all rows before the split."""

import numpy as np
import numpy.typing as npt

from cardiorisk.evaluation.leakage.finding import Finding
from cardiorisk.evaluation.leakage.study import Study

__all__ = ["prepared_columns"]

Floats = npt.NDArray[np.float64]

FEWEST_VALUES = 10  # coded answers may have mean 0 and SD 1 by design
FEWEST_COLUMNS = 2
# Statistics of a training part differ from those of all rows by about 1 / sqrt(n), so that one
# column agrees by chance with probability of about tolerance * sqrt(n), and two never.
TOLERANCE, TOLERANCE_SINGLE = 1e-8, 1e-5


def prepared_columns(study: Study) -> list[Finding]:
    """Find columns whose mean and SD are exact on all rows, and principal components.

    Limits of 0 and 1 say little: both extremes often lie in the training part.
    """
    numbers, names = _many_valued(study)
    if len(names) < FEWEST_COLUMNS:
        return []
    tolerance = TOLERANCE_SINGLE if study.cells.single else TOLERANCE
    mean, scale = np.nanmean(numbers, axis=0), np.nanstd(numbers, axis=0)
    centred = np.abs(mean) <= tolerance * scale
    n_present = np.sum(~np.isnan(numbers), axis=0)
    sample = scale * np.sqrt(n_present / np.maximum(n_present - 1, 1))
    unit = (np.abs(scale - 1) <= tolerance) | (np.abs(sample - 1) <= tolerance)
    found = {
        "have mean 0 and standard deviation 1 over all rows": centred & unit,
        "are uncorrelated over all rows, as principal components are": _turned(
            numbers, centred & ~unit, tolerance
        ),
    }
    return [
        _finding(words, np.array(names, dtype=object)[which])
        for words, which in found.items()
        if which.sum() >= FEWEST_COLUMNS
    ]


def _many_valued(study: Study) -> tuple[Floats, list[str]]:
    keep = [
        place
        for place, column in enumerate(study.numbers.T)
        if len(np.unique(column[:1000])) > FEWEST_VALUES and np.isfinite(column).any()
    ]
    numbers = np.where(np.isinf(study.numbers[:, keep]), np.nan, study.numbers[:, keep])
    return numbers, [study.cells.numeric_names[place] for place in keep]


def _turned(
    numbers: Floats, centred: npt.NDArray[np.bool_], tolerance: float
) -> npt.NDArray[np.bool_]:
    """Centred columns, if they are uncorrelated to the last digits."""
    which = centred & ~np.isnan(numbers).any(axis=0)
    if which.sum() < FEWEST_COLUMNS:
        return np.zeros(len(which), dtype=bool)
    standard = numbers[:, which] / numbers[:, which].std(axis=0)
    likeness = standard.T @ standard / len(standard)
    np.fill_diagonal(likeness, 0)
    return which if np.abs(likeness).max() <= tolerance else np.zeros(len(which), dtype=bool)


def _finding(words: str, names: npt.NDArray[np.object_]) -> Finding:
    what = f"{len(names)} columns {words}: they were prepared with the test rows."
    remedy = "Give the columns as they were, and put the scaler or PCA into the pipeline."
    return Finding(
        "prepared_columns", what, remedy, {"columns": len(names)}, columns=tuple(map(str, names))
    )
