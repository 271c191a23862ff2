"""Filters without delay for one signal: bands, hum and the change of rate."""

from fractions import Fraction

import numpy as np
import numpy.typing as npt
from scipy.signal import butter, iirnotch, periodogram, resample_poly, sosfiltfilt, tf2sos

__all__ = ["butterworth", "find_mains", "remove_mains", "resampled"]

Floats = npt.NDArray[np.float64]

ORDER = 2  # of one pass; forwards and backwards it is four
PADDING = 3.0  # s of the signal, turned around its ends, that are filtered with it
MAINS = (50.0, 60.0)  # Hz
MAINS_DRIFT = 0.5  # Hz: EN 50160 allows 1 % of the nominal frequency
MAINS_WIDTH = 2.5  # Hz: of one pass of the notch, so that 0.2 Hz beside its centre is still damped
MAINS_NEIGHBOURS = 5.0  # Hz on either side that tell the level without hum
MAINS_EXCESS = 10.0  # times that level: hum is seen
FEWEST_SAMPLES = 8  # fewer hold no frequency


def _forwards_and_backwards(sos: Floats, signal: Floats, sampling_rate: float) -> Floats:
    padding = min(round(PADDING * sampling_rate), signal.shape[-1] - 1)
    return np.asarray(sosfiltfilt(sos, signal, axis=-1, padtype="odd", padlen=padding))


def butterworth(signal: Floats, sampling_rate: float, cutoff: float, kind: str) -> Floats:
    """High-pass or low-pass along the last axis; at the cutoff both passes together give 3 dB."""
    warped = np.tan(np.pi * cutoff / sampling_rate)
    wider = (np.sqrt(2) - 1) ** (1 / (2 * ORDER))
    warped = warped * wider if kind == "highpass" else warped / wider
    one_pass = float(np.arctan(warped) / np.pi * sampling_rate)
    sos = butter(ORDER, one_pass, kind, fs=sampling_rate, output="sos")
    return _forwards_and_backwards(sos, signal, sampling_rate)


def find_mains(signal: Floats, sampling_rate: float) -> float | None:
    """Tell whether hum of 50 or 60 Hz stands out of the spectrum of any lead.

    Parameters
    ----------
    signal : ndarray, shape (n_leads, n_samples)
        Finite.
    sampling_rate : float
        In Hz.

    Returns
    -------
    mains : float or None
        50 or 60, whichever stands out more; None where neither does.
    """
    if signal.shape[-1] < 2 * sampling_rate:  # too short to tell 0.5 Hz from its neighbours
        return None
    frequency, power = periodogram(signal, sampling_rate, "hann", axis=-1)
    excess = {}
    for mains in MAINS:
        if mains + MAINS_DRIFT < sampling_rate / 2:
            off = np.abs(frequency - mains)
            hum = power[:, off <= MAINS_DRIFT].max(axis=1)
            beside = power[:, (off > 2 * MAINS_DRIFT) & (off <= MAINS_NEIGHBOURS)]
            level = np.maximum(beside.mean(axis=1), np.finfo(float).tiny)
            excess[mains] = float((hum / level).max(initial=0.0))
    if not excess or max(excess.values()) < MAINS_EXCESS:
        return None
    return max(excess, key=lambda mains: excess[mains])


def remove_mains(signal: Floats, sampling_rate: float, mains: float) -> Floats:
    """Take out hum and its harmonics along the last axis.

    The steady part is fitted and subtracted first, so that the notch filter that takes the rest
    has nothing to ring with at the ends.
    """
    if signal.shape[-1] < FEWEST_SAMPLES:
        return signal
    time = np.arange(signal.shape[-1]) / sampling_rate
    harmonics = np.arange(mains, sampling_rate / 2 - MAINS_WIDTH, mains)
    for frequency in harmonics:
        waves = np.exp(2j * np.pi * frequency * time)
        columns = np.stack([waves.real, waves.imag, np.ones_like(time)], axis=1)
        fitted, *_ = np.linalg.lstsq(columns, signal.T, rcond=None)
        signal = signal - (columns[:, :2] @ fitted[:2]).T
        sos = tf2sos(*iirnotch(frequency, frequency / MAINS_WIDTH, sampling_rate))
        signal = _forwards_and_backwards(sos, signal, sampling_rate)
    return signal


def resampled(signal: Floats, sampling_rate: float, target_rate: float) -> Floats:
    """Bring the last axis to another rate: the first sample stays at its time.

    The result has ``round(n_samples * target_rate / sampling_rate)`` samples, one at least.
    """
    ratio = Fraction(target_rate / sampling_rate).limit_denominator(1000)
    n_samples = max(round(signal.shape[-1] * target_rate / sampling_rate), 1)
    if ratio == 1:
        return signal
    new = resample_poly(signal, ratio.numerator, ratio.denominator, axis=-1, padtype="line")
    missing = max(n_samples - new.shape[-1], 0)
    return np.pad(new, [(0, 0), (0, missing)], mode="edge")[..., :n_samples]
