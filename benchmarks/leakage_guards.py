"""Leakage guards on the cases that they were made for, on clean tables, and what they cost.

Run: CARDIORISK_DATA=folder python benchmarks/leakage_guards.py
Writes benchmarks/results/leakage_guards.md.

Thresholds were set from the arguments that stand beside them in the code; the tables below judged
them afterwards. The last two tables (iris, digits) are not counted: one of the iris species is
truly a threshold away.
"""

import argparse
import time
from pathlib import Path

import numpy as np
from leakage_cases.clean import clean_rows
from leakage_cases.real_cases import case_rows

from cardiorisk.evaluation import check_leakage

RESULTS = Path(__file__).parent / "results" / "leakage_guards.md"


def cost(n_rows: int, n_columns: int) -> str:
    """CPU seconds of the cheap guards on a table of normal columns, ten folds."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n_rows, n_columns))
    y = X[:, 0] + rng.normal(size=n_rows) > 1
    start = time.process_time()
    check_leakage(X, y, cv=10, sites=rng.integers(20, size=n_rows), guards="cheap")
    return f"| {n_rows:,} x {n_columns} | {time.process_time() - start:.2f} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=10, help="draws of each simulated table")
    arguments = parser.parse_args()
    start, lines = time.process_time(), []

    def say(*new: str) -> None:
        print(*new, sep="\n", flush=True)
        lines.extend(new)

    say("# Leakage guards", "", "`CARDIORISK_DATA=folder python benchmarks/leakage_guards.py`", "")
    say("## Where each is needed", "")
    say("| case | found | done properly | AUROC, five folds |", "|---|---|---|---|")
    for row in case_rows():
        say(row)
    say("", "## Twenty clean tables", "", "| table | draws | alarms |", "|---|---|---|")
    for row in clean_rows(arguments.seeds):
        say(row)
    say("", "## Cost of those that `evaluate` runs", "", "| table | CPU s |", "|---|---|")
    for n_rows, n_columns in ((1000, 20), (10_000, 50), (100_000, 50)):
        say(cost(n_rows, n_columns))
    say("", f"{time.process_time() - start:.0f} s of CPU time.")
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
