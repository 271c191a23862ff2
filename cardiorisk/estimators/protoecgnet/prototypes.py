"""How like a prototype a record is: cosines of latent windows, and how a record's are pooled."""

from typing import Any

from cardiorisk._optional import require

__all__ = ["POOLINGS", "pool_windows", "window_cosines"]

torch = require("torch", extra="nn")

POOLINGS = ("max", "mean", "topk")
EPSILON = 1e-8  # under the norms: a latent of zeros has cosine 0 with everything


def window_cosines(latent: Any, prototypes: Any) -> Any:
    """Cosine between every window of every record and every prototype.

    Parameters
    ----------
    latent : Tensor, shape (batch, dimension, steps)
    prototypes : Tensor, shape (n_prototypes, dimension, span)

    Returns
    -------
    cosines : Tensor, shape (batch, n_prototypes, steps - span + 1)

    Examples
    --------
    >>> import torch
    >>> latent = torch.tensor([[[1.0, 0.0, 0.0], [0.0, 0.0, 2.0]]])
    >>> window_cosines(latent, torch.tensor([[[3.0], [0.0]]]))
    tensor([[[1., 0., 0.]]])
    """
    span = prototypes.shape[-1]
    unit = prototypes / prototypes.flatten(1).norm(dim=1).clamp(min=EPSILON)[:, None, None]
    products = torch.nn.functional.conv1d(latent, unit)
    energy = latent.square().sum(1)  # (batch, steps)
    norms = energy.unfold(1, span, 1).sum(-1).clamp(min=EPSILON**2).sqrt()
    return products / norms[:, None]


def pool_windows(cosines: Any, pooling: str, top_k: int) -> Any:
    """Similarity of a record to each prototype, from those of its windows.

    Parameters
    ----------
    cosines : Tensor, shape (batch, n_prototypes, n_windows)
    pooling : {"max", "mean", "topk"}
        The best window, all windows, or the mean of the ``top_k`` best.
    top_k : int

    Returns
    -------
    similarity : Tensor, shape (batch, n_prototypes)

    Examples
    --------
    >>> import torch
    >>> cosines = torch.tensor([[[0.1, 0.9, 0.5]]])
    >>> [round(pool_windows(cosines, how, 2).item(), 2) for how in ("max", "mean", "topk")]
    [0.9, 0.5, 0.7]
    """
    if pooling == "max":
        return cosines.amax(-1)
    if pooling == "mean":
        return cosines.mean(-1)
    return cosines.topk(min(top_k, cosines.shape[-1]), dim=-1).values.mean(-1)
