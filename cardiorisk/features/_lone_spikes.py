"""Tell heartbeats from spikes of a pacemaker that none follows.

A needle of a few milliseconds that repeats looks like a beat to every filter that is made for
beats. It differs in two ways: without the 16 ms around it hardly anything is left of the beat's
steepness, and the mean of what follows the spikes is no steeper than noise. Of QRS complexes as
narrow as a newborn's a third is left; paced ones stand out of the mean, in which noise falls with
the root of the number of beats.
"""

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from cardiorisk._compiled import compiled
from cardiorisk.features.beat_detection import pieces_around

__all__ = ["are_heartbeats"]

Floats = npt.NDArray[np.floating]
Positions = npt.NDArray[np.int64]

NEEDLE = 0.008  # s: on either side of the middle of a spike, as recorders smear it
AFTERMATH = 0.048  # s: the same, with its charge and what filters make of it
NEAR = 0.088  # s: on either side of a beat, holds its steepest part
RESPONSE = (-0.140, 0.400)  # s: around a spike, holds the QRS complex that it leads to
SEARCH = 0.048  # s: how far the needle is from a beat's position at most
SLOPE = 0.020  # s: over which steepness is measured
# The limits; benchmarks/beat_gate.py counts what they refuse.
NARROW = 0.25  # of a beat's steepness is left without its needle
FAINT = 3.5  # times the steepness that noise leaves in the mean response is reached
USUAL = 0.75  # quantile of a record's steepness that counts as noise
MOST = 16  # beats whose mean has less noise; what else repeats does not fall with more


def _steepest(pieces: Floats, step: int) -> Floats:
    """Steepest place of each beat, all leads together, (n_beats,)."""
    squares = np.zeros(len(pieces))
    _fill_squares()(pieces, step, squares)
    return np.sqrt(squares)


@cache
def _fill_squares() -> Callable[..., None]:
    def fill(pieces: Any, step: Any, squares: Any) -> None:
        for beat in range(len(pieces)):
            for start in range(pieces.shape[2] - step):
                total = 0.0
                for lead in range(pieces.shape[1]):
                    rise = pieces[beat, lead, start + step] - pieces[beat, lead, start]
                    total += rise * rise
                squares[beat] = max(squares[beat], total)

    return compiled(fill)


def bridged(pieces: Floats, middle: int, search: int, half_width: int) -> tuple[Floats, Positions]:
    """Replace the sharpest place of each beat by a straight line.

    Parameters
    ----------
    pieces : ndarray, shape (n_beats, n_leads, n_samples)
    middle, search : int
        Where the sharpest place is looked for, in samples: this far on either side of the middle.
    half_width : int
        How long the line is on either side.

    Returns
    -------
    pieces : ndarray, shape (n_beats, n_leads, n_samples)
    places : ndarray of int, shape (n_beats,)
    """
    result, places = pieces.copy(), np.full(len(pieces), middle)
    _fill_bridges()(result, middle, search, half_width, places)
    return result, places


@cache
def _fill_bridges() -> Callable[..., None]:
    def fill(pieces: Any, middle: Any, search: Any, half_width: Any, places: Any) -> None:
        for beat in range(len(pieces)):
            sharpest = -1.0
            for place in range(middle - search, middle + search + 1):
                total = 0.0
                for lead in range(pieces.shape[1]):
                    around = pieces[beat, lead, place - half_width : place + half_width + 1]
                    total += abs(2 * around[half_width] - around[0] - around[-1])
                if total > sharpest:
                    sharpest, places[beat] = total, place
            first = places[beat] - half_width
            for lead in range(pieces.shape[1]):
                line = pieces[beat, lead, first : first + 2 * half_width + 1]
                for sample in range(1, 2 * half_width):
                    line[sample] = line[0] + (line[-1] - line[0]) * sample / (2 * half_width)

    return compiled(fill)


def are_heartbeats(signal: Floats, positions: Positions, sampling_rate: float) -> bool:
    """Tell whether what repeats is more than a needle; false where nothing does.

    Parameters
    ----------
    signal : ndarray, shape (n_leads, n_samples)
        In mV, not smoothed.
    positions : ndarray of int, shape (n_beats,)
        Where beats seem to be.
    sampling_rate : float
        In Hz. Slow recorders make a spike as wide as a QRS complex, which is not told.
    """
    if not len(positions):
        return False
    step, half_width, near, search, aftermath = (
        max(round(seconds * sampling_rate), 1)
        for seconds in (SLOPE, NEEDLE, NEAR, SEARCH, AFTERMATH)
    )
    pieces = pieces_around(signal, positions, -near, near)
    without, places = bridged(pieces, near, search, half_width)
    needle = _steepest(without, step) < NARROW * _steepest(pieces, step)
    if 2 * needle.sum() <= len(positions):
        return True
    first, last = (round(seconds * sampling_rate) for seconds in RESPONSE)
    response = pieces_around(signal, (positions + places - near)[needle], first, last)
    response, _ = bridged(response, -first, 0, aftermath)
    rise = signal[:, step:] - signal[:, :-step]
    usual = np.sqrt(np.quantile(np.einsum("ls,ls->s", rise, rise), USUAL))
    mean = response.mean(axis=0, keepdims=True)
    return bool(_steepest(mean, step)[0] > FAINT * usual / np.sqrt(min(len(response), MOST)))
