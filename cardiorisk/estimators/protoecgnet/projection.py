"""Put every prototype onto a real training window, each onto its own."""

import numpy as np
import numpy.typing as npt
from scipy.optimize import linear_sum_assignment
from scipy.sparse import csr_array
from scipy.sparse.csgraph import maximum_bipartite_matching

__all__ = ["affordable_prototypes", "assign_records"]

FORBIDDEN = 1e3  # cost of a record without the prototype's label: cosines are at most 1


def affordable_prototypes(y: npt.NDArray[np.float32], per_label: int) -> npt.NDArray[np.intp]:
    """Labels of the prototypes that the training records can stand for, one record each.

    Parameters
    ----------
    y : ndarray of 0 and 1, shape (n, n_labels)
    per_label : int
        Wanted prototypes a label.

    Returns
    -------
    labels : ndarray of int, shape (n_prototypes,)
        In increasing order. Fewer than ``per_label`` for a label with fewer records, or whose
        records are needed by others.

    Examples
    --------
    >>> y = np.array([[1, 0], [1, 0], [1, 0], [0, 1]])
    >>> affordable_prototypes(y, 2).tolist()
    [0, 0, 1]
    """
    wanted = np.repeat(np.arange(y.shape[1]), per_label)
    graph = csr_array(np.asarray(y, dtype=bool).T[wanted].astype(np.int8))
    matched = maximum_bipartite_matching(graph, perm_type="column")
    return np.asarray(wanted[matched >= 0])


def assign_records(
    similarity: npt.NDArray[np.floating],
    allowed: npt.NDArray[np.bool_],
    how: str = "distinct",
) -> npt.NDArray[np.intp]:
    """Choose the training record that each prototype becomes.

    Parameters
    ----------
    similarity : ndarray, shape (n, n_prototypes)
        Of the best window of each record.
    allowed : ndarray of bool, shape (n, n_prototypes)
        Whether the record has the prototype's label.
    how : {"distinct", "nearest"}
        "distinct": different records, with the largest sum of similarities
        (doi:10.1109/TAES.2016.140952, as in SciPy). "nearest": the most similar record of each
        prototype, as published, which may be the same for many.

    Returns
    -------
    records : ndarray of int, shape (n_prototypes,)

    Raises
    ------
    ValueError
        There are not enough records.

    Examples
    --------
    >>> similarity = np.array([[0.9, 0.8], [0.4, 0.1]])
    >>> allowed = np.ones((2, 2), dtype=bool)
    >>> assign_records(similarity, allowed).tolist()
    [1, 0]
    >>> assign_records(similarity, allowed, "nearest").tolist()
    [0, 0]
    """
    cost = np.where(allowed, -similarity, FORBIDDEN).T
    if how == "nearest":
        records = cost.argmin(axis=1)
        prototypes = np.arange(len(cost))
    elif cost.shape[0] > cost.shape[1]:
        raise ValueError(
            f"Got {cost.shape[0]} prototypes for {cost.shape[1]} records, but each prototype needs "
            "a record of its own."
        )
    else:
        prototypes, records = linear_sum_assignment(cost)
    if not allowed[records, prototypes].all():
        raise ValueError("Got a prototype whose label no remaining training record has.")
    return np.asarray(records)
