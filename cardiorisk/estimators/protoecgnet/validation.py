"""How good a ranking of records is, over all of them at once."""

from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.metrics import roc_auc_score

__all__ = ["macro_auroc"]


def macro_auroc(y: npt.NDArray[Any], score: npt.NDArray[Any]) -> float:
    """Mean AUROC over the labels that are both present and absent, each over all records.

    Parameters
    ----------
    y : ndarray of 0 and 1, shape (n, n_labels)
    score : ndarray, shape (n, n_labels)

    Returns
    -------
    auroc : float
        NaN where no label has both.

    Examples
    --------
    >>> y = np.array([[0, 1], [1, 1], [1, 1]])
    >>> macro_auroc(y, np.array([[0.1, 0.0], [0.9, 0.0], [0.4, 0.0]]))
    1.0
    """
    both = (y.min(axis=0) != y.max(axis=0)) if len(y) else np.zeros(y.shape[1], bool)
    if not both.any():
        return float("nan")
    return float(np.mean([roc_auc_score(y[:, k], score[:, k]) for k in np.flatnonzero(both)]))
