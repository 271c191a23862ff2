"""One branch: backbone, latent, prototypes and the layer that training puts on top."""

from dataclasses import dataclass
from math import floor, sqrt
from typing import Any

import numpy as np
import numpy.typing as npt

from cardiorisk._optional import require
from cardiorisk.estimators.protoecgnet.cnn2d import Cnn2d
from cardiorisk.estimators.protoecgnet.prototypes import pool_windows, window_cosines
from cardiorisk.estimators.protoecgnet.resnet1d import ResNet1d

__all__ = ["BranchNet", "BranchPlan"]

torch = require("torch", extra="nn")
nn = torch.nn


@dataclass(frozen=True, eq=False)
class BranchPlan:
    """Settings of a branch.

    Parameters
    ----------
    kind : {"rhythm", "morphology", "diffuse"}
    n_leads, n_samples : int
        Of the input.
    prototype_labels : ndarray of int, shape (n_prototypes,)
        Position, among the labels of the branch, of each prototype's label.
    n_labels, n_all_labels : int
        Labels of the branch, and of the classifier.
    width, stages, blocks, lead_filters, dropout
        Of the backbone.
    latent_dim : int
    window : int or None
        Latent steps of a prototype; None summarises the backbone's output over time first.
    pooling, top_k : see :func:`pool_windows`
    scale : float or None
        Factor of the cosines in training; None takes the published one.
    published : bool
        Sigmoid after the latent, and +1 and -0.5 in the top layer, without bias.
    """

    kind: str
    n_leads: int
    n_samples: int
    prototype_labels: npt.NDArray[np.intp]
    n_labels: int
    n_all_labels: int
    width: int
    stages: int
    blocks: int
    lead_filters: int | None
    dropout: float
    latent_dim: int
    window: int | None
    pooling: str
    top_k: int
    scale: float | None
    published: bool

    @property
    def own(self) -> npt.NDArray[np.float32]:
        """Whose prototype it is: 0 and 1, shape (n_prototypes, n_labels)."""
        return np.eye(self.n_labels, dtype=np.float32)[self.prototype_labels]


class BranchNet(nn.Module):  # type: ignore[name-defined]  # torch is imported late
    """A network whose logits are linear in the similarities to prototypes.

    Parameters
    ----------
    plan : BranchPlan
    """

    def __init__(self, plan: BranchPlan) -> None:
        super().__init__()
        self.plan = plan
        body = (plan.n_leads, plan.width, plan.stages, plan.blocks, plan.dropout)
        is_1d = plan.kind == "rhythm"
        self.backbone = ResNet1d(*body) if is_1d else Cnn2d(*body, plan.lead_filters)
        steps = -(-plan.n_samples // self.backbone.stride)
        self.span = 1 if plan.window is None else min(plan.window, steps)
        self.n_windows = 1 if plan.window is None else steps - self.span + 1
        dim = plan.latent_dim
        summarised = self.backbone.channels * (1 if plan.published else 2)
        channels = summarised if plan.window is None else self.backbone.channels
        layers = [nn.Conv1d(channels, dim, 1), nn.ReLU(), nn.Conv1d(dim, dim, 1)]
        self.add_on = nn.Sequential(*layers, *([nn.Sigmoid()] if plan.published else []))
        self.prototypes = nn.Parameter(torch.randn(len(plan.prototype_labels), dim, self.span))
        self.top = nn.Linear(len(plan.prototype_labels), plan.n_labels, bias=not plan.published)
        self.features = nn.Linear(summarised, plan.n_all_labels)
        self._begin_top()

    def _begin_top(self) -> None:
        own = torch.from_numpy(self.plan.own)
        others = 1 - own
        if not self.plan.published:  # means, so that the logits do not grow with their number
            own = own / own.sum(0).clamp(min=1)
            others = others / others.sum(0).clamp(min=1)
        with torch.no_grad():
            self.top.weight.copy_((own - 0.5 * others).T)
            if self.top.bias is not None:
                self.top.bias.zero_()

    @property
    def scale(self) -> float:
        """Factor of the cosines under the top layer."""
        if self.plan.scale is not None:
            return self.plan.scale
        if self.plan.kind == "rhythm":
            return 1.0
        return floor(sqrt(self.plan.latent_dim * self.span)) / self.span

    def summary(self, maps: Any) -> Any:
        """(batch, channels, steps) -> mean, and unless published largest, over time."""
        if self.plan.published:
            return maps.mean(-1)
        return torch.cat([maps.mean(-1), maps.amax(-1)], dim=1)

    def black_box(self, x: Any) -> Any:
        """(batch, leads, samples) -> logits of a linear layer on the backbone."""
        return self.features(self.summary(self.backbone(x)))

    def latent_of(self, maps: Any) -> Any:
        """(batch, channels, steps) of the backbone -> (batch, latent_dim, steps or 1)."""
        if self.plan.window is None:
            maps = self.summary(maps).unsqueeze(-1)
        return self.add_on(maps)

    def latent(self, x: Any) -> Any:
        """(batch, leads, samples) -> (batch, latent_dim, steps or 1)."""
        return self.latent_of(self.backbone(x))

    def cosines(self, x: Any) -> Any:
        """(batch, leads, samples) -> (batch, n_prototypes, n_windows)."""
        return window_cosines(self.latent(x), self.prototypes)

    def compared(self, x: Any) -> tuple[Any, Any]:
        """Pooled cosines and the best window of each prototype, (batch, n_prototypes) each."""
        cosines = self.cosines(x)
        pooled = pool_windows(cosines, self.plan.pooling, self.plan.top_k)
        return pooled, cosines.argmax(-1)

    def forward(self, x: Any) -> tuple[Any, Any, Any]:
        """Similarities (batch, n_prototypes), logits of the branch, logits of the backbone."""
        maps = self.backbone(x)
        cosines = window_cosines(self.latent_of(maps), self.prototypes)
        similarity = self.scale * pool_windows(cosines, self.plan.pooling, self.plan.top_k)
        return similarity, self.top(similarity), self.features(self.summary(maps))

    def seconds(self, window: npt.NDArray[Any], rate: float) -> npt.NDArray[np.float64]:
        """Begin and end of windows in s, shape (..., 2).

        Step w of the latent is centred on sample w * stride, by the padding of all layers.
        """
        end = self.plan.n_samples / rate
        if self.plan.window is None:
            return np.broadcast_to([0.0, end], (*np.shape(window), 2)).copy()
        step = self.backbone.stride / rate
        first = (np.asarray(window, float) - 0.5) * step
        return np.clip(np.stack([first, first + self.span * step], axis=-1), 0.0, end)
