"""Power of the signal by frequency, and of fibrillating atria."""

import numpy as np
import numpy.typing as npt
from scipy.fft import rfft

from cardiorisk._validation import usable_leads
from cardiorisk.features.measurements.median_beat import AFTER, MedianBeat
from cardiorisk.records import STANDARD_LEADS, Delineation, ECGRecord

__all__ = ["f_wave_spectrum", "spectrum"]

Floats = npt.NDArray[np.float64]

PIECE = 2.0  # s of signal in one spectrum, half of it shared with the next
LONGEST = 300.0  # s: a longer record is represented by pieces spread over it
WHOLE, QRS_BAND = (0.5, 40.0), (5.0, 15.0)  # Hz
F_WAVES, F_WHOLE = (4.0, 9.0), (2.0, 40.0)  # Hz
LEAST_BEATS = 4  # whose rest is looked at for f waves
LEAST_REST = 0.2  # s between T and QRS
V1 = STANDARD_LEADS.index("V1")


def _band(power: Floats, frequency: Floats, band: tuple[float, float]) -> Floats:
    inside = (frequency >= band[0]) & (frequency <= band[1])
    return np.asarray(power[..., inside].sum(axis=-1))


def _welch(signal: npt.NDArray[np.float32], rate: float) -> tuple[Floats, Floats]:
    """Mean power spectrum of pieces, (n_leads, n_frequencies) in mV^2, and the frequencies."""
    n_leads, n = signal.shape
    size = min(round(PIECE * rate), n)
    starts = np.arange(0, n - size + 1, max(size // 2, 1))
    most = round(LONGEST / PIECE) * 2
    if len(starts) > most:
        starts = starts[np.linspace(0, len(starts) - 1, most).astype(int)]
    window = np.hanning(size).astype(np.float32)
    power = np.zeros((n_leads, size // 2 + 1))
    for start in starts:
        piece = signal[:, start : start + size]
        spectrum = rfft((piece - piece.mean(axis=1, keepdims=True)) * window, axis=1)
        power += spectrum.real**2 + spectrum.imag**2
    # Twice, for negative frequencies; over the window's energy, so that the sum is a variance.
    scale = 2 / (size * float((window**2).sum()) * len(starts))
    return power * scale, np.fft.rfftfreq(size, 1 / rate).astype(np.float64)


def f_wave_spectrum(beat: MedianBeat, marks: Delineation) -> tuple[Floats, Floats] | None:
    """Power spectrum in V1 of what is left between T and QRS once the median beat is taken away.

    P waves and the foot of T repeat with the beat and go; the waves of fibrillation do not.
    (n_frequencies,) in mV^2 and the frequencies; None where there is too little.
    """
    if beat.beats is None or not np.isfinite(beat.signal[V1]).any():
        return None
    rate = beat.sampling_rate
    centre = np.round(marks.beats["R_peak"])
    start = marks.beats["QRS_on"] - centre
    last_end = np.append(np.nan, marks.beats["T_off"][:-1]) - centre
    sample = np.arange(beat.beats.shape[2])
    zero = beat.beats.shape[2] - 1 - round(AFTER * rate)  # R in a beat
    rest = beat.beats[V1] - beat.signal[V1]
    inside = (sample >= last_end[:, None] + zero) & (sample < start[:, None] + zero)
    inside &= np.isfinite(rest)
    chosen = inside.sum(axis=1) >= LEAST_REST * rate
    if chosen.sum() < LEAST_BEATS:
        return None
    rest, inside = np.where(inside, rest, 0.0)[chosen], inside[chosen]
    count = inside.sum(axis=1, keepdims=True)
    rest = np.where(inside, rest - rest.sum(axis=1, keepdims=True) / count, 0.0)
    place = np.cumsum(inside, axis=1)
    window = np.where(inside, np.sin(np.pi * place / (count + 1)) ** 2, 0.0)
    transform = np.fft.rfft(rest * window, axis=1)
    scale = 2 / (rest.shape[1] * (window**2).sum(axis=1, keepdims=True))
    power = np.asarray((np.abs(transform) ** 2 * scale).mean(axis=0), dtype=np.float64)
    return power, np.fft.rfftfreq(rest.shape[1], 1 / rate).astype(np.float64)


def spectrum(record: ECGRecord, marks: Delineation, beat: MedianBeat) -> dict[str, float]:
    """Power by frequency, mean over the usable leads, and the f waves of V1."""
    each, frequency = _welch(record.signal[usable_leads(record)], record.sampling_rate)
    power = each.mean(axis=0) if len(each) else np.full(len(frequency), np.nan)
    inside = (frequency >= WHOLE[0]) & (frequency <= WHOLE[1])
    total = float(power[inside].sum())
    share = power[inside] / total if total > 0 else np.full(int(inside.sum()), np.nan)
    log = np.log(share, where=share > 0, out=np.zeros_like(share))
    atria = f_wave_spectrum(beat, marks)
    f_power = np.nan if atria is None else float(_band(*atria, F_WAVES))
    f_total = np.nan if atria is None else float(_band(*atria, F_WHOLE))
    known = bool(np.isfinite(share).all())
    return {
        "total_power": total,
        "qrs_band_share": 100 * float(_band(power, frequency, QRS_BAND)) / total
        if known
        else np.nan,
        "dominant_frequency": float(frequency[inside][share.argmax()]) if known else np.nan,
        "spectral_entropy": float(-(share * log).sum() / np.log(len(share))) if known else np.nan,
        "f_wave_power_V1": f_power,
        "f_wave_share_V1": 100 * f_power / f_total if f_total > 0 else np.nan,
    }
