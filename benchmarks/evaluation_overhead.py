"""Time of a whole ``evaluate`` beyond fitting: 10 folds, 100,000 rows, 2,000 resamples.

The model tells risks that are a column of the table, so fitting and predicting cost nothing, and
what is left is splitting, guards against leakage, measures, thresholds and their intervals. CPU
time is what counts: it does not depend on what else the machine does.

    python benchmarks/evaluation_overhead.py [--rows 100000] [--resamples 2000]
"""

import argparse
import time

import numpy as np
from scipy.special import expit
from sklearn.base import BaseEstimator, ClassifierMixin

from cardiorisk.evaluation import evaluate


class Told(ClassifierMixin, BaseEstimator):
    """Tell the risk that the first column holds the log-odds of."""

    def fit(self, X, y):
        """Learn the classes only."""
        self.classes_ = np.unique(y)
        return self

    def predict_proba(self, X):
        """Tell the risk."""
        risk = expit(1.2 * X[:, 0] + 0.1)
        return np.stack([1 - risk, risk], axis=1)


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--resamples", type=int, default=2000)
    parser.add_argument("--columns", type=int, default=20)
    options = parser.parse_args()
    rng = np.random.default_rng(0)
    X = rng.normal(size=(options.rows, options.columns))
    X[:, 0] -= 2
    y = rng.random(options.rows) < expit(X[:, 0])
    groups = np.arange(options.rows) // 2
    print("| what | CPU s | elapsed s |\n|---|---|---|")
    for name, known in {
        "10 folds, rows": {},
        "10 folds, rows, without guards": {"guards": None},
        "10 folds, two rows a patient": {"groups": groups},
        "10 folds, DeLong, no resamples": {"auroc_interval": "delong", "n_bootstraps": 0},
    }.items():
        known = {"n_bootstraps": options.resamples, **known}
        start, wall = time.process_time(), time.perf_counter()
        evaluate(Told(), X, y, cv=10, **known)
        spent = time.process_time() - start
        print(f"| {name} | {spent:.1f} | {time.perf_counter() - wall:.1f} |", flush=True)


if __name__ == "__main__":
    main()
