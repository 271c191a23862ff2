"""Describe a cohort of ECGs in one table."""

from collections import Counter
from collections.abc import Sequence
from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import circmean

from cardiorisk.features.ecg_features import ECGFeatures
from cardiorisk.features.feature_definitions import ALL_GROUPS, FEATURES, GROUPS

__all__ = ["describe_ecg"]

_DIRECTIONS = ("p_axis", "qrs_axis", "t_axis")  # deg: 179 and -179 are neighbours


def describe_ecg(
    X: Any,
    y: npt.ArrayLike | None = None,
    *,
    sampling_rate: float = 500,
    lead_names: Sequence[str] | None = None,
    groups: str | Sequence[str] = ("rhythm", "intervals", "axes"),
    by: str | None = None,
    engine: str = "native",
    n_jobs: int | None = None,
) -> pd.DataFrame:
    """Summarise the measurements of many ECGs, one row a feature.

    Parameters
    ----------
    X : array, sequence of ECGRecord, or DataFrame
        ECGs in mV, as for :class:`~cardiorisk.features.ECGFeatures`, or a table already measured
        by it or by :class:`~cardiorisk.features.MachineMeasurements`. Columns of a table that
        are not in :data:`~cardiorisk.features.FEATURES` are left out.
    y : array-like of shape (n_records,), optional
        Class of each record; the table is then split by it. A missing class counts in none.
    sampling_rate : float, default=500
        In Hz, of an array.
    lead_names : sequence of str, optional
        Leads of an array that is not a standard twelve-lead ECG.
    groups : sequence of str, default=("rhythm", "intervals", "axes")
        Feature groups to describe.
    by : str, optional
        Column of the DataFrame ``X`` to split by, instead of ``y``.
    engine : {"native", "neurokit"}, default="native"
        What marks the waves.
    n_jobs : int, optional
        Processes that share the records.

    Returns
    -------
    table : DataFrame
        Indexed by feature: ``label``, ``unit``, ``n`` (measured), ``missing`` (%), ``mean``,
        ``sd``, ``median``, ``q1``, ``q3``, ``min``, ``max``, ``outside`` (% of those measured
        that lie outside the usual range; NaN where no range is known). Split by classes, it also
        has ``n (class)``, ``mean (class)`` and ``sd (class)`` for each, and ``smd``.
        ``table.attrs`` holds ``n_records`` and, unless X is a DataFrame, ``flags``: the number of
        records with each flag that measuring raises. ``ECGFeatures.flags`` looks further, for
        swapped electrodes, a wrong rate and pacing.

    Raises
    ------
    ValueError
        A group is unknown, the lengths differ, ``by`` is no column of a table, both ``y`` and
        ``by`` are given, or the table holds none of the features.
    SignalError
        X does not have the form of ECGs.

    Notes
    -----
    ``smd`` is the standardised mean difference, the difference of means over the root of the mean
    of both variances (Austin 2009, doi:10.1002/sim.3697): the first class minus the second, or
    with more classes the largest in size of all pairs.

    An electrical axis is a direction. Before anything but ``outside`` is computed, each is turned
    by a whole circle where that brings it within 180 degrees of the circular mean of all records:
    -170 beside a mean of 160 counts as 190. Values of the axes may so exceed 180 in size.

    Examples
    --------
    >>> from cardiorisk.datasets import make_ecg
    >>> ecgs = make_ecg(2, rhythms=["sinus rhythm"], heart_rate=70, random_state=0)
    >>> table = describe_ecg(ecgs.records, groups=["rhythm"])
    >>> int(table.loc["heart_rate", "n"]), round(table.loc["heart_rate", "mean"])
    (2, 70)
    """
    if isinstance(groups, str):
        groups = ALL_GROUPS if groups == "all" else [groups]
    if unknown := sorted(set(groups) - set(GROUPS)):
        raise ValueError(f"Got groups {unknown}, but expected some of {', '.join(GROUPS)}.")
    classes = _classes(X, y, by)
    wanted = [name for group in GROUPS if group in groups for name in GROUPS[group]]
    flags = None
    if isinstance(X, pd.DataFrame):
        values = _known_columns(X, wanted)
    else:
        values, flags = _measured(X, wanted, ECGFeatures(
            sampling_rate=sampling_rate, lead_names=lead_names, groups=list(groups),
            engine=engine, n_jobs=n_jobs,
        ))  # fmt: skip
    finite = values.where(np.isfinite(values))
    turned = _turned(finite)
    table = _summary(turned)
    table["outside"] = [_outside(finite[name], FEATURES[name].normal_range) for name in finite]
    if classes is not None:
        table = table.join(_split(turned, classes))
    table.attrs["n_records"] = len(values)
    if flags is not None:
        table.attrs["flags"] = flags
    return table


def _classes(X: Any, y: npt.ArrayLike | None, by: str | None) -> pd.Series | None:
    if y is not None and by is not None:
        raise ValueError("Got both y and by, but expected one of them.")
    if by is not None:
        if not isinstance(X, pd.DataFrame) or by not in X.columns:
            raise ValueError(f"Got by={by!r}, but expected a column of a DataFrame.")
        return X[by].reset_index(drop=True)
    if y is None:
        return None
    classes = pd.Series(np.asarray(y))
    if len(classes) != len(X):
        raise ValueError(f"Got {len(classes)} classes in y, but expected {len(X)}.")
    return classes


def _known_columns(X: pd.DataFrame, wanted: Sequence[str]) -> pd.DataFrame:
    known = [name for name in wanted if name in X.columns]
    if not known:
        raise ValueError("Got a table without any feature of the groups, but expected some.")
    return X[known].astype(float).reset_index(drop=True)


def _measured(
    X: Any, wanted: Sequence[str], engine: ECGFeatures
) -> tuple[pd.DataFrame, dict[str, int]]:
    """Features of ECGs and the number of records with each flag; no rows for no ECG."""
    if len(X) == 0:
        return pd.DataFrame(columns=list(wanted), dtype=float), {}
    records = engine.fit(X)._as_records(X, reset=False)
    measured = engine._each_record(records, engine.groups)  # once, for values and flags
    engine._report(records, [problems for _, problems in measured])
    values = pd.DataFrame([row for row, _ in measured], columns=list(wanted), dtype=float)
    codes = Counter(code for _, problems in measured for code in {p.code for p in problems})
    return values, {str(code): codes[code] for code in sorted(codes)}


def _turned(finite: pd.DataFrame) -> pd.DataFrame:
    """Turn directions by whole circles to within 180 degrees of their circular mean."""
    turned = finite.copy()
    for name in _DIRECTIONS:
        if name in finite and finite[name].notna().any():
            centre = circmean(finite[name].dropna(), high=180, low=-180)
            turned[name] = centre + (finite[name] - centre + 180) % 360 - 180
    return turned


def _summary(finite: pd.DataFrame) -> pd.DataFrame:
    n = finite.count()
    rows = [FEATURES[name] for name in finite.columns]
    return pd.DataFrame(
        {
            "label": [row.label for row in rows],
            "unit": [row.unit for row in rows],
            "n": n,
            "missing": 100 * (1 - n / len(finite)) if len(finite) else np.nan,
            "mean": finite.mean(),
            "sd": finite.std(),
            "median": finite.median(),
            "q1": finite.quantile(0.25),
            "q3": finite.quantile(0.75),
            "min": finite.min(),
            "max": finite.max(),
        },
        index=pd.Index(finite.columns, name="feature"),
    )


def _outside(column: pd.Series, usual: tuple[float, float] | None) -> float:
    """Percentage of the measured values outside the usual range, whose ends belong to it."""
    measured = column.dropna()
    if usual is None or measured.empty:
        return np.nan
    return 100 * float((~measured.between(*usual)).mean())


def _split(finite: pd.DataFrame, classes: pd.Series) -> pd.DataFrame:
    parts = {name: finite[classes == name] for name in sorted(classes.dropna().unique())}
    columns = {}
    for name, part in parts.items():
        columns[f"n ({name})"] = part.count()
        columns[f"mean ({name})"] = part.mean()
        columns[f"sd ({name})"] = part.std()
    columns["smd"] = pd.Series(np.nan, index=finite.columns)
    for first, second in combinations(parts.values(), 2):
        difference = _standardised_difference(first, second)
        larger = ~(difference.abs() <= columns["smd"].abs())  # true also where there is none yet
        columns["smd"] = difference.where(larger & difference.notna(), columns["smd"])
    return pd.DataFrame(columns)


def _standardised_difference(first: pd.DataFrame, second: pd.DataFrame) -> pd.Series:
    spread = np.sqrt((first.var() + second.var()) / 2)
    return (first.mean() - second.mean()) / spread.where(spread > 0)
