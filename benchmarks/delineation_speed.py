"""Time ``delineate`` and ``ECGFeatures``: one core, two processes, longer records, more leads.

    python benchmarks/delineation_speed.py [--records 100] [--day]

LUDB records (10 s, twelve leads, 500 Hz): the native engine against NeuroKit2 ``dwt`` lead by lead,
alternating, so that a busy machine slows both. Two processes against one in wall time on 200
records: the first call starts the processes, the later ones find them running; best of three.
Half-hour and longer leads are MIT-BIH's first ones. ``--day`` adds a simulated lead of 24 hours at
250 Hz, with an hour in which it is off, and the memory that it takes beyond the signal.
Times are CPU time of one thread unless they say wall time.

Writes benchmarks/results/delineation_speed.md and docs/pictures/delineation_speed.svg.
"""

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from delineation import plain_neurokit
from matplotlib.figure import Figure

from cardiorisk._colours import INK, LOWERS
from cardiorisk.datasets import fetch_ludb, fetch_mitdb, make_ecg
from cardiorisk.features import ECGFeatures, delineate
from cardiorisk.features._native_engine import at_net_rate
from cardiorisk.features.beat_detection import find_beats
from cardiorisk.records import ECGRecord

HERE = Path(__file__).parent
RESULT = HERE / "results" / "delineation_speed.md"
PICTURE = HERE.parent / "docs" / "pictures" / "delineation_speed.svg"
REPEATS = 7
FIRST = """
import time
from cardiorisk.datasets import make_ecg
from cardiorisk.features import delineate
ecg = make_ecg(1, rhythms=["sinus rhythm"], random_state=0).data[0]
start = time.process_time()
delineate(ecg, 500)
print(time.process_time() - start)
"""
LENGTHS = (10, 30, 60, 300, 600, 1200, 1800)  # s
LEADS = (1, 2, 3, 6, 9, 12)


def cpu(function: Callable[[], object], repeats: int = 1) -> float:
    """Least CPU seconds of some calls."""
    seconds = []
    for _ in range(repeats):
        start = time.process_time()
        function()
        seconds.append(time.process_time() - start)
    return min(seconds)


def mark(record: ECGRecord) -> object:
    return delineate(record.signal, record.sampling_rate, record.lead_names, engine="native")


def engines(records: list[ECGRecord]) -> list[str]:
    """Compare engines record by record, in the same run."""
    neurokit = plain_neurokit("dwt")
    gate = [at_net_rate(record.signal, record.sampling_rate) for record in records]
    features = ECGFeatures(engine="native", errors="nan")
    mark(records[0])
    features.fit_transform(records[:1])
    runs = (mark, neurokit, lambda record: features.transform([record]))
    seconds = [[cpu(partial(run, record), REPEATS) for run in runs] for record in records]
    ours, theirs, whole = np.transpose(seconds)
    find = [cpu(partial(find_beats, signal, 250.0), REPEATS) for signal in gate]
    return [
        f"Twelve leads of 10 s at 500 Hz, one thread, least CPU time of {REPEATS} calls:",
        "",
        "| what | ms a record, median |",
        "|---|---|",
        f"| `delineate`, native engine | {1000 * np.median(ours):.1f} |",
        f"| of it, whether there are beats | {1000 * np.median(find):.1f} |",
        f"| NeuroKit2 `dwt`, twelve leads | {1000 * np.median(theirs):.0f} |",
        f"| **ratio** | **{np.median(theirs / ours):.0f}** |",
        f"| `ECGFeatures`, all groups | {1000 * np.median(whole):.1f} |",
    ]


def first_calls() -> str:
    """Seconds of the first call in a process, before and after its loops were compiled once."""
    with TemporaryDirectory() as folder:
        seconds = [
            float(
                subprocess.run(
                    [sys.executable, "-c", FIRST],
                    env={**os.environ, "NUMBA_CACHE_DIR": folder},
                    capture_output=True,
                    check=True,
                ).stdout
            )
            for _ in range(2)
        ]
    return (
        f"The first call in a process takes {seconds[1]:.1f} s; {seconds[0]:.1f} s when numba has "
        "compiled nothing for this machine yet, or has no folder to keep it in."
    )


def workers(signals: np.ndarray) -> list[str]:
    def wall(n_jobs: int) -> float:
        features = ECGFeatures(engine="native", n_jobs=n_jobs)
        start = time.perf_counter()
        features.fit_transform(signals)
        return time.perf_counter() - start

    cold = wall(2)
    one, two = (min(wall(n_jobs) for _ in range(3)) for n_jobs in (1, 2))
    return [
        f"{len(signals)} records, wall time: one process {one:.1f} s, two {two:.1f} s, "
        f"**{one / two:.2f} times** as fast; with the start of the processes {cold:.1f} s, "
        f"{one / cold:.2f} times.",
    ]


def fitted(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, float]:
    """Straight line through points, and the share of variance that it explains."""
    line = np.polyfit(x, y, 1)
    return line, float(1 - np.var(y - np.polyval(line, x)) / np.var(y))


def growth(lead: ECGRecord, twelve: ECGRecord) -> tuple[list[str], list[tuple]]:
    rate = lead.sampling_rate
    lengths = [
        cpu(lambda n=n: delineate(lead.signal[:, :n], rate, ["MLII"], engine="native"), 3)
        for n in (int(seconds * rate) for seconds in LENGTHS)
    ]
    leads = [
        1000
        * cpu(
            lambda k=k: delineate(twelve.signal[:k], 500, twelve.lead_names[:k], engine="native"), 9
        )
        for k in LEADS
    ]
    panels = [
        ("length in s, one lead at 360 Hz", "CPU time in s", np.array(LENGTHS), np.array(lengths)),
        ("leads, 10 s at 500 Hz", "CPU time in ms", np.array(LEADS), np.array(leads)),
    ]
    lines = []
    for x_name, y_name, x, y in panels:
        (slope, start), explained = fitted(x, y)
        lines += [
            f"| {x_name} | {' | '.join(map(str, x))} |",
            "|---|" + "---|" * len(x),
            f"| {y_name} | {' | '.join(f'{value:.3g}' for value in y)} |",
            "",
            f"Straight line: {start:.3g} + {slope:.3g} x, R² = {explained:.3f}.",
            "",
        ]
    return lines, panels


def draw(panels: list[tuple]) -> None:
    figure = Figure(figsize=(8, 3.2), layout="constrained")
    for axes, (x_name, y_name, x, y) in zip(figure.subplots(1, 2), panels, strict=True):
        line, explained = fitted(x, y)
        ends = np.array([0, x.max()])
        axes.plot(ends, np.polyval(line, ends), color=LOWERS, label=f"line, R² = {explained:.3f}")
        axes.plot(x, y, "o", color=INK, label="measured")
        axes.set(xlabel=x_name, ylabel=y_name, xlim=(0, None), ylim=(0, None))
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(frameon=False)
    figure.suptitle(
        "The cost of delineate grows along straight lines with length and leads", fontsize=11
    )
    figure.savefig(PICTURE, metadata={"Date": None, "Title": "Cost of delineate"})


def memory(name: str) -> float:
    """Read VmRSS, what this process holds now, or VmHWM, the most it held, in MiB (Linux)."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name)) / 1024


def day() -> str:
    """Mark 24 hours, in a process of its own."""
    rate = 250.0
    piece = make_ecg(
        1, rhythms=["sinus rhythm"], duration=300, sampling_rate=rate, noise=0.02, random_state=0
    ).data[0, 1]
    signal = np.tile(piece, 24 * 12)[None]
    signal[:, int(3600 * rate) : int(7200 * rate)] = np.nan
    delineate(signal[:, :5000], rate, ["II"], engine="native")
    before = memory("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # forget the most that was held
    start = time.process_time()
    found = delineate(signal, rate, ["II"], engine="native").n_beats
    seconds = time.process_time() - start
    more = memory("VmHWM") - before
    return (
        f"24 hours of one lead at 250 Hz, an hour of it off: {seconds:.0f} s, {found} beats, "
        f"{more:.0f} MiB beyond the signal ({signal.nbytes / 2**20:.0f} MiB) at most."
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--records", type=int, default=100)
    parser.add_argument("--day", action="store_true")
    asked = parser.parse_args()
    ludb, mitdb = fetch_ludb(), fetch_mitdb()
    records = list(ludb.records[: asked.records])
    half_hours = [ECGRecord(one.signal[:1], 360.0, one.lead_names[:1]) for one in mitdb.records]
    table, panels = growth(half_hours[0], records[0])
    draw(panels)
    text = [
        "# Speed of delineation",
        "",
        f"`python benchmarks/delineation_speed.py --records {asked.records}{' --day' * asked.day}`",
        "",
        *engines(records),
        "",
        first_calls(),
        "",
        *workers(np.concatenate([ludb.data] * -(-200 // len(ludb.data)))[:200]),
        "",
        f"30 minutes of one lead: {np.median([cpu(partial(mark, r)) for r in half_hours]):.2f} s "
        f"(median of {len(half_hours)} MIT-BIH records).",
        "",
        *table,
    ]
    if asked.day:
        with ProcessPoolExecutor(1, get_context("spawn")) as pool:
            text.append(pool.submit(day).result())
    RESULT.write_text("\n".join(text).rstrip() + "\n")
    print("\n".join(text))


if __name__ == "__main__":
    main()
