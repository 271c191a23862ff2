"""Say in words what a picture of an electrocardiogram shows."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from cardiorisk._validation import SignalProblem, as_records, signal_problems
from cardiorisk.explain.ecg_layout import is_simulated
from cardiorisk.features.signal_quality import SignalQuality
from cardiorisk.records import Delineation, ECGRecord

__all__ = [
    "INTERVALS",
    "describe_picture",
    "doubts",
    "ecg_alt_text",
    "interval_lengths",
    "quality_problems",
]

SHORT_WORDS: Mapping[str, str] = MappingProxyType(
    {
        "too_short": "too short",
        "sampling_rate": "sampling rate too low",
        "sentinel": "missing-value code",
        "units": "unit in doubt",
        "flat": "flat",
        "not_finite": "values missing",
        "gaps": "gaps",
        "spikes": "spikes",
        "saturated": "peaks cut off",
        "limb_leads": "limb leads disagree, III is not II - I",
        "no_beats": "no beats stand out from the noise",
        "lead_off": "electrode off?",
        "noisy": "noisy",
        "swapped_leads": "limb electrodes swapped?",
        "rate_suspected": "sampling rate in doubt",
        "pacing": "pacemaker spikes",
    }
)
"""Words for each code of a problem that are short enough for a picture."""

_OF_THE_RECORD = ("limb_leads", "swapped_leads", "rate_suspected", "pacing")  # whatever leads
INTERVALS = {"PR": ("P_on", "QRS_on"), "QRS": ("QRS_on", "QRS_off"), "QT": ("QRS_on", "T_off")}
_LONG_NAMES = {"PR": "PR interval", "QRS": "QRS duration", "QT": "QT interval"}


def ecg_alt_text(record: ECGRecord, marks: Delineation | None = None) -> str:
    """Describe an ECG in words, for readers who do not see its picture.

    Only what is recorded and measured is said, no finding and no identifier.

    Parameters
    ----------
    record : ECGRecord
    marks : Delineation, optional
        Marks of the record, for the beats, the rate and the intervals.

    Returns
    -------
    text : str
        For the ``alt`` of an image.

    See Also
    --------
    plot_ecg : Gives its axes such a text as label, about the part that is drawn.

    Examples
    --------
    >>> import numpy as np
    >>> time = np.arange(5000) / 500
    >>> ecg_alt_text(ECGRecord(np.sin(time)[None].astype(np.float32), 500.0, ("II",)))
    'Electrocardiogram, 1 lead (II), 10 s at 500 Hz.'
    """
    record = as_records([record])[0]
    return describe_picture(record, marks, signal_problems(record))


def describe_picture(
    record: ECGRecord,
    marks: Delineation | None,
    problems: Iterable[SignalProblem],
    highlights: Iterable[Any] = (),
    place: str = "",
) -> str:
    """Describe an ECG, what is wrong with it and what is highlighted in it.

    ``place`` tells which part of a recording it is, for example ``" from 0:20"``.
    """
    kind = "Simulated electrocardiogram" if is_simulated(record.metadata) else "Electrocardiogram"
    count = len(record.lead_names)
    leads = f"{count} lead{'s' * (count > 1)} ({', '.join(record.lead_names)})"
    said = [f"{kind}, {leads}, {record.duration:.4g} s at {record.sampling_rate:g} Hz{place}."]
    if marks is not None:
        said.append(_measured(marks))
    said += [f"Highlighted: {highlight}." for highlight in highlights]
    said += [f"Quality: {problem.message}" for problem in problems]
    return " ".join(said)


def interval_lengths(marks: Delineation, name: str) -> npt.NDArray[np.float64]:
    """Lengths in ms of one of :data:`INTERVALS` for each beat, all leads together; may be NaN."""
    start, end = INTERVALS[name]
    lengths = marks.beats[end] - marks.beats[start]
    return np.asarray(1000 * lengths / marks.sampling_rate, np.float64)


def _measured(marks: Delineation) -> str:
    """Beats, rate and the median of each interval; what was not found is left out."""
    words = [f"{marks.n_beats} beat{'s' * (marks.n_beats != 1)} marked"]
    if marks.n_beats > 1:
        seconds = float(np.diff(marks.beats["R_peak"]).mean()) / marks.sampling_rate
        words.append(f"heart rate {60 / seconds:.0f} per minute")
    for name, long_name in _LONG_NAMES.items():
        lengths = interval_lengths(marks, name)
        lengths = lengths[np.isfinite(lengths)]
        if len(lengths):
            words.append(f"{long_name} {np.median(lengths):.0f} ms")
    return ", ".join(words) + "."


def quality_problems(record: ECGRecord) -> tuple[SignalProblem, ...]:
    """Give what :class:`~cardiorisk.features.SignalQuality` finds, one problem for all leads."""
    report = SignalQuality().report([record])
    of_a_kind = report.groupby(["code", "message", "severity"], sort=False)["lead"]
    return tuple(
        SignalProblem(code, message, severity == "fatal", tuple(lead for lead in leads if lead))
        for (code, message, severity), leads in of_a_kind
    )


def doubts(
    record: ECGRecord, problems: Iterable[SignalProblem]
) -> tuple[dict[str, str], tuple[str, ...]]:
    """Short words for what is wrong: of each doubtful lead, and of the record as a whole.

    Examples
    --------
    >>> import numpy as np
    >>> signal = np.zeros((2, 5000), np.float32)
    >>> signal[0, ::500] = 1
    >>> record = ECGRecord(signal, 500.0, ("I", "II"))
    >>> doubts(record, signal_problems(record))
    ({'II': 'flat'}, ())
    """
    of_leads: dict[str, list[str]] = {}
    of_record = []
    for problem in problems:
        words = SHORT_WORDS.get(problem.code, problem.code.replace("_", " "))
        if problem.code in _OF_THE_RECORD or len(problem.leads) in (0, len(record.lead_names)):
            of_record.append(words)
        else:
            for lead in problem.leads:
                of_leads.setdefault(lead, []).append(words)
    return {lead: ", ".join(words) for lead, words in of_leads.items()}, tuple(of_record)
