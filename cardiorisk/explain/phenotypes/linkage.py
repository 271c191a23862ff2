"""Which ECG belongs to which admission, and the one value that an admission gets."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from cardiorisk.exceptions import TableError

__all__ = ["link_ecgs", "one_row_per_admission"]


def link_ecgs(
    ecg_table: pd.DataFrame, admissions: pd.DataFrame, *, days_before: float = 7.0
) -> pd.Series:
    """Find the admission of each ECG by time: from some days before it until discharge.

    Parameters
    ----------
    ecg_table : DataFrame
        Columns ``subject_id`` and ``ecg_time``, one row an ECG.
    admissions : DataFrame
        Columns ``subject_id``, ``hadm_id``, ``admittime`` and ``dischtime``.
    days_before : float, default=7
        How long before the admission an ECG may have been taken.

    Returns
    -------
    Series
        ``hadm_id`` with the index of ``ecg_table``; missing where no admission fits. An ECG within
        an admission belongs to it, to the one that began last if there are several; otherwise it
        belongs to the next admission.

    Notes
    -----
    The clocks of ECG carts are not synchronised with those of the hospital (the notes of
    MIMIC-IV-ECG say so), so an ECG near an edge of the window may fall on the wrong side.

    Examples
    --------
    >>> import pandas as pd
    >>> ecgs = pd.DataFrame({"subject_id": [1, 1], "ecg_time": ["2020-01-02", "2020-03-01"]})
    >>> stays = pd.DataFrame({"subject_id": [1], "hadm_id": [7], "admittime": ["2020-01-05"]})
    >>> link_ecgs(ecgs, stays.assign(dischtime="2020-01-09")).tolist()
    [7, <NA>]
    """
    _need(ecg_table, "the ECG table", "subject_id", "ecg_time")
    _need(admissions, "admissions", "subject_id", "hadm_id", "admittime", "dischtime")
    ecgs = pd.DataFrame(
        {
            "row": np.arange(len(ecg_table)),
            "subject_id": ecg_table["subject_id"].to_numpy(),
            "time": pd.to_datetime(ecg_table["ecg_time"]).to_numpy(),
        }
    )
    stays = admissions[["subject_id", "hadm_id"]].assign(
        start=pd.to_datetime(admissions["admittime"]), end=pd.to_datetime(admissions["dischtime"])
    )
    pairs = ecgs.merge(stays, on="subject_id")
    earliest = pairs["start"] - pd.Timedelta(days=days_before)
    pairs = pairs[(pairs["time"] >= earliest) & (pairs["time"] <= pairs["end"])].copy()
    pairs["before"] = pairs["time"] < pairs["start"]
    pairs["gap"] = (pairs["time"] - pairs["start"]).abs()
    best = pairs.sort_values(["before", "gap"], kind="stable").drop_duplicates("row")
    hadm_id = best.set_index("row")["hadm_id"].reindex(range(len(ecg_table)))
    if pd.api.types.is_numeric_dtype(hadm_id):
        hadm_id = hadm_id.astype("Int64")
    return pd.Series(hadm_id.array, index=ecg_table.index, name="hadm_id")


def one_row_per_admission(
    values: npt.NDArray[np.float64],
    admission: npt.NDArray[np.intp],
    times: Any,
    how: str,
) -> npt.NDArray[np.float64]:
    """Reduce the ECGs of each admission to one row.

    Parameters
    ----------
    values : ndarray of shape (n_ecgs, n_columns)
    admission : ndarray of int, shape (n_ecgs,)
        Position of the admission, 0 to n - 1, each at least once.
    times : array-like of shape (n_ecgs,) or None
        Needed with ``"first"``.
    how : {"first", "mean", "max"}

    Returns
    -------
    ndarray of shape (n_admissions, n_columns)

    Examples
    --------
    >>> import numpy as np
    >>> values = np.array([[1.0], [3.0], [5.0]])
    >>> one_row_per_admission(values, np.array([0, 0, 1]), None, "mean").ravel()
    array([2., 5.])
    """
    if how == "first":
        order = np.lexsort((pd.to_datetime(times).to_numpy(), admission))
        return values[order[np.searchsorted(admission[order], np.arange(admission.max() + 1))]]
    if how not in ("mean", "max"):
        raise ValueError(f"Got per_admission={how!r}, but expected 'first', 'mean' or 'max'.")
    order = np.argsort(admission, kind="stable")
    starts = np.searchsorted(admission[order], np.arange(admission.max() + 1))
    if how == "max":
        return np.maximum.reduceat(values[order], starts, axis=0)
    counts = np.diff(np.append(starts, len(order)))
    return np.add.reduceat(values[order], starts, axis=0) / counts[:, None]


def _need(table: pd.DataFrame, name: str, *columns: str) -> None:
    missing = [column for column in columns if column not in table]
    if missing:
        raise TableError(f"Got {name} without the columns {', '.join(missing)}.")
