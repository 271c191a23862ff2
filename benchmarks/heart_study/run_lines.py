"""Markdown tables and a picture of the parts that have runs of their own."""

from pathlib import Path

import numpy as np
import pandas as pd

PUBLISHED_SEED = 101

PUBLISHED = {
    "CatBoost": (0.9076, 0.9534), "MLP": (0.8696, 0.9406),
    "logistic regression": (0.8587, 0.9267), "k nearest neighbours": (0.8641, 0.9171),
    "LDA": (0.8478, 0.9243), "random forest": (0.8967, 0.9525), "QDA": (0.8370, 0.9209),
    "histogram boosting": (0.8750, 0.9409), "LightGBM": (0.8913, 0.9503),
    "XGBoost": (0.8696, 0.9372), "gradient boosting": (0.9130, 0.9463),
    "AdaBoost": (0.8696, 0.9339), "bagging": (0.8750, 0.9257),
    "Bernoulli naive Bayes": (0.8098, 0.8970), "decision tree": (0.7717, 0.7702),
    "constant": (0.5543, 0.5),
}  # fmt: skip
"""Accuracy and AUROC of the authors' public result table, github.com/Abrar2652/KACQ-DCNN."""

WAYS = {
    "random": "1,190 rows, random folds",
    "together": "1,190 rows, copies kept in one fold",
    "once": "918 different rows, random folds",
}


def published_lines(found: pd.DataFrame) -> list[str]:
    lines = [
        "| model | published acc / AUROC | the same split here | other splits: accuracy ± SD "
        "| AUROC ± SD | other splits above the published accuracy |",
        "|---|---|---|---|---|---|",
    ]
    for name, runs in found.groupby("model", sort=False):
        own = runs[runs["seed"] == PUBLISHED_SEED].iloc[0]
        others = runs[runs["seed"] != PUBLISHED_SEED]
        accuracy, auroc = PUBLISHED[str(name)]
        higher = (others["accuracy"] > accuracy + 5e-4).mean()
        mean, spread = others.mean(numeric_only=True), others.std(numeric_only=True)
        lines.append(
            f"| {name} | {accuracy:.3f} / {auroc:.3f} | {own.accuracy:.3f} / {own.auroc:.3f} | "
            f"{mean.accuracy:.3f} ± {spread.accuracy:.3f} | {mean.auroc:.3f} ± {spread.auroc:.3f} "
            f"| {higher:.0%} |"
        )
    return lines


def selection_lines(found: pd.DataFrame) -> list[str]:
    """One line a network and augmentation; differences with their standard error over splits."""
    lines = [
        "| network | 12th feature | inner-validation epoch, acc / AUROC | best test epoch "
        "| best test epoch, whole training part | optimism of the accuracy, points |",
        "|---|---|---|---|---|---|",
    ]
    for (net, augmentation), runs in found.groupby(["network", "augmentation"], sort=False):
        by = runs.pivot(index="seed", columns="way", values="accuracy")
        auroc = runs.groupby("way")["auroc"].mean()
        gain = 100 * (by["as published"] - by["inner"])
        cells = [
            f"{by[way].mean():.3f} / {auroc[way]:.3f}"
            for way in ("inner", "best test epoch", "as published")
        ]
        error = gain.std() / np.sqrt(len(gain))
        lines.append(
            f"| {net} | {augmentation} | {' | '.join(cells)} | {gain.mean():+.1f} ± {error:.1f} |"
        )
    return lines


def duplicate_lines(found: pd.DataFrame) -> list[str]:
    mean = found.groupby(["model", "way"], sort=False)["accuracy"].mean().unstack()[list(WAYS)]
    lines = [f"| model | {' | '.join(WAYS.values())} |", "|---|---|---|---|"]
    return lines + [
        f"| {name} | {' | '.join(f'{value:.3f}' for value in row)} |"
        for name, row in mean.iterrows()
    ]


def draw_duplicates(found: pd.DataFrame, path: Path) -> None:
    """Draw each model's accuracy under the three ways as dots on one line."""
    import matplotlib.pyplot as plt

    from cardiorisk._colours import INK, LOWERS, MUTED, RAISES, RULE

    mean = found.groupby(["model", "way"], sort=False)["accuracy"].mean().unstack()[list(WAYS)]
    figure, ax = plt.subplots(figsize=(7, 2.6), layout="constrained")
    places = np.arange(len(mean))
    ax.hlines(places, mean.min(axis=1), mean.max(axis=1), color=RULE, linewidth=1)
    looks = {"random": (RAISES, "o"), "together": (MUTED, "D"), "once": (LOWERS, "s")}
    for way, (colour, marker) in looks.items():
        ax.plot(mean[way], places, marker, color=colour, label=WAYS[way])
    ax.set_yticks(places, mean.index)
    ax.set_ylim(len(mean) - 0.5, -0.5)
    ax.set_xlabel("accuracy, ten folds", color=INK)
    ax.spines[["top", "right", "left"]].set_visible(False)
    figure.legend(loc="outside upper left", ncols=3, fontsize=7.5, frameon=False)
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)
