"""Open tables of the cases."""

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

UNION = "heart_tabular/heart_statlog_cleveland_hungary_final.csv"
KAGGLE = "heart_tabular/kaggle_fedesoriano_heart.csv"
FAILURE = "heart_tabular/heart_failure_clinical_records_dataset.csv"
# Rows of Kaggle's table in the order of the centres, matched with the UCI files.
CENTRES = ("Hungary", "Switzerland and VA", "Cleveland")
CENTRE_ROWS = (293, 323, 302)


@dataclass(frozen=True)
class Table:
    """Numbers, an outcome, and the centre of each row where it is known."""

    X: pd.DataFrame
    y: np.ndarray
    centre: np.ndarray | None = None


def _read(name: str) -> pd.DataFrame:
    folder = os.environ.get("CARDIORISK_DATA")
    if not folder:
        raise SystemExit("Set CARDIORISK_DATA to the folder that holds heart_tabular/.")
    return pd.read_csv(Path(folder) / name, thousands=",")


def union() -> Table:
    table = _read(UNION)
    return Table(table.drop(columns="target"), table["target"].to_numpy())


def kaggle() -> Table:
    table = _read(KAGGLE)
    X = table.drop(columns="HeartDisease")
    X = X.apply(lambda column: column if column.dtype.kind in "if" else pd.factorize(column)[0])
    return Table(X, table["HeartDisease"].to_numpy(), np.repeat(CENTRES, CENTRE_ROWS))


def failure() -> Table:
    table = _read(FAILURE)
    return Table(table.drop(columns=["DEATH_EVENT", "time"]), table["DEATH_EVENT"].to_numpy())
