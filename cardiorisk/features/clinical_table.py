"""A clinical table becomes numbers: coded zeros, ranges, missing values and categories."""

import warnings
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from numbers import Integral
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin, _fit_context
from sklearn.utils import Tags
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import _check_feature_names_in, check_is_fitted, validate_data

from cardiorisk._validation import as_pandas, check_columns
from cardiorisk.exceptions import TableError, TableWarning
from cardiorisk.features._columns import (
    Finding,
    category_words,
    infer_kind,
    numeric_values,
    one_hot,
    refuse_dates,
    to_missing,
)
from cardiorisk.records import Variable

__all__ = ["ClinicalTable"]

WARNED = ("out_of_range", "unknown_category")


def _check_shape(frame: pd.DataFrame) -> None:
    for size, what in zip(frame.shape, ("sample(s)", "feature(s)"), strict=True):
        if size == 0:
            raise TableError(
                f"Got a table with 0 {what} (shape={frame.shape}) while a minimum of 1 is required."
            )
    if not frame.columns.is_unique:
        twice = frame.columns[frame.columns.duplicated()][0]
        raise TableError(f"Got column {twice!r} more than once, but each name must be unique.")


def _as_schema(schema: Mapping[str, Variable] | Iterable[Variable] | None) -> dict[str, Variable]:
    if schema is None:
        return {}
    variables = schema.values() if isinstance(schema, Mapping) else schema
    return {variable.name: variable for variable in variables}


@dataclass(frozen=True)
class _Cleaned:
    values: dict[str, npt.NDArray[np.float64]]
    missing: dict[str, npt.NDArray[np.bool_]]
    findings: list[Finding]


def _median(name: str, values: npt.NDArray[np.float64]) -> float:
    if np.isnan(values).all():
        raise TableError(f"Got column {name!r} without any value, so it has no median.")
    return float(np.nanmedian(values))


class ClinicalTable(TransformerMixin, BaseEstimator):
    """Turn a clinical table into numbers that every classifier here accepts.

    Zeros that mean "not measured" and values that cannot be true become missing; categories
    become one column each; columns with missing values get an indicator. Nothing is corrected or
    guessed: a cholesterol in mmol/L among mg/dL is out of range, so it is reported and set to
    missing, not converted.

    Parameters
    ----------
    schema : mapping of str to Variable, or iterable of Variable, optional
        What the columns mean, for example ``load_heart_disease().schema``. It may describe more
        columns than the table has. A column that it does not describe is numeric if it holds
        numbers, and categorical if it holds words or is a pandas Categorical.
    categorical : sequence of str, default=()
        Further columns whose values are categories, for example numeric codes.
    zero_as_missing : sequence of str, default=()
        Further numeric columns in which 0 means "not measured".
    out_of_range : {"nan", "raise", "keep"}, default="nan"
        What happens to values outside the schema's limits: set to missing with one
        :class:`~cardiorisk.exceptions.TableWarning`, refused, or left with a warning.
    unknown_category : {"warn", "raise"}, default="warn"
        What happens to a category that is neither in the schema nor in the training table: all
        its one-hot columns are 0, with a warning; or it is refused.
    indicators : {"auto", "all", "none"} or sequence of str, default="auto"
        Columns that get a 0/1 column ``<name>_missing``. "auto": those with a missing value in
        the training table, after coded zeros and implausible values were set to missing.
    impute : {"median"}, optional
        What stands in for a missing number. None keeps NaN, which the forests and boosters
        accept; "median" of the training table is for models that do not.
    max_categories : int, default=30
        Most different words that an undescribed column may hold; more are taken for an
        identifier or free text and refused.

    Attributes
    ----------
    feature_parents_ : dict of str to str
        The input column of each output column, in the order of the output.
    kinds_ : dict of str to str
        "numeric" or "categorical" for each input column.
    categories_ : dict of str to dict
        The word of each value of the categorical columns.
    medians_ : dict of str to float
        Training medians of the numeric columns; empty unless ``impute="median"``.
    indicators_ : tuple of str
        Columns that have an indicator.
    n_features_in_ : int
    feature_names_in_ : ndarray of str
        Only for a table with names.

    Notes
    -----
    A **missing category** is 0 in all its one-hot columns and 1 in its indicator, so "missing" is
    a category of its own. An **unknown category** is 0 in all of them. Categories that the schema
    knows and the training table lacks have a column too, so tables of different sites agree.

    Examples
    --------
    >>> import pandas as pd
    >>> from cardiorisk.features import ClinicalTable
    >>> from cardiorisk.records import Variable
    >>> schema = {
    ...     "chol": Variable("chol", "cholesterol", "mg/dL", 50, 700, zero_is_missing=True),
    ...     "cp": Variable("cp", "chest pain", categories={1: "typical", 4: "asymptomatic"}),
    ... }
    >>> X = pd.DataFrame({"chol": [233, 0], "cp": [1, 4]})
    >>> ClinicalTable(schema).set_output(transform="pandas").fit_transform(X)
        chol  chol_missing  cp=typical  cp=asymptomatic
    0  233.0           0.0         1.0              0.0
    1    NaN           1.0         0.0              1.0
    """

    _parameter_constraints: dict[str, list[Any]] = {  # noqa: RUF012 (the form that scikit-learn reads)
        "schema": [Mapping, "array-like", None],
        "categorical": ["array-like"],
        "zero_as_missing": ["array-like"],
        "out_of_range": [StrOptions({"nan", "raise", "keep"})],
        "unknown_category": [StrOptions({"warn", "raise"})],
        "indicators": [StrOptions({"auto", "all", "none"}), "array-like"],
        "impute": [StrOptions({"median"}), None],
        "max_categories": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(
        self,
        schema: Mapping[str, Variable] | Iterable[Variable] | None = None,
        *,
        categorical: Sequence[str] = (),
        zero_as_missing: Sequence[str] = (),
        out_of_range: str = "nan",
        unknown_category: str = "warn",
        indicators: str | Sequence[str] = "auto",
        impute: str | None = None,
        max_categories: int = 30,
    ) -> None:
        self.schema = schema
        self.categorical = categorical
        self.zero_as_missing = zero_as_missing
        self.out_of_range = out_of_range
        self.unknown_category = unknown_category
        self.indicators = indicators
        self.impute = impute
        self.max_categories = max_categories

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Any, y: Any = None) -> Self:
        """Learn kinds, categories, indicators and medians.

        Parameters
        ----------
        X : DataFrame or array of shape (n_samples, n_features)
            A pandas (or any narwhals-readable) DataFrame, or an array of numbers.
        y : ignored

        Returns
        -------
        self

        Raises
        ------
        TableError
            A column is not what it claims to be: text in a numeric column, dates, infinity,
            free text; or an option names a column that the table does not have.
        """
        frame = self._read(X, reset=True)
        self.variables_ = self._describe(frame)
        self.kinds_ = {name: self._kind(name, frame[name]) for name in frame}
        self.categories_ = {
            name: category_words(frame[name], self.variables_.get(name))
            for name, kind in self.kinds_.items()
            if kind == "categorical"
        }
        cleaned = self._clean(frame)
        self._refuse(cleaned.findings)
        self.medians_ = {
            name: _median(name, cleaned.values[name])
            for name, kind in self.kinds_.items()
            if kind == "numeric" and self.impute == "median"
        }
        self.indicators_ = self._choose_indicators(cleaned.missing)
        self.feature_parents_ = self._name_outputs()
        return self

    def transform(self, X: Any) -> npt.NDArray[np.float64]:
        """Turn a table into numbers.

        Parameters
        ----------
        X : DataFrame or array of shape (n_samples, n_features)
            With the columns of the training table, in the same order.

        Returns
        -------
        X_out : ndarray of float64, shape (n_samples, n_features_out)
            Or a DataFrame, as chosen with ``set_output``.

        Warns
        -----
        TableWarning
            One for the whole table: columns, counts, values and limits.
        """
        check_is_fitted(self)
        cleaned = self._clean(self._read(X, reset=False))
        self._refuse(cleaned.findings)
        warned = [finding for finding in cleaned.findings if finding.code in WARNED]
        if warned:
            lines = "; ".join(f"{finding}, {self._outcome(finding)}" for finding in warned)
            warnings.warn(TableWarning(f"{lines}. See ClinicalTable.flags."), stacklevel=2)
        blocks = []
        for name, values in cleaned.values.items():
            if name in self.medians_:
                values = np.where(cleaned.missing[name][:, None], self.medians_[name], values)
            blocks.append(values)
            if name in self.indicators_:
                blocks.append(cleaned.missing[name][:, None].astype(np.float64))
        return np.hstack(blocks)

    def flags(self, X: Any) -> pd.DataFrame:
        """List every doubtful value of a table.

        Parameters
        ----------
        X : DataFrame or array of shape (n_samples, n_features)

        Returns
        -------
        flags : DataFrame
            One row a value: ``row`` (position), ``column``, ``code`` ("zero", "out_of_range",
            "unknown_category" or "unseen_missing"), ``value`` and ``message``.
        """
        check_is_fitted(self)
        rows = [
            (int(row), finding.column, finding.code, value, f"{value!r} is {finding.expected}")
            for finding in self._clean(self._read(X, reset=False)).findings
            for row, value in zip(finding.rows, finding.values, strict=True)
        ]
        return pd.DataFrame(rows, columns=["row", "column", "code", "value", "message"])

    def get_feature_names_out(self, input_features: Any = None) -> npt.NDArray[np.object_]:
        """Names of the output columns, such as ``chol``, ``chol_missing``, ``cp=asymptomatic``.

        Parameters
        ----------
        input_features : array-like of str, optional
            Checked against the names seen in ``fit``.

        Returns
        -------
        names : ndarray of object, shape (n_features_out,)
        """
        check_is_fitted(self)
        _check_feature_names_in(self, input_features)
        return np.array(list(self.feature_parents_), dtype=object)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags

    def _read(self, X: Any, *, reset: bool) -> pd.DataFrame:
        X = as_pandas(X)
        check_columns(self, X, reset=reset)
        if isinstance(X, pd.DataFrame):
            _check_shape(X)
            validate_data(self, X, reset=reset, skip_check_array=True)
        else:
            X = validate_data(self, X, reset=reset, ensure_all_finite="allow-nan")
        return pd.DataFrame(X).set_axis(_check_feature_names_in(self), axis="columns")

    def _describe(self, frame: pd.DataFrame) -> dict[str, Variable]:
        schema = _as_schema(self.schema)
        if schema and not set(schema) & set(frame):
            raise TableError(
                f"Got columns {', '.join(frame)}, but the schema describes {', '.join(schema)}."
            )
        chosen = () if isinstance(self.indicators, str) else self.indicators
        for option, names in (
            ("categorical", self.categorical),
            ("zero_as_missing", self.zero_as_missing),
            ("indicators", chosen),
        ):
            if unknown := [name for name in names if name not in set(frame)]:
                raise TableError(
                    f"Got {option} with {', '.join(map(repr, unknown))}, but the columns are "
                    f"{', '.join(frame)}."
                )
        for name in self.zero_as_missing:
            known = schema.get(name, Variable(name, name))
            schema[name] = replace(known, zero_is_missing=True)
        return {name: schema[name] for name in frame if name in schema}

    def _kind(self, name: str, column: pd.Series) -> str:
        if name in self.categorical:
            return "categorical"
        if (variable := self.variables_.get(name)) is not None:
            return "numeric" if variable.categories is None else "categorical"
        return infer_kind(name, column, max_categories=self.max_categories)

    def _clean(self, frame: pd.DataFrame) -> _Cleaned:
        cleaned = _Cleaned({}, {}, [])
        for name, kind in self.kinds_.items():
            if kind == "categorical":
                values, missing, findings = one_hot(name, frame[name], self.categories_[name])
                findings += self._unseen_missing(name, missing)
            else:
                numbers = numeric_values(name, frame[name])
                refuse_dates(name, numbers)
                numbers, findings = to_missing(
                    name,
                    numbers,
                    self.variables_.get(name),
                    keep_range=self.out_of_range == "keep",
                )
                values, missing = numbers[:, None], np.isnan(numbers)
            cleaned.values[name], cleaned.missing[name] = values, missing
            cleaned.findings.extend(findings)
        return cleaned

    def _unseen_missing(self, name: str, missing: npt.NDArray[np.bool_]) -> list[Finding]:
        rows = np.flatnonzero(missing)
        if not rows.size or name in getattr(self, "indicators_", (name,)):
            return []
        expected = "missing, which no training row was"
        return [Finding("unseen_missing", name, rows, (None,) * len(rows), expected)]

    def _refuse(self, findings: list[Finding]) -> None:
        refused = {"out_of_range": self.out_of_range, "unknown_category": self.unknown_category}
        for finding in findings:
            if refused.get(finding.code) == "raise":
                raise TableError(f"Got {finding}.")

    def _outcome(self, finding: Finding) -> str:
        if finding.code == "unknown_category":
            return "encoded as zeros"
        return "kept" if self.out_of_range == "keep" else "set to missing"

    def _choose_indicators(self, missing: dict[str, npt.NDArray[np.bool_]]) -> tuple[str, ...]:
        if isinstance(self.indicators, str):
            if self.indicators == "auto":
                return tuple(name for name, rows in missing.items() if rows.any())
            return tuple(missing) if self.indicators == "all" else ()
        return tuple(name for name in missing if name in set(self.indicators))

    def _name_outputs(self) -> dict[str, str]:
        parents: dict[str, str] = {}
        for name in self.kinds_:
            names = [name]
            if name in self.categories_:
                words: Iterable[Hashable] = dict.fromkeys(self.categories_[name].values())
                names = [f"{name}={word}" for word in words]
            if name in self.indicators_:
                names.append(f"{name}_missing")
            for out in names:
                if out in parents:
                    raise TableError(
                        f"Got columns {parents[out]!r} and {name!r}, which both would give an "
                        f"output column {out!r}. Rename one."
                    )
                parents[out] = name
        return parents
