"""Find the table whose columns are explained, and recombine its rows."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import sparse

from cardiorisk._validation import as_pandas
from cardiorisk.explain.attribution.parents import Parents, compose, trace
from cardiorisk.explain.attribution.pipelines import is_record_wise
from cardiorisk.records import ECGRecord

__all__ = [
    "Passage",
    "as_frame",
    "as_input",
    "pool",
    "recombine",
    "run_steps",
    "table_passage",
    "value_codes",
]

Table: TypeAlias = Any  # a data frame or a two-dimensional array


@dataclass(frozen=True, eq=False)
class Passage:
    """The last part of a model's way, from a table of explained columns to the estimator.

    Parameters
    ----------
    start : int
        Number of transformers that run before the table exists.
    columns : ndarray of int, shape (k,)
        Positions of the table's columns that the estimator sees.
    owners : ndarray of int, shape (p,)
        For each of the estimator's columns its position among ``columns``; empty where they
        cannot be traced.
    columnwise : bool
        Whether each of the estimator's columns depends on nothing but its owner.
    """

    start: int
    columns: npt.NDArray[np.intp]
    owners: npt.NDArray[np.intp]
    columnwise: bool


def as_input(X: Any) -> Any:
    """Return X as a data frame, an array, a sparse matrix or a sequence of records."""
    X = as_pandas(X)
    if isinstance(X, pd.DataFrame) or sparse.issparse(X):
        checked = X
    elif isinstance(X, Sequence) and len(X) and isinstance(X[0], ECGRecord):
        return X
    else:
        checked = X if hasattr(X, "shape") else np.asarray(X)
        if len(checked.shape) < 2:
            raise ValueError(
                f"Got X of shape {checked.shape}, but expected one row a patient: (n, n_columns)."
            )
    if not checked.shape[0]:
        raise ValueError("Got X without rows, but expected at least one to explain.")
    return checked


def run_steps(steps: Sequence[Any], X: Any) -> list[Any]:
    """Return X and what it is after each of the steps; sparse results are made dense."""
    stages = [_dense(X)]
    for step in steps:
        stages.append(_dense(step.transform(stages[-1])))
    return stages


def _dense(table: Any) -> Any:
    return table.toarray() if sparse.issparse(table) else table


def table_passage(stages: Sequence[Any], steps: Sequence[Any], *, traced: bool) -> Passage:
    """Find the earliest table whose columns can be explained.

    Parameters
    ----------
    stages : sequence, length n_steps + 1
        From :func:`run_steps`.
    steps : sequence of fitted transformers
    traced : bool
        Whether every column of the estimator must have one parent in the table. Otherwise it
        is enough that every later step reads columns, not whole records.

    Raises
    ------
    TypeError
        The estimator itself reads whole records, such as ECGs.
    """
    if not isinstance(stages[-1], pd.DataFrame) and np.ndim(stages[-1]) != 2:
        raise TypeError(
            f"Got a model whose last step reads {type(stages[-1]).__name__} of shape "
            f"{np.shape(stages[-1])}; explain needs a table, so put the features in a Pipeline."
        )
    start = len(steps)
    parents: Parents | None = Parents(np.arange(stages[-1].shape[1]), columnwise=True)
    for position in range(len(steps) - 1, -1, -1):
        step = steps[position]
        if not _is_table(stages[position]) or is_record_wise(step):
            break
        here = trace(step, stages[position].shape[1])
        if here is None and traced:
            break
        parents = None if parents is None or here is None else compose(here, parents)
        start = position
    if parents is None or not (traced or parents.columnwise):
        everything = np.arange(stages[start].shape[1])
        return Passage(start, everything, np.empty(0, np.intp), columnwise=False)
    columns, owners = np.unique(parents.positions, return_inverse=True)
    return Passage(start, columns, owners, parents.columnwise)


def _is_table(stage: Any) -> bool:
    return isinstance(stage, pd.DataFrame) or (isinstance(stage, np.ndarray) and stage.ndim == 2)


def as_frame(table: Table, names: Sequence[Any] | None) -> pd.DataFrame:
    """Return a table as a data frame; an array's columns are called ``names`` or x0, x1, ..."""
    if isinstance(table, pd.DataFrame):
        return table
    if names is None or len(names) != table.shape[1]:
        names = [f"x{position}" for position in range(table.shape[1])]
    return pd.DataFrame(table, columns=list(names)).infer_objects()


def pool(first: Table, second: Table) -> Table:
    """Put two tables of the same columns below each other, in the types of the first."""
    if not isinstance(first, pd.DataFrame):
        return np.concatenate([first, np.asarray(second)])
    second = as_frame(second, list(first.columns))
    if list(first.columns) != list(second.columns):
        raise ValueError(
            f"Got a background with columns {list(second.columns)}, but X has "
            f"{list(first.columns)}."
        )
    categories = first.dtypes[[isinstance(t, pd.CategoricalDtype) for t in first.dtypes]]
    return pd.concat([first, second.astype(categories.to_dict())], ignore_index=True)


def value_codes(table: Table, columns: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
    """Integers that are equal within a column where the values are equal or both missing."""
    frame = as_frame(table, None)
    return np.stack([pd.factorize(frame.iloc[:, column])[0] for column in columns], axis=1)


def recombine(table: Table, sources: npt.NDArray[np.intp], owners: npt.NDArray[np.intp]) -> Table:
    """Build rows whose columns come from different rows of a table, in unchanged types.

    Parameters
    ----------
    table : DataFrame or ndarray, shape (n_rows, p)
    sources : ndarray of int, shape (m, k)
        For each new row and each explained column the row of ``table`` to take it from.
    owners : ndarray of int, shape (p,)
        The explained column that each column of ``table`` belongs to.
    """
    rows, columns = sources[:, owners], np.arange(table.shape[1])
    if not isinstance(table, pd.DataFrame):
        return table[rows, columns]
    if table.dtypes.nunique() == 1 and isinstance(table.dtypes.iloc[0], np.dtype):
        return pd.DataFrame(table.to_numpy()[rows, columns], columns=table.columns)
    taken = [table.iloc[:, j].take(rows[:, j]).reset_index(drop=True) for j in columns]
    return pd.concat(taken, axis=1)
