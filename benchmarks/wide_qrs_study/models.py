"""The published settings, fair ones, and the rule of one line."""

from typing import Any, Self

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from cardiorisk.estimators import CardioForestClassifier

SEED = 42


class WideRule(ClassifierMixin, BaseEstimator):
    """QRS above 120 ms: learns nothing."""

    def fit(self, X: pd.DataFrame, y: Any) -> Self:
        """Learn nothing."""
        self.classes_ = np.array([False, True])
        return self

    def predict_proba(self, X: pd.DataFrame) -> np.ndarray:
        """Return 1 for a wide QRS."""
        wide = (X["qrs_duration"] > 120).to_numpy(dtype=float)
        return np.column_stack([1 - wide, wide])


def forest(n_jobs: int, n_estimators: int = 1000) -> CardioForestClassifier:
    return CardioForestClassifier.published().set_params(n_jobs=n_jobs, n_estimators=n_estimators)


def handicapped() -> dict[str, Any]:
    """Make the paper's baselines: three to ten trees of depth one or two (authors' code)."""
    import lightgbm
    import xgboost

    return {
        "XGBoost, 10 trees": xgboost.XGBClassifier(
            n_estimators=10, max_depth=2, learning_rate=0.5, subsample=0.4, colsample_bytree=0.2,
            gamma=3, reg_alpha=2, reg_lambda=2, random_state=SEED, n_jobs=1,
        ),
        "LightGBM, 5 stumps": lightgbm.LGBMClassifier(
            n_estimators=5, max_depth=1, learning_rate=0.8, subsample=0.3, subsample_freq=1,
            colsample_bytree=0.1, min_child_samples=50, reg_alpha=3, reg_lambda=3,
            random_state=SEED, n_jobs=1, verbose=-1,
        ),
        "gradient boosting, 3 trees": GradientBoostingClassifier(
            n_estimators=3, max_depth=2, learning_rate=0.4, subsample=0.5, min_samples_split=9,
            min_samples_leaf=10, max_features=0.3, validation_fraction=0.1, n_iter_no_change=2,
            random_state=SEED,
        ),
    }  # fmt: skip


def fair(n_jobs: int) -> dict[str, Any]:
    """CardioForest's defaults, which no data of this study chose, and logistic regression."""
    backends = {"XGBoost": "xgboost", "LightGBM": "lightgbm", "forest": "forest"}
    return {
        "logistic regression": make_pipeline(
            SimpleImputer(strategy="median", add_indicator=True),
            StandardScaler(),
            LogisticRegression(max_iter=1000),
        ),
        **{
            f"{name}, fair": CardioForestClassifier(
                backend=backend, device="cpu", random_state=0, n_jobs=n_jobs
            )
            for name, backend in backends.items()
        },
    }
