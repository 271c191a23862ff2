"""Ask how the edges of the native engine depend on the number of patients it learns from.

    python benchmarks/delineation_learning.py --folds FOLDER [--of 1 2] [--patients 20 40]

FOLDER holds the networks of the folds, see benchmarks/delineation.py, each trained on 80 patients.
For the folds of ``--of`` further networks are trained on the first patients of a random order of
the same 80, in as many steps, and all are scored on the 20 patients of the fold. 15 minutes a
network on one core; networks are kept in FOLDER and not trained twice, so that two processes can
share the work by sizes, and a third call writes the table.

Writes benchmarks/results/delineation_learning.md.
"""

import argparse
import logging
from pathlib import Path

import numpy as np
from delineation import stored_network
from delineation_limits import EDGES

from cardiorisk.datasets import fetch_ludb
from cardiorisk.features._mark_scores import score_marks
from cardiorisk.features._native_engine import mark_waves
from cardiorisk.features._train_wave_net import EPOCHS, train, write_weights
from cardiorisk.features._wave_examples import ludb_examples, simulated_examples
from cardiorisk.features._wave_net import WaveNet

RESULT = Path(__file__).parent / "results" / "delineation_learning.md"


def network(folder: Path, fold: int, n_patients: int) -> tuple[WaveNet, list[str]]:
    """Read or train the network of a fold that has seen some patients; and who tests it."""
    whole, tested = stored_network(folder / f"fold{fold}.npz")
    ludb = fetch_ludb()
    seen = [row for row, ecg in enumerate(ludb.records) if ecg.record_id not in tested]
    if n_patients == len(seen):
        return whole, tested
    path = folder / f"learning{fold}_{n_patients}.npz"
    if not path.exists():
        rows = np.random.default_rng(fold).permutation(seen)[:n_patients]
        real = ludb_examples([ludb.records[i] for i in rows], [ludb.marks[i] for i in rows])
        n_epochs = round(EPOCHS * len(seen) / n_patients)
        weights = train(real, simulated_examples(), n_epochs, fold)
        write_weights(path, weights, tested=np.array(tested))
    return stored_network(path)


def table(folder: Path, folds: list[int], sizes: list[int]) -> list[str]:
    ludb = fetch_ludb()
    lines = [
        f"| patients | F1 P_on, % | {' | '.join(f'SD {edge}, ms' for edge in EDGES)} |",
        "|---|---|" + "---|" * len(EDGES),
    ]
    for n_patients in sizes:
        truth, found = [], []
        for fold in folds:
            net, tested = network(folder, fold, n_patients)
            for ecg, marks in zip(ludb.records, ludb.marks, strict=True):
                if ecg.record_id in tested:
                    truth.append(marks)
                    found.append(mark_waves(ecg, net))
        scores = score_marks(truth, found)
        cells = [f"{scores.loc[edge, 'sd']:.1f}" for edge in EDGES]
        lines.append(f"| {n_patients} | {scores.loc['P_on', 'f1']:.2f} | {' | '.join(cells)} |")
        print(lines[-1], flush=True)
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--folds", type=Path, required=True)
    parser.add_argument("--of", type=int, nargs="+", default=[1, 2], help="numbers of folds")
    parser.add_argument("--patients", type=int, nargs="+", default=[20, 40, 80])
    asked = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    lines = table(asked.folds, asked.of, asked.patients)
    if len(asked.patients) < 3:
        return
    goals = " | ".join(str(goal) for goal in EDGES.values())
    text = [
        "# Delineation by the number of patients that the network has seen",
        "",
        "`python benchmarks/delineation_learning.py --folds FOLDER`",
        "",
        f"Folds {', '.join(map(str, asked.of))} of five, {20 * len(asked.of)} test patients, which "
        "did not choose the settings of the training:",
        "",
        *lines,
        f"| goal | 98 | {goals} |",
    ]
    RESULT.write_text("\n".join(text) + "\n")


if __name__ == "__main__":
    main()
