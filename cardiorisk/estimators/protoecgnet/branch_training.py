"""Train one branch: first its backbone, then all of it, then onto real windows."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from cardiorisk._optional import require
from cardiorisk.estimators._net_batches import net_outputs
from cardiorisk.estimators._training import Schedule, train_net
from cardiorisk.estimators.protoecgnet.augmentation import moved_and_scaled
from cardiorisk.estimators.protoecgnet.inputs import RATE
from cardiorisk.estimators.protoecgnet.losses import (
    cluster_loss,
    contrast_loss,
    diversity_loss,
    jaccard,
    positive_weights,
    separation_loss,
)
from cardiorisk.estimators.protoecgnet.projection import assign_records
from cardiorisk.estimators.protoecgnet.validation import macro_auroc

__all__ = ["Examples", "Objective", "Projection", "project", "train_branch"]

torch = require("torch", extra="nn")

Signals = npt.NDArray[np.float32]

TERMS = ("cluster", "separation", "sparsity", "diversity", "contrast")


@dataclass(frozen=True, eq=False)
class Examples:
    """ECGs with the labels of the branch and of the classifier, 0 and 1."""

    x: Signals
    y: npt.NDArray[np.float32]
    y_all: npt.NDArray[np.float32]

    def __getitem__(self, rows: npt.NDArray[np.intp]) -> "Examples":
        return Examples(self.x[rows], self.y[rows], self.y_all[rows])

    def __len__(self) -> int:
        return len(self.x)


@dataclass(frozen=True)
class Objective:
    """Weights of the terms of the loss, and which formulas they have.

    Parameters
    ----------
    cluster, separation, sparsity, diversity, contrast, auxiliary : float
        ``auxiliary`` weighs the cross-entropy of a layer on the backbone that sees all labels.
    published : bool
        Formulas of the published code.
    positive_limit : float
        Largest weight of the positives of a label.
    shift : float
        Longest shift of augmentation, in s.
    gain : float
        Standard deviation of the logarithm of augmentation's factor.
    """

    cluster: float
    separation: float
    sparsity: float
    diversity: float
    contrast: float
    auxiliary: float
    published: bool
    positive_limit: float
    shift: float
    gain: float

    def settings(self, stage: str) -> dict[str, Any]:
        """Gather what a stage's loss depends on; the backbone's knows nothing of prototypes."""
        found = asdict(self)
        ignored = (*TERMS, "auxiliary") if stage == "backbone" else ()
        return {name: value for name, value in found.items() if name not in ignored}

    def augmented(self, x: Any) -> Any:
        """Augment a batch of ECGs."""
        if self.shift == 0 and self.gain == 0:
            return x
        return moved_and_scaled(x, round(self.shift * RATE), self.gain)


@dataclass(frozen=True, eq=False)
class Projection:
    """Where the prototypes of a branch come from.

    Parameters
    ----------
    records, windows : ndarray of int, shape (n_prototypes,)
        Positions among the training records, and of the latent window.
    similarity : ndarray of float, shape (n_prototypes,)
        Cosine between the prototype that was learned and the window that it became.
    """

    records: npt.NDArray[np.intp]
    windows: npt.NDArray[np.intp]
    similarity: npt.NDArray[np.float32] = field(repr=False)


def _entropy(logits: Any, y: Any, weight: Any) -> Any:
    return torch.nn.functional.binary_cross_entropy_with_logits(logits, y, pos_weight=weight)


def _weights_like(found: npt.NDArray[np.float32], like: Any) -> Any:
    return torch.from_numpy(found).to(like.device, like.dtype)


def backbone_loss(objective: Objective, examples: Examples) -> Callable[..., dict[str, Any]]:
    """Cross-entropy of a linear layer on the backbone, over all labels of the classifier."""
    rule = "none" if objective.published else "balanced"
    weight = positive_weights(examples.y_all, rule, objective.positive_limit)

    def loss(net: Any, xb: Any, yb: Any, wb: Any) -> dict[str, Any]:
        logits = net.black_box(objective.augmented(xb))
        return {"backbone": _entropy(logits, yb[1], _weights_like(weight, logits))}

    return loss


def branch_loss(objective: Objective, examples: Examples) -> Callable[..., dict[str, Any]]:
    """All terms of the branch, each by its weight; a term of weight 0 is left out."""
    rule = "published" if objective.published else "balanced"
    weight = positive_weights(examples.y, rule, objective.positive_limit)
    weight_all = positive_weights(examples.y_all, "balanced", objective.positive_limit)
    together = jaccard(examples.y)

    def loss(net: Any, xb: Any, yb: Any, wb: Any) -> dict[str, Any]:
        y, y_all = yb
        similarity, logits, features = net(objective.augmented(xb))
        own = _weights_like(net.plan.own, similarity)
        cosines = similarity if objective.published else similarity / net.scale
        terms: Mapping[str, tuple[float, Callable[[], Any]]] = {
            "cluster": (
                objective.cluster,
                lambda: cluster_loss(cosines, own, y, objective.published),
            ),
            "separation": (
                objective.separation,
                lambda: separation_loss(cosines, own, y, objective.published),
            ),
            "sparsity": (objective.sparsity, lambda: torch.relu(cosines).sum(1).mean()),
            "diversity": (objective.diversity, lambda: diversity_loss(net.prototypes)),
            "contrast": (
                objective.contrast,
                lambda: contrast_loss(net.prototypes, own, _weights_like(together, own)),
            ),
            "backbone": (
                objective.auxiliary,
                lambda: _entropy(features, y_all, _weights_like(weight_all, features)),
            ),
        }
        found = {"entropy": _entropy(logits, y, _weights_like(weight, logits))}
        return found | {name: by * term() for name, (by, term) in terms.items() if by}

    return loss


def _begin_prototypes(net: Any, examples: Examples, rng: np.random.Generator) -> None:
    """Start each prototype at a random window of a random record of its label."""
    records = [rng.choice(np.flatnonzero(examples.y[:, k])) for k in net.plan.prototype_labels]
    latent = net_outputs(net, examples.x[records], call=net.latent)
    windows = rng.integers(net.n_windows, size=len(records))
    _put_prototypes(net, latent, windows)


def _put_prototypes(net: Any, latent: npt.NDArray[Any], windows: npt.NDArray[np.intp]) -> None:
    pieces = [one[:, w : w + net.span] for one, w in zip(latent, windows, strict=True)]
    with torch.no_grad():
        net.prototypes.copy_(torch.from_numpy(np.stack(pieces)))


def _learning(published: bool) -> dict[str, tuple[str, ...] | None]:
    """Parts of the network that learn in each stage; None for all."""
    if published:  # the top layer learns last, and the warm stage moves prototypes only
        joint = ("backbone", "add_on", "prototypes", "features")
        return {"backbone": ("backbone", "features"), "prototypes": ("prototypes",), "joint": joint}
    return {
        "backbone": ("backbone", "features"),
        "prototypes": ("add_on", "prototypes", "top"),
        "joint": None,
    }


def train_branch(
    net: Any,
    examples: Examples,
    held_back: Examples,
    objective: Objective,
    schedules: Mapping[str, Schedule],
    seed: int,
    checkpoint: Path | None = None,
    **options: Any,
) -> pd.DataFrame:
    """Train a branch in place.

    Parameters
    ----------
    net : BranchNet
    examples, held_back : Examples
        What is learned from; what early stopping watches, where there is patience.
    objective : Objective
    schedules : mapping of "backbone" and "prototypes" and "joint" to Schedule
        A stage that is missing is left out.
    seed : int
    checkpoint : path, optional
        Folder in which each stage keeps its own.
    **options
        ``device``, ``mixed_precision`` and ``verbose`` of :func:`train_net`.

    Returns
    -------
    history : DataFrame
        One row an epoch, with its stage.
    """
    if checkpoint is not None:
        checkpoint.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    labels = (examples.y, examples.y_all)
    histories = []

    def watch(module: Any) -> dict[str, float]:
        logits = net_outputs(module, held_back.x, call=lambda x: module(x)[1])
        found = macro_auroc(held_back.y, logits)
        return {"macro_auroc": found if np.isfinite(found) else 0.0}

    for stage, trainable in _learning(objective.published).items():
        if stage == "prototypes" and not objective.published:
            _begin_prototypes(net, examples, rng)
        if stage not in schedules:
            continue
        loss = backbone_loss if stage == "backbone" else branch_loss
        watched = schedules[stage].patience is not None and len(held_back) and stage != "backbone"
        training = train_net(
            net,
            loss(objective, examples),
            examples.x,
            labels,
            schedule=schedules[stage],
            validate=watch if watched else None,
            random_state=int(rng.integers(2**31)),
            trainable=trainable,
            checkpoint=None if checkpoint is None else checkpoint / f"{stage}.checkpoint",
            configuration={"stage": stage, **objective.settings(stage)},
            **options,
        )
        histories.append(training.history.assign(stage=stage, device=training.device_used))
    return pd.concat(histories, ignore_index=True) if histories else pd.DataFrame()


def project(net: Any, examples: Examples, how: str) -> Projection:
    """Replace each prototype by the latent of a training window with its label, in place.

    Parameters
    ----------
    net : BranchNet
    examples : Examples
    how : {"distinct", "nearest"}
        See :func:`assign_records`.
    """

    def best(x: Any) -> tuple[Any, Any]:
        found = net.cosines(x).max(-1)
        return found.values, found.indices

    cosines, windows = net_outputs(net, examples.x, call=best)
    labels = net.plan.prototype_labels
    records = assign_records(cosines, examples.y[:, labels] > 0, how)
    columns = np.arange(len(labels))
    chosen = windows[records, columns]
    latent = net_outputs(net, examples.x[records], call=net.latent)
    _put_prototypes(net, latent, chosen)
    return Projection(records, chosen, cosines[records, columns])
