"""Twenty tables without leakage, on which a guard should be silent."""

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pandas as pd
from sklearn.datasets import (
    load_breast_cancer,
    load_digits,
    load_iris,
    load_wine,
    make_blobs,
    make_classification,
    make_moons,
)

from cardiorisk.datasets import load_heart_disease, make_machine_measurements
from cardiorisk.evaluation import check_leakage
from cardiorisk.features import MachineMeasurements, wide_qrs_label
from leakage_cases.tables import failure, kaggle, union

Made = tuple[Any, Any]


def _drawn(X: Any, seed: int, strength: float = 1.5) -> Made:
    """Give real columns a new outcome: a logistic risk of random weights on ranks."""
    rng = np.random.default_rng(seed)
    table = pd.DataFrame(X).reset_index(drop=True)
    ranks = table.apply(lambda column: pd.factorize(column, sort=True)[0]).rank(pct=True) - 0.5
    line = ranks.to_numpy() @ rng.normal(size=table.shape[1])
    risk = 1 / (1 + np.exp(-strength * line / line.std()))
    return table, rng.random(len(table)) < risk


def _cart(seed: int) -> Made:
    cart = make_machine_measurements(3000, n_subjects=3000, random_state=seed).data
    features = MachineMeasurements(drop="qrs_end").set_output(transform="pandas")
    return features.fit_transform(cart), wide_qrs_label(cart).to_numpy(dtype=bool)


def _sparse(seed: int) -> Made:
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(600, 8))
    y = rng.random(600) < 1 / (1 + np.exp(-X[:, 0]))
    return np.where(rng.random(X.shape) < 0.3, np.nan, X), y


def _coarse(seed: int) -> Made:
    rng = np.random.default_rng(seed)
    X = rng.integers(0, 4, (500, 5))
    return X, rng.random(500) < 0.2 + 0.15 * (X[:, 0] > 1)


def _skewed(seed: int) -> Made:
    rng = np.random.default_rng(seed)
    X = np.exp(rng.normal(size=(2000, 10))).round(1)
    return X, rng.random(2000) < 0.08 * np.minimum(X[:, 0], 4)


def _strong(seed: int) -> Made:
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(3000, 5))
    return X, rng.random(3000) < 1 / (1 + np.exp(-8 * X[:, 0]))


def _heart(seed: int) -> Made:
    heart = load_heart_disease()
    return heart.data, heart.target


def _class(load: Callable[..., Any]) -> Callable[[int], Made]:
    return lambda seed: load(return_X_y=True)


CLEAN: dict[str, Callable[[int], Made]] = {
    "simulated, 20 columns": lambda s: make_classification(800, random_state=s),
    "simulated, rare outcome": lambda s: make_classification(2000, weights=[0.93], random_state=s),
    "simulated, 100 columns": lambda s: make_classification(500, 100, random_state=s),
    "simulated, three classes": lambda s: make_classification(
        600, 8, n_informative=5, n_classes=3, random_state=s
    ),
    "simulated, two half-moons": lambda s: make_moons(500, noise=0.25, random_state=s),
    "simulated, overlapping clouds": lambda s: make_blobs(
        500, 4, centers=2, cluster_std=6.0, random_state=s
    ),
    "simulated, a third missing": _sparse,
    "simulated, coarse answers": _coarse,
    "simulated, skewed and rounded": _skewed,
    "simulated, one column of AUROC 0.98": _strong,
    "simulated carts, report from other columns": _cart,
    "four centres of heart patients, real": _heart,
    "four centres of heart patients, outcome drawn": lambda s: _drawn(load_heart_disease().data, s),
    "918 heart patients, real": lambda s: (kaggle().X, kaggle().y),
    "918 heart patients, outcome drawn": lambda s: _drawn(kaggle().X, s),
    "918 rows of the 1,190, outcome drawn": lambda s: _drawn(union().X.drop_duplicates(), s),
    "299 heart failures, real": lambda s: (failure().X, failure().y),
    "299 heart failures, outcome drawn": lambda s: _drawn(failure().X, s),
    "breast cancer, real": _class(load_breast_cancer),
    "wine, real, three classes": _class(load_wine),
}
MORE: dict[str, Callable[[int], Made]] = {
    "iris, real: one class is a threshold away": _class(load_iris),
    "digits, real, 64 coarse columns": _class(load_digits),
}


def clean_rows(n_seeds: int) -> Iterator[str]:
    """Alarms by table, and their rate by guard; sites are drawn at random."""
    runs: Counter[str] = Counter()
    alarms: Counter[str] = Counter()
    for name, make in {**CLEAN, **MORE}.items():
        seeds = n_seeds if not name.endswith("real") and "real," not in name else 1
        heard: Counter[str] = Counter()
        for seed in range(seeds):
            X, y = make(seed)
            sites = np.random.default_rng(seed).integers(5, size=len(y))
            report = check_leakage(X, y, sites=sites, guards="cheap", random_state=seed)
            heard.update({finding.guard for finding in report})
            if name in CLEAN:
                runs.update({*report.passed, *(finding.guard for finding in report)})
        if name in CLEAN:
            alarms.update(heard)
        words = ", ".join(f"{guard} {count}" for guard, count in heard.items()) or "none"
        yield f"| {name} | {seeds} | {words} |"
    yield ""
    yield "| guard | runs | false alarms |"
    yield "|---|---|---|"
    for guard, n_runs in sorted(runs.items()):
        yield f"| `{guard}` | {n_runs} | {alarms[guard]} |"
