"""Read the ECG channels of an EDF or EDF+ file."""

import re
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cardiorisk._optional import require
from cardiorisk._validation import canonical_lead
from cardiorisk.exceptions import ReadError
from cardiorisk.io.ecg_channels import (
    UNCALIBRATED,
    Channel,
    age_between,
    date_and_time,
    record_of,
)
from cardiorisk.records import STANDARD_LEADS, ECGRecord

__all__ = ["read_edf"]

SEXES = {"M": "male", "F": "female"}
OTHER_LEADS = {"mlii", "mlv1", "mlv5", *(f"v{number}" for number in (7, 8, 9))}
_PREFIX = re.compile(r"^(?:ecg|ekg)\b[\s:_-]*(?:lead\b\s*)?", re.IGNORECASE)


def ecg_lead(label: str) -> str | None:
    """Lead name of an EDF label; None for a channel that is no ECG.

    Examples
    --------
    >>> ecg_lead("ECG aVR"), ecg_lead("ekg lead ii"), ecg_lead("V5"), ecg_lead("EEG Fpz-Cz")
    ('aVR', 'II', 'V5', None)
    """
    rest, found = _PREFIX.subn("", label.strip())
    lead = canonical_lead(rest)
    if found:
        return lead or "ECG"
    known = lead in STANDARD_LEADS or lead.lower() in OTHER_LEADS
    return lead if known else None


def read_edf(path: Path) -> ECGRecord:
    """Read the ECG channels of an EDF, EDF+C file.

    A channel is an ECG by its label (``"ECG II"``, ``"EKG V1"``, or a lead name by itself); all
    others (EEG, SpO2, ...) are left out and named. All ECG channels must have one rate.

    Raises
    ------
    ReadError
        The file is damaged, truncated or discontinuous (EDF+D), has no calibrated ECG channel,
        or ECG channels of several rates.
    OptionalDependencyError
        ``edfio`` is not installed.

    References
    ----------
    Kemp & Olivan 2003, European data format 'plus', doi:10.1016/S1388-2457(03)00123-8

    Examples
    --------
    >>> read_edf(Path("night.edf"))  # doctest: +SKIP
    ECGRecord('night', 1 lead, 28800 s at 256 Hz)
    """
    edfio = require("edfio", extra="formats")
    try:
        _check_header(path)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # calibration is checked here, channel by channel
            source = edfio.read_edf(path)
            channels = [
                _channel(signal, lead)
                for signal in source.signals
                if (lead := ecg_lead(signal.label)) is not None
            ]
            metadata = _metadata(source)
    except ReadError:
        raise
    except Exception as error:  # a damaged header fails in as many ways as it has fields
        raise ReadError(f"{path} could not be read: {type(error).__name__}: {error}") from error
    left_out = {
        signal.label: f"{signal.physical_dimension or UNCALIBRATED}, not labelled as ECG"
        for signal in source.signals
        if ecg_lead(signal.label) is None
    }
    return record_of(channels, path, metadata, left_out)


def _check_header(path: Path) -> None:
    """Refuse a discontinuous recording, and a file that ends before its header says so."""
    with path.open("rb") as file:
        header = file.read(256)
        n_signals = int(header[252:256])
        signals = file.read(256 * n_signals)
    if header[192:197] == b"EDF+D":
        raise ReadError(f"{path} is discontinuous (EDF+D), but expected one unbroken recording.")
    fields = signals[216 * n_signals : 224 * n_signals]
    per_record = sum(int(fields[8 * i : 8 * i + 8]) for i in range(n_signals))
    n_records = int(header[236:244])
    needed = int(header[184:192]) + 2 * per_record * n_records
    if n_records >= 0 and path.stat().st_size < needed:  # -1: not known while recording
        found = path.stat().st_size
        raise ReadError(f"{path} is truncated: got {found} bytes, but its header states {needed}.")


def _channel(signal: Any, lead: str) -> Channel:
    calibrated = (
        signal.physical_min != signal.physical_max and signal.digital_min < signal.digital_max
    )
    unit = signal.physical_dimension if calibrated else UNCALIBRATED
    return Channel(lead, signal.data, unit, float(signal.sampling_frequency))


def _stated(read: Callable[[], Any]) -> Any:
    """Return a field of the header; None where it is anonymised, empty or off the standard."""
    try:
        value = read()
    except Exception:  # edfio has no common parent for what a free-text field can hold
        return None
    return None if value == "X" else value


def _metadata(source: Any) -> dict[str, Any]:
    when = _stated(lambda: source.startdatetime)
    birth = _stated(lambda: source.patient.birthdate)
    notes = _stated(lambda: source.annotations) or ()
    return {
        "format": "edf",
        "patient_id": _stated(lambda: source.patient.code),
        "age": age_between(birth, when),
        "sex": SEXES.get(_stated(lambda: source.patient.sex)),
        **date_and_time(when),
        "annotations": tuple((note.onset, note.duration, note.text) for note in notes),
    }
