"""A table, array or list of records as numbers, and as codes by which rows can be compared."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from cardiorisk._validation import as_pandas
from cardiorisk.records import ECGRecord

__all__ = ["Cells", "row_codes"]

Codes = npt.NDArray[np.uint64]
Floats = npt.NDArray[np.float64]

WHOLE = ("record",)
MOST_COLUMNS = 2000  # a wider row is a signal: compared as a whole
# splitmix64 (doi:10.1145/2660193.2660195): every bit of a value changes half of the code's bits
STEP, FIRST, SECOND = (
    np.uint64(v) for v in (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB)
)


@dataclass(frozen=True, eq=False)
class Cells:
    """What the guards see of ``X``.

    Parameters
    ----------
    columns : tuple of str
        Names of the columns of ``codes``.
    codes : ndarray of uint64, shape (n_rows, n_columns)
        Equal exactly where values are equal (missing equals missing), also between tables.
    numeric : tuple of int
        Columns that hold numbers, also those written as words.
    numbers : ndarray of float, shape (n_rows, n_numeric)
        Their values, NaN where missing.
    single : bool
        Whether numbers came in single precision.
    """

    columns: tuple[str, ...]
    codes: Codes
    numeric: tuple[int, ...]
    numbers: Floats
    single: bool = False

    @property
    def whole(self) -> bool:
        """Whether a row is one code: a signal."""
        return self.columns == WHOLE

    @classmethod
    def of(cls, X: Any) -> "Cells | None":
        """Read ``X``; None where it is no table, array or sequence of records."""
        X = as_pandas(X)
        if isinstance(X, pd.DataFrame):
            return cls._of_frame(X)
        if isinstance(X, np.ndarray) and X.dtype != object:
            return cls._of_array(X)
        if isinstance(X, np.ndarray | Sequence) and len(X) and isinstance(X[0], ECGRecord):
            return cls._of_wholes([record.signal for record in X])
        if isinstance(X, np.ndarray | Sequence) and len(X) and np.ndim(X) == 2:
            return cls._of_frame(pd.DataFrame(X))
        return None

    @classmethod
    def _of_frame(cls, X: pd.DataFrame) -> "Cells":
        codes = np.empty(X.shape, dtype=np.uint64)
        numeric, numbers = [], []
        for place in range(X.shape[1]):
            column = X.iloc[:, place]
            if pd.api.types.is_numeric_dtype(column) and not _is_complex(column):
                values = column.to_numpy(dtype=np.float64, na_value=np.nan)
                numeric.append(place)
                numbers.append(values)
                codes[:, place] = _of_numbers(values)
            else:
                values = _numbers_in_words(column)
                if values is not None:
                    numeric.append(place)
                    numbers.append(values)
                words = column.astype(object).where(column.notna(), "\0missing").astype(str)
                codes[:, place] = pd.util.hash_array(words.to_numpy(dtype=object))
        table = np.column_stack(numbers) if numbers else np.empty((len(X), 0))
        single = any(kind == np.float32 for kind in X.dtypes)
        return cls(tuple(map(str, X.columns)), codes, tuple(numeric), table, single)

    @classmethod
    def _of_array(cls, X: npt.NDArray[Any]) -> "Cells | None":
        if X.ndim < 2 or X.dtype.kind not in "biuf":
            return None
        if X.ndim > 2 or X.shape[1] > MOST_COLUMNS:
            return cls._of_wholes(list(X))
        numbers = X.astype(np.float64)
        names = tuple(f"column {place}" for place in range(X.shape[1]))
        every = tuple(range(X.shape[1]))
        return cls(names, _of_numbers(numbers), every, numbers, X.dtype == np.float32)

    @classmethod
    def _of_wholes(cls, wholes: Sequence[npt.NDArray[Any]]) -> "Cells":
        codes = np.array(
            [hash(np.ascontiguousarray(one).tobytes()) for one in wholes], dtype=np.int64
        )
        return cls(WHOLE, codes.view(np.uint64)[:, None], (), np.empty((len(codes), 0)))

    @property
    def numeric_names(self) -> tuple[str, ...]:
        """Names of the columns of ``numbers``."""
        return tuple(self.columns[place] for place in self.numeric)


def _numbers_in_words(column: pd.Series) -> Floats | None:
    """Read a column of words that all are numbers; None where one is not."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        column = column.astype(object)
    if not pd.api.types.is_object_dtype(column) and not pd.api.types.is_string_dtype(column):
        return None
    known = column.dropna()
    if not len(known) or not known.map(lambda value: isinstance(value, str)).all():
        return None
    values = pd.to_numeric(column, errors="coerce").to_numpy(np.float64, na_value=np.nan)
    return values if np.isfinite(values).sum() == len(known) else None


def _is_complex(column: pd.Series) -> bool:
    return bool(getattr(column.dtype, "kind", "f") == "c")


def _of_numbers(values: Floats) -> Codes:
    plain = np.where(np.isnan(values), np.nan, values) + 0.0  # one NaN, one zero
    return plain.view(np.uint64)


def row_codes(codes: Codes) -> Codes:
    """Mix the codes of cells: the sum of a row's mixed cells is a code of the row.

    Parameters
    ----------
    codes : ndarray of uint64, shape (n_rows, n_columns)

    Returns
    -------
    mixed : ndarray of uint64, shape (n_rows, n_columns)
        Two rows have the same sum (modulo 2**64) where all their values are equal; others with a
        chance of about ``n_rows ** 2 / 2 ** 65``.
    """
    place = np.arange(1, codes.shape[1] + 1, dtype=np.uint64) * STEP
    mixed = codes + place
    mixed = (mixed ^ (mixed >> np.uint64(30))) * FIRST
    mixed = (mixed ^ (mixed >> np.uint64(27))) * SECOND
    return np.asarray(mixed ^ (mixed >> np.uint64(31)))
