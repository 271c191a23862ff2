"""ECGs whose pictures are known: spikes every 0.8 s, and marks where a test wants them."""

import numpy as np

from cardiorisk.records import MARKS, STANDARD_LEADS, Delineation, ECGRecord


def record(seconds=10.0, rate=500.0, names=STANDARD_LEADS, scale=1.0):
    time = np.arange(round(seconds * rate)) / rate
    spike = np.exp(-(((np.mod(time, 0.8) - 0.4) / 0.015) ** 2))
    signal = scale * np.linspace(0.5, 1.2, len(names))[:, None] * spike
    return ECGRecord(signal.astype(np.float32), rate, tuple(names), record_id="SECRET-9")


def fifteen_leads():
    return record(names=[*STANDARD_LEADS, "V7", "V8", "V9"])


def texts(ax):
    return [text.get_text() for text in ax.texts]


def marks_of(ecg, beats=((180.0, 200.0, 220.0),), **more):
    """Marks of QRS in each lead, and further marks by name."""
    one = {mark: np.full(len(beats), np.nan) for mark in MARKS}
    for row, (on, peak, off) in enumerate(beats):
        one["QRS_on"][row], one["R_peak"][row], one["QRS_off"][row] = on, peak, off
    one |= {mark: np.array(places, float) for mark, places in more.items()}
    leads = tuple(one for _ in ecg.lead_names)
    return Delineation(leads, one, ecg.sampling_rate, ecg.lead_names)
