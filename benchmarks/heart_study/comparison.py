"""Which differences between models are more than the draw of the folds."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pandas as pd

from cardiorisk.evaluation import (
    EvaluationResult,
    compare,
    critical_difference,
    plot_critical_difference,
)
from heart_study.honest import Measured

ROPE = 0.005  # AUROC: what the study promises to be near


def first_repeat(result: EvaluationResult) -> EvaluationResult:
    """Keep the first ten folds, which every model has."""
    return replace(
        result,
        probability=result.probability[:1],
        fold=result.fold[:1],
        per_fold=result.per_fold[result.per_fold["repeat"] == 0],
    )


def fold_mean(measured: Measured) -> float:
    """Mean AUROC of the folds of the first repeat."""
    return float(first_repeat(measured.result).per_fold["auroc"].mean())


def compared(measured: Mapping[str, Measured], baseline: str) -> pd.DataFrame:
    """AUROC of each model less the baseline's: corrected t-test, and posterior probabilities."""
    results = {name: first_repeat(one.result) for name, one in measured.items()}
    tests = compare(results, test="corrected-t", correction="bonferroni", baseline=baseline).table
    posterior = compare(results, test="bayesian-t", baseline=baseline, rope=ROPE).table
    keys = ["first", "second"]
    chances = ["p_second_higher", "p_equivalent", "p_first_higher"]
    return tests.merge(posterior[[*keys, *chances]], on=keys)


def comparison_lines(table: pd.DataFrame, baseline: str) -> list[str]:
    lines = [
        f"| model less {baseline} | AUROC | 95 % | p, Bonferroni | lower by more than {ROPE:g} "
        "| equivalent | higher |",
        "|---|---|---|---|---|---|---|",
    ]
    found = []
    for row in table.itertuples():
        sign = 1 if row.second == baseline else -1
        low, high = sorted((sign * row.low, sign * row.high))
        chances = (row.p_second_higher, row.p_equivalent, row.p_first_higher)
        cells = [f"{chance:.2f}" for chance in chances[::sign]]
        name = row.first if sign == 1 else row.second
        line = (
            f"| {name} | {sign * row.difference:+.4f} | {low:+.4f} to {high:+.4f} | "
            f"{row.p_adjusted:.3g} | {' | '.join(cells)} |"
        )
        found.append((-sign * row.difference, line))
    return lines + [line for _, line in sorted(found)]


def draw_ranks(measured: Mapping[str, Measured], path: Path) -> None:
    """Draw mean ranks over the ten folds with the critical difference."""
    import matplotlib.pyplot as plt

    results = {name: first_repeat(one.result) for name, one in measured.items()}
    scores = compare(results).scores
    figure, ax = plt.subplots(figsize=(10, 5))
    plot_critical_difference(critical_difference(scores), ax)
    figure.savefig(path, metadata={"Date": None}, bbox_inches="tight")
    plt.close(figure)
