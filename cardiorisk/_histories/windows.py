"""What could be known of a patient at a prediction time."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

__all__ = ["as_prediction_times", "as_timedelta", "hide_later_dates", "visible_limits"]

Times = npt.NDArray[Any]


def as_timedelta(value: Any, name: str) -> np.timedelta64:
    """Convert days, or a time difference of pandas, numpy or datetime, to microseconds."""
    if isinstance(value, bool) or (isinstance(value, float) and not np.isfinite(value)):
        raise ValueError(f"Got {name}={value!r}, but expected a number of days.")
    days = isinstance(value, int | float | np.integer | np.floating)
    try:
        span = pd.Timedelta(value, unit="D") if days else pd.Timedelta(value)
    except (OverflowError, pd.errors.OutOfBoundsTimedelta) as error:
        raise ValueError(
            f"Got {name}={value!r}, but expected at most {pd.Timedelta.max.days} days."
        ) from error
    if pd.isna(span) or span < pd.Timedelta(0):
        raise ValueError(f"Got {name}={value!r}, but expected a time span of 0 or more.")
    return span.to_timedelta64().astype("timedelta64[us]")


def as_prediction_times(values: Any, n_patients: int) -> Times:
    """One time a patient as datetime64[us]; a single time stands for all patients."""
    one_for_all = np.ndim(values) == 0
    given = pd.Series([values] if one_for_all else values).reset_index(drop=True)
    if pd.api.types.is_numeric_dtype(given):
        raise ValueError("Got numbers as prediction_times, but expected datetimes.")
    is_time = pd.api.types.is_datetime64_any_dtype(given)
    form = None if is_time else "ISO8601"
    times = pd.to_datetime(given, utc=True, format=form).dt.tz_localize(None)
    plain = times.to_numpy().astype("datetime64[us]")
    if one_for_all:
        plain = np.repeat(plain, n_patients)
    if plain.shape != (n_patients,):
        raise ValueError(
            f"Got {len(plain)} prediction_times for {n_patients} patients, but expected one each."
        )
    if np.isnat(plain).any():
        raise ValueError(
            f"Got {int(np.isnat(plain).sum())} missing prediction_times; every patient needs one."
        )
    return plain


def visible_limits(times: Times, observation_window: Any, gap: Any) -> tuple[Times, Times | None]:
    """Last visible moment of each patient, and the moment after which events are visible."""
    last = times if gap is None else times - as_timedelta(gap, "gap")
    if observation_window is None:
        return last, None
    return last, last - as_timedelta(observation_window, "observation_window")


def hide_later_dates(static: pd.DataFrame | None, times: Times) -> pd.DataFrame | None:
    """Blank what happened after the prediction time, such as a death, in columns of dates."""
    if static is None:
        return None
    hidden = static.copy()
    for name in static.columns:
        if pd.api.types.is_datetime64_any_dtype(static[name]):
            moments = static[name]
            if getattr(moments.dt, "tz", None) is not None:
                moments = moments.dt.tz_convert("UTC").dt.tz_localize(None)
            hidden[name] = moments.where(~(moments > pd.Series(times, index=static.index)))
    return hidden
