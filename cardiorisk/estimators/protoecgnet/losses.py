"""The terms of the training objective, one pure function each."""

from typing import Any

import numpy as np
import numpy.typing as npt

from cardiorisk._optional import require

__all__ = [
    "cluster_loss",
    "contrast_loss",
    "diversity_loss",
    "jaccard",
    "positive_weights",
    "separation_loss",
]

torch = require("torch", extra="nn")

FLOOR = 1e-6  # of a Jaccard index and of the sums that normalise, as published


def positive_weights(
    y: npt.NDArray[np.float32], rule: str = "balanced", limit: float = 20.0
) -> npt.NDArray[np.float32]:
    """Weight of the positives of each label in the cross-entropy; always finite.

    Parameters
    ----------
    y : ndarray of 0 and 1, shape (n, n_labels)
    rule : {"balanced", "published", "none"}
        Negatives by positives of the label; (all positives of all labels - own) by own, as
        published; or 1.
    limit : float
        The weights lie between 1 / limit and limit; a label without positives has weight 1.

    Returns
    -------
    weights : ndarray of float32, shape (n_labels,)

    Examples
    --------
    >>> y = np.array([[1, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 0]])
    >>> positive_weights(y).tolist()
    [1.0, 3.0, 1.0]
    """
    positives = y.sum(axis=0)
    others = {"balanced": len(y) - positives, "published": positives.sum() - positives}
    if rule == "none":
        return np.ones(y.shape[1], np.float32)
    weights = np.clip(others[rule] / np.maximum(positives, 1), 1 / limit, limit)
    return np.where(positives > 0, weights, 1.0).astype(np.float32)


def jaccard(y: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """How often two labels come together: records with both by records with either.

    Parameters
    ----------
    y : ndarray of 0 and 1, shape (n, n_labels)

    Returns
    -------
    index : ndarray of float32, shape (n_labels, n_labels)
        1 on the diagonal, at least 1e-6.

    Examples
    --------
    >>> jaccard(np.array([[1, 1], [1, 0], [0, 0]])).round(3).tolist()
    [[1.0, 0.5], [0.5, 1.0]]
    """
    y = np.asarray(y, dtype=float)
    both = y.T @ y
    either = np.diag(both)[:, None] + np.diag(both) - both
    index = np.maximum(both / np.maximum(either, 1), FLOOR)
    np.fill_diagonal(index, 1.0)
    return index.astype(np.float32)


def cluster_loss(similarity: Any, own: Any, y: Any, published: bool = False) -> Any:
    """Pull a record to its nearest prototype of each label that it has.

    Parameters
    ----------
    similarity : Tensor, shape (batch, n_prototypes)
    own : Tensor of 0 and 1, shape (n_prototypes, n_labels)
        Whose prototype it is.
    y : Tensor of 0 and 1, shape (batch, n_labels)
    published : bool
        As published, the mean is over absent labels too (each counts 0), and a similarity below 0
        counts 0. Otherwise over the present labels.

    Returns
    -------
    loss : Tensor, shape ()
        Minus a mean similarity.

    Examples
    --------
    >>> import torch
    >>> own, y = torch.eye(2), torch.tensor([[1.0, 0.0]])
    >>> similarity = torch.tensor([[0.8, 0.3]])
    >>> round(cluster_loss(similarity, own, y).item(), 2)
    -0.8
    >>> round(cluster_loss(similarity, own, y, published=True).item(), 2)
    -0.4
    """
    if published:
        return -(similarity[:, :, None] * own * y[:, None]).amax(1).mean()
    nearest = _nearest(similarity[:, :, None], own.bool()[None])
    return -(nearest * y).sum() / y.sum().clamp(min=1)


def separation_loss(similarity: Any, own: Any, y: Any, published: bool = False) -> Any:
    """Push a record from the nearest prototype of a label that it has not.

    Parameters
    ----------
    similarity, own, y : see :func:`cluster_loss`
    published : bool
        As published, for each label the nearest of all prototypes but those of that label where
        it is present: those of the record's other labels count as wrong. Otherwise the nearest
        prototype of each absent label.

    Returns
    -------
    loss : Tensor, shape ()
        A mean similarity.

    Examples
    --------
    >>> import torch
    >>> own, y = torch.eye(2), torch.tensor([[1.0, 0.0]])
    >>> round(separation_loss(torch.tensor([[0.8, 0.3]]), own, y).item(), 2)
    0.3
    """
    if published:
        wrong = 1 - own * y[:, None]
        return (similarity[:, :, None] * wrong).amax(1).mean()
    nearest = _nearest(similarity[:, :, None], own.bool()[None])
    absent = 1 - y
    return (nearest * absent).sum() / absent.sum().clamp(min=1)


def _nearest(similarity: Any, own: Any) -> Any:
    """Largest similarity to a prototype of each label; 0 for a label without prototypes."""
    lowest = similarity.new_tensor(-1e4)
    nearest = torch.where(own, similarity, lowest).amax(1)
    return torch.where(nearest > lowest, nearest, torch.zeros_like(nearest))


def _unit(prototypes: Any) -> Any:
    return torch.nn.functional.normalize(prototypes.flatten(1), dim=1)


def diversity_loss(prototypes: Any) -> Any:
    """Keep prototypes at right angles: the mean squared cosine of different ones.

    Parameters
    ----------
    prototypes : Tensor, shape (n_prototypes, ...)

    Returns
    -------
    loss : Tensor, shape ()

    Examples
    --------
    >>> import torch
    >>> diversity_loss(torch.tensor([[1.0, 0.0], [2.0, 0.0]])).item()
    0.5
    """
    unit = _unit(prototypes)
    beyond = unit @ unit.T - torch.eye(len(unit), device=unit.device, dtype=unit.dtype)
    return beyond.square().mean()


def contrast_loss(prototypes: Any, own: Any, together: Any) -> Any:
    """Bring prototypes of labels that come together closer than those of labels that do not.

    Parameters
    ----------
    prototypes : Tensor, shape (n_prototypes, ...)
    own : Tensor of 0 and 1, shape (n_prototypes, n_labels)
    together : Tensor, shape (n_labels, n_labels)
        From :func:`jaccard`, of the training labels.

    Returns
    -------
    loss : Tensor, shape ()
        Mean cosine weighted by not coming together, less that by coming together, divided by the
        square root of the number of prototypes, as in the published code.

    Examples
    --------
    >>> import torch
    >>> near = torch.tensor([[1.0, 0.0], [1.0, 0.1], [0.0, 1.0]])
    >>> own = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    >>> contrast_loss(near, own, torch.eye(2)).item() < 0
    True
    """
    unit = _unit(prototypes)
    cosines = (unit @ unit.T).clamp(-1 + FLOOR, 1 - FLOOR)
    attract = own @ together @ own.T
    repel = 1 - attract
    attract = attract / (attract.sum() + FLOOR)
    repel = repel / (repel.sum() + FLOOR)
    return ((cosines * repel).sum() - (cosines * attract).sum()) / len(unit) ** 0.5
