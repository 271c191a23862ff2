"""A fitted model of histories, seen as a classifier of how much each code weighs."""

from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, ClassifierMixin, TransformerMixin
from sklearn.linear_model._base import LinearClassifierMixin

from cardiorisk.estimators._concept_heads import Head, LinearHead
from cardiorisk.features._code_features import ReadsHistories

__all__ = ["CodeClassifier", "CodeWeights", "LinearCodeClassifier", "code_view"]

Floats = npt.NDArray[np.float64]


class CodeWeights(ReadsHistories, TransformerMixin, BaseEstimator):
    """From histories to the weight of each known code, (n_patients, n_codes), sparse.

    Parameters
    ----------
    embedding : fitted ConceptEmbedding
    """

    def __init__(self, embedding: Any) -> None:
        self.embedding = embedding

    def fit(self, X: Any, y: Any = None) -> "CodeWeights":
        """Do nothing: the embedding is fitted."""
        return self

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def transform(self, X: Any) -> Any:
        """Weigh the codes of each patient."""
        return self.embedding.code_weights(X)

    def get_feature_names_out(self, input_features: Any = None) -> npt.NDArray[Any]:
        """Return the codes."""
        return np.asarray(self.embedding.vocabulary_, dtype=object)


class CodeClassifier(ClassifierMixin, BaseEstimator):
    """From code weights to risk: pool the vectors, standardise, and ask the head.

    Parameters
    ----------
    vectors : ndarray of float, shape (n_codes, d)
    centre, scale : ndarray of float, shape (d,)
    head : Head
    classes : ndarray, shape (2,)
    """

    def __init__(
        self, vectors: Floats, centre: Floats, scale: Floats, head: Any, classes: Any
    ) -> None:
        self.vectors = vectors
        self.centre = centre
        self.scale = scale
        self.head = head
        self.classes = classes

    @property
    def classes_(self) -> npt.NDArray[Any]:
        """The two classes."""
        return np.asarray(self.classes)

    @property
    def n_features_in_(self) -> int:
        """Number of codes."""
        return len(self.vectors)

    def fit(self, X: Any, y: Any) -> "CodeClassifier":
        """Do nothing: the head is fitted."""
        return self

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def risk_of_vectors(self, pooled: Floats) -> Floats:
        """Risk of patient vectors (n, d) that are not yet standardised, shape (n,)."""
        return self.head.risk((pooled - self.centre) / self.scale)

    def predict_proba(self, X: Any) -> Floats:
        """Probability of both classes, shape (n, 2)."""
        risk = self.risk_of_vectors(np.asarray(X @ self.vectors, dtype=float))
        return np.stack([1 - risk, risk], axis=1)

    def predict(self, X: Any) -> npt.NDArray[Any]:
        """Name the more probable class, shape (n,)."""
        return self.classes_[self.predict_proba(X).argmax(axis=1)]


class LinearCodeClassifier(LinearClassifierMixin, CodeClassifier):
    """A code classifier whose log-odds are a sum over codes: ``coef_`` holds one term a code."""

    @property
    def coef_(self) -> Floats:
        """Log odds ratio of one unit of weight of each code, shape (1, n_codes)."""
        return np.asarray((self.vectors @ (self.head.coef / self.scale))[None], dtype=float)

    @property
    def intercept_(self) -> Floats:
        """Log-odds of a patient without known codes, shape (1,)."""
        return np.array([self.head.intercept - self.centre @ (self.head.coef / self.scale)])

    def margin_of_vectors(self, pooled: Floats) -> Floats:
        """Log-odds of patient vectors (n, d) that are not yet standardised, shape (n,)."""
        return np.asarray(self.head.margin((pooled - self.centre) / self.scale))

    def predict(self, X: Any) -> npt.NDArray[Any]:
        """Name the more probable class, shape (n,)."""
        return CodeClassifier.predict(self, X)


def code_view(
    embedding: Any, centre: Floats, scale: Floats, head: Head, classes: npt.NDArray[Any]
) -> tuple[CodeWeights, CodeClassifier]:
    """Take a model apart where the codes are: weights of codes, and what becomes of them."""
    kind = LinearCodeClassifier if isinstance(head, LinearHead) else CodeClassifier
    vectors = np.asarray(embedding.vectors_, dtype=float)
    return CodeWeights(embedding), kind(vectors, centre, scale, head, classes)
