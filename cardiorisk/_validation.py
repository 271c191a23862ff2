"""The one place that knows what a valid input is."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from numbers import Real
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from cardiorisk._optional import require
from cardiorisk.exceptions import SignalError
from cardiorisk.records import STANDARD_LEADS, ECGRecord

__all__ = [
    "SignalProblem",
    "as_pandas",
    "as_records",
    "canonical_lead",
    "check_columns",
    "check_groups",
    "check_lead_names",
    "check_sampling_rate",
    "fill_gaps",
    "in_lead_order",
    "positive_index",
    "signal_problems",
    "usable_leads",
]

MIN_DURATION = 2.0  # s: below, fewer than two beats are sure at 60 /min
MIN_SAMPLING_RATE = 100.0  # Hz: below, the edges of a QRS complex fall between samples
MAX_DEVIATION = 15.0  # mV: the largest QRS of a human ECG is well below 10 mV
MIN_DEVIATION = 0.02  # mV: a low-voltage QRS is still above 0.1 mV
MAX_GAP, MAX_MISSING = 0.2, 0.05  # s at a time and share of a lead that may be bridged
CLIPPED_SAMPLES, CLIPPED_PLACES = 5, 3  # equal extremes in a row, and how often
CLIPPED = "rest at their extreme value time and again; the peaks are probably cut off."
LIMB_TOLERANCE = 0.1  # share of lead III's spread that III - (II - I) may differ by
SENTINELS = (-32768.0, 32767.0, 29999.0)  # "not measured" in WFDB int16 and in cart exports

_LEADS_BY_LOWER_NAME = {name.lower(): name for name in STANDARD_LEADS}


@dataclass(frozen=True)
class SignalProblem:
    """One reason to doubt an ECG.

    Parameters
    ----------
    code : str
        Short stable name: ``"units"``, ``"sentinel"``, ``"too_short"``, ``"sampling_rate"``,
        ``"flat"``, ``"not_finite"``, ``"gaps"``, ``"spikes"``, ``"saturated"`` or
        ``"limb_leads"``.
    message : str
        What was seen and what was expected.
    fatal : bool
        Whether the record cannot be used at all.
    leads : tuple of str
        The leads that are affected.
    """

    code: str
    message: str
    fatal: bool
    leads: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"


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


def usable_leads(record: ECGRecord) -> npt.NDArray[np.bool_]:
    """Tell for each lead whether it is finite and not constant."""
    if record.signal.shape[1] == 0:
        return np.zeros(len(record.lead_names), bool)
    finite = np.asarray(np.isfinite(record.signal).all(axis=1))
    return finite & (np.ptp(np.where(finite[:, None], record.signal, 0.0), axis=1) > 0)


def fill_gaps(record: ECGRecord) -> ECGRecord:
    """Bridge short gaps (NaN) by straight lines: 0.2 s at most, and 5 % of a lead at most.

    A lead with more missing, or with infinity, is left as it is, and so is not usable.
    """
    missing = np.isnan(record.signal)
    signal = record.signal.copy() if missing.any() else record.signal
    for lead, gap in zip(signal, missing, strict=True):
        longest = _runs(gap).max(initial=0) / record.sampling_rate
        if 0 < longest <= MAX_GAP and gap.mean() <= MAX_MISSING and not np.isinf(lead).any():
            lead[gap] = np.interp(np.flatnonzero(gap), np.flatnonzero(~gap), lead[~gap])
    return replace(record, signal=signal) if missing.any() else record


def _runs(mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.intp]:
    """Length of each run of True."""
    edges = np.flatnonzero(np.diff(mask, prepend=False, append=False))
    return edges[1::2] - edges[::2]


def signal_problems(record: ECGRecord) -> tuple[SignalProblem, ...]:
    """List what is wrong with a record's values; empty for an ECG that can be trusted.

    The unit is never guessed or corrected: an implausible amplitude is reported.
    """
    if record.duration < MIN_DURATION:
        message = f"{record.duration:g} s is too short; at least {MIN_DURATION:g} s are needed."
        return (SignalProblem("too_short", message, fatal=True),)
    if record.sampling_rate < MIN_SAMPLING_RATE:
        message = f"{record.sampling_rate:g} Hz is too slow; at least {MIN_SAMPLING_RATE:g} needed."
        return (SignalProblem("sampling_rate", message, fatal=True),)
    if (sentinel := _sentinel_problem(record)) is not None:
        return (sentinel,)
    filled = fill_gaps(record)
    problems = _lead_problems(filled) + _gap_problems(record, filled)
    if (usable := usable_leads(filled)).any():
        problems += _amplitude_problems(filled, usable)
        clipped = [ok and _is_clipped(lead) for ok, lead in zip(usable, filled.signal, strict=True)]
        problems += _doubt("saturated", filled, np.array(clipped), CLIPPED)
        problems += _limb_lead_problems(filled, usable)
    return tuple(problems)


def _sentinel_problem(record: ECGRecord) -> SignalProblem | None:
    is_sentinel = np.isin(record.signal, SENTINELS)
    if not is_sentinel.any():
        return None
    seen = sorted({int(value) for value in record.signal[is_sentinel]})
    leads = _named(record, np.asarray(is_sentinel.any(axis=1)))
    message = f"holds the missing-value code {', '.join(map(str, seen))}; expected mV."
    return SignalProblem("sentinel", message, fatal=True, leads=leads)


def _lead_problems(record: ECGRecord) -> list[SignalProblem]:
    finite = np.asarray(np.isfinite(record.signal).all(axis=1))
    flat = finite & ~usable_leads(record)
    none_left = not usable_leads(record).any()
    problems = []
    for code, bad, words in (("not_finite", ~finite, "NaN or infinite"), ("flat", flat, "flat")):
        if bad.any():
            leads = _named(record, bad)
            message = f"{', '.join(leads)} {words}, {len(leads)} of {len(bad)} leads."
            problems.append(SignalProblem(code, message, fatal=none_left, leads=leads))
    return problems


def _doubt(
    code: str, record: ECGRecord, chosen: npt.NDArray[np.bool_], words: str
) -> list[SignalProblem]:
    """Say something of the chosen leads that does not forbid to use them; nothing of no lead."""
    leads = _named(record, chosen)
    return [SignalProblem(code, f"{', '.join(leads)} {words}", False, leads)] if leads else []


def _gap_problems(record: ECGRecord, filled: ECGRecord) -> list[SignalProblem]:
    bridged = np.isnan(record.signal) & np.isfinite(filled.signal)
    share = bridged.mean(axis=1)
    words = f"miss {share.max():.1%} of the samples at most; straight lines bridge the gaps."
    return _doubt("gaps", record, share > 0, words)


def _amplitude_problems(record: ECGRecord, usable: npt.NDArray[np.bool_]) -> list[SignalProblem]:
    signal = np.where(usable[:, None], record.signal, 0.0)
    centred = np.abs(signal - np.median(signal, axis=1, keepdims=True))
    deviation, largest = float(np.percentile(centred, 99.5, axis=1).max()), float(centred.max())
    if deviation <= MAX_DEVIATION and largest >= MIN_DEVIATION:
        beyond = centred > MAX_DEVIATION
        words = (
            f"deviate by {largest:.3g} mV at most from the median, in {beyond.sum()} samples by "
            f"more than {MAX_DEVIATION:g}; artefacts or a missing-value code suspected."
        )
        return _doubt("spikes", record, np.asarray(beyond.any(axis=1)), words)
    guess = "microvolts or converter counts" if deviation > MAX_DEVIATION else "volts"
    message = (
        f"the largest lead deviates by {deviation:.3g} from its median, but an ECG in mV lies "
        f"between {MIN_DEVIATION:g} and {MAX_DEVIATION:g}; {guess} suspected."
    )
    return [SignalProblem("units", message, fatal=True)]


def _is_clipped(lead: npt.NDArray[np.float32]) -> bool:
    centred = lead - np.median(lead)
    # The smaller extreme may be the isoelectric line, which is flat in a clean ECG.
    far = np.abs(centred).max() / 2
    peaks = [centred == edge for edge in (centred.min(), centred.max()) if abs(edge) > far]
    return any(np.sum(_runs(at) >= CLIPPED_SAMPLES) >= CLIPPED_PLACES for at in peaks)


def _limb_lead_problems(record: ECGRecord, usable: npt.NDArray[np.bool_]) -> list[SignalProblem]:
    present = set(_named(record, usable))
    if not {"I", "II", "III"} <= present:
        return []
    one, two, three = (
        lead - np.median(lead)
        for lead in (record.lead(n).astype(float) for n in ("I", "II", "III"))
    )
    spread = max(np.std(lead) for lead in (one, two, three))
    ratio = float(np.std(three - (two - one)) / spread)
    if ratio <= LIMB_TOLERANCE:
        return []
    regressors = np.stack([two, one], axis=1)
    (of_two, of_one), *_ = np.linalg.lstsq(regressors, three, rcond=None)
    unexplained = float(np.std(three - regressors @ (of_two, of_one)) / spread)
    cause = (
        f"they fit III = {of_two:.2f} II {of_one:+.2f} I, so the gain differs between leads: "
        "do not compare amplitudes across leads"
        if unexplained <= LIMB_TOLERANCE and of_two > 0 > of_one
        else "lead names, order or polarity may be wrong, or a lead is disturbed"
    )
    message = f"III differs from II - I by {ratio:.0%} of the largest limb lead's spread; {cause}."
    return [SignalProblem("limb_leads", message, fatal=False, leads=("I", "II", "III"))]


def _named(record: ECGRecord, chosen: npt.NDArray[np.bool_]) -> tuple[str, ...]:
    return tuple(name for name, flag in zip(record.lead_names, chosen, strict=True) if flag)


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
