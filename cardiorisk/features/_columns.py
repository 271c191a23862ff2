"""What one column of a clinical table holds: its kind, its values, and what is wrong with them."""

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from cardiorisk.exceptions import TableError
from cardiorisk.records import Variable

__all__ = [
    "Finding",
    "category_words",
    "infer_kind",
    "numeric_values",
    "one_hot",
    "refuse_dates",
    "to_missing",
]

FIRST_DATE, LAST_DATE = 19000101, 21001231  # dates written as the integer YYYYMMDD
N_EXAMPLES = 3


@dataclass(frozen=True, eq=False)
class Finding:
    """Values of one column that are not what they should be.

    Parameters
    ----------
    code : str
        ``"zero"``, ``"out_of_range"``, ``"unknown_category"`` or ``"unseen_missing"``.
    column : str
    rows : ndarray of int
        Positions of the rows.
    values : tuple
        The value in each of these rows.
    expected : str
        What was wanted, in words, for example ``"outside 50 to 700 mg/dL"``.
    """

    code: str
    column: str
    rows: npt.NDArray[np.intp]
    values: tuple[Any, ...]
    expected: str

    def __str__(self) -> str:
        plural = "value" if len(self.rows) == 1 else "values"
        seen = "" if self.code == "unseen_missing" else f" ({examples(self.values)})"
        return f"{self.column}: {len(self.rows)} {plural} {self.expected}{seen}"


def examples(values: Iterable[Any]) -> str:
    """Write the first few different values, for an error message."""
    written = list(dict.fromkeys(f"{v:g}" if isinstance(v, float) else repr(v) for v in values))
    return ", ".join(written[:N_EXAMPLES]) + (", ..." if len(written) > N_EXAMPLES else "")


def _present(column: pd.Series) -> list[Any]:
    return column[column.notna()].tolist()


def _is_number(value: Any) -> bool:
    return isinstance(value, Real)


def infer_kind(name: str, column: pd.Series, *, max_categories: int) -> str:
    """Tell whether a column without a description is ``"numeric"`` or ``"categorical"``.

    Raises
    ------
    TableError
        Dates, text that looks like numbers, a mixture of both, or more different words than
        ``max_categories`` (free text or an identifier).
    """
    if isinstance(column.dtype, pd.CategoricalDtype):
        return "categorical"
    if pd.api.types.is_bool_dtype(column.dtype) or pd.api.types.is_numeric_dtype(column.dtype):
        return "numeric"
    _refuse_dtype(name, column)
    present = _present(column)
    if all(_is_number(value) for value in present):
        return "numeric"
    text = [value for value in present if isinstance(value, str)]
    words = [value for value in text if not _reads_as_number(value)]
    if len(text) < len(present) or len(words) < len(text) / 2:
        others = [v for v in present if not isinstance(v, str) or _reads_as_number(v)]
        raise TableError(
            f"Got column {name!r} with {examples(others[:2] + words[:1])}, but expected either "
            "numbers or words. Read it with the right thousands, decimal and na_values settings, "
            "or name it in categorical if these are codes."
        )
    if len(set(text)) > max_categories:
        raise TableError(
            f"Got column {name!r} with {len(set(text))} different words ({examples(text)}), but "
            f"expected at most max_categories={max_categories}. Leave an identifier or free text "
            "out of the table."
        )
    return "categorical"


def _reads_as_number(text: str) -> bool:
    try:
        float(text.replace(",", ""))
    except ValueError:
        return False
    return True


def _refuse_dtype(name: str, column: pd.Series) -> None:
    if pd.api.types.is_complex_dtype(column.dtype):
        raise TableError(f"Got complex numbers in column {name!r}, but expected real numbers.")
    is_time = pd.api.types.is_datetime64_any_dtype(column.dtype)
    if is_time or pd.api.types.is_timedelta64_dtype(column.dtype):
        raise TableError(
            f"Got column {name!r} of dtype {column.dtype}, but expected numbers or words. Turn a "
            "date into a duration, such as an age in years, first."
        )


def numeric_values(name: str, column: pd.Series) -> npt.NDArray[np.float64]:
    """Return a column as floats with NaN for missing, or raise TableError.

    Text is never parsed: ``"265,000"`` and ``"?"`` are errors, because what they mean is a guess.
    """
    _refuse_dtype(name, column)
    if not (pd.api.types.is_numeric_dtype(column.dtype) or pd.api.types.is_bool_dtype(column)):
        wrong = [value for value in _present(column) if not _is_number(value)]
        if wrong:
            raise TableError(
                f"Got {examples(wrong)} in the numeric column {name!r}, but expected numbers or "
                "missing values. Read the file with the right thousands, decimal and na_values "
                "settings."
            )
        column = column.astype(object).where(column.notna(), np.nan)
    values = column.to_numpy(dtype=np.float64, na_value=np.nan)
    if np.isinf(values).any():
        raise TableError(
            f"Got infinity in column {name!r}, but expected finite numbers or missing values."
        )
    return values


def refuse_dates(name: str, values: npt.NDArray[np.float64]) -> None:
    """Raise TableError where every number of a column reads as a date YYYYMMDD."""
    present = values[~np.isnan(values)]
    in_span = (present >= FIRST_DATE) & (present <= LAST_DATE) & (present == np.floor(present))
    if len(present) == 0 or not in_span.all():
        return
    month, day = present // 100 % 100, present % 100
    if ((month >= 1) & (month <= 12) & (day >= 1) & (day <= 31)).all():
        raise TableError(
            f"Got column {name!r} with {examples(present.astype(int).tolist())}, which read as "
            "dates (YYYYMMDD), but expected a measurement. Turn a date into a duration, such as "
            "an age in years, first."
        )


def to_missing(
    name: str, values: npt.NDArray[np.float64], variable: Variable | None, *, keep_range: bool
) -> tuple[npt.NDArray[np.float64], list[Finding]]:
    """Set coded zeros and implausible values of a numeric column to NaN.

    Parameters
    ----------
    name : str
    values : ndarray of float, shape (n_rows,)
    variable : Variable or None
        Its ``zero_is_missing``, ``low`` and ``high`` are applied.
    keep_range : bool
        Report values out of range, but leave them.

    Returns
    -------
    values : ndarray of float, shape (n_rows,)
        A copy.
    findings : list of Finding
    """
    values = values.copy()
    findings: list[Finding] = []
    if variable is None:
        return values, findings
    if variable.zero_is_missing and (rows := np.flatnonzero(values == 0)).size:
        zeros = (0.0,) * len(rows)
        findings.append(Finding("zero", name, rows, zeros, "coded 0, meaning not measured"))
        values[rows] = np.nan
    low = -np.inf if variable.low is None else variable.low
    high = np.inf if variable.high is None else variable.high
    rows = np.flatnonzero((values < low) | (values > high))
    if rows.size:
        expected = _range_words(variable)
        outside = tuple(values[rows].tolist())
        findings.append(Finding("out_of_range", name, rows, outside, expected))
        if not keep_range:
            values[rows] = np.nan
    return values, findings


def _range_words(variable: Variable) -> str:
    if variable.low is None:
        words = f"above {variable.high:g}"
    elif variable.high is None:
        words = f"below {variable.low:g}"
    else:
        words = f"outside {variable.low:g} to {variable.high:g}"
    return f"{words} {variable.unit}".strip()


def category_words(column: pd.Series, variable: Variable | None) -> dict[Hashable, str]:
    """Return the word for each value of a categorical column, in the order of the output.

    The description's categories are the first choice, then those of a pandas Categorical, then
    the sorted values that occur.
    """
    if variable is not None and variable.categories is not None:
        return {value: str(word) for value, word in variable.categories.items()}
    if isinstance(column.dtype, pd.CategoricalDtype):
        found = column.cat.categories.tolist()
    else:
        found = sorted(set(_present(column)), key=lambda value: (type(value).__name__, value))
    return {value: _plain(value) for value in found}


def _plain(value: Any) -> str:
    is_whole = isinstance(value, float) and value.is_integer()
    return str(int(value)) if is_whole else str(value)


def one_hot(
    name: str, column: pd.Series, words: Mapping[Hashable, str]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_], list[Finding]]:
    """Encode a categorical column; both a value and its word are understood.

    Returns
    -------
    encoded : ndarray of float, shape (n_rows, n_categories)
        A row of zeros for a missing or unknown category.
    missing : ndarray of bool, shape (n_rows,)
    findings : list of Finding
        The unknown categories.
    """
    unique = list(dict.fromkeys(words.values()))
    position: dict[Hashable, int] = {word: place for place, word in enumerate(unique)}
    place_of = {**position, **{value: position[word] for value, word in words.items()}}
    missing = column.isna().to_numpy()
    places = np.array(
        [place_of.get(v, -1) if isinstance(v, Hashable) else -1 for v in column.tolist()],
        dtype=np.intp,
    )
    encoded = np.zeros((len(column), len(unique)))
    known = np.flatnonzero(places >= 0)
    encoded[known, places[known]] = 1.0
    rows = np.flatnonzero((places < 0) & ~missing)
    if not rows.size:
        return encoded, missing, []
    expected = f"not among {', '.join(unique)}"
    values = tuple(column.iloc[rows].tolist())
    return encoded, missing, [Finding("unknown_category", name, rows, values, expected)]
