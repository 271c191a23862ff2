"""Disturbances of a simulated ECG, made at the electrodes so that the leads stay consistent."""

from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["disturbance", "electrode_matrix", "fibrillation"]

Array = npt.NDArray[np.float32]

N_ELECTRODES = 9  # right arm, left arm, left leg, C1 to C6


@cache
def electrode_matrix() -> Array:
    """Matrix (12, 9) from the potentials of the electrodes to the leads in standard order."""
    right, left, foot = np.eye(N_ELECTRODES)[:3]
    one, two = left - right, foot - right
    terminal = (right + left + foot) / 3
    limb = [one, two, two - one, -(one + two) / 2, one - two / 2, two - one / 2]
    matrix = np.concatenate([limb, np.eye(N_ELECTRODES)[3:] - terminal])
    return matrix.astype(np.float32)


def _at_level(wave: npt.NDArray[np.floating[Any]], level: float) -> Array:
    """Scale to an RMS of ``level`` in lead I, the difference of two independent electrodes."""
    mean_square = np.vdot(wave, wave) / wave.size
    return (wave * (level / np.sqrt(2 * mean_square))).astype(np.float32)


def disturbance(
    n_samples: int,
    sampling_rate: float,
    rng: np.random.Generator,
    *,
    noise: float,
    baseline_wander: float,
    mains: float,
    mains_frequency: float,
) -> Array:
    """Sum of all disturbances at the electrodes, shape (9, n_samples) in mV.

    Parameters
    ----------
    noise : float
        RMS of muscle noise in lead I, in mV: white, with a slowly changing strength.
    baseline_wander : float
        Expected RMS of the baseline in lead I, in mV: breathing and drifts of 0.05 to 0.5 Hz.
    mains : float
        Expected RMS of the hum in lead I, in mV, with a weaker third harmonic if the sampling
        rate allows it.
    mains_frequency : float
        In Hz.
    """
    time = np.arange(n_samples) / sampling_rate
    total = np.zeros((N_ELECTRODES, n_samples), np.float32)
    if noise > 0:
        slow = np.sin(2 * np.pi * (rng.uniform(0.05, 0.4) * time + rng.random()))
        total += rng.standard_normal(total.shape, np.float32)
        total *= _at_level(1 + 0.4 * slow, noise)
    if baseline_wander > 0:
        frequencies = np.array([0.05, 0.11, rng.uniform(0.18, 0.32), 0.41, 0.5])
        heights = np.array([1.0, 0.7, 1.0, 0.25, 0.15], np.float32)[:, None]
        angles = (2 * np.pi * frequencies[:, None] * time).astype(np.float32)
        waves = np.concatenate([heights * np.sin(angles), heights * np.cos(angles)])
        mixing = rng.standard_normal((N_ELECTRODES, len(waves)), np.float32)
        total += _at_level(mixing @ waves, baseline_wander)
    if mains > 0:
        angle = 2 * np.pi * (mains_frequency * time + rng.random())
        hum = np.sin(angle)
        if 3 * mains_frequency < sampling_rate / 2:
            hum = hum + 0.15 * np.sin(3 * angle + rng.uniform(0, 2 * np.pi))
        coupling = rng.standard_normal((N_ELECTRODES, 1), np.float32)
        total += coupling * _at_level(hum, mains)
    return total


def fibrillation(
    n_samples: int, sampling_rate: float, rng: np.random.Generator
) -> npt.NDArray[np.float64]:
    """Fibrillatory waves as a heart vector, shape (3, n_samples) in mV.

    A sawtooth of 4 to 8 Hz whose frequency and strength change, after Stridh and Sornmo (2001),
    doi:10.1109/10.900266. Departures: one source in three directions with a phase of its own
    each, strongest to the front (V1) and to the feet (II), and a frequency that also drifts at
    random.
    """
    time = np.arange(n_samples) / sampling_rate
    wander = np.sin(2 * np.pi * (rng.uniform(0.1, 0.3, 2)[:, None] * time + rng.random((2, 1))))
    phase = 2 * np.pi * rng.uniform(4.5, 7.5) * time + rng.uniform(1.5, 4.0, 2) @ wander
    strength = rng.uniform(0.03, 0.09) * (1 + 0.35 * wander[0] * wander[1])
    directions = np.array([0.35, 0.8, -1.0])
    offsets = rng.uniform(0, 2 * np.pi) + np.array([0.0, 0.9, 2.1]) * rng.uniform(0.5, 1.5)
    waves = np.zeros((3, n_samples))
    for harmonic, height in ((1, 1.0), (2, 0.45), (3, 0.2)):
        waves += height * np.sin(harmonic * (phase + offsets[:, None]))
    return np.asarray(directions[:, None] * strength * waves)
