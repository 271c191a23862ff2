"""The learned delineation engine: a small network sees all leads, their agreement decides."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from cardiorisk._validation import usable_leads
from cardiorisk.features._lone_spikes import are_heartbeats
from cardiorisk.features._net_filters import decimated, filtered_twice
from cardiorisk.features._wave_decoding import Wave, decode
from cardiorisk.features._wave_net import (
    NET_RATE,
    WAVES,
    WaveNet,
    lead_places,
    shipped_net,
)
from cardiorisk.features._wave_peaks import common_peaks, lead_peaks
from cardiorisk.features.beat_detection import EDGE, find_beats, from_nearest
from cardiorisk.records import MARKS, STANDARD_LEADS, Delineation, ECGRecord

__all__ = ["at_net_rate", "mark_waves", "net_input"]

Floats = npt.NDArray[np.float64]
Float32s = npt.NDArray[np.float32]

HIGH_PASS = 0.5  # Hz
LOW_PASS = 40.0  # Hz: peaks are looked for below
LARGE = 0.99  # quantile of a lead's absolute values that the net sees as one
FLOOR = 0.02  # mV: added to a lead's scale, so that a nearly flat lead stays small
PART = 5000  # samples at the net's rate that are seen in one pass
MARGIN = 500  # samples seen on both sides of a part and then left to its neighbours
NEIGHBOURHOOD = 10.0  # s before and after a beat
LEAST_SHARE = 0.25  # of the beats there have a P wave, or all are ripples of fibrillation
TOGETHER = 0.150  # s between the two positions of one beat, ANSI/AAMI EC57
AGREEMENT = 0.7  # of both ways to find beats; periodic artefacts fool one (benchmarks/beat_gate.py)
NAMES = {
    "P": ("P_on", "P_peak", "P_off"),
    "QRS": ("QRS_on", "R_peak", "QRS_off"),
    "T": ("T_on", "T_peak", "T_off"),
}


def net_input(signal: npt.NDArray[np.floating]) -> Float32s:
    """Scale leads at the net's rate, (n_leads, n_samples) in mV, as the net was trained."""
    single = signal.astype(np.float32)
    place, share = divmod(LARGE * (signal.shape[1] - 1), 1)
    around = [int(place), min(int(place) + 1, signal.shape[1] - 1)]
    low, high = np.partition(np.abs(single), around, axis=1)[:, around].T[..., None]
    return np.asarray(single / (low + np.float32(share) * (high - low) + np.float32(FLOOR)))


def at_net_rate(signal: npt.NDArray[np.floating], sampling_rate: float) -> Floats:
    """Resample leads from a multiple of the net's rate, without baseline wander."""
    slower = decimated(signal, round(sampling_rate / NET_RATE))
    return _filtered(slower, HIGH_PASS, "highpass")


def _filtered(signal: Floats, cutoff: float, kind: str) -> Floats:
    return filtered_twice(signal, cutoff, kind, NET_RATE, int(NET_RATE))


def _parts(n_samples: int) -> Iterator[tuple[slice, slice]]:
    """Tell what is seen, and which of it is kept, part by part."""
    for start in range(0, n_samples, PART):
        end = min(start + PART, n_samples)
        yield slice(max(start - MARGIN, 0), min(end + MARGIN, n_samples)), slice(start, end)


def _find_waves(signal: Floats, places: npt.NDArray[np.int64], net: WaveNet) -> dict[str, Wave]:
    """Waves of leads at the net's rate, in parts, so that memory stays bounded."""
    found: dict[str, list[Wave]] = {name: [] for name in WAVES}
    for seen, kept in _parts(signal.shape[1]):
        waves = decode(net.probability(net_input(signal[:, seen]), places))
        for name, wave in waves.items():
            middle = wave.middle + seen.start
            here = (middle >= kept.start) & (middle < kept.stop)
            found[name].append(Wave(*(values[..., here] + seen.start for values in wave)))
    return {name: _joined(parts) if len(parts) > 1 else parts[0] for name, parts in found.items()}


def _joined(parts: Sequence[Wave]) -> Wave:
    """Join the waves of all parts; one on a border may have been seen from both sides."""
    wave = Wave(*(np.concatenate(values, axis=-1) for values in zip(*parts, strict=True)))
    follows = wave.onset > np.concatenate([[-np.inf], wave.offset[:-1]])
    return Wave(*(values[..., follows] for values in wave))


def _neighbours(waves: Mapping[str, Wave]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Find the number of each QRS complex's own P wave and T wave, -1 for none.

    The P wave is the last one since the QRS complex before, the T wave the first one after.
    """
    p, qrs, t = (waves[name].middle for name in ("P", "QRS", "T"))
    p_index = np.searchsorted(p, qrs) - 1
    since = np.append(p, -np.inf)[p_index] > np.concatenate([[-np.inf], qrs[:-1]])
    t_index = np.searchsorted(t, qrs)
    until = np.append(t, np.inf)[t_index] < np.append(qrs[1:], np.inf)
    return np.where(since & (p_index >= 0), p_index, -1), np.where(until, t_index, -1)


def _regular(present: npt.NDArray[np.bool_], middle: Floats) -> npt.NDArray[np.bool_]:
    """Tell which beats are among beats of which enough have the wave."""
    window = NEIGHBOURHOOD * NET_RATE
    first, last = (np.searchsorted(middle, middle + side) for side in (-window, window))
    count = np.concatenate([[0], np.cumsum(present)])
    return np.asarray(count[last] - count[first] >= LEAST_SHARE * (last - first))


def _by_beat(waves: Mapping[str, Wave], n_samples: int) -> dict[str, Wave]:
    """Give each whole QRS complex the P wave before it and the T wave after it."""
    p_index, t_index = _neighbours(waves)
    middle, edge = waves["QRS"].middle, EDGE * NET_RATE
    whole = np.flatnonzero((middle > edge) & (middle < n_samples - 1 - edge))
    p_index, t_index = p_index[whole], t_index[whole]
    p_index = np.where(_regular(p_index >= 0, middle[whole]), p_index, -1)
    return {
        "P": waves["P"].chosen(p_index),
        "QRS": waves["QRS"].chosen(whole),
        "T": waves["T"].chosen(t_index),
    }


def _agreement(seen: Floats, gate: Floats) -> float:
    """Share of the beats that network and gate both see, 0 of fewer than two.

    The gate may sit on T in wide-QRS tachycardia: one distance for all beats does not count.
    """
    if len(seen) < 2:
        return 0.0
    aligned = gate + np.median(from_nearest(seen, gate))
    reach = TOGETHER * NET_RATE
    both = min(
        np.sum(np.abs(from_nearest(seen, aligned)) <= reach),
        np.sum(np.abs(from_nearest(aligned, seen)) <= reach),
    )
    return float(2 * both / (len(seen) + len(gate)))


def _lead_order(name: str) -> tuple[int, str]:
    known = name in STANDARD_LEADS
    return (STANDARD_LEADS.index(name) if known else len(STANDARD_LEADS), name)


def _marks(clean: Floats, waves: Mapping[str, Wave]) -> dict[str, Floats]:
    """Give the marks of every lead and, in the last row, of all leads, (n_leads + 1, n_beats)."""
    marks = {}
    for wave_name, (on, peak, off) in NAMES.items():
        wave = waves[wave_name]
        is_qrs = wave_name == "QRS"
        own = lead_peaks(clean, wave.lead_onset, wave.lead_offset, is_qrs=is_qrs)
        if is_qrs:
            common = common_peaks(clean, wave.onset, wave.offset)
        else:
            common = np.median(own, axis=0)
        marks[on] = np.vstack([wave.lead_onset, wave.onset])
        marks[peak] = np.vstack([own, np.clip(common, wave.onset, wave.offset)])
        marks[off] = np.vstack([wave.lead_offset, wave.offset])
    # A lead that takes one edge from all leads and the next from itself may have them cross.
    for before, after in pairwise(("QRS_on", "P_off", "P_peak", "P_on")):
        marks[after] = np.minimum(marks[after], marks[before])
    for before, after in pairwise(("QRS_off", "T_on", "T_peak", "T_off")):
        marks[after] = np.maximum(marks[after], marks[before])
    return marks


def mark_waves(record: ECGRecord, net: WaveNet | None = None) -> Delineation:
    """Mark the waves of a record without fatal problems.

    The network of :mod:`cardiorisk.features._wave_net` gives every sample of every lead its
    probability to belong to P, to QRS and to T. A wave is where the mean of all leads exceeds a
    half; its edges in a lead are where that lead's own probability falls through a half, or
    those of all leads where the lead does not see the wave. A network sees waves in noise too:
    :mod:`cardiorisk.features.beat_detection` must find beats, and by and large the same ones, and
    they must be more than a pacemaker's spikes.

    Parameters
    ----------
    record : ECGRecord
        In mV, at a multiple of 250 Hz.
    net : WaveNet, optional
        That of the package unless given.

    Returns
    -------
    delineation : Delineation
        Zero beats where the signal looks like noise.
    """
    usable = np.flatnonzero(usable_leads(record))
    # One order of leads, whatever the file's: sums over leads then agree to the last bit.
    order = sorted(usable, key=lambda lead: _lead_order(record.lead_names[lead]))
    signal = at_net_rate(record.signal[order], record.sampling_rate)
    empty = np.empty((len(order), 0))
    waves = dict.fromkeys(WAVES, Wave(empty[0], empty[0], empty, empty))
    beats_of_gate = find_beats(signal, NET_RATE).positions
    step = round(record.sampling_rate / NET_RATE)
    if are_heartbeats(record.signal[order], step * beats_of_gate, record.sampling_rate):
        places = lead_places(record.lead_names[lead] for lead in order)
        found = _find_waves(signal, places, shipped_net() if net is None else net)
        seen = _by_beat(found, signal.shape[1])
        if _agreement(seen["QRS"].middle, beats_of_gate.astype(np.float64)) >= AGREEMENT:
            waves = seen
    marks = _marks(_filtered(signal, LOW_PASS, "lowpass"), waves)
    n_beats = len(waves["QRS"].onset)
    marks = {name: marks[name] * step for name in MARKS}
    of_row = [dict(zip(marks, rows, strict=True)) for rows in zip(*marks.values(), strict=True)]
    leads: list[dict[str, Floats]] = [{} for _ in record.lead_names]
    for lead, row in zip(order, of_row, strict=False):  # the last row is of all leads
        leads[lead] = row
    for unseen in set(range(len(leads))) - set(order):
        leads[unseen] = {name: np.full(n_beats, np.nan) for name in MARKS}
    return Delineation(tuple(leads), of_row[-1], record.sampling_rate, record.lead_names)
