"""The first delineation engine: NeuroKit2 finds P and T, the steepness of all leads their edges."""

import warnings
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from cardiorisk._optional import require
from cardiorisk._validation import usable_leads
from cardiorisk.features._lone_spikes import are_heartbeats
from cardiorisk.features.beat_detection import band_pass, find_beats
from cardiorisk.features.wave_edges import P_WAVE, T_WAVE, qrs_edges, wave_edges
from cardiorisk.records import MARKS, STANDARD_LEADS, Delineation, ECGRecord

__all__ = ["mark_waves"]

Floats = npt.NDArray[np.float64]
Positions = npt.NDArray[np.int64]
Marks = dict[str, Floats]

PASS_BAND = (0.5, 40.0)  # Hz
POSITIVE_SHARE = 0.2  # of the negative deflection: from here on the positive one is the R wave
TOLERANCE = {"P_peak": 0.040, "T_peak": 0.060}  # s off the median of leads: another deflection
PR_STEADY = 0.020  # s: conducted P waves keep this distance from the record's usual P to R
PR_STEADY_SHARE = 0.6  # of the beats; fewer, and the record has no P waves that are conducted
DUE = 0.8  # of the usual RR after the last R: what peaks later is a beat that the end cuts off
PAD = 1.0  # s of constant signal between leads that are marked in one call
MAX_SAMPLES = 200_000  # a call: NeuroKit2 keeps ten columns of this length
NEUROKIT_NAMES = {"P_peak": "ECG_P_Peaks", "T_peak": "ECG_T_Peaks"}


def mark_waves(record: ECGRecord) -> Delineation:
    """Mark the waves of a record without fatal problems.

    Beats are found once (:mod:`cardiorisk.features.beat_detection`). The peaks of P and T come
    from NeuroKit2's prominence method in every lead; the median of the leads is their consensus.
    All edges come from the steepness of all leads together
    (:mod:`cardiorisk.features.wave_edges`), so that they are the same in every lead.

    Departures from the prominence method of Emrich et al. (2024):

    * beats are shared between leads, and all leads are marked in one call;
    * its edges are not used: those of QRS sit on the troughs of Q and S, 44 ms too narrow on
      LUDB, and those of P and T at a fixed distance from the peak;
    * a lead whose P (T) lies more than 40 (60) ms from the median of the leads takes the median;
    * P waves count only where their distance to R is steady over the record, as atrial
      fibrillation always leaves something prominent before a QRS complex.

    Parameters
    ----------
    record : ECGRecord
        At 500 Hz, in mV.

    Returns
    -------
    delineation : Delineation
        Zero beats where the signal looks like noise.

    References
    ----------
    Emrich et al. (2024), EUSIPCO, pp. 1402-1406 (prominence method).
    Makowski et al. (2021), Behav Res 53:1689, doi:10.3758/s13428-020-01516-y (NeuroKit2).
    """
    rate = record.sampling_rate
    usable = np.flatnonzero(usable_leads(record))
    # One order of leads, whatever the file's: sums over leads then agree to the last bit.
    order = sorted(usable, key=lambda lead: _lead_order(record.lead_names[lead]))
    signal = record.signal[order].astype(np.float64)
    beats = find_beats(signal, rate).positions
    if not are_heartbeats(signal, beats, rate):
        beats = beats[:0]
    clean = band_pass(signal, rate, PASS_BAND)[0]
    found = prominent_peaks(clean, beats, rate)
    consensus = {name: agree(found, name, rate) for name in NEUROKIT_NAMES}
    consensus["R_peak"] = beats.astype(float)
    consensus["QRS_on"], consensus["QRS_off"] = qrs_edges(clean, beats, rate)
    _drop_unfit_peaks(consensus, rate)
    _add_edges(consensus, clean, rate)
    found["R_peak"] = r_peaks(clean, consensus["QRS_on"], consensus["QRS_off"])
    leads: list[Marks] = [
        {name: np.full(len(beats), np.nan) for name in MARKS} for _ in record.lead_names
    ]
    for row, lead in enumerate(order):
        leads[lead] = _one_lead(consensus, {name: found[name][row] for name in found})
    return Delineation(
        tuple(leads), {name: consensus[name] for name in MARKS}, rate, record.lead_names
    )


def _lead_order(name: str) -> tuple[int, str]:
    known = name in STANDARD_LEADS
    return (STANDARD_LEADS.index(name) if known else len(STANDARD_LEADS), name)


def r_peaks(clean: Floats, onset: Floats, offset: Floats) -> Floats:
    """Largest positive deflection of a lead's QRS, or its nadir where it has no R wave."""
    peaks = np.empty((len(clean), len(onset)))
    for beat, (start, end) in enumerate(zip(onset.astype(int), offset.astype(int), strict=True)):
        piece = clean[:, start : end + 1] - clean[:, [start]]
        has_r = piece.max(axis=1) >= -POSITIVE_SHARE * piece.min(axis=1)
        peaks[:, beat] = start + np.where(has_r, piece.argmax(axis=1), piece.argmin(axis=1))
    return peaks


def _parts(n_leads: int, n_samples: int) -> Iterator[slice]:
    size = max(MAX_SAMPLES // n_samples, 1)
    for start in range(0, n_leads, size):
        yield slice(start, min(start + size, n_leads))


def prominent_peaks(clean: Floats, beats: Positions, rate: float) -> Marks:
    """NeuroKit2's P and T peaks, each of shape (n_leads, n_beats)."""
    n_samples = clean.shape[1]
    peaks = {name: np.full((len(clean), len(beats)), np.nan) for name in NEUROKIT_NAMES}
    for part in _parts(*clean.shape) if len(beats) > 1 else ():
        for name, found in _call_neurokit(clean[part], beats, rate).items():
            peaks[name][part] = np.where((found >= 0) & (found < n_samples), found, np.nan)
    return peaks


def _call_neurokit(clean: Floats, beats: Positions, rate: float) -> Marks:
    """Mark several leads in one call, one after the other with constant signal in between."""
    neurokit = require("neurokit2", extra="ecg")
    pad = round(PAD * rate)
    row = np.pad(clean, ((0, 0), (pad, pad)), mode="edge")
    starts = pad + row.shape[1] * np.arange(len(clean))[:, None]
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")  # "some peaks have a prominence of 0"
        _, found = neurokit.ecg_delineate(
            row.ravel(), (beats + starts).ravel(), sampling_rate=int(rate), method="prominence"
        )
    return {
        name: np.asarray(found[theirs], float).reshape(len(clean), -1) - starts
        for name, theirs in NEUROKIT_NAMES.items()
    }


def _median(values: Floats) -> Floats:
    """Median over leads, NaN and silent where no lead has a value."""
    filled = np.isfinite(values).any(axis=0)
    out = np.full(values.shape[1], np.nan)
    out[filled] = np.nanmedian(values[:, filled], axis=0)
    return out


def agree(found: Marks, name: str, rate: float) -> Floats:
    """Consensus of the leads on one peak, shape (n_beats,).

    ``found[name]`` is changed in place: a lead that marked something else, or nothing, takes
    the consensus.
    """
    same = np.abs(found[name] - _median(found[name])) <= TOLERANCE[name] * rate
    consensus = _median(np.where(same, found[name], np.nan))
    found[name] = np.where(same, found[name], consensus)
    return consensus


def _drop_unfit_peaks(marks: Marks, rate: float) -> None:
    """Take away P waves that do not keep their distance to R, and T waves inside a QRS."""
    distance = (marks["R_peak"] - marks["P_peak"]) / rate
    if np.isfinite(distance).any():
        deviation = np.abs(distance - np.nanmedian(distance))
        steady = np.mean(deviation <= PR_STEADY) >= PR_STEADY_SHARE
        fits = steady & (deviation <= TOLERANCE["P_peak"]) & (marks["P_peak"] < marks["QRS_on"])
        marks["P_peak"] = np.where(fits, marks["P_peak"], np.nan)
    next_due = np.full(len(marks["R_peak"]), np.inf)
    if len(next_due) > 1:  # only the last beat has no beat after it that bounds its T wave
        next_due[-1] = marks["R_peak"][-1] + DUE * np.median(np.diff(marks["R_peak"]))
    fits = (marks["T_peak"] > marks["QRS_off"]) & (marks["T_peak"] < next_due)
    marks["T_peak"] = np.where(fits, marks["T_peak"], np.nan)


def _add_edges(marks: Marks, clean: Floats, rate: float) -> None:
    """Add the edges of P and T: no wave reaches into its neighbours."""
    p_step, t_step = round(P_WAVE.step * rate), round(T_WAVE.step * rate)
    last_end = np.concatenate([[0.0], marks["QRS_off"][:-1]])
    p_room = (last_end + p_step, marks["QRS_on"] - p_step)
    marks["P_on"], marks["P_off"] = wave_edges(clean, marks["P_peak"], p_room, rate, P_WAVE)
    next_start = np.fmin(marks["P_on"], marks["QRS_on"] - t_step)
    t_room = (marks["QRS_off"] + t_step, np.append(next_start[1:], clean.shape[1]))
    marks["T_on"], marks["T_off"] = wave_edges(clean, marks["T_peak"], t_room, rate, T_WAVE)


def _one_lead(consensus: Marks, own: Marks) -> Marks:
    """Give one lead its own peaks, kept between the edges of all leads."""
    marks = {name: np.array(consensus[name]) for name in MARKS}
    marks["R_peak"] = own["R_peak"]
    for wave in ("P", "T"):
        onset, peak, end = (consensus[f"{wave}_{part}"] for part in ("on", "peak", "off"))
        # Where an edge is not known, the consensus is as far as a lead may go.
        low, high = np.fmin(onset, peak), np.fmax(end, peak)
        marks[f"{wave}_peak"] = np.clip(own[f"{wave}_peak"], low, high)
    return marks
