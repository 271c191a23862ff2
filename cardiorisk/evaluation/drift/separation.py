"""Whether a classifier can tell new rows from old ones: shifts of several columns together."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.model_selection import train_test_split

from cardiorisk.evaluation.delong import delong, delong_interval
from cardiorisk.evaluation.intervals import Interval

__all__ = ["separate"]

MAX_VALUES = 200  # of a category; more are taken together


def separate(
    reference: pd.DataFrame, new: pd.DataFrame, random_state: Any = 0
) -> tuple[Interval, float]:
    """Train a classifier of old against new on half of the rows and test it on the other half.

    Parameters
    ----------
    reference, new : DataFrame
    random_state : int, RandomState instance or None, default=0

    Returns
    -------
    auroc : Interval
        0.5 where the classifier finds no difference.
    p : float
        One-sided Mann-Whitney test on the half that was not trained on.

    References
    ----------
    Lopez-Paz D, Oquab M. ICLR 2017. https://openreview.net/forum?id=SJkXfE5xx
    """
    both = pd.concat([reference, new], ignore_index=True)
    is_new = np.repeat([False, True], [len(reference), len(new)])
    train, test = train_test_split(
        np.arange(len(both)), test_size=0.5, stratify=is_new, random_state=random_state
    )
    model = HistGradientBoostingClassifier(
        max_iter=100, learning_rate=0.05, min_samples_leaf=10, random_state=random_state
    )
    numbers = _as_numbers(both)
    # The classifier refuses a column that is empty in its half; without any it sees no difference.
    known = ~np.isnan(numbers[train]).all(axis=0)
    numbers = numbers[:, known] if known.any() else np.zeros((len(both), 1))
    model.fit(numbers[train], is_new[train])
    score = model.predict_proba(numbers[test])[:, 1]
    area, covariance = delong(is_new[test], score[None])
    p = stats.mannwhitneyu(score[is_new[test]], score[~is_new[test]], alternative="greater").pvalue
    return delong_interval(float(area[0]), float(covariance[0, 0])), float(p)


def _as_numbers(table: pd.DataFrame) -> npt.NDArray[np.float64]:
    """Numbers and times as they are, categories as codes in the order of their frequency."""
    columns = []
    for name in table:
        column = table[name]
        if pd.api.types.is_numeric_dtype(column.dtype):
            columns.append(column.to_numpy(dtype=np.float64, na_value=np.nan))
            continue
        if pd.api.types.is_datetime64_any_dtype(column.dtype) or column.dtype.kind == "m":
            columns.append(column.astype("int64").to_numpy(np.float64, copy=True))
            columns[-1][column.isna()] = np.nan
            continue
        words = column.dropna().astype(str)
        order = {value: k for k, value in enumerate(words.value_counts().index)}
        codes = words.map(order).reindex(column.index)
        columns.append(np.minimum(codes.to_numpy(dtype=np.float64), MAX_VALUES))
    return np.column_stack(columns)
