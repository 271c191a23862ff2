"""Rows of arrays, tuples or mappings of arrays as batches of tensors."""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.utils import gen_even_slices

from cardiorisk._optional import require

__all__ = ["as_arrays", "batches", "count_rows", "data_digest", "net_outputs", "tensors"]

SAMPLED_ROWS = 256


def as_arrays(data: Any) -> Any:
    """Replace each leaf of a tuple or mapping by an array; memory maps stay on disk."""
    if isinstance(data, tuple):
        return tuple(as_arrays(part) for part in data)
    if isinstance(data, Mapping):
        return {name: as_arrays(part) for name, part in data.items()}
    return None if data is None else np.asarray(data)


def _leaves(data: Any) -> Iterator[npt.NDArray[Any]]:
    if isinstance(data, tuple | dict):
        for part in data.values() if isinstance(data, dict) else data:
            yield from _leaves(part)
    elif data is not None:
        yield data


def count_rows(*data: Any) -> int:
    """Return the number of rows that all arrays share.

    Parameters
    ----------
    *data : array, None, or tuple or dict of them

    Raises
    ------
    ValueError
        There is no array or no row, or lengths differ.

    Examples
    --------
    >>> count_rows((np.zeros((4, 2)), np.zeros((4, 3))), np.zeros(4))
    4
    """
    shapes = [leaf.shape for part in data for leaf in _leaves(part)]
    lengths = {shape[0] if shape else 0 for shape in shapes}
    if len(lengths) != 1 or 0 in lengths:
        raise ValueError(f"Got arrays of shapes {shapes}, but expected the same number of rows.")
    return int(lengths.pop())


def tensors(data: Any, rows: Any, *, device: Any, dtype: Any) -> Any:
    """Copy some rows to a device, in the same nesting.

    Parameters
    ----------
    data : array, None, or tuple or dict of them
        As :func:`as_arrays` gives it. Only the asked rows are read.
    rows : ndarray of int or slice
    device : torch.device or str
    dtype : torch.dtype
        Of floating-point data; other types are kept.

    Returns
    -------
    batch : tensor, None, or tuple or dict of them
    """
    if isinstance(data, tuple):
        return tuple(tensors(part, rows, device=device, dtype=dtype) for part in data)
    if isinstance(data, dict):
        return {k: tensors(part, rows, device=device, dtype=dtype) for k, part in data.items()}
    if data is None:
        return None
    torch = require("torch", extra="nn")
    # Fancy indices copy; a slice must too, for torch refuses read-only and reversed memory.
    taken = np.array(data[rows]) if isinstance(rows, slice) else np.ascontiguousarray(data[rows])
    tensor = torch.from_numpy(taken)
    return tensor.to(device, dtype if tensor.is_floating_point() else None)


def batches(n_rows: int, batch_size: int, rng: np.random.Generator) -> list[npt.NDArray[np.intp]]:
    """Shuffle the rows into batches of nearly equal size.

    Equal sizes leave no lonely last row, which batch normalisation could not train on.

    Examples
    --------
    >>> [len(rows) for rows in batches(65, 32, np.random.default_rng(0))]
    [22, 22, 21]
    """
    return np.array_split(rng.permutation(n_rows), -(-n_rows // batch_size))


def net_outputs(
    module: Any, X: Any, *, call: Callable[[Any], Any] | None = None, batch_size: int = 256
) -> Any:
    """Apply a module in evaluation mode, batch by batch, where its parameters are.

    Parameters
    ----------
    module : torch.nn.Module
        Its mode is restored.
    X : array, or tuple or dict of arrays
    call : callable, optional
        ``call(batch) -> tensor or tuple of tensors``; the module itself by default.
    batch_size : int, default=256

    Returns
    -------
    outputs : ndarray or tuple of ndarray
        One row a row of X.

    Examples
    --------
    >>> import torch
    >>> net_outputs(torch.nn.Linear(3, 2), np.zeros((5, 3))).shape
    (5, 2)
    """
    torch = require("torch", extra="nn")
    data, first = as_arrays(X), next(module.parameters())
    n_rows = count_rows(data)
    modes = [(part, part.training) for part in module.modules()]
    module.eval()
    try:
        with torch.no_grad():
            parts = []
            for rows in gen_even_slices(n_rows, -(-n_rows // batch_size)):
                batch = tensors(data, rows, device=first.device, dtype=first.dtype)
                out = (call or module)(batch)
                parts.append(out if isinstance(out, tuple) else (out,))
            joined = tuple(torch.cat(part).cpu().numpy() for part in zip(*parts, strict=True))
    finally:
        for part, mode in modes:
            part.training = mode
    return joined if isinstance(out, tuple) else joined[0]


def data_digest(*data: Any) -> str:
    """SHA-256 of types, shapes and 256 evenly spaced rows: cheap, also on a memory map."""
    found = hashlib.sha256()
    for part in data:
        for leaf in _leaves(part):
            rows = np.unique(np.linspace(0, len(leaf) - 1, SAMPLED_ROWS).astype(int))
            found.update(f"{leaf.dtype.str} {leaf.shape}".encode())
            found.update(np.ascontiguousarray(leaf[rows]).data)
        found.update(b";")
    return found.hexdigest()
