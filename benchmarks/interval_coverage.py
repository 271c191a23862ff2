"""How often each interval that is printed contains the true value, by simulation.

Cohorts are drawn from populations whose measures are known by numerical integration: fixed
predictions of known true risks (``interval_study``). A level of 95 % is promised. Every population
and size is kept in ``--cache`` block by block, so that a run that was stopped goes on; the table
is written from whatever is there.

    python benchmarks/interval_coverage.py [--sizes 200 2000] [--cohorts 1000 1000]
    python benchmarks/interval_coverage.py --sizes 200 --cohorts 4000 --bootstraps 300 --only ten
    python benchmarks/interval_coverage.py --sizes 200 --cohorts 3100 --bootstraps 300 --only pat
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

RESULTS = Path(__file__).parent / "results" / "interval_coverage.md"
CACHE = Path(tempfile.gettempdir()) / "cardiorisk_interval_coverage"
BLOCK = 100
RESAMPLES = {200: 300, 2000: 200}  # by size
LABELS = "three labels a row"
HEAD = """\
# How often intervals contain the truth

`python benchmarks/interval_coverage.py`: fixed predictions of known true risks, 95 % promised,
resamples: {resamples}; in per cent of the cohorts. Threshold 0.2; differences are those of two
models on the same rows; gaps are those of a sicker subgroup from the others. The bins of the
calibration table and ten points of the smooth curve's band are averaged. Clopper and Pearson
promise 95 % or more of every bin, not 95 % on average. Of 1,000 cohorts two standard errors are 1.4
points. Subgroups of fewer than ten events have no gaps: with one event in ten three in four cohorts
of 200 have none. Methods were chosen on other populations and seeds.

Populations with half the events share their cohorts, so that their noise is the same. Where
predictions are well calibrated the true ICI is 0: an interval that does not go below 0 can only err
to one side there, and covers 97.5 if that side is exact.
"""
LABEL_HEAD = "\n## Averages over labels\n"
SIDES = """
## Further than two points from the promise

| measure | population | intervals | covered | too high | too low |
|---|---|---|---|---|---|"""
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


def kept(folder: Path) -> pd.DataFrame:
    """Add the blocks of one population and size; bins and points of the band are put together."""
    parts = [pd.read_csv(path, index_col=0) for path in sorted(folder.glob("*.csv"))]
    counts = pd.concat(parts)
    n_cohorts = int(counts["cohorts"].iloc[:: len(parts[0])].sum())
    names = counts.index.to_series().replace(
        {
            r"^bin \d+": "bins of the calibration table, Clopper-Pearson",
            r"^jeffreys bin \d+": "bins of the calibration table, Jeffreys",
            r"^band \d+": "band of the curve",
        },
        regex=True,
    )
    total = counts[["known", "too high", "too low"]].groupby(names, sort=False).sum()
    total["cohorts"] = n_cohorts
    return total


def write(cache: Path, n_bootstraps: dict[int, int]) -> None:
    """Write the tables of everything that is kept."""
    covered, sides, cohorts = {}, [], {}
    resamples = ", ".join(f"{count} at n = {n:,}" for n, count in n_bootstraps.items())
    for name, n in ((name, n) for n in n_bootstraps for name in (*POPULATIONS, LABELS)):
        folder = cache / f"{name} n={n}"
        if not any(folder.glob("*.csv")):
            continue
        total = kept(folder)
        share = 100 * total[["too high", "too low"]].div(total["known"], axis=0)
        head = f"{name}, n = {n:,}"
        covered[head], cohorts[head] = 100 - share.sum(axis=1), int(total["cohorts"].iloc[0])
        for measure in share.index[(share.sum(axis=1) - 5).abs() > 2]:
            high, low = share.loc[measure]
            cell = f"{measure} | {head} | {total.loc[measure, 'known']:,}"
            sides.append(f"| {cell} | {100 - high - low:.1f} | {high:.1f} | {low:.1f} |")
    lines = [HEAD.format(resamples=resamples), *matrix(covered, LABELS, cohorts), LABEL_HEAD]
    lines += [*matrix(covered, "", cohorts), SIDES, *(sides or ["| none | | | | | |"])]
    RESULTS.write_text("\n".join(lines) + "\n", encoding="utf-8")


def matrix(covered: dict[str, pd.Series], without: str, cohorts: dict[str, int]) -> list[str]:
    """Tabulate measures by population: those of one risk, or (``without=""``) those of labels."""
    heads = [head for head in covered if head.startswith(LABELS) != bool(without)]
    if not heads:
        return []
    table = pd.DataFrame({head: covered[head] for head in heads}, index=covered[heads[0]].index)
    lines = ["| measure | " + " | ".join(heads) + " |", "|---" * (len(heads) + 1) + "|"]
    for measure, row in table.iterrows():
        cells = ("" if np.isnan(value) else f"{value:.1f}" for value in row)
        lines.append(f"| {measure} | " + " | ".join(cells) + " |")
    return [*lines, "| cohorts | " + " | ".join(f"{cohorts[head]:,}" for head in heads) + " |"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=list(RESAMPLES))
    parser.add_argument("--cohorts", type=int, nargs="+", default=[1000, 1000], help="by size")
    parser.add_argument(
        "--bootstraps", type=int, nargs="+", default=[*RESAMPLES.values()], help="by size"
    )
    parser.add_argument("--only", default="", help="part of a population's name")
    parser.add_argument("--cache", type=Path, default=CACHE)
    options = parser.parse_args()
    resamples = dict(zip(options.sizes, options.bootstraps, strict=True))
    for n, n_cohorts in zip(options.sizes, options.cohorts, strict=True):
        chosen = {name: make for name, make in cells(n, resamples[n]) if options.only in name}
        for first in range(0, n_cohorts, BLOCK):
            for name, make in chosen.items():
                path = options.cache / f"{name} n={n}" / f"{first:05d}.csv"
                path.parent.mkdir(parents=True, exist_ok=True)
                if not path.exists():
                    block(make, range(first, min(first + BLOCK, n_cohorts)), path)
            write(options.cache, RESAMPLES | resamples)
            print(f"n = {n}, {min(first + BLOCK, n_cohorts)} cohorts", flush=True)


if __name__ == "__main__":
    main()
