"""The first spline layer of a fitted network, and what its outputs are worth in log-odds."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from cardiorisk._optional import require
from cardiorisk.estimators.kacq import KANLayer

__all__ = ["FirstLayer", "read_first_layers"]

Floats = npt.NDArray[np.float64]


class FirstLayer(NamedTuple):
    """A spline layer that reads the columns, and the slope of the log-odds in its outputs.

    Parameters
    ----------
    contribution : callable
        From layer inputs (m, k) to their weighted outputs (m,), in log-odds up to a constant.
    inputs : ndarray of shape (n, k)
        What the layer read for each row.
    logit : ndarray of shape (n,)
        What the network answered.
    """

    contribution: Callable[[Floats], Floats]
    inputs: Floats
    logit: Floats


def read_first_layers(estimator: Any, X: Any, target: int) -> list[FirstLayer]:
    """Find, in each network of the estimator, the spline layer that the columns enter one to one.

    Raises
    ------
    ValueError
        A network has no such layer.
    """
    module = estimator.module_
    prepared = _module_inputs(estimator, X)
    networks = getattr(module, "members", [module])
    return [_read_network(network, prepared, estimator, target) for network in networks]


def _read_network(network: Any, prepared: Any, estimator: Any, target: int) -> FirstLayer:
    columns = prepared.reshape(len(prepared), -1).double().numpy()
    layers = [layer for layer in network.modules() if isinstance(layer, KANLayer)]
    for layer in layers:
        inputs, slopes, logit = _gradients(network, layer, prepared, target)
        flat = inputs.reshape(len(inputs), -1).numpy()
        if flat.shape == columns.shape and _one_to_one(flat, columns):
            return FirstLayer(_weighted(layer, inputs.shape[1:], slopes), flat, logit)
    raise ValueError(
        f"Got {type(estimator).__name__} with {len(layers)} spline layers in a network, none of "
        "which reads the columns themselves. Fit with use_kan=True and the channel that starts "
        "with splines."
    )


def _module_inputs(estimator: Any, X: Any) -> Any:
    """Return the tensor that the network is given for X, whatever the estimator prepares."""
    torch = require("torch", extra="nn")
    seen: list[Any] = []
    with _hooked(
        estimator.module_.register_forward_pre_hook(lambda module, given: seen.append(given[0]))
    ):
        estimator.predict_proba(X)
    return torch.cat([part.detach() for part in seen])


def _gradients(module: Any, layer: Any, prepared: Any, target: int) -> tuple[Any, Any, Floats]:
    """Layer inputs, the mean gradient of the log-odds by the layer's outputs, and the log-odds."""
    torch = require("torch", extra="nn")
    kept: list[Any] = []

    def cut(_: Any, given: tuple[Any, ...], output: Any) -> Any:
        leaf = output.detach().requires_grad_(True)
        kept.append((given[0].detach(), leaf))
        return leaf

    with _hooked(layer.register_forward_hook(cut)), torch.enable_grad():
        logit = _log_odds(module(prepared), target)
    ((inputs, leaf),) = kept[:1]
    (gradient,) = torch.autograd.grad(logit.sum(), leaf, allow_unused=True)
    slopes = torch.zeros_like(leaf[0]) if gradient is None else gradient.mean(dim=0)
    return inputs.double(), slopes, logit.detach().double().numpy()


def _log_odds(output: Any, target: int) -> Any:
    torch = require("torch", extra="nn")
    if output.ndim == 1 or output.shape[1] == 1:
        return output.reshape(-1) if target == 1 else -output.reshape(-1)
    others = torch.cat([output[:, :target], output[:, target + 1 :]], dim=1)
    return output[:, target] - torch.logsumexp(others, dim=1)


def _one_to_one(inputs: Floats, columns: Floats) -> bool:
    """Tell whether each layer input moves with its own column, up or down, and with it alone."""
    for given, column in zip(np.asarray(inputs).T, columns.T, strict=True):
        order = np.argsort(column, kind="stable")
        steps = np.diff(given[order])
        same = np.diff(column[order]) == 0
        if not np.allclose(steps[same], 0.0, atol=1e-5):
            return False
        if not ((steps >= -1e-5).all() or (steps <= 1e-5).all()):
            return False
    return True


def _weighted(layer: Any, shape: Any, slopes: Any) -> Callable[[Floats], Floats]:
    torch = require("torch", extra="nn")
    dtype = next(layer.parameters()).dtype

    def contribution(inputs: Floats) -> Floats:
        with torch.no_grad():
            given = torch.as_tensor(inputs, dtype=dtype).reshape(len(inputs), *shape)
            found = (layer(given) * slopes).reshape(len(inputs), -1).sum(dim=1)
        return np.asarray(found.double().numpy())

    return contribution


@contextmanager
def _hooked(handle: Any) -> Iterator[None]:
    try:
        yield
    finally:
        handle.remove()
