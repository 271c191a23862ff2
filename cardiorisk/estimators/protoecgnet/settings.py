"""From the parameters of the classifier to the plan, objective and schedules of a branch."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from cardiorisk.estimators._schedule import Schedule

__all__ = [
    "PUBLISHED",
    "branch_plan",
    "objective_of",
    "prototypes_wanted",
    "schedules_of",
    "validation_share",
]

PUBLISHED: dict[str, Any] = {
    "branches": "ptbxl",
    "backbone": "resnet18",
    "width": 64,
    "lead_filters": None,
    "prototypes_per_class": {"rhythm": 5, "morphology": 18, "diffuse": 7},
    "latent_dim": 512,
    "window": 3,
    "diffuse_map": True,
    "pooling": "mean",
    "similarity_scale": None,
    "formulas": "published",
    "cluster": 0.004,
    "separation": 0.0004,
    "sparsity": 0.0,
    "diversity": 250.0,
    "contrast": 300.0,
    "auxiliary": 0.0,
    "shift": 0.0,
    "gain": 0.0,
    "backbone_epochs": 0,
    "prototype_epochs": 0,
    "joint_epochs": 200,
    "optimizer": "adam",
    "batch_size": 32,
    "learning_rate": 1e-4,
    "weight_decay": 1.7e-4,
    "dropout": 0.35,
    "patience": 10,
    "fusion": "joint",
    "validation_fraction": 0.1,
    "head_l1": 1e-4,
    "head_l2": 0.0,
    "random_state": 42,
}
"""Values of the authors' code: bbj-lab/protoecgnet, commit 27cca7a."""

# Stages, and residual blocks a stage. One step of the small morphology branch sees 1 s, so that
# the window which is pointed at is the window that was seen.
_DEPTHS = {
    "small": {"rhythm": (4, 2), "morphology": (3, 1), "diffuse": (4, 1)},
    "resnet18": dict.fromkeys(("rhythm", "morphology", "diffuse"), (4, 2)),
}
ALL_STEPS = 10**9  # of the latent: a window of the whole record


def prototypes_wanted(per_class: int | Mapping[str, int], branch: str) -> int:
    """Prototypes a label of one branch."""
    if not isinstance(per_class, Mapping):
        return int(per_class)
    if branch not in per_class:
        raise ValueError(f"Got prototypes_per_class={dict(per_class)} without {branch!r}.")
    return int(per_class[branch])


def branch_plan(
    model: Any,
    branch: str,
    n_leads: int,
    n_samples: int,
    prototype_labels: npt.NDArray[np.intp],
    n_labels: int,
    n_all_labels: int,
) -> Any:
    """Gather the settings of one branch, a :class:`BranchPlan`."""
    from cardiorisk.estimators.protoecgnet.branch_net import BranchPlan

    stages, blocks = _DEPTHS[model.backbone][branch]
    windows = {"morphology": model.window, "diffuse": ALL_STEPS if model.diffuse_map else None}
    return BranchPlan(
        kind=branch,
        n_leads=n_leads,
        n_samples=n_samples,
        prototype_labels=prototype_labels,
        n_labels=n_labels,
        n_all_labels=n_all_labels,
        width=model.width,
        stages=stages,
        blocks=blocks,
        lead_filters=model.lead_filters,
        dropout=0.0 if branch == "rhythm" and model.formulas == "published" else model.dropout,
        latent_dim=model.latent_dim,
        window=windows.get(branch),
        pooling=model.pooling,
        top_k=model.top_k,
        scale=model.similarity_scale,
        published=model.formulas == "published",
    )


def validation_share(model: Any) -> float:
    """Share of the records to hold back; by default a tenth where anything uses it, else none."""
    if model.validation_fraction is not None:
        return float(model.validation_fraction)
    return 0.1 if model.patience is not None or model.head_l2 == "auto" else 0.0


def objective_of(model: Any) -> Any:
    """Gather the weights of the loss, an :class:`Objective`."""
    from cardiorisk.estimators.protoecgnet.branch_training import Objective

    terms = ("cluster", "separation", "sparsity", "diversity", "contrast", "auxiliary")
    return Objective(
        **{name: getattr(model, name) for name in terms},
        published=model.formulas == "published",
        positive_limit=model.positive_limit,
        shift=model.shift,
        gain=model.gain,
    )


def schedules_of(model: Any) -> dict[str, Schedule]:
    """Schedule of each stage that has epochs."""
    epochs = {
        "backbone": model.backbone_epochs,
        "prototypes": model.prototype_epochs,
        "joint": model.joint_epochs,
    }
    return {
        stage: Schedule(
            epochs=count,
            batch_size=model.batch_size,
            learning_rate=model.learning_rate,
            weight_decay=model.weight_decay,
            patience=model.patience,
            optimizer=model.optimizer,
        )
        for stage, count in epochs.items()
        if count
    }
