"""What plain models, tensor networks, the paper's hybrids and KACQ-DCNN are worth on 918 rows.

Run: ``CARDIORISK_DATA=folder python benchmarks/heart_models.py``, about an hour on one core.
``--parts`` runs some parts only. Everything that was measured is kept in ``--cache``, a folder
outside the repository: a run that was stopped goes on, and the tables are written from whatever is
there. Writes ``benchmarks/results/heart_models.md`` and two pictures into ``docs/pictures``.
"""

import argparse
import tempfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
from heart_study.circuits import circuit_models
from heart_study.classical import Candidate, classical, picked_today
from heart_study.comparison import compared, comparison_lines, draw_ranks, fold_mean
from heart_study.duplicates import draw_duplicates, duplicate_lines, duplicate_runs
from heart_study.epochs import selection_lines, small_net_runs
from heart_study.honest import in_new_centres, in_random_folds, kept
from heart_study.pipelines import tuned
from heart_study.published_split import published_lines, published_splits
from heart_study.result_lines import Both, centre_lines, fold_lines
from heart_study.tables import HeartRows, read_heart_rows

RESULTS = Path(__file__).parent / "results" / "heart_models.md"
PICTURES = Path(__file__).parents[1] / "docs" / "pictures"
CACHE = Path(tempfile.gettempdir()) / "cardiorisk_heart_models"
REPEATS = 3
ONCE = ("explainable boosting (EBM)", "CardioForest, ensemble")
"""Models that are costly to fit: ten folds once, not three times."""

Maker = Callable[[], Mapping[str, Candidate]]
HONEST: dict[str, tuple[Maker, int]] = {
    "classical": (lambda: {**classical(), **picked_today()}, REPEATS),
    "circuits": (circuit_models, 1),
}
"""Parts of the honest protocols: what is measured, and how often."""


def honest(name: str, rows: HeartRows, cache: Path, *, run: bool) -> dict[str, Both]:
    """Measure the models of one part in random folds and in new centres, or read what is there."""
    make, repeats = HONEST[name]
    found = {}
    for model, (estimator, grid) in make().items():
        times = 1 if model in ONCE else repeats
        keys = (f"{model} folds", f"{model} centres")
        if not run and not all((cache / f"{key}.joblib").exists() for key in keys):
            continue
        candidate: Any = tuned(estimator, grid)
        found[model] = (
            kept(cache, keys[0], lambda e=candidate, n=times: in_random_folds(e, rows, n)),
            kept(cache, keys[1], lambda e=candidate: in_new_centres(e, rows)),
        )
        print(f"{model}: AUROC {fold_mean(found[model][0]):.4f}", flush=True)
    return found


def other_parts(rows: HeartRows) -> dict[str, Callable[[], pd.DataFrame]]:
    """Parts with a table of runs of their own."""
    return {
        "split": lambda: published_splits(classical(), rows),
        "selection": lambda: small_net_runs(rows),
        "duplicates": duplicate_runs,
    }


def lines_of(
    measured: Mapping[str, Both], tables: Mapping[str, pd.DataFrame], plain: Iterable[str]
) -> list[str]:
    """Every table that there are results for."""
    best = max(set(plain) & set(measured), key=lambda name: fold_mean(measured[name][0]))
    in_folds = {name: one for name, (one, _) in measured.items()}
    sections = {
        "Ten stratified folds, everything inside them": fold_lines(measured),
        "A new centre: each predicted by models of the other two, AUROC": centre_lines(measured),
        f"Differences from the best plain model, {best}, in the same ten folds": comparison_lines(
            compared(in_folds, best), best
        ),
    }
    renderers = {
        "split": ("The paper's split of 734 and 184 rows", published_lines),
        "selection": ("Choosing the epoch on the test rows", selection_lines),
        "duplicates": ("1,190 rows, 272 of them twice", duplicate_lines),
    }
    for name, (title, render) in renderers.items():
        if name in tables:
            sections[title] = render(tables[name])
    lines = ["# Heart disease, 918 rows, every model", "", "`python benchmarks/heart_models.py`"]
    for title, section in sections.items():
        lines += ["", f"## {title}", "", *section]
    return lines


def main() -> None:
    names = [*HONEST, *other_parts(read_heart_rows())]
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cache", type=Path, default=CACHE)
    parser.add_argument("--parts", nargs="*", choices=names, default=names)
    arguments = parser.parse_args()
    rows, cache = read_heart_rows(), arguments.cache
    measured: dict[str, Both] = {}
    for name in HONEST:
        measured |= honest(name, rows, cache, run=name in arguments.parts)
    tables = {
        name: kept(cache, name, make)
        for name, make in other_parts(rows).items()
        if name in arguments.parts or (cache / f"{name}.joblib").exists()
    }
    plain = [name for name in measured if name in {**classical(), **picked_today()}]
    RESULTS.write_text("\n".join(lines_of(measured, tables, plain)) + "\n", encoding="utf-8")
    draw_ranks({name: one for name, (one, _) in measured.items()}, PICTURES / "heart_ranks.svg")
    if "duplicates" in tables:
        draw_duplicates(tables["duplicates"], PICTURES / "heart_duplicates.svg")


if __name__ == "__main__":
    main()
