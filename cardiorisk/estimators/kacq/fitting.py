"""Training of the members: each with a split and first weights of its own."""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from cardiorisk._optional import require
from cardiorisk.estimators._inner_splits import Split, early_stopping_split
from cardiorisk.estimators._net_batches import net_outputs
from cardiorisk.estimators._torch_session import seeded
from cardiorisk.estimators._training import Schedule, train_net
from cardiorisk.estimators._weights import Weights, weights_of
from cardiorisk.estimators.kacq.network_plan import NetworkPlan

__all__ = ["Rows", "fit_members"]

Floats = npt.NDArray[np.float64]

LEAST_CHANCE = 1e-7  # of a class, in the log loss of validation


class Rows(NamedTuple):
    """Training rows.

    Parameters
    ----------
    X : ndarray, shape (n, n_tokens)
    y : ndarray of int, shape (n,)
    sample_weight : ndarray or None, shape (n,)
    groups : ndarray or None, shape (n,)
    """

    X: Floats
    y: npt.NDArray[np.intp]
    sample_weight: Floats | None
    groups: npt.NDArray[Any] | None


def _entropy(module: Any, xb: Any, yb: Any, wb: Any) -> dict[str, Any]:
    functional = require("torch", extra="nn").nn.functional
    logits = module(xb)
    if logits.shape[1] == 1:
        logits = functional.pad(logits, (1, 0))  # the first class has logit 0
    loss = functional.cross_entropy(logits, yb, reduction="none")
    return {"entropy": loss.mean() if wb is None else (loss * wb).mean()}


def _held_out_loss(rows: Rows, held: npt.NDArray[np.intp]) -> Any:
    X, y = rows.X[held], rows.y[held]
    weight = None if rows.sample_weight is None else rows.sample_weight[held]
    if weight is not None and not weight.any():
        weight = None

    def validate(module: Any) -> dict[str, float]:
        chance = net_outputs(module, X, call=module.probabilities)[np.arange(len(y)), y]
        loss = -np.log(np.maximum(chance, LEAST_CHANCE))
        return {"negative_loss": -float(np.average(loss, weights=weight))}

    return validate


def _split(rows: Rows, fraction: float, seed: int) -> Split:
    everything = np.arange(len(rows.y))
    # A class with one row cannot be held back, and a handful of rows tells nothing.
    if fraction == 0 or np.bincount(rows.y).min() < 2:
        return everything, everything[:0]
    n_classes = rows.y.max() + 1
    fraction = max(fraction, n_classes / len(rows.y))
    return early_stopping_split(rows.y, rows.groups, fraction, seed)


def schedule_of(model: Any) -> Schedule:
    """Read the schedule from the parameters of an estimator."""
    names = ("epochs", "batch_size", "learning_rate", "weight_decay", "optimizer", "scheduler")
    return Schedule(**{name: getattr(model, name) for name in names}, patience=model.patience)


def fit_members(
    model: Any, plan: NetworkPlan, rows: Rows, rng: np.random.RandomState
) -> tuple[Weights, pd.DataFrame, str]:
    """Train the members one after the other.

    Parameters
    ----------
    model : KACQDCNNClassifier
        Its parameters are read.
    plan : NetworkPlan
    rows : Rows
    rng : RandomState

    Returns
    -------
    weights : dict of str to ndarray
    history : DataFrame
        One row an epoch, with member and epoch.
    device_used : str
    """
    from cardiorisk.estimators.kacq.dual_channel import MeanOfNets

    with seeded(int(rng.randint(2**31))):
        nets = MeanOfNets(plan, model.n_members)
    histories = []
    for number, net in enumerate(nets.members):
        train, held = _split(rows, model.validation_fraction, int(rng.randint(2**31)))
        weight = None if rows.sample_weight is None else rows.sample_weight[train]
        training = train_net(
            net,
            _entropy,
            rows.X[train],
            rows.y[train],
            schedule=schedule_of(model),
            validate=_held_out_loss(rows, held) if len(held) else None,
            random_state=int(rng.randint(2**31)),
            device=model.device,
            verbose=model.verbose,
            sample_weight=weight,
        )
        histories.append(training.history.reset_index().assign(member=number))
    return weights_of(nets), pd.concat(histories, ignore_index=True), training.device_used
