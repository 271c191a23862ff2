"""What every test shares: one thread a library, no screen, and where open data lie."""

import os

# Small problems run slower on several threads than on one, and pytest-xdist brings its own.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("MPLBACKEND", "Agg")

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """Folder of the open data sets; the test is skipped where there is none."""
    folder = os.environ.get("CARDIORISK_DATA")
    if not folder or not Path(folder).is_dir():
        pytest.skip("CARDIORISK_DATA does not name a folder with the open data sets")
    return Path(folder)


@pytest.fixture(scope="module")
def cancer():
    """Half of scikit-learn's breast-cancer table with missing values, and the other half."""
    from sklearn.datasets import load_breast_cancer

    X, y = load_breast_cancer(return_X_y=True)
    X[::9, 3] = float("nan")
    return X[::2], y[::2], X[1::2], y[1::2]
