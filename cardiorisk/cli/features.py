"""``cardiorisk features``: ECG files in, a table of named features out."""

import argparse
from errno import ENOENT
from pathlib import Path
from typing import Any

from cardiorisk.cli.numbers import jobs
from cardiorisk.cli.tables import check_writable, write_table

__all__ = ["add_verbs"]


def add_verbs(verbs: Any, shared: argparse.ArgumentParser) -> None:
    """Add the verb to the command line."""
    parser = verbs.add_parser(
        "features",
        parents=[shared],
        help="measure the ECG files of a folder",
        description="Measure ECG files (WFDB, DICOM, EDF, XML, SCP). One row a record, with its "
        "identifiers and flags; files that could not be read go to FILE.failures.csv.",
    )
    parser.add_argument("path", type=Path, metavar="PATH", help="a file or a folder of files")
    parser.add_argument("--output", type=Path, required=True, metavar="FILE", help=".csv or .tsv")
    parser.add_argument("--groups", default="all", help="feature groups, separated by commas")
    parser.add_argument(
        "--record-is-subject",
        action="store_true",
        help="each record is another patient: fill subject_id, which many files lack, from it",
    )
    parser.add_argument("--n-jobs", type=jobs, default=None, help="parallel workers (default 1)")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Read, measure, write."""
    import pandas as pd

    from cardiorisk.features import ECGFeatures
    from cardiorisk.io import read_ecgs

    if not arguments.path.exists() and not arguments.path.with_suffix(".hea").exists():
        raise FileNotFoundError(ENOENT, "no such record or folder", str(arguments.path))
    check_writable(arguments.output)
    groups = arguments.groups if arguments.groups == "all" else arguments.groups.split(",")
    engine = ECGFeatures(
        groups=groups, n_jobs=arguments.n_jobs, verbose=0 if arguments.quiet else 1
    ).set_output(transform="pandas")
    engine.get_feature_names_out()  # an unknown group is told before files are read
    batch = read_ecgs(
        arguments.path,
        subject_id=_record_id if arguments.record_is_subject else None,
        verbose=not arguments.quiet,
    )
    records = list(batch.records)
    if not records:
        raise ValueError(
            f"None of the {len(batch.failures)} files of {arguments.path} is readable."
        )
    table = engine.fit(records).transform(records).reset_index(drop=True)
    flags = engine.flags(records)
    reasons = flags.groupby("record", sort=False)["code"].agg(";".join)
    identifiers = pd.DataFrame(
        {
            "record_id": [record.record_id for record in records],
            "subject_id": [record.subject_id for record in records],
            "flags": [reasons.get(row, "") for row in range(len(records))],
        }
    )
    write_table(pd.concat([identifiers, table], axis=1), arguments.output)
    if len(batch.failures):
        failures = arguments.output.with_suffix(".failures.csv")
        write_table(batch.failures, failures)
    if not arguments.quiet:
        flagged = sum(bool(codes) for codes in identifiers["flags"])
        print(
            f"{len(table)} records, {flagged} of them flagged, {len(batch.failures)} failures "
            f"-> {arguments.output}"
        )


def _record_id(record: Any) -> str:
    return str(record.record_id)
