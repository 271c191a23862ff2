"""A cart's measurements become the features that signals give, under the same names."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar, Literal, Self
from warnings import warn

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin, _fit_context
from sklearn.utils import Tags
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.validation import _check_feature_names, _check_feature_names_in, validate_data

from cardiorisk._validation import as_pandas
from cardiorisk.exceptions import TableError, TableWarning
from cardiorisk.features._columns import numeric_values
from cardiorisk.features._machine_cleaning import RULES, SENTINEL, Cleaned, clean
from cardiorisk.features._machine_derivation import (
    FEATURE_RULE,
    INPUTS,
    RAW,
    derive,
    limit_words,
    within_limits,
)
from cardiorisk.io.machine_measurements import MEASURED

__all__ = ["MachineMeasurements"]

Floats = npt.NDArray[np.float64]

SUSPECT_SHARE, SUSPECT_ROWS = 0.5, 20  # of measured values, and how many there must be


def _group_names(groups: str | Iterable[str]) -> tuple[str, ...]:
    asked = (groups,) if isinstance(groups, str) else tuple(groups)
    chosen = tuple(INPUTS) if asked == ("all",) else asked
    unknown = [str(group) for group in chosen if group not in INPUTS]
    if unknown or not chosen:
        raise ValueError(
            f"Got groups={groups!r}, but expected 'all' or some of {', '.join(INPUTS)}."
        )
    return tuple(group for group in INPUTS if group in chosen)


def _check_frame(frame: pd.DataFrame) -> None:
    if len(frame) == 0:
        raise TableError(
            f"Got a table with 0 sample(s) (shape={frame.shape}) while a minimum of 1 is required."
        )
    twice = [name for name in MEASURED if int((frame.columns == name).sum()) > 1]
    if twice:
        raise TableError(f"Got column {twice[0]!r} more than once, but expected it once.")


class MachineMeasurements(TransformerMixin, BaseEstimator):
    """Clean the measurements of ECG carts and derive rate, intervals and axes.

    The columns carry the names, units and definitions that :class:`ECGFeatures` gives, so a model
    fitted on a table of measurements predicts on signals, and the other way round:
    :data:`~cardiorisk.features.FEATURES` describes them. What was not measured, or cannot be
    true, is NaN; :meth:`removal_counts` and :meth:`flags` say what was removed, and why.

    The transformer learns nothing from the data. A row depends on itself alone.

    Parameters
    ----------
    groups : {"all", "rhythm", "intervals", "axes"} or sequence of these, default="all"
        Which features to derive.
    raw : bool, default=False
        Whether the clean ``rr_interval``, ``p_onset``, ``p_end``, ``qrs_onset``, ``qrs_end`` and
        ``t_end`` come as columns too. A signal has no such columns.
    drop : str or sequence of str, default=()
        Features to leave out. The name of a measurement leaves out everything computed from it.
        A label that is a rule on QRS duration is a function of ``qrs_duration``, and of
        ``qt_interval`` minus ``jt_interval``: ``drop="qrs_end"`` leaves out all that tell it.
    missing_columns : {"raise", "nan"}, default="raise"
        What a measurement that the table lacks means: an error, or not measured in any row.

    Attributes
    ----------
    feature_inputs_ : dict of str to tuple of str
        The measurements behind each output column, in the order of the output.
    n_features_in_ : int
    feature_names_in_ : ndarray of str
        Column names, if ``fit`` saw a DataFrame.

    See Also
    --------
    ECGFeatures : The same features, and more, from signals.
    cardiorisk.io.read_machine_measurements : Reads the file of MIMIC-IV-ECG.

    Notes
    -----
    The rules, in this order:

    * 29999 and more in size means not measured;
    * the RR interval lies within 200 to 3000 ms;
    * positions lie within 0 to 2000 ms of the usual beat;
    * axes lie within -180 to 270 degrees and are brought into (-180, 180];
    * QRS takes 40 to 300 ms, else both its edges go;
    * P ends after its onset and not after QRS begins, else both its edges go;
    * T ends after QRS, else its end goes;
    * a feature outside the limits of its row in ``FEATURES`` goes.

    A P or T that contradicts QRS goes and QRS stays, because machines find QRS most surely. A
    wrong value that is plausible cannot be seen and stays. The output is float64.

    ``heart_rate`` and ``rr_mean`` take the cart's RR interval for the mean. Carts put the axes by
    their own, unpublished ways.

    References
    ----------
    Gow et al. (2023), MIMIC-IV-ECG 1.0, doi:10.13026/4nqg-sb35: the form of the table. The limits
    are choices of this package; they follow the artefacts that the table holds.

    Examples
    --------
    >>> from cardiorisk.datasets import make_machine_measurements
    >>> from cardiorisk.features import MachineMeasurements
    >>> table = make_machine_measurements(200, random_state=0).data
    >>> features = MachineMeasurements().set_output(transform="pandas").fit_transform(table)
    >>> features.shape
    (200, 16)
    >>> int(features["heart_rate"].median())
    79
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "groups": ["array-like", StrOptions({"all", *INPUTS})],
        "raw": ["boolean"],
        "drop": ["array-like", str],
        "missing_columns": [StrOptions({"raise", "nan"})],
    }

    def __init__(
        self,
        *,
        groups: str | Sequence[str] = "all",
        raw: bool = False,
        drop: str | Sequence[str] = (),
        missing_columns: Literal["raise", "nan"] = "raise",
    ) -> None:
        self.groups = groups
        self.raw = raw
        self.drop = drop
        self.missing_columns = missing_columns

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Any, y: Any = None) -> Self:
        """Check the parameters and the form of the table; nothing is learned.

        Parameters
        ----------
        X : DataFrame or array of shape (n_records, n_columns)
            A pandas (or any narwhals-readable) DataFrame whose columns are found by name: their
            order is free, and others are ignored. An array holds the nine measurements in the
            order of the file: ``rr_interval``, ``p_onset``, ``p_end``, ``qrs_onset``,
            ``qrs_end``, ``t_end``, ``p_axis``, ``qrs_axis``, ``t_axis``.
        y : None
            Ignored.

        Returns
        -------
        self : MachineMeasurements

        Raises
        ------
        TableError
            A measurement is absent, twice there or no number.
        ValueError
            ``groups`` or ``drop`` holds an unknown name, or no column is left.
        """
        self.feature_inputs_ = self._outputs()
        self._read(X, reset=True)
        return self

    def transform(self, X: Any) -> Floats:
        """Clean measurements and derive features.

        Parameters
        ----------
        X : DataFrame or array of shape (n_records, n_columns)
            As for :meth:`fit`.

        Returns
        -------
        features : ndarray of float64, shape (n_records, n_features)
            Or a DataFrame, after ``set_output(transform="pandas")``.

        Warns
        -----
        TableWarning
            More than half of the values of a measurement cannot be true: its unit is wrong.
        """
        measured = self._read(X, reset=False)
        cleaned, features = self._clean(measured)
        self._warn_of_units(measured, cleaned)
        columns = cleaned.values | features.values
        return np.column_stack([columns[name] for name in self._outputs()])

    def removal_counts(self, X: Any) -> pd.DataFrame:
        """Count what each rule removed or changed.

        Parameters
        ----------
        X : DataFrame or array of shape (n_records, n_columns)
            As for :meth:`fit`.

        Returns
        -------
        counts : DataFrame of int
            One row a measurement and a feature derived from it. Columns: ``present`` (values
            before cleaning, or derived from clean measurements), one a rule, and ``kept``.
            ``kept`` is ``present`` less what the rules removed; a wrapped axis is kept.
        """
        measured = self._read(X, reset=False)
        cleaned, features = self._clean(measured)
        touched = cleaned.touched | features.touched
        derived = {name: column for name, column in features.values.items() if name not in measured}
        rules = (*RULES, FEATURE_RULE)
        rows = {}
        for name in measured | derived:
            counts = {
                rule: int(touched[name, rule].sum()) if (name, rule) in touched else 0
                for rule in rules
            }
            final = int((~np.isnan({**derived, **cleaned.values}[name])).sum())
            removed = sum(count for rule, count in counts.items() if rule != "axis_wrapped")
            rows[name] = {"present": final + removed, **counts, "kept": final}
        return pd.DataFrame.from_dict(rows, orient="index")

    def flags(self, X: Any) -> pd.DataFrame:
        """List every value that was removed or changed.

        Parameters
        ----------
        X : DataFrame or array of shape (n_records, n_columns)
            As for :meth:`fit`.

        Returns
        -------
        flags : DataFrame
            One row a value: ``row`` (position), ``column`` (measurement or feature), ``code``
            (the rule), ``value`` and ``message``.
        """
        measured = self._read(X, reset=False)
        cleaned, features = self._clean(measured)
        before = derive(cleaned.values) | measured
        parts = [
            pd.DataFrame(
                {
                    "row": np.flatnonzero(where),
                    "column": name,
                    "code": rule,
                    "value": before[name][where],
                    "message": RULES[rule] if rule in RULES else limit_words(name),
                }
            )
            for (name, rule), where in (cleaned.touched | features.touched).items()
        ]
        empty = {"row": int, "column": str, "code": str, "value": float, "message": str}
        return (
            pd.concat(parts, ignore_index=True)
            if parts
            else pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in empty.items()})
        )

    def get_feature_names_out(self, input_features: Any = None) -> npt.NDArray[np.object_]:
        """Names of the output columns.

        Parameters
        ----------
        input_features : array-like of str, optional
            Checked against the names seen in ``fit``.
        """
        if input_features is not None:
            _check_feature_names_in(self, input_features)
        return np.array(list(self._outputs()), dtype=object)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.requires_fit = False
        return tags

    def _outputs(self) -> dict[str, tuple[str, ...]]:
        """Output columns and the measurements behind each."""
        offered = {
            name: used
            for group in _group_names(self.groups)
            for name, used in INPUTS[group].items()
        }
        offered |= RAW if self.raw else {}
        features = [name for rows in INPUTS.values() for name in rows]
        drop = (self.drop,) if isinstance(self.drop, str) else tuple(self.drop)
        if unknown := [name for name in drop if name not in {*features, *MEASURED}]:
            raise ValueError(
                f"Got drop with {', '.join(map(repr, unknown))}, but expected names of features "
                f"({', '.join(features)}) or of measurements ({', '.join(MEASURED)})."
            )
        kept = {name: used for name, used in offered.items() if not {name, *used} & set(drop)}
        if not kept:
            raise ValueError(f"Got groups={self.groups!r} and drop={self.drop!r}: nothing is left.")
        return kept

    def _read(self, X: Any, *, reset: bool) -> dict[str, Floats]:
        """Measurements by name, as floats with NaN for missing."""
        X = as_pandas(X)
        if not isinstance(X, pd.DataFrame):
            array = validate_data(self, X, reset=reset, ensure_all_finite="allow-nan", dtype=float)
            n_rows, names = len(array), MEASURED[: array.shape[1]]
            found = {name: array[:, place] for place, name in enumerate(names)}
        else:
            _check_frame(X)
            if reset:
                _check_feature_names(self, X, reset=True)
                self.n_features_in_ = X.shape[1]
            n_rows = len(X)
            found = {name: numeric_values(name, X[name]) for name in MEASURED if name in X}
        absent = [name for name in MEASURED if name not in found]
        if absent and self.missing_columns == "raise":
            raise TableError(
                f"Got a table without {', '.join(absent)}, but expected the columns "
                f"{', '.join(MEASURED)}. missing_columns='nan' takes them for not measured."
            )
        return {name: found.get(name, np.full(n_rows, np.nan)) for name in MEASURED}

    @staticmethod
    def _clean(measured: Mapping[str, Floats]) -> tuple[Cleaned, Cleaned]:
        """Clean measurements, and features within their limits."""
        cleaned = clean(measured)
        return cleaned, within_limits(derive(cleaned.values))

    @staticmethod
    def _warn_of_units(measured: Mapping[str, Floats], cleaned: Cleaned) -> None:
        """Warn where most of what the cart did measure cannot be true."""
        for name, column in measured.items():
            n_measured = int((np.abs(column) < SENTINEL).sum())
            removed = n_measured - int((~np.isnan(cleaned.values[name])).sum())
            if n_measured >= SUSPECT_ROWS and removed > SUSPECT_SHARE * n_measured:
                unit = "degrees" if name.endswith("_axis") else "ms"
                median = np.median(column[np.abs(column) < SENTINEL])
                warn(
                    f"{removed} of {n_measured} values of {name} cannot be true and are missing: "
                    f"their median is {median:g}, expected are {unit}. See "
                    "MachineMeasurements.removal_counts.",
                    TableWarning,
                    stacklevel=4,  # past set_output's wrapper, to the caller of transform
                )
