"""What plain models, hybrids, tensor networks and KACQ-DCNN are worth on 918 rows.

Run: ``CARDIORISK_DATA=folder python benchmarks/heart_models.py``. ``--parts`` runs some parts only;
what was run before is read from ``--cache``, a folder outside the repository, so that a run that
was stopped goes on. Writes ``benchmarks/results/heart_models.md``.
"""

import argparse
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from heart_study.classical import Candidate, classical, picked_today
from heart_study.honest import Measured, in_new_centres, in_random_folds, kept
from heart_study.pipelines import tuned
from heart_study.tables import HeartRows, read_heart_rows

RESULTS = Path(__file__).parent / "results" / "heart_models.md"
CACHE = Path(tempfile.gettempdir()) / "cardiorisk_heart_models"
REPEATS = 3
SLOW = ("explainable boosting (EBM)", "CardioForest, ensemble")


def honest(
    candidates: Mapping[str, Candidate], rows: HeartRows, cache: Path, repeats: int
) -> dict[str, tuple[Measured, Measured]]:
    """Measure each model in random folds and in new centres."""
    found = {}
    for name, (model, grid) in candidates.items():
        estimator: Any = tuned(model, grid)
        times = 1 if name in SLOW else repeats
        found[name] = (
            kept(cache, f"{name} folds", lambda e=estimator, n=times: in_random_folds(e, rows, n)),
            kept(cache, f"{name} centres", lambda e=estimator: in_new_centres(e, rows)),
        )
        auroc = found[name][0].result.per_fold["auroc"].mean()
        print(f"{name}: AUROC {auroc:.4f}", flush=True)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cache", type=Path, default=CACHE)
    arguments = parser.parse_args()
    rows = read_heart_rows()
    honest({**classical(), **picked_today()}, rows, arguments.cache, REPEATS)


if __name__ == "__main__":
    main()
