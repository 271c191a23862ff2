"""Tell which beats of a long record are probably noise: too many, faint, narrow and unlike."""

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
import numpy.typing as npt
from scipy.ndimage import median_filter

from cardiorisk.features.beat_detection import (
    BEAT_BAND,
    QRS_BAND,
    QRS_WINDOW,
    REFRACTORY,
    SHAPE,
    Floats,
    band_pass,
    beat_shapes,
    pieces_around,
    qrs_energy,
)

__all__ = ["beat_evidence", "stray_beats"]

BEATS_AROUND = 21  # beats whose median is usual
FEWEST = 30  # beats: fewer do not tell what is usual
KIN = 250  # beats that one beat is compared with
WEIGHTS: Mapping[str, float] = MappingProxyType(
    {"rhythm": 4.63, "height": 2.4, "likeness": 7.2, "width": 2.71, "constant": -11.1}
)
"""Logistic regression on the first leads of eight MIT-BIH records, by
``benchmarks/beat_detection.py``, which also scores it on records that it was not fitted to."""


def apart(positions: Floats, height: Floats, sampling_rate: float) -> npt.NDArray[np.bool_]:
    """Keep the higher of two beats that are closer than the heart can follow itself."""
    kept = np.ones(len(positions), bool)
    least = REFRACTORY * sampling_rate
    for beat in np.argsort(-height, kind="stable"):
        if kept[beat]:
            first, last = np.searchsorted(positions, positions[beat] + np.array([-least, least]))
            kept[first + 1 : last] = False
            kept[first] &= positions[first] <= positions[beat] - least
            kept[beat] = True
    return kept


def _likeness(signal: Floats, positions: npt.NDArray[np.int64], sampling_rate: float) -> Floats:
    """Upper quartile of a beat's correlations with others, each moved to fit best, (n_beats,)."""
    half_width = round(SHAPE * sampling_rate)
    kin = beat_shapes(signal, positions[:: -(-len(positions) // KIN)], half_width)
    reach, step = round(0.032 * sampling_rate), max(round(0.008 * sampling_rate), 1)
    best = np.full((len(positions), len(kin)), -1.0, np.float32)
    for lag in range(-reach, reach + 1, step):
        np.maximum(best, beat_shapes(signal, positions + lag, half_width) @ kin.T, out=best)
    return np.asarray(np.quantile(best, 0.75, axis=1))


def beat_evidence(
    signal: Floats, positions: Floats, widths: Floats, sampling_rate: float
) -> tuple[npt.NDArray[np.int64], dict[str, Floats]]:
    """Say what speaks for each beat that is far enough from its neighbours.

    Parameters
    ----------
    signal : ndarray, shape (n_leads, n_samples)
    positions : ndarray, shape (n_beats,)
        Of the R peaks, in samples.
    widths : ndarray, shape (n_beats,)
        Of the QRS complexes, in samples; NaN, where unknown, counts as the usual width.
    sampling_rate : float
        In Hz.

    Returns
    -------
    beats : ndarray of int
        Number of each beat that is not within ``REFRACTORY`` of a higher one.
    evidence : dict of ndarray
        ``rhythm``: both its RR intervals together over the usual one, 2 at most 2.2; ``height``:
        logarithm of its energy in the QRS band over the usual one; ``likeness``: upper quartile
        of its correlations with other beats; ``width`` over ``QRS_WINDOW``.
    """
    banded, clean = band_pass(signal, sampling_rate, QRS_BAND, BEAT_BAND)
    at, reach = np.rint(positions).astype(np.int64), round(0.8 * QRS_WINDOW * sampling_rate)
    height = pieces_around(qrs_energy(banded, sampling_rate)[None], at, -reach, reach).max((1, 2))
    height = height / np.maximum(median_filter(height, BEATS_AROUND, mode="nearest"), 1e-9)
    beats = np.flatnonzero(apart(positions, height, sampling_rate))
    interval = np.diff(positions[beats])
    interval = np.pad(interval, 1, mode="edge")
    usual = median_filter(interval, BEATS_AROUND, mode="nearest")[:-1]
    clean = clean / np.maximum(clean.std(axis=1, keepdims=True), np.finfo(np.float32).tiny)
    return beats, {
        "rhythm": np.minimum((interval[1:] + interval[:-1]) / usual, 2.2),
        "height": np.log(np.maximum(height[beats], 0.05)),
        "likeness": _likeness(clean, at[beats], sampling_rate),
        "width": np.where(np.isfinite(widths), widths, np.nanmedian(widths))[beats]
        / (QRS_WINDOW * sampling_rate),
    }


def stray_beats(
    signal: Floats, positions: Floats, widths: Floats, sampling_rate: float
) -> npt.NDArray[np.bool_]:
    """Tell which beats are probably noise, (n_beats,); none where there are few beats.

    A beat is stray within ``REFRACTORY`` of a higher one, or where a logistic regression on its
    evidence says so: without it the rhythm would be regular, and it is faint, narrow and unlike
    the others. Parameters are those of :func:`beat_evidence`.
    """
    stray = np.zeros(len(positions), bool)
    if len(positions) < FEWEST:
        return stray
    beats, evidence = beat_evidence(signal, positions, widths, sampling_rate)
    score = sum(WEIGHTS[name] * values for name, values in evidence.items()) + WEIGHTS["constant"]
    stray[:] = True
    stray[beats] = score < 0
    return stray
