"""``cardiorisk fit`` and ``cardiorisk predict``: a table in, a model file or risks out."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from cardiorisk.cli.numbers import MOST_SEED, whole
from cardiorisk.cli.tables import (
    IDENTIFIERS,
    check_writable,
    model_columns,
    read_table,
    take_column,
    write_table,
)
from cardiorisk.exceptions import TableError

__all__ = ["add_verbs", "predictors"]

BACKENDS = ("forest", "xgboost", "lightgbm", "ensemble")
MIN_CLASS_ROWS = 5  # in the typical class; fewer, and the target is a measurement


def add_verbs(verbs: Any, shared: argparse.ArgumentParser) -> None:
    """Add the two verbs to the command line."""
    fit = verbs.add_parser(
        "fit",
        parents=[shared],
        help="fit CardioForest to a table and save it",
        description="Fit ClinicalTable + CardioForest, with conformal sets, to a table.",
    )
    fit.add_argument("table", type=Path, metavar="TABLE", help=".csv or .tsv, one row a patient")
    fit.add_argument("--target", required=True, help="the column to predict")
    fit.add_argument("--output", type=Path, required=True, metavar="MODEL", help="model file")
    fit.add_argument("--group", help="the patient's column: its rows are kept together")
    fit.add_argument("--site", help="the hospital's column: never a predictor")
    fit.add_argument("--drop", action="append", default=[], help="a column not to use; repeatable")
    fit.add_argument("--schema", type=Path, help="TOML file with labels, units and limits")
    fit.add_argument("--backend", choices=BACKENDS, default="forest")
    fit.add_argument("--alpha", type=float, default=0.1, help="sets miss this share (default 0.1)")
    fit.add_argument("--seed", type=whole(0, MOST_SEED), default=0)
    fit.set_defaults(run=run_fit)
    predict = verbs.add_parser(
        "predict",
        parents=[shared],
        help="predict risks and sets for a table",
        description="Add the risk of each class and the conformal set to a table's identifiers.",
    )
    predict.add_argument("model", type=Path, metavar="MODEL")
    predict.add_argument("table", type=Path, metavar="TABLE")
    predict.add_argument("--output", type=Path, required=True, metavar="FILE")
    predict.set_defaults(run=run_predict)


def predictors(table: pd.DataFrame, *, target: str, dropped: Sequence[str] = ()) -> pd.DataFrame:
    """Columns of a table that a model may use: neither target, identifier nor dropped."""
    for column in dropped:
        take_column(table, column, complete=False)
    unused = {target, *IDENTIFIERS, *dropped}
    kept = table[[column for column in table.columns if column not in unused]]
    if kept.shape[1] == 0:
        raise TableError("No column is left to predict from.")
    return kept


def _classes(table: pd.DataFrame, target: str) -> pd.Series:
    y = take_column(table, target)
    counts = y.value_counts()
    if counts.median() < MIN_CLASS_ROWS:
        raise TableError(
            f"Column {target!r} has {len(counts)} different values in {len(y)} rows: it looks "
            "like a measurement, but a column of classes was wanted."
        )
    return y


def run_fit(arguments: argparse.Namespace) -> None:
    """Fit and save."""
    from sklearn.pipeline import make_pipeline

    import cardiorisk
    from cardiorisk.estimators import CardioForestClassifier
    from cardiorisk.explain import ConformalClassifier
    from cardiorisk.features import ClinicalTable
    from cardiorisk.io import read_schema

    table = read_table(arguments.table)
    y = _classes(table, arguments.target)
    check_writable(arguments.output, is_table=False)
    groups = None if arguments.group is None else take_column(table, arguments.group)
    named = [name for name in (arguments.group, arguments.site) if name is not None]
    dropped = [*arguments.drop, *named]
    X = predictors(table, target=arguments.target, dropped=dropped)
    schema = None if arguments.schema is None else read_schema(arguments.schema)
    forest = CardioForestClassifier(backend=arguments.backend, random_state=arguments.seed)
    model = ConformalClassifier(
        make_pipeline(ClinicalTable(schema=schema), forest),
        alpha=arguments.alpha,
        cv=5 if groups is None else min(5, groups.nunique()),
        random_state=arguments.seed,
    )
    if not arguments.quiet:
        meaning = "its schema" if schema else "no schema: a zero is a value, a code is a number"
        print(f"fitting {len(X)} rows, {X.shape[1]} columns ({meaning})", flush=True)
    model.fit(X, y, groups=groups)
    cardiorisk.save(model, arguments.output)
    if not arguments.quiet:
        print(f"fitted -> {arguments.output}")


def run_predict(arguments: argparse.Namespace) -> None:
    """Load, predict, write."""
    import cardiorisk

    model = cardiorisk.load(arguments.model)
    check_writable(arguments.output)
    table = read_table(arguments.table)
    X = model_columns(model, table)
    result = table[[column for column in IDENTIFIERS if column in table.columns]].copy()
    for label, risk in zip(model.classes_, model.predict_proba(X).T, strict=True):
        result[f"risk_{label}"] = risk
    if hasattr(model, "predict_set"):
        members = model.predict_set(X)
        result["set"] = [";".join(str(label) for label in model.classes_[row]) for row in members]
    write_table(result, arguments.output)
    if not arguments.quiet:
        print(f"{len(result)} rows -> {arguments.output}")
