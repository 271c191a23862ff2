"""The two public heart tables of the study, and what is known of their rows."""

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

KAGGLE = "heart_tabular/kaggle_fedesoriano_heart.csv"
UNION = "heart_tabular/heart_statlog_cleveland_hungary_final.csv"
CENTRES = (("Hungary", 293), ("Switzerland and VA", 323), ("Cleveland", 302))


@dataclass(frozen=True, eq=False)
class HeartRows:
    """The 918 rows of Kaggle's re-release.

    Parameters
    ----------
    X : DataFrame of shape (918, 11)
    y : ndarray of int, shape (918,)
    centre : ndarray of str, shape (918,)
        Rebuilt from the order of the rows, which keeps that of the UCI files.
    """

    X: pd.DataFrame
    y: npt.NDArray[np.intp]
    centre: npt.NDArray[np.str_]


def read_heart_rows() -> HeartRows:
    table = pd.read_csv(_folder() / KAGGLE)
    names, counts = zip(*CENTRES, strict=True)
    if len(table) != sum(counts):
        raise SystemExit(f"Got {len(table)} rows in {KAGGLE}, but expected {sum(counts)}.")
    centre = np.repeat(np.array(names), counts)
    return HeartRows(
        table.drop(columns="HeartDisease"), table["HeartDisease"].to_numpy(dtype=np.intp), centre
    )


def read_union() -> tuple[pd.DataFrame, npt.NDArray[np.intp]]:
    """Return the 1,190 rows of the union, 272 of which are there twice."""
    table = pd.read_csv(_folder() / UNION)
    return table.drop(columns="target"), table["target"].to_numpy(dtype=np.intp)


def _folder() -> Path:
    folder = os.environ.get("CARDIORISK_DATA")
    if not folder:
        raise SystemExit("Set CARDIORISK_DATA to the folder that holds heart_tabular/.")
    return Path(folder)
