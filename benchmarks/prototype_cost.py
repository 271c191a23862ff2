"""What prototypes cost: a training step against the black box's, and prediction of 1,000 records.

``OMP_NUM_THREADS=1 python benchmarks/prototype_cost.py``. CPU time; steps of both kinds take turns
in one process, so that other work on the machine disturbs both alike.
"""

import argparse
import time

import numpy as np

from cardiorisk.datasets import make_ecg
from cardiorisk.estimators import ProtoECGNetClassifier
from cardiorisk.estimators._torch_session import torch_session
from cardiorisk.estimators.protoecgnet.branch_net import BranchNet
from cardiorisk.estimators.protoecgnet.branch_training import (
    Examples,
    backbone_loss,
    branch_loss,
)
from cardiorisk.estimators.protoecgnet.branches import BRANCHES
from cardiorisk.estimators.protoecgnet.settings import branch_plan, objective_of

N_LABELS = 10


def step_times(model, branch, examples, n_steps):
    """CPU seconds of ``n_steps`` steps of the black box and of all terms, (2, n_steps)."""
    import torch

    labels = np.repeat(np.arange(N_LABELS), model.prototypes_per_class)
    net = BranchNet(branch_plan(model, branch, *examples.x.shape[1:], labels, N_LABELS, N_LABELS))
    objective = objective_of(model)
    losses = backbone_loss(objective, examples), branch_loss(objective, examples)
    parts = [*net.backbone.parameters(), *net.features.parameters()], list(net.parameters())
    optimizers = [torch.optim.AdamW(part, model.learning_rate) for part in parts]
    x, y = torch.from_numpy(examples.x), torch.from_numpy(examples.y)
    times = np.empty((2, n_steps))
    for step in range(-3, n_steps):  # three to warm up
        for kind, (loss, optimizer) in enumerate(zip(losses, optimizers, strict=True)):
            start = time.process_time()
            total = sum(loss(net, x, (y, y), None).values())
            optimizer.zero_grad()
            total.backward()
            optimizer.step()
            times[kind, max(step, 0)] = time.process_time() - start
    return times


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=60)
    chosen = parser.parse_args()
    model, rng = ProtoECGNetClassifier(), np.random.default_rng(0)
    x = rng.normal(size=(model.batch_size, 12, 1000)).astype(np.float32)
    y = (rng.random((len(x), N_LABELS)) < 0.2).astype(np.float32)
    total = np.zeros(2)
    import torch

    with torch_session(seed=0, device="cpu", n_threads=1, dtype=torch.float32):
        for branch in BRANCHES:
            times = step_times(model, branch, Examples(x, y, y), chosen.steps)
            box, prototypes = np.median(times, axis=1)
            total += box, prototypes
            print(f"{branch}: {1000 * box:.0f} and {1000 * prototypes:.0f} ms, "
                  f"ratio {np.median(times[1] / times[0]):.2f}", flush=True)  # fmt: skip
    print(f"all branches: ratio {total[1] / total[0]:.2f}")
    ecgs = make_ecg(1000, sampling_rate=100, random_state=0)
    settings = {"backbone_epochs": 0, "prototype_epochs": 0, "joint_epochs": 0, "random_state": 0}
    model = ProtoECGNetClassifier(sampling_rate=100, **settings)
    model.fit(ecgs.data[:200], ecgs.target[:200])
    start, wall = time.process_time(), time.perf_counter()
    model.predict_proba(ecgs.data)
    cpu, wall = time.process_time() - start, time.perf_counter() - wall
    print(f"prediction of 1,000 records: {cpu:.1f} s of CPU, {wall:.1f} s on the clock")


if __name__ == "__main__":
    main()
