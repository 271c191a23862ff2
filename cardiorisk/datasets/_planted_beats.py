"""Simulated sinus rhythm with a few abnormal beats, whose windows are known."""

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
MARGIN = 1.0  # s of the host before and after what is planted


class PlantedBeats(NamedTuple):
    """Records, what was planted in each ("" for nothing), and where.

    Parameters
    ----------
    records : tuple of ECGRecord
    target : ndarray of str, shape (n,)
    windows : tuple of ndarray, each of shape (n_beats, 2)
        Begin of QRS and end of T of each planted beat, in s.
    """

    records: tuple[ECGRecord, ...]
    target: npt.NDArray[np.str_]
    windows: tuple[Array, ...]


def make_planted_ecg(
    n_records: int = 100,
    *,
    abnormality: str = ECTOPIC,
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
        row are those of another simulated subject, inserted where a P wave begins, at which both
        signals are zero.
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
    records, windows = [], []
    for row in range(n_records):
        signal, found = np.asarray(normal.data[row], float), np.empty((0, 2))
        if row % 2 and abnormality == ECTOPIC:
            signal = np.asarray(other.data[row], float)
            found = ectopic_windows(other.marks[row], signal.shape[1])
        elif row % 2:
            sources = (normal.marks[row].beats, other.marks[row].beats)
            signal, found = _inserted(
                signal, np.asarray(other.data[row], float), *sources, n_beats, random
            )
        signal = signal + random.normal(0, noise, signal.shape)
        name = f"planted-{row:05d}"
        about = {"simulated": True}
        records.append(
            ECGRecord(signal.astype(np.float32), sampling_rate, STANDARD_LEADS, name, name, about)
        )
        windows.append(found / sampling_rate)
    target = np.where(np.arange(n_records) % 2, abnormality, "")
    return PlantedBeats(tuple(records), target, tuple(windows))


def ectopic_windows(marks: Delineation, n_samples: int) -> Array:
    """From QRS onset to T end of each wide beat, in samples; a cut T ends with the record."""
    beats = marks.beats
    wide = (beats["QRS_off"] - beats["QRS_on"]) / marks.sampling_rate > WIDE_QRS
    ends = np.where(np.isfinite(beats["T_off"]), beats["T_off"], n_samples)
    return np.stack([beats["QRS_on"], ends], axis=1)[wide]


def _inserted(
    host: Array,
    donor: Array,
    host_beats: dict[str, Array],
    donor_beats: dict[str, Array],
    n_beats: int,
    random: np.random.RandomState,
) -> tuple[Array, Array]:
    """Insert some beats of the donor, each from P onset to the next P onset."""
    begins = np.rint(donor_beats["P_on"]).astype(float)
    whole = np.flatnonzero(np.isfinite(begins[:-n_beats]) & np.isfinite(begins[n_beats:]))
    first = int(random.choice(whole))
    begin, end = (int(begins[first]), int(begins[first + n_beats]))
    margin = MARGIN / 10 * host.shape[1]
    onsets = np.rint(host_beats["P_on"][np.isfinite(host_beats["P_on"])])
    fits = (onsets > margin) & (onsets + end - begin < host.shape[1] - margin)
    at = int(random.choice(onsets[fits]))
    joined = np.concatenate([host[:, :at], donor[:, begin:end], host[:, at:]], axis=1)
    chosen = slice(first, first + n_beats)
    windows = np.stack([donor_beats["QRS_on"][chosen], donor_beats["T_off"][chosen]], axis=1)
    return joined[:, : host.shape[1]], windows - begin + at
