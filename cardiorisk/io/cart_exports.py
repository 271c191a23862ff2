"""Read what ECG carts and their archives export: MUSE, Philips and HL7 XML, and SCP-ECG."""

import re
import warnings
from pathlib import Path
from typing import Any

from cardiorisk._optional import require
from cardiorisk.exceptions import ReadError
from cardiorisk.io.ecg_channels import UNCALIBRATED, Channel, date_and_time, record_of
from cardiorisk.records import ECGRecord

__all__ = ["read_cart_export"]

SOURCES = {"ge_muse_xml": "muse", "sierra_xml": "philips", "hl7_aecg": "aecg", "scp_ecg": "scp"}
SEXES = {"M": "male", "F": "female"}


def read_cart_export(path: Path) -> ECGRecord:
    """Read the rhythm leads of a cart's export through ecgdatakit.

    Median beats are never taken for the ECG. A wrong checksum is an error. What else the parser
    has to say (a second rhythm strip that was passed over, ...) is in
    ``metadata["reader_notes"]``.

    Raises
    ------
    ReadError
        The file is damaged, truncated, declares XML entities, or has no calibrated lead.
    OptionalDependencyError
        ``ecgdatakit`` is not installed.

    Examples
    --------
    >>> read_cart_export(Path("muse.xml"))  # doctest: +SKIP
    ECGRecord('muse', 12 leads, 10 s at 500 Hz)
    """
    parsing = require("ecgdatakit", extra="formats")
    try:
        with warnings.catch_warnings(record=True) as notes:
            warnings.simplefilter("always")
            source = parsing.FileParser.parse(path, units="mV")
    except Exception as error:  # a parser of foreign files fails in more ways than its own
        raise ReadError(f"{path} could not be read: {type(error).__name__}: {error}") from error
    messages = tuple(str(note.message) for note in notes)
    damaged = [note for note in notes if issubclass(note.category, _checksum_warning())]
    if damaged:
        raise ReadError(f"{path} is damaged: {damaged[0].message}.")
    _check_leads(source.leads, path)
    rate = _exact_rate(source)
    channels = [
        Channel(
            lead.label,
            lead.samples,
            UNCALIBRATED if lead.is_raw else lead.units,
            float(rate or lead.sampling_rate),
        )
        for lead in source.leads
    ]
    return record_of(channels, path, {**_metadata(source), "reader_notes": messages})


def _checksum_warning() -> Any:
    return require("ecgdatakit.exceptions", extra="formats").ChecksumWarning


def _check_leads(leads: list[Any], path: Path) -> None:
    """Refuse leads that ecgdatakit renamed because they are doubled, or that start apart."""
    names = {lead.label for lead in leads}
    doubled = [re.sub(r"_\d+$", "", name) for name in names]
    if len(set(doubled)) < len(names):
        raise ReadError(f"{path}: got leads {sorted(names)}, but each lead may appear only once.")
    if len({lead.annotations.get("start_sample", "1") for lead in leads}) > 1:
        raise ReadError(f"{path}: got leads that start at different times, but expected one start.")


def _exact_rate(source: Any) -> float | None:
    """Return the rate in Hz where the file states an interval, which ecgdatakit rounds to 1 Hz."""
    exact = source.raw_metadata.get("rhythm_time", {}).get("sampling_rate_exact")
    interval = source.raw_metadata.get("rhythm_sample_interval_us")
    return round(exact, 6) if exact else 1e6 / interval if interval else None


def _metadata(source: Any) -> dict[str, Any]:
    age = source.patient.age
    return {
        "format": SOURCES[source.source_format],
        "patient_id": source.patient.patient_id,
        "age": None if age is None else float(age),
        "sex": SEXES.get(source.patient.sex),
        **date_and_time(source.recording.date),
    }
