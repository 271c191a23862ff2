"""Labels, features and splits against each other, and the task as it should be posed."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from cardiorisk.evaluation import EvaluationResult, check_leakage, evaluate
from cardiorisk.features import MachineMeasurements, wide_qrs_label
from wide_qrs_study.models import fair, forest, handicapped
from wide_qrs_study.smote import PaperPipeline

FEATURES: dict[str, tuple[str, ...]] = {
    "all": (),
    "without the end of QRS": ("qrs_end",),
    "without QRS edges": ("qrs_onset", "qrs_end"),
    "without QRS edges and axis": ("qrs_onset", "qrs_end", "qrs_axis"),
}
MODES = ("paper", "wct", "report")
FOLDS, RESAMPLES = 5, 200


def labelled(table: pd.DataFrame, mode: str) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """Rows whose label can be told, the label, and the patient."""
    label = wide_qrs_label(table, mode)
    told = label.notna().to_numpy()
    rows = table[told]
    return rows, label[told].to_numpy(dtype=bool), rows["subject_id"].to_numpy()


def features_of(table: pd.DataFrame, drop: tuple[str, ...]) -> pd.DataFrame:
    return MachineMeasurements(drop=drop).set_output(transform="pandas").fit_transform(table)


def measured(
    model: Any, X: pd.DataFrame, y: np.ndarray, patients: np.ndarray | None
) -> EvaluationResult:
    return evaluate(
        model, X, y, groups=patients, cv=FOLDS, n_bootstraps=RESAMPLES, guards=None, random_state=0
    )


def balanced_accuracy(result: EvaluationResult) -> float:
    said, event = result.risk >= 0.5, result.outcome
    return float((said[event].mean() + (~said[~event]).mean()) / 2)


def protocol_rows(table: pd.DataFrame, n_jobs: int) -> Iterator[str]:
    """Every label with and without the columns that make it, by rows and by patients."""
    model = fair(n_jobs)["XGBoost, fair"]
    for mode in MODES:
        rows, y, patients = labelled(table, mode)
        for words in ("all", "without QRS edges"):
            X = features_of(rows, FEATURES[words])
            guards = check_leakage(X, y, guards="rule_labels")
            found = ", ".join("/".join(finding.columns) for finding in guards) or "none"
            cells = [mode, f"{y.mean():.1%}", words, found]
            for groups in (None, patients):
                result = measured(model, X, y, groups)
                cells += [f"{result.metrics['auroc']:.3f}", f"{balanced_accuracy(result):.3f}"]
            yield f"| {' | '.join(cells)} |"


def useful_rows(table: pd.DataFrame, n_jobs: int) -> Iterator[str]:
    """Predict the report's label from less and less of QRS, by patients."""
    rows, y, patients = labelled(table, "report")
    published = {
        "published forest, 200 trees": PaperPipeline(forest(n_jobs, 200), smote=False),
        **{
            f"published {name}": PaperPipeline(model, smote=False)
            for name, model in handicapped().items()
        },
    }
    for words, drop in FEATURES.items():
        X = features_of(rows, drop)
        models = fair(n_jobs)
        if words == "without QRS edges":
            models = {**published, **models}
        for name, model in models.items():
            metrics = measured(model, X, y, patients).metrics
            cells = [
                f"{metrics[key]:.3f}" for key in ("auroc", "auprc", "brier", "calibration_slope")
            ]
            yield f"| {words} | {X.shape[1]} | {name} | {' | '.join(cells)} |"
