"""``cardiorisk demo``: the whole default job on the packaged table and on simulated ECGs."""

import argparse
import warnings
from pathlib import Path
from typing import Any

from cardiorisk.cli.numbers import MOST_SEED, whole
from cardiorisk.exceptions import LeakageWarning

__all__ = ["add_verbs"]

N_RECORDS = 120
N_REFITS = 10  # half the report's default: the demo shows the page, it is nobody's estimate
N_JOBS = 2
WIDE_QRS = ("left bundle branch block", "right bundle branch block", "wide-QRS tachycardia")


def add_verbs(verbs: Any, shared: argparse.ArgumentParser) -> None:
    """Add the verb to the command line."""
    parser = verbs.add_parser(
        "demo",
        parents=[shared],
        help="make a report from the packaged table and one from simulated ECGs",
        description="Evaluate, explain and report CardioForest on the packaged heart-disease "
        "table (four centres, 920 patients) and on simulated twelve-lead ECGs.",
    )
    parser.add_argument("--output", type=Path, default=Path("demo"), metavar="DIR")
    parser.add_argument("--seed", type=whole(0, MOST_SEED), default=0)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Write both reports and the fitted model."""
    arguments.output.mkdir(parents=True, exist_ok=True)
    written = [*_heart_disease(arguments), *_simulated_ecgs(arguments)]
    if not arguments.quiet:
        print("\n".join(f"wrote {path}" for path in written))


def _heart_disease(arguments: argparse.Namespace) -> list[Path]:
    from sklearn.pipeline import make_pipeline

    import cardiorisk
    from cardiorisk.datasets import load_heart_disease
    from cardiorisk.estimators import CardioForestClassifier
    from cardiorisk.explain import Outcome, build_report
    from cardiorisk.features import ClinicalTable

    table = load_heart_disease()
    model = make_pipeline(
        ClinicalTable(schema=table.schema), CardioForestClassifier(random_state=arguments.seed)
    )
    report = build_report(
        model,
        table.data,
        table.target,
        sites=table.groups,
        schema=table.schema,
        outcome=Outcome(
            "coronary disease",
            "is present at angiography",
            population="adults referred for coronary angiography",
        ),
        title="Heart disease in four centres",
        n_refits=N_REFITS,
        n_jobs=N_JOBS,
        random_state=arguments.seed,
        verbose=not arguments.quiet,
    )
    path: Path = arguments.output / "heart_disease.html"
    report.save(path)
    model.fit(table.data, table.target)
    file: Path = arguments.output / "heart_disease.cardiorisk"
    cardiorisk.save(model, file)
    return [path, file]


def _simulated_ecgs(arguments: argparse.Namespace) -> list[Path]:
    from cardiorisk.datasets import make_ecg
    from cardiorisk.estimators import CardioForestClassifier
    from cardiorisk.explain import Outcome, build_report, plot_ecg
    from cardiorisk.features import ECGFeatures, delineate

    ecgs = make_ecg(N_RECORDS, noise=0.02, baseline_wander=0.1, random_state=arguments.seed)
    engine = ECGFeatures(
        sampling_rate=ecgs.sampling_rate, n_jobs=N_JOBS, verbose=0 if arguments.quiet else 1
    ).set_output(transform="pandas")
    features = engine.fit_transform(ecgs.data)
    wide = [label in WIDE_QRS for label in ecgs.target]
    with warnings.catch_warnings():
        # What was simulated follows from its own measurements: the report's notes say so.
        warnings.simplefilter("ignore", LeakageWarning)
        report = build_report(
            CardioForestClassifier(random_state=arguments.seed),
            features,
            wide,
            ecgs=ecgs.records,
            outcome=Outcome("a wide QRS complex", population="simulated ECGs, not patients"),
            title="Wide QRS in simulated ECGs",
            n_refits=N_REFITS,
            n_jobs=N_JOBS,
            random_state=arguments.seed,
            verbose=not arguments.quiet,
        )
    path: Path = arguments.output / "simulated_ecg.html"
    report.save(path)
    picture = arguments.output / "simulated_ecg.png"
    record = ecgs.records[wide.index(True)]
    marks = delineate(record.signal, record.sampling_rate, record.lead_names)
    plot_ecg(record, marks=marks).figure.savefig(picture, dpi=120)
    return [path, picture]
