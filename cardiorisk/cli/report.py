"""``cardiorisk report``: a model file and a labelled table in, an HTML report out."""

import argparse
from pathlib import Path
from typing import Any

import pandas as pd

from cardiorisk.cli.numbers import MANY, MOST_SEED, jobs, whole
from cardiorisk.cli.tables import check_writable, model_columns, read_table, take_column
from cardiorisk.exceptions import TableError

__all__ = ["add_verbs"]


def add_verbs(verbs: Any, shared: argparse.ArgumentParser) -> None:
    """Add the verb to the command line."""
    parser = verbs.add_parser(
        "report",
        parents=[shared],
        help="write the report of a model on a labelled table",
        description="Cross-validate the model's recipe on the table and report performance, "
        "reasons and patients in one self-contained HTML file.",
    )
    parser.add_argument("model", type=Path, metavar="MODEL", help="model file of cardiorisk fit")
    parser.add_argument("table", type=Path, metavar="TABLE", help=".csv or .tsv with the outcome")
    parser.add_argument("--target", required=True, help="the outcome's column")
    parser.add_argument("--output", type=Path, required=True, metavar="HTML")
    parser.add_argument("--group", help="the patient's column: its rows are kept together")
    parser.add_argument("--site", help="the hospital's column")
    parser.add_argument("--schema", type=Path, help="TOML file with labels, units and limits")
    parser.add_argument("--outcome", help="the outcome in words")
    parser.add_argument("--population", help="the population in words")
    parser.add_argument("--ecg", type=Path, help="folder with the ECG of each row's record_id")
    parser.add_argument("--title", help="the report's title")
    parser.add_argument("--n-jobs", type=jobs, default=None, help="parallel fits (default 1)")
    parser.add_argument(
        "--patients", type=whole(0, MANY), default=3, help="number of patient pages"
    )
    parser.add_argument("--seed", type=whole(0, MOST_SEED), default=0)
    parser.set_defaults(run=run)


def _ecgs_of(table: pd.DataFrame, folder: Path, verbose: bool) -> list[Any]:
    """Find each row's ECG by its record_id; a row without one gets None."""
    from cardiorisk.io import read_ecgs

    wanted = take_column(table, "record_id").astype(str)
    found = {record.record_id: record for record in read_ecgs(folder, verbose=verbose).records}
    ecgs = [found.get(record_id) for record_id in wanted]
    if not any(ecg is not None for ecg in ecgs):
        raise TableError(f"No record of {folder} has a record_id of the table.")
    return ecgs


def _schema_of(model: Any) -> Any:
    """Find the schema that the model was fitted with; None where it had none."""
    from cardiorisk.features import ClinicalTable

    while hasattr(model, "estimator"):
        model = model.estimator
    steps = getattr(model, "named_steps", {}).values()
    return next((step.schema for step in steps if isinstance(step, ClinicalTable)), None)


def run(arguments: argparse.Namespace) -> None:
    """Load, evaluate, explain, write."""
    import cardiorisk
    from cardiorisk.explain import build_report
    from cardiorisk.io import read_schema

    check_writable(arguments.output, is_table=False)
    model = cardiorisk.load(arguments.model)
    table = read_table(arguments.table)
    y = take_column(table, arguments.target)
    X = model_columns(model, table)

    def column(name: str | None) -> pd.Series | None:
        return None if name is None else take_column(table, name)

    report = build_report(
        model,
        X,
        y,
        groups=column(arguments.group),
        sites=column(arguments.site),
        schema=_schema_of(model) if arguments.schema is None else read_schema(arguments.schema),
        outcome=arguments.outcome,
        population=arguments.population,
        title=arguments.title,
        patients=arguments.patients,
        ecgs=None if arguments.ecg is None else _ecgs_of(table, arguments.ecg, not arguments.quiet),
        n_jobs=arguments.n_jobs,
        random_state=arguments.seed,
        verbose=not arguments.quiet,
    )
    report.save(arguments.output)
    if not arguments.quiet:
        print(f"report -> {arguments.output}")
