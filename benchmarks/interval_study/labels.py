"""Intervals of averages over three labels a row."""

import numpy as np
from scipy.special import expit

from cardiorisk.evaluation.label_measures import measure_labels
from interval_study.cohorts import FIRST_SEED

SHIFTS = np.array([0.0, -1.0, -2.0])
NAMES = np.arange(len(SHIFTS))
LEVEL = 0.95


def rows(n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Draw labels that share a cause, and their true risks."""
    z = rng.normal(size=(n, 1)) + 0.5 * rng.normal(size=(n, 3)) + SHIFTS
    return rng.random((n, 3)) < expit(z), expit(z)[None]


def true_labels(n: int = 400_000) -> dict[str, float]:
    """Measure so many rows that their error does not matter."""
    found, _ = measure_labels(NAMES, *rows(n, np.random.default_rng(9)), LEVEL, {"n_bootstraps": 0})
    return {name: interval.estimate for name, interval in found.items()}


def labels_of_one_cohort(
    true: dict[str, float], n: int, n_bootstraps: int, seed: int
) -> dict[str, tuple[float, float, float]]:
    """Make the intervals of one cohort: true value, low and high by name."""
    rng = np.random.default_rng([FIRST_SEED + seed, n])
    resampling = {"n_bootstraps": n_bootstraps, "random_state": seed}
    found, _ = measure_labels(NAMES, *rows(n, rng), LEVEL, resampling)
    return {name: (true[name], i.low, i.high) for name, i in found.items()}
