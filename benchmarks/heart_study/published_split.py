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
from heart_study.run_lines import PUBLISHED_SEED
from heart_study.tables import HeartRows

OTHER_SEEDS = range(20)


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
