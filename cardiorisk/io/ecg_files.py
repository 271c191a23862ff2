"""Read one ECG file of any known format as an ECGRecord in mV."""

from collections.abc import Callable
from pathlib import Path

from cardiorisk._optional import require
from cardiorisk.exceptions import ReadError
from cardiorisk.io.cart_exports import read_cart_export
from cardiorisk.io.dicom_waveforms import read_dicom
from cardiorisk.io.ecg_channels import SubjectOf, with_subject
from cardiorisk.io.edf_records import read_edf
from cardiorisk.io.wfdb_records import SUFFIXES, read_wfdb
from cardiorisk.records import ECGRecord

__all__ = ["ecg_format", "read_ecg"]

READERS: dict[str, Callable[[Path], ECGRecord]] = {
    "wfdb": read_wfdb,
    "dicom": read_dicom,
    "edf": read_edf,
    **dict.fromkeys(("muse", "philips", "aecg", "scp"), read_cart_export),
}
FILE_SUFFIXES = (".dcm", ".edf", ".scp", ".xml")
"""Suffixes that :func:`read_ecgs` looks for in a folder, beside ``.hea``."""

FORMAT_OF_ROOT = {"restingecg": "muse", "restingecgdata": "philips", "annotatedecg": "aecg"}
MARKUP = (b"<", b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")


def ecg_format(path: str | Path) -> str:
    """Tell the format of an ECG file by its content.

    Parameters
    ----------
    path : str or path

    Returns
    -------
    format : {"wfdb", "dicom", "edf", "muse", "philips", "aecg", "scp"}

    Raises
    ------
    ReadError
        The file is missing, is no known ECG format, or is XML that declares entities.

    Examples
    --------
    >>> ecg_format("ludb/data/1.hea")
    'wfdb'
    """
    path = Path(path)
    if path.suffix.lower() in SUFFIXES or (not path.is_file() and path.suffix == ""):
        return "wfdb"
    if not path.is_file():
        if path.with_name(path.name + ".hea").is_file():
            return "wfdb"  # a record name with a dot in it
        raise ReadError(f"Got {path}, but there is no such file.")
    with path.open("rb") as file:
        head = file.read(256)
    if head[128:132] == b"DICM":
        return "dicom"
    if head[:8] == b"0       " and head[252:256].strip().isdigit():
        return "edf"
    if head[16:22] == b"SCPECG" or _points_like_scp(head):
        return "scp"
    if head.lstrip().startswith(MARKUP):
        return _format_of_xml(path)
    if path.with_name(path.name + ".hea").is_file():
        return "wfdb"
    raise ReadError(f"Got {path}, but it is none of the formats {', '.join(READERS)}.")


def _points_like_scp(head: bytes) -> bool:
    """Whether section 0 begins at byte 7 and its first pointer says so."""
    return len(head) >= 32 and head[8:10] == head[22:24] == b"\0\0" and head[28:32] == b"\7\0\0\0"


def _format_of_xml(path: Path) -> str:
    """Read the root element; a document that declares entities is refused before it."""
    safe = require("defusedxml", extra="formats")
    parse = require("defusedxml.ElementTree", extra="formats").iterparse
    try:
        with path.open("rb") as file:
            _, element = next(iter(parse(file, events=("start",))))
    except safe.DefusedXmlException as error:
        raise ReadError(f"{path} is refused: it declares XML entities ({error}).") from error
    except (SyntaxError, StopIteration, ValueError) as error:
        raise ReadError(f"{path} could not be read: {error or 'no root element'}.") from error
    name = str(element.tag).rpartition("}")[2]
    if (found := FORMAT_OF_ROOT.get(name.lower())) is None:
        raise ReadError(
            f"Got {path} with XML root {name!r}, but expected RestingECG (GE MUSE), "
            "restingecgdata (Philips) or AnnotatedECG (HL7)."
        )
    return found


def read_ecg(
    path: str | Path, *, format: str = "auto", subject_id: str | SubjectOf | None = None
) -> ECGRecord:
    """Read one ECG file.

    Signals are converted from the unit that the file states (nV, uV, mV or V) to mV. A signal
    in another unit (``NU`` of a pulse wave), or without calibration, cannot be used: it is left
    out and named in ``metadata["left_out_signals"]``. A sample that the file marks as not
    measured becomes NaN.

    Parameters
    ----------
    path : str or path
        The file; a WFDB record with or without ``.hea``, ``.dat`` or ``.mat``.
    format : str, default="auto"
        ``"wfdb"``, ``"dicom"``, ``"edf"``, ``"muse"`` (GE MUSE XML), ``"philips"`` (Sierra XML),
        ``"aecg"`` (HL7 annotated ECG) or ``"scp"``. ``"auto"`` looks at the content; a named
        format is an expectation, and a file of another one is an error.
    subject_id : str, callable or mapping, optional
        The patient: given, found by ``subject_id(record)``, or by ``subject_id[record_id]``.
        None takes the patient identifier in the file; a patient is never guessed from a name.

    Returns
    -------
    record : ECGRecord
        Float32 in mV, canonical lead names, ``record_id`` from the file name. ``metadata`` holds
        ``source_file``, ``format``, and where the file has them ``age`` (years), ``sex``,
        ``date``, ``time`` (ISO 8601), ``patient_id``, ``left_out_signals``, and
        ``derived_leads``: III, aVR, aVL and aVF where a file of another format than WFDB stores
        only I and II of the limb leads. WFDB adds ``comments`` and ``dx`` (SNOMED CT codes).
        Names of patients are not read.

    Raises
    ------
    ReadError
        A file is missing, truncated, damaged or off its standard; or no signal is a potential.
    ValueError
        ``format`` is not one of those above.
    OptionalDependencyError
        The package that reads the format is not installed.

    References
    ----------
    The WFDB header format: https://wfdb.io/spec/header-files.html

    Examples
    --------
    >>> read_ecg("ludb/data/1.hea")  # doctest: +SKIP
    ECGRecord('1', 12 leads, 10 s at 500 Hz)
    """
    if format != "auto" and format not in READERS:
        raise ValueError(f"Got format={format!r}, but expected 'auto' or one of {list(READERS)}.")
    path = Path(path)
    found = format if format == "wfdb" else ecg_format(path)
    if format not in ("auto", found):
        raise ReadError(f"Got {path} in format {found!r}, but expected {format!r}.")
    return with_subject(READERS[found](path), subject_id)
