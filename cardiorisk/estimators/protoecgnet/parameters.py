"""The parameters of ProtoECGNet, their defaults and what they may be."""

from collections.abc import Mapping, Sequence
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils._param_validation import Interval, StrOptions

from cardiorisk.estimators.protoecgnet.inputs import RATE

__all__ = ["ProtoECGNetParameters"]

TERMS = ("cluster", "separation", "sparsity", "diversity", "contrast", "auxiliary")
STAGES = ("backbone_epochs", "prototype_epochs", "joint_epochs")


class ProtoECGNetParameters(BaseEstimator):
    """Stores the parameters, which :class:`ProtoECGNetClassifier` documents."""

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "sampling_rate": [Interval(Real, 0, None, closed="neither")],
        "lead_names": ["array-like", None],
        "label_names": ["array-like", None],
        "branches": [StrOptions({"every", "auto", "ptbxl"}), Mapping],
        "prototypes_per_class": [Interval(Integral, 1, None, closed="left"), Mapping],
        "duration": [Interval(Real, 0, None, closed="neither")],
        "highpass": [Interval(Real, 0, RATE / 2, closed="neither"), None],
        "backbone": [StrOptions({"small", "resnet18"})],
        "width": [Interval(Integral, 1, None, closed="left")],
        "lead_filters": [Interval(Integral, 1, None, closed="left"), None],
        "latent_dim": [Interval(Integral, 1, None, closed="left")],
        "window": [Interval(Integral, 1, None, closed="left")],
        "diffuse_map": ["boolean"],
        "pooling": [StrOptions({"max", "mean", "topk"})],
        "top_k": [Interval(Integral, 1, None, closed="left")],
        "similarity_scale": [Interval(Real, 0, None, closed="neither"), None],
        "formulas": [StrOptions({"corrected", "published"})],
        **{
            name: [Interval(Real, 0, None, closed="left")]
            for name in (*TERMS, "shift", "gain", "head_l1")
        },
        "positive_limit": [Interval(Real, 1, None, closed="left")],
        **{name: [Interval(Integral, 0, None, closed="left")] for name in STAGES},
        "dropout": [Interval(Real, 0, 1, closed="left")],
        "projection": [StrOptions({"distinct", "nearest"})],
        "fusion": [StrOptions({"average", "joint"})],
        "head_l2": [Interval(Real, 0, None, closed="left"), StrOptions({"auto"})],
        "validation_fraction": [Interval(Real, 0, 0.5, closed="both"), None],
        "keep_records": ["boolean"],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }

    def __init__(
        self,
        *,
        sampling_rate: float = 500,
        lead_names: Sequence[str] | None = None,
        label_names: Sequence[Any] | None = None,
        branches: str | Mapping[str, Sequence[Any]] = "every",
        prototypes_per_class: int | Mapping[str, int] = 5,
        duration: float = 10.0,
        highpass: float | None = 0.5,
        backbone: str = "small",
        width: int = 24,
        lead_filters: int | None = 8,
        latent_dim: int = 64,
        window: int = 4,
        diffuse_map: bool = False,
        pooling: str = "max",
        top_k: int = 5,
        similarity_scale: float | None = 10.0,
        formulas: str = "corrected",
        cluster: float = 0.1,
        separation: float = 0.05,
        sparsity: float = 0.0,
        diversity: float = 1.0,
        contrast: float = 0.5,
        auxiliary: float = 1.0,
        positive_limit: float = 10.0,
        shift: float = 0.5,
        gain: float = 0.1,
        backbone_epochs: int = 20,
        prototype_epochs: int = 10,
        joint_epochs: int = 0,
        batch_size: int = 32,
        learning_rate: float = 2e-3,
        weight_decay: float = 1e-2,
        optimizer: str = "adamw",
        patience: int | None = None,
        dropout: float = 0.1,
        projection: str = "distinct",
        fusion: str = "average",
        head_l2: float | str = 0.01,
        head_l1: float = 0.0,
        validation_fraction: float | None = None,
        keep_records: bool = True,
        device: str = "auto",
        mixed_precision: str = "auto",
        checkpoint: Any = None,
        random_state: int | np.random.RandomState | None = None,
        verbose: int = 0,
    ) -> None:
        self.sampling_rate = sampling_rate
        self.lead_names = lead_names
        self.label_names = label_names
        self.branches = branches
        self.prototypes_per_class = prototypes_per_class
        self.duration = duration
        self.highpass = highpass
        self.backbone = backbone
        self.width = width
        self.lead_filters = lead_filters
        self.latent_dim = latent_dim
        self.window = window
        self.diffuse_map = diffuse_map
        self.pooling = pooling
        self.top_k = top_k
        self.similarity_scale = similarity_scale
        self.formulas = formulas
        self.cluster = cluster
        self.separation = separation
        self.sparsity = sparsity
        self.diversity = diversity
        self.contrast = contrast
        self.auxiliary = auxiliary
        self.positive_limit = positive_limit
        self.shift = shift
        self.gain = gain
        self.backbone_epochs = backbone_epochs
        self.prototype_epochs = prototype_epochs
        self.joint_epochs = joint_epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.optimizer = optimizer
        self.patience = patience
        self.dropout = dropout
        self.projection = projection
        self.fusion = fusion
        self.head_l2 = head_l2
        self.head_l1 = head_l1
        self.validation_fraction = validation_fraction
        self.keep_records = keep_records
        self.device = device
        self.mixed_precision = mixed_precision
        self.checkpoint = checkpoint
        self.random_state = random_state
        self.verbose = verbose
