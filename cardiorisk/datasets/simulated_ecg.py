"""Simulated twelve-lead ECGs whose waves are known exactly."""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from numbers import Integral, Real
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.utils import Bunch, check_random_state

from cardiorisk._validation import MIN_DURATION, check_sampling_rate
from cardiorisk.datasets._ecg_noise import disturbance, electrode_matrix, fibrillation
from cardiorisk.datasets._heart_vector import (
    MORPHOLOGIES,
    Wave,
    lead_matrix,
    peaks_in_leads,
    render,
    rotation,
)
from cardiorisk.datasets._rhythms import RHYTHMS, Beats, beat_table
from cardiorisk.records import MARKS, STANDARD_LEADS, Delineation, ECGRecord

__all__ = ["RHYTHMS", "make_ecg"]

Array = npt.NDArray[np.float64]

VISIBLE = 0.01  # mV: a P or T wave that stays below this in a lead carries no marks there
HEART_RATES = (30.0, 220.0)  # /min


@dataclass(frozen=True, eq=False)
class _Subject:
    """One person's heart and chest: heart vectors of every wave, and the leads that see them."""

    shapes: dict[tuple[bool, str], tuple[Wave, Array]]
    leads: Array


def _draw_subject(morphology: str, rng: np.random.Generator) -> _Subject:
    """Vary the typical shapes: direction, strength, relative size of the parts of a wave."""
    frontal = float(np.clip(rng.normal(-12, 18), -50, 22))
    horizontal = float(rng.normal(0, 9))
    strength = {"P": 0.20, "QRS": 0.20, "T": 0.22}
    share = {"P": 0.3, "QRS": 1.0, "T": 0.6}
    ectopic = rng.choice(["right ventricular outflow", "left ventricular base"])
    shapes = {}
    for is_ectopic, name in ((False, morphology), (True, str(ectopic))):
        for part, wave in MORPHOLOGIES[name].items():
            turn = rotation(share[part] * frontal, share[part] * horizontal)
            vectors = np.array(wave.vectors)
            sizes = np.exp(rng.normal(0, 0.10, (len(vectors), 1)) + rng.normal(0, strength[part]))
            spread = 0.06 * np.linalg.norm(vectors, axis=1, keepdims=True)
            vectors = vectors * sizes + spread * rng.standard_normal(vectors.shape)
            shapes[is_ectopic, part] = (wave, vectors @ turn.T)
    return _Subject(shapes, lead_matrix(np.exp(rng.normal(0, 0.10, 6))))


def _wave_times(beats: Beats) -> dict[str, tuple[Array, Array]]:
    return {
        "P": (beats.p_on, beats.p_duration),
        "QRS": (beats.qrs_on, beats.qrs_duration),
        "T": (beats.t_on, beats.t_duration),
    }


def _heart_vector(
    beats: Beats, subject: _Subject, n_samples: int, sampling_rate: float, breathing: Array
) -> Array:
    """Heart vector of all beats, shape (3, n_samples); ``breathing`` is the gain of each beat."""
    parts = []
    for (is_ectopic, part), (wave, vectors) in subject.shapes.items():
        onset, duration = _wave_times(beats)[part]
        chosen = (beats.is_ectopic == is_ectopic) & np.isfinite(onset)
        if chosen.any():
            parts.append((wave, vectors, onset[chosen], duration[chosen], breathing[chosen]))
    return render(parts, n_samples, sampling_rate)


def _delineation(
    beats: Beats, subject: _Subject, n_samples: int, sampling_rate: float
) -> Delineation:
    """Mark the beats whose QRS lies in the record; a wave that its ends cut is left out."""
    table = np.full((len(STANDARD_LEADS) + 1, len(beats.qrs_on), len(MARKS)), np.nan)
    for (is_ectopic, part), (wave, vectors) in subject.shapes.items():
        onset, duration = (column * sampling_rate for column in _wave_times(beats)[part])
        whole = (onset >= 0) & (onset + duration <= n_samples - 1)
        chosen = np.flatnonzero((beats.is_ectopic == is_ectopic) & whole)
        if not len(chosen):
            continue
        fractions, heights = peaks_in_leads(wave, vectors, subject.leads)
        clearest = int(np.argmax(heights))
        fractions = np.append(fractions, fractions[clearest])
        seen = np.flatnonzero(np.append((heights >= VISIBLE) | (part == "QRS"), True))
        steps = np.stack([np.zeros(len(seen)), fractions[seen], np.ones(len(seen))], axis=1)
        times = onset[chosen, None] + steps[:, None] * duration[chosen, None]
        first = MARKS.index(f"{part}_on")
        table[seen[:, None], chosen, first : first + 3] = times
    table = table[:, np.isfinite(table[-1, :, MARKS.index("R_peak")])]
    dicts = [dict(zip(MARKS, row.T, strict=True)) for row in table]
    return Delineation(tuple(dicts[:-1]), dicts[-1], sampling_rate)


def _intervals(beats: Beats, n_samples: int, sampling_rate: float) -> tuple[float, ...]:
    """Heart rate (/min) and PR, QRS, QT (ms): medians over the conducted beats of the record."""
    end = (n_samples - 1) / sampling_rate
    inside = (beats.qrs_on >= 0) & (beats.qrs_on + beats.qrs_duration <= end)
    onsets = beats.qrs_on[inside]
    rate = 60.0 / float(np.mean(np.diff(onsets))) if len(onsets) > 1 else np.nan
    conducted = inside & ~beats.is_ectopic
    if not conducted.any():
        return rate, np.nan, np.nan, np.nan
    pr = beats.qrs_on - beats.p_on
    qt = beats.t_on + beats.t_duration - beats.qrs_on
    return rate, *(1000 * float(np.median(x[conducted])) for x in (pr, beats.qrs_duration, qt))


def _simulate(
    rhythm_name: str,
    heart_rate: float,
    n_samples: int,
    sampling_rate: float,
    levels: dict[str, float],
    rng: np.random.Generator,
) -> tuple[npt.NDArray[np.float32], Delineation, tuple[float, ...]]:
    """Signal (12, n_samples) in mV, marks and intervals of one record."""
    rhythm = RHYTHMS[rhythm_name]
    beats = beat_table(rhythm, heart_rate, n_samples / sampling_rate, rng)
    subject = _draw_subject(str(rng.choice(rhythm.morphologies)), rng)
    breathing = 1 + 0.03 * np.sin(2 * np.pi * (0.25 * beats.qrs_on + rng.random()))
    vector = _heart_vector(beats, subject, n_samples, sampling_rate, breathing)
    if rhythm.is_fibrillating:
        vector += fibrillation(n_samples, sampling_rate, rng)
    signal = np.asarray(subject.leads, np.float32) @ np.asarray(vector, np.float32)
    if max(levels["noise"], levels["baseline_wander"], levels["mains"]) > 0:
        signal += electrode_matrix() @ disturbance(n_samples, sampling_rate, rng, **levels)
    marks = _delineation(beats, subject, n_samples, sampling_rate)
    return signal, marks, _intervals(beats, n_samples, sampling_rate)


def _check_heart_rate(heart_rate: Any) -> tuple[float, float] | None:
    if heart_rate is None:
        return None
    pair = (heart_rate, heart_rate) if isinstance(heart_rate, Real) else tuple(heart_rate)
    low, high = HEART_RATES
    if len(pair) != 2 or not low <= pair[0] <= pair[1] <= high:
        raise ValueError(
            f"Got heart_rate={heart_rate!r}, but expected None, a rate or (low, high) between "
            f"{low:g} and {high:g} /min."
        )
    return float(pair[0]), float(pair[1])


def _check_rhythms(rhythms: Any, asked_rate: tuple[float, float] | None) -> list[str]:
    """Return the names of the rhythms to draw from; all that fit the rate if none is named."""
    names = list(RHYTHMS) if rhythms is None else rhythms
    names = [names] if isinstance(names, str) else list(names)
    unknown = [name for name in names if name not in RHYTHMS]
    if unknown or not names or len(set(names)) != len(names):
        raise ValueError(
            f"Got rhythms={rhythms!r}, but expected different names of {', '.join(RHYTHMS)}."
        )
    if asked_rate is None:
        return names
    fitting = [
        name
        for name in names
        if RHYTHMS[name].heart_rate[0] <= asked_rate[0]
        and asked_rate[1] <= RHYTHMS[name].heart_rate[1]
    ]
    if rhythms is not None and len(fitting) < len(names):
        name = next(name for name in names if name not in fitting)
        low, high = RHYTHMS[name].heart_rate
        raise ValueError(
            f"Got heart_rate {asked_rate[0]:g} to {asked_rate[1]:g} /min for {name!r}, which is "
            f"defined between {low:g} and {high:g} /min."
        )
    if not fitting:
        raise ValueError(
            f"Got heart_rate {asked_rate[0]:g} to {asked_rate[1]:g} /min, which no single rhythm "
            "covers; ask for a narrower range."
        )
    return fitting


def _draw_labels(
    n_records: int, names: list[str], weights: Any, rng: np.random.Generator
) -> npt.NDArray[Any]:
    """Rhythm of each record, in shares as exact as the number of records allows."""
    shares = np.ones(len(names)) if weights is None else np.asarray(weights, dtype=float)
    if shares.shape != (len(names),) or not (shares >= 0).all() or not 0 < shares.sum() < np.inf:
        raise ValueError(
            f"Got weights={weights!r}, but expected one non-negative number for each of the "
            f"{len(names)} rhythms {names}."
        )
    exact = n_records * shares / shares.sum()
    counts = np.floor(exact).astype(int)
    order = np.argsort(counts - exact, kind="stable")
    counts[order[: n_records - counts.sum()]] += 1
    return rng.permutation(np.repeat(np.array(names), counts))


def _check_levels(levels: dict[str, Any], sampling_rate: float) -> dict[str, float]:
    for name, value in levels.items():
        if not isinstance(value, Real) or not 0 <= float(value) < np.inf:
            unit = "Hz" if name == "mains_frequency" else "mV"
            raise ValueError(f"Got {name}={value!r}, but expected a non-negative number of {unit}.")
    if levels["mains"] > 0 and not 0 < levels["mains_frequency"] < sampling_rate / 2:
        raise ValueError(
            f"Got mains_frequency={levels['mains_frequency']:g} Hz, but expected one below half of "
            f"the sampling rate, {sampling_rate / 2:g} Hz."
        )
    return {name: float(value) for name, value in levels.items()}


def make_ecg(
    n_records: int = 100,
    *,
    rhythms: str | Sequence[str] | None = None,
    weights: Sequence[float] | None = None,
    duration: float = 10.0,
    sampling_rate: float = 500,
    heart_rate: float | tuple[float, float] | None = None,
    noise: float = 0.0,
    baseline_wander: float = 0.0,
    mains: float = 0.0,
    mains_frequency: float = 50.0,
    return_X_y: bool = False,
    random_state: Any = None,
) -> Any:
    """Simulate a cohort of twelve-lead ECGs whose P, QRS and T marks are known exactly.

    One moving heart vector is seen by the leads through Dower's matrix. Each wave is a sum of
    smooth bumps that are zero outside its marks, so a mark is where the wave truly begins or ends,
    between samples, and the same in every lead. Subjects differ in axis, voltage, shape and
    intervals; beats differ in timing and strength. ``DESCR`` tells what is simplified.

    Parameters
    ----------
    n_records : int, default=100
        Number of records, each of a subject of its own.
    rhythms : str or sequence of str, optional
        Names to draw from, see :data:`RHYTHMS`. None for all (that allow ``heart_rate``).
    weights : sequence of float, optional
        Share of each rhythm, in the order of ``rhythms``. None for equal shares.
    duration : float, default=10.0
        Length in s, at least 2.
    sampling_rate : float, default=500
        In Hz, at least 100.
    heart_rate : float or (low, high), optional
        Mean rate in /min, between 30 and 220. None for rates that are usual in the rhythm.
    noise, baseline_wander, mains : float, default=0.0
        RMS in lead I of muscle noise, of baseline wander and of mains hum, in mV. For example
        0.01, 0.1 and 0.01. They arise at the electrodes, so that III = II - I still holds.
    mains_frequency : float, default=50.0
        In Hz.
    return_X_y : bool, default=False
        Whether to return ``(data, target)`` instead of a Bunch.
    random_state : int, RandomState instance or None, default=None

    Returns
    -------
    bunch : sklearn.utils.Bunch
        ``data`` (n_records, 12, n_samples) float32 in mV, ``target`` (rhythm names),
        ``target_names``, ``marks`` (tuple of :class:`~cardiorisk.records.Delineation`),
        ``intervals`` (DataFrame: ``heart_rate`` in /min; ``pr_interval``, ``qrs_duration``,
        ``qt_interval`` in ms; ectopic beats left out), ``groups`` (subject), ``records`` (tuple of
        :class:`~cardiorisk.records.ECGRecord`), ``sampling_rate``, ``lead_names``, ``DESCR``.

    Raises
    ------
    ValueError
        A parameter is out of its range, or a rhythm is not defined at the asked heart rate.

    Examples
    --------
    >>> ecgs = make_ecg(4, rhythms=["sinus rhythm", "atrial fibrillation"], random_state=0)
    >>> ecgs.data.shape, sorted(set(ecgs.target.tolist()))
    ((4, 12, 5000), ['atrial fibrillation', 'sinus rhythm'])
    >>> ecgs.marks[0]
    Delineation(12 beats, 12 leads at 500 Hz)
    """
    if not isinstance(n_records, Integral) or n_records < 1:
        raise ValueError(f"Got n_records={n_records!r}, but expected a positive integer.")
    rate = check_sampling_rate(sampling_rate)
    if rate < 100:
        raise ValueError(f"Got sampling_rate={rate:g}, but expected at least 100 Hz.")
    if not isinstance(duration, Real) or not MIN_DURATION <= float(duration) < np.inf:
        raise ValueError(f"Got duration={duration!r}, but expected at least {MIN_DURATION:g} s.")
    levels = {"noise": noise, "baseline_wander": baseline_wander, "mains": mains}
    levels = _check_levels(levels | {"mains_frequency": mains_frequency}, rate)
    asked_rate = _check_heart_rate(heart_rate)
    names = _check_rhythms(rhythms, asked_rate)
    n_samples = round(duration * rate)
    seed = check_random_state(random_state).randint(2**31, size=4)
    own, *streams = np.random.default_rng(seed).spawn(int(n_records) + 1)
    labels = _draw_labels(int(n_records), names, weights, own)
    data = np.empty((len(labels), len(STANDARD_LEADS), n_samples), np.float32)
    marks, intervals = [], []
    for row, (label, rng) in enumerate(zip(labels, streams, strict=True)):
        drawn = float(rng.uniform(*(asked_rate or RHYTHMS[label].usual_rate)))
        data[row], mark, interval = _simulate(label, drawn, n_samples, rate, levels, rng)
        marks.append(mark)
        intervals.append(interval)
    if return_X_y:
        return data, labels
    return _bunch(data, labels, names, marks, intervals, rate)


def _bunch(
    data: npt.NDArray[np.float32],
    labels: npt.NDArray[Any],
    names: list[str],
    marks: list[Delineation],
    intervals: list[tuple[float, ...]],
    sampling_rate: float,
) -> Bunch:
    subjects = np.array([f"simulated-{row:05d}" for row in range(len(data))])
    columns = ["heart_rate", "pr_interval", "qrs_duration", "qt_interval"]
    records = tuple(
        ECGRecord(
            signal,
            sampling_rate,
            STANDARD_LEADS,
            subject,
            subject,
            {"rhythm": str(label), "simulated": True},
        )
        for signal, subject, label in zip(data, subjects.tolist(), labels, strict=True)
    )
    return Bunch(
        data=data,
        target=labels,
        target_names=np.array(sorted(names)),
        marks=tuple(marks),
        intervals=pd.DataFrame(intervals, columns=columns, index=pd.Index(subjects, name="record")),
        groups=subjects,
        records=records,
        sampling_rate=sampling_rate,
        lead_names=STANDARD_LEADS,
        DESCR=(files("cardiorisk.datasets") / "data" / "simulated_ecg.md").read_text("utf-8"),
    )
