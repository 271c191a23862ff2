"""A classifier whose reasons are training records: ProtoECGNet."""

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.base import ClassifierMixin, _fit_context
from sklearn.utils import Tags, check_random_state
from sklearn.utils.validation import check_consistent_length, check_is_fitted

from cardiorisk._validation import check_groups
from cardiorisk.estimators._net_estimator import NetEstimator
from cardiorisk.estimators.protoecgnet.branches import assign_labels
from cardiorisk.estimators.protoecgnet.fitting import (
    build_branches,
    fit_branches,
    fit_heads,
    hold_back,
)
from cardiorisk.estimators.protoecgnet.fusion import Head, link
from cardiorisk.estimators.protoecgnet.inputs import (
    RATE,
    lead_order,
    network_input,
    paper_signals,
    patients_of,
    record_names,
)
from cardiorisk.estimators.protoecgnet.labels import read_targets
from cardiorisk.estimators.protoecgnet.matching import (
    PrototypeExplanation,
    chosen_outputs,
    explained,
    explanation_table,
    match,
)
from cardiorisk.estimators.protoecgnet.parameters import ProtoECGNetParameters
from cardiorisk.estimators.protoecgnet.reading import read_records
from cardiorisk.estimators.protoecgnet.settings import PUBLISHED, validation_share
from cardiorisk.records import ECGRecord

__all__ = ["ProtoECGNetClassifier"]

Floats = npt.NDArray[np.float64]


class ProtoECGNetClassifier(NetEstimator, ClassifierMixin, ProtoECGNetParameters):
    """Classify ECGs by their likeness to windows of training records.

    Three branches look at a record: rhythm (one-dimensional network, the whole record), morphology
    (two-dimensional network, windows of about half a second) and diffuse (two-dimensional network,
    the whole record). Each holds prototypes of its labels. After training every prototype is put
    onto a window of a training record, each onto a record of its own, and one linear layer over
    the similarities to all prototypes gives the logits. So a prediction is a sum over training
    records, which :meth:`explain` shows term by term.

    Several labels a record (a table of 0 and 1), two classes, or several classes.

    Parameters
    ----------
    sampling_rate : float, default=500
        In Hz, of an array. Records carry their own. All are brought to 100 Hz.
    lead_names : sequence of str, optional
        Leads of an array, needed unless it is a standard twelve-lead ECG.
    label_names : sequence, optional
        Names of the columns of ``y``; those of a DataFrame, or 0, 1, ... by default.
    branches : {"every", "auto", "ptbxl"} or mapping of branch to labels, default="every"
        Which branches have prototypes of which labels. "every" is all in all; "ptbxl" the
        published partition of the statements of PTB-XL; "auto" a rule on names, see
        :func:`~cardiorisk.estimators.protoecgnet.branches.assign_labels`.
    prototypes_per_class : int or mapping of branch to int, default=5
        A label with fewer training records gets fewer.
    duration : float, default=10.0
        In s. What a record has beyond is ignored, what it lacks is zero.
    highpass : float or None, default=0.5
        Cutoff in Hz of the filter that takes the baseline out.
    backbone : {"small", "resnet18"}, default="small"
        In the small one a latent step of the morphology branch sees 1 s, in the other 4.4 s.
    width : int, default=24
        Channels of the first stage.
    lead_filters : int or None, default=8
        Filters that all leads share before the two-dimensional branches join them; None joins
        them in the first layer.
    latent_dim : int, default=64
    window : int, default=4
        Latent steps of a morphology prototype: of 0.16 s in the small backbone, 0.32 s in the
        other.
    diffuse_map : bool, default=False
        Whether a diffuse prototype is a map over time, as published, that a shift of the record
        changes, instead of an average over time.
    pooling : {"max", "mean", "topk"}, default="max"
        How the windows of a record make one similarity to a morphology prototype.
    top_k : int, default=5
    similarity_scale : float or None, default=10.0
        Factor of the cosines in training; None takes the published 1, 13 and 4.
    formulas : {"corrected", "published"}, default="corrected"
        Of clustering and separation, of the weights of positives and of the top layer.
    cluster, separation, sparsity, diversity, contrast : float
        Weights of the terms beside the cross-entropy.
    auxiliary : float, default=1.0
        Weight of the cross-entropy of a layer on the backbone that sees all labels.
    positive_limit : float, default=10.0
        Largest weight of the positives of a rare label.
    shift, gain : float, default=0.5 and 0.1
        Augmentation: longest shift in s; standard deviation of the logarithm of a factor.
    backbone_epochs, prototype_epochs, joint_epochs : int, default=20, 10 and 0
        Of the three stages: backbone alone; latent, prototypes and top layer on a backbone that
        stands still (with the published formulas prototypes alone); all.
    batch_size, learning_rate, weight_decay, optimizer, patience
        See the training loop; without ``patience`` all epochs run.
    dropout : float, default=0.1
        Before the last stage of a backbone.
    projection : {"distinct", "nearest"}, default="distinct"
        "distinct" gives each prototype of a branch a training record of its own, by optimal
        assignment; "nearest" is as published, and many prototypes may become the same record.
    fusion : {"average", "joint"}, default="average"
        "average" is the mean of the branches' logits, each a linear layer on standardised
        similarities; "joint" one layer fitted to all, as published. Both are sums over prototypes.
    head_l2 : float or "auto", default=0.01
        Ridge penalty of the layers; "auto" chooses by what is held back.
    head_l1 : float, default=0.0
    validation_fraction : float, optional
        Share of the records that is held back, whole patients, each once; 0 holds nothing back.
        None holds back a tenth where ``patience`` or ``head_l2="auto"`` uses it, else nothing.
    keep_records : bool, default=True
        Whether the model keeps the ECGs that its prototypes stand for, to draw them. A saved model
        then holds ECGs of patients.
    device : {"auto", "cpu", "cuda"}, default="auto"
    mixed_precision : str, default="auto"
    checkpoint : path, optional
        Folder; a killed ``fit`` goes on from there. Needs an integer ``random_state``.
    random_state : int, RandomState instance or None, default=None
    verbose : int, default=0

    Attributes
    ----------
    classes_ : ndarray
        Classes, or names of the labels.
    is_multilabel_ : bool
    weights_ : dict of str to ndarray
    heads_ : dict of str to dict
        ``"fusion"`` and each branch alone: ``weights``, ``bias`` and ``average``.
    history_ : dict of str to ndarray
        One entry an epoch, with branch and stage.
    lead_names_ : tuple of str
    validation_rows_ : ndarray of int
        Rows of X that were held back.

    References
    ----------
    Sethi et al. 2025, arXiv:2504.08713. Departures are listed in the guide.

    Examples
    --------
    >>> from cardiorisk.datasets import make_ecg
    >>> ecgs = make_ecg(24, rhythms=["sinus rhythm", "atrial fibrillation"], random_state=0)
    >>> model = ProtoECGNetClassifier(
    ...     width=4, latent_dim=8, prototypes_per_class=2, backbone_epochs=1, prototype_epochs=1,
    ...     random_state=0)
    >>> reasons = model.fit(ecgs.records, ecgs.target).explain(ecgs.records[:2])
    >>> reasons.max_residual < 1e-5
    True
    >>> len(model.prototypes_)
    12
    """

    @classmethod
    def published(cls) -> Self:
        """Return the network with the settings of the published code.

        Returns
        -------
        classifier : ProtoECGNetClassifier
            Unfitted; widths, losses, schedule and prototypes a class as in bbj-lab/protoecgnet at
            commit 27cca7a (arXiv:2504.08713). The faults of that code are not repeated: see the
            guide. ``projection="nearest"`` and ``branches`` remain to be chosen freely.

        Examples
        --------
        >>> ProtoECGNetClassifier.published().prototypes_per_class["morphology"]
        18
        """
        return cls(**PUBLISHED)

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Any, y: Any, groups: Any = None) -> Self:
        """Train.

        Parameters
        ----------
        X : sequence of ECGRecord, or array (n, n_leads, n_samples) or (n, n_leads * n_samples)
            In mV.
        y : array-like of shape (n,) or table of 0 and 1 of shape (n, n_labels)
        groups : array-like of shape (n,), optional
            Patients: all records of one are held back together, or none. Records' own
            ``subject_id`` by default, where all have one.

        Returns
        -------
        self

        Raises
        ------
        SignalError, ValueError
            ECGs, labels and parameters do not fit together.
        """
        if y is None:
            raise ValueError("This classifier requires y to be passed, but the target y is None.")
        records = read_records(self, X, reset=True)
        check_consistent_length(records, y)
        targets = read_targets(y, self.label_names)
        columns = assign_labels(targets.classes.tolist(), self.branches)
        random = check_random_state(self.random_state)
        patients = check_groups(patients_of(records) if groups is None else groups, len(records))
        split = hold_back(
            targets.present, patients, validation_share(self), int(random.randint(2**31))
        )
        self.lead_names_ = lead_order(records)
        paper = paper_signals(records, self.lead_names_, self.duration)
        signals = network_input(paper, self.highpass)
        fitted = fit_branches(self, signals, targets.present, columns, split, random)
        self.classes_, self.is_multilabel_ = targets.classes, targets.is_multilabel
        self._shape, self._columns = signals.shape[1:], columns
        self._prototype_labels, self._sources = fitted.prototype_labels, fitted.sources
        self.validation_rows_ = split[1]
        self.history_ = {name: fitted.history[name].to_numpy() for name in fitted.history}
        heads = fit_heads(self, fitted.similarity, fitted.sources["branch"], targets, split)
        self.heads_ = {name: vars(head) for name, head in heads.items()}
        self._sources["record"] = record_names(X, records)[fitted.sources["row"]]
        self._signals = paper[fitted.sources["row"]] if self.keep_records else None
        self.weights_ = fitted.weights
        return self

    def decision_function(self, X: Any) -> Floats:
        """Logit of each label or class; of two classes that of the second.

        Parameters
        ----------
        X : as in fit

        Returns
        -------
        logits : ndarray of shape (n, n_labels), or (n,) for two classes
        """
        logits = self._head().logits(self.prototype_activations(X))
        return logits[:, 0] if self._is_binary else logits

    def predict_proba(self, X: Any, *, branch: str = "fusion") -> Floats:
        """Estimate the probability of each label or class.

        Parameters
        ----------
        X : as in fit
        branch : {"fusion", "rhythm", "morphology", "diffuse"}, default="fusion"
            Whose prototypes are used.

        Returns
        -------
        probability : ndarray of shape (n, n_labels) or (n, n_classes)
            The rows sum to 1 unless there are several labels a record.
        """
        similarity = self.prototype_activations(X)
        if branch != "fusion":
            similarity = similarity[:, self._sources["branch"] == branch]
        logits = self._head(branch).logits(similarity)
        chance = self._link(logits)
        return np.column_stack([1 - chance, chance]) if self._is_binary else chance

    def predict(self, X: Any) -> npt.NDArray[Any]:
        """Name the most probable class, or tell for each label whether 0.5 is reached.

        Parameters
        ----------
        X : as in fit

        Returns
        -------
        label : ndarray of shape (n,), or of 0 and 1 of shape (n, n_labels)
        """
        probability = self.predict_proba(X)
        if self.is_multilabel_:
            return (probability >= 0.5).astype(int)
        return self.classes_[probability.argmax(axis=1)]

    def prototype_activations(self, X: Any) -> Floats:
        """Similarity of each record to each prototype, in the order of ``prototypes_``.

        Parameters
        ----------
        X : as in fit

        Returns
        -------
        similarity : ndarray of shape (n, n_prototypes)
            Pooled cosines, between -1 and 1.
        """
        return match(self.module_, self._read(X)).similarity

    def explain(self, X: Any, labels: Sequence[Any] | None = None) -> PrototypeExplanation:
        """Show the computation behind predictions.

        Parameters
        ----------
        X : as in fit
        labels : sequence, optional
            Labels or classes to explain. None takes, for each record, what is predicted, and the
            most probable label where none is. Of two classes the second is explained: its logit is
            minus that of the first.

        Returns
        -------
        explanation : PrototypeExplanation

        Examples
        --------
        See the class.
        """
        matches = match(self.module_, self._read(X))
        head = self._head()
        logits = head.logits(matches.similarity)
        chosen = chosen_outputs(logits, self._outputs, labels, self.is_multilabel_)
        table = explanation_table(matches, self.prototypes_, head, chosen, self._outputs)
        return explained(table, logits, chosen, head, self._outputs, self._link, self.pooling)

    @property
    def prototypes_(self) -> pd.DataFrame:
        """One line a prototype: what it is a prototype of, and which training window it is.

        ``class``, ``branch``, ``record`` (identifier, or row of X), ``row``, ``start`` and
        ``stop`` (s), ``lead`` (without which the window is least like itself) and
        ``projection_similarity`` (cosine between what was learned and the window it became).
        """
        check_is_fitted(self)
        found = self._sources
        return pd.DataFrame(
            {
                "class": self.classes_[found["label"]],
                **{name: found[name] for name in ("branch", "record", "row", "start", "stop")},
                "lead": np.asarray(self.lead_names_)[found["lead"]],
                "projection_similarity": found["projection_similarity"],
            }
        )

    def prototype_record(self, prototype: int) -> ECGRecord:
        """Return the training ECG that a prototype is a window of, at 100 Hz.

        Raises
        ------
        ValueError
            The model was fitted with ``keep_records=False``.
        """
        check_is_fitted(self)
        if self._signals is None:
            raise ValueError("Got a model without ECGs, but expected keep_records=True in fit.")
        return ECGRecord(self._signals[prototype], RATE, self.lead_names_)

    def paper_record(self, X: Any) -> ECGRecord:
        """Return the first record of X as it is compared with prototypes: 100 Hz, same leads."""
        check_is_fitted(self)
        records = read_records(self, X, reset=False)[:1]
        signal = paper_signals(records, self.lead_names_, self.duration)[0]
        return ECGRecord(signal, RATE, self.lead_names_)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.classifier_tags.multi_label = True
        return tags

    @property
    def _is_binary(self) -> bool:
        return not self.is_multilabel_ and len(self.classes_) == 2

    @property
    def _outputs(self) -> npt.NDArray[Any]:
        return self.classes_[1:] if self._is_binary else self.classes_

    def _link(self, logits: Floats) -> Floats:
        return link(logits, not self.is_multilabel_ and not self._is_binary)

    def _head(self, name: str = "fusion") -> Head:
        check_is_fitted(self)
        if name not in self.heads_:
            raise ValueError(f"Got branch={name!r}, but expected one of {', '.join(self.heads_)}.")
        return Head(**self.heads_[name])

    def _read(self, X: Any) -> npt.NDArray[np.float32]:
        check_is_fitted(self)
        records = read_records(self, X, reset=False)
        return network_input(paper_signals(records, self.lead_names_, self.duration), self.highpass)

    def _build_module(self) -> Any:
        return build_branches(self)
