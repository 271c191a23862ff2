"""The paper's protocol: rows split at random, the label a rule on two of its inputs."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import rankdata
from sklearn.base import clone
from sklearn.model_selection import StratifiedKFold

from cardiorisk.features import wide_qrs_label
from cardiorisk.io.machine_measurements import MEASURED
from wide_qrs_study.models import WideRule, forest, handicapped
from wide_qrs_study.smote import PaperPipeline

FOLDS, FLIPPED, SEED = 10, 0.05, 0

# Version 1 of the paper: accuracy, balanced accuracy, precision, recall, F1, AUROC.
PUBLISHED = {
    "CardioForest": (0.9495, 0.8831, 0.9489, 0.7761, 0.8537, 0.8806),
    "XGBoost, 10 trees": (0.8832, 0.7138, 0.8894, 0.4404, 0.5888, 0.8478),
    "LightGBM, 5 stumps": (0.8418, 0.6427, 0.6773, 0.3214, 0.4358, 0.7784),
    "gradient boosting, 3 trees": (0.9141, 0.7890, 0.9322, 0.5870, 0.7092, 0.8537),
}


@dataclass(frozen=True)
class Task:
    """Ten raw columns of the paper, its label, and the label with one in twenty flipped."""

    X: pd.DataFrame
    clean: np.ndarray
    flipped: np.ndarray


def paper_task(table: pd.DataFrame) -> Task:
    X = table[list(MEASURED)].assign(qrs_duration=table["qrs_end"] - table["qrs_onset"])
    clean = wide_qrs_label(table, "paper").to_numpy(dtype=bool)
    flips = np.random.default_rng(SEED).random(len(clean)) < FLIPPED
    return Task(X, clean, clean ^ flips)


def rule_by_hand(prevalence: float, flipped: float) -> tuple[float, ...]:
    """Return what the rule scores where ``flipped`` of the labels are wrong, without any data."""
    hit, seen = prevalence * (1 - flipped), prevalence * (1 - flipped) + (1 - prevalence) * flipped
    recall = hit / seen
    specificity = (1 - prevalence) * (1 - flipped) / (1 - seen)
    f1 = 2 * (1 - flipped) * recall / (1 - flipped + recall)
    balanced = (recall + specificity) / 2
    return 1 - flipped, balanced, 1 - flipped, recall, f1, balanced


def scores(y: np.ndarray, risk: np.ndarray) -> tuple[float, ...]:
    """Accuracy, balanced accuracy, precision, recall, F1 at 0.5, and AUROC."""
    said = risk >= 0.5
    recall, specificity = float(said[y].mean()), float((~said[~y]).mean())
    precision = float(y[said].mean()) if said.any() else float("nan")
    f1 = 2 * precision * recall / (precision + recall) if precision + recall > 0 else 0.0
    ranks, n = rankdata(risk), int(y.sum())
    area = (ranks[y].sum() - n * (n + 1) / 2) / (n * (len(y) - n))
    return float((said == y).mean()), (recall + specificity) / 2, precision, recall, f1, float(area)


def forest_models(n_jobs: int, forest_folds: int) -> dict[str, tuple[Any, int]]:
    """Make the published forest, and the number of folds in which it is fitted."""
    return {"CardioForest": (PaperPipeline(forest(n_jobs), smote=False), forest_folds)}


def smote_models(n_jobs: int, smote_folds: int) -> dict[str, tuple[Any, int]]:
    """Make the published forest behind SMOTE, which nearly doubles the training rows."""
    return {"CardioForest, SMOTE": (PaperPipeline(forest(n_jobs)), smote_folds)}


def other_models() -> dict[str, tuple[Any, int]]:
    """Make the rule and the paper's boosters, without and with SMOTE, fitted in every fold."""
    models: dict[str, Any] = {"rule: QRS > 120 ms": WideRule()}
    for name, model in handicapped().items():
        models[name] = PaperPipeline(model, smote=False)
        models[f"{name}, SMOTE"] = PaperPipeline(model)
    return {name: (model, FOLDS) for name, model in models.items()}


def out_of_fold(
    model: Any, X: pd.DataFrame, y: np.ndarray, n_folds: int
) -> tuple[np.ndarray, np.ndarray]:
    """Risks of the rows of the first folds, and which rows these are."""
    risk = np.full(len(y), np.nan)
    splits = StratifiedKFold(FOLDS, shuffle=True, random_state=SEED).split(X, y)
    for _, (train, test) in zip(range(n_folds), splits, strict=False):
        fitted = clone(model).fit(X.iloc[train], y[train])
        risk[test] = fitted.predict_proba(X.iloc[test])[:, 1]
    rows = np.flatnonzero(~np.isnan(risk))
    return risk[rows], rows


def paper_rows(task: Task, models: dict[str, tuple[Any, int]]) -> Iterator[str]:
    """Lines of the table: each model with 5 % flips, beside the paper, and without flips."""
    for name, (model, n_folds) in models.items():
        risk, rows = out_of_fold(model, task.X, task.flipped, n_folds)
        found = scores(task.flipped[rows], risk)
        rule = task.X["qrs_duration"].to_numpy()[rows] > 120
        agrees = float((rule == (risk >= 0.5)).mean())
        risk, rows = out_of_fold(model, task.X, task.clean, min(n_folds, 2))
        clean = scores(task.clean[rows], risk)
        published = PUBLISHED.get(name.partition(", SMOTE")[0])
        cells = [f"{value:.4f}" for value in found]
        theirs = f"{published[0]:.4f} / {published[1]:.4f}" if published else ""
        cells += [theirs, f"{agrees:.2%}", f"{clean[0]:.4f}", f"{n_folds}"]
        yield f"| {name} | {' | '.join(cells)} |"
