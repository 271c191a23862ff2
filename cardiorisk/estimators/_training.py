"""One training loop for every network of the package."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from os import PathLike
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.utils import check_random_state

from cardiorisk._optional import require
from cardiorisk.backends.devices import resolve_device
from cardiorisk.estimators._checkpoints import read_checkpoint, write_checkpoint
from cardiorisk.estimators._epoch_progress import epoch_progress, in_words
from cardiorisk.estimators._learning_parts import learning_parts
from cardiorisk.estimators._net_batches import as_arrays, count_rows, data_digest
from cardiorisk.estimators._precision import resolve_precision
from cardiorisk.estimators._schedule import Schedule, ran_out_of_patience
from cardiorisk.estimators._torch_session import default_threads, torch_session
from cardiorisk.estimators._training_run import BatchLoss, TrainingRun, Validate
from cardiorisk.estimators._weights import Weights, digest, put_weights, weights_of

__all__ = ["Schedule", "Training", "Weights", "put_weights", "train_net", "weights_of"]

logger = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Training:
    """What a training gave.

    Parameters
    ----------
    weights : dict of str to ndarray
        Parameters and buffers after ``best_epoch``.
    history : DataFrame
        One row an epoch, from 1: the terms of the loss and their sum ``loss`` (means over the
        rows), the validation metrics, ``learning_rate`` and ``seconds``.
    best_epoch : int
        Epoch with the largest watched metric, the first of equal ones; the last epoch without
        validation.
    device_used : {"cpu", "cuda"}
    stopped_early : bool
        Patience ran out before the last epoch.
    """

    weights: Weights = field(repr=False)
    history: pd.DataFrame = field(repr=False)
    best_epoch: int
    device_used: str
    stopped_early: bool


def train_net(
    module: Any,
    batch_loss: BatchLoss,
    X: Any,
    y: Any,
    *,
    schedule: Schedule,
    validate: Validate | None = None,
    random_state: Any = None,
    device: str = "auto",
    mixed_precision: str = "auto",
    checkpoint: str | PathLike[str] | None = None,
    verbose: int = 0,
    trainable: Sequence[str] | None = None,
    sample_weight: npt.ArrayLike | None = None,
    frozen_statistics: Sequence[str] = (),
    n_threads: int | None = None,
    configuration: Mapping[str, Any] | None = None,
) -> Training:
    """Train a network by a loss of named terms.

    The same arguments give the same weights, bit for bit, on the same machine and versions; a
    training that was killed and resumed from its checkpoint is no exception. torch's generators,
    threads, default type and determinism switches are as before afterwards, also after an error.

    Parameters
    ----------
    module : torch.nn.Module
        Trained in place. Afterwards it holds the returned weights, on its own device, in
        evaluation mode.
    batch_loss : callable
        ``batch_loss(module, xb, yb, wb) -> dict of str to tensor``: scalar terms, whose sum is
        minimised. ``wb`` is None without ``sample_weight``. Random numbers in it come from
        torch's global generator.
    X, y : array, None, or tuple or dict of arrays
        One row a sample; memory maps are read batch by batch. Floating-point numbers take the type
        of the parameters, other types are kept.
    schedule : Schedule
    validate : callable, optional
        ``validate(module) -> dict of str to float``, called after each epoch in evaluation mode
        without gradients. The first name is watched and larger is better: give a loss as its
        negative, for example ``{"negative_loss": -loss}``.
    random_state : int, RandomState instance or None, default=None
        Order of the rows, dropout and whatever else draws.
    device : {"auto", "cpu", "cuda"}, default="auto"
    mixed_precision : {"auto", "float32", "bfloat16", "float16"}, default="auto"
        "auto" is bfloat16 on a CUDA device that has it, else float16 with a scaled loss, and
        float32 on the CPU: only some processors multiply bfloat16 faster, and the others are
        slowed down. float16 needs CUDA.
    checkpoint : path, optional
        File that is replaced after every epoch and gone on from where it exists; that of a
        finished training gives its result at once. Needs a ``random_state`` that is an integer.
    verbose : int, default=0
        1 shows a progress bar. Each epoch is also logged at level INFO.
    trainable : sequence of str, optional
        Names of submodules or parameters that learn, all by default. The rest is frozen and in
        evaluation mode, so that neither weights nor the statistics of batch normalisation move.
    sample_weight : array of shape (n_samples,), optional
        At least 0.
    frozen_statistics : sequence of str, default=()
        Names of submodules that stay in evaluation mode although their parameters learn.
    n_threads : int, optional
        Threads of torch. By default 1 for a network of at most 50,000 parameters, which more
        threads slow down, and torch's own number otherwise.
    configuration : mapping, optional
        Settings of ``batch_loss`` and ``validate`` in JSON's types. A checkpoint of other settings
        is refused; functions cannot be compared.

    Returns
    -------
    training : Training

    Raises
    ------
    FloatingPointError
        A term of the loss or a weight is NaN or infinite; term, batch and epoch are named.
    DeviceError
        "cuda" cannot be had, or the precision not on this device.
    ReadError
        The checkpoint is damaged.
    ValueError
        The checkpoint is of another configuration, or an argument is out of its range.

    Notes
    -----
    An interrupt (Ctrl-C) is raised on after the best weights so far were put into ``module``; the
    checkpoint holds the last full epoch.

    Examples
    --------
    >>> import torch
    >>> X = np.random.default_rng(0).normal(size=(200, 3))
    >>> def squared(module, xb, yb, wb):
    ...     return {"squared": ((module(xb)[:, 0] - yb) ** 2).mean()}
    >>> training = train_net(torch.nn.Linear(3, 1), squared, X, X[:, 0],
    ...                      schedule=Schedule(epochs=30, learning_rate=0.1), random_state=0)
    >>> training
    Training(best_epoch=30, device_used='cpu', stopped_early=False)
    >>> training.weights["weight"].round(2) + 0.0
    array([[1., 0., 0.]], dtype=float32)
    """
    data = as_arrays((X, y, _checked_weight(sample_weight)))
    n_rows, seed = count_rows(data), _seed(random_state, checkpoint)
    device = resolve_device(device, backend="torch")
    precision = resolve_precision(mixed_precision, device)
    if (first := next(module.parameters(), None)) is None:
        raise ValueError(f"Got a {type(module).__name__} without parameters: nothing can learn.")
    n_threads = default_threads(module) if n_threads is None else _checked_threads(n_threads)
    with (
        torch_session(seed=seed, device=device, n_threads=n_threads, dtype=first.dtype),
        _moved(module, device, first.device),
        learning_parts(module, trainable, frozen_statistics) as parts,
    ):
        kinds = seed, device, first.dtype, precision
        run = TrainingRun(parts, batch_loss, data, n_rows, schedule, validate, *kinds)
        if checkpoint is None:
            _run_epochs(run, verbose)
        else:
            names = {"trainable": trainable, "frozen_statistics": frozen_statistics}
            threads = {"n_threads": n_threads, "configuration": dict(configuration or {})}
            _run_epochs(run, verbose, Path(checkpoint), _fingerprint(run) | names | threads)
    history = pd.DataFrame(run.history, index=pd.RangeIndex(1, len(run.history) + 1, name="epoch"))
    stopped = len(history) < schedule.epochs
    return Training(run.best, history, run.best_epoch, device, stopped)


def _fingerprint(run: TrainingRun) -> dict[str, Any]:
    """Collect what the weights depend on, beside the arguments that are compared as they are."""
    return {
        "schedule": asdict(run.schedule),
        "random_state": run.seed,
        "device": run.device,
        "precision": run.precision,
        "validation": run.validate is not None,
        "torch": require("torch", extra="nn").__version__,
        "data": data_digest(*run.data),
        "first_weights": digest(weights_of(run.parts.module)),
    }


def _run_epochs(
    run: TrainingRun,
    verbose: int,
    checkpoint: Path | None = None,
    same: Mapping[str, Any] = MappingProxyType({}),
) -> None:
    if checkpoint is not None and (found := read_checkpoint(checkpoint, same)) is not None:
        run.restore(*found)
        logger.info("resumed %s after epoch %d", checkpoint, len(run.history))
    try:
        with epoch_progress(run, verbose) as tell:
            while not _is_over(run):
                row = run.epoch(tell)
                if checkpoint is not None:
                    write_checkpoint(checkpoint, same, *run.state())
                logger.info(
                    "epoch %d of %d: %s", len(run.history), run.schedule.epochs, in_words(row)
                )
    finally:
        if run.best:
            put_weights(run.parts.module, run.best)


def _is_over(run: TrainingRun) -> bool:
    if len(run.history) >= run.schedule.epochs:
        return True
    return run.validate is not None and ran_out_of_patience(run.schedule, run.watched)


@contextmanager
def _moved(module: Any, device: str, home: Any) -> Iterator[None]:
    module.to(device)
    try:
        yield
    finally:
        module.to(home)


def _checked_threads(n_threads: Any) -> int:
    if not isinstance(n_threads, int | np.integer) or n_threads < 1:
        raise ValueError(f"Got n_threads={n_threads!r}, but expected an integer of at least 1.")
    return int(n_threads)


def _seed(random_state: Any, checkpoint: object) -> int:
    if isinstance(random_state, int | np.integer) and random_state >= 0:
        return int(random_state)
    if checkpoint is not None:
        raise ValueError(
            f"Got checkpoint with random_state={random_state!r}, but expected an integer of at "
            "least 0: a resumed training must draw the same random numbers."
        )
    return int(check_random_state(random_state).randint(2**31))


def _checked_weight(sample_weight: Any) -> Any:
    if sample_weight is None:
        return None
    weight = np.asarray(sample_weight, dtype=float)
    if weight.ndim != 1 or not np.isfinite(weight).all() or (weight < 0).any() or not weight.any():
        raise ValueError(
            "Got sample_weight that is not one finite number >= 0 a row, some above 0."
        )
    return weight
