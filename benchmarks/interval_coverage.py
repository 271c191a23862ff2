"""How often each interval that is printed contains the true value, by simulation.

Cohorts are drawn from populations whose measures are known by numerical integration: fixed
predictions of known true risks (``interval_study``). A level of 95 % is promised. Every population
and size is kept in ``--cache`` block by block, so that a run that was stopped goes on; the table
is written from whatever is there.

    python benchmarks/interval_coverage.py [--cohorts 2000 1000] [--sizes 200 2000]
"""

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from interval_study.cohorts import POPULATIONS
from interval_study.labels import labels_of_one_cohort, true_labels
from interval_study.printed import one_cohort
from interval_study.truth import truth

RESULTS = Path(__file__).parent / "results" / "interval_coverage.csv"
CACHE = Path(tempfile.gettempdir()) / "cardiorisk_interval_coverage"
BLOCK = 100
LABELS = "three labels a row"
Limits = dict[str, tuple[float, float, float]]  # true value, low, high


def cells(n: int, n_bootstraps: int) -> Iterator[tuple[str, Callable[[int], Limits]]]:
    """Name each population, with a function that makes the intervals of a seed."""
    for name, population in POPULATIONS.items():
        yield name, partial(one_cohort, population, truth(population), n, n_bootstraps)
    yield LABELS, partial(labels_of_one_cohort, true_labels(), n, n_bootstraps)


def block(make: Callable[[int], Limits], seeds: range, path: Path) -> None:
    """Judge the intervals of some cohorts, and keep the counts."""
    start, rows = time.process_time(), []
    for seed in seeds:
        for name, (value, low, high) in make(seed).items():
            known = np.isfinite(low) and np.isfinite(high)
            above, below = known and low > value + 1e-12, known and high < value - 1e-12
            rows.append((name, known, above, below))
    table = pd.DataFrame(rows, columns=["measure", "known", "too high", "too low"])
    table = table.groupby("measure", sort=False).sum()
    table["cohorts"] = len(seeds)
    table["seconds"] = time.process_time() - start
    table.to_csv(path)


def write(cache: Path, n_bootstraps: int) -> None:
    """Write shares of cohorts, in per cent, of everything that is kept."""
    rows = []
    for folder in sorted(cache.iterdir()):
        parts = [pd.read_csv(path, index_col=0) for path in sorted(folder.glob("*.csv"))]
        if not parts:
            continue
        total = pd.concat(parts).groupby(level=0, sort=False).sum()
        population, n = folder.name.rsplit(" n=", 1)
        share = 100 * total[["too high", "too low"]].div(total["known"], axis=0)
        frame = pd.DataFrame({"population": population, "n": int(n)}, index=total.index)
        frame["covered"] = 100 - share.sum(axis=1)
        frame[["too high", "too low"]] = share
        frame["cohorts"], frame["with interval"] = total["cohorts"], total["known"]
        frame["resamples"] = n_bootstraps
        rows.append(frame.round(1))
    if rows:
        pd.concat(rows).reset_index().to_csv(RESULTS, index=False)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=[200, 2000])
    parser.add_argument("--cohorts", type=int, nargs="+", default=[2000, 1000], help="by size")
    parser.add_argument("--bootstraps", type=int, default=400)
    parser.add_argument("--only", default="", help="part of a population's name")
    parser.add_argument("--cache", type=Path, default=CACHE)
    options = parser.parse_args()
    for n, n_cohorts in zip(options.sizes, options.cohorts, strict=True):
        chosen = {name: make for name, make in cells(n, options.bootstraps) if options.only in name}
        for first in range(0, n_cohorts, BLOCK):
            for name, make in chosen.items():
                path = options.cache / f"{name} n={n}" / f"{first:05d}.csv"
                path.parent.mkdir(parents=True, exist_ok=True)
                if not path.exists():
                    block(make, range(first, min(first + BLOCK, n_cohorts)), path)
            write(options.cache, options.bootstraps)
            print(f"n = {n}, {min(first + BLOCK, n_cohorts)} cohorts", flush=True)


if __name__ == "__main__":
    main()
