"""One training under way: its optimiser, its steps, and the state that a checkpoint holds."""

import time
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import reduce
from math import isfinite
from operator import add
from typing import Any

import numpy as np
import numpy.typing as npt

from cardiorisk._optional import require
from cardiorisk.estimators._learning_parts import LearningParts
from cardiorisk.estimators._net_batches import batches, tensors
from cardiorisk.estimators._schedule import Schedule, best_position, learning_rate_after
from cardiorisk.estimators._weights import Weights, put_weights, weights_of

__all__ = ["BatchLoss", "TrainingRun", "Validate"]

BatchLoss = Callable[[Any, Any, Any, Any], Mapping[str, Any]]
Validate = Callable[[Any], Mapping[str, float]]

OWN_COLUMNS = ("learning_rate", "seconds")


def _total(terms: Mapping[str, Any]) -> Any:
    if not terms or any(term.ndim for term in terms.values()):
        shapes = {name: tuple(term.shape) for name, term in terms.items()}
        raise ValueError(f"Got loss terms of shapes {shapes}, but expected named scalars.")
    taken = OWN_COLUMNS if len(terms) == 1 else ("loss", *OWN_COLUMNS)
    if clash := [name for name in terms if name in taken]:
        raise ValueError(f"Got a loss term {clash[0]!r}, but the history has that already.")
    return reduce(add, terms.values())


def _check_terms(terms: Mapping[str, float], batch: int, epoch: int, schedule: Schedule) -> None:
    for name, value in terms.items():
        if not isfinite(value):
            raise FloatingPointError(
                f"Got loss term {name!r}={value} in batch {batch} of epoch {epoch}, but expected "
                f"a finite number. Lower learning_rate={schedule.learning_rate}, set clip_norm "
                f"(now {schedule.clip_norm}), or look for NaN in the data."
            )


@dataclass(eq=False)
class TrainingRun:
    """State and steps of a training.

    Every epoch seeds torch anew from (seed, epoch), and learning rate and patience follow from the
    history, so that weights, the optimiser's moments, the loss scale and the history are all that
    the next epoch depends on.
    """

    parts: LearningParts
    batch_loss: BatchLoss
    data: tuple[Any, Any, Any]
    n_rows: int
    schedule: Schedule
    validate: Validate | None
    seed: int
    device: str
    dtype: Any
    precision: str
    history: list[dict[str, float]] = field(default_factory=list)
    watched: list[float] = field(default_factory=list)
    best: Weights = field(default_factory=dict)

    def __post_init__(self) -> None:
        torch = require("torch", extra="nn")
        kind = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[self.schedule.optimizer]
        self.learning = list(self.parts.parameters.values())
        self.optimizer = kind(
            self.learning, self.schedule.learning_rate, weight_decay=self.schedule.weight_decay
        )
        mixed = self.precision != "float32"
        low = getattr(torch, self.precision)
        self.autocast = torch.autocast(self.device, dtype=low) if mixed else nullcontext()
        # float16 gradients underflow without a scale; bfloat16 has the range of float32.
        self.scaler = torch.amp.GradScaler(self.device, enabled=self.precision == "float16")

    def epoch(self, tell: Callable[[Mapping[str, float]], None]) -> dict[str, float]:
        """Train one epoch, validate, and remember the weights if they are the best so far."""
        torch = require("torch", extra="nn")
        start, number = time.perf_counter(), len(self.history) + 1
        rate = learning_rate_after(self.schedule, self.watched)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        sequence = np.random.SeedSequence([self.seed, number])
        torch.manual_seed(int(sequence.generate_state(1)[0]))
        self.parts.set_modes()
        order = batches(self.n_rows, self.schedule.batch_size, np.random.default_rng(sequence))
        totals: dict[str, float] = {}
        for position, rows in enumerate(order, 1):
            terms = self.step(rows)
            _check_terms(terms, position, number, self.schedule)
            for name, value in terms.items():
                totals[name] = totals.get(name, 0.0) + value * len(rows) / self.n_rows
            tell(terms)
        self._check_weights(number)
        row = {**totals, "loss": sum(totals.values())}
        metrics = self._validated(number, row)
        row |= metrics | {"learning_rate": rate, "seconds": time.perf_counter() - start}
        self.history.append(row)
        self.watched.append(next(iter(metrics.values()), -row["loss"]))
        if self.best_epoch == number:
            self.best = weights_of(self.parts.module)
        return row

    def step(self, rows: npt.NDArray[np.intp]) -> dict[str, float]:
        """One step of the optimiser; the named terms of the loss before it."""
        torch = require("torch", extra="nn")
        xb, yb, wb = tensors(self.data, rows, device=self.device, dtype=self.dtype)
        with self.autocast:
            terms = self.batch_loss(self.parts.module, xb, yb, wb)
            loss = _total(terms)
        values = {name: term.item() for name, term in terms.items()}
        if not all(map(isfinite, values.values())):
            return values  # the weights stay as they were
        self.optimizer.zero_grad(set_to_none=True)
        self.scaler.scale(loss).backward()
        if self.schedule.clip_norm is not None:
            self.scaler.unscale_(self.optimizer)
            torch.nn.utils.clip_grad_norm_(self.learning, self.schedule.clip_norm)
        self.scaler.step(self.optimizer)
        self.scaler.update()
        return values

    def _check_weights(self, epoch: int) -> None:
        for name, parameter in self.parts.parameters.items():
            if not parameter.isfinite().all():
                raise FloatingPointError(f"Got non-finite weights {name!r} after epoch {epoch}.")

    def _validated(self, epoch: int, terms: Mapping[str, float]) -> dict[str, float]:
        if self.validate is None:
            return {}
        module = self.parts.module.eval()
        with require("torch", extra="nn").no_grad():
            metrics = {name: float(value) for name, value in self.validate(module).items()}
        if not isfinite(next(iter(metrics.values()), float("nan"))):
            raise ValueError(
                f"Got validation metrics {metrics} after epoch {epoch}, but expected the first to "
                "be a finite number."
            )
        if clash := [name for name in metrics if name in {*terms, *OWN_COLUMNS}]:
            raise ValueError(f"Got {clash[0]!r} from validate, but the history has that already.")
        return metrics

    @property
    def best_epoch(self) -> int:
        """Epoch, from 1, whose weights are returned."""
        return len(self.watched) if self.validate is None else best_position(self.watched) + 1

    def state(self) -> tuple[dict[str, npt.NDArray[Any]], dict[str, Any]]:
        """Arrays and JSON from which :meth:`restore` goes on."""
        arrays = {f"weights/{name}": v for name, v in weights_of(self.parts.module).items()}
        arrays |= {f"best/{name}": values for name, values in self.best.items()}
        for number, moments in self.optimizer.state_dict()["state"].items():
            for name, tensor in moments.items():
                arrays[f"optimizer/{number}/{name}"] = tensor.cpu().numpy()
        scale = self.scaler.state_dict()
        return arrays, {"history": self.history, "watched": self.watched, "scale": scale}

    def restore(self, arrays: Mapping[str, npt.NDArray[Any]], state: Mapping[str, Any]) -> None:
        """Take over what :meth:`state` gave in another process."""
        torch = require("torch", extra="nn")
        parts: dict[str, dict[str, Any]] = {"weights": {}, "best": {}, "optimizer": {}}
        for path, values in arrays.items():
            part, _, name = path.partition("/")
            parts[part][name] = values
        put_weights(self.parts.module, parts["weights"])
        moments: dict[int, dict[str, Any]] = {}
        for path, values in parts["optimizer"].items():
            number, _, name = path.partition("/")
            moments.setdefault(int(number), {})[name] = torch.from_numpy(values)
        groups = self.optimizer.state_dict()["param_groups"]
        self.optimizer.load_state_dict({"state": moments, "param_groups": groups})
        if state["scale"]:
            self.scaler.load_state_dict(state["scale"])
        self.best = parts["best"]
        self.history, self.watched = list(state["history"]), list(state["watched"])
