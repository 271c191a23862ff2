"""Compare single ECG features with the diagnoses of LUDB's cardiologists, and time the groups.

    python benchmarks/ecg_features.py [--engine native]

Each diagnosis is met by the features of its clinical definition; none was chosen by its result.
AUROC over the 100 shared records, one a patient, with 95 % bootstrap intervals (resampled within
cases and controls). A record without the measurement is left out, and counted. Times are CPU time
of one thread, median over 50 records.

Writes benchmarks/results/ecg_features.md.
"""

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from cardiorisk.datasets import fetch_ludb
from cardiorisk.evaluation.intervals import bootstrap_interval
from cardiorisk.features import ECGFeatures
from cardiorisk.features.delineation import ENGINES
from cardiorisk.features.feature_definitions import ALL_GROUPS
from cardiorisk.features.measurements import MEASUREMENTS, median_beat
from cardiorisk.records import ECGRecord

RESULT = Path(__file__).parent / "results" / "ecg_features.md"
N_BOOTSTRAPS = 2000
N_TIMED = 50
FEWEST = 5  # cases; below, an interval says little

# Column of LUDB's table, words of the diagnosis, and features; "-" where low values speak for it.
DIAGNOSES: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    (
        "rhythm",
        "atrial fibrillation",
        ("-p_wave_share", "rr_irregularity", "rr_cosen", "rr_entropy", "f_wave_power_V1"),
    ),
    ("rhythm", "sinus bradycardia", ("-heart_rate",)),
    ("rhythm", "sinus arrhythmia", ("rr_sd", "poincare_sd1")),
    ("conduction", "i degree av block", ("pr_interval", "lead_i_pr")),
    (
        "conduction",
        "right bundle branch block",
        ("rbbb_score", "r_prime_amplitude_V1", "r_peak_time_V1", "s_duration_V6", "qrs_duration"),
    ),
    ("conduction", "left bundle branch block", ("lbbb_score", "r_peak_time_V6", "qrs_duration")),
    ("conduction", "left anterior hemiblock", ("anterior_fascicle_score", "-qrs_axis")),
    ("extrasystoles", "extrasystole", ("premature_beats", "-rr_min_to_median")),
    ("extrasystoles", "ventricular extrasystole", ("wide_premature_beats", "odd_beat_share")),
    (
        "hypertrophy",
        "left ventricular hypertrophy",
        ("sokolow_lyon", "cornell_product", "peguero_lo_presti", "romhilt_estes"),
    ),
    ("hypertrophy", "left atrial hypertrophy", ("p_terminal_force_V1", "p_duration")),
)
# Middle of each class of the electric axis, in degrees.
AXES = {
    "left axis deviation": -45.0,
    "horizontal": 15.0,
    "normal": 50.0,
    "vertical": 80.0,
    "right axis deviation": 135.0,
}


def auroc_cells(is_case: np.ndarray, score: np.ndarray) -> list[str]:
    """Cases, records left out, AUROC with its interval."""
    known = np.isfinite(score)
    case, score = is_case[known], score[known]
    counts = [str(int(case.sum())), str(int((~known).sum()))]
    if not 0 < case.sum() < len(case):
        return [*counts, "no case"]
    order = np.sign(score[case][:, None] - score[~case]) / 2 + 0.5  # ties count a half
    rng = np.random.default_rng(0)
    # A resample within cases and within controls is a number of times for each of them.
    times = [rng.multinomial(n, np.full(n, 1 / n), N_BOOTSTRAPS) for n in order.shape]
    samples = ((times[0] @ order) * times[1]).sum(axis=1) / order.size
    interval = bootstrap_interval(float(order.mean()), samples)
    few = " (few cases)" if case.sum() < FEWEST else ""
    return [*counts, f"{interval:.2f}{few}"]


def diagnosis_rows(table: pd.DataFrame, metadata: pd.DataFrame) -> list[str]:
    rows = ["| diagnosis | feature | cases | left out | AUROC |", "|---|---|---|---|---|"]
    for column, words, features in DIAGNOSES:
        is_case = metadata[column].str.lower().str.contains(words, regex=False).to_numpy()
        if words == "i degree av block":  # not the "i degree" of "ii degree"
            is_case = metadata[column].str.lower().str.contains(rf"(?:^|; ){words}").to_numpy()
        for feature in features:
            sign = -1.0 if feature.startswith("-") else 1.0
            score = sign * table[feature.removeprefix("-")].to_numpy()
            name = f"`{feature.removeprefix('-')}`" + (", low" if sign < 0 else "")
            rows.append(f"| {' | '.join([words, name, *auroc_cells(is_case, score)])} |")
    axis = table["qrs_axis"].to_numpy()
    for words, middle in AXES.items():
        score = -np.abs((axis - middle + 180) % 360 - 180)
        cells = auroc_cells(metadata["electric_axis"].eq(words).to_numpy(), score)
        rows.append(f"| axis: {words} | `qrs_axis`, near {middle:g} | {' | '.join(cells)} |")
    return rows


def time_rows(records: tuple[ECGRecord, ...], engine: str) -> list[str]:
    """Median milliseconds a record of the marks, the median beat and each group."""
    laps: dict[str, list[float]] = {}

    def lap(name: str, work: Callable[[], object]) -> object:
        start = time.process_time()
        done = work()
        laps.setdefault(name, []).append(time.process_time() - start)
        return done

    for record in (records[0], *records):  # the first one warms up
        marks = lap("delineation", lambda record=record: ENGINES[engine](record))
        beat = lap("median beat", lambda r=record, m=marks: median_beat(r, m))
        for group in ALL_GROUPS:
            lap(group, lambda g=group, r=record, m=marks, b=beat: MEASUREMENTS[g](r, m, b))
    times = {name: 1000 * float(np.median(values[1:])) for name, values in laps.items()}
    measured = sum(times.values()) - times["delineation"]
    rows = ["| part | ms a record |", "|---|---|"]
    rows += [f"| {name} | {value:.2f} |" for name, value in times.items()]
    return [*rows, f"| **all but delineation** | **{measured:.2f}** |"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--engine", choices=sorted(ENGINES), default="native")
    engine = parser.parse_args().engine
    # The headers scale every lead to 1 mV; the counts keep the ratios of the leads.
    ludb = fetch_ludb(amplitudes="counts")
    measure = ECGFeatures(engine=engine).set_output(transform="pandas")
    table = measure.fit_transform(list(ludb.records))
    text = [
        "# ECG features against LUDB's diagnoses",
        "",
        f"`python benchmarks/ecg_features.py --engine {engine}`",
        "",
        f"{len(ludb.records)} of LUDB's 200 records, one a patient, {table.shape[1]} features. The "
        "features of each diagnosis were taken from its definition beforehand. AUROC of the "
        "feature alone with its 95 % bootstrap interval. The native engine's network has learned "
        "the waves, not the diagnoses, of these patients.",
        "",
        *diagnosis_rows(table, ludb.metadata),
        "",
        f"CPU time of one thread, median of {N_TIMED} records of 10 s and twelve leads:",
        "",
        *time_rows(ludb.records[:N_TIMED], engine),
    ]
    RESULT.write_text("\n".join(text) + "\n")
    print("\n".join(text))


if __name__ == "__main__":
    main()
