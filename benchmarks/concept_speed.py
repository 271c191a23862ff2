"""Speed and memory of concept embeddings.

1. Training beside bare gensim: the same histories, window 5, 5 noise codes, one worker; fits
   alternate, ratio of CPU times. gensim gets lists of words that are ready in memory.
2. Patient vectors: events a CPU second, on one core.
3. Memory: vectors of histories that lie on disk, peak of a process of its own.
4. The simulation: events a CPU second.

Run: python benchmarks/concept_speed.py [--patients 20000] [--events 20000000]
Writes benchmarks/results/concept_speed.md.
"""

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path

import numpy as np
from gensim.models import Word2Vec

from cardiorisk.datasets import make_ehr
from cardiorisk.features import ConceptEmbedding
from cardiorisk.records import PatientHistories

RESULT = Path(__file__).parent / "results" / "concept_speed.md"
SHARED = {"vector_size": 100, "window": 5, "negative": 5, "epochs": 5, "min_count": 5}
WAYS = (
    ("rate", False, "events a visit"),
    ("sum", True, "each code once"),
    ("sum", False, "all events"),
)


def timed(call):
    start = time.process_time()
    made = call()
    return time.process_time() - start, made


def training(histories, repeats):
    words = histories.vocabulary[histories.codes].tolist()
    ends = histories.event_offsets
    sentences = [words[a:b] for a, b in pairwise(ends)]
    ours, bare = [], []
    ConceptEmbedding(vector_size=4, epochs=1, random_state=0).fit(histories[:200])  # compiles
    for _ in range(repeats):
        bare.append(
            timed(lambda: Word2Vec(sentences, sg=1, sample=0, workers=1, seed=1, **SHARED))[0]
        )
        model = ConceptEmbedding(window_unit="codes", random_state=1, **SHARED)
        ours.append(timed(lambda model=model: model.fit(histories))[0])
    ratios = np.array(ours) / np.array(bare)
    n_words = SHARED["epochs"] * len(words)
    return (
        f"| training, CPU time over bare gensim on the same {len(words):,} events x "
        f"{SHARED['epochs']} epochs | {np.median(ratios):.2f} (from {ratios.min():.2f} to "
        f"{ratios.max():.2f} in {repeats} alternating pairs) |",
        f"| training, million codes a CPU second: here, gensim | "
        f"{n_words / np.median(ours) / 1e6:.2f}, {n_words / np.median(bare) / 1e6:.2f} |",
    )


def vectors(histories, repeats):
    lines = []
    for size in (50, 100):
        for pooling, binary, how in WAYS:
            model = ConceptEmbedding(
                vector_size=size, algorithm="random", pooling=pooling, binary=binary
            )
            model.fit(histories)
            model.transform(histories[:10])  # compiles
            seconds = min(
                timed(lambda model=model: model.transform(histories))[0] for _ in range(repeats)
            )
            lines.append(
                f"| patient vectors of {size}, {how}, million events a CPU second | "
                f"{len(histories.codes) / seconds / 1e6:.1f} |"
            )
    return lines


def tiled(histories, n_events):
    """Repeat patients until there are so many events."""
    times = -(-n_events // len(histories.codes))
    sizes = np.tile(np.diff(histories.visit_offsets), times)
    visits = np.tile(np.diff(histories.patient_offsets), times)
    return PatientHistories(
        codes=np.tile(histories.codes, times),
        times=np.tile(histories.times, times),
        vocabulary=histories.vocabulary,
        visit_offsets=np.concatenate([[0], np.cumsum(sizes)]),
        patient_offsets=np.concatenate([[0], np.cumsum(visits)]),
        subject_ids=np.arange(len(visits)),
        prediction_times=np.tile(histories.prediction_times, times),
    )


def on_disk(folder):
    """Run in a process of its own: vectors of all patients, then peak memory in GB."""
    histories = PatientHistories.open(folder)
    model = ConceptEmbedding(vector_size=50, algorithm="random", random_state=0).fit(histories)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    n_patients = len(model.transform(histories))
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(n_patients, before / 1024**2, after / 1024**2)


def memory(histories, n_events):
    rows = []
    for wanted in (n_events // 4, n_events):
        with tempfile.TemporaryDirectory() as folder:
            large = tiled(histories, wanted)
            large.save(Path(folder) / "h")
            size = len(large.codes)
            del large
            done = subprocess.run(
                [sys.executable, __file__, "--on-disk", str(Path(folder) / "h")],
                capture_output=True,
                text=True,
                check=True,
            )
        patients, _, peak = (float(word) for word in done.stdout.split())
        rows.append((size, peak, patients * 50 * 4 / 1024**3))
    (small, low, _), (large, high, output) = rows
    slope = (high - low) / (large - small)
    return (
        f"| vectors of histories on disk, peak memory of the process, GB | {low:.2f} at "
        f"{small / 1e6:.0f} million events, {high:.2f} at {large / 1e6:.0f} million (of which "
        f"{output:.2f} are the vectors); on that line {high + slope * (1e8 - large):.1f} at 100 "
        "million |",
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--patients", type=int, default=20_000)
    parser.add_argument("--events", type=int, default=20_000_000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--on-disk")
    arguments = parser.parse_args()
    if arguments.on_disk:
        on_disk(arguments.on_disk)
        return
    seconds, ehr = timed(lambda: make_ehr(arguments.patients, true_risk=False, random_state=0))
    histories = ehr.histories
    lines = [
        f"# Concept embeddings: speed and memory\n\n{arguments.patients:,} patients of "
        f"`make_ehr`, {len(histories.codes):,} events. Command: "
        "`python benchmarks/concept_speed.py`.\n",
        "| what | value |",
        "|---|---|",
        *training(histories, arguments.repeats),
        *vectors(tiled(histories, 3_000_000), arguments.repeats),
        *memory(histories, arguments.events),
        f"| `make_ehr` without the risk given the history, million events a CPU second | "
        f"{len(ehr.log.codes) / seconds / 1e6:.2f} |",
    ]
    RESULT.write_text("\n".join(lines) + "\n")
    print(RESULT.read_text())


if __name__ == "__main__":
    main()
