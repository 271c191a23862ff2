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
