"""Noise of the kinds that spoil ECGs, alone and added to one."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from scipy.signal import butter, sosfiltfilt

from cardiorisk.records import STANDARD_LEADS, ECGRecord

Form = tuple[int, int]

KINDS = ("white", "pink", "brown", "hum", "motion", "muscle", "quantised", "shared by all leads")
SNRS = (24, 12, 6, 0)  # dB


def coloured(rng: np.random.Generator, form: Form, rate: float, exponent: float) -> np.ndarray:
    """Noise whose power falls with the frequency to the exponent; each lead of SD 1."""
    frequency = np.fft.rfftfreq(form[1], 1 / rate)
    frequency[0] = frequency[1]
    spectrum = np.fft.rfft(rng.normal(size=form)) * frequency ** (-exponent / 2)
    signal = np.fft.irfft(spectrum, form[1])
    return signal / signal.std(axis=1, keepdims=True)


def hum(rng: np.random.Generator, form: Form, rate: float) -> np.ndarray:
    time = np.arange(form[1]) / rate
    swell = 1 + 0.3 * np.sin(2 * np.pi * rng.uniform(0.1, 0.5) * time)
    phase = rng.uniform(0, 6, size=(form[0], 1))
    sine = np.sin(2 * np.pi * rng.choice([50, 60]) * time + phase)
    return swell * sine + 0.05 * rng.normal(size=form)


def motion(rng: np.random.Generator, form: Form, rate: float) -> np.ndarray:
    """Bumps of a moving electrode on a random walk."""
    time = np.arange(form[1]) / rate
    signal = 0.2 * coloured(rng, form, rate, 2)
    for _ in range(rng.integers(3, 15)):
        centre, width = rng.uniform(0, time[-1]), rng.uniform(0.03, 0.4)
        signal += rng.normal(size=(form[0], 1)) * np.exp(-(((time - centre) / width) ** 2))
    return signal


def muscle(rng: np.random.Generator, form: Form, rate: float) -> np.ndarray:
    """Noise of 20-150 Hz that swells."""
    band = butter(2, [20, min(150, 0.45 * rate)], "bandpass", fs=rate, output="sos")
    signal = sosfiltfilt(band, rng.normal(size=form), axis=-1)
    time = np.arange(form[1]) / rate
    return (1 + 0.8 * np.sin(2 * np.pi * rng.uniform(0.2, 2) * time)) * signal / signal.std()


def noise(kind: str, rng: np.random.Generator, form: Form, rate: float) -> np.ndarray:
    """Noise of about SD 1, (n_leads, n_samples)."""
    if kind in ("white", "pink", "brown"):
        return coloured(rng, form, rate, ("white", "pink", "brown").index(kind))
    if kind == "quantised":
        return np.round(rng.normal(size=form) * rng.choice([0.7, 1, 3])) / 3
    if kind == "shared by all leads":
        one = coloured(rng, (1, form[1]), rate, rng.choice([0, 1, 2]))
        return rng.normal(size=(form[0], 1)) * one + 0.1 * rng.normal(size=form)
    return {"hum": hum, "motion": motion, "muscle": muscle}[kind](rng, form, rate)


def noise_records(kind: str, n_records: int) -> Iterator[ECGRecord]:
    """Make records of noise alone, of many rates, lengths and sizes, one lead or twelve."""
    rng = np.random.default_rng(KINDS.index(kind))
    for _ in range(n_records):
        rate = float(rng.choice([100, 125, 200, 250, 360, 500, 1000]))
        names = STANDARD_LEADS if rng.integers(2) else ("II",)
        form = len(names), int(rng.choice([5, 10, 10, 30]) * rate)
        size = rng.choice([0.05, 0.2, 0.5, 1.5])
        signal = size * noise(kind, rng, form, rate)
        yield ECGRecord(signal.astype(np.float32), rate, names)


def noisy(record: ECGRecord, kind: str, decibels: float, rng: np.random.Generator) -> ECGRecord:
    """Add noise to each lead at a ratio to the lead's own power."""
    if np.isinf(decibels):
        return record
    added = noise(kind, rng, record.signal.shape, record.sampling_rate)
    added *= record.signal.std(axis=1, keepdims=True) / added.std(axis=1, keepdims=True)
    signal = record.signal + 10 ** (-decibels / 20) * added
    return replace(record, signal=signal.astype(np.float32))


def spiked(record: ECGRecord, times: np.ndarray, rng: np.random.Generator) -> ECGRecord:
    """Add a pacemaker's spikes of 1 to 4 ms and 0.3 to 6 mV, and the charge that they leave."""
    rate, signal = record.sampling_rate, record.signal.copy()
    height = rng.choice([0.3, 1, 3, 6]) * rng.normal(size=(len(signal), 1))
    width = max(round(rng.choice([0.001, 0.002, 0.004]) * rate), 1)
    charge = -rng.choice([0, 0.02, 0.05]) * np.exp(-np.arange(round(0.02 * rate)) / (0.006 * rate))
    shape = height * np.concatenate([np.ones(width), charge])
    for start in np.round(times * rate).astype(int):
        room = min(signal.shape[1] - start, shape.shape[1])
        if start >= 0 and room > 0:
            signal[:, start : start + room] += shape[:, :room]
    return replace(record, signal=signal.astype(np.float32))
