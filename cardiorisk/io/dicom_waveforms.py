"""Read the ECG of a DICOM waveform file (12-lead, general or ambulatory ECG)."""

import re
import warnings
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from cardiorisk._optional import require
from cardiorisk.exceptions import ReadError
from cardiorisk.io.ecg_channels import (
    UNCALIBRATED,
    Channel,
    age_between,
    date_and_time,
    record_of,
)
from cardiorisk.records import ECGRecord

__all__ = ["read_dicom"]

LEAD_OF_CODE = {
    **{1: "I", 2: "II", 61: "III", 62: "aVR", 63: "aVL", 64: "aVF", 66: "V8", 67: "V9"},
    **{number + 2: f"V{number}" for number in range(1, 8)},
    **{number + 8: f"V{number}R" for number in range(2, 8)},
    **{16: "X", 17: "Y", 18: "Z"},
}
"""Lead numbers that SCP-ECG (EN 1064) and MDC (ISO/IEEE 11073-10101, block 2) share."""

AVERAGED = re.compile(r"median|average|representative|template|\bbeat\b", re.IGNORECASE)
SEXES = {"M": "male", "F": "female"}
YEARS = {"Y": 1.0, "M": 1 / 12, "W": 7 / 365.25, "D": 1 / 365.25}
_NUMBERED = re.compile(r"(?:2:|5\.6\.3-9-)(\d+)")
_MEANING = re.compile(r"(?:ecg\s+)?(?:lead\s+)?(\S+)", re.IGNORECASE)


def read_dicom(path: Path) -> ECGRecord:
    """Read the rhythm of a DICOM waveform file.

    Of several multiplex groups the rhythm is taken, never a median beat: averaged and derived
    groups are passed over, then the one with the most samples in all channels is read, and
    all others are named in ``metadata["other_groups"]``. A value in mV is sample x sensitivity
    x correction factor + baseline in the unit of the channel (DICOM PS3.3, C.10.9). Padding is
    NaN. A channel without sensitivity or unit is left out.

    Raises
    ------
    ReadError
        The file is damaged, or holds no rhythm of an ECG.
    OptionalDependencyError
        ``pydicom`` is not installed.

    Examples
    --------
    >>> read_dicom(Path("ecg.dcm"))  # doctest: +SKIP
    ECGRecord('ecg', 12 leads, 10 s at 500 Hz)
    """
    pydicom = require("pydicom", extra="formats")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # pydicom warns of values off the standard
            dataset = pydicom.dcmread(path)
            groups = list(dataset.get("WaveformSequence") or ())
            if not groups:
                raise ReadError(f"{path} is DICOM without a waveform, but expected an ECG.")
            chosen = _rhythm(groups, path)
            channels = _channels(chosen)
            metadata = _metadata(dataset, chosen, groups)
    except ReadError:
        raise
    except Exception as error:  # a damaged data set fails in as many ways as it has elements
        raise ReadError(f"{path} could not be read: {type(error).__name__}: {error}") from error
    return record_of(channels, path, metadata)


def _label(group: Any) -> str:
    return str(group.get("MultiplexGroupLabel") or "").strip()


def _rhythm(groups: list[Any], path: Path) -> Any:
    rhythms = [group for group in groups if not AVERAGED.search(_label(group))]
    original = [g for g in rhythms if g.get("WaveformOriginality", "ORIGINAL") == "ORIGINAL"]
    if not original:
        labels = ", ".join(_label(group) or "no label" for group in groups)
        raise ReadError(f"{path} has only averaged or derived groups ({labels}): no rhythm.")
    return max(original, key=lambda g: g.NumberOfWaveformChannels * g.NumberOfWaveformSamples)


def _samples(group: Any) -> npt.NDArray[np.float64]:
    """Read the samples as stored, shape (n_channels, n_samples), padding as NaN."""
    shape = int(group.NumberOfWaveformSamples), int(group.NumberOfWaveformChannels)
    kinds = {"SB": "i1", "UB": "u1", "SS": "<i2", "US": "<u2", "SL": "<i4", "UL": "<u4"}
    if (kind := kinds.get(group.WaveformSampleInterpretation)) is None:
        raise ValueError(f"samples coded as {group.WaveformSampleInterpretation} are not ECG")
    size = np.dtype(kind).itemsize
    needed, data = shape[0] * shape[1] * size, bytes(group.WaveformData)
    if group.WaveformBitsAllocated != 8 * size or len(data) < needed:
        raise ValueError(f"got {len(data)} bytes of samples, but the header states {needed}")
    counts = np.frombuffer(data, kind, shape[0] * shape[1]).reshape(shape).T
    samples = counts.astype(np.float64)
    if (padding := group.get("WaveformPaddingValue")) is not None:
        raw = padding if isinstance(padding, bytes) else np.array(padding, kind).tobytes()
        samples[counts == np.frombuffer(raw, kind, 1)[0]] = np.nan
    return samples


def _channels(group: Any) -> list[Channel]:
    pairs = zip(group.ChannelDefinitionSequence, _samples(group), strict=True)
    return [
        _channel(definition, samples, number, float(group.SamplingFrequency))
        for number, (definition, samples) in enumerate(pairs, start=1)
    ]


def _channel(definition: Any, counts: npt.NDArray[Any], number: int, rate: float) -> Channel:
    name = lead_name(definition) or f"channel {number}"
    units = definition.get("ChannelSensitivityUnitsSequence")
    sensitivity = definition.get("ChannelSensitivity")
    if not units or not sensitivity:  # a sensitivity of 0 scales nothing
        return Channel(name, counts, UNCALIBRATED, rate)
    correction = definition.get("ChannelSensitivityCorrectionFactor")
    scale = float(sensitivity) * (1.0 if correction is None else float(correction))
    baseline = float(definition.get("ChannelBaseline") or 0.0)
    return Channel(name, counts * scale + baseline, str(units[0].CodeValue), rate)


def lead_name(definition: Any) -> str:
    """Lead of a channel: by its MDC or SCP-ECG code, else by its meaning, else by its label."""
    source = (definition.get("ChannelSourceSequence") or [{}])[0]
    code = str(source.get("CodeValue") or "")
    if (numbered := _NUMBERED.fullmatch(code)) and int(numbered[1]) in LEAD_OF_CODE:
        return LEAD_OF_CODE[int(numbered[1])]
    if code.startswith("MDC_ECG_LEAD_"):
        return code.removeprefix("MDC_ECG_LEAD_")
    words = str(source.get("CodeMeaning") or definition.get("ChannelLabel") or "").strip()
    meaning = _MEANING.match(words)
    return meaning[1] if meaning else ""


def _metadata(dataset: Any, chosen: Any, groups: list[Any]) -> dict[str, Any]:
    when = _moment(dataset)
    birth = _day(str(dataset.get("PatientBirthDate") or ""))
    age = _age(str(dataset.get("PatientAge") or ""))
    others = tuple(_label(group) or "no label" for group in groups if group is not chosen)
    return {
        "format": "dicom",
        "patient_id": str(dataset.get("PatientID") or "").strip(),
        "age": age if age is not None else age_between(birth, when),
        "sex": SEXES.get(str(dataset.get("PatientSex") or "").strip().upper()),
        **date_and_time(when),
        "group": _label(chosen),
        "other_groups": others,
    }


def _moment(dataset: Any) -> datetime | None:
    stamps = [str(dataset.get("AcquisitionDateTime") or "")]
    for stem in ("Acquisition", "Content", "Study"):
        stamps.append("".join(str(dataset.get(f"{stem}{part}") or "") for part in ("Date", "Time")))
    return next((day for stamp in stamps if (day := _day(stamp)) is not None), None)


def _day(stamp: str) -> datetime | None:
    digits = re.match(r"\d*", stamp)
    text = digits[0] if digits else ""
    form = {8: "%Y%m%d", 12: "%Y%m%d%H%M", 14: "%Y%m%d%H%M%S"}.get(len(text))
    try:
        return datetime.strptime(text, form) if form else None
    except ValueError:
        return None


def _age(text: str) -> float | None:
    match = re.fullmatch(r"(\d{1,3})([YMWD])", text.strip().upper())
    return float(match[1]) * YEARS[match[2]] if match else None
