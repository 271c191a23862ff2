"""The stages of a fit: a split, the branches one after the other, the heads."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from cardiorisk._optional import require
from cardiorisk.estimators._inner_splits import Split, early_stopping_split
from cardiorisk.estimators._torch_session import seeded
from cardiorisk.estimators._weights import Weights, weights_of
from cardiorisk.estimators.protoecgnet.fusion import Head, fit_head, link
from cardiorisk.estimators.protoecgnet.labels import Targets
from cardiorisk.estimators.protoecgnet.matching import match
from cardiorisk.estimators.protoecgnet.projection import affordable_prototypes
from cardiorisk.estimators.protoecgnet.settings import (
    branch_plan,
    objective_of,
    prototypes_wanted,
    schedules_of,
)
from cardiorisk.estimators.protoecgnet.sources import Sources, prototype_sources

__all__ = ["Fitted", "build_branches", "fit_branches", "fit_heads", "head_outputs", "hold_back"]

Signals = npt.NDArray[np.float32]
Floats = npt.NDArray[np.float64]

PENALTIES = (1e-3, 3e-3, 1e-2, 3e-2, 1e-1)  # of the heads, tried on what was held back
UNTRIED_PENALTY = 1e-2


class Fitted(NamedTuple):
    """Trained and projected branches.

    Parameters
    ----------
    weights : dict of str to ndarray
    prototype_labels : dict of str to ndarray of int
        Position, among the labels of the branch, of each prototype's label.
    sources : dict of str to ndarray
        See :func:`prototype_sources`.
    similarity : ndarray, shape (n, n_prototypes)
        Of all records; of those that were trained on, moved and scaled as in training, which is
        nearer to how alike other records are.
    history : DataFrame
        One row an epoch, with branch and stage.
    """

    weights: Weights
    prototype_labels: dict[str, npt.NDArray[np.intp]]
    sources: Sources
    similarity: Floats
    history: pd.DataFrame


def hold_back(y: npt.NDArray[np.float32], groups: Any, fraction: float, seed: int) -> Split:
    """Hold back records without replacement, whole groups only; none where the share is 0."""
    if fraction == 0:
        return np.arange(len(y)), np.empty(0, np.intp)
    return early_stopping_split(y.astype(int), groups, fraction, seed)


def fit_branches(
    model: Any,
    signals: Signals,
    y: npt.NDArray[np.float32],
    columns: Mapping[str, Sequence[int]],
    split: Split,
    rng: np.random.RandomState,
) -> Fitted:
    """Train each branch and put its prototypes onto training windows.

    Parameters
    ----------
    model : ProtoECGNetClassifier
        Its parameters are read.
    signals : ndarray of float32, shape (n, n_leads, n_samples)
    y : ndarray of 0 and 1, shape (n, n_labels)
    columns : mapping of str to sequence of int
        Labels of each branch.
    split : tuple of ndarray
        Positions of training and held-back records.
    rng : RandomState
    """
    from cardiorisk.estimators.protoecgnet.branch_net import BranchNet
    from cardiorisk.estimators.protoecgnet.branch_training import Examples, project, train_branch

    train, held = split
    nets: dict[str, Any] = {}
    projections, labels, histories = {}, {}, []
    for branch, found in columns.items():
        own = y[:, list(found)]
        wanted = prototypes_wanted(model.prototypes_per_class, branch)
        labels[branch] = affordable_prototypes(own[train], wanted)
        if not len(labels[branch]):
            raise ValueError(f"Got no training record with a label of the {branch} branch.")
        sizes = (signals.shape[1], signals.shape[2])
        plan = branch_plan(model, branch, *sizes, labels[branch], len(found), y.shape[1])
        with seeded(int(rng.randint(2**31))):
            net = BranchNet(plan)
        examples = Examples(signals, own, y)
        history = train_branch(
            net,
            examples[train],
            examples[held],
            objective_of(model),
            schedules_of(model),
            int(rng.randint(2**31)),
            checkpoint=None if model.checkpoint is None else Path(model.checkpoint) / branch,
            device=model.device,
            mixed_precision=model.mixed_precision,
            verbose=model.verbose,
        )
        histories.append(history.assign(branch=branch))
        projections[branch] = project(net, examples[train], model.projection)
        nets[branch] = net.requires_grad_(False)
    return Fitted(
        weights_of(require("torch", extra="nn").nn.ModuleDict(nets)),
        labels,
        prototype_sources(nets, projections, signals[train], train, columns),
        _head_similarity(model, nets, signals, train, int(rng.randint(2**31))),
        pd.concat(histories, ignore_index=True),
    )


def _head_similarity(
    model: Any, nets: Mapping[str, Any], signals: Signals, train: npt.NDArray[np.intp], seed: int
) -> Floats:
    torch = require("torch", extra="nn")
    found = match(nets, signals).similarity
    with seeded(seed), torch.no_grad():
        seen = objective_of(model).augmented(torch.from_numpy(signals[train]))
    found[train] = match(nets, seen.numpy()).similarity
    return found


def head_outputs(targets: Targets) -> npt.NDArray[np.float32]:
    """Columns that the heads predict: of two classes only the second."""
    present = targets.present
    return present if targets.is_multilabel or present.shape[1] > 2 else present[:, 1:]


def fit_heads(
    model: Any,
    similarity: Floats,
    branch_of: npt.NDArray[Any],
    targets: Targets,
    split: Split,
) -> dict[str, Head]:
    """Fit the fusion, and for comparison a head on each branch alone.

    The similarities are those of the projected prototypes in evaluation mode; nothing of the
    network moves. Where records were held back, they may choose the L2 penalty. The similarities
    of training records are better than those of others, most in the branch that overfits most; a
    layer over all branches at once trusts that one most, and the mean of the branches does not.
    """
    y = head_outputs(targets)
    one_label = not targets.is_multilabel and y.shape[1] > 1
    train, held = split

    def fitted(penalty: float) -> dict[str, Head]:
        options = {"one_label": one_label, "l2": penalty, "l1": model.head_l1}
        heads = {
            str(branch): fit_head(similarity[np.ix_(train, part)], y[train], **options)
            for branch, part in parts.items()
        }
        if model.fusion == "joint":
            return heads | {"fusion": fit_head(similarity[train], y[train], **options)}
        return heads | {"fusion": _average(heads, branch_of)}

    parts = {branch: branch_of == branch for branch in np.unique(branch_of)}
    if model.head_l2 != "auto":
        return fitted(model.head_l2)
    if not len(held):
        return fitted(UNTRIED_PENALTY)
    found = [fitted(penalty) for penalty in PENALTIES]
    losses = [_log_loss(heads["fusion"], similarity[held], y[held], one_label) for heads in found]
    return found[int(np.argmin(losses))]


def _average(heads: Mapping[str, Head], branch_of: npt.NDArray[Any]) -> Head:
    """Average the logits of the branches: again one linear layer over all prototypes."""
    first = next(iter(heads.values()))
    weights = np.zeros((len(branch_of), len(first.bias)))
    average = np.zeros(len(branch_of))
    for branch, head in heads.items():
        weights[branch_of == branch] = head.weights / len(heads)
        average[branch_of == branch] = head.average
    return Head(weights, np.mean([head.bias for head in heads.values()], axis=0), average)


def _log_loss(head: Head, similarity: Floats, y: npt.NDArray[Any], one_label: bool) -> float:
    chance = np.clip(link(head.logits(similarity), one_label), 1e-7, 1 - 1e-7)
    absent = 0.0 if one_label else (1 - y) * np.log(1 - chance)
    return -float(np.mean(y * np.log(chance) + absent))


def build_branches(model: Any) -> Any:
    """Untrained branches of a fitted classifier, a ``torch.nn.ModuleDict``."""
    from cardiorisk.estimators.protoecgnet.branch_net import BranchNet

    plans = {
        branch: branch_plan(
            model,
            branch,
            n_leads=model._shape[0],
            n_samples=model._shape[1],
            prototype_labels=labels,
            n_labels=len(columns),
            n_all_labels=len(model.classes_),
        )
        for (branch, labels), columns in zip(
            model._prototype_labels.items(), model._columns.values(), strict=True
        )
    }
    nets = {branch: BranchNet(plan) for branch, plan in plans.items()}
    return require("torch", extra="nn").nn.ModuleDict(nets)
