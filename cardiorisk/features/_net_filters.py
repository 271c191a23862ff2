"""The filters before the network: the same answers as scipy's, for all leads in one loop."""

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.signal import butter, firwin, lfilter_zi

from cardiorisk._compiled import compiled

__all__ = ["decimated", "filtered_twice"]

Floats = npt.NDArray[np.float64]

REACH = 10  # output samples on either side that the filter before decimation sees
KAISER = 5.0  # shape of its window; both as scipy.signal.resample_poly has them


def decimated(signal: npt.NDArray[np.floating], ratio: int) -> Floats:
    """Keep every so many samples of (n_leads, n_samples), below the new half rate.

    Gives what ``scipy.signal.resample_poly(signal, 1, ratio, padtype="line")`` does: beyond its
    ends the signal goes on along the line through its first and last sample.
    """
    if ratio == 1:
        return signal.astype(np.float64)
    out = np.empty((len(signal), -(-signal.shape[1] // ratio)))
    _decimate()(np.ascontiguousarray(signal), _taps(ratio), ratio, out)
    return out


@cache
def _taps(ratio: int) -> Floats:
    taps = firwin(2 * REACH * ratio + 1, 1 / ratio, window=("kaiser", KAISER))
    return np.where(np.abs(taps) > 1e-12, taps, 0.0)  # every ratio-th one is zero but for rounding


@cache
def _decimate() -> Callable[..., None]:
    def decimate(signal: Any, taps: Any, ratio: Any, out: Any) -> None:
        n, reach, n_out = signal.shape[1], len(taps) // 2, out.shape[1]
        flat = np.zeros((n_out + len(taps) // ratio + 1) * ratio)
        phases = np.empty((ratio, len(flat) // ratio))
        for lead in range(signal.shape[0]):
            row, start = signal[lead], np.float64(signal[lead, 0])
            slope = (row[n - 1] - start) / max(n - 1, 1)
            for place in range(n):
                flat[reach + place] = row[place] - (start + slope * place)
            for phase in range(ratio):
                for place in range(phases.shape[1]):
                    phases[phase, place] = flat[place * ratio + phase]
            total = out[lead]
            for place in range(n_out):
                total[place] = start + slope * place * ratio
            for tap in range(len(taps)):
                if taps[tap] != 0:
                    factor, piece = taps[tap], phases[tap % ratio, tap // ratio :]
                    for place in range(n_out):
                        total[place] += factor * piece[place]

    return compiled(decimate, fastmath=True)


def filtered_twice(
    signal: Floats, cutoff: float, kind: str, sampling_rate: float, padding: int
) -> Floats:
    """Run a Butterworth filter of second order forwards and backwards over (n_leads, n_samples).

    Gives what ``scipy.signal.sosfiltfilt`` does: ``padding`` samples beyond each end are the
    signal turned around it, and the filter begins as if the first of them had always been there.
    """
    pad = min(padding, signal.shape[1] - 1)
    before = 2 * signal[:, :1] - signal[:, pad:0:-1]
    after = 2 * signal[:, -1:] - signal[:, -2 : -pad - 2 : -1]
    # Leads side by side, so that one step of the loop filters all of them.
    samples = np.ascontiguousarray(np.concatenate([before, signal, after], axis=1).T)
    for backwards in (False, True):
        _run()(samples, *_coefficients(cutoff, kind, sampling_rate), backwards)
    return np.ascontiguousarray(samples[pad : pad + signal.shape[1]].T)


@cache
def _coefficients(cutoff: float, kind: str, sampling_rate: float) -> tuple[Floats, Floats, Floats]:
    b, a = butter(2, cutoff, kind, fs=sampling_rate)
    return np.asarray(b), np.asarray(a), np.asarray(lfilter_zi(b, a))


@cache
def _run() -> Callable[..., None]:
    def run(samples: Any, b: Any, a: Any, start: Any, backwards: Any) -> None:
        n, n_leads = samples.shape
        first, step = (n - 1, -1) if backwards else (0, 1)
        one, two = start[0] * samples[first], start[1] * samples[first]
        for place in range(n):
            row = samples[first + step * place]
            for lead in range(n_leads):
                old = row[lead]
                new = b[0] * old + one[lead]
                one[lead] = b[1] * old - a[1] * new + two[lead]
                two[lead] = b[2] * old - a[2] * new
                row[lead] = new

    return compiled(run)
