"""Borrow torch's global switches, and give each of them back."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from cardiorisk._optional import require

__all__ = ["default_threads", "seeded", "torch_session"]

MANY_PARAMETERS = 50_000

_CUBLAS = "CUBLAS_WORKSPACE_CONFIG"


def default_threads(module: Any) -> int:
    """Threads that serve a network on the CPU.

    Small layers finish sooner than two threads can agree, see ``benchmarks/training_overhead.py``.

    Parameters
    ----------
    module : torch.nn.Module

    Returns
    -------
    n_threads : int
        1 up to 50,000 parameters, and torch's own number above.
    """
    if sum(parameter.numel() for parameter in module.parameters()) <= MANY_PARAMETERS:
        return 1
    return int(require("torch", extra="nn").get_num_threads())


@contextmanager
def seeded(seed: int, device: str = "cpu") -> Iterator[None]:
    """Seed torch inside the block, for example to build a module, and restore its generator.

    Parameters
    ----------
    seed : int
    device : {"cpu", "cuda"}, default="cpu"

    Examples
    --------
    >>> import torch
    >>> with seeded(0):
    ...     first = torch.nn.Linear(2, 1)
    >>> with seeded(0):
    ...     second = torch.nn.Linear(2, 1)
    >>> bool((first.weight == second.weight).all())
    True
    """
    torch = require("torch", extra="nn")
    devices = [torch.cuda.current_device()] if device == "cuda" else []
    with torch.random.fork_rng(devices=devices):
        torch.manual_seed(seed)
        yield


@contextmanager
def torch_session(*, seed: int, device: str, n_threads: int, dtype: Any) -> Iterator[None]:
    """Deterministic algorithms, a seed, threads and a default type for the length of a block.

    Parameters
    ----------
    seed : int
    device : {"cpu", "cuda"}
    n_threads : int
        Of torch, on the CPU.
    dtype : torch.dtype
        Of new floating-point tensors.
    """
    torch = require("torch", extra="nn")
    cudnn, deterministic = torch.backends.cudnn, torch.utils.deterministic
    with ExitStack() as undo:
        undo.enter_context(seeded(seed, device))
        undo.callback(torch.set_num_threads, torch.get_num_threads())
        undo.callback(torch.set_default_dtype, torch.get_default_dtype())
        undo.callback(torch.set_grad_enabled, torch.is_grad_enabled())
        undo.callback(
            torch.use_deterministic_algorithms,
            torch.are_deterministic_algorithms_enabled(),
            warn_only=torch.is_deterministic_algorithms_warn_only_enabled(),
        )
        for owner, name in (
            (deterministic, "fill_uninitialized_memory"),
            (cudnn, "deterministic"),
            (cudnn, "benchmark"),
        ):
            undo.callback(setattr, owner, name, getattr(owner, name))
        if device == "cuda" and _CUBLAS not in os.environ:
            os.environ[_CUBLAS] = ":4096:8"  # without it cuBLAS may add in another order
            undo.callback(os.environ.pop, _CUBLAS, None)
        torch.set_num_threads(n_threads)
        torch.set_default_dtype(dtype)
        torch.set_grad_enabled(True)
        torch.use_deterministic_algorithms(True, warn_only=True)
        deterministic.fill_uninitialized_memory = False  # only finds faults, and costs time
        cudnn.deterministic, cudnn.benchmark = True, False
        yield
