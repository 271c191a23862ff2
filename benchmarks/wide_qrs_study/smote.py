"""SMOTE in a few lines, before a classifier (Chawla et al. 2002, doi:10.1613/jair.953)."""

from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.impute import SimpleImputer
from sklearn.neighbors import NearestNeighbors
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

NEIGHBOURS = 5


def oversample(X: np.ndarray, y: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Invent rows of the rarer class until both are equally many."""
    rng = np.random.default_rng(seed)
    rare = bool(y.mean() <= 0.5)
    members = X[y == rare]
    n_new = len(y) - 2 * len(members)
    near = NearestNeighbors(n_neighbors=NEIGHBOURS + 1).fit(members).kneighbors(members)[1][:, 1:]
    first = rng.integers(len(members), size=n_new)
    second = near[first, rng.integers(NEIGHBOURS, size=n_new)]
    made = members[first] + rng.random((n_new, 1)) * (members[second] - members[first])
    return np.concatenate([X, made]), np.concatenate([y, np.full(n_new, rare)])


class PaperPipeline(ClassifierMixin, BaseEstimator):
    """Median imputation, standard scaling, SMOTE of the training rows, and a classifier."""

    def __init__(self, classifier: Any, smote: bool = True) -> None:
        self.classifier = classifier
        self.smote = smote

    def fit(self, X: Any, y: Any) -> Self:
        """Prepare the training rows, invent others, and train."""
        self.before_ = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
        table, labels = self.before_.fit_transform(X), np.asarray(y, dtype=bool)
        if self.smote:
            table, labels = oversample(table, labels, seed=42)
        self.model_ = clone(self.classifier).fit(table, labels)
        self.classes_ = self.model_.classes_
        return self

    def predict_proba(self, X: Any) -> np.ndarray:
        """Predict prepared rows."""
        return self.model_.predict_proba(self.before_.transform(X))
