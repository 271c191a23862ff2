"""CardioForest: one classifier over scikit-learn's forest, XGBoost, LightGBM and their vote."""

from collections.abc import Mapping
from dataclasses import replace
from numbers import Integral, Real
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt
from joblib import effective_n_jobs
from sklearn.base import BaseEstimator, _fit_context
from sklearn.utils import Tags, check_random_state, compute_sample_weight
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from cardiorisk._validation import check_columns, check_groups, encode_classes
from cardiorisk.backends.devices import resolve_device
from cardiorisk.estimators._inner_splits import calibration_folds, early_stopping_split
from cardiorisk.estimators._table_classifier import TableClassifier
from cardiorisk.estimators._tree_backends import BACKENDS, Plan, check_backend_params, settings_of
from cardiorisk.estimators._vote import fit_members
from cardiorisk.exceptions import TableError

__all__ = ["CardioForestClassifier"]

CALIBRATION_FOLDS = 5

Floats = npt.NDArray[np.float64]


class CardioForestClassifier(TableClassifier, BaseEstimator):
    """Classify a table with a forest, boosted trees, or the vote of all.

    Missing values are accepted as NaN by every backend; infinity is refused by every backend.
    Labels may be strings, booleans or any integers, and columns may have any names.

    Parameters
    ----------
    backend : {"forest", "xgboost", "lightgbm", "ensemble"}, default="forest"
        "forest" is scikit-learn's random forest. "ensemble" averages the probabilities of the
        other three, each calibrated on 5-fold out-of-fold predictions (Platt's curve on log-odds).
    device : {"auto", "cpu", "cuda"}, default="auto"
        "cuda" where it cannot be had is an error, "auto" takes what exists. Only "xgboost" has a
        CUDA version here; in the ensemble "auto" gives it the GPU.
    n_estimators : int, optional
        Number of trees, or of boosting rounds. None: 500; with early stopping at most 2000.
    max_depth : int, optional
        None: unlimited for the forest, 2 for boosting.
    min_samples_leaf : int, optional
        Fewest rows in a leaf; for XGBoost the corresponding ``min_child_weight``. None: 3 for
        the forest, 12 for boosting.
    max_features : float in (0, 1] or "sqrt", optional
        Share of the columns that each split may choose from. None: "sqrt" for the forest, 0.3
        for boosting.
    max_samples : float in (0, 1], optional
        Share of the rows that each tree sees: drawn with replacement for the forest, without for
        boosting. None: 1.0 for the forest, 0.5 for boosting.
    class_weight : dict, "balanced" or None, default=None
        Weight of each label; multiplied with ``sample_weight``. Weighted probabilities are those
        of a population with weighted prevalences, so they are no longer risks in this one.
    early_stopping : bool, default=False
        Find the number of boosting rounds on a part of the rows that is held back, stratified
        and with groups kept whole, then train with that number on all rows. An error for the
        forest, whose trees do not depend on each other.
    validation_fraction : float, default=0.1
        Share of the rows that early stopping holds back.
    n_iter_no_change : int, default=20
        Rounds without a smaller validation log loss after which the search stops.
    backend_params : dict, optional
        Further parameters in the library's own words, for example ``{"learning_rate": 0.1}``;
        for boosting it is 0.02, or ``6 / n_estimators`` where there are fewer than 300 rounds, at
        most 0.3. They win over the parameters above. For the ensemble, a dict of such dicts:
        ``{"xgboost": {"learning_rate": 0.1}}``.
    n_jobs : int, optional
        Number of threads; None means 1, -1 all. The result does not depend on it.
    random_state : int, RandomState instance or None, default=None
    verbose : int, default=0

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
    model_ : classifier, or dict
        The library's own fitted classifier, trained on class positions 0, 1, ... and an unnamed
        array. For the ensemble one calibrated member a name: its ``estimator`` is a
        CardioForestClassifier, its ``curves`` are slope and intercept on the log-odds.
    device_used_ : str, or dict of str to str
        "cpu" or "cuda", as the trained model itself reports it; one a member for the ensemble.
    best_iteration_ : int
        Number of boosting rounds found by early stopping; only where it was asked for.
    n_features_in_ : int
    feature_names_in_ : ndarray of str

    Notes
    -----
    The defaults have the smallest mean log loss of four settings a backend, in repeated 10-fold
    cross-validation on four small tables (UCI heart disease, its Kaggle re-release, heart failure
    records without follow-up time, Wisconsin breast cancer), one setting for all. The best
    settings differ by less than chance. ``benchmarks/cardioforest_defaults.py`` repeats it; its
    nested cross-validation, which chooses inside each fold, moves the AUROC on the Kaggle table
    by at most 0.003. Large tables may want deeper trees and early stopping.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from cardiorisk.estimators import CardioForestClassifier
    >>> X, y = load_breast_cancer(return_X_y=True, as_frame=True)
    >>> model = CardioForestClassifier(backend="xgboost", device="cpu", random_state=0)
    >>> model.fit(X[::2], y[::2]).score(X[1::2], y[1::2]) > 0.9
    True
    >>> model.device_used_
    'cpu'
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "backend": [StrOptions({*BACKENDS, "ensemble"})],
        "device": [StrOptions({"auto", "cpu", "cuda"})],
        "n_estimators": [Interval(Integral, 1, None, closed="left"), None],
        "max_depth": [Interval(Integral, 1, None, closed="left"), None],
        "min_samples_leaf": [Interval(Integral, 1, None, closed="left"), None],
        "max_features": [Interval(Real, 0, 1, closed="right"), StrOptions({"sqrt"}), None],
        "max_samples": [Interval(Real, 0, 1, closed="right"), None],
        "class_weight": [dict, StrOptions({"balanced"}), None],
        "early_stopping": ["boolean"],
        "validation_fraction": [Interval(Real, 0, 0.5, closed="right")],
        "n_iter_no_change": [Interval(Integral, 1, None, closed="left")],
        "backend_params": [Mapping, None],
        "n_jobs": [Integral, None],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }

    def __init__(
        self,
        *,
        backend: str = "forest",
        device: str = "auto",
        n_estimators: int | None = None,
        max_depth: int | None = None,
        min_samples_leaf: int | None = None,
        max_features: float | str | None = None,
        max_samples: float | None = None,
        class_weight: Mapping[Any, float] | str | None = None,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 20,
        backend_params: Mapping[str, Any] | None = None,
        n_jobs: int | None = None,
        random_state: int | np.random.RandomState | None = None,
        verbose: int = 0,
    ) -> None:
        self.backend = backend
        self.device = device
        self.n_estimators = n_estimators
        self.max_depth = max_depth
        self.min_samples_leaf = min_samples_leaf
        self.max_features = max_features
        self.max_samples = max_samples
        self.class_weight = class_weight
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.backend_params = backend_params
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose

    @classmethod
    def published(cls) -> Self:
        """Return the forest with the settings of the CardioForest paper.

        They are those of the authors' code for https://doi.org/10.32604/jimh.2026.075201
        (arXiv:2509.25804). Departures from the paper's pipeline:

        - no median imputation: the trees accept missing values;
        - no standard scaling: trees do not depend on the scale of a column;
        - no SMOTE: class weights, which the paper has too, balance the classes without invented
          patients;
        - the paper's label (QRS longer than 120 ms) is a function of two of its own inputs and
          its folds split patients; nothing here repeats that.

        Returns
        -------
        classifier : CardioForestClassifier
            Unfitted, 1000 trees.

        Examples
        --------
        >>> CardioForestClassifier.published().n_estimators
        1000
        """
        return cls(
            backend="forest",
            n_estimators=1000,
            max_depth=20,
            min_samples_leaf=2,
            max_features=0.6,
            class_weight="balanced",
            backend_params={"min_samples_split": 5, "oob_score": True, "ccp_alpha": 0.01},
            n_jobs=-1,
            random_state=42,
        )

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Any, y: Any, sample_weight: Any = None, groups: Any = None) -> Self:
        """Train.

        Parameters
        ----------
        X : array or DataFrame of shape (n_samples, n_features)
            Numbers; NaN where missing.
        y : array of shape (n_samples,)
            Labels, at least two different ones.
        sample_weight : array of shape (n_samples,), optional
            Not negative.
        groups : array of shape (n_samples,), optional
            Patients or sites, kept whole by the splits of early stopping and of the ensemble's
            calibration. Without effect otherwise.

        Returns
        -------
        self

        Raises
        ------
        DeviceError
            ``device="cuda"`` cannot be had.
        TableError
            A column holds text.
        ValueError
            Infinity, one class only, options that do not fit together, or groups that cannot be
            split.
        """
        self._check_options()
        X, y = self._check_X(X, y, reset=True)
        self.classes_, encoded = encode_classes(y)
        weights = self._weights(sample_weight, X, y)
        groups = check_groups(groups, len(X))
        self.__dict__.pop("best_iteration_", None)  # of an earlier fit
        self.model_: Any
        self.device_used_: Any
        if self.backend == "ensemble":
            folds = calibration_folds(encoded, groups, CALIBRATION_FOLDS, self._seed())
            self.model_ = fit_members(self._members(), X, encoded, weights, groups, folds)
            self.device_used_ = {
                name: member.estimator.device_used_ for name, member in self.model_.items()
            }
        else:
            self.model_ = self._fit_one(X, encoded, weights, groups)
            self.device_used_ = BACKENDS[self.backend].device_of(self.model_)
        return self

    def _probability(self, X: Any) -> Floats:
        if self.backend == "ensemble":
            return np.mean([member.predict_proba(X) for member in self.model_.values()], axis=0)
        n_jobs = effective_n_jobs(self.n_jobs)
        return BACKENDS[self.backend].predict_proba(self.model_, X, n_jobs, self.device_used_)

    @property
    def feature_importances_(self) -> Floats:
        """Share of each column in the training gain, shape (n_features,), summing to 1.

        Impurity decrease for the forest, gain for boosting, the members' mean for the ensemble.
        It favours columns with many values; see :func:`cardiorisk.explain.explain` for more.
        """
        check_is_fitted(self)
        if self.backend == "ensemble":
            members = [member.estimator.feature_importances_ for member in self.model_.values()]
            return np.mean(members, axis=0)
        gains = BACKENDS[self.backend].importances(self.model_)
        total = gains.sum()
        return gains / total if total > 0 else gains

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags

    def _check_options(self) -> None:
        if self.backend == "forest" and self.early_stopping:
            raise ValueError(
                "Got early_stopping=True for backend='forest', but its trees do not depend on "
                "each other, so there is nothing to stop; expected a boosting backend."
            )
        check_backend_params(self.backend, self.backend_params or {})
        if self.backend == "ensemble" and self.device == "cuda":
            for name in BACKENDS:
                resolve_device("cuda", backend=name)

    def _seed(self) -> int:
        if isinstance(self.random_state, Integral):
            return int(self.random_state)
        return int(check_random_state(self.random_state).randint(np.iinfo(np.int32).max))

    def _check_X(self, X: Any, y: Any = "no_validation", *, reset: bool) -> Any:
        check_columns(self, X, reset=reset)
        name = "lightgbm" if self.backend == "ensemble" else self.backend
        try:
            return validate_data(
                self,
                X,
                y,
                reset=reset,
                dtype=BACKENDS[name].dtypes,
                ensure_all_finite="allow-nan",
                order="C",
            )
        except ValueError as error:
            if "could not convert string to float" not in str(error):
                raise
            raise TableError(
                f"Got a column with text ({error}), but expected numbers. Put "
                "cardiorisk.features.ClinicalTable before this classifier in a Pipeline."
            ) from error

    def _weights(self, sample_weight: Any, X: Any, y: npt.NDArray[Any]) -> Floats | None:
        if sample_weight is None and self.class_weight is None:
            return None
        weights = _check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
        if self.class_weight is None:
            return weights
        return weights * compute_sample_weight(self.class_weight, y)

    def _fit_one(
        self,
        X: npt.NDArray[Any],
        encoded: npt.NDArray[np.intp],
        weights: Floats | None,
        groups: npt.NDArray[Any] | None,
    ) -> Any:
        backend = BACKENDS[self.backend]
        plan = Plan(
            settings=settings_of(self),
            extra=dict(self.backend_params or {}),
            n_features=X.shape[1],
            n_classes=len(self.classes_),
            device=resolve_device(self.device, backend=self.backend),
            n_jobs=effective_n_jobs(self.n_jobs),
            seed=self._seed(),
            verbose=int(self.verbose),
        )
        if self.early_stopping and backend.find_rounds is not None:
            split = early_stopping_split(encoded, groups, self.validation_fraction, plan.seed)
            patience = self.n_iter_no_change
            rounds = backend.find_rounds(plan, X, encoded, weights, *split, patience)
            self.best_iteration_ = rounds
            plan = replace(plan, extra={**plan.extra, "n_estimators": rounds})
        return backend.build(plan).fit(X, encoded, sample_weight=weights)

    def _members(self) -> dict[str, "CardioForestClassifier"]:
        shared = self.get_params(deep=False)
        shared |= {"class_weight": None, "random_state": self._seed()}
        params = self.backend_params or {}
        own = {
            name: {
                "backend": name,
                "backend_params": params.get(name),
                "early_stopping": self.early_stopping and name != "forest",
            }
            for name in BACKENDS
        }
        return {name: type(self)(**{**shared, **own[name]}) for name in BACKENDS}
