"""How far one column has moved between two tables, and whether that may be chance."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

__all__ = ["describe_column"]

Floats = npt.NDArray[np.float64]

EPOCH, DAY = pd.Timestamp("1970-01-01"), pd.Timedelta(days=1)


def describe_column(reference: pd.Series, new: pd.Series) -> dict[str, Any]:
    """Compare one column of two tables.

    A column of numbers or dates is compared by means and by the two-sample Kolmogorov-Smirnov test,
    any other by shares of its values and the chi-squared test of homogeneity. Missing values are
    compared by themselves, by Fisher's exact test.

    Parameters
    ----------
    reference, new : Series

    Returns
    -------
    row : dict
        ``kind`` ("number", "date" or "category"), ``reference`` and ``new`` (mean, or the most
        frequent value with its share), ``difference`` (standardised; of categories it has no
        sign), ``p``, ``missing_reference``, ``missing_new`` and ``p_missing``.

    References
    ----------
    Standardised difference: Austin PC. Stat Med 2009;28:3083-3107. doi:10.1002/sim.3697; of
    categories: Yang D, Dalton JE. SAS Global Forum 2012, paper 335. Kolmogorov-Smirnov: Massey FJ.
    JASA 1951;46:68-78. doi:10.1080/01621459.1951.10500769

    Examples
    --------
    >>> row = describe_column(pd.Series([50.0, 60.0, 70.0]), pd.Series([60.0, 70.0, 80.0]))
    >>> row["difference"]
    1.0
    """
    dates = _as_dates(reference), _as_dates(new)
    are_dates = dates[0] is not None and dates[1] is not None
    if dates[0] is not None and dates[1] is not None:
        reference, new = dates
    absent = [np.asarray(column.isna()) for column in (reference, new)]
    known = [column[~gone] for column, gone in zip((reference, new), absent, strict=True)]
    kind = "date" if are_dates else "number" if _is_number(reference, new) else "category"
    row: dict[str, Any] = {"kind": kind}
    if min(len(column) for column in known) == 0:
        row |= {"reference": "", "new": "", "difference": np.nan, "p": np.nan}
    elif row["kind"] == "number":
        row |= _numbers(*(column.to_numpy(dtype=np.float64) for column in known))
    elif are_dates:
        row |= _numbers(*((column - EPOCH) / DAY for column in known))
        row |= dict(
            zip(
                ("reference", "new"), (f"{column.mean():%Y-%m-%d}" for column in known), strict=True
            )
        )
    else:
        row |= _categories(*known)
    row |= {"missing_reference": absent[0].mean(), "missing_new": absent[1].mean()}
    counts = [[int(gone.sum()), int((~gone).sum())] for gone in absent]
    row["p_missing"] = float(stats.fisher_exact(counts).pvalue) if _any(absent) else np.nan
    return row


def _any(absent: list[npt.NDArray[np.bool_]]) -> bool:
    return bool(absent[0].any() or absent[1].any())


def _as_dates(column: pd.Series) -> pd.Series | None:
    """Return a column of dates as times without a zone; None where it is anything else."""
    if column.dtype == object:
        kinds = ("date", "datetime", "datetime64")
        if pd.api.types.infer_dtype(column, skipna=True) not in kinds:
            return None
        column = pd.to_datetime(column, utc=True)
    if isinstance(column.dtype, pd.PeriodDtype):
        column = column.dt.to_timestamp()
    if not pd.api.types.is_datetime64_any_dtype(column.dtype):
        return None
    return column if column.dt.tz is None else column.dt.tz_convert("UTC").dt.tz_localize(None)


def _is_number(*columns: pd.Series) -> bool:
    return all(
        pd.api.types.is_numeric_dtype(column.dtype) and not pd.api.types.is_bool_dtype(column.dtype)
        for column in columns
    )


def _numbers(first: Floats, second: Floats) -> dict[str, Any]:
    means = first.mean(), second.mean()
    spread = np.sqrt((_variance(first) + _variance(second)) / 2)
    gap = means[1] - means[0]
    difference = gap / spread if spread > 0 else (0.0 if gap == 0 else np.inf * np.sign(gap))
    p = stats.ks_2samp(first, second, method="asymp").pvalue
    words = [f"{mean:.4g}" for mean in means]
    return {
        "reference": words[0],
        "new": words[1],
        "difference": float(difference),
        "p": float(p),
    }


def _variance(values: Floats) -> float:
    return float(values.var(ddof=1)) if len(values) > 1 else 0.0


def _categories(first: pd.Series, second: pd.Series) -> dict[str, Any]:
    counts = pd.DataFrame(
        {"a": first.astype(str).value_counts(), "b": second.astype(str).value_counts()}
    ).fillna(0)
    shares = (counts / counts.sum()).to_numpy()
    words = [f"{counts.index[shares[:, k].argmax()]} ({shares[:, k].max():.0%})" for k in range(2)]
    p = float(stats.chi2_contingency(counts.to_numpy()).pvalue) if len(counts) > 1 else 1.0
    return {
        "reference": words[0],
        "new": words[1],
        "difference": _category_difference(shares),
        "p": p,
    }


def _category_difference(shares: Floats) -> float:
    """Mahalanobis distance of two vectors of shares, the last category left out."""
    if len(shares) < 2:
        return 0.0
    gap = (shares[:, 1] - shares[:, 0])[:-1]
    spreads = [np.diag(column) - np.outer(column, column) for column in shares.T]
    distance = gap @ np.linalg.pinv(np.mean(spreads, axis=0)[:-1, :-1]) @ gap
    return float(max(float(distance), 0.0) ** 0.5)
