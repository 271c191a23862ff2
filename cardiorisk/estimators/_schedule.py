"""How long, how fast and on what a network learns, as pure functions of its history."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import cos, isfinite, pi
from numbers import Integral, Real

__all__ = ["Schedule", "best_position", "learning_rate_after", "ran_out_of_patience"]

CHOICES = {
    "optimizer": ("adamw", "adam"),
    "scheduler": ("cosine", "plateau", "constant"),
}
SMALLEST = {
    "epochs": 1,
    "batch_size": 1,
    "learning_rate": 0,
    "weight_decay": 0,
    "patience": 1,
    "clip_norm": 0,
    "plateau_factor": 0,
    "plateau_patience": 0,
}
WHOLE = ("epochs", "batch_size", "patience", "plateau_patience")
OPTIONAL = ("patience", "clip_norm")


@dataclass(frozen=True)
class Schedule:
    """Settings of one training.

    Parameters
    ----------
    epochs : int, default=30
        At most.
    batch_size : int, default=32
        At most; the batches of an epoch are of nearly equal size.
    learning_rate : float, default=1e-3
        Of the first epoch.
    weight_decay : float, default=0.0
        Decoupled for ``"adamw"``, an L2 penalty for ``"adam"``.
    patience : int, optional
        Stop after so many epochs without a better watched metric. None, or a training without
        validation, runs all epochs.
    scheduler : {"cosine", "plateau", "constant"}, default="cosine"
        ``"cosine"`` falls to nearly 0 at the last epoch; ``"plateau"`` multiplies by
        ``plateau_factor`` after more than ``plateau_patience`` epochs without a better watched
        metric (the training loss, where there is no validation).
    clip_norm : float, optional
        Longest gradient, over all parameters together. None clips nothing.
    optimizer : {"adamw", "adam"}, default="adamw"
    plateau_factor : float, default=0.5
    plateau_patience : int, default=5

    Raises
    ------
    ValueError
        A value is out of its range.

    Examples
    --------
    >>> Schedule(epochs=5).learning_rate
    0.001
    >>> Schedule(epochs=0)
    Traceback (most recent call last):
    ValueError: Got epochs=0, but expected an integer of at least 1.
    """

    epochs: int = 30
    batch_size: int = 32
    learning_rate: float = 1e-3
    weight_decay: float = 0.0
    patience: int | None = None
    scheduler: str = "cosine"
    clip_norm: float | None = None
    optimizer: str = "adamw"
    plateau_factor: float = 0.5
    plateau_patience: int = 5

    def __post_init__(self) -> None:
        for name, allowed in CHOICES.items():
            if (value := getattr(self, name)) not in allowed:
                raise ValueError(f"Got {name}={value!r}, but expected one of {', '.join(allowed)}.")
        for name, smallest in SMALLEST.items():
            value = getattr(self, name)
            if value is None and name in OPTIONAL:
                continue
            whole = name in WHOLE
            if not _is_number(value, whole) or value < smallest:
                kind = "an integer" if whole else "a finite number"
                raise ValueError(
                    f"Got {name}={value!r}, but expected {kind} of at least {smallest}."
                )


def _is_number(value: object, whole: bool) -> bool:
    if isinstance(value, bool) or not isinstance(value, Integral if whole else Real):
        return False
    return isfinite(value)


def best_position(watched: Sequence[float]) -> int:
    """Position of the largest value, the first of equal ones."""
    return max(range(len(watched)), key=watched.__getitem__)


def ran_out_of_patience(schedule: Schedule, watched: Sequence[float]) -> bool:
    """Tell whether the last ``patience`` epochs were no better than those before."""
    if schedule.patience is None or not watched:
        return False
    return len(watched) - 1 - best_position(watched) >= schedule.patience


def learning_rate_after(schedule: Schedule, watched: Sequence[float]) -> float:
    """Learning rate of the epoch that follows the given ones.

    The same as torch's ``CosineAnnealingLR(T_max=epochs)`` and ``ReduceLROnPlateau("max",
    threshold=0)``, but without a state that a checkpoint would have to hold.

    Examples
    --------
    >>> round(learning_rate_after(Schedule(epochs=4, learning_rate=1.0), [0.5, 0.6]), 3)
    0.5
    """
    if schedule.scheduler == "cosine":
        return schedule.learning_rate * 0.5 * (1 + cos(pi * len(watched) / schedule.epochs))
    rate = schedule.learning_rate
    if schedule.scheduler == "constant":
        return rate
    best, waited = -float("inf"), 0
    for value in watched:
        waited = 0 if value > best else waited + 1
        best = max(best, value)
        if waited > schedule.plateau_patience:
            rate, waited = rate * schedule.plateau_factor, 0
    return rate
