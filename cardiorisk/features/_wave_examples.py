"""What the network of the learned delineation engine learns from: LUDB's marks, simulated ECGs."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from cardiorisk.datasets import make_ecg
from cardiorisk.features._native_engine import at_net_rate, net_input
from cardiorisk.features._wave_augmentation import Example, paced
from cardiorisk.features._wave_net import WAVES, lead_places
from cardiorisk.records import Delineation, ECGRecord

__all__ = ["UNKNOWN", "ludb_examples", "simulated_examples"]

OF_WAVES = (
    ("P_on", "P_peak", "P_off"),
    ("QRS_on", "R_peak", "QRS_off"),
    ("T_on", "T_peak", "T_off"),
)
UNKNOWN = 40  # samples around the peak of a wave with an edge that was left out
BEFORE, AFTER = 10, 15  # samples around the marked span of a lead that count in the loss
RATES = ((30, 50), (50, 70), (70, 100), (100, 140), (140, 180), (180, 220))  # /min
OF_ALL, OF_A_RATE = 300, 40  # simulated records of usual rates, and of each of RATES
FAST, SINUS = 80, "sinus tachycardia"  # of each of RATES from 100 /min on, as P comes to lie on T
PACED, WIDE = 60, "left bundle branch block"  # simulated records with a pacemaker, of such beats


def _painted(record: ECGRecord, leads: Sequence[dict[str, Any]]) -> Example:
    """Write the marks into the samples; the span that is marked gets weight one.

    A wave with a mark for its peak but not for both edges is unknown, with weight zero: it is no
    pause. Of paced beats the onset is often left out.
    """
    signal = net_input(at_net_rate(record.signal, record.sampling_rate))
    ratio = signal.shape[1] / record.signal.shape[1]
    waves = np.zeros((*signal.shape, len(WAVES)), np.float32)
    weight = np.zeros(signal.shape, np.float32)
    for row, lead in enumerate(leads):
        half_known: list[int] = []
        for number, names in enumerate(OF_WAVES):
            first, peak, last = (np.asarray(lead[name]) * ratio for name in names)
            both = np.isfinite(first + last)
            for start, end in zip(np.ceil(first[both]), np.floor(last[both]), strict=True):
                waves[row, max(int(start), 0) : int(end) + 1, number] = 1
            half_known += peak[~both & np.isfinite(peak)].astype(int).tolist()
        marked = np.flatnonzero(waves[row].any(axis=1))
        if len(marked):
            weight[row, max(marked[0] - BEFORE, 0) : marked[-1] + AFTER] = 1
        for place in half_known:
            weight[row, max(place - UNKNOWN, 0) : place + UNKNOWN] = 0
    return Example(signal, waves, weight, lead_places(record.lead_names))


def ludb_examples(records: Sequence[ECGRecord], marks: Sequence[Delineation]) -> list[Example]:
    """Examples of real records, each lead with its own marks."""
    return [_painted(record, mark.leads) for record, mark in zip(records, marks, strict=True)]


def simulated_examples(random_state: int = 0) -> list[Example]:
    """Examples of all rhythms and rates; a wave too flat to see in one lead is still there."""
    cohorts = [make_ecg(OF_ALL, random_state=random_state)]
    for number, rates in enumerate(RATES, start=random_state + 1):
        cohorts.append(make_ecg(OF_A_RATE, heart_rate=rates, random_state=number))
        if rates[0] >= 100:
            seed = number + len(RATES)
            fast = make_ecg(FAST, rhythms=SINUS, heart_rate=rates, random_state=seed)
            cohorts.append(fast)
    examples = [example for cohort in cohorts for example in _of_cohort(cohort)]
    rng = np.random.default_rng(random_state)
    wide = make_ecg(PACED, rhythms=WIDE, random_state=random_state + 2 * len(RATES) + 1)
    return examples + [paced(example, rng) for example in _of_cohort(wide)]


def _of_cohort(cohort: Any) -> Iterator[Example]:
    for record, marks in zip(cohort.records, cohort.marks, strict=True):
        leads = [
            {name: np.where(np.isnan(lead[name]), marks.beats[name], lead[name]) for name in lead}
            for lead in marks.leads
        ]
        example = _painted(record, leads)
        yield example._replace(weight=np.ones_like(example.weight))
