"""Score beat detectors on the MIT-BIH arrhythmia database and on LUDB, and time them.

    python benchmarks/beat_detection.py [--refit]

First leads of the MIT-BIH records that are there, against the marks of their cardiologists within
150 ms, each mark used once: the whole record, and from the sixth minute on as ANSI/AAMI EC57 asks.
``delineate`` marks beats with the native engine, ``find_beats`` is the gate that decides whether
there are beats; sleepecg, NeuroKit2 and wfdb beside them. Times are CPU time of one thread.

``delineate`` leaves out stray beats of long records by a logistic regression on eight MIT-BIH
records (``cardiorisk.features._stray_beats``). "Cross-validated by record" gives each record to a
regression that was fitted to the others. ``--refit`` only prints the weights fitted to all.

Writes benchmarks/results/beat_detection.md.
"""

import argparse
import time
import warnings
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import neurokit2
import numpy as np
import sleepecg
from sklearn.linear_model import LogisticRegression
from wfdb import processing

from cardiorisk.datasets import fetch_ludb, fetch_mitdb
from cardiorisk.features import delineate
from cardiorisk.features._long_records import stretches
from cardiorisk.features._missed_beats import with_missed_beats
from cardiorisk.features._stray_beats import beat_evidence
from cardiorisk.features.beat_detection import find_beats
from cardiorisk.features.delineation import _marked
from cardiorisk.records import ECGRecord

RESULT = Path(__file__).parent / "results" / "beat_detection.md"
TOLERANCE = 0.150  # s
SETTLED = 300.0  # s: a detector may learn until then
NAMES = ("rhythm", "height", "likeness", "width")


Detector = Callable[[ECGRecord], np.ndarray]


def first_lead(record: ECGRecord) -> ECGRecord:
    return replace(record, signal=record.signal[:1], lead_names=record.lead_names[:1])


def by_delineate(record: ECGRecord) -> np.ndarray:
    marks = delineate(record.signal, record.sampling_rate, record.lead_names, engine="native")
    return marks.beats["R_peak"]


def by_gate(record: ECGRecord) -> np.ndarray:
    return find_beats(record.signal, record.sampling_rate).positions


def by_sleepecg(record: ECGRecord) -> np.ndarray:
    return sleepecg.detect_heartbeats(record.signal[0].astype(float), record.sampling_rate)


def by_neurokit(record: ECGRecord) -> np.ndarray:
    rate = int(record.sampling_rate)
    clean = neurokit2.ecg_clean(record.signal[0].astype(float), sampling_rate=rate)
    return np.asarray(neurokit2.ecg_peaks(clean, sampling_rate=rate)[1]["ECG_R_Peaks"])


def by_xqrs(record: ECGRecord) -> np.ndarray:
    lead = record.signal[0].astype(float)
    return processing.xqrs_detect(lead, record.sampling_rate, verbose=False)


def by_gqrs(record: ECGRecord) -> np.ndarray:
    counts = 200 * record.signal[0].astype(float)  # the scale that its thresholds were made for
    return processing.gqrs_detect(d_sig=counts, fs=record.sampling_rate, adc_gain=200, adc_zero=0)


DETECTORS = {
    "find_beats": by_gate,
    "sleepecg": by_sleepecg,
    "neurokit2": by_neurokit,
    "wfdb xqrs": by_xqrs,
    "wfdb gqrs": by_gqrs,
}


def paired(found: np.ndarray, truth: np.ndarray, tolerance: float) -> np.ndarray:
    """Give the number of the mark that each beat found, -1 for none; nearest in order of time."""
    mark = np.full(len(found), -1)
    beat = at = 0
    while beat < len(found) and at < len(truth):
        gap = found[beat] - truth[at]
        if abs(gap) > tolerance:
            beat, at = (beat + 1, at) if gap < 0 else (beat, at + 1)
            continue
        nearer = beat + 1 < len(found) and abs(found[beat + 1] - truth[at]) < abs(gap)
        if not nearer:
            mark[beat] = at
            at += 1
        beat += 1
    return mark


def counts(found: np.ndarray, truth: np.ndarray, rate: float, start: float = 0) -> Counter:
    mark = paired(found, truth, TOLERANCE * rate)
    late = truth >= start * rate
    hit = np.zeros(len(truth), bool)
    hit[mark[mark >= 0]] = True
    extra = np.count_nonzero((mark < 0) & (found >= start * rate))
    return Counter(hit=(hit & late).sum(), missed=(late & ~hit).sum(), extra=extra)


def shares(total: Counter) -> str:
    found, marked = total["hit"] + total["extra"], total["hit"] + total["missed"]
    return f"{100 * total['hit'] / marked:.2f} | {100 * total['hit'] / found:.2f}"


def timed(detect: Detector, records: list[ECGRecord]) -> tuple[list[np.ndarray], float]:
    detect(records[0])
    start = time.process_time()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = [np.sort(np.asarray(detect(record), float)) for record in records]
    return found, (time.process_time() - start) / len(records)


def evidence_rows(record: ECGRecord) -> tuple[np.ndarray, np.ndarray]:
    """Position of each beat of the network that is far enough from a higher one, its evidence."""
    positions, rows = [np.empty(0)], [np.empty((0, len(NAMES)))]
    for seen, kept in stretches(record):
        piece = replace(record, signal=record.signal[:, seen])
        analysed, marks = _marked(piece, "native")
        marks = with_missed_beats(analysed, marks)
        peaks, widths = marks.beats["R_peak"], marks.beats["QRS_off"] - marks.beats["QRS_on"]
        if not len(peaks):
            continue
        beats, evidence = beat_evidence(analysed.signal, peaks, widths, analysed.sampling_rate)
        at = peaks[beats] * record.sampling_rate / analysed.sampling_rate + seen.start
        here = (at >= kept.start) & (at < kept.stop)
        positions.append(at[here])
        rows.append(np.stack([evidence[name] for name in NAMES], axis=1)[here])
    return np.concatenate(positions), np.concatenate(rows)


def fit(rows: list[np.ndarray], is_beat: list[np.ndarray]) -> LogisticRegression:
    model = LogisticRegression(C=np.inf, max_iter=10_000)  # nothing to tune
    return model.fit(np.concatenate(rows), np.concatenate(is_beat))


def without_stray(
    records: list[ECGRecord], truth: list[np.ndarray]
) -> tuple[list[np.ndarray], LogisticRegression]:
    """Beats that a regression fitted to the other records keeps; and the fit to all records."""
    positions, rows = zip(*map(evidence_rows, records), strict=True)
    is_beat = [
        paired(at, marks, TOLERANCE * records[0].sampling_rate) >= 0
        for at, marks in zip(positions, truth, strict=True)
    ]
    kept = []
    for number in range(len(records)):
        others = [other for other in range(len(records)) if other != number]
        model = fit([rows[other] for other in others], [is_beat[other] for other in others])
        kept.append(positions[number][model.decision_function(rows[number]) >= 0])
    return kept, fit(list(rows), is_beat)


def mitdb_rows(
    found: dict[str, tuple[list[np.ndarray], float]], truth: list[np.ndarray], rate: float
) -> list[str]:
    lines = [
        "| detector | sensitivity, % | PPV, % | sensitivity after 5 min, % | PPV after 5 min, % "
        "| missed | extra | s a record |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, (beats, seconds) in found.items():
        pairs = list(zip(beats, truth, strict=True))
        total, settled = (
            sum((counts(*pair, rate, start) for pair in pairs), Counter()) for start in (0, SETTLED)
        )
        cells = f"{shares(total)} | {shares(settled)} | {total['missed']} | {total['extra']}"
        lines.append(f"| {name} | {cells} | {seconds:.2f} |")
    return lines


def record_rows(
    found: dict[str, list[np.ndarray]], records: list[ECGRecord], truth: list[np.ndarray]
) -> list[str]:
    """Missed and extra beats of each record."""
    lines = [f"| record | beats | {' | '.join(found)} |", "|---|---|" + "---|" * len(found)]
    for number, record in enumerate(records):
        cells = [str(record.record_id), str(len(truth[number]))]
        for beats in found.values():
            total = counts(beats[number], truth[number], record.sampling_rate)
            cells.append(f"{total['missed']} + {total['extra']}")
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def ludb_rows() -> list[str]:
    """Beats of twelve leads against the median mark, and of lead II against its own marks."""
    ludb = fetch_ludb()
    lines = [
        "| detector | leads | sensitivity, % | PPV, % | ms a record |",
        "|---|---|---|---|---|",
    ]
    for leads, chosen in (("all twelve", slice(None)), ("II", slice(1, 2))):
        records = [
            ECGRecord(one.signal[chosen], one.sampling_rate, one.lead_names[chosen])
            for one in ludb.records
        ]
        detectors = {"delineate": by_delineate, "find_beats": by_gate}
        if leads == "II":
            detectors["sleepecg"] = by_sleepecg
        for name, detect in detectors.items():
            found, seconds = timed(detect, records)
            total = Counter()
            for beats, marks in zip(found, ludb.marks, strict=True):
                mine = marks.beats if leads != "II" else marks.leads[1]
                truth = mine["R_peak"][np.isfinite(mine["R_peak"])]
                # The cardiologists often left the first and the last beat of a lead unmarked.
                inside = (beats > truth[0] - 75) & (beats < truth[-1] + 75)
                total += counts(beats[inside], truth, 500)
            lines.append(f"| {name} | {leads} | {shares(total)} | {1000 * seconds:.1f} |")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--refit", action="store_true", help="print weights of the regression")
    asked = parser.parse_args()
    mitdb = fetch_mitdb()
    records, truth = [first_lead(record) for record in mitdb.records], list(mitdb.beats)
    kept, model = without_stray(records, truth)
    print(dict(zip((*NAMES, "constant"), (*model.coef_[0], *model.intercept_), strict=True)))
    if asked.refit:
        return
    found = {"delineate": timed(by_delineate, records)}
    found["delineate, cross-validated by record"] = kept, found["delineate"][1]
    found |= {name: timed(detect, records) for name, detect in DETECTORS.items()}
    names = ("delineate, cross-validated by record", "find_beats", "sleepecg")
    text = [
        "# Beat detection",
        "",
        "`python benchmarks/beat_detection.py`",
        "",
        f"MIT-BIH arrhythmia database, first lead of {len(records)} half-hour records, "
        f"{sum(map(len, truth))} beats, 150 ms:",
        "",
        *mitdb_rows(found, truth, mitdb.sampling_rate),
        "",
        "Missed + extra beats by record:",
        "",
        *record_rows({name: found[name][0] for name in names}, records, truth),
        "",
        "LUDB, 100 records of 10 s, beats between the first and the last marked one. The network "
        "of `delineate` has learned from these patients; `find_beats` is not trained.",
        "",
        *ludb_rows(),
    ]
    RESULT.write_text("\n".join(text) + "\n")
    print("\n".join(text))


if __name__ == "__main__":
    main()
