"""What plain models, tensor networks, the paper's hybrids and KACQ-DCNN are worth on 918 rows.

Run: ``CARDIORISK_DATA=folder python benchmarks/heart_models.py``, about an hour on one core.
``--parts`` runs some parts only. Everything that was measured is kept in ``--cache``, a folder
outside the repository: a run that was stopped goes on, and the tables are written from whatever is
there. Writes ``benchmarks/results/heart_models.md`` and two pictures into ``docs/pictures``.
"""

import argparse
import tempfile
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import joblib
import pandas as pd
from heart_study.comparison import compared, comparison_lines, draw_ranks, fold_mean
from heart_study.honest import in_new_centres, in_random_folds, kept
from heart_study.pipelines import tuned
from heart_study.result_lines import Both, centre_lines, fold_lines
from heart_study.run_lines import (
    draw_duplicates,
    duplicate_lines,
    published_lines,
    selection_lines,
)
from heart_study.tables import HeartRows, read_heart_rows

RESULTS = Path(__file__).parent / "results" / "heart_models.md"
PICTURES = Path(__file__).parents[1] / "docs" / "pictures"
CACHE = Path(tempfile.gettempdir()) / "cardiorisk_heart_models"
REPEATS = 3
THRICE = (
    *("logistic regression", "LDA", "QDA", "Bernoulli naive Bayes", "k nearest neighbours"),
    *("MLP", "constant", "decision tree", "bagging", "random forest"),
)
"""Models in three repeats of the ten folds; the others have the first repeat only."""

DRAWN = (
    "KACQ-DCNN, default",
    "KACQ, one network",
    "MERA, 3 layers",
    "MPS, 4 layers",
    "TTN, 4 layers",
)
"""What the picture of ranks shows beside the plain models."""

Part = Callable[[], Any]
AUGMENTATIONS = ("none", "in-sample", "out-of-fold")
TITLES = {
    "split": "The paper's split of 734 and 184 rows",
    "selection": "Choosing the epoch on the test rows",
    "duplicates": "1,190 rows, 272 of them twice",
}
RENDERERS = {
    "split": published_lines,
    "selection": selection_lines,
    "duplicates": duplicate_lines,
}


def honest_parts() -> dict[str, Part]:
    """Models of the honest protocols, by part; heavy packages wait until a part is run."""

    def plain() -> Any:
        from heart_study.classical import classical, picked_today

        return {**classical(), **picked_today()}

    def circuits() -> Any:
        from heart_study.circuits import circuit_models

        return circuit_models()

    def networks() -> Any:
        from heart_study.kacq_models import kacq_models

        return kacq_models()

    return {"classical": plain, "circuits": circuits, "kacq": networks}


def other_parts(rows: HeartRows) -> dict[str, Part]:
    """Parts with a table of runs of their own."""

    def split() -> Any:
        from heart_study.classical import classical
        from heart_study.published_split import published_splits

        return published_splits(classical(), rows)

    def selection(augmentation: str) -> Any:
        from heart_study.epochs import small_net_runs

        return small_net_runs(rows, augmentation)

    def published_size(augmentation: str) -> Any:
        from heart_study.published_network import published_network_runs

        return published_network_runs(rows, augmentation)

    def duplicates() -> Any:
        from heart_study.duplicates import duplicate_runs

        return duplicate_runs()

    chosen = {f"selection {name}": partial(selection, name) for name in AUGMENTATIONS}
    chosen |= {
        f"selection published {name}": partial(published_size, name)
        for name in ("none", "in-sample")
    }
    return {"split": split, "duplicates": duplicates, **chosen}


def measure(
    models: Mapping[str, Any], rows: HeartRows, cache: Path, only: Sequence[str] | None
) -> None:
    """Measure the models of one part in random folds and in new centres."""
    for name, (estimator, grid) in models.items():
        if only is not None and name not in only:
            continue
        times = REPEATS if name in THRICE else 1
        model: Any = tuned(estimator, grid)
        in_folds = kept(
            cache, f"{name} folds", lambda m=model, n=times: in_random_folds(m, rows, n, cache)
        )
        kept(cache, f"{name} centres", lambda m=model: in_new_centres(m, rows, cache))
        print(f"{name}: AUROC {fold_mean(in_folds):.4f}", flush=True)


def measured_before(cache: Path) -> dict[str, Both]:
    """Read every model that was measured in both protocols."""
    names = [path.stem.removesuffix(" folds") for path in sorted(cache.glob("* folds.joblib"))]
    return {
        name: (joblib.load(cache / f"{name} folds.joblib"), joblib.load(second))
        for name in names
        if (second := cache / f"{name} centres.joblib").exists()
    }


def write_tables(cache: Path, honest: Sequence[str], others: Sequence[str]) -> None:
    """Write every table and picture that there are results for."""
    by_part = {part: measured_before(cache / part) for part in honest}
    measured = {name: both for part in by_part.values() for name, both in part.items()}
    plain = by_part["classical"]
    best = max(plain, key=lambda name: fold_mean(plain[name][0]))
    in_folds = {name: one for name, (one, _) in measured.items()}
    sections = {
        "Ten stratified folds, everything inside them": fold_lines(measured),
        "A new centre: each predicted by models of the other two, AUROC": centre_lines(measured),
        f"Differences from the best plain model, {best}, in the same ten folds": comparison_lines(
            compared(in_folds, best), best
        ),
    }
    tables = {name: joblib.load(p) for name in others if (p := cache / f"{name}.joblib").exists()}
    chosen = [tables.pop(name) for name in list(tables) if name.startswith("selection")]
    tables |= {"selection": pd.concat(chosen)} if chosen else {}
    sections |= {TITLES[name]: RENDERERS[name](table) for name, table in tables.items()}
    lines = ["# Heart disease, 918 rows, every model", "", "`python benchmarks/heart_models.py`"]
    for title, section in sections.items():
        lines += ["", f"## {title}", "", *section]
    RESULTS.write_text("\n".join(lines) + "\n", encoding="utf-8")
    drawn = {name: in_folds[name] for name in (*plain, *DRAWN) if name in in_folds}
    draw_ranks(drawn, PICTURES / "heart_ranks.svg")
    if "duplicates" in tables:
        draw_duplicates(tables["duplicates"], PICTURES / "heart_duplicates.svg")


def main() -> None:
    rows = read_heart_rows()
    honest, others = honest_parts(), other_parts(rows)
    names = [*honest, *others]
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cache", type=Path, default=CACHE)
    parser.add_argument("--parts", nargs="*", choices=names, default=names)
    parser.add_argument("--models", nargs="*", help="only these, of the honest protocols")
    parser.add_argument("--no-tables", action="store_true", help="measure, and write nothing")
    arguments = parser.parse_args()
    for name in arguments.parts:
        if name in honest:
            measure(honest[name](), rows, arguments.cache / name, arguments.models)
        else:
            kept(arguments.cache, name, others[name])
    if not arguments.no_tables:
        write_tables(arguments.cache, list(honest), list(others))


if __name__ == "__main__":
    main()
