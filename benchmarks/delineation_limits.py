"""Ask how well any engine could do on LUDB's marks.

    python benchmarks/delineation_limits.py --folds FOLDER

FOLDER holds the networks of the folds, see benchmarks/delineation.py. Three limits: the F1 of an
engine that marks every edge of every wave whose peak the cardiologist marked, as edges are left
out in some beats; the scatter of the errors around the mean error of their own record and lead,
which an engine has that knows what the cardiologist does in that lead and only not in which beat;
and the scatter on patients that the network of the package was trained on.

Writes benchmarks/results/delineation_limits.md.
"""

import argparse
from pathlib import Path

import numpy as np
from delineation import Engine, held_out_engine, package_engine

from cardiorisk.datasets import fetch_ludb
from cardiorisk.features._mark_scores import TOLERANCE, match, score_marks
from cardiorisk.records import Delineation

RESULT = Path(__file__).parent / "results" / "delineation_limits.md"
EDGES = {"P_on": 14, "P_off": 13, "QRS_on": 8, "QRS_off": 9, "T_off": 18}  # goals, ms
PEAKS = {"P": "P_peak", "QRS": "R_peak", "T": "T_peak"}


def known(values: np.ndarray) -> np.ndarray:
    return values[np.isfinite(values)]


def best_f1(marks: tuple[Delineation, ...], edge: str) -> float:
    """F1 in % where an edge is marked beside each marked peak, and all that is marked is found."""
    peak = PEAKS[edge.split("_")[0]]
    edges, peaks = (
        sum(len(known(lead[name])) for mark in marks for lead in mark.leads)
        for name in (edge, peak)
    )
    return 200 * edges / (edges + max(edges, peaks))


def scatter_within_leads(
    truth: tuple[Delineation, ...], found: list[Delineation], edge: str
) -> tuple[float, float]:
    """SD in ms of all errors, and around the mean of their record and lead."""
    errors = []
    for true, seen in zip(truth, found, strict=True):
        for lead, ours in zip(true.leads, seen.leads, strict=True):
            reach = TOLERANCE * true.sampling_rate
            error, _ = match(known(lead[edge]), known(ours[edge]), reach)
            errors.append(error / true.sampling_rate * 1000)
    within = np.concatenate([error - error.mean() for error in errors if len(error)])
    free = len(within) - sum(len(error) > 0 for error in errors)  # a mean a lead was fitted
    return float(np.concatenate(errors).std()), float(np.sqrt((within**2).sum() / free))


def rows(held_out: Engine) -> list[str]:
    ludb = fetch_ludb()
    found = [held_out(ecg) for ecg in ludb.records]
    seen = score_marks(ludb.marks, [package_engine("native")(ecg) for ecg in ludb.records])
    scores = score_marks(ludb.marks, found)
    table = [
        "| edge | F1, % | of an engine that marks all edges | SD, ms | of beats in their lead "
        "| on patients it was trained on | goal |",
        "|---|---|---|---|---|---|---|",
    ]
    for edge, goal in EDGES.items():
        total, within = scatter_within_leads(ludb.marks, found, edge)
        cells = [
            edge,
            f"{scores.loc[edge, 'f1']:.2f}",
            f"{best_f1(ludb.marks, edge):.2f}",
            f"{total:.1f}",
            f"{within:.1f}",
            f"{seen.loc[edge, 'sd']:.1f}",
            str(goal),
        ]
        table.append(f"| {' | '.join(cells)} |")
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--folds", type=Path, required=True)
    asked = parser.parse_args()
    text = [
        "# What the marks of LUDB allow",
        "",
        "`python benchmarks/delineation_limits.py --folds FOLDER`",
        "",
        *rows(held_out_engine(asked.folds)),
    ]
    RESULT.write_text("\n".join(text) + "\n")
    print("\n".join(text))


if __name__ == "__main__":
    main()
