"""Small networks, losses and data that the tests of training share."""

import numpy as np
import torch

from cardiorisk.estimators._torch_session import seeded


class SmallNet(torch.nn.Module):
    """A body with batch normalisation and dropout, and a head."""

    def __init__(self):
        super().__init__()
        self.body = torch.nn.Sequential(
            torch.nn.Linear(4, 8), torch.nn.BatchNorm1d(8), torch.nn.ReLU(), torch.nn.Dropout(0.3)
        )
        self.head = torch.nn.Linear(8, 1)

    def forward(self, x):
        return self.head(self.body(x))[:, 0]


def small_net(seed=0):
    with seeded(seed):
        return SmallNet()


def squared(module, xb, yb, wb):
    """Mean squared error and a small penalty, two named terms."""
    each = (module(xb) - yb) ** 2
    error = each.mean() if wb is None else (each * wb).sum() / wb.sum()
    return {"error": error, "penalty": 1e-3 * module.head.weight.square().sum()}


def small_data(n_rows=70):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n_rows, 4)).astype(np.float32)
    return X, X @ np.array([1.0, -1.0, 0.5, 0.0], np.float32)


def same_weights(first, second):
    assert list(first) == list(second)
    return all(first[name].tobytes() == second[name].tobytes() for name in first)
