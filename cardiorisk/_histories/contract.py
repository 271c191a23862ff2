"""What the columns of histories must be."""

from typing import Any

import numpy as np

__all__ = ["check_arrays"]


def check_arrays(histories: Any) -> None:
    """Raise ValueError where the columns of histories do not fit together.

    Columns of other types are brought to the right ones.
    """
    columns: dict[str, Any] = {
        "codes": np.int32,
        "times": "datetime64[us]",
        "vocabulary": np.str_,
        "visit_offsets": np.int64,
        "patient_offsets": np.int64,
        "subject_ids": None,
    }
    for name, dtype in columns.items():
        value = np.asarray(getattr(histories, name))
        if value.ndim != 1:
            raise ValueError(f"Got {name} of shape {value.shape}, but expected one dimension.")
        typed = value if dtype is None else value.astype(dtype, copy=False)
        object.__setattr__(histories, name, typed)
    _check_offsets("visit_offsets", histories.visit_offsets, len(histories.codes), empty=False)
    n_visits = len(histories.visit_offsets) - 1
    _check_offsets("patient_offsets", histories.patient_offsets, n_visits, empty=True)
    n_patients, codes = len(histories.patient_offsets) - 1, histories.codes
    lengths = {
        "times": (histories.times, len(codes)),
        "subject_ids": (histories.subject_ids, n_patients),
        "static": (histories.static, n_patients),
        "descriptions": (histories.descriptions, len(histories.vocabulary)),
        "prediction_times": (histories.prediction_times, n_patients),
    }
    for name, (value, wanted) in lengths.items():
        if value is not None and len(value) != wanted:
            raise ValueError(f"Got {len(value)} {name}, but expected {wanted}.")
    if len(codes) and not 0 <= codes.min() <= codes.max() < len(histories.vocabulary):
        raise ValueError(
            f"Got codes from {codes.min()} to {codes.max()}, but the vocabulary has "
            f"{len(histories.vocabulary)}."
        )
    _check_times(histories)


def _check_offsets(name: str, offsets: Any, total: int, *, empty: bool) -> None:
    steps = np.diff(offsets)
    if not len(offsets) or offsets[0] != 0 or offsets[-1] != total or np.any(steps < 0):
        raise ValueError(f"Got {name} that do not rise from 0 to {total}.")
    if not empty and np.any(steps == 0):
        raise ValueError(f"Got {name} with an empty visit; every visit needs an event.")


def _check_times(histories: Any) -> None:
    times = histories.times
    if np.isnat(times).any():
        raise ValueError("Got a missing time; what has no time belongs into static.")
    earlier = times[1:] < times[:-1]
    starts = histories.event_offsets
    earlier[starts[(starts > 0) & (starts < len(times))] - 1] = False
    if earlier.any():
        raise ValueError(
            f"Got {int(earlier.sum())} events earlier than the one before of the same patient; "
            "use PatientHistories.from_events for events in any order."
        )
