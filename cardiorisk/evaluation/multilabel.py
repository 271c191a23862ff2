"""Several labels a row: each label's measures, and their means over labels."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.sparse import issparse
from sklearn.utils.validation import _num_samples

from cardiorisk._validation import check_groups
from cardiorisk.evaluation.fitted_model import came_fitted, external_protocol
from cardiorisk.evaluation.fold_assembly import notes_of
from cardiorisk.evaluation.fold_fits import label_probability
from cardiorisk.evaluation.fold_predictions import (
    predict_rows,
    resolve_sites,
    units_of_resampling,
)
from cardiorisk.evaluation.indicators import check_labels, label_strata
from cardiorisk.evaluation.intervals import Interval
from cardiorisk.evaluation.label_measures import (
    measure_labels,
    table_of_folds,
    thresholds_of_labels,
)
from cardiorisk.evaluation.leakage.check import ON_ROWS, warn_of_label_leakage
from cardiorisk.evaluation.leakage.study import Study
from cardiorisk.evaluation.measures import BINARY_MEASURES
from cardiorisk.evaluation.protocols import DEFAULT_FOLDS, Protocol
from cardiorisk.evaluation.result import EvaluationResult

__all__ = ["MultilabelResult", "evaluate_labels", "is_label_table"]

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False, repr=False)
class MultilabelResult(EvaluationResult):
    """Out-of-fold predictions of several labels a row, and what they are worth.

    As :class:`EvaluationResult`, but ``classes`` are the names of the labels, ``y`` and each
    repeat of ``probability`` have one column a label, and ``metrics`` are means: ``macro_`` over
    labels, ``micro_`` over all pairs of row and label. ``risk`` and ``outcome`` belong to one
    label: see :meth:`label`.

    Parameters
    ----------
    per_label : DataFrame
        One row a label: ``n_events``, each measure with ``_low`` and ``_high``, and ``note``, the
        reason for missing or doubtful values.

    Examples
    --------
    >>> from sklearn.datasets import make_multilabel_classification
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.multiclass import OneVsRestClassifier
    >>> from cardiorisk.evaluation import evaluate
    >>> X, y = make_multilabel_classification(200, n_classes=3, random_state=0)
    >>> result = evaluate(OneVsRestClassifier(LogisticRegression()), X, y, n_bootstraps=50)
    >>> result.per_label.index.tolist(), list(result.metrics)[0]
    ([0, 1, 2], 'macro_auroc')
    >>> result.label(1).risk.shape
    (200,)
    """

    per_label: pd.DataFrame = field(default_factory=pd.DataFrame)

    def label(self, name: Any) -> EvaluationResult:
        """Take the result of one label, for calibration, decision curves, subgroups or compare.

        Parameters
        ----------
        name : object
            One of ``classes``.

        Returns
        -------
        result : EvaluationResult
            Its ``per_fold`` has the counts only.
        """
        found = np.flatnonzero(self.classes == name)
        if not len(found):
            raise ValueError(f"Got label {name!r}, but the labels are {self.classes.tolist()}.")
        at = int(found[0])
        risk = self.probability[:, :, at]
        row = self.per_label.iloc[at]
        metrics = {
            measure: Interval(row[measure], row[f"{measure}_low"], row[f"{measure}_high"])
            for measure in BINARY_MEASURES
        }
        cuts = self.thresholds[self.thresholds["label"] == name].drop(columns="label")
        return EvaluationResult(
            protocol=self.protocol,
            classes=np.array([False, True]),
            pos_label=True,
            y=self.y[:, at].astype(bool),
            probability=np.stack([1 - risk, risk], axis=2),
            fold=self.fold,
            groups=self.groups,
            metrics=metrics,
            thresholds=cuts.reset_index(drop=True),
            per_fold=self.per_fold[["repeat", "held_out", "n_train", "n_test"]],
            confidence=self.confidence,
            notes=self.notes,
            by_site=self.by_site,
            external=self.external,
        )

    def _positive(self) -> Any:
        raise ValueError(
            f"Got {len(self.classes)} labels, but this is of one; take result.label(name) first."
        )

    def _cohort(self) -> str:
        words = f"{len(self.y)} rows, {len(self.classes)} labels"
        if self.groups is not None:
            words += f", {len(np.unique(self.groups))} groups"
        return f"{words}; {self.confidence:.0%} intervals"


def is_label_table(y: Any) -> bool:
    """Whether y has two columns or more, each of them a label."""
    shape = y.shape if issparse(y) or hasattr(y, "shape") else np.shape(y)
    return len(shape) == 2 and shape[1] >= 2


def evaluate_labels(
    model: Any,
    X: Any,
    y: Any,
    groups: Any,
    *,
    cv: Any,
    external: bool,
    sites: Any,
    thresholds: Floats,
    guards: Sequence[str],
    n_bootstraps: int,
    confidence: float,
    random_state: Any,
    n_jobs: int | None,
    **fitting: Any,
) -> MultilabelResult:
    """Evaluate a multi-label model; see :func:`cardiorisk.evaluation.evaluate`."""
    names, _, present = check_labels(y)
    if _num_samples(X) != len(present):
        raise ValueError(f"Got {_num_samples(X)} rows of X, but {len(present)} rows of labels.")
    groups, sites = check_groups(groups, len(present)), check_groups(sites, len(present))
    table = present.astype(np.int64)
    if external:
        protocol = external_protocol(len(table))
        guards = [guard for guard in guards if guard in ON_ROWS]
    else:
        protocol, groups = _label_protocol(cv, X, present, groups, sites, random_state)
    study = Study(X, None, protocol.splits, groups, sites)
    leakage = warn_of_label_leakage(study, names, present, guards, stacklevel=3)
    probability, fold, models = predict_rows(
        model,
        X,
        table,
        protocol,
        groups,
        known=None,
        external=external,
        n_columns=len(names),
        predict=label_probability,
        n_jobs=n_jobs,
        **fitting,
    )
    units = units_of_resampling(protocol, groups, sites)
    resampling = {
        **units,
        "n_bootstraps": n_bootstraps,
        "random_state": random_state,
        "n_jobs": n_jobs,
    }
    metrics, per_label = measure_labels(names, present, probability, confidence, resampling)
    cuts = thresholds_of_labels(names, present, probability, thresholds, confidence, resampling)
    return MultilabelResult(
        protocol=protocol.words,
        classes=names,
        pos_label=None,
        y=table,
        probability=probability,
        fold=fold,
        groups=groups,
        metrics=metrics,
        thresholds=cuts,
        per_fold=table_of_folds(present, probability, protocol),
        models=models,
        confidence=confidence,
        notes=leakage
        + notes_of(protocol, fold, groups, None, refitted=came_fitted(model) and not external),
        by_site=units["strata"] is not None,
        external=external,
        per_label=per_label,
    )


def _label_protocol(
    cv: Any,
    X: Any,
    present: npt.NDArray[np.bool_],
    groups: npt.NDArray[Any] | None,
    sites: npt.NDArray[Any] | None,
    seed: Any,
) -> tuple[Protocol, npt.NDArray[Any] | None]:
    n_folds = cv if isinstance(cv, int | np.integer) else DEFAULT_FOLDS
    strata = label_strata(present, smallest=max(2, int(n_folds)))
    protocol, units = resolve_sites(cv, X, strata, groups, sites, seed)
    words = protocol.words.replace("stratified by outcome", "stratified by rarest label")
    return replace(protocol, words=words), units
