"""Heart failure from diagnoses, drugs and procedures: a concept embedding and a classifier."""

from collections.abc import Mapping
from numbers import Integral
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, ClassifierMixin, _fit_context, clone
from sklearn.utils import Tags, check_random_state
from sklearn.utils._param_validation import HasMethods, StrOptions
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted

from cardiorisk._validation import check_groups, check_histories
from cardiorisk.estimators._code_view import CodeClassifier, CodeWeights, code_view
from cardiorisk.estimators._concept_heads import HEADS, fit_head
from cardiorisk.estimators._inner_splits import Split, calibration_folds
from cardiorisk.features import ConceptEmbedding
from cardiorisk.features._code_features import ReadsHistories
from cardiorisk.records import PatientHistories

__all__ = ["ConceptHFClassifier"]

INNER_FOLDS = 5

Floats = npt.NDArray[np.float64]


class ConceptHFClassifier(ReadsHistories, ClassifierMixin, BaseEstimator):
    """Classify histories by the vectors of their codes.

    Parameters
    ----------
    embedding : ConceptEmbedding or FrozenEstimator of a fitted one, optional
        None is ``ConceptEmbedding()``. It is cloned and fitted on the patients given to ``fit``.
        Vectors learned from other patients come in through
        :class:`sklearn.frozen.FrozenEstimator`; they must not be patients who are predicted.
    classifier : {"logistic", "mlp", "svm", "knn", "xgboost"}, default="logistic"
        Works on the standardised patient vectors: logistic regression, a perceptron with one
        layer of 32, a support vector machine with Platt's curve, 50 nearest neighbours, or
        :class:`CardioForestClassifier` with XGBoost.
    classifier_params : mapping, optional
        Parameters in the words of the classifier's library. The penalty ``C`` of "logistic" is
        chosen by 5-fold log loss among nine values unless it is given.
    random_state : int, RandomState instance or None, default=None
        Of the embedding too, unless that has its own.

    Attributes
    ----------
    classes_ : ndarray of shape (2,)
    embedding_ : ConceptEmbedding
    centre_, scale_ : ndarray of float64, shape (vector_size,)
        Mean and standard deviation of the training patients' vectors.
    head_ : object
        The classifier, as the arrays that a prediction needs.
    n_features_in_ : int
        Size of the training histories' vocabulary.

    Raises
    ------
    ValueError
        There are not two classes, or a class has too few patients.

    Notes
    -----
    After Choi et al. 2016, doi:10.48550/arXiv.1602.03686; see :meth:`published`. The embedding
    is fitted inside ``fit``, so that cross-validation never shows it a tested patient. A patient
    with several rows is kept whole by the inner folds.

    A code that the embedding does not know adds nothing; ``embedding_.unseen(histories)`` counts
    such codes. A patient without any event gets the risk of an empty history.

    Examples
    --------
    >>> from cardiorisk.datasets import make_ehr
    >>> from cardiorisk.features import ConceptEmbedding
    >>> ehr = make_ehr(n_patients=500, random_state=0)
    >>> model = ConceptHFClassifier(
    ...     embedding=ConceptEmbedding(vector_size=20, epochs=3), random_state=0)
    >>> model.fit(ehr.histories[:400], ehr.target[:400])
    ConceptHFClassifier(embedding=ConceptEmbedding(epochs=3, vector_size=20),
                        random_state=0)
    >>> model.predict_proba(ehr.histories[400:]).shape
    (100, 2)
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "embedding": [HasMethods(["fit", "transform"]), None],
        "classifier": [StrOptions(set(HEADS))],
        "classifier_params": [Mapping, None],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        *,
        embedding: Any = None,
        classifier: str = "logistic",
        classifier_params: Mapping[str, Any] | None = None,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.embedding = embedding
        self.classifier = classifier
        self.classifier_params = classifier_params
        self.random_state = random_state

    @classmethod
    def published(cls, classifier: str = "logistic") -> Self:
        """Return the model in the form of the paper, as far as it is known.

        Choi E, Schuetz A, Stewart WF, Sun J. 2016, doi:10.48550/arXiv.1602.03686. From its
        abstract: skip-gram vectors of diagnoses, drugs and procedures from their order in time;
        a patient as a simple function of the vectors; logistic regression, a neural network, a
        support vector machine and nearest neighbours on top. Not verified, and for that reason
        parameters here: 100 dimensions, a window of 5 codes, 5 noise codes, codes shuffled within
        a visit, and the plain sum over all events. Departures:

        - the settings of the classifiers are those of this package;
        - the embedding is fitted on training patients only. Vectors from a larger group of other
          patients come in through ``embedding=FrozenEstimator(...)``.

        Parameters
        ----------
        classifier : str, default="logistic"

        Returns
        -------
        model : ConceptHFClassifier
            Unfitted.

        Examples
        --------
        >>> ConceptHFClassifier.published().embedding.window_unit
        'codes'
        """
        embedding = ConceptEmbedding(
            vector_size=100,
            window=5,
            window_unit="codes",
            negative=5,
            pooling="sum",
            binary=False,
        )
        return cls(embedding=embedding, classifier=classifier, random_state=0)

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: PatientHistories, y: Any, groups: Any = None) -> Self:
        """Learn vectors and classifier.

        Parameters
        ----------
        X : PatientHistories
            As of the prediction times.
        y : array-like of shape (n_patients,)
            Two classes; the second in sorted order is the outcome.
        groups : array-like of shape (n_patients,), optional
            Kept whole by inner folds. None takes the identifiers of the patients.

        Returns
        -------
        self
        """
        histories = check_histories(X)
        labels = np.asarray(y)
        if labels.shape != (len(histories),):
            raise ValueError(f"Got y of shape {labels.shape}, but expected ({len(histories)},).")
        check_classification_targets(labels)
        classes, encoded = np.unique(labels, return_inverse=True)
        if len(classes) != 2:
            raise ValueError(f"Got {len(classes)} classes, but expected two.")
        groups = check_groups(groups, len(histories))
        if groups is None and len(np.unique(histories.subject_ids)) < len(histories):
            groups = np.asarray(histories.subject_ids)
        seed = self._seed()
        self.embedding_ = self._unfitted_embedding(seed).fit(histories, None)
        vectors = self.embedding_.transform(histories).astype(float)
        self.centre_, spread = vectors.mean(axis=0), vectors.std(axis=0)
        self.scale_ = np.where(spread > 1e-12, spread, 1.0)

        def folds() -> list[Split]:
            return calibration_folds(encoded, groups, INNER_FOLDS, seed)

        standardised = (vectors - self.centre_) / self.scale_
        self.head_ = fit_head(
            self.classifier, standardised, encoded, folds, self.classifier_params, seed
        )
        self.classes_ = classes
        self.n_features_in_ = histories.shape[1]
        return self

    def predict_proba(self, X: PatientHistories) -> Floats:
        """Estimate the probability of each class.

        Parameters
        ----------
        X : PatientHistories
            With any vocabulary: codes are matched by name.

        Returns
        -------
        probability : ndarray of float64, shape (n_patients, 2)
        """
        check_is_fitted(self)
        vectors = self.embedding_.transform(check_histories(X)).astype(float)
        risk = self.head_.risk((vectors - self.centre_) / self.scale_)
        return np.stack([1 - risk, risk], axis=1)

    def predict(self, X: PatientHistories) -> npt.NDArray[Any]:
        """Name the more probable class, shape (n_patients,)."""
        probability = self.predict_proba(X)  # first, as it refuses an unfitted model
        return self.classes_[probability.argmax(axis=1)]

    def code_view(self) -> tuple[CodeWeights, CodeClassifier]:
        """Take the fitted model apart where the codes are.

        Returns
        -------
        weights : transformer
            From histories to one column a code.
        classifier : classifier
            From these columns to probabilities, the same as :meth:`predict_proba`. For
            ``classifier="logistic"`` it is linear: ``coef_`` has one log odds ratio a code.
        """
        check_is_fitted(self)
        return code_view(self.embedding_, self.centre_, self.scale_, self.head_, self.classes_)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_class = False
        return tags

    def _seed(self) -> int:
        if isinstance(self.random_state, Integral):
            return int(self.random_state)
        return int(check_random_state(self.random_state).randint(np.iinfo(np.int32).max))

    def _unfitted_embedding(self, seed: int) -> Any:
        if self.embedding is None:
            return ConceptEmbedding(random_state=seed)
        embedding = clone(self.embedding)
        own = embedding.get_params(deep=False)
        if "random_state" in own and own["random_state"] is None:
            embedding.set_params(random_state=seed)
        return embedding
