"""Predict every row by a model that did not see it, and measure what that is worth."""

from collections.abc import Iterable, Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from sklearn.utils.validation import _num_samples

from cardiorisk._validation import check_groups, positive_index
from cardiorisk.evaluation.fitted_model import (
    came_fitted,
    external_protocol,
    is_external,
    known_classes,
    refuse_weights,
    warn_of_refits,
)
from cardiorisk.evaluation.fold_assembly import notes_of
from cardiorisk.evaluation.fold_fits import class_probability
from cardiorisk.evaluation.fold_predictions import (
    predict_rows,
    resolve_sites,
    units_of_resampling,
)
from cardiorisk.evaluation.intervals import check_confidence
from cardiorisk.evaluation.leakage.check import ON_ROWS, chosen_guards, warn_of_leakage
from cardiorisk.evaluation.leakage.study import Study
from cardiorisk.evaluation.multilabel import evaluate_labels, is_label_table
from cardiorisk.evaluation.outcomes import check_labels
from cardiorisk.evaluation.pooling import (
    check_auroc_interval,
    pooled_measures,
    pooled_thresholds,
    table_of_folds,
)
from cardiorisk.evaluation.protocols import Protocol
from cardiorisk.evaluation.result import EvaluationResult

__all__ = ["evaluate"]


def evaluate(
    model: Any,
    X: Any,
    y: Any,
    groups: Any = None,
    cv: Any = None,
    *,
    thresholds: Sequence[float] = (0.1, 0.2, 0.5),
    n_bootstraps: int = 1000,
    confidence: float = 0.95,
    auroc_interval: Literal["bootstrap", "delong"] = "bootstrap",
    pos_label: Any = None,
    return_models: bool = False,
    sample_weight: Any = None,
    sites: Any = None,
    guards: str | Iterable[str] | None = "cheap",
    n_jobs: int | None = None,
    verbose: int = 0,
    random_state: Any = 0,
) -> EvaluationResult:
    """Cross-validate a classifier, or test a fitted one, and report measures with intervals.

    Every row is predicted by a clone of ``model`` that was trained without the row and without
    its group. The measures are computed on the pooled out-of-fold predictions, so a fold may lack
    an event; with a repeated splitter they are the mean over repeats.

    Parameters
    ----------
    model : estimator
        A classifier with ``predict_proba``, or a Pipeline that ends in one. Not changed. It is
        cloned and fitted in each fold, also if it came fitted (with a warning unless ``cv`` says
        so), unless ``cv="external"`` or it is wrapped in
        :class:`sklearn.frozen.FrozenEstimator`: then it is tested as it is.
    X : DataFrame, array of 2 or 3 dimensions, or sequence of ECGRecord
        One row, or one record, a prediction.
    y : array-like of shape (n,)
        Labels: numbers, booleans or strings, two or more classes. Or a table of two or more
        columns, each a label that is absent or present, for a multi-label model.
    groups : array-like of shape (n,), optional
        The patient (or site) of each row. A group is never split between training and test, and
        the bootstrap draws groups, not rows.
    cv : None, int, str, splitter or iterable of (train, test), default=None
        None is 5, and a number is that many shuffled folds, stratified by outcome, with groups
        kept whole where they are given. ``"leave-one-site-out"`` and ``"leave-one-group-out"``
        leave out one of ``groups`` at a time. A splitter may repeat rows or leave some out.
        ``"external"`` tests a model that came fitted on rows that it did not see: nothing is
        fitted. Folds of a table of labels are stratified by each row's rarest label.
    thresholds : sequence of float, default=(0.1, 0.2, 0.5)
        Risks at which sensitivity, specificity and predictive values are told; a row is flagged
        at ``risk >= threshold``.
    n_bootstraps : int, default=1000
        Resamples behind each interval; 0 leaves the limits missing.
    confidence : float, default=0.95
        Level of the intervals.
    auroc_interval : {"bootstrap", "delong"}, default="bootstrap"
        How the AUROC gets its limits. DeLong's variance, on the log-odds scale and summed by group
        where there are groups, needs no resamples.
    pos_label : object, optional
        The class whose probability is the risk. None takes the second of two classes; with more
        classes it means no single risk: the result then has the mean AUROC of each class against
        the rest, the log loss and the Brier score summed over classes.
    return_models : bool, default=False
        Whether to keep the fitted models.
    sample_weight : array-like of shape (n,), optional
        For training only; the measures count every row once. Refused by an external test.
    sites : array-like of shape (n,), optional
        The hospital or device of each row, for the guards and for ``cv="leave-one-site-out"``;
        then ``groups`` may be the patients, which the bootstrap draws.
    guards : {"cheap", "all"}, iterable of str or None, default="cheap"
        Leakage guards that look at the data before anything is fitted; their names are those of
        :func:`check_leakage`. None for none. An external test has only those that need no
        training part.
    n_jobs : int, optional
        Folds fitted at the same time. The result does not depend on it.
    verbose : int, default=0
        Above 0, a progress bar over the folds.
    random_state : int, RandomState instance or None, default=0
        Shuffles the folds of ``cv=None`` or a number, and draws the resamples.

    Returns
    -------
    result : EvaluationResult
        For a table of labels a :class:`~cardiorisk.evaluation.MultilabelResult`.

    Raises
    ------
    ValueError
        Labels are missing or of one class (which an external test allows), lengths differ, a
        split leaks a row or a group, a training part lacks a class, or a prediction is not a
        probability; an external model is not fitted, or does not know a label, or came with
        weights.
    TypeError
        The model has no ``predict_proba``, or takes no ``sample_weight`` although one was given.

    Warns
    -----
    RefitWarning
        The model came fitted, and ``cv`` does not say whether folds or an external test are meant.
    LeakageWarning
        A guard found that test rows may be known before the test; the finding is among ``notes``.

    Notes
    -----
    - **What the intervals mean.** They take the out-of-fold predictions as fixed and resample who
      was predicted. They do not include how the model would change with other training data; the
      standard deviation over folds (``fold_sd`` of ``to_frame()``) hints at it.
    - **Sites.** With ``"leave-one-site-out"`` the bootstrap draws rows within each site, so the
      pooled intervals hold for these sites; ``per_fold`` shows how much sites differ.
    - **Calibration.** ``calibration_intercept`` is calibration-in-the-large (slope held at 1);
      log-odds of risks beyond 1e-6 of 0 or 1 are limited to that.
    - **Arguments of fit.** ``sample_weight`` and ``groups`` reach ``fit`` of the model, or of the
      last step of a Pipeline, if it has a parameter of that name.

    References
    ----------
    Van Calster B et al. Lancet Digital Health 2025;7:100916. doi:10.1016/j.landig.2025.100916
    Collins GS et al. TRIPOD+AI. BMJ 2024;385:e078378. doi:10.1136/bmj-2023-078378

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from cardiorisk.evaluation import evaluate
    >>> X, y = load_breast_cancer(return_X_y=True, as_frame=True)
    >>> result = evaluate(make_pipeline(StandardScaler(), LogisticRegression()), X, y)
    >>> result.protocol
    '5-fold cross-validation, stratified by outcome'
    >>> bool(result.metrics["auroc"].low > 0.98)
    True
    >>> result.probability.shape
    (1, 569, 2)
    """
    check_confidence(n_bootstraps, confidence)
    cuts = _check_thresholds(thresholds)
    X = X if hasattr(X, "shape") else list(X)
    external = is_external(model, cv)
    if external:
        refuse_weights(sample_weight)
    else:
        warn_of_refits(model, cv, stacklevel=2)
    run: dict[str, Any] = {
        "cv": cv,
        "external": external,
        "n_bootstraps": n_bootstraps,
        "confidence": confidence,
        "return_models": return_models,
        "sample_weight": sample_weight,
        "n_jobs": n_jobs,
        "verbose": verbose,
        "random_state": random_state,
    }
    if is_label_table(y):
        _refuse_for_labels(pos_label, auroc_interval)
        asked = chosen_guards(guards)
        return evaluate_labels(
            model, X, y, groups, sites=sites, thresholds=cuts, guards=asked, **run
        )
    y = check_labels(y, 1 if external else 2)
    if _num_samples(X) != len(y):
        raise ValueError(f"Got {_num_samples(X)} rows of X, but {len(y)} labels.")
    groups = check_groups(groups, len(y))
    run["sites"] = check_groups(sites, len(y))
    return _evaluate_classes(
        model, X, y, groups, cuts, auroc_interval, pos_label, chosen_guards(guards), **run
    )


def _evaluate_classes(
    model: Any,
    X: Any,
    y: npt.NDArray[Any],
    groups: npt.NDArray[Any] | None,
    thresholds: npt.NDArray[np.float64],
    auroc_interval: str,
    pos_label: Any,
    guards: Sequence[str],
    *,
    cv: Any,
    external: bool,
    sites: npt.NDArray[Any] | None,
    n_bootstraps: int,
    confidence: float,
    random_state: Any,
    n_jobs: int | None,
    **fitting: Any,
) -> EvaluationResult:
    classes = known_classes(model, y) if external else np.unique(y)
    code = np.searchsorted(classes, y)
    one_risk = pos_label is not None or len(classes) == 2
    positive = positive_index(classes, pos_label) if one_risk else None
    by = check_auroc_interval(auroc_interval, positive)
    if external:
        protocol = external_protocol(len(y))
        guards = [guard for guard in guards if guard in ON_ROWS]
    else:
        protocol, groups = resolve_sites(cv, X, y, groups, sites, random_state)
        _check_training_parts(protocol, code, classes)
    study = Study(X, y, protocol.splits, groups, sites, pos_label)
    leakage = warn_of_leakage(study, guards, stacklevel=3)
    probability, fold, models = predict_rows(
        model,
        X,
        y,
        protocol,
        groups,
        known=classes,
        external=external,
        n_columns=len(classes),
        predict=class_probability,
        n_jobs=n_jobs,
        **fitting,
    )
    units = units_of_resampling(protocol, groups, sites)
    resampling = {
        **units,
        "n_bootstraps": n_bootstraps,
        "confidence": confidence,
        "random_state": random_state,
        "n_jobs": n_jobs,
    }
    measured = (code, probability, positive)
    risk = None if positive is None else probability[..., positive]
    return EvaluationResult(
        protocol=protocol.words,
        classes=classes,
        pos_label=None if positive is None else classes.tolist()[positive],
        y=y,
        probability=probability,
        fold=fold,
        groups=groups,
        metrics=pooled_measures(*measured, auroc_interval=by, **resampling),
        thresholds=pooled_thresholds(*measured, thresholds, **resampling),
        per_fold=table_of_folds(*measured, protocol, auroc_interval=by, **resampling),
        models=models,
        confidence=confidence,
        notes=leakage
        + notes_of(protocol, fold, groups, risk, refitted=came_fitted(model) and not external),
        by_site=units["strata"] is not None,
        external=external,
    )


def _refuse_for_labels(pos_label: Any, auroc_interval: str) -> None:
    if pos_label is not None or auroc_interval != "bootstrap":
        raise ValueError(
            "Got a table of labels with pos_label or auroc_interval, which are for one label a "
            "row; take result.label(name) first."
        )


def _check_thresholds(thresholds: Any) -> npt.NDArray[np.float64]:
    cuts = np.asarray(thresholds, dtype=np.float64)
    if cuts.ndim != 1 or not np.all((cuts >= 0) & (cuts <= 1)):
        raise ValueError(f"Got thresholds={thresholds!r}, but expected risks from 0 to 1.")
    return cuts


def _check_training_parts(
    protocol: Protocol, code: npt.NDArray[np.intp], classes: npt.NDArray[Any]
) -> None:
    for number, (train, _) in enumerate(protocol.splits):
        absent = np.bincount(code[train], minlength=len(classes)) == 0
        if absent.any():
            raise ValueError(
                f"The training part of split {number} has no row of class "
                f"{classes[absent].tolist()[0]!r}; use fewer folds, or other groups."
            )
