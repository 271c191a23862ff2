"""Mark the waves of an ECG."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from fractions import Fraction
from functools import partial
from types import MappingProxyType
from typing import Any

import numpy as np
from scipy.signal import resample_poly

from cardiorisk._validation import (
    SignalProblem,
    check_lead_names,
    check_sampling_rate,
    fill_gaps,
    signal_problems,
)
from cardiorisk.exceptions import SignalError
from cardiorisk.features import _native_engine, _neurokit_engine
from cardiorisk.features._long_records import LONG, mark_stretches
from cardiorisk.records import Delineation, ECGRecord

__all__ = ["ANALYSIS_RATE", "ENGINES", "NO_BEATS", "delineate", "mark_record"]

ANALYSIS_RATE = 500.0
"""Hz: engines and measurements see every record at this rate."""

DRIFT = 5e-4  # s by which resampling may shift the end of a record

ENGINES: Mapping[str, Callable[[ECGRecord], Delineation]] = MappingProxyType(
    {"neurokit": _neurokit_engine.mark_waves, "native": _native_engine.mark_waves}
)
"""An engine turns one record without fatal problems, at the analysis rate, into its marks."""

NO_BEATS = SignalProblem(
    "no_beats",
    "no two alike heartbeats stand out from the noise: noise, asystole or fibrillation of the "
    "ventricles.",
    fatal=True,
)


def _ratio(record: ECGRecord) -> Fraction:
    """Ratio of the analysis rate to the record's, so close that its end stays in place."""
    exact = ANALYSIS_RATE / record.sampling_rate
    ratio = Fraction(1)
    for largest in (1000, 10_000, 100_000):
        ratio = Fraction(exact).limit_denominator(largest)
        if abs(float(ratio) / exact - 1) * record.duration <= DRIFT:
            break
    return ratio


def at_analysis_rate(record: ECGRecord) -> ECGRecord:
    """Bridge short gaps and resample to the analysis rate."""
    record = fill_gaps(record)
    ratio = _ratio(record)
    if ratio == 1:
        return record
    finite = np.isfinite(record.signal).all(axis=1, keepdims=True)
    signal = np.where(finite, record.signal, 0.0)
    resampled = resample_poly(signal, ratio.numerator, ratio.denominator, axis=1, padtype="line")
    resampled = np.where(finite, resampled, np.nan).astype(np.float32)
    return replace(record, signal=resampled, sampling_rate=ANALYSIS_RATE)


def _scaled(marks: Delineation, sampling_rate: float) -> Delineation:
    if marks.sampling_rate == sampling_rate:
        return marks
    factor = sampling_rate / marks.sampling_rate
    return Delineation(
        tuple({name: lead[name] * factor for name in lead} for lead in marks.leads),
        {name: values * factor for name, values in marks.beats.items()},
        sampling_rate,
        marks.lead_names,
    )


def _marked(record: ECGRecord, engine: str) -> tuple[ECGRecord, Delineation]:
    """Give a record at the analysis rate, and its marks there."""
    resampled = at_analysis_rate(record)
    return resampled, ENGINES[engine](resampled)


def mark_record(record: ECGRecord, engine: str) -> tuple[ECGRecord, Delineation]:
    """Give a record without fatal problems at the analysis rate, and its marks there.

    A long record is marked stretch by stretch, as :func:`delineate` does.
    """
    if record.duration <= LONG:
        return _marked(record, engine)
    marks = mark_stretches(record, partial(_marked, engine=engine))
    return at_analysis_rate(record), _scaled(marks, ANALYSIS_RATE)


def delineate(
    ecg: Any,
    sampling_rate: float,
    lead_names: Iterable[str] | None = None,
    *,
    engine: str = "native",
) -> Delineation:
    """Mark P, QRS and T of every beat, in each lead and for all leads together.

    Beats are found once, in all leads together, and shared between leads. A record in which no
    two alike beats stand out from the noise, or nothing but a pacemaker's spikes, gives a
    delineation of zero beats. A record of more
    than a minute is marked in stretches of five minutes at most, between the gaps of all leads:
    memory stays bounded, a stretch of noise has no beats, and in each stretch beats that are
    probably noise are left out. Where the rhythm of a stretch has a hole, a second detector looks
    again; a beat that only it sees has a common R peak and no other marks.

    Parameters
    ----------
    ecg : array-like, shape (n_leads, n_samples)
        Potential in mV. A lead that is constant or not finite gets no marks, in a long record
        in that stretch.
    sampling_rate : float
        In Hz, at least 100.
    lead_names : iterable of str, optional
        Needed unless ``ecg`` is a standard twelve-lead ECG in the standard order.
    engine : {"native", "neurokit"}, default="native"
        What marks the waves: a small network trained on LUDB and simulated ECGs, see
        :mod:`cardiorisk.features._native_engine`, which needs neither NeuroKit2 nor torch; or
        peaks from NeuroKit2 and edges from steepness, see
        :mod:`cardiorisk.features._neurokit_engine`.

    Returns
    -------
    delineation : Delineation
        Positions in samples of ``ecg``, with fractions where it had to be resampled.

    Raises
    ------
    SignalError
        Shape, rate and names do not fit; the record is too short; or its values cannot be an
        ECG in mV.
    OptionalDependencyError
        The engine's package is not installed.

    Examples
    --------
    >>> from cardiorisk.datasets import make_ecg
    >>> ecg = make_ecg(1, random_state=0)
    >>> delineate(ecg.data[0], ecg.sampling_rate).n_beats > 5
    True
    """
    if engine not in ENGINES:
        raise ValueError(f"Got engine={engine!r}, but expected one of {sorted(ENGINES)}.")
    signal = np.asarray(ecg)
    if signal.ndim != 2 or signal.dtype.kind not in "fiu":
        raise SignalError(
            f"Got an ECG of shape {signal.shape} and dtype {signal.dtype}, but expected real "
            "numbers of shape (n_leads, n_samples)."
        )
    rate = check_sampling_rate(sampling_rate)
    names = check_lead_names(lead_names, len(signal))
    record = ECGRecord(signal.astype(np.float32, copy=False), rate, names)
    if record.duration > LONG:
        return mark_stretches(record, partial(_marked, engine=engine))
    fatal = [str(problem) for problem in signal_problems(record, fatal_only=True)]
    if fatal:
        raise SignalError(f"The ECG cannot be delineated: {'; '.join(fatal)}")
    return _scaled(_marked(record, engine)[1], rate)
