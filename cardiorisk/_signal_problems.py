"""What can be wrong with the values of an ECG, and what of it can be mended."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from cardiorisk.records import ECGRecord

__all__ = [
    "MAX_GAP",
    "MIN_DURATION",
    "PROBLEM_CODES",
    "SignalProblem",
    "fill_gaps",
    "signal_problems",
    "usable_leads",
]

Floats = npt.NDArray[np.floating]
Extremes = tuple[Floats, Floats]

MIN_DURATION = 2.0  # s: below, fewer than two beats are sure at 60 /min
MIN_SAMPLING_RATE = 100.0  # Hz: below, the edges of a QRS complex fall between samples
MAX_DEVIATION = 15.0  # mV: the largest QRS of a human ECG is well below 10 mV
MIN_DEVIATION = 0.02  # mV: a low-voltage QRS is still above 0.1 mV
MAX_GAP, MAX_MISSING = 0.2, 0.05  # s at a time and share of a lead that may be bridged
CLIPPED_SAMPLES, CLIPPED_PLACES = 5, 3  # equal extremes in a row, and how often
CLIPPED = "rest at their extreme value time and again; the peaks are probably cut off."
LIMB_TOLERANCE = 0.1  # share of lead III's spread that III - (II - I) may differ by
SENTINELS = (-32768.0, 32767.0, 29999.0)  # "not measured" in WFDB int16 and in cart exports

PROBLEM_CODES: Mapping[str, str] = MappingProxyType(
    {
        "too_short": "less than 2 s",
        "sampling_rate": "fewer than 100 samples a second",
        "sentinel": "a code for a missing value among the values",
        "units": "not in millivolts",
        "flat": "constant: the electrode is off, or the lead was not recorded",
        "not_finite": "NaN or infinite for longer than can be bridged",
        "gaps": "short gaps, bridged by straight lines",
        "spikes": "a few samples beyond every ECG",
        "saturated": "peaks are cut off",
        "limb_leads": "III differs from II - I",
        "no_beats": "no heartbeats stand out from the noise",
        "lead_off": "only hum or a wandering baseline: the electrode is probably off",
        "noisy": "the beats of the lead do not resemble each other",
        "swapped_leads": "the electrodes of the limbs may be swapped",
        "rate_suspected": "waves too narrow or too wide for the stated sampling rate",
        "pacing": "pacemaker spikes",
    }
)
"""Every code of a problem, from every check of the package, and what it means."""


@dataclass(frozen=True)
class SignalProblem:
    """One reason to doubt an ECG.

    Parameters
    ----------
    code : str
        Short stable name, a key of :data:`PROBLEM_CODES`.
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

    @property
    def severity(self) -> str:
        """``"fatal"``, or ``"doubt"`` where the record can be used with care."""
        return "fatal" if self.fatal else "doubt"

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"


def _extremes(record: ECGRecord) -> Extremes:
    """Smallest and largest value of each lead; NaN in a lead that has one."""
    if record.signal.shape[1] == 0:
        none = np.full(len(record.lead_names), np.nan)
        return none, none
    return record.signal.min(axis=1), record.signal.max(axis=1)


def usable_leads(record: ECGRecord) -> npt.NDArray[np.bool_]:
    """Tell for each lead whether it is finite and not constant."""
    return _usable(_extremes(record))


def _usable(extremes: Extremes) -> npt.NDArray[np.bool_]:
    low, high = extremes
    return np.asarray(np.isfinite(low) & np.isfinite(high) & (high > low))


def fill_gaps(record: ECGRecord) -> ECGRecord:
    """Bridge short gaps (NaN) by straight lines: 0.2 s at most, and 5 % of a lead at most.

    A lead with more missing, or with infinity, is left as it is, and so is not usable.
    """
    if record.signal.size == 0 or not np.isnan(record.signal.min(axis=1)).any():
        return record
    missing, signal = np.isnan(record.signal), record.signal.copy()
    for lead, gap in zip(signal, missing, strict=True):
        longest = _runs(gap).max(initial=0) / record.sampling_rate
        if 0 < longest <= MAX_GAP and gap.mean() <= MAX_MISSING and not np.isinf(lead).any():
            lead[gap] = np.interp(np.flatnonzero(gap), np.flatnonzero(~gap), lead[~gap])
    return replace(record, signal=signal)


def _runs(mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.intp]:
    """Length of each run of True."""
    edges = np.flatnonzero(np.diff(mask, prepend=False, append=False))
    return edges[1::2] - edges[::2]


def signal_problems(record: ECGRecord, *, fatal_only: bool = False) -> tuple[SignalProblem, ...]:
    """List what is wrong with a record's values; empty for an ECG that can be trusted.

    The unit is never guessed or corrected: an implausible amplitude is reported. With
    ``fatal_only``, what only casts doubt is not looked for or left out.
    """
    if record.duration < MIN_DURATION:
        message = f"{record.duration:g} s is too short; at least {MIN_DURATION:g} s are needed."
        return (SignalProblem("too_short", message, fatal=True),)
    if record.sampling_rate < MIN_SAMPLING_RATE:
        message = f"{record.sampling_rate:g} Hz is too slow; at least {MIN_SAMPLING_RATE:g} needed."
        return (SignalProblem("sampling_rate", message, fatal=True),)
    extremes = _extremes(record)
    if (sentinel := _sentinel_problem(record, extremes)) is not None:
        return (sentinel,)
    if (filled := fill_gaps(record)) is not record:
        extremes = _extremes(filled)
    problems = _lead_problems(filled, extremes) + _gap_problems(record, filled)
    if (usable := _usable(extremes)).any():
        problems += _amplitude_problems(filled, usable, extremes)
    if fatal_only:
        return tuple(problem for problem in problems if problem.fatal)
    if usable.any():
        clipped = _clipped_leads(filled, usable, extremes)
        problems += _doubt("saturated", filled, clipped, CLIPPED)
        problems += _limb_lead_problems(filled, usable)
    return tuple(problems)


def _sentinel_problem(record: ECGRecord, extremes: Extremes) -> SignalProblem | None:
    if all((np.abs(edge) < min(map(abs, SENTINELS))).all() for edge in extremes):
        return None
    is_sentinel = np.isin(record.signal, SENTINELS)
    if not is_sentinel.any():
        return None
    seen = sorted({int(value) for value in record.signal[is_sentinel]})
    leads = _named(record, np.asarray(is_sentinel.any(axis=1)))
    message = f"holds the missing-value code {', '.join(map(str, seen))}; expected mV."
    return SignalProblem("sentinel", message, fatal=True, leads=leads)


def _lead_problems(record: ECGRecord, extremes: Extremes) -> list[SignalProblem]:
    finite = np.asarray(np.isfinite(extremes).all(axis=0))
    usable = _usable(extremes)
    flat, none_left = finite & ~usable, not usable.any()
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
    if filled is record:
        return []
    bridged = np.isnan(record.signal) & np.isfinite(filled.signal)
    share = bridged.mean(axis=1)
    words = f"miss {share.max():.1%} of the samples at most; straight lines bridge the gaps."
    return _doubt("gaps", record, share > 0, words)


def _amplitude_problems(
    record: ECGRecord, usable: npt.NDArray[np.bool_], extremes: Extremes
) -> list[SignalProblem]:
    low, high = (edge[usable] for edge in extremes)
    # The median lies between both, so that most records need not be sorted.
    if MIN_DEVIATION <= (high - low).max() / 2 and (high - low).max() <= MAX_DEVIATION:
        return []
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


def _clipped_leads(
    record: ECGRecord, usable: npt.NDArray[np.bool_], extremes: Extremes
) -> npt.NDArray[np.bool_]:
    fewest = CLIPPED_SAMPLES * CLIPPED_PLACES
    often = [np.count_nonzero(record.signal == edge[:, None], axis=1) for edge in extremes]
    clipped = usable & (np.maximum(*often) >= fewest)
    for number in np.flatnonzero(clipped):
        clipped[number] = _is_clipped(record.signal[number])
    return clipped


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
    limbs = np.array([record.lead(name) for name in ("I", "II", "III")], np.float64)
    limbs -= limbs.mean(axis=1, keepdims=True)
    covariance = limbs @ limbs.T
    spread = np.sqrt(covariance.diagonal().max())

    def share(of_one: float, of_two: float) -> float:
        """Spread of what is left of III, as a share of the largest spread."""
        left = np.array([-of_one, -of_two, 1.0])
        return float(np.sqrt(max(left @ covariance @ left, 0.0)) / spread)

    ratio = share(-1.0, 1.0)
    if ratio <= LIMB_TOLERANCE:
        return []
    (of_one, of_two), *_ = np.linalg.lstsq(covariance[:2, :2], covariance[:2, 2], rcond=None)
    cause = (
        f"they fit III = {of_two:.2f} II {of_one:+.2f} I, so the gain differs between leads: "
        "check the gains in the file, and do not compare amplitudes across leads"
        if share(of_one, of_two) <= LIMB_TOLERANCE and of_two > 0 > of_one
        else "lead names, order or polarity may be wrong, or a lead is disturbed: "
        "check the electrodes and the lead names in the file"
    )
    message = f"III differs from II - I by {ratio:.0%} of the largest limb lead's spread; {cause}."
    return [SignalProblem("limb_leads", message, fatal=False, leads=("I", "II", "III"))]


def _named(record: ECGRecord, chosen: npt.NDArray[np.bool_]) -> tuple[str, ...]:
    return tuple(name for name, flag in zip(record.lead_names, chosen, strict=True) if flag)
