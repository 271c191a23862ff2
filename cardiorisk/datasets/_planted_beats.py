"""Simulated sinus rhythm with a few abnormal beats, whose windows are known."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from cardiorisk.datasets.simulated_ecg import make_ecg
from cardiorisk.records import STANDARD_LEADS, Delineation, ECGRecord

__all__ = ["PlantedBeats", "make_planted_ecg"]

Array = npt.NDArray[np.float64]

HOST = "sinus rhythm"
ECTOPIC = "premature ventricular complexes"
WIDE_QRS = 0.12  # s: above it a simulated beat of sinus rhythm is ectopic
MARGIN = 0.5  # s of the host before and after what is planted


class PlantedBeats(NamedTuple):
    """Records, what was planted in each ("" for nothing), and where.

    Parameters
    ----------
    records : tuple of ECGRecord
    target : ndarray of str, shape (n,)
    windows : tuple of ndarray, each of shape (n_beats, 2)
        Begin of QRS and end of T of each planted beat, in s.
    distractors : tuple of ndarray, each of shape (n_beats, 2)
        The same of the beats that every record has.
    """

    records: tuple[ECGRecord, ...]
    target: npt.NDArray[np.str_]
    windows: tuple[Array, ...]
    distractors: tuple[Array, ...]


@dataclass
class _Host:
    """A record under construction, in samples: where P waves begin and what was planted."""

    signal: Array
    onsets: Array
    windows: Array
    distractors: Array

    def insert(
        self, signal: Array, beats: dict[str, Array], n_beats: int, rate: float, rng: Any
    ) -> Array:
        """Insert beats of a donor, each from P onset to the next, and return their windows.

        At a P onset both signals are zero. What is pushed beyond the end is lost, but never all
        that was planted before: where there is no room for both, nothing is inserted.
        """
        starts = np.rint(beats["P_on"])
        whole = np.flatnonzero(np.isfinite(starts[:-n_beats]) & np.isfinite(starts[n_beats:]))
        first = int(rng.choice(whole))
        begin, end = int(starts[first]), int(starts[first + n_beats])
        n_samples, length = self.signal.shape[1], end - begin
        fits = (self.onsets > MARGIN * rate) & (self.onsets + length < n_samples - MARGIN * rate)
        if len(self.windows):
            fits &= np.array([self._kept(at, length, n_samples) for at in self.onsets])
        if not fits.any():
            return np.empty((0, 2))
        at = int(rng.choice(self.onsets[fits]))
        pieces = [self.signal[:, :at], signal[:, begin:end], self.signal[:, at:]]
        self.signal = np.concatenate(pieces, axis=1)[:, :n_samples]
        self.onsets = self.onsets + length * (self.onsets >= at)
        self.windows = _pushed(self.windows, at, length, n_samples)
        chosen = slice(first, first + n_beats)
        found: Array = np.stack([beats["QRS_on"][chosen], beats["T_off"][chosen]], axis=1)
        return np.asarray(found - begin + at)

    def _kept(self, at: float, length: int, n_samples: int) -> bool:
        return len(_pushed(self.windows, at, length, n_samples)) > 0


def _pushed(windows: Array, at: float, length: int, n_samples: int) -> Array:
    """Windows after an insertion; those that leave the record are lost."""
    moved = windows + length * (windows[:, :1] >= at)
    return np.asarray(moved[moved[:, 1] <= n_samples])


def make_planted_ecg(
    n_records: int = 100,
    *,
    abnormality: str = ECTOPIC,
    distractor: str | None = None,
    n_beats: int = 2,
    noise: float = 0.01,
    sampling_rate: float = 500,
    random_state: Any = None,
) -> PlantedBeats:
    """Simulate ten seconds of sinus rhythm, with abnormal beats in every other record.

    Parameters
    ----------
    n_records : int, default=100
    abnormality : str, default="premature ventricular complexes"
        Or "left bundle branch block" or "right bundle branch block": then ``n_beats`` beats in a
        row are those of another simulated subject.
    distractor : str, optional
        Bundle branch block of which every record with room for it has ``n_beats`` beats, whatever
        its target.
    n_beats : int, default=2
    noise : float, default=0.01
        Standard deviation in mV of white noise.
    sampling_rate : float, default=500
        In Hz.
    random_state : int, RandomState instance or None, default=None

    Returns
    -------
    PlantedBeats

    Examples
    --------
    >>> planted = make_planted_ecg(2, random_state=0)
    >>> planted.target.tolist(), [len(windows) for windows in planted.windows]
    (['', 'premature ventricular complexes'], [0, 3])
    """
    random = np.random.RandomState(random_state)
    options: dict[str, Any] = {"sampling_rate": sampling_rate, "random_state": random}
    normal = make_ecg(n_records, rhythms=HOST, **options)
    other = make_ecg(n_records, rhythms=abnormality, **options)
    third = None if distractor is None else make_ecg(n_records, rhythms=distractor, **options)
    hosts = []
    for row in range(n_records):
        is_ectopic = bool(row % 2) and abnormality == ECTOPIC
        host = _host(other if is_ectopic else normal, row, is_ectopic)
        if row % 2 and not is_ectopic:
            host.windows = host.insert(*_beats_of(other, row), n_beats, sampling_rate, random)
        if third is not None:
            host.distractors = host.insert(*_beats_of(third, row), n_beats, sampling_rate, random)
        hosts.append(host)
    records = []
    for row, host in enumerate(hosts):
        signal = (host.signal + random.normal(0, noise, host.signal.shape)).astype(np.float32)
        name, about = f"planted-{row:05d}", {"simulated": True}
        records.append(ECGRecord(signal, sampling_rate, STANDARD_LEADS, name, name, about))
    return PlantedBeats(
        tuple(records),
        np.where(np.arange(n_records) % 2, abnormality, ""),
        tuple(host.windows / sampling_rate for host in hosts),
        tuple(host.distractors / sampling_rate for host in hosts),
    )


def _beats_of(ecgs: Any, row: int) -> tuple[Array, dict[str, Array]]:
    return np.asarray(ecgs.data[row], float), ecgs.marks[row].beats


def _host(ecgs: Any, row: int, is_ectopic: bool) -> _Host:
    signal, beats = _beats_of(ecgs, row)
    nothing = np.empty((0, 2))
    windows = ectopic_windows(ecgs.marks[row], signal.shape[1]) if is_ectopic else nothing
    onsets = np.rint(beats["P_on"][np.isfinite(beats["P_on"])])
    return _Host(signal, onsets, windows, nothing)


def ectopic_windows(marks: Delineation, n_samples: int) -> Array:
    """From QRS onset to T end of each wide beat, in samples; a cut T ends with the record."""
    beats = marks.beats
    wide = (beats["QRS_off"] - beats["QRS_on"]) / marks.sampling_rate > WIDE_QRS
    ends = np.where(np.isfinite(beats["T_off"]), beats["T_off"], n_samples)
    return np.stack([beats["QRS_on"], ends], axis=1)[wide]
