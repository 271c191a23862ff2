"""The union of 1,190 rows, 272 of which are there twice: what random folds make of them."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.ensemble import ExtraTreesClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold, cross_val_predict
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from heart_study.tables import read_union

SEEDS = range(3)
WAYS = {
    "random": "1,190 rows, random folds",
    "together": "1,190 rows, copies kept in one fold",
    "once": "918 different rows, random folds",
}
MODELS: dict[str, Any] = {
    "1 nearest neighbour": KNeighborsClassifier(1),
    "extra trees": ExtraTreesClassifier(200, random_state=0),
    "random forest": RandomForestClassifier(200, random_state=0),
    "logistic regression": LogisticRegression(max_iter=1000),
}


def duplicate_runs() -> pd.DataFrame:
    """Accuracy of each model in ten folds, under each way to treat the copies."""
    X, y = read_union()
    whole = X.assign(target=y)
    first = ~whole.duplicated().to_numpy()
    copies = whole.groupby(list(whole.columns), sort=False).ngroup().to_numpy()
    found = []
    for name, model in MODELS.items():
        pipeline = make_pipeline(StandardScaler(), model)
        for seed in SEEDS:
            random = StratifiedKFold(10, shuffle=True, random_state=seed)
            grouped = StratifiedGroupKFold(10, shuffle=True, random_state=seed)
            runs = {
                "random": (X, y, None, random),
                "together": (X, y, copies, grouped),
                "once": (X[first], y[first], None, random),
            }
            for way, (table, labels, groups, folds) in runs.items():
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    guess = cross_val_predict(pipeline, table, labels, groups=groups, cv=folds)
                accuracy = float(np.mean(guess == labels))
                found.append({"model": name, "way": way, "seed": seed, "accuracy": accuracy})
    return pd.DataFrame(found)


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
