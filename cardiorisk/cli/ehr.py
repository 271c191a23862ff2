"""``cardiorisk ehr hf``: a hospital's tables in, a report on heart failure out."""

import argparse
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from cardiorisk.cli.numbers import MANY, MOST_SEED, from_to, jobs, whole
from cardiorisk.cli.tables import check_writable, write_table
from cardiorisk.exceptions import TableError

__all__ = ["add_verbs"]

SOURCES = ("synthea", "mimic-iv", "mimic-iii", "omop", "meds", "fhir")
GROUPINGS = ("none", "ccs", "ccsr", "icd9", "icd10")
MIN_CASES = 5  # one a fold
FEW_CASES = 50
FOLDS = 5
MOST_DAYS = 36_525  # a century
PENALTIES = tuple(10.0**power for power in range(-3, 4))


def add_verbs(verbs: Any, shared: argparse.ArgumentParser) -> None:
    """Add the verb to the command line."""
    ehr = verbs.add_parser("ehr", help="predict from a hospital's tables of codes")
    topics = ehr.add_subparsers(dest="topic", metavar="TOPIC", required=True)
    parser = topics.add_parser(
        "hf",
        parents=[shared],
        help="heart failure: cases, matched controls, concept embedding, report",
        description="Find patients with heart failure and matched controls, test a concept "
        "embedding against plain counts in grouped cross-validation, and report it in one HTML "
        "file that holds no identifiers.",
    )
    parser.add_argument("path", type=Path, metavar="PATH", help="folder with the tables")
    parser.add_argument("--source", choices=SOURCES, required=True, help="form of the tables")
    parser.add_argument("--output", type=Path, required=True, metavar="HTML")
    parser.add_argument("--comparison", type=Path, metavar="CSV", help="write the comparison, too")
    parser.add_argument("--group-by", choices=GROUPINGS, default="none", help="groups of codes")
    parser.add_argument(
        "--controls", type=whole(1, MANY), default=10, help="controls a case (default 10)"
    )
    parser.add_argument(
        "--age-band", type=from_to(0.01, 150), default=5.0, help="years (default 5)"
    )
    parser.add_argument(
        "--window", type=whole(1, MOST_DAYS), help="days that are looked back (default all)"
    )
    parser.add_argument(
        "--gap", type=whole(0, MOST_DAYS), default=0, help="days before the index day (default 0)"
    )
    parser.add_argument("--min-events", type=whole(0), default=1, help="visible events (default 1)")
    parser.add_argument("--vector-size", type=whole(1), default=100, help="of the embedding")
    parser.add_argument(
        "--each-code-once",
        action="store_true",
        help="pool codes by presence, not by events a visit: for histories of one or two visits",
    )
    parser.add_argument("--no-comparison", action="store_true", help="only the embedding")
    parser.add_argument(
        "--patients", type=whole(0, MANY), default=3, help="number of patient pages"
    )
    parser.add_argument(
        "--refits", type=whole(0, MANY), default=20, help="behind each person's range"
    )
    parser.add_argument("--n-jobs", type=jobs, default=None, help="parallel fits (default 1)")
    parser.add_argument("--seed", type=whole(0, MOST_SEED), default=0)
    parser.set_defaults(run=run)


def _reader(source: str) -> Callable[[Path], Any]:
    from cardiorisk import io

    return {
        "synthea": io.read_synthea,
        "mimic-iv": io.read_mimic_iv,
        "mimic-iii": io.read_mimic_iii,
        "omop": io.read_omop,
        "meds": io.read_meds,
        "fhir": io.read_fhir,
    }[source]


def run(arguments: argparse.Namespace) -> None:
    """Read, choose, compare, report."""
    from cardiorisk.features import HEART_FAILURE, build_cohort
    from cardiorisk.io import group_codes

    check_writable(arguments.output, is_table=False)
    if arguments.comparison is not None:
        check_writable(arguments.comparison)
    histories = _reader(arguments.source)(arguments.path)
    _say(arguments, f"read {histories!r}", _indented(histories.reading))
    if arguments.group_by != "none":
        histories = group_codes(histories, arguments.group_by)
    cohort = build_cohort(
        histories,
        HEART_FAILURE,
        controls_per_case=arguments.controls,
        age_band=arguments.age_band,
        observation_window=arguments.window,
        gap=arguments.gap,
        min_events=arguments.min_events,
        random_state=arguments.seed,
    )
    _say(arguments, f"{cohort!r}", _indented(cohort.flow))
    if (n_cases := int(cohort.y.sum())) < MIN_CASES:
        raise TableError(
            f"Got {n_cases} cases of heart failure with a history before it, but testing in "
            f"{FOLDS} folds needs {MIN_CASES}."
        )
    if n_cases < FEW_CASES:
        _say(arguments, f"Only {n_cases} cases: this shows that the steps work, not how well.")
    results = {}
    for name, model in _models(arguments, histories, cohort):
        results[name] = _evaluate(model, cohort, arguments)
    table = _comparison(results)
    _say(arguments, f"{FOLDS}-fold cross-validation by matched set:", _indented(table))
    if arguments.comparison is not None:
        write_table(table, arguments.comparison)
    name, model = next(_models(arguments, histories, cohort))
    _report(model, results[name], cohort, arguments)


def _say(arguments: argparse.Namespace, *lines: str) -> None:
    if not arguments.quiet:
        print("\n".join(lines), flush=True)


def _indented(table: pd.DataFrame) -> str:
    text = table.astype(object).where(table.notna(), "").to_string(index=False)
    return "\n".join(f"  {line}" for line in text.splitlines())


def _models(arguments: argparse.Namespace, histories: Any, cohort: Any) -> Iterator[Any]:
    """Name and recipe of each model; the first is the one that is reported."""
    import numpy as np
    from sklearn.base import clone
    from sklearn.frozen import FrozenEstimator

    from cardiorisk.estimators import ConceptHFClassifier
    from cardiorisk.features import ConceptCounts, ConceptEmbedding

    seed = arguments.seed
    learned = ConceptEmbedding(vector_size=arguments.vector_size, random_state=seed)
    if arguments.each_code_once:
        learned.set_params(pooling="sum", binary=True)
    yield "embedding", ConceptHFClassifier(embedding=learned, random_state=seed)
    if arguments.no_comparison:
        return
    others = histories[np.setdiff1d(np.arange(len(histories)), cohort.rows)]
    if len(others.codes):
        frozen = FrozenEstimator(clone(learned).fit(others))
        recipe = ConceptHFClassifier(embedding=frozen, random_state=seed)
        yield "embedding of patients outside the cohort", recipe
    chance = clone(learned).set_params(algorithm="random")
    yield "random vectors", ConceptHFClassifier(embedding=chance, random_state=seed)
    yield "one-hot codes", _linear(ConceptCounts(kind="presence"))
    yield "one-hot codes, events a visit", _linear(ConceptCounts(kind="rate"))
    yield "counts of codes", _linear(ConceptCounts(kind="log"))
    if mapping := _ccs(histories):
        yield "CCS groups", _linear(ConceptCounts(kind="log", mapping=mapping))


def _linear(counts: Any) -> Any:
    """Logistic regression on counts; its penalty is chosen inside each training part."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GridSearchCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import MaxAbsScaler

    search = GridSearchCV(
        LogisticRegression(max_iter=2000), {"C": PENALTIES}, scoring="neg_log_loss", cv=FOLDS
    )
    return make_pipeline(counts, MaxAbsScaler(), search)


def _ccs(histories: Any) -> dict[str, str]:
    """Group of each ICD code; empty where there are none."""
    from cardiorisk.io import group_codes

    if not any(str(code).startswith(("ICD9CM//", "ICD10CM//")) for code in histories.vocabulary):
        return {}
    one_each = type(histories).from_events(
        pd.DataFrame({"subject_id": 0, "time": "2000-01-01", "code": histories.vocabulary})
    )
    grouped = group_codes(one_each, "ccs")
    groups = grouped.vocabulary[grouped.codes].tolist()
    return dict(zip(one_each.vocabulary[one_each.codes].tolist(), groups, strict=True))


def _evaluate(model: Any, cohort: Any, arguments: argparse.Namespace) -> Any:
    from cardiorisk.evaluation import evaluate

    return evaluate(
        model,
        cohort.histories,
        cohort.y,
        groups=cohort.groups,
        cv=FOLDS,
        return_models=True,
        n_jobs=arguments.n_jobs,
        random_state=arguments.seed,
    )


def _comparison(results: dict[str, Any]) -> pd.DataFrame:
    rows = []
    for name, result in results.items():
        auroc, brier = result.metrics["auroc"], result.metrics["brier"]
        rows.append(
            {
                "representation": name,
                "auroc": round(auroc.estimate, 3),
                "low": round(auroc.low, 3),
                "high": round(auroc.high, 3),
                "brier": round(brier.estimate, 3),
            }
        )
    return pd.DataFrame(rows)


def _report(model: Any, result: Any, cohort: Any, arguments: argparse.Namespace) -> None:
    from cardiorisk.explain import Outcome, build_report

    days = arguments.gap + 1  # the index day begins when the gap is over
    share = round(100 * float(cohort.y.mean()))
    report = build_report(
        model,
        cohort.histories,
        cohort.y,
        evaluation=result,
        flow=cohort.flow,
        outcome=Outcome(
            "heart failure",
            "is first recorded",
            population=f"cases and matched controls, of whom {share} in 100 are cases by design",
            horizon=f"{days} day{'' if days == 1 else 's'}",
            not_for=("To say how common heart failure is: the share of cases was chosen.",),
        ),
        title=f"Heart failure from codes ({arguments.source})",
        patients=arguments.patients,
        n_refits=arguments.refits,
        n_jobs=arguments.n_jobs,
        random_state=arguments.seed,
        verbose=not arguments.quiet,
    )
    report.save(arguments.output)
    _say(arguments, f"report -> {arguments.output}")
