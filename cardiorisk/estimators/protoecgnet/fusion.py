"""One linear layer over the similarities of all branches, fitted to its optimum."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.special import expit, log_expit, log_softmax, softmax

__all__ = ["Head", "fit_head", "link"]

Floats = npt.NDArray[np.float64]

LEAST_SPREAD = 1e-6  # of a similarity over the training records; a constant one gets weight 0


@dataclass(frozen=True, eq=False)
class Head:
    """Linear layer over similarities.

    Parameters
    ----------
    weights : ndarray, shape (n_prototypes, n_outputs)
        Logit for each unit of similarity.
    bias : ndarray, shape (n_outputs,)
        Logit of a record with average similarities.
    average : ndarray, shape (n_prototypes,)
        Mean similarity of the training records.
    """

    weights: Floats
    bias: Floats
    average: Floats

    def logits(self, similarity: Floats) -> Floats:
        """Logits, shape (n, n_outputs)."""
        return (similarity - self.average) @ self.weights + self.bias


def link(logits: Floats, one_label: bool) -> Floats:
    """Probability of each output: they sum to 1 where a record has exactly one label."""
    return np.asarray(softmax(logits, axis=1) if one_label else expit(logits), float)


def fit_head(
    similarity: npt.NDArray[Any],
    y: npt.NDArray[Any],
    *,
    one_label: bool,
    l2: float,
    l1: float = 0.0,
) -> Head:
    """Minimise the mean cross-entropy plus penalties on standardised similarities.

    Standardising brings the branches to one scale: a cosine that hardly moves between records is
    worth as much as one that moves much. The problem is convex, so no random state enters.

    Parameters
    ----------
    similarity : ndarray, shape (n, n_prototypes)
    y : ndarray of 0 and 1, shape (n, n_outputs)
    one_label : bool
        Softmax over the outputs instead of one sigmoid each.
    l2, l1 : float
        Weights of half the sum of squares and of the sum of absolutes of the layer, bias left out.

    Returns
    -------
    head : Head

    Examples
    --------
    >>> similarity = np.array([[0.1, 0.5], [0.2, 0.5], [0.8, 0.5], [0.9, 0.5]])
    >>> head = fit_head(similarity, np.array([[0], [0], [1], [1]]), one_label=False, l2=0.01)
    >>> head.weights[:, 0].round(1).tolist()
    [9.6, 0.0]
    """
    similarity, y = np.asarray(similarity, float), np.asarray(y, float)
    average, spread = similarity.mean(axis=0), similarity.std(axis=0)
    useful = spread > LEAST_SPREAD
    spread = np.where(useful, spread, 1.0)
    standard = np.where(useful, (similarity - average) / spread, 0.0)
    shape = (standard.shape[1], y.shape[1])
    n_weights = shape[0] * shape[1]
    start = np.concatenate([np.zeros(2 * n_weights), _first_bias(y, one_label)])

    def objective(flat: Floats) -> tuple[float, Floats]:
        # Positive and negative parts, both >= 0, make the absolute value smooth.
        rises, falls = flat[: 2 * n_weights].reshape(2, *shape)
        weights = rises - falls
        logits = standard @ weights + flat[2 * n_weights :]
        loss, slope = _cross_entropy(logits, y, one_label)
        gradient = standard.T @ slope + l2 * weights
        loss += l2 / 2 * float((weights**2).sum()) + l1 * float(flat[: 2 * n_weights].sum())
        parts = [gradient + l1, l1 - gradient]
        return loss, np.concatenate([*(part.ravel() for part in parts), slope.sum(axis=0)])

    bounds = [(0.0, None)] * (2 * n_weights) + [(None, None)] * shape[1]
    options = {"maxiter": 500, "maxfun": 1000}
    found = minimize(objective, start, jac=True, method="L-BFGS-B", bounds=bounds, options=options)
    rises, falls = found.x[: 2 * n_weights].reshape(2, *shape)
    return Head((rises - falls) / spread[:, None], found.x[2 * n_weights :], average)


def _first_bias(y: Floats, one_label: bool) -> Floats:
    share = np.clip(y.mean(axis=0), 1e-3, 1 - 1e-3)
    return np.log(share) if one_label else np.log(share / (1 - share))


def _cross_entropy(logits: Floats, y: Floats, one_label: bool) -> tuple[float, Floats]:
    """Mean over the records, and its gradient with respect to the logits."""
    if one_label:
        loss = -(y * log_softmax(logits, axis=1)).sum()
    else:
        loss = -(y * log_expit(logits) + (1 - y) * log_expit(-logits)).sum()
    return float(loss) / len(y), (link(logits, one_label) - y) / len(y)
