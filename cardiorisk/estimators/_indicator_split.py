"""A split that shares out every label of a multi-label table, and never cuts a group."""

from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["indicator_split"]

Floats = npt.NDArray[np.float64]


def _counts_by_group(
    y: npt.NDArray[Any], groups: npt.NDArray[Any] | None
) -> tuple[Floats, npt.NDArray[np.intp]]:
    """Rows and positives of each label a group, shape (n_groups, 1 + n_labels); group of a row."""
    ids = np.arange(len(y)) if groups is None else groups
    _, group_of = np.unique(ids, return_inverse=True)
    counts = np.zeros((group_of.max() + 1, 1 + y.shape[1]))
    np.add.at(counts, group_of, np.column_stack([np.ones(len(y)), y]))
    return counts, group_of


def indicator_split(
    y: npt.NDArray[Any], groups: npt.NDArray[Any] | None, fraction: float, seed: int
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Hold back about ``fraction`` of the rows of each label, whole groups only.

    Iterative stratification (Sechidis, Tsoumakas and Vlahavas 2011, "On the stratification of
    multi-label data", doi:10.1007/978-3-642-23808-6_10): the rarest label is shared out first.
    Departures:

    - groups of rows are assigned, those with most rows of the label first;
    - a group that both parts need equally, and one that holds a whole label, goes to the training
      part, so that a label is not held back without being trained on, except where every group
      holds a whole label.

    Parameters
    ----------
    y : ndarray of shape (n_samples, n_labels)
        0 and 1.
    groups : ndarray of shape (n_samples,) or None
    fraction : float
        Between 0 and 0.5.
    seed : int

    Returns
    -------
    train, validation : ndarray of int
        Positions of rows, sorted.

    Raises
    ------
    ValueError
        There are fewer than two groups.

    Examples
    --------
    >>> y = np.array([[1, 0], [1, 0], [0, 1], [0, 1]])
    >>> train, validation = indicator_split(y, None, 0.5, seed=0)
    >>> y[validation].sum(axis=0)
    array([1, 1])
    """
    counts, group_of = _counts_by_group(y, groups)
    n_groups = len(counts)
    if n_groups < 2:
        raise ValueError(f"Got {n_groups} group, but early stopping needs at least two to split.")
    shuffled = np.random.default_rng(seed).permutation(n_groups)
    wanted = np.outer([1 - fraction, fraction], counts.sum(axis=0))
    holds_all = ((counts > 0) & (counts == counts.sum(axis=0)))[:, 1:].any(axis=1)
    part = np.where(holds_all, 0, -1)
    wanted[0] -= counts[holds_all].sum(axis=0)
    while (free := part < 0).any():
        left = counts[free].sum(axis=0)
        # Groups without any label are shared out last, by their rows.
        label = (
            1 + int(np.argmin(np.where(left[1:] > 0, left[1:], np.inf))) if left[1:].any() else 0
        )
        members = shuffled[free[shuffled] & (counts[shuffled, label] > 0)]
        for group in members[np.argsort(-counts[members, label], kind="stable")]:
            need = wanted[:, [label, 0]].round(9)
            part[group] = int(tuple(need[1]) > tuple(need[0]))
            wanted[part[group]] -= counts[group]
    if not part.any():
        part[np.lexsort((counts[:, 0], holds_all))[0]] = 1
    held = part[group_of] == 1
    return np.flatnonzero(~held), np.flatnonzero(held)
