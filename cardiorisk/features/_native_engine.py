"""The learned delineation engine: a small network sees all leads, their agreement decides."""

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.signal import butter, resample_poly, sosfiltfilt

from cardiorisk._validation import usable_leads
from cardiorisk.features._wave_net import (
    NET_RATE,
    WAVES,
    WaveNet,
    lead_places,
    shipped_net,
)
from cardiorisk.features.beat_detection import EDGE, find_beats
from cardiorisk.records import MARKS, STANDARD_LEADS, Delineation, ECGRecord

__all__ = ["Wave", "at_net_rate", "decode", "mark_waves", "net_input"]

Floats = npt.NDArray[np.float64]
Float32s = npt.NDArray[np.float32]

HIGH_PASS = 0.5  # Hz
LOW_PASS = 40.0  # Hz: peaks are looked for below
FLOOR = 0.02  # mV: added to a lead's scale, so that a nearly flat lead stays small
PART = 5000  # samples at the net's rate that are seen in one pass
MARGIN = 500  # samples seen on both sides of a part and then left to its neighbours
CERTAIN = 0.5  # mean probability of all leads, within a wave
GAP = 8  # samples: a shorter break is inside one wave
SHORTEST = {"P": 8, "QRS": 8, "T": 12}  # samples
REACH = 30  # samples: a lead's own edge lies at most so far from that of all leads
NEIGHBOURHOOD = 10.0  # s before and after a beat
LEAST_SHARE = 0.25  # of the beats there have a P wave, or all are ripples of fibrillation
TOGETHER = 0.150  # s between the two positions of one beat, ANSI/AAMI EC57
AGREEMENT = 0.7  # of both ways to find beats; periodic artefacts fool one of them
SHAPE_POINTS = 64  # positions on a wave among which its peak is chosen
NAMES = {
    "P": ("P_on", "P_peak", "P_off"),
    "QRS": ("QRS_on", "R_peak", "QRS_off"),
    "T": ("T_on", "T_peak", "T_off"),
}
POSITIVE_SHARE = 0.2  # of the negative deflection: from here on the positive one is the R wave


class Wave(NamedTuple):
    """All waves of one kind, in samples: of all leads (n_waves,), of each (n_leads, n_waves)."""

    onset: Floats
    offset: Floats
    lead_onset: Floats
    lead_offset: Floats

    @property
    def middle(self) -> Floats:
        """Middle of each wave, of all leads."""
        return np.asarray((self.onset + self.offset) / 2)

    def chosen(self, index: npt.NDArray[np.int64]) -> "Wave":
        """Waves by number, -1 for none: those are NaN."""
        absent = index < 0
        picked = []
        for values in self:
            taken = (
                values[..., index]
                if values.shape[-1]
                else np.zeros((*values.shape[:-1], len(index)))
            )
            picked.append(np.where(absent, np.nan, taken))
        return Wave(*picked)


def net_input(signal: npt.NDArray[np.floating]) -> Float32s:
    """Scale leads at the net's rate, (n_leads, n_samples) in mV, as the net was trained."""
    scale = np.percentile(np.abs(signal), 99, axis=1, keepdims=True) + FLOOR
    return np.asarray(signal / scale, dtype=np.float32)


def at_net_rate(signal: npt.NDArray[np.floating], sampling_rate: float) -> Floats:
    """Resample leads from a multiple of the net's rate, without baseline wander."""
    ratio = round(sampling_rate / NET_RATE)
    slower = resample_poly(signal, 1, ratio, axis=1, padtype="line")
    return _filtered(slower.astype(np.float64), HIGH_PASS, "highpass")


@cache
def _sections(cutoff: float, kind: str) -> Floats:
    return np.asarray(butter(2, cutoff, kind, fs=NET_RATE, output="sos"))


def _filtered(signal: npt.NDArray[np.floating], cutoff: float, kind: str) -> Floats:
    pad = min(int(NET_RATE), signal.shape[1] - 1)
    return np.asarray(sosfiltfilt(_sections(cutoff, kind), signal, axis=1, padlen=pad))


def _parts(n_samples: int) -> Iterator[tuple[slice, slice]]:
    """Tell what is seen, and which of it is kept, part by part."""
    for start in range(0, n_samples, PART):
        end = min(start + PART, n_samples)
        yield slice(max(start - MARGIN, 0), min(end + MARGIN, n_samples)), slice(start, end)


def _runs(certain: npt.NDArray[np.bool_], shortest: int) -> npt.NDArray[np.int64]:
    """First and last sample of each run, shape (n_runs, 2); breaks shorter than GAP are bridged."""
    change = np.flatnonzero(np.diff(certain.astype(np.int8), prepend=0, append=0))
    runs = change.reshape(-1, 2)
    if len(runs):
        apart = runs[1:, 0] - runs[:-1, 1] >= GAP
        runs = np.stack([runs[np.append(True, apart), 0], runs[np.append(apart, True), 1]], axis=1)
    return runs[runs[:, 1] - runs[:, 0] >= shortest] - np.array([0, 1])


def _crossing(
    probability: npt.NDArray[np.floating], inside: npt.NDArray[np.int64], step: int
) -> Floats:
    """Go outwards from ``inside`` to where the probability falls through a half.

    ``probability`` is (n_leads, n_samples); the result (n_leads, n_waves), between samples,
    NaN where a lead does not see the wave or never leaves it.
    """
    n = probability.shape[1]
    reach = np.arange(0, 2 * REACH + 1)
    index = np.clip(inside[:, None] + step * reach, 0, n - 1)
    values = probability[:, index]  # (n_leads, n_waves, reach)
    below = values < 0.5
    first = below.argmax(axis=2)
    seen = (first > 0) & below.any(axis=2)
    first = np.maximum(first, 1)
    high, low = (
        np.take_along_axis(values, k[..., None], axis=2)[..., 0] for k in (first - 1, first)
    )
    part = (high - 0.5) / np.where(seen, high - low, 1.0)
    return np.where(seen, inside + step * (first - 1 + part), np.nan)


def _edges(
    probability: Float32s, consensus: Floats, runs: npt.NDArray[np.int64], side: int
) -> tuple[Floats, Floats]:
    """Edge of all leads, and of each, on the side 0 (onset) or 1 (end)."""
    step = 1 if side else -1
    common = _crossing(consensus[None], runs[:, side], step)[0]
    common = np.where(np.isfinite(common), common, runs[:, side])
    length = runs[:, 1] - runs[:, 0]
    inside = runs[:, side] - step * np.minimum(REACH, length // 2)
    own = _crossing(probability, inside, step)
    near = np.abs(own - common) <= REACH
    return common, np.where(near, own, common)


def decode(probability: Float32s) -> dict[str, Wave]:
    """Turn probabilities, (3, n_leads, n_samples), into waves by name."""
    waves = {}
    for name, each in zip(WAVES, probability, strict=True):
        consensus = each.mean(axis=0, dtype=np.float64)
        runs = _runs(consensus > CERTAIN, SHORTEST[name])
        onset, own_onset = _edges(each, consensus, runs, 0)
        offset, own_offset = _edges(each, consensus, runs, 1)
        waves[name] = Wave(onset, offset, own_onset, own_offset)
    return waves


def _find_waves(signal: Floats, places: npt.NDArray[np.int64], net: WaveNet) -> dict[str, Wave]:
    """Waves of leads at the net's rate, in parts, so that memory stays bounded."""
    found: dict[str, list[Wave]] = {name: [] for name in WAVES}
    for seen, kept in _parts(signal.shape[1]):
        waves = decode(net.probability(net_input(signal[:, seen]), places))
        for name, wave in waves.items():
            middle = wave.middle + seen.start
            here = (middle >= kept.start) & (middle < kept.stop)
            found[name].append(Wave(*(values[..., here] + seen.start for values in wave)))
    return {name: _joined(parts) for name, parts in found.items()}


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


def _from_nearest(some: Floats, others: Floats) -> Floats:
    """Distance of each position from the nearest of the others, with its sign."""
    padded = np.concatenate([[-np.inf], others, [np.inf]])
    place = np.searchsorted(others, some)
    before, after = some - padded[place], some - padded[place + 1]
    return np.where(before < -after, before, after)


def _agree(seen: Floats, gate: Floats) -> bool:
    """Tell whether the network and the gate see the same rhythm, of at least two beats.

    The gate may sit on T in wide-QRS tachycardia: one distance for all beats does not count.
    """
    if len(seen) < 2:
        return False
    aligned = gate + np.median(_from_nearest(seen, gate))
    reach = TOGETHER * NET_RATE
    both = min(
        np.sum(np.abs(_from_nearest(seen, aligned)) <= reach),
        np.sum(np.abs(_from_nearest(aligned, seen)) <= reach),
    )
    return bool(2 * both >= AGREEMENT * (len(seen) + len(gate)))


def _on_wave(signal: Floats, onset: Floats, offset: Floats) -> tuple[Floats, Floats]:
    """Positions along each wave and the signal there, both (n_leads, n_waves, SHAPE_POINTS)."""
    along = np.linspace(0, 1, SHAPE_POINTS)
    place = onset[..., None] + (offset - onset)[..., None] * along
    known = np.where(np.isfinite(place), place, 0.0).clip(0, signal.shape[1] - 1.001)
    left = known.astype(int)
    lead = np.arange(len(signal))[:, None, None]
    share = known - left
    return place, (1 - share) * signal[lead, left] + share * signal[lead, left + 1]


def _peaks(signal: Floats, name: str, wave: Wave) -> Floats:
    """Peak of each lead's wave, (n_leads, n_waves)."""
    place, height = _on_wave(signal, wave.lead_onset, wave.lead_offset)
    if name == "QRS":
        height = height - height[..., :1]
        has_r = height.max(axis=2) >= -POSITIVE_SHARE * height.min(axis=2)
        index = np.where(has_r, height.argmax(axis=2), height.argmin(axis=2))
    else:
        line = height[..., :1] + np.linspace(0, 1, SHAPE_POINTS) * (
            height[..., -1:] - height[..., :1]
        )
        index = np.abs(height - line).argmax(axis=2)
    return np.asarray(np.take_along_axis(place, index[..., None], axis=2)[..., 0])


def _common_peak(signal: Floats, wave: Wave) -> Floats:
    """Where the vector of all leads is longest within QRS, (n_waves,)."""
    edges = (np.broadcast_to(edge, (len(signal), len(edge))) for edge in (wave.onset, wave.offset))
    place, height = _on_wave(signal, *edges)
    index = np.linalg.norm(height, axis=0).argmax(axis=1)
    return np.asarray(place[0][np.arange(len(index)), index])


def _lead_order(name: str) -> tuple[int, str]:
    known = name in STANDARD_LEADS
    return (STANDARD_LEADS.index(name) if known else len(STANDARD_LEADS), name)


def _marks(clean: Floats, waves: Mapping[str, Wave]) -> dict[str, Floats]:
    """Give the marks of every lead and, in the last row, of all leads, (n_leads + 1, n_beats)."""
    marks = {}
    for wave_name, (on, peak, off) in NAMES.items():
        wave = waves[wave_name]
        own = _peaks(clean, wave_name, wave)
        common = _common_peak(clean, wave) if wave_name == "QRS" else np.median(own, axis=0)
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
    :mod:`cardiorisk.features.beat_detection` must find beats, and by and large the same ones.

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
    if len(beats_of_gate):
        places = lead_places(record.lead_names[lead] for lead in order)
        found = _find_waves(signal, places, shipped_net() if net is None else net)
        seen = _by_beat(found, signal.shape[1])
        if _agree(seen["QRS"].middle, beats_of_gate.astype(np.float64)):
            waves = seen
    marks = _marks(_filtered(signal, LOW_PASS, "lowpass"), waves)
    step = record.sampling_rate / NET_RATE
    n_beats = len(waves["QRS"].onset)
    leads = [{name: np.full(n_beats, np.nan) for name in MARKS} for _ in record.lead_names]
    for row, lead in enumerate(order):
        leads[lead] = {name: marks[name][row] * step for name in MARKS}
    beats = {name: marks[name][-1] * step for name in MARKS}
    return Delineation(tuple(leads), beats, record.sampling_rate, record.lead_names)
