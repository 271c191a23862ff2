"""Cleaning tables of ECG carts: rows a second, artefacts found, true values lost.

The table is simulated, so that the truth is known; ``--file`` takes the time on a real one too.
Beside ``MachineMeasurements`` stand two plain pandas recipes: codes and ranges column by column,
and the whole chain P onset < P end <= QRS onset < QRS end < T end, asked of each row at once.
"Impossible" artefacts are those that a rule can see, "plausible" ones are not.

Run: python benchmarks/machine_measurements.py [--records 800035] [--file machine_measurements.csv]
Writes benchmarks/results/machine_measurements.md.
"""

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd

from cardiorisk.datasets import make_machine_measurements
from cardiorisk.features import FEATURES, ECGFeatures, MachineMeasurements
from cardiorisk.io import read_machine_measurements
from cardiorisk.io.machine_measurements import MEASURED

RESULT = Path(__file__).parent / "results" / "machine_measurements.md"
TIMES = ["p_onset", "p_end", "qrs_onset", "qrs_end", "t_end"]
AXES = ["p_axis", "qrs_axis", "t_axis"]


def ranges(table: pd.DataFrame) -> pd.DataFrame:
    clean = table[list(MEASURED)].mask(table[list(MEASURED)].abs() >= 29999)
    clean["rr_interval"] = clean["rr_interval"].where(clean["rr_interval"].between(200, 3000))
    clean[TIMES] = clean[TIMES].where((clean[TIMES] >= 0) & (clean[TIMES] <= 2000))
    clean[AXES] = clean[AXES].where((clean[AXES] >= -180) & (clean[AXES] <= 270))
    return clean.assign(**{name: 180 - (180 - clean[name]) % 360 for name in AXES})


def chain(table: pd.DataFrame) -> pd.DataFrame:
    clean = ranges(table)
    width = clean["qrs_end"] - clean["qrs_onset"]
    ordered = (
        (clean["p_onset"] < clean["p_end"])
        & (clean["p_end"] <= clean["qrs_onset"])
        & (clean["qrs_end"] < clean["t_end"])
        & width.between(40, 300)
    )
    clean[TIMES] = clean[TIMES].where(ordered)
    return clean


def ours(table: pd.DataFrame) -> pd.DataFrame:
    engine = MachineMeasurements(raw=True).set_output(transform="pandas")
    return engine.fit_transform(table)


def scores(clean: pd.DataFrame, artefacts: pd.DataFrame) -> list[str]:
    """Shares of artefacts and of true values that are missing afterwards, in per cent."""
    gone, kinds = clean[list(MEASURED)].isna().to_numpy(), artefacts.astype(object).to_numpy()
    kept = kinds == "none"
    edges = [MEASURED.index("qrs_onset"), MEASURED.index("qrs_end")]
    qrs = kept[:, edges].all(axis=1)
    return [
        f"{100 * gone[kinds == 'not_measured'].mean():.2f}",
        f"{100 * gone[kinds == 'impossible'].mean():.2f}",
        f"{100 * gone[kinds == 'plausible'].mean():.2f}",
        f"{100 * gone[kept].mean():.4f}",
        f"{100 * gone[:, edges].any(axis=1)[qrs].mean():.4f}",
    ]


def seconds(run: Callable[[pd.DataFrame], object], table: pd.DataFrame, repeats: int) -> float:
    taken = []
    for _ in range(repeats):
        start = time.perf_counter()
        run(table)
        taken.append(time.perf_counter() - start)
    return float(np.median(taken))


def reading(table: pd.DataFrame) -> list[str]:
    """Seconds and memory to read the table from a CSV file, whole and in part."""
    lines = ["| read | s | MB |", "|---|---|---|"]
    with TemporaryDirectory() as folder:
        path = Path(folder, "machine_measurements.csv")
        table.to_csv(path, index=False)
        for columns in ("all", "measured", "report"):
            start = time.perf_counter()
            read = read_machine_measurements(path, columns=columns)
            taken = time.perf_counter() - start
            megabytes = read.memory_usage(deep=True).sum() / 1e6
            lines.append(f"| `columns={columns!r}` | {taken:.1f} | {megabytes:.0f} |")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--records", type=int, default=800_035)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--file", type=Path)
    arguments = parser.parse_args()
    start = time.perf_counter()
    simulated = make_machine_measurements(arguments.records, random_state=0)
    making = time.perf_counter() - start
    table = simulated.data
    size = table.memory_usage(deep=True).sum() / 1e6
    lines = [
        "# Cleaning tables of ECG carts",
        "",
        f"{len(table)} simulated ECGs, made in {making:.1f} s, {size:.0f} MB. Medians of "
        f"{arguments.repeats} runs on one core. Shares in per cent: of codes, of impossible and "
        "of plausible artefacts that are missing afterwards; of true values, and of true QRS "
        "complexes, that are lost.",
        "",
        "| way | s | rows/s | codes | impossible | plausible | true values lost | true QRS lost |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, way in (
        ("pandas, codes and ranges", ranges),
        ("pandas, one chain a row", chain),
        ("MachineMeasurements, with 16 features", ours),
    ):
        taken = seconds(way, table, arguments.repeats)
        clean = way(table)
        clean = clean.assign(rr_interval=clean.get("rr_interval", clean.get("rr_mean")))
        row = [name, f"{taken:.2f}", f"{len(table) / taken:,.0f}"]
        lines.append(f"| {' | '.join(row + scores(clean, simulated.artefacts))} |")
    lines += ["", *reading(table)]
    names = list(MachineMeasurements().get_feature_names_out())
    from_signals = set(ECGFeatures().get_feature_names_out())
    lines += [
        "",
        f"{len(names)} features; {sum(name in from_signals for name in names)} of them are columns "
        f"of ECGFeatures and {sum(name in FEATURES for name in names)} have a row in FEATURES.",
    ]
    if arguments.file is not None:
        real = read_machine_measurements(arguments.file, columns="measured")
        taken = seconds(ours, real, arguments.repeats)
        lines += ["", f"`{arguments.file.name}`: {len(real)} rows in {taken:.2f} s.", "", "```"]
        lines += [MachineMeasurements().removal_counts(real).to_string(), "```"]
    text = "\n".join(lines) + "\n"
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(text)
    print(text)


if __name__ == "__main__":
    main()
