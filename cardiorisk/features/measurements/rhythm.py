"""Rate and regularity from the RR intervals."""

import numpy as np
import numpy.typing as npt

from cardiorisk.features.measurements.median_beat import MedianBeat
from cardiorisk.records import Delineation, ECGRecord

__all__ = ["cosen", "irregularity", "rhythm", "rr_intervals", "sample_entropy"]

Floats = npt.NDArray[np.float64]

BIN = 50.0  # ms: width of the classes whose Shannon entropy is taken
TOLERANCE = 0.2  # of the standard deviation: matches of the sample entropy
FIRST_RADIUS = 30.0  # ms: matches of the coefficient of sample entropy
FEWEST_MATCHES = 5  # its radius doubles until there are as many
FEWEST_RR = 5  # below, no entropy is given


def rr_intervals(marks: Delineation) -> Floats:
    """Give the times between R waves in ms, (n_beats - 1,)."""
    return np.asarray(np.diff(marks.beats["R_peak"]) / marks.sampling_rate * 1000)


def _share_with_p(marks: Delineation) -> float:
    """Share of beats with P, of those of which more is known than the R peak."""
    known = np.isfinite(marks.beats["QRS_on"])
    return float(np.mean(np.isfinite(marks.beats["P_peak"][known]))) if known.any() else np.nan


def rhythm(record: ECGRecord, marks: Delineation, beat: MedianBeat) -> dict[str, float]:
    """Rate and beat-to-beat change, in ms."""
    rr = rr_intervals(marks)
    change = np.diff(rr)
    several = len(change) > 0
    rmssd = float(np.sqrt(np.mean(change**2))) if several else np.nan
    return {
        "heart_rate": 60_000 / float(rr.mean()),
        "rr_mean": float(rr.mean()),
        "rr_median": float(np.median(rr)),
        "rr_min": float(rr.min()),
        "rr_max": float(rr.max()),
        "rr_sd": float(rr.std(ddof=1)) if several else np.nan,
        "rmssd": rmssd,
        "pnn50": 100 * float(np.mean(np.abs(change) > 50)) if several else np.nan,
        "rr_irregularity": rmssd / float(rr.mean()),
        "p_wave_share": 100 * _share_with_p(marks),
    }


def _matches(values: Floats, radius: float) -> tuple[int, int]:
    """Pairs of neighbours that match in one value, and in two values in a row.

    Both are counted among the same templates, those that have a next value.
    """
    # A sorted search keeps the cost of a long record low: pairs are counted, never stored.
    now, later = values[:-1], values[1:]
    order = np.argsort(now, kind="stable")
    now, later = now[order], later[order]
    end = np.searchsorted(now, now + radius, side="right")
    single = int((end - np.arange(len(now)) - 1).sum())
    double = 0
    for shift in range(1, int((end - np.arange(len(now))).max(initial=1))):
        pair = np.flatnonzero(end > np.arange(len(now)) + shift)
        double += int((np.abs(later[pair + shift] - later[pair]) <= radius).sum())
    return single, double


def sample_entropy(values: Floats, radius: float) -> float:
    """Sample entropy of order 1: minus the log share of matches that match in the next value.

    NaN where nothing matches twice. Richman and Moorman (2000),
    doi:10.1152/ajpheart.2000.278.6.H2039.

    Examples
    --------
    >>> round(sample_entropy(np.array([1.0, 2.0, 1.0, 2.0, 1.0, 2.0]), 0.1), 2)
    -0.0
    """
    single, double = _matches(values, radius)
    return float(-np.log(double / single)) if double else np.nan


def cosen(rr: Floats) -> float:
    """Coefficient of sample entropy of RR intervals in ms.

    ``SampEn(1, r) + ln(2 r) - ln(mean RR)``, r in ms doubled from 30 until five pairs match.
    Lake and Moorman (2011), doi:10.1152/ajpheart.00561.2010, who let r grow in steps of their
    choice. NaN where r would have to exceed the mean.

    Examples
    --------
    >>> round(cosen(np.full(12, 800.0)), 2)
    -2.59
    """
    radius = FIRST_RADIUS
    while radius <= rr.mean():
        single, double = _matches(rr, radius)
        if double >= FEWEST_MATCHES:
            return float(-np.log(double / single) + np.log(2 * radius) - np.log(rr.mean()))
        radius *= 2
    return np.nan


def _shannon(rr: Floats) -> float:
    """Shannon entropy in bits of RR intervals in classes around their median."""
    classes = np.round((rr - np.median(rr)) / BIN)
    share = np.unique(classes, return_counts=True)[1] / len(rr)
    return abs(float(-(share * np.log2(share)).sum()))


def irregularity(record: ECGRecord, marks: Delineation, beat: MedianBeat) -> dict[str, float]:
    """Entropies of the RR intervals and the axes of their Poincare plot."""
    rr = rr_intervals(marks)
    names = ("rr_entropy", "rr_sample_entropy", "rr_cosen")
    values = dict.fromkeys(names, np.nan)
    if len(rr) >= FEWEST_RR:
        radius = TOLERANCE * float(rr.std(ddof=1))
        entropies = (_shannon(rr), sample_entropy(rr, radius), cosen(rr))
        values = dict(zip(names, entropies, strict=True))
    sd1 = sd2 = np.nan
    if len(rr) > 2:
        now, later = rr[:-1], rr[1:]
        sd1, sd2 = (float((later + sign * now).std(ddof=1) / 2**0.5) for sign in (-1, 1))
    return values | {
        "poincare_sd1": sd1,
        "poincare_sd2": sd2,
        "poincare_ratio": sd1 / sd2 if sd2 > 0 else np.nan,
        "rr_cv": 100 * float(rr.std(ddof=1) / rr.mean()) if len(rr) > 1 else np.nan,
        "rr_max_to_median": float(rr.max() / np.median(rr)),
        "rr_min_to_median": float(rr.min() / np.median(rr)),
    }
