"""KACQ-DCNN at its published size under its paper's protocol: what the choice of the epoch adds.

The table is coded as in the authors' code: categories by number in alphabetical order, everything
scaled to [0, 1], zeros left as they are. Departures: the scaler sees the training part only, the
twelfth column is CatBoost's probability (which of its outputs they used is not known), and
training runs for a fixed number of epochs at a constant rate, so that every way of choosing the
epoch chooses among the same.
"""

from typing import Any

import pandas as pd
import torch
from sklearn.compose import make_column_transformer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, OrdinalEncoder

from cardiorisk.estimators import KACQDCNNClassifier
from cardiorisk.estimators._training import Schedule
from cardiorisk.estimators.kacq.dual_channel import DualChannelNet
from cardiorisk.estimators.kacq.parameters import network_plan
from heart_study.epochs import selection_runs
from heart_study.tables import HeartRows

SPLITS = range(3)
SCHEDULE = Schedule(
    epochs=20, batch_size=32, learning_rate=1e-3, scheduler="constant", optimizer="adam"
)


def published_net(n_columns: int) -> Any:
    """Return the network of the paper for that many columns, one logit a row."""
    plan = network_plan(KACQDCNNClassifier.published(), n_columns, 2)
    return torch.nn.Sequential(DualChannelNet(plan), torch.nn.Flatten(0))


def published_network_runs(rows: HeartRows, augmentation: str) -> pd.DataFrame:
    """Run the published network under one augmentation."""
    words = [(rows.X[name].dtype.kind in "OSU", name) for name in rows.X.columns]

    def numbers() -> Any:
        each = [(OrdinalEncoder() if word else "passthrough", [name]) for word, name in words]
        return make_pipeline(make_column_transformer(*each), MinMaxScaler())

    runs = selection_runs(published_net, rows, SCHEDULE, SPLITS, augmentation, numbers)
    return runs.assign(network="KACQ-DCNN, published size")
