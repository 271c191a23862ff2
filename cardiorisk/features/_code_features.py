"""What estimators that read histories of codes have in common."""

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted

from cardiorisk._validation import check_histories
from cardiorisk.features._code_weights import unseen_codes
from cardiorisk.records import PatientHistories

__all__ = ["CodeFeatures", "ReadsHistories"]


class ReadsHistories:
    """Mixin of estimators whose input is histories, which are no array."""

    def __sklearn_tags__(self) -> Tags:
        tags: Tags = super().__sklearn_tags__()  # type: ignore[misc]  # of the next class
        tags.input_tags.two_d_array = False
        tags.input_tags.three_d_array = True
        return tags


class CodeFeatures(ReadsHistories, TransformerMixin, BaseEstimator):
    """Transformer that learns on training histories which codes it knows.

    Attributes
    ----------
    vocabulary_ : ndarray of str, shape (n_known,)
    n_unseen_ : int
        Training events of codes that it does not know.
    n_features_in_ : int
        Size of the training histories' vocabulary.
    """

    vocabulary_: npt.NDArray[np.str_]
    n_unseen_: int
    n_features_in_: int

    def unseen(self, X: PatientHistories) -> pd.DataFrame:
        """List the codes of some histories that are not known, the most frequent first.

        Parameters
        ----------
        X : PatientHistories

        Returns
        -------
        DataFrame
            Columns ``code``, ``events`` and ``patients``.
        """
        check_is_fitted(self)
        return unseen_codes(check_histories(X), self.vocabulary_)

    def _remember(
        self,
        histories: PatientHistories,
        events: npt.NDArray[np.int64],
        kept: npt.NDArray[np.intp],
    ) -> None:
        """Know the codes at ``kept`` of the histories' vocabulary; ``events`` counts them all."""
        self.vocabulary_ = np.asarray(histories.vocabulary)[kept]
        self.n_unseen_ = int(events.sum() - events[kept].sum())
        self.n_features_in_ = histories.shape[1]

    def _too_rare(self, histories: PatientHistories, what: str, purpose: str) -> ValueError:
        least = self.get_params(deep=False)["min_count"]
        return ValueError(
            f"Got {len(histories)} histories in which no {what} has min_count={least} events, so "
            f"there is nothing to {purpose}."
        )
