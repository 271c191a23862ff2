"""Histories: readers beside row-wise pandas, and memory of large sets on disk.

Readers: a simulated hospital in the tables of MIMIC-IV and of Synthea. Row-wise pandas does the
same: it reads the CSV files, walks over the rows, looks up the time of the visit, spells the code,
skips what is incomplete or unknown, sorts each patient's events and leaves out repeated ones. Both
run in turns in one process; CPU time.

Memory: MEDS shards of made-up events are built into histories on disk, mapped, cut at a prediction
time and split in halves, in a process of its own whose peak is read from the operating system. A
straight line through several sizes is drawn out to 100 million events.

Run: python benchmarks/histories.py [--rows 200000] [--events 1000000 4000000 10000000]
Writes benchmarks/results/histories.md.
"""

import argparse
import os
import platform
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd

from cardiorisk.io import read_meds, read_mimic_iv, read_synthea

RESULT = Path(__file__).parent / "results" / "histories.md"
EVENTS_PER_PATIENT = 100
SHARD = 500_000  # events
TARGET = 100_000_000


def write_mimic(folder: Path, n_rows: int) -> None:
    """Write admissions with ten diagnoses each, 5 % of the rows bad in some way."""
    rng = np.random.default_rng(0)
    stays = max(n_rows // 10, 1)
    who = 10_000 + rng.integers(0, max(stays // 3, 1), stays)
    begin = pd.Timestamp("2150-01-01") + pd.to_timedelta(rng.integers(0, 10**6, stays), "min")
    people = np.unique(who)
    pd.DataFrame(
        {
            "subject_id": people,
            "gender": rng.choice(["F", "M"], len(people)),
            "anchor_age": rng.integers(18, 91, len(people)),
            "anchor_year": 2150,
            "dod": "",
        }
    ).to_csv(folder / "patients.csv", index=False)
    admissions = pd.DataFrame({"subject_id": who, "hadm_id": 20_000 + np.arange(stays)})
    admissions["admittime"] = begin
    admissions["dischtime"] = begin + pd.Timedelta(days=4)
    admissions.to_csv(folder / "admissions.csv", index=False)
    stay = rng.integers(0, stays, n_rows)
    codes = np.array([f"{letter}{number}" for letter in "EIJN" for number in range(1000, 1400)])
    code = rng.choice(codes, n_rows).astype(object)
    code[rng.random(n_rows) < 0.03] = ""
    diagnoses = pd.DataFrame({"subject_id": who[stay], "hadm_id": 20_000 + stay})
    diagnoses.loc[rng.random(n_rows) < 0.02, "hadm_id"] = 1  # no such stay
    diagnoses["icd_code"], diagnoses["icd_version"] = code, 10
    diagnoses.to_csv(folder / "diagnoses_icd.csv", index=False)


def mimic_row_by_row(folder: Path, rows_of: Callable) -> int:
    known = set(pd.read_csv(folder / "patients.csv")["subject_id"])
    stays = pd.read_csv(folder / "admissions.csv", parse_dates=["dischtime"])
    ends = {row.hadm_id: row.dischtime for row in rows_of(stays)}
    table = pd.read_csv(folder / "diagnoses_icd.csv", dtype={"icd_code": str})
    histories: dict[int, list] = {}
    for row in rows_of(table):
        when, code = ends.get(row.hadm_id), row.icd_code
        if isinstance(code, str) and when is not None and row.subject_id in known:
            plain = code.strip().replace(".", "").upper()
            spelled = f"ICD10CM//{plain[:3]}.{plain[3:]}" if len(plain) > 3 else f"ICD10CM//{plain}"
            histories.setdefault(row.subject_id, []).append((when, row.hadm_id, spelled))
    return sum(len(sorted(set(events))) for events in histories.values())


def write_synthea(folder: Path, n_rows: int) -> None:
    rng = np.random.default_rng(1)
    people = np.array([f"{n:08x}-aaaa-bbbb-cccc-{n:012x}" for n in range(max(n_rows // 50, 1))])
    frame = pd.DataFrame({"Id": people, "BIRTHDATE": "1950-01-01", "DEATHDATE": ""})
    frame.assign(GENDER="F", RACE="white").to_csv(folder / "patients.csv", index=False)
    days = pd.Timestamp("2000-01-01") + pd.to_timedelta(rng.integers(0, 8000, n_rows), "D")
    events = pd.DataFrame({"START": days.strftime("%Y-%m-%d"), "STOP": ""})
    who = rng.integers(0, len(people), n_rows)
    events["PATIENT"] = people[who]
    events["ENCOUNTER"] = [
        f"{w:08x}-{d % 97:04x}" for w, d in zip(who, days.dayofyear, strict=True)
    ]
    events["CODE"] = rng.choice(np.arange(10_000_000, 10_000_400), n_rows)
    events["DESCRIPTION"] = "Disorder of something (disorder)"
    events.to_csv(folder / "conditions.csv", index=False)


def synthea_row_by_row(folder: Path, rows_of: Callable) -> int:
    known = set(pd.read_csv(folder / "patients.csv")["Id"])
    table = pd.read_csv(folder / "conditions.csv", dtype={"CODE": str}, parse_dates=["START"])
    histories: dict[str, list] = {}
    for row in rows_of(table):
        if isinstance(row.CODE, str) and row.PATIENT in known and row.START is not pd.NaT:
            event = (row.START, row.ENCOUNTER, f"SNOMED//{row.CODE}")
            histories.setdefault(row.PATIENT, []).append(event)
    return sum(len(sorted(set(events))) for events in histories.values())


WAYS = {
    "itertuples": lambda table: table.itertuples(index=False),
    "iterrows": lambda table: (row for _, row in table.iterrows()),
}


def cpu(call: Callable) -> tuple[float, int]:
    start = time.process_time()
    found = call()
    return time.process_time() - start, found


def readers(n_rows: int) -> list[str]:
    lines = []
    tasks = (
        ("MIMIC-IV", write_mimic, read_mimic_iv, mimic_row_by_row),
        ("Synthea", write_synthea, read_synthea, synthea_row_by_row),
    )
    for name, write, read, row_by_row in tasks:
        with TemporaryDirectory() as scratch:
            folder = Path(scratch)
            write(folder, n_rows)
            read(folder)  # imports
            times: dict[str, list[float]] = {"ours": [], **{way: [] for way in WAYS}}
            for _ in range(3):
                seconds, n_events = cpu(lambda: len(read(folder).codes))  # noqa: B023
                times["ours"].append(seconds)
                for way, rows_of in WAYS.items():
                    if way == "iterrows" and times[way]:
                        continue  # once is long enough
                    seconds, same = cpu(lambda: row_by_row(folder, rows_of))  # noqa: B023
                    assert same == n_events, (name, way, same, n_events)
                    times[way].append(seconds)
        middle = {way: float(np.median(took)) for way, took in times.items()}
        ratios = " | ".join(f"{middle[way] / middle['ours']:.1f}" for way in WAYS)
        lines.append(
            f"| {name} | {n_rows:,} | {n_events:,} | {middle['ours']:.2f} | "
            f"{n_rows / middle['ours'] / 1e6:.2f} | {ratios} |"
        )
    return lines


def write_shards(folder: Path, n_events: int) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    (folder / "data").mkdir(parents=True)
    codes = pa.array([f"ICD10CM//X{number:05d}" for number in range(20_000)])
    for number, first in enumerate(range(0, n_events, SHARD)):
        rng, size = np.random.default_rng(number), min(SHARD, n_events - first)
        who = (first + np.arange(size)) // EVENTS_PER_PATIENT
        days = rng.integers(0, 7000, size)
        minutes = (days * 1440 + rng.integers(0, 1440, size)) * 60_000_000
        order = np.lexsort((minutes, who))
        drawn = np.minimum(rng.zipf(1.3, size), 20_000) - 1
        table = pa.table(
            {
                "subject_id": pa.array(who, pa.int64()),
                "time": pa.array(minutes[order], pa.timestamp("us")),
                "code": pa.DictionaryArray.from_arrays(pa.array(drawn, pa.int32()), codes).cast(
                    pa.string()
                ),
            }
        )
        pq.write_table(table, folder / "data" / f"{number}.parquet")


def peak_gb() -> float:
    kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return kilobytes / 1e6


def handle(folder: Path) -> None:
    """Build, map, cut and split in this process, and print peaks and CPU times."""
    import pyarrow  # noqa: F401 (its memory belongs to the beginning)

    begin, start = peak_gb(), time.process_time()
    histories = read_meds(folder, folder=folder / "histories")
    built, middle = peak_gb(), time.process_time()
    seen = histories.as_of(pd.Timestamp("1985-01-01"), observation_window=3650)
    known, cut = len(seen.codes), time.process_time()
    del seen
    half = histories[np.random.default_rng(0).permutation(len(histories))[: len(histories) // 2]]
    taken = len(half.codes)
    end = time.process_time()
    del half
    times = f"{middle - start:.2f} {cut - middle:.2f} {end - cut:.2f}"
    print(begin, built, peak_gb(), times, known, taken, len(histories.codes))


def memory(sizes: list[int]) -> list[str]:
    rows, peaks = [], []
    for n_events in sizes:
        with TemporaryDirectory() as scratch:
            write_shards(Path(scratch), n_events)
            command = [sys.executable, __file__, "--handle", scratch]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            saved = sum(file.stat().st_size for file in (Path(scratch) / "histories").iterdir())
        begin, built, peak, build_s, cut_s, split_s, _, _, kept = map(float, done.stdout.split())
        peaks.append((n_events, built, peak))
        rows.append(
            f"| {n_events / 1e6:g} | {kept / 1e6:.2f} | {saved / 1e9:.2f} | {begin:.2f} | "
            f"{built:.2f} | {peak:.2f} | {build_s:.1f} | {cut_s:.2f} | {split_s:.2f} |"
        )
    n, built, peak = np.array(peaks).T
    far = [np.polyval(np.polyfit(n, y, 1), TARGET) for y in (built, peak)]
    return [
        *rows,
        "",
        f"Straight lines through these rows reach {far[0]:.1f} GB at 100 million events for the "
        f"building and {far[1]:.1f} GB with the cut and the split (under 6 wanted). Mapped pages "
        "that the system can drop at any time are counted in.",
    ]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--events", type=int, nargs="+", default=[10**6, 4 * 10**6, 10**7])
    parser.add_argument("--handle", type=Path)
    arguments = parser.parse_args()
    if arguments.handle is not None:
        handle(arguments.handle)
        return
    table = [
        "# Histories",
        "",
        f"`python benchmarks/histories.py`, {os.cpu_count()} cores, Python "
        f"{platform.python_version()}; CPU time, one core, on a machine that others use.",
        "",
        "## Readers beside row-wise pandas",
        "",
        "Simulated tables. The last two columns say how many times as long row-wise pandas takes "
        "for the same events (medians of three runs; `iterrows` once).",
        "",
        "| tables | rows | events | s | million rows/s | itertuples | iterrows |",
        "|---|---|---|---|---|---|---|",
        *readers(arguments.rows),
        "",
        "## Memory of large sets",
        "",
        f"MEDS shards of {SHARD:,} events, {EVENTS_PER_PATIENT} a patient. Peak of the process in "
        "GB, from the libraries alone to the histories built, and after a cut at a prediction "
        "time with a window of ten years and a random half of the patients; then the CPU "
        "seconds of these three.",
        "",
        "| million events | kept | disk GB | libraries | built | peak | build s | cut s | half s |",
        "|---|---|---|---|---|---|---|---|---|",
        *memory(arguments.events),
    ]
    RESULT.write_text("\n".join(table) + "\n", encoding="utf-8")
    print("\n".join(table))


if __name__ == "__main__":
    main()
