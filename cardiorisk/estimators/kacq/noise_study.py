"""What depolarising noise and few shots do to the predictions of a fitted model."""

import copy
from collections.abc import Sequence
from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.metrics import log_loss, roc_auc_score
from sklearn.pipeline import Pipeline
from sklearn.utils import check_random_state

__all__ = ["noise_study"]


def noise_study(
    model: Any,
    X: Any,
    y: npt.ArrayLike,
    *,
    noise: Sequence[float] = (0.0, 0.01, 0.05, 0.1),
    shots: Sequence[int | None] = (None, 1000, 100),
    n_repeats: int = 5,
    random_state: int | np.random.RandomState | None = 0,
) -> pd.DataFrame:
    """Predict with noisy circuits, whose weights were learned without noise.

    Parameters
    ----------
    model : KACQDCNNClassifier, or Pipeline that ends in one
        Fitted; it is not changed.
    X : array or DataFrame of shape (n, n_features)
        Rows that the model was not trained on.
    y : array of shape (n,)
    noise : sequence of float, default=(0.0, 0.01, 0.05, 0.1)
        Depolarising probabilities, see :class:`~cardiorisk.estimators.kacq.QuantumLayer`.
    shots : sequence of int or None, default=(None, 1000, 100)
        None is the exact expectation.
    n_repeats : int, default=5
        Draws of the shots.
    random_state : int, RandomState instance or None, default=0

    Returns
    -------
    table : DataFrame
        One row a draw: ``noise``, ``shots``, ``repeat``, ``auroc`` (of several classes the mean of
        one against the rest), ``log_loss``, ``accuracy`` and ``shift``, the mean absolute
        difference from the probabilities without noise and with infinitely many shots.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from cardiorisk.estimators import KACQDCNNClassifier
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> model = KACQDCNNClassifier(n_members=1, epochs=3, random_state=0).fit(X[::2, :4], y[::2])
    >>> noise_study(model, X[1::2, :4], y[1::2], noise=[0.0, 0.1], shots=[None])["shift"].round(1)
    0    0.0
    1    0.0
    Name: shift, dtype: float64
    """
    rng = check_random_state(random_state)
    classifier = model
    if isinstance(model, Pipeline):
        classifier = model[-1]
        X = model[:-1].transform(X) if len(model) > 1 else X
    y = np.asarray(y)

    def predicted(**settings: Any) -> npt.NDArray[np.float64]:
        other = copy.copy(classifier).set_params(**settings)
        other._seed = int(rng.randint(2**31))
        return other.predict_proba(X)

    exact = predicted(noise=None, shots=None)
    rows = []
    for strength, number in product(noise, shots):
        for repeat in range(1 if number is None else n_repeats):
            probability = predicted(noise=strength or None, shots=number)
            rows.append(
                {"noise": strength, "shots": number, "repeat": repeat}
                | _scores(y, probability, classifier.classes_)
                | {"shift": float(np.abs(probability - exact).mean())}
            )
    return pd.DataFrame(rows).astype({"shots": "Int64"})


def _scores(y: npt.NDArray[Any], probability: Any, classes: npt.NDArray[Any]) -> dict[str, float]:
    ranked = probability[:, 1] if len(classes) == 2 else probability
    return {
        "auroc": float(roc_auc_score(y, ranked, multi_class="ovr", labels=classes)),
        "log_loss": float(log_loss(y, probability, labels=classes)),
        "accuracy": float(np.mean(classes[probability.argmax(axis=1)] == y)),
    }
