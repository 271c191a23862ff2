"""Simulated patients and fitted models that the tests of prediction sets share."""

import numpy as np
from sklearn.datasets import make_classification
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB


def patients(n, n_classes=2, seed=0, sick=None):
    return make_classification(
        n,
        n_features=6,
        n_informative=4,
        n_redundant=0,
        n_classes=n_classes,
        n_clusters_per_class=1,
        weights=None if sick is None else [1 - sick],
        flip_y=0.1,
        random_state=seed,
    )


def two_classes():
    """A model of 500 rows, 500 rows to calibrate on, and 500 new ones."""
    X, y = patients(1500)
    return LogisticRegression().fit(X[:500], y[:500]), X[500:1000], y[500:1000], X[1000:], y[1000:]


def four_classes():
    """A model of 600 rows, 600 rows to calibrate on, and 600 new ones."""
    X, y = patients(1800, n_classes=4, seed=3)
    return GaussianNB().fit(X[:600], y[:600]), X[600:1200], y[600:1200], X[1200:], y[1200:]


def several_labels(n, seed=0):
    """Four labels, present in 1/2, 1/6, 1/17 and 1/160 of the rows."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 6))
    risk = 1.5 * X[:, :4] + rng.normal(0, 0.5, (n, 4))
    return X, (risk > [0.0, 1.5, 2.5, 4.0]).astype(int)
