"""Memory of learning vectors from histories that lie on disk.

Simulated patients, repeated until there are enough events, are written to disk; a process of its
own maps them and fits vectors, and its peak is read from the operating system. A straight line
through several sizes is drawn out to 100 million events. Memory depends on neither the number of
epochs nor of noise codes, so one of each is enough.

Run: python benchmarks/concept_memory.py [--events 2000000 5000000 10000000]
Writes benchmarks/results/concept_memory.md.
"""

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from concept_speed import tiled

from cardiorisk.datasets import make_ehr
from cardiorisk.features import ConceptEmbedding
from cardiorisk.records import PatientHistories

RESULT = Path(__file__).parent / "results" / "concept_memory.md"
TARGET = 100_000_000
WANTED = 6.0  # GB
WAYS = ("in a file", "in memory")


def peak_gb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9


def fit(folder: str, way: str) -> None:
    """Map, fit, and print the peaks before and after, the CPU seconds and the known codes."""
    ConceptEmbedding(vector_size=4, epochs=1).fit(make_ehr(50, true_risk=False).histories)
    histories = PatientHistories.open(folder)
    model = ConceptEmbedding(
        vector_size=50, epochs=1, negative=1, corpus_file=way == WAYS[0], random_state=0
    )
    before, start = peak_gb(), time.process_time()
    model.fit(histories)
    print(before, peak_gb(), time.process_time() - start, len(model.vocabulary_))


def measure(n_events: int, patients: PatientHistories) -> list[tuple[float, ...]]:
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "histories"
        large = tiled(patients, n_events)
        large.save(folder)
        sizes = len(large.codes), len(large.visit_offsets) - 1
        del large
        found = []
        for way in WAYS:
            command = [sys.executable, __file__, "--fit", str(folder), way]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            found.append((*sizes, *map(float, done.stdout.split())))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, nargs="+", default=[2 * 10**6, 5 * 10**6, 10**7])
    parser.add_argument("--fit", nargs=2, metavar=("FOLDER", "WAY"))
    arguments = parser.parse_args()
    if arguments.fit:
        fit(*arguments.fit)
        return
    patients = make_ehr(6000, true_risk=False, random_state=0).histories
    measured = [measure(n_events, patients) for n_events in arguments.events]
    lines = [
        "# Memory of learning vectors from disk",
        "",
        f"`python benchmarks/concept_memory.py --events {' '.join(map(str, arguments.events))}`. "
        "Patients of `make_ehr`, repeated; 50 dimensions, one epoch, one noise code, windows of "
        "365 days. Peak of the process in GB with mapped pages, which the system can drop, "
        "counted in. The corpus of an epoch is handed to gensim in a file (`corpus_file=True`) "
        "or from memory.",
        "",
        "| corpus | million events | million visits | libraries | peak | bytes an event | CPU s |",
        "|---|---|---|---|---|---|---|",
    ]
    ends = []
    for place, way in enumerate(WAYS):
        rows = [one[place] for one in measured]
        for events, visits, before, peak, seconds, _ in rows:
            lines.append(
                f"| {way} | {events / 1e6:.1f} | {visits / 1e6:.2f} | {before:.2f} | {peak:.2f} | "
                f"{1e9 * (peak - before) / events:.0f} | {seconds:.0f} |"
            )
        sizes, peaks = np.array([(row[0], row[3]) for row in rows]).T
        slope, start = np.polyfit(sizes, peaks, 1)
        ends.append(
            f"{way} {start:.2f} GB + {slope * 1e9:.1f} bytes an event, which is "
            f"{start + slope * TARGET:.1f} GB at 100 million"
        )
    lines += ["", f"Straight lines: {'; '.join(ends)} (under {WANTED:g} wanted)."]
    RESULT.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(RESULT.read_text())


if __name__ == "__main__":
    main()
