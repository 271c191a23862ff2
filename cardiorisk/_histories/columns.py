"""Take the columns of events out of any frame."""

from dataclasses import dataclass
from typing import Any

import numpy.typing as npt
import pandas as pd

from cardiorisk._histories.labels import Labelled, label
from cardiorisk._optional import require
from cardiorisk.exceptions import TableError

__all__ = ["EventColumns", "as_times", "read_columns"]


@dataclass(frozen=True, eq=False)
class EventColumns:
    """One entry an event, in any order.

    Parameters
    ----------
    subject, code : Labelled, n entries
    times : ndarray of datetime64[us], shape (n,)
        NaT where there is none.
    visit : Labelled or None
        None, or a missing entry, stands for the calendar day.
    names : ndarray of str, optional
        What the entries of ``code.values`` mean in words, "" where that is not known.
    source : str
        Where the rows come from, for the table of what was met.
    """

    subject: Labelled
    times: npt.NDArray[Any]
    code: Labelled
    visit: Labelled | None = None
    source: str = "events"
    names: npt.NDArray[Any] | None = None


def read_columns(
    frame: Any,
    subject: str,
    time: str,
    code: str,
    visit: str | None = None,
    source: str = "events",
) -> EventColumns:
    """Take the named columns out of any frame that narwhals reads."""
    table = require("narwhals").from_native(frame)
    if hasattr(table, "collect"):
        table = table.collect()
    wanted = [name for name in (subject, time, code, visit) if name is not None]
    if missing := [name for name in wanted if name not in table.columns]:
        raise TableError(
            f"Got a frame with columns {', '.join(map(str, table.columns))}, but expected "
            f"{', '.join(missing)} too."
        )
    return EventColumns(
        subject=label(_plain(table[subject])),
        times=as_times(_plain(table[time]), time),
        code=label(_plain(table[code])),
        visit=None if visit is None else label(_plain(table[visit])),
        source=source,
    )


def _plain(series: Any) -> pd.Series:
    """Turn a column of any library into a pandas Series."""
    native = series.to_native()
    if isinstance(native, pd.Series):
        return native.reset_index(drop=True)
    try:
        return series.to_pandas().reset_index(drop=True)
    except ImportError:  # polars without pyarrow
        return pd.Series(series.to_list())


def as_times(column: pd.Series, name: str) -> npt.NDArray[Any]:
    """Convert datetimes, dates or ISO 8601 text to datetime64[us] in UTC, NaT where unreadable."""
    if pd.api.types.is_numeric_dtype(column) and not column.isna().all():
        raise TableError(
            f"Got numbers in the time column {name!r}, but expected datetimes or ISO 8601 text."
        )
    if not pd.api.types.is_datetime64_any_dtype(column):
        column = pd.to_datetime(column, errors="coerce", utc=True, format="ISO8601")
    if getattr(column.dt, "tz", None) is not None:
        column = column.dt.tz_convert("UTC").dt.tz_localize(None)
    return column.to_numpy().astype("datetime64[us]")
