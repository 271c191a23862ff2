"""From named channels in any unit to an ECGRecord in mV: what all readers share."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from cardiorisk._validation import check_lead_names, check_sampling_rate
from cardiorisk.exceptions import ReadError, SignalError
from cardiorisk.records import ECGRecord

__all__ = ["UNCALIBRATED", "Channel", "SubjectOf", "record_of", "with_subject"]

SubjectOf = Callable[[ECGRecord], str] | Mapping[str, str]
"""How to find a record's patient: from the record, or by its ``record_id``."""

MILLIVOLTS = {
    "nv": 1e-6,
    **dict.fromkeys(("uv", "µv", "μv"), 1e-3),  # two code points for mu
    "mv": 1.0,
    "v": 1e3,
}
UNCALIBRATED = "uncalibrated units"
DERIVED = {"III": (-1.0, 1.0), "aVR": (-0.5, -0.5), "aVL": (1.0, -0.5), "aVF": (-0.5, 1.0)}
"""Shares of leads I and II in each lead that follows from them."""


@dataclass(frozen=True, eq=False)
class Channel:
    """One channel of a file, in the unit that the file states.

    Parameters
    ----------
    name : str
        Lead name as the file spells it.
    samples : ndarray, shape (n_samples,)
    unit : str
        For example ``"uV"``; :data:`UNCALIBRATED` where the file does not tell the scale.
    sampling_rate : float
        In Hz.
    """

    name: str
    samples: npt.NDArray[np.floating[Any]]
    unit: str
    sampling_rate: float


def factor_to_millivolts(unit: str) -> float | None:
    """Return what a value in this unit is multiplied by to be in mV; None for no potential.

    Examples
    --------
    >>> factor_to_millivolts("uV"), factor_to_millivolts("mmHg")
    (0.001, None)
    """
    return MILLIVOLTS.get(unit.strip().lower())


def _same(values: Iterable[float], what: str, path: Path) -> float:
    found = sorted(set(values))
    if len(found) > 1:
        stated = ", ".join(f"{value:g}" for value in found)
        raise ReadError(f"{path}: got leads of {stated} {what}, but expected the same in all.")
    return found[0]


def record_of(
    channels: Sequence[Channel],
    path: Path,
    metadata: Mapping[str, Any],
    left_out: Mapping[str, str] | None = None,
) -> ECGRecord:
    """Build the record of a file from its channels.

    A channel that is no potential is left out and named in ``metadata["left_out_signals"]``.
    Where leads I and II are there and none of III, aVR, aVL and aVF, these four follow exactly
    (III = II - I, aVR = -(I + II) / 2, aVL = I - II / 2, aVF = II - I / 2): they are added and
    named in ``metadata["derived_leads"]``. ``metadata["patient_id"]`` becomes ``subject_id``.

    Raises
    ------
    ReadError
        No channel is a potential, or the leads differ in rate or length, or share a name.
    """
    kept = [channel for channel in channels if factor_to_millivolts(channel.unit) is not None]
    others = {c.name: c.unit or UNCALIBRATED for c in channels if c not in kept}
    others.update(left_out or {})
    if not kept:
        units = ", ".join(f"{name} in {unit}" for name, unit in others.items()) or "no channel"
        raise ReadError(f"{path} has no ECG lead: got {units}, but expected nV, uV, mV or V.")
    rate = _same((channel.sampling_rate for channel in kept), "Hz", path)
    if not _same((len(channel.samples) for channel in kept), "samples", path):
        raise ReadError(f"{path} has a header but no samples.")
    signal = np.stack([c.samples * (factor_to_millivolts(c.unit) or 0.0) for c in kept])
    try:
        names = check_lead_names([channel.name for channel in kept], len(kept))
        rate = check_sampling_rate(rate)
    except SignalError as error:
        raise ReadError(f"{path}: {error}") from error
    facts = {key: value for key, value in metadata.items() if value not in (None, "", (), {})}
    if others:
        facts["left_out_signals"] = others
    signal, names, derived = _with_limb_leads(signal, names)
    if derived:
        facts["derived_leads"] = derived
    return ECGRecord(
        signal.astype(np.float32),
        rate,
        names,
        record_id=path.stem,
        subject_id=facts.get("patient_id"),
        metadata={"source_file": str(path), **facts},
    )


def _with_limb_leads(
    signal: npt.NDArray[Any], names: tuple[str, ...]
) -> tuple[npt.NDArray[Any], tuple[str, ...], tuple[str, ...]]:
    if not {"I", "II"} <= set(names) or set(DERIVED) & set(names):
        return signal, names, ()
    one, two = signal[names.index("I")], signal[names.index("II")]
    added = np.stack([of_one * one + of_two * two for of_one, of_two in DERIVED.values()])
    rest = [index for index, name in enumerate(names) if name not in ("I", "II")]
    order = ("I", "II", *DERIVED, *(names[index] for index in rest))
    return np.vstack([one, two, added, signal[rest]]), order, tuple(DERIVED)


def with_subject(record: ECGRecord, subject_id: str | SubjectOf | None) -> ECGRecord:
    """Set the patient of a record, as given or found; None leaves what the file says."""
    if subject_id is None:
        return record
    if isinstance(subject_id, str):
        return replace(record, subject_id=subject_id)
    try:
        find = subject_id if callable(subject_id) else lambda r: subject_id[r.record_id]
        return replace(record, subject_id=str(find(record)))
    except Exception as error:
        raise ReadError(
            f"Got no subject_id for {record.record_id!r}: {type(error).__name__}: {error}"
        ) from error


def age_between(birth: date | None, when: date | None) -> float | None:
    """Completed years from birth to the recording; None where one is not known.

    Examples
    --------
    >>> age_between(date(1960, 6, 1), date(2020, 5, 31))
    59.0
    """
    if birth is None or when is None:
        return None
    years = when.year - birth.year - ((when.month, when.day) < (birth.month, birth.day))
    return float(years) if years >= 0 else None


def date_and_time(when: datetime | None) -> dict[str, str]:
    """Metadata ``date`` and ``time`` in ISO 8601; empty where the moment is not known."""
    if when is None:
        return {}
    return {"date": when.date().isoformat(), "time": when.time().isoformat()}
