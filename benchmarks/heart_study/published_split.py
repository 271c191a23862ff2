"""The paper's protocol for its classical models: one split, and scaling that sees the test rows."""

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.base import clone
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import MinMaxScaler, OrdinalEncoder

from heart_study.classical import Candidate
from heart_study.tables import HeartRows

PUBLISHED_SEED = 101
OTHER_SEEDS = range(20)

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


def as_published(rows: HeartRows) -> npt.NDArray[np.float64]:
    """Alphabetical codes for words and a range of 0 to 1, both from all rows, test rows too."""
    words = rows.X.select_dtypes(exclude="number").columns
    table = rows.X.copy()
    table[words] = OrdinalEncoder().fit_transform(table[words])
    return MinMaxScaler().fit_transform(table.to_numpy(dtype=float))


def published_splits(candidates: Mapping[str, Candidate], rows: HeartRows) -> pd.DataFrame:
    """Accuracy and AUROC on the published 184 test rows, and on those of 20 other seeds."""
    X = as_published(rows)
    found = []
    for name, (model, _) in candidates.items():
        for seed in (PUBLISHED_SEED, *OTHER_SEEDS):
            accuracy, auroc = _one_split(model, X, rows.y, seed)
            found.append({"model": name, "seed": seed, "accuracy": accuracy, "auroc": auroc})
        print(f"{name}: split {PUBLISHED_SEED} and {len(OTHER_SEEDS)} others", flush=True)
    return pd.DataFrame(found)


def _one_split(
    model: Any, X: npt.NDArray[np.float64], y: npt.NDArray[np.intp], seed: int
) -> tuple[float, float]:
    X_train, X_test, y_train, y_test = train_test_split(
        X, y, test_size=0.2, stratify=y, random_state=seed
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        risk = clone(model).fit(X_train, y_train).predict_proba(X_test)[:, 1]
    return float(np.mean((risk >= 0.5) == y_test)), float(roc_auc_score(y_test, risk))


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
        higher = (others["accuracy"] > accuracy).mean()
        mean, spread = others.mean(numeric_only=True), others.std(numeric_only=True)
        lines.append(
            f"| {name} | {accuracy:.3f} / {auroc:.3f} | {own.accuracy:.3f} / {own.auroc:.3f} | "
            f"{mean.accuracy:.3f} ± {spread.accuracy:.3f} | {mean.auroc:.3f} ± {spread.auroc:.3f} "
            f"| {higher:.0%} |"
        )
    return lines
