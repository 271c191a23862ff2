"""Read one ECG in WFDB form (``.hea`` with ``.dat`` or ``.mat``) as an ECGRecord in mV."""

import contextlib
import io
import re
import warnings
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from cardiorisk._optional import require
from cardiorisk._validation import check_lead_names, check_sampling_rate
from cardiorisk.exceptions import ReadError, SignalError
from cardiorisk.io.ecg_channels import UNCALIBRATED, factor_to_millivolts
from cardiorisk.records import ECGRecord

__all__ = ["read_wfdb", "record_stem"]

SUFFIXES = (".hea", ".dat", ".mat")
SEXES = {"f": "female", "female": "female", "m": "male", "male": "male"}
_COMMENT = re.compile(r"\s*<?([A-Za-z][\w ]*?)>?\s*:\s*(.*?)\s*$")


def record_stem(path: str | Path) -> Path:
    """Path of a record without the suffix of one of its files."""
    path = Path(path)
    return path.with_suffix("") if path.suffix.lower() in SUFFIXES else path


def parse_comments(comments: Iterable[str]) -> dict[str, Any]:
    """Read age (years), sex and SNOMED CT codes from the comment lines of a header.

    What is absent, or is not a number where one is expected, is left out: the lines themselves
    are kept in the record's metadata.

    Examples
    --------
    >>> parse_comments(["Age: 59", "Sex: Female", "Dx: 164934002,426783006"])
    {'age': 59.0, 'sex': 'female', 'dx': ('164934002', '426783006')}
    >>> parse_comments(["<age>: 51", "<sex>: F", "Rhythm: Sinus bradycardia."])
    {'age': 51.0, 'sex': 'female'}
    """
    fields: dict[str, str] = {}
    for line in comments:
        if match := _COMMENT.match(line):
            fields.setdefault(match[1].lower(), match[2])
    parsed: dict[str, Any] = {}
    if re.fullmatch(r"\d+(\.\d+)?", fields.get("age", "")):
        parsed["age"] = float(fields["age"])
    if (sex := fields.get("sex", "").lower()) in SEXES:
        parsed["sex"] = SEXES[sex]
    codes = [code.strip() for code in fields.get("dx", "").split(",")]
    if all(code.isdigit() for code in codes):
        parsed["dx"] = tuple(codes)
    return parsed


def _read_quietly(stem: Path) -> Any:
    """Let wfdb read the record: no printing, no warnings, every failure a ReadError."""
    wfdb = require("wfdb", extra="ecg")
    if not stem.with_name(stem.name + ".hea").is_file():
        raise ReadError(f"Got {stem}, but there is no header file {stem.name}.hea.")
    try:
        with (
            warnings.catch_warnings(),
            contextlib.redirect_stdout(io.StringIO()),
            np.errstate(all="ignore"),
        ):
            warnings.simplefilter("ignore")
            header = wfdb.rdheader(str(stem))
            # A record of several segments has no digital form of its own.
            physical = isinstance(header, wfdb.MultiRecord)
            record = wfdb.rdrecord(str(stem), physical=physical)
            if not physical:
                record.units = _stated_units(stem, record.units)
            damaged = [] if physical else _wrong_checksums(record)
            if not physical:
                record.p_signal = record.dac()
    except Exception as error:  # wfdb raises at least nine types on damaged files
        raise ReadError(f"{stem} could not be read: {type(error).__name__}: {error}") from error
    if damaged:
        raise ReadError(f"{stem} is damaged: wrong checksum of signal {', '.join(damaged)}.")
    return record


def _stated_units(stem: Path, units: list[str]) -> list[str]:
    """Units as the header states them, :data:`UNCALIBRATED` where it gives no gain, or 0.

    wfdb drops the mu of microvolts and leaves volts, and takes 200 for a gain that is not stated.
    """
    raw = stem.with_name(stem.name + ".hea").read_bytes()
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        text = raw.decode("latin-1")
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    fields = [line.split() for line in lines[1 : 1 + len(units)]]
    return [_stated_unit(parts[2] if len(parts) > 2 else "") for parts in fields]


def _stated_unit(gain: str) -> str:
    """Read the unit from a gain field such as ``200(0)/mV``; the unit may be left out for mV."""
    number, _, unit = gain.partition("/")
    size = number.partition("(")[0]
    return (unit or "mV") if size and float(size) != 0 else UNCALIBRATED


def _wrong_checksums(record: Any) -> list[str]:
    if record.checksum is None or any(n != 1 for n in record.samps_per_frame or ()):
        return []  # frames of several samples were averaged: nothing to compare with
    pairs = zip(record.sig_name, record.checksum, record.calc_checksum(), strict=True)
    return [
        str(name)
        for name, stated, found in pairs
        if stated is not None and (stated - found) % 65536 != 0
    ]


def _in_millivolts(record: Any) -> tuple[npt.NDArray[np.float32], list[str], dict[str, str]]:
    """Signals that are potentials, in mV; the names of those; and the units of all others."""
    factors = [factor_to_millivolts(str(unit)) for unit in record.units]
    kept = [index for index, factor in enumerate(factors) if factor is not None]
    names = [record.sig_name[index] or f"signal {index + 1}" for index in kept]
    left_out = {
        str(record.sig_name[index] or f"signal {index + 1}"): str(record.units[index])
        for index, factor in enumerate(factors)
        if factor is None
    }
    columns = [record.p_signal[:, index] * factors[index] for index in kept]
    signal = np.stack(columns) if columns else np.empty((0, len(record.p_signal)))
    return signal.astype(np.float32), names, left_out


def _metadata(record: Any, stem: Path, left_out: dict[str, str]) -> Mapping[str, Any]:
    metadata: dict[str, Any] = {
        "source_file": str(stem.with_name(stem.name + ".hea")),
        "format": "wfdb",
        "comments": tuple(record.comments or ()),
        **parse_comments(record.comments or ()),
    }
    if record.base_date is not None:
        metadata["date"] = record.base_date.isoformat()
    if record.base_time is not None:
        metadata["time"] = record.base_time.isoformat()
    if left_out:
        metadata["left_out_signals"] = left_out
    return metadata


def read_wfdb(path: str | Path) -> ECGRecord:
    """Read one WFDB record, named with or without the suffix of one of its files.

    Raises
    ------
    ReadError
        A file is missing, truncated, damaged (checksum) or off the standard; or no signal is a
        potential.
    OptionalDependencyError
        ``wfdb`` is not installed.

    References
    ----------
    The WFDB header format: https://wfdb.io/spec/header-files.html

    Examples
    --------
    >>> read_wfdb("ludb/data/1")  # doctest: +SKIP
    ECGRecord('1', 12 leads, 10 s at 500 Hz)
    """
    stem = record_stem(path)
    source = _read_quietly(stem)
    if source.p_signal is None or not len(source.p_signal):
        raise ReadError(f"{stem} has a header but no samples.")
    signal, names, left_out = _in_millivolts(source)
    if not names:
        units = ", ".join(f"{name} in {unit}" for name, unit in left_out.items())
        raise ReadError(f"{stem} has no ECG lead: got {units}, but expected mV, uV or V.")
    try:
        leads = check_lead_names(names, len(names))
        rate = check_sampling_rate(source.fs)
    except SignalError as error:
        raise ReadError(f"{stem}: {error}") from error
    metadata = _metadata(source, stem, left_out)
    return ECGRecord(signal, rate, leads, record_id=stem.name, metadata=metadata)
