"""Measure what the training loop costs over a plain torch loop that gives the same weights.

Run: ``OMP_NUM_THREADS=1 python benchmarks/training_overhead.py``. Both train the same network in
one process on one thread, in turn, with the same rows in each batch; the final weights are
asserted to be equal bit for bit. Printed are median processor times, which other work on the
machine hardly lengthens, and the median of the paired ratios. ``--threads`` measures a step on one
and two threads by the clock, which only an idle machine tells.
"""

import argparse
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import nn

from cardiorisk.estimators._torch_session import seeded
from cardiorisk.estimators._training import Schedule, train_net, weights_of

N_REPEATS = 9
RATE = 1e-3


def perceptron(width: int) -> Any:
    return nn.Sequential(nn.Linear(30, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU(),
                         nn.Linear(width, 1))  # fmt: skip


def convolutions(channels: int) -> Any:
    def layer(inputs: int, outputs: int, width: int) -> list[Any]:
        convolution = nn.Conv1d(inputs, outputs, width, 2, width // 2)
        return [convolution, nn.BatchNorm1d(outputs), nn.ReLU()]

    body = [
        *layer(12, channels, 7),
        *layer(channels, channels, 5),
        *layer(channels, 2 * channels, 5),
    ]
    return nn.Sequential(*body, nn.AdaptiveAvgPool1d(1), nn.Flatten(), nn.Linear(2 * channels, 1))


TABLE, ECG = (30,), (12, 1000)
NETS = {
    "perceptron, width 16": (lambda: perceptron(16), TABLE, 640, 10),
    "perceptron, width 256": (lambda: perceptron(256), TABLE, 640, 10),
    "convolutions, 8 channels": (lambda: convolutions(8), ECG, 256, 3),
    "convolutions, 64 channels": (lambda: convolutions(64), ECG, 128, 2),
}


def squared(module: Any, xb: Any, yb: Any, wb: Any) -> dict[str, Any]:
    return {"squared": ((module(xb)[:, 0] - yb) ** 2).mean()}


def plain_loop(module: Any, X: Any, y: Any, n_epochs: int) -> None:
    optimizer = torch.optim.AdamW(module.parameters(), RATE, weight_decay=0.0)
    module.train()
    for epoch in range(1, n_epochs + 1):
        total = 0.0
        order = np.random.default_rng(np.random.SeedSequence([0, epoch])).permutation(len(X))
        for rows in np.array_split(order, -(-len(X) // 32)):
            xb, yb = torch.from_numpy(X[rows]), torch.from_numpy(y[rows])
            loss = ((module(xb)[:, 0] - yb) ** 2).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item()


def our_loop(module: Any, X: Any, y: Any, n_epochs: int) -> None:
    schedule = Schedule(epochs=n_epochs, learning_rate=RATE, scheduler="constant")
    train_net(module, squared, X, y, schedule=schedule, random_state=0, n_threads=1, device="cpu")


def seconds(loop: Callable[..., None], build: Callable[[], Any], *data: Any) -> tuple[float, Any]:
    with seeded(0):
        module = build()
    start = time.process_time()
    loop(module, *data)
    return time.process_time() - start, weights_of(module)


def compare(build: Callable[[], Any], shape: tuple[int, ...], n_rows: int, n_epochs: int) -> Any:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n_rows, *shape)).astype(np.float32)
    y = rng.normal(size=n_rows).astype(np.float32)
    pairs = []
    for repeat in range(N_REPEATS + 1):
        loops = (plain_loop, our_loop) if repeat % 2 else (our_loop, plain_loop)
        found = {loop: seconds(loop, build, X, y, n_epochs) for loop in loops}
        for name, values in found[plain_loop][1].items():
            assert values.tobytes() == found[our_loop][1][name].tobytes(), name
        pairs.append((found[plain_loop][0], found[our_loop][0]))
    times = np.array(pairs[1:])  # the first run warms up
    return *np.median(times, axis=0), np.median(times[:, 1] / times[:, 0])


def step_seconds(build: Callable[[], Any], shape: tuple[int, ...], n_threads: int) -> float:
    module, x = build(), torch.randn(32, *shape)
    optimizer = torch.optim.AdamW(module.parameters(), RATE)
    torch.set_num_threads(n_threads)
    times = []
    for _ in range(20):
        start = time.perf_counter()
        loss = module(x).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        times.append(time.perf_counter() - start)
    return float(np.median(times[2:]))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--threads", action="store_true", help="one and two threads, by the clock")
    by_threads = parser.parse_args().threads
    torch.set_num_threads(1)
    first, second = ("1 thread", "2 threads") if by_threads else ("plain", "train_net")
    print(f"| network | parameters | {first}, ms | {second}, ms | ratio |\n|---|---|---|---|---|")
    for name, (build, shape, n_rows, n_epochs) in NETS.items():
        count = sum(parameter.numel() for parameter in build().parameters())
        if by_threads:
            one, two = (step_seconds(build, shape, n_threads) for n_threads in (1, 2))
            ratio = two / one
        else:
            one, two, ratio = compare(build, shape, n_rows, n_epochs)
        print(
            f"| {name} | {count:,} | {one * 1e3:.2f} | {two * 1e3:.2f} | {ratio:.3f} |", flush=True
        )


if __name__ == "__main__":
    main()
