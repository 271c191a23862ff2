"""The usual beat of a record, from which waves are measured."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from cardiorisk._validation import in_lead_order, usable_leads
from cardiorisk.features.measurements.deflections import QRSWaves, qrs_waves
from cardiorisk.records import MARKS, STANDARD_LEADS, Delineation, ECGRecord

__all__ = ["AFTER", "LEVEL", "MedianBeat", "finite_median", "median_beat"]

Floats = npt.NDArray[np.float64]

LEVEL = 0.020  # s before QRS (before P) whose median is the zero of the waves
BEFORE, AFTER = 0.5, 0.8  # s around R that the median beat holds


@dataclass(frozen=True, eq=False)
class MedianBeat:
    """The usual beat of a record, and the beats that it is the median of.

    Parameters
    ----------
    signal : ndarray of shape (12, n_samples)
        In mV in the standard order of leads, zero at the level before QRS, NaN for a lead
        without signal.
    marks : mapping of str to float
        Positions in it, NaN for an absent wave.
    sampling_rate : float
        In Hz.
    beats : ndarray of shape (12, n_beats, n_samples), optional
        Every beat in the same form; NaN outside the record.
    """

    signal: Floats
    marks: Mapping[str, float]
    sampling_rate: float
    beats: Floats | None = None

    def span(self, start: str, end: str) -> slice:
        """Give the samples from one mark to another, both included; none where one is absent."""
        first, last = self.marks[start], self.marks[end]
        if not np.isfinite(first + last):
            return slice(0, 0)
        return slice(max(round(first), 0), max(round(last), 0) + 1)

    def piece(self, start: str, end: str) -> Floats:
        """Signal from one mark to another, (12, n)."""
        return self.signal[:, self.span(start, end)]

    def time_between(self, start: str, end: str) -> float:
        """Time from one mark to another in ms, NaN where one is absent."""
        return (self.marks[end] - self.marks[start]) / self.sampling_rate * 1000

    @cached_property
    def qrs(self) -> QRSWaves:
        """Deflections of QRS in the twelve leads."""
        return qrs_waves(self.piece("QRS_on", "QRS_off"), self.sampling_rate)

    @cached_property
    def p_wave(self) -> Floats:
        """Signal of P against the level before it, (12, n); no sample without P."""
        wave = self.piece("P_on", "P_off")
        if not wave.shape[1]:
            return wave
        end = max(round(self.marks["P_on"]), 1)
        start = max(end - round(LEVEL * self.sampling_rate), 0)
        return np.asarray(wave - np.median(self.signal[:, start:end], axis=1, keepdims=True))


def finite_median(values: Floats) -> float:
    """Median of what is finite, NaN of nothing."""
    finite = values[np.isfinite(values)]
    return float(np.median(finite)) if len(finite) else np.nan


def median_beat(record: ECGRecord, marks: Delineation) -> MedianBeat:
    """Median over beats of the signal around R, each beat levelled just before its QRS.

    A beat whose QRS onset is unknown is levelled at the usual distance before its R peak.
    """
    rate = record.sampling_rate
    usable = in_lead_order(record).astype(np.float64)
    usable[~np.isin(STANDARD_LEADS, np.array(record.lead_names)[usable_leads(record)])] = np.nan
    before, after, level = (round(seconds * rate) for seconds in (BEFORE, AFTER, LEVEL))
    padded = np.pad(usable, ((0, 0), (before, after)), constant_values=np.nan)
    peaks = marks.beats["R_peak"]
    onset = marks.beats["QRS_on"]
    onset = np.where(np.isfinite(onset), onset, peaks - finite_median(peaks - onset))
    onset = np.round(onset).astype(int) + before
    zero = np.median(padded[:, onset[:, None] + np.arange(-level, 0)], axis=2)
    centre = np.round(peaks).astype(int) + before
    pieces = padded[:, centre[:, None] + np.arange(-before, after + 1)] - zero[:, :, None]
    relative = {name: finite_median(marks.beats[name] - peaks) + before for name in MARKS}
    return MedianBeat(_median_of_finite(pieces), relative, rate, pieces)


def _median_of_finite(pieces: Floats) -> Floats:
    """Median over axis 1 without NaN; NaN, and no warning, where there is nothing else."""
    ranked = np.sort(pieces, axis=1)  # NaN come last
    count = np.isfinite(pieces).sum(axis=1)
    low, high = (np.maximum(index, 0) for index in ((count - 1) // 2, count // 2))
    pair = [np.take_along_axis(ranked, index[:, None], axis=1)[:, 0] for index in (low, high)]
    return np.where(count > 0, np.mean(pair, axis=0), np.nan)
