"""Find the heartbeats of a record once, in all leads together, and refuse noise."""

from collections.abc import Callable
from functools import cache, lru_cache
from typing import Any, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt
from scipy.fft import irfft, next_fast_len, rfft, rfftfreq
from scipy.ndimage import median_filter
from scipy.signal import find_peaks

from cardiorisk._compiled import compiled

__all__ = ["Beats", "band_pass", "find_beats"]

Floats = npt.NDArray[np.floating]
Float = TypeVar("Float", bound=np.floating)
Positions = npt.NDArray[np.int64]

QRS_BAND = (8.0, 20.0)  # Hz: where QRS stands out most from P, T and muscle (Elgendi 2013)
BEAT_BAND = (1.0, 40.0)  # Hz: the shape of a beat
QRS_WINDOW = 0.100  # s: about one QRS complex
REFRACTORY = 0.250  # s: 240 beats a minute
LEVEL_CHUNK = 1.5  # s: holds a beat down to 40 beats a minute
LEVEL_CHUNKS = 7  # chunks whose median height is the usual height of a QRS complex
LEVEL_SHARE = 0.35  # a beat reaches this share of the usual height
EDGE = 0.100  # s: a QRS complex this close to an end is cut off
FAINTEST = 0.005  # mV: one converter step of a common recorder; below, a lead holds no QRS
ALIGNMENT = 0.030  # s: how far a beat is moved to fit the mean beat best
SHAPE = 0.080  # s: half width of the piece of a beat whose shape is compared
QUANTILE_SAMPLES = 2000  # of a lead at most, from which its quantiles are taken
COMPARED = 500  # beats of a long record that are compared with each other
# The limits; benchmarks/beat_gate.py chooses them without the records that judge them.
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

    positions: Positions
    contrast: float
    similarity: float


NONE_FOUND = Beats(np.empty(0, np.int64), 0.0, 0.0)


def band_pass(
    signal: npt.NDArray[Float], sampling_rate: float, *bands: tuple[float, float]
) -> tuple[npt.NDArray[Float], ...]:
    """Filter without delay, along the last axis, into each of the bands; the dtype stays.

    The gain is that of a Butterworth filter of second order run forwards and backwards, applied
    to the spectrum at once. Beyond its ends the signal goes on for a second, turned around them.
    """
    n_samples = signal.shape[-1]
    pad = min(int(sampling_rate), n_samples - 1)
    before = 2 * signal[..., :1] - signal[..., pad:0:-1]
    after = 2 * signal[..., -1:] - signal[..., -2 : -pad - 2 : -1]
    longer = np.concatenate([before, signal, after], axis=-1)
    # Without the line through both ends these meet, and the spectrum has no step in it.
    slope = (longer[..., -1:] - longer[..., :1]) / (longer.shape[-1] - 1)
    longer -= longer[..., :1] + slope * np.arange(longer.shape[-1], dtype=signal.dtype)
    n_fft = next_fast_len(longer.shape[-1], real=True)
    spectrum = rfft(longer, n_fft, axis=-1)
    gains = (band_gain(n_fft, sampling_rate, band, signal.dtype) for band in bands)
    return tuple(irfft(spectrum * gain, n_fft)[..., pad : pad + n_samples] for gain in gains)


@lru_cache(maxsize=8)
def band_gain(
    n_fft: int, sampling_rate: float, band: tuple[float, float], dtype: npt.DTypeLike
) -> Floats:
    """Squared gain of a digital Butterworth band-pass of second order, by frequency."""
    frequency = rfftfreq(n_fft, 1 / sampling_rate)[1:]
    warped = np.tan(np.pi * np.minimum(frequency / sampling_rate, 0.4999999))
    low, high = np.tan(np.pi * np.array(band) / sampling_rate)
    outside = (warped**2 - low * high) / (warped * (high - low))
    return np.concatenate([[0.0], 1 / (1 + outside**4)]).astype(dtype)


def _evenly_chosen(values: Floats) -> Floats:
    """Not all columns where there are many."""
    return values[:, :: -(-values.shape[1] // QUANTILE_SAMPLES)]


def high_values(values: Floats, share: float) -> Floats:
    """Quantile of each row, of evenly chosen values where there are many, (n_rows, 1)."""
    some = _evenly_chosen(values)
    place = int(share * (some.shape[1] - 1))
    # A second place makes numpy choose its faster way.
    both = [place, min(place + 1, some.shape[1] - 1)]
    return np.asarray(np.partition(some, both, axis=1)[:, place : place + 1])


def _not_faint(banded: Floats) -> Floats:
    """Leads of which more than one value in a hundred is larger than :data:`FAINTEST`."""
    some = np.abs(_evenly_chosen(banded))
    needed = some.shape[1] - int(0.99 * (some.shape[1] - 1))
    strong = np.count_nonzero(some > FAINTEST, axis=1) >= needed
    return banded if strong.all() else banded[strong]


def qrs_energy(banded: Floats, sampling_rate: float) -> Floats:
    """Steepness in the QRS band, pooled over leads of equal weight, shape (n_samples,)."""
    banded = _not_faint(banded)
    if not len(banded):
        return np.zeros(banded.shape[1], np.float32)
    steepness = np.empty_like(banded)
    np.subtract(banded[:, 2:], banded[:, :-2], out=steepness[:, 1:-1])
    steepness[:, [0, -1]] = 2 * (banded[:, [1, -1]] - banded[:, [0, -2]])
    np.abs(steepness, out=steepness)
    steepness /= np.maximum(high_values(steepness, 0.95), np.finfo(np.float32).tiny)
    energy = np.sqrt(np.einsum("ij,ij->j", steepness, steepness) / len(steepness))
    window = np.hanning(max(round(QRS_WINDOW * sampling_rate), 3) + 2).astype(np.float32)
    return np.convolve(energy, window / window.sum(), "same")


def candidates(energy: Floats, sampling_rate: float) -> Positions:
    """Peaks of the energy that reach the usual height of their neighbourhood."""
    peaks, _ = find_peaks(energy, distance=max(round(REFRACTORY * sampling_rate), 1))
    edge = EDGE * sampling_rate
    peaks = peaks[(peaks > edge) & (peaks < len(energy) - edge)]
    n_chunks = max(int(len(energy) / (LEVEL_CHUNK * sampling_rate)), 1)
    starts = np.arange(n_chunks) * len(energy) // n_chunks
    heights = np.maximum.reduceat(energy, starts)
    levels = median_filter(heights, size=min(LEVEL_CHUNKS, n_chunks), mode="nearest")
    usual = levels[np.minimum(peaks * n_chunks // len(energy), n_chunks - 1)]
    return np.asarray(peaks[energy[peaks] > LEVEL_SHARE * usual], dtype=np.int64)


def pieces_around(signal: Floats, positions: Positions, first: int, last: int) -> Floats:
    """Signal around each position, (n_beats, n_leads, last - first + 1); ends are repeated."""
    index = np.clip(positions[:, None] + np.arange(first, last + 1), 0, signal.shape[1] - 1)
    return np.asarray(signal[:, index].transpose(1, 0, 2))


def beat_shapes(signal: Floats, positions: Positions, half_width: int) -> Floats:
    """Pieces around the positions, shape (n_beats, n_leads * width), centred, of length one."""
    pieces = pieces_around(signal, positions, -half_width, half_width).reshape(len(positions), -1)
    pieces = pieces - pieces.mean(axis=1, keepdims=True)
    length = np.linalg.norm(pieces, axis=1, keepdims=True)
    return np.asarray(pieces / np.where(length > 0, length, 1.0))


def likeness(
    signal: Floats, positions: Positions, lags: Positions, half_width: int, shapes: Floats
) -> Floats:
    """Correlation of the signal at each lag from each position with a shape.

    ``lags`` are evenly spaced; ``shapes`` is one shape for all, (n_leads * width,), or one a
    position. The result is (n_positions, n_lags).
    """
    width = 2 * half_width + 1
    pieces = pieces_around(signal, positions, lags[0] - half_width, lags[-1] + half_width)
    shapes = np.ascontiguousarray(shapes, pieces.dtype).reshape(-1, len(signal), width)
    found = np.empty((len(positions), len(lags)), pieces.dtype)
    _fill_likeness()(np.ascontiguousarray(pieces), lags - lags[0], shapes, found)
    return found


@cache
def _fill_likeness() -> Callable[..., None]:
    def fill(pieces: Any, starts: Any, shapes: Any, found: Any) -> None:
        n_leads, width = shapes.shape[1:]
        tiny = np.finfo(np.float32).tiny
        for beat in range(pieces.shape[0]):
            shape = shapes[beat if len(shapes) > 1 else 0]
            for lag in range(len(starts)):
                product = total = squares = level = np.float32(0)
                for lead in range(n_leads):
                    piece = pieces[beat, lead, starts[lag] : starts[lag] + width]
                    for place in range(width):
                        value, weight = piece[place], shape[lead, place]
                        product += value * weight
                        total += value
                        squares += value * value
                        level += weight
                count = n_leads * width
                spread = max(squares - total * total / count, tiny)
                found[beat, lag] = (product - total * level / count) / np.sqrt(spread)

    return compiled(fill, fastmath=True)


def aligned(signal: Floats, positions: Positions, sampling_rate: float) -> Positions:
    """Move each beat onto its largest deflection, then to where it fits the median beat best."""
    reach = round(QRS_WINDOW / 2 * sampling_rate)
    size = np.einsum("ij,ij->j", signal, signal)
    moved = positions + pieces_around(size[None], positions, -reach, reach)[:, 0].argmax(1) - reach
    moved = np.clip(moved, 0, len(size) - 1)
    half_width, reach = round(SHAPE * sampling_rate), round(ALIGNMENT * sampling_rate)
    lags = np.arange(-reach, reach + 1)
    for _ in range(2):  # the second round fits to a sharper median beat
        ranked = np.sort(beat_shapes(signal, moved, half_width), axis=0)
        median_beat = (ranked[(len(ranked) - 1) // 2] + ranked[len(ranked) // 2]) / 2
        fit = likeness(signal, moved, lags, half_width, median_beat)
        moved = np.clip(moved + lags[np.argmax(fit, axis=1)], 0, len(size) - 1)
    return np.unique(moved)


def similarity(shapes: Floats) -> float:
    """Median over beats of the upper quartile of its correlations with the other beats.

    The upper quartile lets bigeminy pass: each beat has kin, though half of the others differ.
    """
    some = shapes[:: max(len(shapes) // COMPARED, 1)]
    correlations = some @ some.T
    others = np.sort(correlations[~np.eye(len(some), dtype=bool)].reshape(len(some), -1), axis=1)
    place, share = divmod(0.75 * (others.shape[1] - 1), 1)
    low, high = others[:, int(place)], others[:, min(int(place) + 1, others.shape[1] - 1)]
    return float(np.median(low + (high - low) * share))


def repetition(clean: Floats, positions: Positions, sampling_rate: float) -> float:
    """Largest correlation of a beat with the signal later in the first half of its cycle.

    A tachycardia whose QRS complexes follow each other closely does not repeat within a cycle,
    but hum and tremor do.
    """
    half_width = round(SHAPE * sampling_rate)
    cycle = float(np.median(np.diff(positions)))
    lags = np.arange(round(LEAST_LAG * sampling_rate), int(cycle / 2), 2)
    if not len(lags):
        return 1.0
    shapes = beat_shapes(clean, positions, half_width)
    return float(np.median(likeness(clean, positions, lags, half_width, shapes), axis=0).max())


def from_nearest(some: Floats, others: Floats) -> Floats:
    """Distance of each position from the nearest of the others, with its sign."""
    padded = np.concatenate([[-np.inf], others, [np.inf]])
    place = np.searchsorted(others, some)
    before, after = some - padded[place], some - padded[place + 1]
    return np.where(before < -after, before, after)


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
    signal = np.asarray(signal, np.float32)
    banded, clean = band_pass(signal, sampling_rate, QRS_BAND, BEAT_BAND)
    energy = qrs_energy(banded, sampling_rate)
    found = candidates(energy, sampling_rate)
    if len(found) < 2:
        return NONE_FOUND
    contrast = float(np.median(energy[found]) / max(np.median(energy), np.finfo(np.float32).tiny))
    clean = clean / np.maximum(clean.std(axis=1, keepdims=True), np.finfo(np.float32).tiny)
    positions = aligned(clean, found, sampling_rate)
    if len(positions) < 2:
        return NONE_FOUND._replace(contrast=contrast)
    resemblance = similarity(beat_shapes(clean, positions, round(SHAPE * sampling_rate)))
    stand_out = contrast >= MIN_CONTRAST and resemblance >= MIN_SIMILARITY
    regular = len(positions) > 2 and resemblance >= REGULAR_SIMILARITY
    if stand_out or (regular and repetition(clean, positions, sampling_rate) <= MAX_REPETITION):
        return Beats(positions, contrast, resemblance)
    return NONE_FOUND._replace(contrast=contrast, similarity=resemblance)
