"""Members of a soft vote, each calibrated on predictions for rows that it did not see."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import expit, logit
from sklearn.base import clone

from cardiorisk.estimators._inner_splits import Split

__all__ = ["CalibratedMember", "fit_members", "platt_curve"]

Floats = npt.NDArray[np.float64]

MAX_STEPS = 100
TOLERANCE = 1e-10


def _log_odds(probability: Floats, floor: float) -> Floats:
    return logit(np.clip(probability, floor, 1 - floor))


def platt_curve(log_odds: Floats, positive: npt.NDArray[np.bool_], weights: Floats) -> Floats:
    """Fit ``expit(slope * log_odds + intercept)`` to outcomes by weighted log loss.

    Departures from Platt (1999, "Probabilistic outputs for support vector machines"):

    - the curve runs on log-odds, so that a calibrated classifier is left as it is;
    - a falling curve, which only noise gives, is replaced by a flat one.

    Parameters
    ----------
    log_odds : ndarray of shape (n_samples,)
    positive : ndarray of bool, shape (n_samples,)
    weights : ndarray of shape (n_samples,)

    Returns
    -------
    curve : ndarray of shape (2,)
        Slope and intercept.
    """
    n_positive, n_negative = weights[positive].sum(), weights[~positive].sum()
    # Platt's targets keep the curve finite where the classes are separated.
    target = np.where(positive, (n_positive + 1) / (n_positive + 2), 1 / (n_negative + 2))
    design = np.column_stack([log_odds, np.ones_like(log_odds)])
    curve = np.array([1.0, 0.0])
    loss = _log_loss(curve, design, target, weights)
    for _ in range(MAX_STEPS):
        risk = expit(design @ curve)
        gradient = design.T @ (weights * (risk - target))
        hessian = (design.T * (weights * risk * (1 - risk))) @ design
        step = np.linalg.lstsq(hessian, gradient, rcond=None)[0]
        # Newton's step may overshoot far from the optimum; halving it makes the loss fall.
        while (new := _log_loss(curve - step, design, target, weights)) > loss:
            step = step / 2
            if np.abs(step).max() < TOLERANCE:
                break
        curve, loss = curve - step, min(new, loss)
        if np.abs(step).max() < TOLERANCE:
            break
    if curve[0] < 0:
        return np.array([0.0, logit(np.average(target, weights=weights))])
    return curve


def _log_loss(curve: Floats, design: Floats, target: Floats, weights: Floats) -> float:
    margin = design @ curve
    return float(weights @ (np.logaddexp(0, margin) - target * margin))


@dataclass(frozen=True, eq=False)
class CalibratedMember:
    """A fitted classifier and the curves that calibrate it.

    Parameters
    ----------
    estimator : classifier
    curves : ndarray of shape (n_curves, 2)
        Slope and intercept on the log-odds: one curve, of the second class, for two classes;
        one a class otherwise, normalised afterwards.
    floor : float
        Probabilities are kept this far from 0 and 1 before their log-odds are taken.
    """

    estimator: Any
    curves: Floats
    floor: float

    def predict_proba(self, X: npt.NDArray[Any]) -> Floats:
        """Calibrated probabilities, shape (n_samples, n_classes)."""
        probability = self.estimator.predict_proba(X)
        if len(self.curves) == 1:
            slope, intercept = self.curves[0]
            risk = expit(slope * _log_odds(probability[:, 1], self.floor) + intercept)
            return np.column_stack([1 - risk, risk])
        slopes, intercepts = self.curves.T
        risk = expit(slopes * _log_odds(probability, self.floor) + intercepts)
        return risk / risk.sum(axis=1, keepdims=True)

    def __repr__(self) -> str:
        curves = ", ".join(f"{slope:.2f} z {shift:+.2f}" for slope, shift in self.curves)
        return f"CalibratedMember({self.estimator!r}, {curves})"


def _fit_member(
    member: Any,
    X: npt.NDArray[Any],
    y: npt.NDArray[np.intp],
    rows: Mapping[str, npt.NDArray[Any]],
    folds: list[Split],
) -> CalibratedMember:
    n_classes = int(y.max()) + 1
    unseen = np.zeros((len(y), n_classes))
    for train, test in folds:
        part = {name: values[train] for name, values in rows.items()}
        unseen[test] = clone(member).fit(X[train], y[train], **part).predict_proba(X[test])
    floor = 1 / (2 * len(y))
    weights = rows.get("sample_weight", np.ones(len(y)))
    wanted = [1] if n_classes == 2 else range(n_classes)
    curves = [platt_curve(_log_odds(unseen[:, k], floor), y == k, weights) for k in wanted]
    return CalibratedMember(clone(member).fit(X, y, **rows), np.array(curves), floor)


def fit_members(
    members: Mapping[str, Any],
    X: npt.NDArray[Any],
    y: npt.NDArray[np.intp],
    weights: Floats | None,
    groups: npt.NDArray[Any] | None,
    folds: list[Split],
) -> dict[str, CalibratedMember]:
    """Train each member on all rows, and its curves on out-of-fold predictions.

    Parameters
    ----------
    members : mapping of str to classifier
        Unfitted.
    X : ndarray of shape (n_samples, n_features)
    y : ndarray of int, shape (n_samples,)
        Class positions 0, 1, ...
    weights : ndarray of shape (n_samples,) or None
    groups : ndarray of shape (n_samples,) or None
        Handed to the members, for their own inner splits.
    folds : list of (train, test)
        The test parts are a partition of the rows.

    Returns
    -------
    calibrated : dict of str to CalibratedMember
    """
    given = {"sample_weight": weights, "groups": groups}
    rows = {name: values for name, values in given.items() if values is not None}
    return {name: _fit_member(member, X, y, rows, folds) for name, member in members.items()}
