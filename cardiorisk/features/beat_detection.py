"""Find the heartbeats of a record once, in all leads together, and refuse noise."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.ndimage import median_filter
from scipy.signal import butter, fftconvolve, find_peaks, sosfiltfilt

__all__ = ["Beats", "band_pass", "find_beats"]

Floats = npt.NDArray[np.float64]

QRS_BAND = (8.0, 20.0)  # Hz: where QRS stands out most from P, T and muscle (Elgendi 2013)
QRS_WINDOW = 0.100  # s: about one QRS complex
REFRACTORY = 0.250  # s: 240 beats a minute
LEVEL_CHUNK = 1.5  # s: holds a beat down to 40 beats a minute
LEVEL_CHUNKS = 7  # chunks whose median height is the usual height of a QRS complex
LEVEL_SHARE = 0.35  # a beat reaches this share of the usual height
EDGE = 0.100  # s: a QRS complex this close to an end is cut off
FAINTEST = 0.005  # mV: one converter step of a common recorder; below, a lead holds no QRS
ALIGNMENT = 0.030  # s: how far a beat is moved to fit the mean beat best
SHAPE = 0.080  # s: half width of the piece of a beat whose shape is compared
COMPARED = 500  # beats of a long record that are compared with each other
MIN_CONTRAST = 2.7
MIN_SIMILARITY = 0.75
REGULAR_SIMILARITY = 0.95
MAX_REPETITION = 0.8
LEAST_LAG = 0.060  # s: a narrower shift still sees the same QRS complex


class Beats(NamedTuple):
    """Heartbeats, and the evidence that they are heartbeats.

    ``positions`` are samples, shape (n_beats,); empty where the evidence is too weak.
    ``contrast`` is the usual height of a beat over the usual level of the record, in the energy
    of the QRS band. ``similarity`` is the correlation of a beat's shape with its kin.
    """

    positions: npt.NDArray[np.int64]
    contrast: float
    similarity: float


NONE_FOUND = Beats(np.empty(0, np.int64), 0.0, 0.0)


def band_pass(signal: Floats, sampling_rate: float, band: tuple[float, float]) -> Floats:
    """Filter without delay, along the last axis (Butterworth, second order, both ways)."""
    sos = butter(2, band, "bandpass", fs=sampling_rate, output="sos")
    pad = min(int(sampling_rate), signal.shape[-1] - 1)
    return np.asarray(sosfiltfilt(sos, signal, axis=-1, padlen=pad))


def qrs_energy(signal: Floats, sampling_rate: float) -> Floats:
    """Steepness in the QRS band, pooled over leads of equal weight, shape (n_samples,)."""
    banded = band_pass(signal, sampling_rate, QRS_BAND)
    banded = banded[np.percentile(np.abs(banded), 99, axis=1) > FAINTEST]
    if not len(banded):
        return np.zeros(signal.shape[1])
    steepness = np.abs(np.gradient(banded, axis=1))
    usual = np.percentile(steepness, 95, axis=1, keepdims=True)
    scaled = steepness / np.maximum(usual, np.finfo(float).tiny)
    window = np.hanning(max(round(QRS_WINDOW * sampling_rate), 3) + 2)
    energy = np.sqrt(np.mean(scaled**2, axis=0))
    return np.asarray(fftconvolve(energy, window / window.sum(), "same"))


def candidates(energy: Floats, sampling_rate: float) -> npt.NDArray[np.int64]:
    """Peaks of the energy that reach the usual height of their neighbourhood."""
    peaks, _ = find_peaks(energy, distance=max(round(REFRACTORY * sampling_rate), 1))
    edge = EDGE * sampling_rate
    peaks = peaks[(peaks > edge) & (peaks < len(energy) - edge)]
    n_chunks = max(int(len(energy) / (LEVEL_CHUNK * sampling_rate)), 1)
    heights = np.array([chunk.max() for chunk in np.array_split(energy, n_chunks)])
    levels = median_filter(heights, size=min(LEVEL_CHUNKS, n_chunks), mode="nearest")
    usual = levels[np.minimum(peaks * n_chunks // len(energy), n_chunks - 1)]
    return np.asarray(peaks[energy[peaks] > LEVEL_SHARE * usual], dtype=np.int64)


def beat_shapes(signal: Floats, positions: npt.NDArray[np.int64], half_width: int) -> Floats:
    """Pieces around the positions, shape (n_beats, n_leads * width), centred, of length one."""
    window = np.arange(-half_width, half_width + 1)
    index = np.clip(positions[:, None] + window, 0, signal.shape[1] - 1)
    pieces = signal[:, index].transpose(1, 0, 2).reshape(len(positions), -1)
    pieces = pieces - pieces.mean(axis=1, keepdims=True)
    length = np.linalg.norm(pieces, axis=1, keepdims=True)
    return np.asarray(pieces / np.where(length > 0, length, 1.0))


def aligned(
    signal: Floats, positions: npt.NDArray[np.int64], sampling_rate: float
) -> npt.NDArray[np.int64]:
    """Move each beat onto its largest deflection, then to where it fits the median beat best."""
    reach = round(QRS_WINDOW / 2 * sampling_rate)
    size = np.linalg.norm(signal, axis=0)
    around = np.clip(positions[:, None] + np.arange(-reach, reach + 1), 0, len(size) - 1)
    moved = around[np.arange(len(positions)), np.argmax(size[around], axis=1)]
    half_width, reach = round(SHAPE * sampling_rate), round(ALIGNMENT * sampling_rate)
    lags = np.arange(-reach, reach + 1)
    for _ in range(2):  # the second round fits to a sharper median beat
        median_beat = np.median(beat_shapes(signal, moved, half_width), axis=0)
        fit = [beat_shapes(signal, moved + lag, half_width) @ median_beat for lag in lags]
        moved = np.clip(moved + lags[np.argmax(fit, axis=0)], 0, len(size) - 1)
    return np.unique(moved)


def similarity(shapes: Floats) -> float:
    """Median over beats of the upper quartile of its correlations with the other beats.

    The upper quartile lets bigeminy pass: each beat has kin, though half of the others differ.
    """
    some = shapes[:: max(len(shapes) // COMPARED, 1)]
    correlations = some @ some.T
    np.fill_diagonal(correlations, np.nan)
    return float(np.median(np.nanquantile(correlations, 0.75, axis=1)))


def repetition(clean: Floats, positions: npt.NDArray[np.int64], sampling_rate: float) -> float:
    """Largest correlation of a beat with the signal later in the first half of its cycle.

    A tachycardia whose QRS complexes follow each other closely does not repeat within a cycle,
    but hum and tremor do.
    """
    half_width = round(SHAPE * sampling_rate)
    cycle = float(np.median(np.diff(positions)))
    lags = np.arange(round(LEAST_LAG * sampling_rate), int(cycle / 2), 2)
    shapes = beat_shapes(clean, positions, half_width)
    later = [
        np.median(np.sum(shapes * beat_shapes(clean, positions + lag, half_width), axis=1))
        for lag in lags
    ]
    return float(max(later, default=1.0))


def find_beats(signal: Floats, sampling_rate: float) -> Beats:
    """Find heartbeats, or none where what was found looks like noise.

    Detection departs from Elgendi (2013): energy is the steepness in the QRS band pooled over
    all leads, and the threshold is a share of the usual peak instead of a pair of moving means.

    At least two beats are needed, and one of two things, to keep noise out:

    * beats resemble each other by ``MIN_SIMILARITY`` and their energy stands ``MIN_CONTRAST``
      times above its median, which white noise, hum and random walks do not reach;
    * three beats or more are as alike as only a regular rhythm is (``REGULAR_SIMILARITY``) and
      do not repeat within a cycle (``MAX_REPETITION``), as in wide-QRS tachycardia.

    Parameters
    ----------
    signal : ndarray, shape (n_leads, n_samples)
        In mV, finite, no constant lead.
    sampling_rate : float
        In Hz, at least 100.

    Returns
    -------
    beats : Beats

    References
    ----------
    Elgendi (2013), PLoS ONE 8:e73557, doi:10.1371/journal.pone.0073557.
    """
    energy = qrs_energy(signal, sampling_rate)
    found = candidates(energy, sampling_rate)
    if len(found) < 2:
        return NONE_FOUND
    contrast = float(np.median(energy[found]) / max(np.median(energy), np.finfo(float).tiny))
    clean = band_pass(signal, sampling_rate, (1.0, 40.0))
    clean = clean / np.maximum(clean.std(axis=1, keepdims=True), np.finfo(float).tiny)
    positions = aligned(clean, found, sampling_rate)
    if len(positions) < 2:
        return NONE_FOUND._replace(contrast=contrast)
    resemblance = similarity(beat_shapes(clean, positions, round(SHAPE * sampling_rate)))
    stand_out = contrast >= MIN_CONTRAST and resemblance >= MIN_SIMILARITY
    regular = len(positions) > 2 and resemblance >= REGULAR_SIMILARITY
    if stand_out or (regular and repetition(clean, positions, sampling_rate) <= MAX_REPETITION):
        return Beats(positions, contrast, resemblance)
    return NONE_FOUND._replace(contrast=contrast, similarity=resemblance)
