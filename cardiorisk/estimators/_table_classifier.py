"""What classifiers of table rows have in common once they are fitted."""

from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import ClassifierMixin
from sklearn.utils.validation import check_is_fitted

__all__ = ["TableClassifier"]


class TableClassifier(ClassifierMixin):
    """Mixin for a classifier that estimates the probability of each class from the rows of a table.

    A subclass defines ``_check_X(X, reset=False)``, which returns a valid table or raises, and
    ``_probability(X)``, the probabilities of its rows, and sets ``classes_`` in ``fit``.

    Examples
    --------
    >>> from sklearn.base import BaseEstimator
    >>> class Same(TableClassifier, BaseEstimator):
    ...     def fit(self, X, y):
    ...         self.classes_, counts = np.unique(y, return_counts=True)
    ...         self.share_ = counts / counts.sum()
    ...         return self
    ...
    ...     def _check_X(self, X, *, reset):
    ...         return np.asarray(X)
    ...
    ...     def _probability(self, X):
    ...         return np.tile(self.share_, (len(X), 1))
    >>> Same().fit(np.zeros((3, 1)), ["sick", "well", "sick"]).predict([[1], [2]]).tolist()
    ['sick', 'sick']
    """

    classes_: npt.NDArray[Any]

    def predict_proba(self, X: Any) -> npt.NDArray[np.float64]:
        """Estimate the probability of each class.

        Parameters
        ----------
        X : array or DataFrame of shape (n_samples, n_features)
            With the columns of the training table, in the same order.

        Returns
        -------
        probability : ndarray of float64, shape (n_samples, n_classes)
            Columns in the order of ``classes_``.
        """
        check_is_fitted(self)
        return self._probability(self._check_X(X, reset=False))

    def predict(self, X: Any) -> npt.NDArray[Any]:
        """Name the most probable class.

        Parameters
        ----------
        X : array or DataFrame of shape (n_samples, n_features)

        Returns
        -------
        label : ndarray of shape (n_samples,)
        """
        best = self.predict_proba(X).argmax(axis=1)  # first: it tells that there was no fit
        return self.classes_[best]

    def _check_X(self, X: Any, *, reset: bool) -> Any:
        raise NotImplementedError

    def _probability(self, X: Any) -> npt.NDArray[np.float64]:
        raise NotImplementedError
