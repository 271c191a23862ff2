"""The one place that knows what a valid input is."""

from collections.abc import Iterable, Sequence
from numbers import Real
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.utils.multiclass import check_classification_targets

from cardiorisk._optional import require
from cardiorisk._signal_problems import (
    MAX_GAP,
    MIN_DURATION,
    SignalProblem,
    fill_gaps,
    signal_problems,
    usable_leads,
)
from cardiorisk.exceptions import SignalError
from cardiorisk.records import STANDARD_LEADS, ECGRecord, PatientHistories

__all__ = [
    "MAX_GAP",
    "MIN_DURATION",
    "SignalProblem",
    "as_pandas",
    "as_records",
    "canonical_lead",
    "check_columns",
    "check_groups",
    "check_histories",
    "check_lead_names",
    "check_sampling_rate",
    "encode_classes",
    "fill_gaps",
    "in_lead_order",
    "positive_index",
    "signal_problems",
    "usable_leads",
]

_LEADS_BY_LOWER_NAME = {name.lower(): name for name in STANDARD_LEADS}


def check_sampling_rate(sampling_rate: Any) -> float:
    """Return the sampling rate in Hz as a float, or raise SignalError."""
    is_number = isinstance(sampling_rate, Real) and not isinstance(sampling_rate, bool)
    if not is_number or not np.isfinite(sampling_rate) or sampling_rate <= 0:
        raise SignalError(
            f"Got sampling_rate={sampling_rate!r}, but expected a positive number of Hz."
        )
    return float(sampling_rate)


def canonical_lead(name: str) -> str:
    """Spell a standard lead as the standard does; leave other names as they are.

    Examples
    --------
    >>> canonical_lead("avr"), canonical_lead(" v1"), canonical_lead("MLII")
    ('aVR', 'V1', 'MLII')
    """
    stripped = str(name).strip()
    return _LEADS_BY_LOWER_NAME.get(stripped.lower(), stripped)


def check_lead_names(lead_names: Iterable[str] | None, n_leads: int) -> tuple[str, ...]:
    """Return one canonical name a lead, or raise SignalError.

    ``None`` is accepted only for twelve leads, which are then taken to be in standard order.
    """
    if lead_names is None:
        if n_leads != len(STANDARD_LEADS):
            raise SignalError(
                f"Got {n_leads} leads without lead_names; only a twelve-lead ECG in the standard "
                f"order ({', '.join(STANDARD_LEADS)}) may leave them out."
            )
        return STANDARD_LEADS
    if isinstance(lead_names, str):
        raise SignalError(f"Got lead_names={lead_names!r}, but expected a sequence of names.")
    names = tuple(canonical_lead(name) for name in lead_names)
    if len(names) != n_leads:
        raise SignalError(f"Got {len(names)} lead_names for {n_leads} leads.")
    if len(set(names)) != len(names):
        raise SignalError(f"Got lead_names={names}, but each lead may appear only once.")
    return names


def _records_from_array(
    X: Any, sampling_rate: Any, lead_names: Iterable[str] | None
) -> list[ECGRecord]:
    rate = check_sampling_rate(sampling_rate)
    names = None if lead_names is None else tuple(lead_names)
    signals = np.asarray(X)
    if signals.dtype.kind not in "fiub":
        raise SignalError(f"Got an ECG array of dtype {signals.dtype}, but expected real numbers.")
    if signals.ndim == 2:
        n_leads = len(STANDARD_LEADS) if names is None else len(names)
        if n_leads == 0 or signals.shape[1] == 0 or signals.shape[1] % n_leads:
            raise SignalError(
                f"Got a flattened ECG array of shape {signals.shape}, but {signals.shape[1]} "
                f"columns cannot be divided into {n_leads} leads."
            )
        signals = signals.reshape(len(signals), n_leads, -1)
    if signals.ndim != 3:
        raise SignalError(
            f"Got an ECG array of shape {signals.shape}, but expected (n_records, n_leads, "
            "n_samples) or (n_records, n_leads * n_samples). Reshape your data."
        )
    checked = check_lead_names(names, signals.shape[1])
    with np.errstate(over="ignore"):  # a float64 beyond float32 becomes inf, and is flagged
        signals = signals.astype(np.float32, copy=False)
    return [ECGRecord(signal, rate, checked) for signal in signals]


def as_records(
    X: Any, sampling_rate: Any = None, lead_names: Iterable[str] | None = None
) -> list[ECGRecord]:
    """Bring every accepted form of a batch of ECGs into a list of records.

    Parameters
    ----------
    X : sequence of ECGRecord, or array
        An array is (n_records, n_leads, n_samples) or flattened
        (n_records, n_leads * n_samples), in mV.
    sampling_rate : float, optional
        In Hz; needed for an array. Records carry their own.
    lead_names : sequence of str, optional
        Needed for an array that is not a standard twelve-lead ECG.

    Returns
    -------
    list of ECGRecord
        Float32, canonical lead names. Values are not judged here: see :func:`signal_problems`.

    Raises
    ------
    SignalError
        The shape, sampling rate or lead names do not fit together.
    """
    if isinstance(X, ECGRecord):
        raise SignalError("Got one ECGRecord, but expected a sequence of them: pass [record].")
    if isinstance(X, Sequence) or (isinstance(X, np.ndarray) and X.dtype == object):
        records = list(X)
        if records and all(isinstance(record, ECGRecord) for record in records):
            return [_canonical_record(record) for record in records]
        if any(isinstance(record, ECGRecord) for record in records):
            raise SignalError("Got a mixture of ECGRecord and other objects.")
    if sampling_rate is None:
        raise SignalError("Got an ECG array without sampling_rate; give it in Hz.")
    return _records_from_array(X, sampling_rate, lead_names)


def _canonical_record(record: ECGRecord) -> ECGRecord:
    signal = np.asarray(record.signal)
    if signal.ndim != 2:
        raise SignalError(
            f"Got a record {record.record_id!r} of shape {signal.shape}, but expected "
            "(n_leads, n_samples)."
        )
    names = check_lead_names(record.lead_names, signal.shape[0])
    rate = check_sampling_rate(record.sampling_rate)
    if names == record.lead_names and rate == record.sampling_rate and signal.dtype == np.float32:
        return record
    return ECGRecord(
        signal.astype(np.float32), rate, names, record.record_id, record.subject_id, record.metadata
    )


def in_lead_order(
    record: ECGRecord, lead_names: Sequence[str] = STANDARD_LEADS
) -> npt.NDArray[np.float32]:
    """Signal of the asked leads, matched by name; a lead that the record lacks is all NaN."""
    out = np.full((len(lead_names), record.signal.shape[1]), np.nan, np.float32)
    for row, name in enumerate(lead_names):
        if name in record.lead_names:
            out[row] = record.lead(name)
    return out


def as_pandas(X: Any) -> Any:
    """Bring a foreign data frame (polars, pyarrow, ...) into pandas; leave all else as it is."""
    if isinstance(X, pd.DataFrame | np.ndarray | Sequence) or not hasattr(X, "columns"):
        return X
    frame = require("narwhals").from_native(X, eager_only=True, pass_through=True)
    if frame is X:
        return X
    return pd.DataFrame({name: frame[name].to_list() for name in frame.columns})


def check_columns(estimator: Any, X: Any, *, reset: bool) -> None:
    """Keep and compare column labels that are not all strings: scikit-learn ignores these."""
    labels = tuple(map(repr, X.columns)) if isinstance(X, pd.DataFrame) else None
    if reset:
        by_sklearn = labels is None or all(isinstance(label, str) for label in X.columns)
        estimator._column_labels = None if by_sklearn else labels
        return
    known = getattr(estimator, "_column_labels", None)
    if labels is not None and known not in (None, labels):
        raise ValueError(
            f"Got columns {', '.join(labels)}, but {type(estimator).__name__} was fitted on "
            f"{', '.join(known)}; expected the same columns in this order."
        )


def encode_classes(y: Any) -> tuple[npt.NDArray[Any], npt.NDArray[np.intp]]:
    """Return the sorted classes and each row's position among them, or raise ValueError.

    Examples
    --------
    >>> encode_classes(["well", "sick", "well"])
    (array(['sick', 'well'], dtype='<U4'), array([1, 0, 1]))
    """
    check_classification_targets(y)
    classes, codes = np.unique(y, return_inverse=True)
    if len(classes) < 2:
        raise ValueError(f"Got one class only ({classes[0]}), but a classifier needs at least two.")
    return classes, codes


def check_groups(groups: Any, n_rows: int) -> npt.NDArray[Any] | None:
    """Return groups as an array with one entry a row, or raise ValueError."""
    if groups is None:
        return None
    checked = np.asarray(groups)
    if checked.shape != (n_rows,):
        raise ValueError(f"Got groups of shape {checked.shape}, but expected ({n_rows},).")
    if np.any(pd.isna(list(groups))):  # in the array of a list of strings, NaN is a word
        raise ValueError("Got groups with missing entries; each row needs a patient or site.")
    return checked


def check_histories(X: Any) -> PatientHistories:
    """Return histories as they are, or raise TypeError for anything else."""
    if not isinstance(X, PatientHistories):
        raise TypeError(
            f"Got {type(X).__name__}, but expected PatientHistories: read them with a reader of "
            "cardiorisk.io, or build them with PatientHistories.from_events(frame)."
        )
    return X


def positive_index(classes: npt.NDArray[Any], pos_label: Any = None) -> int:
    """Position of the class whose probability is the risk: the last one unless named."""
    if pos_label is None:
        return len(classes) - 1
    found = np.flatnonzero(np.asarray(classes) == pos_label)
    if not len(found):
        raise ValueError(
            f"Got pos_label={pos_label!r}, but the classes are {np.asarray(classes).tolist()}."
        )
    return int(found[0])
