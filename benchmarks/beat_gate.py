"""Choose the limits that keep noise from having beats, and judge the choice on other records.

    python benchmarks/beat_gate.py

Limits are chosen on four folds of patients and seven kinds of noise: of the candidates below that
accept 99.5 % of the recordings, those that accept the fewest noise records, and of equals the one
in their middle. They are judged on the fifth fold and on the eighth kind, so that neither a
patient nor a kind of noise has had a part in the choice that judges it. Recordings are the CinC
sample, 300 of PTB-XL and windows of MIT-BIH (one fold holds whole tapes); the network has seen
none of them. Noise is that of ``signal_noise.py``.

Writes benchmarks/results/beat_gate.md. Takes about two minutes.
"""

from collections.abc import Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import NamedTuple

import numpy as np
from signal_noise import KINDS, noise, noise_records, spiked
from signal_quality import marked, recorded_sets, share
from sklearn.model_selection import GroupKFold

from cardiorisk._signal_problems import signal_problems, usable_leads
from cardiorisk.datasets import fetch_ludb, make_ecg
from cardiorisk.features import _native_engine as engine
from cardiorisk.features import beat_detection as gate
from cardiorisk.features._beat_doubts import SPIKE_RATE
from cardiorisk.features._wave_net import NET_RATE, lead_places, shipped_net
from cardiorisk.features.delineation import at_analysis_rate
from cardiorisk.records import ECGRecord

RESULT = Path(__file__).parent / "results" / "beat_gate.md"
FOLDS, LEAST_ACCEPTED = 5, 0.995
WINDOWS_A_TAPE = 60
PACED = {"left bundle branch block": 0.02, "right bundle branch block": 0.02, "sinus rhythm": 0.24}
GRID = {
    "contrast": (1.5, 1.8, 2.1, 2.4, 2.7, 3.0, 3.5, 4.0),
    "similarity": (0.5, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9),
    "regular similarity": (0.85, 0.9, 0.95, 0.98),
    "repetition": (0.6, 0.7, 0.8, 0.9),
    "agreement": (0.0, 0.3, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95),
}
SHIPPED = (
    gate.MIN_CONTRAST,
    gate.MIN_SIMILARITY,
    gate.REGULAR_SIMILARITY,
    gate.MAX_REPETITION,
    engine.AGREEMENT,
)
CANDIDATES = np.array(list(product(*GRID.values())))


class Evidence(NamedTuple):
    """What the limits are compared with; the defaults are refused by all of them."""

    contrast: float = 0.0
    similarity: float = -1.0
    regular_similarity: float = -1.0
    repetition: float = 1.0
    agreement: float = 0.0


def evidence(record: ECGRecord) -> Evidence:
    """Measure a record as the engine does, whether or not it has beats."""
    if any(problem.fatal for problem in signal_problems(record)):
        return Evidence()
    record = at_analysis_rate(record)
    usable = np.flatnonzero(usable_leads(record))
    signal = engine.at_net_rate(record.signal[usable], record.sampling_rate)
    banded, clean = gate.band_pass(
        signal.astype(np.float32), NET_RATE, gate.QRS_BAND, gate.BEAT_BAND
    )
    energy = gate.qrs_energy(banded, NET_RATE)
    found = gate.candidates(energy, NET_RATE)
    if len(found) < 2:
        return Evidence()
    contrast = float(np.median(energy[found]) / max(np.median(energy), 1e-30))
    clean = clean / np.maximum(clean.std(axis=1, keepdims=True), 1e-30)
    positions = gate.aligned(clean, found, NET_RATE)
    if len(positions) < 2:
        return Evidence()
    half_width = round(gate.SHAPE * NET_RATE)
    alike = gate.similarity(gate.beat_shapes(clean, positions, half_width))
    places = lead_places(record.lead_names[lead] for lead in usable)
    waves = engine._find_waves(signal, places, shipped_net())
    seen = engine._by_beat(waves, signal.shape[1])["QRS"].middle
    return Evidence(
        contrast,
        alike,
        alike if len(positions) > 2 else -1.0,
        gate.repetition(clean, positions, NET_RATE),
        engine._agreement(seen, positions.astype(np.float64)),
    )


def accepted(seen: np.ndarray, limits: np.ndarray) -> np.ndarray:
    """Which candidate accepts which record, (n_candidates, n_records)."""
    contrast, similar, regular, repetition, agreement = np.atleast_2d(limits).T[..., None]
    of = dict(zip(Evidence._fields, seen.T, strict=True))
    stand_out = (of["contrast"] >= contrast) & (of["similarity"] >= similar)
    rhythm = (of["regular_similarity"] >= regular) & (of["repetition"] <= repetition)
    return (stand_out | rhythm) & (of["agreement"] >= agreement)


def chosen(recordings: np.ndarray, noise: np.ndarray) -> int:
    """Choose a candidate by its number, from tables of :func:`accepted`."""
    kept, passed = recordings.mean(axis=1), noise.sum(axis=1)
    enough = np.flatnonzero(kept >= min(LEAST_ACCEPTED, kept.max()))
    best = enough[passed[enough] == passed[enough].min()]
    rank = np.argsort(np.argsort(CANDIDATES, axis=0, kind="stable"), axis=0) / len(CANDIDATES)
    return int(best[((rank[best] - rank[best].mean(axis=0)) ** 2).sum(axis=1).argmin()])


def judged(
    recordings: np.ndarray, patients: Sequence[str], noise: np.ndarray, kinds: np.ndarray
) -> tuple[np.ndarray, np.ndarray, list[int]]:
    """Whether each record is accepted by limits that it had no part in, and all choices."""
    keeps, passes = accepted(recordings, CANDIDATES), accepted(noise, CANDIDATES)
    kept, passed = np.zeros(len(recordings)), np.zeros(len(noise))
    choices = []
    folds = list(GroupKFold(FOLDS).split(recordings, groups=patients))
    for (train, test), kind in product(folds, KINDS):
        best = chosen(keeps[:, train], passes[:, kinds != kind])
        kept[test] += keeps[best, test] / len(KINDS)
        passed[kinds == kind] += passes[best, kinds == kind] / len(folds)
        choices.append(best)
    return kept, passed, choices


def errors(recordings: np.ndarray, noise: np.ndarray) -> list[str]:
    """Count what each limit does wrong when the others are as the package has them."""
    lines = ["| limit | recordings refused / noise accepted |", "|---|---|"]
    for number, (name, values) in enumerate(GRID.items()):
        cells = []
        for value in values:
            limits = np.array(SHIPPED)
            limits[number] = value
            refused = int((~accepted(recordings, limits)).sum())
            cells.append(f"{value:g}: {refused} / {int(accepted(noise, limits).sum())}")
        lines.append(f"| {name} | {', '.join(cells)} |")
    wrong = (~accepted(recordings, CANDIDATES)).sum(1) + accepted(noise, CANDIDATES).sum(1)
    return [*lines, "", f"{np.sum(wrong == 0)} of {len(CANDIDATES)} candidates make no error."]


def without_capture(rng: np.random.Generator) -> list[ECGRecord]:
    """Spikes alone, on all kinds of noise and on nearly none."""
    quiet = [
        ECGRecord(rng.normal(0, size, (12, 5000)).astype(np.float32), 500.0)
        for size in rng.choice([0.005, 0.01, 0.02, 0.04], 100)
    ]
    noisy = [record for kind in KINDS for record in noise_records(kind, 100)]
    fast_enough = [record for record in noisy if record.sampling_rate >= SPIKE_RATE]
    return [
        spiked(record, np.arange(rng.uniform(0, 1), record.duration, rng.uniform(0.6, 1.2)), rng)
        for record in quiet + fast_enough
    ]


def with_capture(rng: np.random.Generator) -> list[ECGRecord]:
    """Spikes before the QRS complexes of simulated ECGs with noise of all kinds.

    By up to 20 ms where the complexes are wide, as a ventricle is paced, and else by up to 240 ms,
    as an atrium is.
    """
    records = []
    for rhythm, most in PACED.items():
        cohort = make_ecg(150, rhythms=rhythm, random_state=2026)
        for record, marks in zip(cohort.records, cohort.marks, strict=True):
            size = rng.choice([0, 0.03, 0.1])
            added = size * noise(rng.choice(KINDS), rng, record.signal.shape, record.sampling_rate)
            onset = marks.beats["QRS_on"] / record.sampling_rate
            noisy = replace(record, signal=(record.signal + added).astype(np.float32))
            records.append(spiked(noisy, onset - rng.uniform(0, most), rng))
    return records


def refused(records: list[ECGRecord], *, spikes_are_told: bool) -> np.ndarray:
    """Which records have no beats, with or without the rule about spikes."""
    rule = engine.are_heartbeats
    if not spikes_are_told:
        engine.are_heartbeats = lambda _, positions, __: len(positions) > 0
    try:
        found = [marked(record) for record in records]
    finally:
        engine.are_heartbeats = rule
    return np.array([one is None or one[1].n_beats == 0 for one in found])


def spike_rows(recordings: list[ECGRecord]) -> list[str]:
    rng = np.random.default_rng(2026)
    groups = {
        "spikes alone, on noise or nearly none": without_capture(rng),
        "spikes and simulated QRS complexes": with_capture(rng),
        "recordings": recordings,
        "of LUDB at twice their speed, with QRS complexes as narrow as a newborn's": [
            replace(record, sampling_rate=2 * record.sampling_rate)
            for record in fetch_ludb().records
        ],
    }
    lines = ["| records | without beats | without the rule about spikes |", "|---|---|---|"]
    for name, records in groups.items():
        cells = [share(refused(records, spikes_are_told=told)) for told in (True, False)]
        lines.append(f"| {len(records)} {name} | {' | '.join(cells)} |")
        print(lines[-1], flush=True)
    return lines


def main() -> None:
    sets = recorded_sets()
    sets.pop("LUDB")  # the network has seen these
    recordings = np.array([evidence(record) for records in sets.values() for record in records])
    patients = [
        f"{name} {number // WINDOWS_A_TAPE if 'MIT' in name else number}"
        for name, records in sets.items()
        for number in range(len(records))
    ]
    kinds = np.repeat(KINDS, 100)
    noise = np.array([evidence(record) for kind in KINDS for record in noise_records(kind, 100)])
    kept, passed, choices = judged(recordings, patients, noise, kinds)
    names, counts = np.unique(choices, return_counts=True)
    shipped = [accepted(side, np.array(SHIPPED))[0] for side in (recordings, noise)]
    lines = [
        "# Limits of the beat gate",
        "",
        "`python benchmarks/beat_gate.py`",
        "",
        f"{len(recordings)} recordings of {len(set(patients))} patients, {len(noise)} noise "
        f"records of {len(KINDS)} kinds. Of each, those whose fate depended on the choice count "
        "by the share of the choices.",
        "",
        "| limits | recordings refused | noise accepted |",
        "|---|---|---|",
        f"| chosen without the patient and the kind of noise | {100 * (1 - kept.mean()):.2f} % | "
        f"{100 * passed.mean():.2f} % |",
        f"| of the package | {share(~shipped[0])} | {share(shipped[1])} |",
        "",
        f"| chosen, of {len(choices)} times | {' | '.join(GRID)} |",
        "|---|" + "---|" * len(GRID),
        *(
            f"| {count} | {' | '.join(f'{value:g}' for value in CANDIDATES[best])} |"
            for count, best in sorted(zip(counts, names, strict=True), reverse=True)
        ),
        f"| the package holds | {' | '.join(f'{value:g}' for value in SHIPPED)} |",
        "",
        *errors(recordings, noise),
        "",
        "A pacemaker's spikes that no QRS complex follows are no beats. Form and limits of that "
        "rule were set by simulated records of other seeds, by LUDB and by these recordings:",
        "",
        *spike_rows([record for records in sets.values() for record in records]),
    ]
    RESULT.write_text("\n".join(lines) + "\n")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
