"""Vectors of diagnoses, drugs and procedures, learned from which of them come together."""

from collections.abc import Mapping, Sequence
from numbers import Integral, Real
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.base import _fit_context
from sklearn.utils import Tags, check_random_state
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from cardiorisk._validation import check_histories
from cardiorisk.features._code_features import CodeFeatures
from cardiorisk.features._code_neighbours import code_types, nearest, neighbour_table
from cardiorisk.features._code_weights import (
    code_positions,
    count_codes,
    event_weights,
    patient_batches,
    sparse_weights,
)
from cardiorisk.features._skip_gram import VisitCorpus, train_skip_gram
from cardiorisk.records import PatientHistories

__all__ = ["ConceptEmbedding"]

Floats = npt.NDArray[np.float32]


class ConceptEmbedding(CodeFeatures):
    """Embed codes by skip-gram over visits, and patients by pooling the vectors of their codes.

    Parameters
    ----------
    vector_size : int, default=100
    window : float, default=365
        How far apart two codes may lie to be context of each other, in ``window_unit``.
    window_unit : {"days", "visits", "codes"}, default="days"
        "codes" is the sliding window of word2vec over the sequence of codes, whose order within a
        visit is drawn anew in every epoch. For "days" and "visits" the history is cut into
        stretches of that length, at a place drawn anew for each patient and epoch; codes of a
        stretch are context of each other in any order, at most 10 on each side.
    negative : int, default=5
        Noise codes drawn for each pair.
    epochs : int, default=10
    min_count : int, default=5
        Codes with fewer events in the training histories get no vector.
    pooling : {"rate", "sum", "mean", "tfidf", "decay"}, default="rate"
        Weight of an event in the patient's vector: 1 over the number of the patient's visits; 1;
        1 over the number of the patient's events that count; that times
        ``log((1 + n) / (1 + df)) + 1``, where ``df`` of ``n`` training patients have the code; or
        ``2 ** (-days / half_life)``, days counted to the prediction time, or to the patient's
        last event where there is none.
    binary : bool, default=False
        Whether a code counts once a patient, at its last event, however often it is recorded.
    half_life : float, default=180
        Days, for ``pooling="decay"``.
    algorithm : {"skipgram", "random"}, default="skipgram"
        "random" draws normal vectors of mean length 1 instead of learning them: a random
        projection of the code counts, the baseline of equal width.
    learning_rate : float, default=0.025
        At the start; falls linearly.
    workers : int, default=1
        Threads of gensim. With more than one the vectors depend on chance.
    corpus_file : bool, default=False
        Whether to write each epoch to a temporary file, from which gensim reads faster with more
        than about four workers. The order of events comes from ``random_state`` either way.
    random_state : int, RandomState instance or None, default=None

    Attributes
    ----------
    vocabulary_ : ndarray of str, shape (n_known,)
        Codes with a vector, in the order of the training histories' vocabulary.
    vectors_ : ndarray of float32, shape (n_known, vector_size)
    counts_ : ndarray of int64, shape (n_known,)
        Training events of each code.
    idf_ : ndarray of float64, shape (n_known,)
    n_unseen_ : int
        Training events of codes that are too rare for a vector.
    n_features_in_ : int
        Size of the training histories' vocabulary.

    Raises
    ------
    ValueError
        No code is frequent enough.
    OptionalDependencyError
        gensim is not installed; it is needed to fit with "skipgram", and only then.

    Notes
    -----
    Skip-gram with negative sampling: Mikolov et al. 2013, doi:10.48550/arXiv.1310.4546. Codes of
    a visit as unordered context, and the sum of the vectors as the patient: Choi et al. 2016,
    doi:10.48550/arXiv.1602.03686. Fit it on training patients only; in a Pipeline, or in
    :class:`~cardiorisk.estimators.ConceptHFClassifier`, cross-validation does so.

    The sum grows with every visit; per visit it tells how often a code comes up when the patient
    is seen, which keeps repeats and leaves out how often that is. On ``make_ehr`` this ranks
    better than the sum, with each code once or not, for few patients and for many. Of one or two
    visits a rate tells little: there ``pooling="sum"`` with ``binary=True`` may say more.

    A code without a vector adds nothing to a patient's vector and is never an error;
    :meth:`unseen` counts such codes. A patient without known codes has the vector 0. Histories
    longer than 10,000 events are cut, as gensim reads no further.

    Examples
    --------
    >>> from cardiorisk.datasets import make_ehr
    >>> from cardiorisk.features import ConceptEmbedding
    >>> ehr = make_ehr(n_patients=400, random_state=0)
    >>> embedding = ConceptEmbedding(vector_size=20, random_state=0).fit(ehr.histories[:300])
    >>> embedding.transform(ehr.histories[300:]).shape
    (100, 20)
    >>> found = embedding.most_similar("diagnosis/diabetes/0", type="drug", topn=3)
    >>> found["code"].str.startswith("drug/").all()
    np.True_
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "vector_size": [Interval(Integral, 1, None, closed="left")],
        "window": [Interval(Real, 0, None, closed="neither")],
        "window_unit": [StrOptions({"days", "visits", "codes"})],
        "negative": [Interval(Integral, 1, None, closed="left")],
        "epochs": [Interval(Integral, 1, None, closed="left")],
        "min_count": [Interval(Integral, 1, None, closed="left")],
        "pooling": [StrOptions({"rate", "sum", "mean", "tfidf", "decay"})],
        "binary": ["boolean"],
        "half_life": [Interval(Real, 0, None, closed="neither")],
        "algorithm": [StrOptions({"skipgram", "random"})],
        "learning_rate": [Interval(Real, 0, None, closed="neither")],
        "workers": [Interval(Integral, 1, None, closed="left")],
        "corpus_file": ["boolean"],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        *,
        vector_size: int = 100,
        window: float = 365,
        window_unit: str = "days",
        negative: int = 5,
        epochs: int = 10,
        min_count: int = 5,
        pooling: str = "rate",
        binary: bool = False,
        half_life: float = 180,
        algorithm: str = "skipgram",
        learning_rate: float = 0.025,
        workers: int = 1,
        corpus_file: bool = False,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.vector_size = vector_size
        self.window = window
        self.window_unit = window_unit
        self.negative = negative
        self.epochs = epochs
        self.min_count = min_count
        self.pooling = pooling
        self.binary = binary
        self.half_life = half_life
        self.algorithm = algorithm
        self.learning_rate = learning_rate
        self.workers = workers
        self.corpus_file = corpus_file
        self.random_state = random_state

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: PatientHistories, y: Any = None) -> Self:
        """Learn the vectors from training patients.

        Parameters
        ----------
        X : PatientHistories
        y : ignored

        Returns
        -------
        self
        """
        histories = check_histories(X)
        if self.window_unit != "days" and (self.window < 1 or self.window != int(self.window)):
            raise ValueError(
                f"Got window={self.window!r} {self.window_unit}, but expected a whole number."
            )
        events, patients = count_codes(histories)
        kept = np.flatnonzero(events >= self.min_count)
        if not len(kept):
            raise self._too_rare(histories, "code", "learn")
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        rng = np.random.default_rng(seed)
        if self.algorithm == "random":
            size = (len(kept), self.vector_size)
            vectors = rng.normal(size=size).astype(np.float32) / np.sqrt(np.float32(size[1]))
        else:
            corpus = VisitCorpus.of(histories, kept, self.window, self.window_unit, rng)
            vectors = train_skip_gram(
                corpus,
                events[kept],
                vector_size=self.vector_size,
                negative=self.negative,
                epochs=self.epochs,
                learning_rate=self.learning_rate,
                workers=self.workers,
                seed=seed,
                corpus_file=self.corpus_file,
            )
        self._remember(histories, events, kept)
        self.vectors_ = vectors
        self.counts_ = events[kept]
        self.idf_ = np.log((1 + len(histories)) / (1 + patients[kept])) + 1
        return self

    def transform(self, X: PatientHistories) -> Floats:
        """Pool the vectors of each patient's codes, by one sparse product.

        Parameters
        ----------
        X : PatientHistories
            With any vocabulary: codes are matched by name.

        Returns
        -------
        vectors : ndarray of float32, shape (n_patients, vector_size)
        """
        check_is_fitted(self)
        histories = check_histories(X)
        positions = code_positions(histories, self.vocabulary_)
        batches = list(patient_batches(histories.event_offsets))
        parts = [
            self._weights(histories if len(batches) == 1 else histories[batch], positions)
            @ self.vectors_
            for batch in batches
        ]
        none = np.empty((0, self.vectors_.shape[1]), np.float32)
        return np.concatenate([*parts, none]).astype(np.float32, copy=False)

    def code_weights(self, X: PatientHistories) -> Any:
        """Weight of each known code of each patient: ``transform`` is this times ``vectors_``.

        Returns
        -------
        weights : scipy.sparse.csr_array of float32, shape (n_patients, n_known)
        """
        check_is_fitted(self)
        histories = check_histories(X)
        weights = self._weights(histories, code_positions(histories, self.vocabulary_))
        weights.sum_duplicates()
        return weights.astype(np.float32, copy=False)

    def event_weights(self, X: PatientHistories) -> tuple[npt.NDArray[np.int32], Floats]:
        """Position in ``vocabulary_`` and weight of each event, both of shape (n_events,).

        An event of a code without a vector has position 0 and weight 0.
        """
        check_is_fitted(self)
        histories = check_histories(X)
        return self._events(histories, code_positions(histories, self.vocabulary_))

    def most_similar(
        self,
        code: str | Sequence[str],
        type: str | None = None,
        topn: int = 10,
        *,
        minus: str | Sequence[str] = (),
        types: Mapping[str, str] | None = None,
    ) -> pd.DataFrame:
        """Find the codes whose vectors point the same way.

        Parameters
        ----------
        code : str or sequence of str
            Several are averaged, each brought to length 1.
        type : str, optional
            Only codes of this type, for example the drugs nearest to a diagnosis.
        topn : int, default=10
        minus : str or sequence of str, default=()
            Subtracted: ``most_similar([drug_of_a, b], minus=a)`` asks for the drug of ``b``.
        types : mapping of code to type, optional
            None takes what stands before the first slash of a code.

        Returns
        -------
        DataFrame
            Columns ``code``, ``similarity`` (cosine), ``type`` and ``events``; the codes that
            were asked for are left out.

        Raises
        ------
        KeyError
            A code has no vector.
        """
        check_is_fitted(self)
        plus = [code] if isinstance(code, str) else list(code)
        less = [minus] if isinstance(minus, str) else list(minus)
        kinds = code_types(self.vocabulary_, types)
        found = nearest(self.vectors_, self.vocabulary_, plus, less, kinds, type, topn)
        return found.assign(events=self.counts_[found.index]).reset_index(drop=True)

    def neighbours(
        self,
        codes: Sequence[str] | None = None,
        topn: int = 5,
        types: Mapping[str, str] | None = None,
    ) -> pd.DataFrame:
        """Tabulate the nearest codes of each type, one row a code.

        Parameters
        ----------
        codes : sequence of str, optional
            None takes the 20 most frequent.
        topn : int, default=5
            Neighbours of each type.
        types : mapping of code to type, optional
            As in :meth:`most_similar`.

        Returns
        -------
        DataFrame
            Index ``code``, one column a type, with the neighbours as text.
        """
        check_is_fitted(self)
        if codes is None:
            codes = list(self.vocabulary_[np.argsort(-self.counts_, kind="stable")[:20]])
        kinds = code_types(self.vocabulary_, types)
        return neighbour_table(self.vectors_, self.vocabulary_, codes, kinds, topn)

    def get_feature_names_out(self, input_features: Any = None) -> npt.NDArray[Any]:
        """Names of the columns: ``concept0``, ``concept1``, ..."""
        check_is_fitted(self)
        return np.array([f"concept{k}" for k in range(self.vectors_.shape[1])], dtype=object)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.non_deterministic = self.workers > 1
        return tags

    def _weights(self, histories: PatientHistories, positions: npt.NDArray[np.int32]) -> Any:
        return sparse_weights(histories, len(self.vocabulary_), self._events(histories, positions))

    def _events(self, histories: PatientHistories, positions: npt.NDArray[np.int32]) -> Any:
        return event_weights(
            histories,
            positions,
            self.pooling,
            binary=self.binary,
            idf=self.idf_,
            half_life=self.half_life,
        )
