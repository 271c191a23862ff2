"""Every accepted form of ECGs as one array: one rate, one length, leads in order, no gaps."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.signal import butter, sosfiltfilt

from cardiorisk._validation import fill_gaps, in_lead_order
from cardiorisk.exceptions import SignalError
from cardiorisk.features._ecg_input import holds_records
from cardiorisk.features._zero_phase import resampled
from cardiorisk.records import ECGRecord

__all__ = ["RATE", "lead_order", "network_input", "paper_signals", "patients_of", "record_names"]

Signals = npt.NDArray[np.float32]

RATE = 100.0  # Hz, of the published network


def lead_order(records: Sequence[ECGRecord]) -> tuple[str, ...]:
    """Return the leads of the first record, which must be those of all."""
    if not records:
        raise SignalError("Got no ECG, but expected at least one.")
    leads = records[0].lead_names
    for record in records:
        if set(record.lead_names) != set(leads):
            raise SignalError(
                f"Got leads {', '.join(record.lead_names)} after {', '.join(leads)}, but training "
                "needs the same leads in every record."
            )
    return leads


def paper_signals(records: Sequence[ECGRecord], leads: Sequence[str], duration: float) -> Signals:
    """Bring records to 100 Hz and one length.

    Parameters
    ----------
    records : sequence of ECGRecord
    leads : sequence of str
        A lead that a record lacks is zero, and so is one that cannot be used.
    duration : float
        In s. What a record has beyond is left out, what it lacks is zero.

    Returns
    -------
    signals : ndarray of float32, shape (n, n_leads, n_samples)
        In mV.

    Raises
    ------
    SignalError
        A record has no usable lead among ``leads``.
    """
    n_samples = max(round(duration * RATE), 1)
    signals = np.zeros((len(records), len(leads), n_samples), np.float32)
    for row, record in enumerate(records):
        filled = fill_gaps(record)
        finite = np.isfinite(in_lead_order(filled, leads)).all(axis=1)
        if not finite.any():
            name = row if record.record_id is None else repr(record.record_id)
            raise SignalError(
                f"Got record {name} with no lead of {', '.join(leads)} that is finite throughout "
                "(NaN, infinity or missing leads)."
            )
        signal = in_lead_order(filled, leads)[finite].astype(float)
        at_rate = resampled(signal, record.sampling_rate, RATE)[:, :n_samples]
        signals[row, finite, : at_rate.shape[1]] = at_rate
    return signals


def network_input(signals: Signals, highpass: float | None) -> Signals:
    """Take the baseline out, forwards and backwards, by a Butterworth filter of first order."""
    if highpass is None or signals.shape[-1] < 2:
        return signals
    sos = butter(1, highpass, "highpass", fs=RATE, output="sos")
    padding = min(3 * (2 * len(sos) + 1), signals.shape[-1] - 1)
    return np.asarray(sosfiltfilt(sos, signals, axis=-1, padlen=padding), np.float32)


def record_names(X: Any, records: Sequence[ECGRecord]) -> npt.NDArray[Any]:
    """Name the records by their identifiers where all have one, else by position."""
    names = [record.record_id for record in records]
    if holds_records(X) and all(name is not None for name in names):
        return np.array(names, dtype=str)
    return np.arange(len(records))


def patients_of(records: Sequence[ECGRecord]) -> npt.NDArray[Any] | None:
    """Patient of each record; None where a record does not tell."""
    patients = [record.subject_id for record in records]
    return None if None in patients else np.array(patients)
