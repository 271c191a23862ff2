"""A small binary classifier around any torch module that gives one logit a row."""

from collections.abc import Callable
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import torch
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.model_selection import train_test_split
from torch.nn.functional import binary_cross_entropy_with_logits

from cardiorisk.estimators._training import Schedule, train_net

VALIDATION = 0.15


def logistic_loss(module: Any, xb: Any, yb: Any, wb: Any) -> dict[str, Any]:
    return {"log_loss": binary_cross_entropy_with_logits(module(xb), yb)}


def risks(module: Any, X: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Risk of each row, shape (n,)."""
    parameter = next(module.parameters())
    with torch.no_grad():
        rows = torch.as_tensor(np.asarray(X), dtype=parameter.dtype)
        return torch.sigmoid(module(rows)).numpy().astype(np.float64)


class NetClassifier(ClassifierMixin, BaseEstimator):
    """Train until the log loss of inner validation rows no longer falls.

    Parameters
    ----------
    make : callable
        From the number of columns to a module of logits (n,).
    schedule : Schedule
    random_state : int, default=0
    """

    def __init__(
        self, make: Callable[[int], Any], schedule: Schedule, *, random_state: int = 0
    ) -> None:
        self.make = make
        self.schedule = schedule
        self.random_state = random_state

    def fit(self, X: Any, y: Any) -> Self:
        """Hold back validation rows, stratified, and train on the rest."""
        X, y = np.asarray(X, dtype=np.float64), np.asarray(y, dtype=np.float64)
        train, stop, y_train, y_stop = train_test_split(
            X, y, test_size=VALIDATION, stratify=y, random_state=self.random_state
        )
        torch.manual_seed(self.random_state)
        self.module_ = self.make(X.shape[1])

        def validate(module: Any) -> dict[str, float]:
            p = np.clip(risks(module, stop), 1e-7, 1 - 1e-7)
            return {"log_likelihood": float(np.mean(np.log(np.where(y_stop == 1, p, 1 - p))))}

        train_net(
            self.module_,
            logistic_loss,
            train,
            y_train,
            schedule=self.schedule,
            validate=validate,
            random_state=self.random_state,
            device="cpu",
        )
        self.n_parameters_ = sum(weight.numel() for weight in self.module_.parameters())
        self.classes_ = np.array([0, 1])
        return self

    def predict_proba(self, X: Any) -> npt.NDArray[np.float64]:
        """Risks of no and yes, shape (n, 2)."""
        risk = risks(self.module_, X)
        return np.stack([1 - risk, risk], axis=1)

    def predict(self, X: Any) -> npt.NDArray[np.intp]:
        """More probable class of each row."""
        return (risks(self.module_, X) >= 0.5).astype(np.intp)
