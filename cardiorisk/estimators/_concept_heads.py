"""The classifiers that stand on patient vectors, each reduced to what a prediction needs."""

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import expit
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.metrics.pairwise import euclidean_distances
from sklearn.neural_network import MLPClassifier
from sklearn.svm import SVC

from cardiorisk.estimators._inner_splits import Split
from cardiorisk.estimators._vote import platt_curve
from cardiorisk.estimators.cardioforest import CardioForestClassifier

__all__ = [
    "HEADS",
    "Head",
    "KernelHead",
    "LinearHead",
    "NeighbourHead",
    "NetworkHead",
    "TreeHead",
    "fit_head",
]

PENALTIES = (1e-4, 3e-4, 1e-3, 3e-3, 0.01, 0.03, 0.1, 0.3, 1.0)
"""Values of ``C`` that cross-validation chooses from, for columns of standard deviation 1."""

MLP = {"hidden_layer_sizes": (32,), "alpha": 1.0, "max_iter": 60}
NEIGHBOURS = 50
KERNEL_WIDTH = 0.1
"""``gamma`` times the number of columns. With scikit-learn's 1 and unweighted classes the kernel
machine ranks rare outcomes badly; both were chosen on simulations that no study uses."""
BATCH = 1000  # rows whose distances are held at once

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class LinearHead:
    """Logistic regression: ``expit(vectors @ coef + intercept)``."""

    coef: Floats
    intercept: float
    penalty: float

    def margin(self, vectors: Floats) -> Floats:
        """Log-odds of the second class, shape (n,)."""
        return np.asarray(vectors @ self.coef + self.intercept)

    def risk(self, vectors: Floats) -> Floats:
        """Probability of the second class, shape (n,)."""
        return np.asarray(expit(self.margin(vectors)))


@dataclass(frozen=True, eq=False)
class NetworkHead:
    """Perceptron with rectified layers, as the arrays of its weights."""

    weights: list[Floats]
    biases: list[Floats]

    def risk(self, vectors: Floats) -> Floats:
        """Probability of the second class, shape (n,)."""
        for weight, bias in zip(self.weights[:-1], self.biases[:-1], strict=True):
            vectors = np.maximum(vectors @ weight + bias, 0)
        return np.asarray(expit((vectors @ self.weights[-1] + self.biases[-1])[:, 0]))


@dataclass(frozen=True, eq=False)
class NeighbourHead:
    """Share of cases among the nearest training patients."""

    vectors: Floats
    outcomes: Floats
    n_neighbors: int

    def risk(self, vectors: Floats) -> Floats:
        """Probability of the second class, shape (n,)."""
        count = min(self.n_neighbors, len(self.outcomes))
        risk = np.empty(len(vectors))
        for first in range(0, len(vectors), BATCH):
            rows = slice(first, first + BATCH)
            distance = euclidean_distances(vectors[rows], self.vectors, squared=True)
            near = np.argpartition(distance, count - 1, axis=1)[:, :count]
            risk[rows] = self.outcomes[near].mean(axis=1)
        return risk


@dataclass(frozen=True, eq=False)
class KernelHead:
    """Support vector machine, with Platt's curve from patients that it did not see."""

    machine: SVC
    curve: Floats

    def risk(self, vectors: Floats) -> Floats:
        """Probability of the second class, shape (n,)."""
        if not len(vectors):
            return np.empty(0)
        slope, intercept = self.curve
        return np.asarray(expit(slope * self.machine.decision_function(vectors) + intercept))


@dataclass(frozen=True, eq=False)
class TreeHead:
    """Boosted trees."""

    trees: CardioForestClassifier

    def risk(self, vectors: Floats) -> Floats:
        """Probability of the second class, shape (n,)."""
        if not len(vectors):
            return np.empty(0)
        return np.asarray(self.trees.predict_proba(vectors)[:, 1], dtype=float)


Head = LinearHead | NetworkHead | NeighbourHead | KernelHead | TreeHead


def _fit_logistic(
    vectors: Floats,
    y: npt.NDArray[np.intp],
    folds: Callable[[], Sequence[Split]],
    params: Any,
    seed: int,
) -> LinearHead:
    penalty = params.pop("C", None)
    if penalty is None:
        penalty = _choose_penalty(vectors, y, folds(), params)
    model = _logistic(penalty, params).fit(vectors, y)
    return LinearHead(model.coef_[0], float(model.intercept_[0]), float(penalty))


def _logistic(penalty: float, params: Mapping[str, Any]) -> LogisticRegression:
    return LogisticRegression(**({"C": penalty, "max_iter": 1000} | dict(params)))


def _choose_penalty(
    vectors: Floats, y: npt.NDArray[np.intp], folds: Sequence[Split], params: Mapping[str, Any]
) -> float:
    """Penalty of the smallest log loss of patients that did not train, in one of ``PENALTIES``."""
    losses = np.zeros(len(PENALTIES))
    for train, test in folds:
        for place, penalty in enumerate(PENALTIES):
            model = _logistic(penalty, params).fit(vectors[train], y[train])
            risk = model.predict_proba(vectors[test])
            losses[place] += log_loss(y[test], risk, labels=[0, 1], normalize=False)
    return PENALTIES[int(np.argmin(losses))]


def _fit_network(
    vectors: Floats, y: npt.NDArray[np.intp], folds: Any, params: Any, seed: int
) -> NetworkHead:
    with warnings.catch_warnings():  # the number of epochs is a choice, not a failure
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = MLPClassifier(**({**MLP, "random_state": seed} | params)).fit(vectors, y)
    if model.activation != "relu":
        raise ValueError(f"Got activation={model.activation!r}, but expected 'relu'.")
    return NetworkHead(list(model.coefs_), list(model.intercepts_))


def _fit_neighbours(
    vectors: Floats, y: npt.NDArray[np.intp], folds: Any, params: Any, seed: int
) -> NeighbourHead:
    count = params.pop("n_neighbors", NEIGHBOURS)
    if params:
        raise ValueError(f"Got {sorted(params)} for 'knn', but expected n_neighbors only.")
    return NeighbourHead(vectors, y.astype(float), int(count))


def _fit_kernel(
    vectors: Floats,
    y: npt.NDArray[np.intp],
    folds: Callable[[], Sequence[Split]],
    params: Any,
    seed: int,
) -> KernelHead:
    wide = KERNEL_WIDTH / vectors.shape[1]
    params = {"kernel": "rbf", "C": 1.0, "gamma": wide, "class_weight": "balanced"} | params
    score = np.empty(len(y))
    for train, test in folds():
        score[test] = SVC(**params).fit(vectors[train], y[train]).decision_function(vectors[test])
    curve = platt_curve(score, y == 1, np.ones(len(y)))
    return KernelHead(SVC(**params).fit(vectors, y), curve)


def _fit_trees(
    vectors: Floats, y: npt.NDArray[np.intp], folds: Any, params: Any, seed: int
) -> TreeHead:
    chosen = {"backend": "xgboost", "device": "cpu", "random_state": seed} | params
    return TreeHead(CardioForestClassifier(**chosen).fit(vectors, y))


HEADS: dict[str, Callable[..., Head]] = {
    "logistic": _fit_logistic,
    "mlp": _fit_network,
    "svm": _fit_kernel,
    "knn": _fit_neighbours,
    "xgboost": _fit_trees,
}


def fit_head(
    name: str,
    vectors: Floats,
    y: npt.NDArray[np.intp],
    folds: Callable[[], Sequence[Split]],
    params: Mapping[str, Any] | None,
    seed: int,
) -> Head:
    """Fit one of :data:`HEADS` on standardised vectors.

    Parameters
    ----------
    name : str
    vectors : ndarray of float64, shape (n, d)
    y : ndarray of int, shape (n,)
        0 and 1.
    folds : callable
        Gives the (train, test) parts of inner choices; called only where there are any.
    params : mapping, optional
        Parameters of the classifier in its library's words.
    seed : int
    """
    return HEADS[name](vectors, y, folds, dict(params or {}), seed)
