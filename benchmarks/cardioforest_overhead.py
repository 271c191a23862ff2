"""Measure what CardioForestClassifier costs over the bare library, both with equal settings.

Run: ``OMP_NUM_THREADS=1 python benchmarks/cardioforest_overhead.py``. Each line alternates both in
one process on one thread and prints median processor times, which other work on the machine does
not lengthen, and the median of the paired ratios. Equal outputs are asserted, not assumed.
"""

import time
from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.datasets import make_classification

from cardiorisk.estimators import CardioForestClassifier

N_REPEATS = 15
BACKENDS = ("forest", "xgboost", "lightgbm")


def seconds(work: Callable[[], Any]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def alternate(bare: Callable[[], Any], ours: Callable[[], Any]) -> tuple[float, float, float]:
    """Median seconds of both and the median paired ratio, the order turned every time."""
    bare(), ours()
    pairs = []
    for repeat in range(N_REPEATS):
        if repeat % 2:
            slow = seconds(ours)
            pairs.append((seconds(bare), slow))
        else:
            fast = seconds(bare)
            pairs.append((fast, seconds(ours)))
    times = np.array(pairs)
    first, second = np.median(times, axis=0)
    return first, second, float(np.median(times[:, 1] / times[:, 0]))


def works(
    model: Any, bare: Any, train: tuple[Any, Any], new: Any
) -> dict[str, tuple[Callable[[], Any], Callable[[], Any]]]:
    """Name each work and pair the bare library's call with ours."""
    one = new[:1]
    return {
        "fit, 2,000 x 30": (lambda: bare.fit(*train), lambda: model.fit(*train)),
        "predict, 10,000 x 30": (lambda: bare.predict_proba(new), lambda: model.predict_proba(new)),
        "predict, 1 x 30": (lambda: bare.predict_proba(one), lambda: model.predict_proba(one)),
    }


def main() -> None:
    X, y = make_classification(12_000, 30, n_informative=10, random_state=0)
    X[np.random.default_rng(0).random(X.shape) < 0.05] = np.nan
    train, new = (X[:2_000], y[:2_000]), X[2_000:]
    print(f"{'backend':<10}{'work':<26}{'bare ms':>10}{'ours ms':>10}{'ratio':>8}")
    for backend in BACKENDS:
        model = CardioForestClassifier(backend=backend, random_state=0).fit(*train)
        bare = clone(model.model_).fit(*train)
        # XGBoost answers in float32, and subtracts from 1 there.
        tolerance = 1e-7 if backend == "xgboost" else 0.0
        difference = np.abs(model.predict_proba(new) - bare.predict_proba(new)).max()
        assert difference <= tolerance, (backend, difference)
        for work, (first, second) in works(model, bare, train, new).items():
            slow, fast, ratio = alternate(first, second)
            print(f"{backend:<10}{work:<26}{slow * 1e3:>10.2f}{fast * 1e3:>10.2f}{ratio:>8.3f}")


if __name__ == "__main__":
    main()
