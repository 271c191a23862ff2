"""For each label of a record: absent, present, or not to be told, at a chosen rate of error."""

import warnings
from collections.abc import Iterable
from numbers import Integral, Real
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.base import BaseEstimator, ClassifierMixin, MetaEstimatorMixin, _fit_context
from sklearn.model_selection import BaseCrossValidator
from sklearn.utils import Tags, _safe_indexing, check_random_state, get_tags, indexable
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions
from sklearn.utils.metadata_routing import MetadataRouter, MethodMapping
from sklearn.utils.validation import check_consistent_length, check_is_fitted

from cardiorisk._validation import check_groups
from cardiorisk.evaluation.indicators import (
    check_labels,
    label_strata,
    presence_probability,
)
from cardiorisk.exceptions import CoverageWarning
from cardiorisk.explain.conformal.coverage import control_table, label_coverage_table
from cardiorisk.explain.conformal.folds import (
    MAX_SPLIT_PARTS,
    Fold,
    check_probabilistic,
    choose_folds,
    fit_folds,
    routed_fit_params,
)
from cardiorisk.explain.conformal.risk_control import controlled_thresholds
from cardiorisk.explain.conformal.sets import label_calibrations, prediction_sets, required_rows
from cardiorisk.explain.conformal.shortages import rare_labels, uncontrolled_labels

__all__ = ["ConformalMultilabelClassifier"]


class ConformalMultilabelClassifier(MetaEstimatorMixin, ClassifierMixin, BaseEstimator):
    """Multi-label classifier that says of each label: absent, present, or not to be told.

    Parameters
    ----------
    estimator : multi-label classifier with ``predict_proba``
        Probabilities may come as a list with one array a label or as an array (n, n_labels). A
        fitted model comes in through :class:`sklearn.frozen.FrozenEstimator`; then every row given
        to ``fit`` calibrates and none of them may have trained it.
    alpha : float, default=0.1
        Share of the records with a label, and of those without it, whose set may miss the truth.
    control : {"recall", "precision"} or None, default=None
        What the thresholds of ``predict`` guarantee. None leaves ``predict`` to the estimator.
    control_over : {"label", "record"}, default="label"
        Whether the target holds for each label, with a threshold of its own, or for the mean over
        the records that have a label, with one threshold.
    target : float, default=0.9
        Recall or precision that is asked for.
    confidence : float, default=0.9
        Probability that the target is reached on new records, for each label by itself. For all L
        labels at once give ``1 - (1 - confidence) / L``.
    cv : int, splitter, iterable of (train, test), or None, default=None
        As in :class:`ConformalClassifier`. Only with ``control=None``: thresholds of out-of-fold
        probabilities have no guarantee for the model that is fitted on all rows.
    calibration_size : float, default=0.2
        Share of the rows that is held back where ``cv=None``.
    n_jobs : int, optional
        Folds that are fitted at the same time.
    random_state : int, RandomState instance or None, default=None
        Of the split.

    Attributes
    ----------
    classes_ : list of ndarray, each of shape (2,)
        The value of each label where it is absent and where it is present.
    label_names_ : ndarray of shape (n_labels,)
        Columns of y where it is a DataFrame, otherwise 0, 1, ...
    estimator_ : classifier
        Gives ``predict_proba``.
    estimators_ : list of classifier
        Give the sets: one model a fold, or ``[estimator_]``.
    calibrations_ : list of Calibration
        Scores of the calibration rows, one entry a label.
    undecidable_ : ndarray of bool, shape (n_labels,)
        Labels with too few rows to calibrate: their set is always {absent, present}.
    thresholds_ : ndarray of shape (n_labels,)
        A label is predicted where its probability reaches the threshold. NaN without ``control``,
        and where no threshold is known to reach the target: then recall is kept by predicting the
        label always, precision by never predicting it.
    n_features_in_, feature_names_in_
        Of ``estimator_``, where it has them.

    Raises
    ------
    ValueError
        Labels that are no table of two values each, or a ``cv`` together with ``control``.
    TypeError
        The estimator has no ``predict_proba``.

    Warns
    -----
    CoverageWarning
        Some labels have too few calibration rows with it or without it for ``alpha``, or no
        threshold reaches the target. The labels are named.

    Notes
    -----
    Sets: each label is a problem of two classes, calibrated within those who have it and those who
    do not (Vovk 2013, doi:10.1007/s10994-013-5355-6; Sadinle et al. 2019,
    doi:10.1080/01621459.2017.1395341), so of 100 records with a rare label about 90 keep
    "present". The rate holds for one label at a time, not for all labels of a record together.

    Control: see :func:`~cardiorisk.explain.conformal.risk_control.controlled_thresholds`. Both
    guarantees take calibration rows to be exchangeable with new ones, one row a patient.

    Rows are divided so that rare labels fall on both sides, and groups stay whole.

    Examples
    --------
    >>> from sklearn.datasets import make_multilabel_classification
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.multioutput import MultiOutputClassifier
    >>> X, y = make_multilabel_classification(2000, n_classes=3, random_state=0)
    >>> net = MultiOutputClassifier(LogisticRegression(max_iter=1000))
    >>> model = ConformalMultilabelClassifier(net, control="recall", random_state=0)
    >>> model = model.fit(X[:1500], y[:1500])
    >>> sets = model.predict_set(X[1500:])
    >>> sets.shape  # records, labels, {absent, present}
    (500, 3, 2)
    >>> report = model.coverage_report(X[1500:], y[1500:])
    >>> report[["label", "class", "n", "coverage", "target"]].head(2).round(2)
       label  class    n  coverage  target
    0      0      0  244      0.91     0.9
    1      0      1  256      0.88     0.9
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "estimator": [HasMethods(["fit"])],
        "alpha": [Interval(Real, 0, 1, closed="neither")],
        "control": [StrOptions({"recall", "precision"}), None],
        "control_over": [StrOptions({"label", "record"})],
        "target": [Interval(Real, 0, 1, closed="neither")],
        "confidence": [Interval(Real, 0, 1, closed="neither")],
        "cv": ["cv_object"],
        "calibration_size": [Interval(Real, 0, 1, closed="neither")],
        "n_jobs": [Integral, None],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        estimator: Any,
        alpha: float = 0.1,
        *,
        control: str | None = None,
        control_over: str = "label",
        target: float = 0.9,
        confidence: float = 0.9,
        cv: int | BaseCrossValidator | Iterable[Fold] | None = None,
        calibration_size: float = 0.2,
        n_jobs: int | None = None,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.estimator = estimator
        self.alpha = alpha
        self.control = control
        self.control_over = control_over
        self.target = target
        self.confidence = confidence
        self.cv = cv
        self.calibration_size = calibration_size
        self.n_jobs = n_jobs
        self.random_state = random_state

    @_fit_context(prefer_skip_nested_validation=False)
    def fit(
        self, X: Any, y: Any, groups: Any = None, *, sample_weight: Any = None, **fit_params: Any
    ) -> Self:
        """Train and calibrate.

        Parameters
        ----------
        X : DataFrame, array of 2 or 3 dimensions, or sequence of ECGRecord
            Whatever the estimator accepts.
        y : DataFrame, sparse matrix or array-like of shape (n, n_labels)
            Two values a label, usually 0 and 1.
        groups : array-like of shape (n,), optional
            The patient, who is kept whole when rows are divided.
        sample_weight : array-like of shape (n,), optional
            For the fit of the estimator, of a pipeline's last step where it is a pipeline.
        **fit_params
            More for the fit of the estimator.

        Returns
        -------
        self
        """
        if y is None:
            raise ValueError("requires y to be passed, but the target y is None")
        (X,) = indexable(X)
        self.label_names_, self.classes_, present = check_labels(y)
        check_consistent_length(X, present)
        if len(present) < 2:
            raise ValueError("Got 1 sample, but expected many to train and to calibrate on.")
        self._check_estimator()
        patients = check_groups(groups, len(present))
        routed = routed_fit_params(self, sample_weight, fit_params)
        seed = check_random_state(self.random_state).randint(np.iinfo(np.int32).max)
        strata = label_strata(present, 2 if patients is None else MAX_SPLIT_PARTS)
        folds = choose_folds(
            self.estimator,
            self.cv,
            self.calibration_size,
            X,
            strata,
            np.unique(strata),
            patients,
            seed,
        )
        models = fit_folds(self.estimator, X, present.astype(int), folds, routed, self.n_jobs)
        self.estimator_, self.estimators_ = models[-1], models[: len(folds)]
        self._calibrate(X, present, folds)
        for name in ("n_features_in_", "feature_names_in_"):
            if hasattr(self.estimator_, name):
                setattr(self, name, getattr(self.estimator_, name))
        return self

    def predict_set(self, X: Any) -> npt.NDArray[np.bool_]:
        """Tell for every record and label which of absent and present cannot be ruled out.

        Parameters
        ----------
        X : as in fit

        Returns
        -------
        ndarray of bool, shape (n, n_labels, 2)
            ``[:, :, 0]`` is True where "absent" stays, ``[:, :, 1]`` where "present" stays. Both
            say that the label cannot be told; none says that the record is unlike both.
        """
        check_is_fitted(self)
        found = [presence_probability(model, X, len(self.classes_)) for model in self.estimators_]
        n_rows, nobody = len(found[0]), np.zeros(len(found[0]), np.intp)
        sets = np.ones((n_rows, len(self.classes_), 2), bool)
        for label in np.flatnonzero(~self.undecidable_):
            scores = [np.column_stack([p[:, label], 1.0 - p[:, label]]) for p in found]
            sets[:, label] = prediction_sets(self.calibrations_[label], scores, nobody)
        return sets

    def predict(self, X: Any) -> npt.NDArray[Any]:
        """Values of every label, shape (n, n_labels), by ``thresholds_`` where there is control."""
        check_is_fitted(self)
        if self._control is None:
            chosen = np.asarray(self.estimator_.predict(X)).reshape(-1, len(self.classes_)) == 1
        else:
            reached = self.predict_proba(X) >= self.thresholds_
            chosen = np.where(np.isnan(self.thresholds_), self._control == "recall", reached)
        pairs = zip(self.classes_, chosen.T, strict=True)
        return np.column_stack([pair[column.astype(int)] for pair, column in pairs])

    def predict_proba(self, X: Any) -> npt.NDArray[np.float64]:
        """Probability that each label is present, shape (n, n_labels), from ``estimator_``."""
        check_is_fitted(self)
        return presence_probability(self.estimator_, X, len(self.classes_))

    def coverage_report(self, X: Any, y: Any) -> pd.DataFrame:
        """Count on new rows how often the sets hold the truth.

        Parameters
        ----------
        X : as in fit
            Rows that neither trained nor calibrated.
        y : as in fit

        Returns
        -------
        DataFrame
            Two rows a label, columns ``label``, ``class`` (its value), ``n``, ``covered``,
            ``coverage`` with its exact 95 % interval ``low`` to ``high``, ``target``, and the
            shares ``both`` (not to be told), ``empty`` and ``undecidable`` (whether the label had
            too few rows to calibrate).
        """
        check_is_fitted(self)
        present = check_labels(y, self.classes_).present
        names = self.label_names_, self.classes_, self.undecidable_
        target = 1.0 - self.calibrations_[0].alpha
        return label_coverage_table(self.predict_set(X), present, *names, target)

    def control_report(self, X: Any, y: Any) -> pd.DataFrame:
        """Count on new rows what recall and precision ``predict`` reaches.

        Parameters
        ----------
        X, y : as in coverage_report

        Returns
        -------
        DataFrame
            One row a label, columns ``label``, ``threshold``, ``n_present``, ``n_predicted``,
            ``recall`` and ``precision``, each with its exact 95 % interval in ``*_low`` and
            ``*_high``.
        """
        check_is_fitted(self)
        present = check_labels(y, self.classes_).present
        predicted = check_labels(self.predict(X), self.classes_).present
        return control_table(predicted, present, self.label_names_, self.thresholds_)

    def get_metadata_routing(self) -> MetadataRouter:
        """Route ``fit`` to the estimator, besides what this class asks for itself."""
        mapping = MethodMapping().add(caller="fit", callee="fit")
        router = MetadataRouter(owner=self).add_self_request(self)
        return router.add(estimator=self.estimator, method_mapping=mapping)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags = get_tags(self.estimator).input_tags
        tags.classifier_tags.multi_class = False
        tags.classifier_tags.multi_label = True
        tags.target_tags.multi_output = True
        tags.target_tags.single_output = False
        return tags

    def _check_estimator(self) -> None:
        check_probabilistic(self.estimator)
        if self.control is not None and self.cv is not None:
            raise ValueError(
                f"Got control={self.control!r} and a cv, but thresholds hold only for the model "
                "that they were found with: expected cv=None, or a FrozenEstimator."
            )

    def _calibrate(self, X: Any, present: npt.NDArray[np.bool_], folds: list[Fold]) -> None:
        tested = np.concatenate([test for _, test in folds])
        fold_of = np.repeat(np.arange(len(folds)), [len(test) for _, test in folds])
        truth = present[tested]
        probability = np.concatenate(
            [
                presence_probability(model, _safe_indexing(X, test), truth.shape[1])
                for model, (_, test) in zip(self.estimators_, folds, strict=True)
            ]
        )
        self.calibrations_ = label_calibrations(probability, truth, fold_of, self.alpha)
        fewest = np.minimum(truth.sum(axis=0), (~truth).sum(axis=0))
        self.undecidable_ = fewest < required_rows(self.alpha)
        rare = self.undecidable_
        self._warn(rare_labels(self.label_names_[rare], truth[:, rare], self.alpha))
        self._control = self.control
        self.thresholds_ = np.full(truth.shape[1], np.nan)
        if self.control is not None:
            aim = self.control, self.target, self.confidence, self.control_over
            self.thresholds_ = controlled_thresholds(probability, truth, *aim)
            lost = np.isnan(self.thresholds_)
            self._warn(uncontrolled_labels(self.label_names_[lost], truth[:, lost], *aim[:3]))

    @staticmethod
    def _warn(message: str) -> None:
        if message:
            warnings.warn(message, CoverageWarning, stacklevel=5)
