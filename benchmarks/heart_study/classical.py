"""The 16 classical models of the paper, and what a user would pick today."""

from typing import Any

from catboost import CatBoostClassifier
from interpret.glassbox import ExplainableBoostingClassifier
from lightgbm import LGBMClassifier
from sklearn.calibration import CalibratedClassifierCV
from sklearn.discriminant_analysis import (
    LinearDiscriminantAnalysis,
    QuadraticDiscriminantAnalysis,
)
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import (
    AdaBoostClassifier,
    BaggingClassifier,
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import BernoulliNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier
from xgboost import XGBClassifier

from cardiorisk.estimators import CardioForestClassifier

Candidate = tuple[Any, dict[str, list[Any]] | None]
"""A model and the settings to choose from, or None where it is taken as it is."""

SEED = {"random_state": 0}
BOOST = {"n_estimators": 200, "learning_rate": 0.05, "n_jobs": 1, **SEED}


def linear_and_near() -> dict[str, Candidate]:
    return {
        "logistic regression": (
            LogisticRegression(max_iter=2000),
            {"C": [0.01, 0.03, 0.1, 0.3, 1.0, 3.0]},
        ),
        "LDA": (LinearDiscriminantAnalysis(solver="lsqr"), {"shrinkage": [0.01, 0.05, 0.2, 0.5]}),
        "QDA": (
            QuadraticDiscriminantAnalysis(reg_param=0.1),
            {"reg_param": [0.01, 0.1, 0.3, 0.6, 0.9]},
        ),
        "Bernoulli naive Bayes": (BernoulliNB(), {"alpha": [0.1, 1.0, 10.0]}),
        "k nearest neighbours": (
            KNeighborsClassifier(),
            {"n_neighbors": [5, 11, 21, 31, 51], "weights": ["uniform", "distance"]},
        ),
        "MLP": (
            MLPClassifier((32,), max_iter=150, **SEED),
            {"alpha": [0.1, 1.0, 10.0]},
        ),
        "constant": (DummyClassifier(), None),
    }


def trees() -> dict[str, Candidate]:
    return {
        "decision tree": (
            DecisionTreeClassifier(**SEED),
            {"min_samples_leaf": [5, 10, 20, 40], "max_depth": [3, 5, None]},
        ),
        "bagging": (
            BaggingClassifier(DecisionTreeClassifier(), n_estimators=100, **SEED),
            {"estimator__min_samples_leaf": [1, 5]},
        ),
        "random forest": (
            RandomForestClassifier(n_estimators=200, **SEED),
            {"min_samples_leaf": [1, 3, 6]},
        ),
        "AdaBoost": (
            AdaBoostClassifier(n_estimators=100, **SEED),
            {"learning_rate": [0.1, 0.5]},
        ),
        "gradient boosting": (
            GradientBoostingClassifier(n_estimators=150, subsample=0.7, **SEED),
            {"learning_rate": [0.03, 0.1], "max_depth": [2, 3]},
        ),
        "histogram boosting": (
            HistGradientBoostingClassifier(learning_rate=0.05, max_iter=150, **SEED),
            {"max_leaf_nodes": [4, 8]},
        ),
        "XGBoost": (
            XGBClassifier(**BOOST, subsample=0.7, colsample_bytree=0.7),
            {"max_depth": [2, 4], "min_child_weight": [1, 8]},
        ),
        "LightGBM": (
            LGBMClassifier(**BOOST, verbose=-1, subsample=0.7, subsample_freq=1),
            {"num_leaves": [4, 12], "min_child_samples": [10, 30]},
        ),
        "CatBoost": (
            CatBoostClassifier(
                iterations=300, learning_rate=0.03, verbose=False, thread_count=1,
                allow_writing_files=False, **SEED,
            ),
            {"depth": [3, 5]},
        ),
    }  # fmt: skip


def picked_today() -> dict[str, Candidate]:
    """Models that the paper did not compare with.

    TabPFN is not among them: its weights are downloaded at first use, under their own licence,
    and cannot be had from a package index.
    """
    machine = CalibratedClassifierCV(SVC(kernel="rbf", gamma=0.03), ensemble=False, cv=5)
    return {
        "SVM, RBF kernel": (machine, {"estimator__C": [0.3, 1.0, 3.0]}),
        "extra trees": (
            ExtraTreesClassifier(n_estimators=200, **SEED),
            {"min_samples_leaf": [1, 3, 6]},
        ),
        "explainable boosting (EBM)": (
            ExplainableBoostingClassifier(n_jobs=1, outer_bags=3, max_rounds=500, **SEED),
            None,
        ),
        "CardioForest, ensemble": (
            CardioForestClassifier(backend="ensemble", device="cpu", n_jobs=1, **SEED),
            None,
        ),
    }


def classical() -> dict[str, Candidate]:
    """Return the paper's 16."""
    return {**linear_and_near(), **trees()}
