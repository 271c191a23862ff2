"""By how much the best test epoch, and a feature that saw its own labels, flatter a network."""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from catboost import CatBoostClassifier
from sklearn.metrics import log_loss, roc_auc_score
from sklearn.model_selection import StratifiedKFold, cross_val_predict, train_test_split
from sklearn.pipeline import make_pipeline

from cardiorisk.estimators._training import Schedule, train_net
from heart_study.net_classifier import VALIDATION, logistic_loss, risks
from heart_study.pipelines import prepared
from heart_study.tables import HeartRows

TEST = 0.3
SPLITS = range(10)
SMALL_SCHEDULE = Schedule(
    epochs=60, batch_size=32, learning_rate=3e-3, scheduler="constant", optimizer="adam"
)
Part = tuple[npt.NDArray[np.float64], npt.NDArray[np.intp]]
Maker = Callable[[int], Any]
Preparation = Callable[[], Any]


def small_net(n_columns: int) -> Any:
    """Two hidden layers; what a plain network does under the paper's protocol."""
    layers = torch.nn.Sequential(
        torch.nn.Linear(n_columns, 32),
        torch.nn.ReLU(),
        torch.nn.Dropout(0.2),
        torch.nn.Linear(32, 16),
        torch.nn.ReLU(),
        torch.nn.Linear(16, 1),
    )
    return torch.nn.Sequential(layers, torch.nn.Flatten(0))


def table_and_scale() -> Any:
    """Return the preparation of the plain models: one column a category, standardised."""
    return prepared(None)[:-1]


def selection_runs(
    make: Maker,
    rows: HeartRows,
    schedule: Schedule,
    seeds: range,
    augmentation: str = "none",
    preparation: Preparation = table_and_scale,
) -> pd.DataFrame:
    """Accuracy and AUROC on the same 30 % test rows under three ways to choose the epoch.

    - inner: lowest log loss of validation rows held back from the training part;
    - best test epoch: the same training, at the epoch with the best test accuracy;
    - as published: trained on the whole training part, at the epoch with the best test accuracy.
    """
    found = []
    for seed in seeds:
        train, test = train_test_split(
            np.arange(len(rows.y)), test_size=TEST, stratify=rows.y, random_state=seed
        )
        X_train, X_test = _prepared_parts(rows, train, test, augmentation, seed, preparation())
        y_train, y_test = rows.y[train], rows.y[test]
        held = train_test_split(
            X_train, y_train, test_size=VALIDATION, stratify=y_train, random_state=seed
        )
        fit, stop = (held[0], held[2]), (held[1], held[3])
        tested = (X_test, y_test)
        honest = _history(make, fit, stop, tested, schedule, seed)
        published = _history(make, (X_train, y_train), tested, tested, schedule, seed)
        for way, history, by in (
            ("inner", honest, honest["stop_loss"].idxmin()),
            ("best test epoch", honest, honest["accuracy"].idxmax()),
            ("as published", published, published["accuracy"].idxmax()),
        ):
            own = history.loc[by, ["accuracy", "auroc"]].to_dict()
            found.append({"seed": seed, "augmentation": augmentation, "way": way, **own})
    return pd.DataFrame(found)


def _booster(seed: int) -> Any:
    return CatBoostClassifier(
        iterations=300, learning_rate=0.03, depth=4, verbose=False, thread_count=1,
        allow_writing_files=False, random_state=seed,
    )  # fmt: skip


def _prepared_parts(
    rows: HeartRows,
    train: npt.NDArray[np.intp],
    test: npt.NDArray[np.intp],
    augmentation: str,
    seed: int,
    steps: Any,
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        X_train, X_test = (
            steps.fit_transform(rows.X.iloc[train]),
            steps.transform(rows.X.iloc[test]),
        )
    if augmentation == "none":
        return X_train, X_test
    booster = _booster(seed)
    fitted = booster.copy().fit(X_train, rows.y[train])
    of_test = fitted.predict_proba(X_test)[:, 1]
    if augmentation == "in-sample":
        of_train = fitted.predict_proba(X_train)[:, 1]
    else:
        folds = StratifiedKFold(5, shuffle=True, random_state=seed)
        of_train = cross_val_predict(
            booster, X_train, rows.y[train], cv=folds, method="predict_proba"
        )[:, 1]
    return np.column_stack([X_train, 2 * of_train - 1]), np.column_stack([X_test, 2 * of_test - 1])


def _history(
    make: Maker, fit: Part, stop: Part, test: Part, schedule: Schedule, seed: int
) -> pd.DataFrame:
    """Log loss of the stopping rows, accuracy and AUROC of the test rows after every epoch."""
    torch.manual_seed(seed)
    module, epochs = make(fit[0].shape[1]), []

    def look(trained: Any) -> dict[str, float]:
        risk = risks(trained, test[0])
        loss = log_loss(stop[1], np.clip(risks(trained, stop[0]), 1e-7, 1 - 1e-7))
        epochs.append(
            {
                "stop_loss": loss,
                "accuracy": float(np.mean((risk >= 0.5) == test[1])),
                "auroc": float(roc_auc_score(test[1], risk)),
            }
        )
        return {"negative_loss": -loss}

    train_net(
        module, logistic_loss, fit[0], fit[1].astype(float), schedule=schedule, validate=look,
        random_state=seed, device="cpu",
    )  # fmt: skip
    return pd.DataFrame(epochs)


def boosted_alone(rows: HeartRows, seeds: range) -> float:
    """Mean accuracy of the booster whose output the augmentations use, on the same test rows."""
    found = []
    for seed in seeds:
        train, test = train_test_split(
            np.arange(len(rows.y)), test_size=TEST, stratify=rows.y, random_state=seed
        )
        model = make_pipeline(prepared(None)[:-1], _booster(seed))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            fitted = model.fit(rows.X.iloc[train], rows.y[train])
            found.append(np.mean(fitted.predict(rows.X.iloc[test]) == rows.y[test]))
    return float(np.mean(found))


def small_net_runs(rows: HeartRows, augmentation: str) -> pd.DataFrame:
    """Run the small net under one augmentation."""
    runs = selection_runs(small_net, rows, SMALL_SCHEDULE, SPLITS, augmentation)
    return runs.assign(network="MLP, 32 and 16 units")
