"""Prediction sets that hold the true class at a chosen rate, for the sick as for the healthy."""

import warnings
from collections.abc import Iterable
from numbers import Integral, Real
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.base import BaseEstimator, ClassifierMixin, MetaEstimatorMixin, _fit_context
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import BaseCrossValidator
from sklearn.utils import Tags, check_random_state, get_tags, indexable
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions
from sklearn.utils.metadata_routing import MetadataRouter, MethodMapping
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_y, check_is_fitted

from cardiorisk._validation import check_groups
from cardiorisk.exceptions import CoverageWarning
from cardiorisk.explain.conformal.coverage import coverage_table
from cardiorisk.explain.conformal.folds import (
    Fold,
    aligned_probability,
    calibrate,
    check_probabilistic,
    choose_folds,
    fit_folds,
    out_of_fold,
    routed_fit_params,
)
from cardiorisk.explain.conformal.scores import label_scores
from cardiorisk.explain.conformal.sets import prediction_sets, required_rows

__all__ = ["ConformalClassifier"]


class ConformalClassifier(MetaEstimatorMixin, ClassifierMixin, BaseEstimator):
    """Classifier whose answer is a set of classes that holds the truth at a chosen rate.

    Parameters
    ----------
    estimator : classifier with ``predict_proba``
        A pipeline counts as one estimator, so nothing leaks into calibration. A fitted model comes
        in through :class:`sklearn.frozen.FrozenEstimator`; then every row given to ``fit``
        calibrates and none of them may have trained it.
    alpha : float, default=0.1
        Share of the sets that may miss the truth.
    conditional : {"class", "group", "both"} or None, default="class"
        Where the rate holds: within each true class, within each group, within each class of each
        group, or only over all rows together (None). With 8 % sick, 90 % over all rows together
        leaves most of the sick uncovered.
    method : {"lac", "aps", "raps"}, default="lac"
        Conformity score. LAC gives the smallest sets on average and may give an empty one, which
        says that no class looks like the calibration rows. APS and RAPS make larger sets for
        doubtful rows. All three keep the same promise, and with two classes APS is LAC.
    cv : int, splitter, iterable of (train, test), or None, default=None
        None holds back one part. Otherwise every row is scored by the model of the fold that did
        not see it, the models of all folds vote on a set, and a model fitted on all rows gives
        ``predict`` and ``predict_proba``. An int shuffles, stratifies and keeps groups whole.
    calibration_size : float, default=0.2
        Share of the rows that is held back where ``cv=None``.
    n_jobs : int, optional
        Folds that are fitted at the same time. The result does not depend on it.
    random_state : int, RandomState instance or None, default=None
        Of the split, and of the rows that RAPS spends on its penalty.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
    estimator_ : classifier
        Gives ``predict`` and ``predict_proba``.
    estimators_ : list of classifier
        Give the sets: one model a fold, or ``[estimator_]``.
    calibration_ : Calibration
        Scores, classes and groups of the calibration rows.
    n_features_in_, feature_names_in_
        Of ``estimator_``, where it has them.

    Raises
    ------
    ValueError
        A class, group or cross-validation that cannot be calibrated.
    TypeError
        The estimator has no ``predict_proba``.

    Warns
    -----
    CoverageWarning
        A class or group has fewer than ``1 / alpha - 1`` calibration rows. Its sets then hold
        every class: that is all that can be promised.

    Notes
    -----
    Split (``cv=None``): if the rows of a class are exchangeable with the next patient of that
    class, the set holds the class with probability at least ``1 - alpha`` (Vovk 2013,
    doi:10.1007/s10994-013-5355-6; class-conditional: Sadinle et al. 2019,
    doi:10.1080/01621459.2017.1395341). Cross: the construction is cross-conformal prediction
    (Vovk 2015, doi:10.1007/s10472-013-9368-4), which for these sets is CV+ (Barber et al. 2021,
    doi:10.1214/20-AOS1965; Romano et al. 2020, doi:10.48550/arXiv.2006.02544). What is proven is
    ``1 - 2 alpha`` less a term that falls with the size of the folds; ``1 - alpha`` is what is
    found. Cutting the sets of the refitted model by out-of-fold scores is common and has no
    proof, so it is not done here. All of it speaks of one row a patient; several rows of one
    patient are kept on one side, but count as less than so many patients.

    ``sample_weight`` trains the estimator only; calibration counts rows, and weights do not
    correct a shift of the population.

    Examples
    --------
    >>> from sklearn.datasets import make_classification
    >>> from sklearn.linear_model import LogisticRegression
    >>> X, y = make_classification(2000, weights=[0.9], flip_y=0.1, random_state=0)
    >>> model = ConformalClassifier(LogisticRegression(), random_state=0).fit(X[:1500], y[:1500])
    >>> model.predict_set(X[1500:1503])
    array([[ True,  True],
           [ True,  True],
           [False,  True]])
    >>> report = model.coverage_report(X[1500:], y[1500:])
    >>> report[["level", "class", "n", "coverage", "target"]].round(2)
         level class    n  coverage  target
    0  overall   all  500      0.92     0.9
    1    class     0  427      0.92     0.9
    2    class     1   73      0.95     0.9
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "estimator": [HasMethods(["fit"])],
        "alpha": [Interval(Real, 0, 1, closed="neither")],
        "conditional": [StrOptions({"class", "group", "both"}), None],
        "method": [StrOptions({"lac", "aps", "raps"})],
        "cv": ["cv_object"],
        "calibration_size": [Interval(Real, 0, 1, closed="neither")],
        "n_jobs": [Integral, None],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        estimator: Any,
        alpha: float = 0.1,
        conditional: str | None = "class",
        method: str = "lac",
        cv: int | BaseCrossValidator | Iterable[Fold] | None = None,
        *,
        calibration_size: float = 0.2,
        n_jobs: int | None = None,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.estimator = estimator
        self.alpha = alpha
        self.conditional = conditional
        self.method = method
        self.cv = cv
        self.calibration_size = calibration_size
        self.n_jobs = n_jobs
        self.random_state = random_state

    @_fit_context(prefer_skip_nested_validation=False)
    def fit(
        self,
        X: Any,
        y: Any,
        groups: Any = None,
        *,
        split_groups: Any = None,
        sample_weight: Any = None,
        **fit_params: Any,
    ) -> Self:
        """Train and calibrate.

        Parameters
        ----------
        X : DataFrame, array of 2 or 3 dimensions, or sequence of ECGRecord
            Whatever the estimator accepts.
        y : array-like of shape (n,)
            Labels of any kind.
        groups : array-like of shape (n,), optional
            With ``conditional="group"`` or ``"both"`` the group that the rate shall hold in, for
            example the sex. Otherwise the patient, who is kept whole when rows are divided.
        split_groups : array-like of shape (n,), optional
            The patient, where ``groups`` is taken by the condition.
        sample_weight : array-like of shape (n,), optional
            For the fit of the estimator, of a pipeline's last step where it is a pipeline.
        **fit_params
            More for the fit of the estimator.

        Returns
        -------
        self
        """
        X, y = indexable(X, y)
        y = _check_y(y, estimator=self)
        check_classification_targets(y)
        taxonomy, patients = self._checked_groups(groups, split_groups, len(y))
        routed = routed_fit_params(self, sample_weight, fit_params)
        random_state = check_random_state(self.random_state)
        seed = (
            int(self.random_state)
            if isinstance(self.random_state, Integral)
            else int(random_state.randint(np.iinfo(np.int32).max))
        )
        self.classes_, codes = self._encode(y)
        folds = choose_folds(
            self.estimator, self.cv, self.calibration_size, X, codes, self.classes_, patients, seed
        )
        self._fit_estimators(X, y, folds, routed)
        probability = out_of_fold(self.estimators_, X, folds, self.classes_)
        self.calibration_ = calibrate(
            probability, codes, folds, taxonomy, self.conditional, self.method, self.alpha, seed
        )
        self._warn_of_small_cells()
        for name in ("n_features_in_", "feature_names_in_"):
            if hasattr(self.estimator_, name):
                setattr(self, name, getattr(self.estimator_, name))
        return self

    def predict_set(self, X: Any, groups: Any = None) -> npt.NDArray[np.bool_]:
        """Tell for every row which classes cannot be ruled out.

        Parameters
        ----------
        X : as in fit
        groups : array-like of shape (n,), optional
            Needed with ``conditional="group"`` or ``"both"``, and refused otherwise. A group that
            was not there at calibration gets every class, with a warning.

        Returns
        -------
        ndarray of bool, shape (n, n_classes)
            Columns in the order of ``classes_``. A row without any True is unlike every class.
        """
        check_is_fitted(self)
        if groups is not None and not self.calibration_.by_group:
            raise ValueError(
                f"Got groups, but sets do not depend on them with conditional={self.conditional!r}."
            )
        calibration = self.calibration_
        scores = [
            label_scores(
                aligned_probability(model, X, self.classes_),
                calibration.method,
                calibration.penalty,
                calibration.free_rank,
            )
            for model in self.estimators_
        ]
        positions = self._group_positions(groups, len(scores[0]))
        return prediction_sets(calibration, scores, positions)

    def predict(self, X: Any) -> npt.NDArray[Any]:
        """Most probable class of every row, shape (n,), from ``estimator_``."""
        check_is_fitted(self)
        return np.asarray(self.estimator_.predict(X))

    def predict_proba(self, X: Any) -> npt.NDArray[np.float64]:
        """Probability of every class, shape (n, n_classes), from ``estimator_``."""
        check_is_fitted(self)
        return aligned_probability(self.estimator_, X, self.classes_)

    def coverage_report(self, X: Any, y: Any, groups: Any = None) -> pd.DataFrame:
        """Count on new rows how often the sets hold the truth.

        Parameters
        ----------
        X : as in fit
            Rows that neither trained nor calibrated.
        y : array-like of shape (n,)
        groups : array-like of shape (n,), optional
            Adds rows by group. With ``conditional="group"`` or ``"both"`` the sets depend on it.

        Returns
        -------
        DataFrame
            Columns ``level`` ("overall", "class", "group", "class x group"), ``class``, ``group``,
            ``n``, ``covered``, ``coverage`` with its exact 95 % interval ``low`` to ``high``,
            ``target``, ``mean_size`` (classes a set), and the shares ``empty`` and ``singletons``.
        """
        check_is_fitted(self)
        y = np.asarray(y)
        named = check_groups(groups, len(y))
        if len(unknown := np.setdiff1d(y, self.classes_)):
            raise ValueError(f"Got classes {list(unknown)}, but expected {list(self.classes_)}.")
        sets = self.predict_set(X, named if self.calibration_.by_group else None)
        codes = np.searchsorted(self.classes_, y)
        return coverage_table(sets, codes, self.classes_, named, 1.0 - self.calibration_.alpha)

    def get_metadata_routing(self) -> MetadataRouter:
        """Route ``fit`` to the estimator, besides what this class asks for itself."""
        mapping = MethodMapping().add(caller="fit", callee="fit")
        router = MetadataRouter(owner=self).add_self_request(self)
        return router.add(estimator=self.estimator, method_mapping=mapping)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags = get_tags(self.estimator).input_tags
        return tags

    def _checked_groups(
        self, groups: Any, split_groups: Any, n_rows: int
    ) -> tuple[npt.NDArray[Any] | None, npt.NDArray[Any] | None]:
        named, patients = check_groups(groups, n_rows), check_groups(split_groups, n_rows)
        if self.conditional in ("group", "both"):
            if named is None:
                raise ValueError(f"conditional={self.conditional!r} needs groups, but got none.")
            return named, patients
        if named is not None and patients is not None:
            raise ValueError(
                f"Got groups and split_groups, but with conditional={self.conditional!r} both are "
                "the patients; give one."
            )
        return None, patients if named is None else named

    def _encode(self, y: npt.NDArray[Any]) -> tuple[npt.NDArray[Any], npt.NDArray[np.intp]]:
        check_probabilistic(self.estimator)
        classes = np.unique(y)
        if isinstance(self.estimator, FrozenEstimator):
            if len(unknown := np.setdiff1d(classes, self.estimator.classes_)):
                raise ValueError(
                    f"Got classes {list(unknown)} that the frozen estimator does not know."
                )
            classes = np.unique(self.estimator.classes_)
        if len(classes) < 2:
            raise ValueError(
                f"Got {len(classes)} class in {len(y)} rows, but expected at least 2 classes."
            )
        return classes, np.searchsorted(classes, y)

    def _fit_estimators(
        self, X: Any, y: Any, folds: list[Fold], fit_params: dict[str, Any]
    ) -> None:
        models = fit_folds(self.estimator, X, y, folds, fit_params, self.n_jobs)
        self.estimator_, self.estimators_ = models[-1], models[: len(folds)]

    def _warn_of_small_cells(self) -> None:
        small = self.calibration_.small_cells(self.classes_)
        if small:
            warnings.warn(
                f"Too few calibration rows to exclude a class ({'; '.join(small)}), so it is in "
                f"every set. alpha={self.alpha:g} needs at least {required_rows(self.alpha)}: give "
                "more rows, a larger calibration_size, a cv, or a larger alpha.",
                CoverageWarning,
                stacklevel=4,
            )

    def _group_positions(self, groups: Any, n_rows: int) -> npt.NDArray[np.intp]:
        if not self.calibration_.by_group:
            return np.zeros(n_rows, np.intp)
        named = check_groups(groups, n_rows)
        if named is None:
            raise ValueError(f"conditional={self.conditional!r} needs groups, but got none.")
        found = self.calibration_.positions(named)
        if (found < 0).any():
            unknown = sorted({str(name) for name in named[found < 0]})
            warnings.warn(
                f"Got groups that were not there at calibration ({', '.join(unknown)}): nothing "
                f"is known of them, so their {np.sum(found < 0)} sets hold every class.",
                CoverageWarning,
                stacklevel=3,
            )
        return found
