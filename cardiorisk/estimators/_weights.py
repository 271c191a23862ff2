"""The weights of a network as NumPy arrays, so that they copy, pickle and save like any array."""

import hashlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from cardiorisk._optional import require

__all__ = ["Weights", "digest", "put_weights", "weights_of"]

Weights = dict[str, npt.NDArray[Any]]


def weights_of(module: Any) -> Weights:
    """Copy parameters and buffers into arrays.

    Parameters
    ----------
    module : torch.nn.Module
        On any device.

    Returns
    -------
    weights : dict of str to ndarray
        In the order of the state dict. ``bfloat16``, which NumPy lacks, becomes ``float32``
        without loss.

    Raises
    ------
    TypeError
        The state dict holds something that is no tensor.

    Examples
    --------
    >>> import torch
    >>> {name: values.shape for name, values in weights_of(torch.nn.Linear(3, 2)).items()}
    {'weight': (2, 3), 'bias': (2,)}
    """
    torch = require("torch", extra="nn")
    weights = {}
    for name, tensor in module.state_dict().items():
        if not isinstance(tensor, torch.Tensor):
            raise TypeError(f"Got {type(tensor).__name__} as {name!r}, but expected a tensor.")
        values = tensor.float() if tensor.dtype == torch.bfloat16 else tensor
        weights[name] = np.array(values.detach().cpu().numpy(), copy=True, order="C")
    return weights


def put_weights(module: Any, weights: Mapping[str, npt.NDArray[Any]]) -> Any:
    """Copy arrays into the parameters and buffers of a module.

    Parameters
    ----------
    module : torch.nn.Module
        Keeps its device and types.
    weights : mapping of str to ndarray
        As :func:`weights_of` gives them: the same names and shapes.

    Returns
    -------
    module : torch.nn.Module
        The same object.

    Raises
    ------
    ValueError
        A name is missing or unknown, or a shape differs.

    Examples
    --------
    >>> import torch
    >>> first, second = torch.nn.Linear(3, 2), torch.nn.Linear(3, 2)
    >>> bool((put_weights(second, weights_of(first)).weight == first.weight).all())
    True
    """
    torch = require("torch", extra="nn")
    expected = {name: tuple(tensor.shape) for name, tensor in module.state_dict().items()}
    found = {name: np.shape(values) for name, values in weights.items()}
    for name in [*expected, *found]:
        if expected.get(name) != found.get(name):
            raise ValueError(
                f"Got weights {name!r} of shape {found.get(name, 'none')}, but this "
                f"{type(module).__name__} expected {expected.get(name, 'none')}."
            )
    # A copy: memory-mapped arrays are read-only, and torch warns of those.
    tensors = {name: torch.from_numpy(np.array(values)) for name, values in weights.items()}
    module.load_state_dict(tensors)
    return module


def digest(weights: Mapping[str, npt.NDArray[Any]]) -> str:
    """SHA-256 of names, types, shapes and values."""
    found = hashlib.sha256()
    for name, values in weights.items():
        found.update(f"{name} {values.dtype.str} {values.shape}".encode())
        found.update(np.ascontiguousarray(values).data)
    return found.hexdigest()
