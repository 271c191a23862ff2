"""Build the report: test, explain, summarise, write."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.frozen import FrozenEstimator

from cardiorisk._optional import require
from cardiorisk.evaluation import EvaluationResult, checklist
from cardiorisk.evaluation.checklist import leakage_words
from cardiorisk.explain.conformal import ConformalClassifier
from cardiorisk.explain.report.cohort import summarise_cohort
from cardiorisk.explain.report.html import to_html
from cardiorisk.explain.report.inputs import Effort, ReportInputs, prepare_inputs
from cardiorisk.explain.report.methods import describe_methods, describe_provenance
from cardiorisk.explain.report.patients import choose_patients, summarise_patient
from cardiorisk.explain.report.performance import summarise_performance
from cardiorisk.explain.report.prototypes import check_prototypes, match_prototypes
from cardiorisk.explain.report.reasons import summarise_reasons
from cardiorisk.explain.report.refits import refit_resampled
from cardiorisk.explain.report.summary import CohortSummary, Outcome, PatientSummary, ReportSummary
from cardiorisk.explain.report.unseen import ROUGH, Unseen, explained_points, predict_unseen
from cardiorisk.records import ECGRecord, Variable

__all__ = ["Report", "build_report"]

MAX_EXPLAINED = 240
EXPLAINED_CELLS = 4000  # rows times columns: wide tables get fewer explained rows
N_STAGES = 4


@dataclass(frozen=True, eq=False)
class Report:
    """A finished report.

    Parameters
    ----------
    summary : ReportSummary
        Everything that it says, as data.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> X, y = load_breast_cancer(return_X_y=True, as_frame=True)
    >>> report = build_report(
    ...     make_pipeline(StandardScaler(), LogisticRegression()),
    ...     X.iloc[:150, :3], y[:150], patients=1, n_refits=2, n_bootstraps=20,
    ... )
    >>> "Research use only" in report.html
    True
    """

    summary: ReportSummary

    @cached_property
    def html(self) -> str:
        """The report as one self-contained HTML document."""
        return to_html(self.summary)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the report to a file.

        Parameters
        ----------
        path : path-like
            Usually ending in ``.html``. An existing file is replaced.
        """
        Path(path).write_text(self.html, encoding="utf-8")

    def _repr_html_(self) -> str:
        escaped = require("markupsafe").escape(self.html)
        style = "width:100%;height:40rem;border:1px solid #8C959F"
        return f'<iframe title="cardiorisk report" style="{style}" srcdoc="{escaped}"></iframe>'

    def __repr__(self) -> str:
        cohort, n_pages = self.summary.cohort, len(self.summary.patients)
        return (
            f"Report({self.summary.title!r}: {cohort.n} rows, {cohort.n_events} with the outcome, "
            f"{n_pages} patient page{'s' * (n_pages != 1)})"
        )


def build_report(
    model: Any,
    X: Any,
    y: Any,
    *,
    evaluation: EvaluationResult | None = None,
    cv: Any = None,
    groups: Any = None,
    sites: Any = None,
    subgroups: Mapping[str, Any] | pd.DataFrame | None = None,
    schema: Mapping[str, Variable] | None = None,
    outcome: Outcome | str | None = None,
    population: str | None = None,
    title: str | None = None,
    patients: int | Sequence[int] = 3,
    ecgs: Sequence[ECGRecord | None] | None = None,
    flow: pd.DataFrame | None = None,
    prototypes: Any = None,
    alpha: float = 0.1,
    n_refits: int = 20,
    n_bootstraps: int = 1000,
    methods: Mapping[int, str] | None = None,
    pos_label: Any = None,
    day: date | None = None,
    n_jobs: int | None = None,
    random_state: int = 0,
    verbose: bool = False,
) -> Report:
    """Test a model on people that it did not see, explain it, and write it down for clinicians.

    Every figure, risk and reason in the report comes from models that did not see the person:
    the model is cloned and fitted anew, whether it came fitted or not.

    Parameters
    ----------
    model : classifier with ``predict_proba``, or Pipeline
        Not changed. A :class:`~cardiorisk.explain.ConformalClassifier` stands for the model inside
        it: the report makes and tests its own sets. With ECG records as ``X``, a Pipeline that
        starts with :class:`~cardiorisk.features.ECGFeatures`, which measures each ECG once.
    X : DataFrame of shape (n, k), array of shape (n, k), sequence of ECGRecord, or histories
        Of :class:`~cardiorisk.records.PatientHistories` the report shows when each of the 40 most
        frequent codes was last recorded; codes of fewer than 5 people are never named. Reasons
        are Shapley values of codes, whatever the model.
    y : array-like of shape (n,)
        Labels of two classes.
    evaluation : EvaluationResult, optional
        Of the same model, rows and labels, made with ``return_models=True``. None evaluates here.
    cv : as in :func:`~cardiorisk.evaluation.evaluate`, optional
        Used where ``evaluation`` is None.
    groups : array-like of shape (n,), optional
        The patient of each row, kept whole when splitting and resampling.
    sites : array-like of shape (n,), optional
        The hospital of each row: adds results by site and with each site left out.
    subgroups : DataFrame or mapping of str to array-like, optional
        One column a grouping. None takes sex, age band and site where they are found.
    schema : mapping of str to Variable, optional
        Words, units and limits of the columns. ECG features are known.
    outcome : Outcome or str, optional
        What is estimated; a str is a statement such as ``"coronary disease is present"``.
    population : str, optional
        In whom; fills an :class:`Outcome` that does not say it.
    title : str, optional
    patients : int or sequence of int, default=3
        Number of patient pages, spread from low to high risk, or row positions.
    ecgs : sequence of (ECGRecord or None), optional
        The ECG of each row. ECG records as ``X`` stand for themselves.
    prototypes : fitted ProtoECGNetClassifier, or model that ends in one, optional
        Shows on each patient page which training windows the ECG resembles, by
        ``explain(prototypes, ecg, method="prototype")``. It is not refitted: fit it on other
        people. Its drawings show pieces of training ECGs, without names.
    flow : DataFrame, optional
        How the people were chosen, see :class:`~cardiorisk.features.Cohort`.
    alpha : float, default=0.1
        Share of conformal answers that may be wrong.
    n_refits : int, default=20
        Refits on resampled people behind each person's range; 0 gives no range.
    n_bootstraps : int, default=1000
        Resamples behind each interval.
    methods : mapping of int to str, optional
        Texts for items of the TRIPOD+AI list, 1 to 27, that only you can know.
    pos_label : object, optional
        The class that is the outcome; the second in sorted order unless given.
    day : date, optional
        Printed date; today unless given.
    n_jobs : int, optional
        Folds and refits fitted at the same time. The result does not depend on it.
    random_state : int, default=0
        Of splits, resamples and shuffles.
    verbose : bool, default=False
        Whether to show progress.

    Returns
    -------
    Report

    Raises
    ------
    TypeError
        ``prototypes`` is no network of prototypes.
    ValueError
        The rows, labels, ECGs, patients or the evaluation do not fit together.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.datasets import make_classification
    >>> X, y = make_classification(200, 4, random_state=0)
    >>> build_report(LogisticRegression(), X, y, patients=1, n_refits=2, n_bootstraps=20)
    Report('Risk report': 200 rows, 100 with the outcome, 1 patient page)
    """
    check_prototypes(prototypes)
    rows = {"groups": groups, "sites": sites, "ecgs": ecgs}
    inputs = prepare_inputs(_recipe(model), X, y, **rows, schema=schema, pos_label=pos_label)
    effort = Effort(n_bootstraps, n_refits, n_jobs, random_state, verbose)
    name, stated = title or "Risk report", _as_outcome(outcome, population)
    with require("tqdm").tqdm(total=N_STAGES, desc="report", disable=not verbose) as bar:
        bar.set_postfix_str("testing on unseen people")
        unseen = predict_unseen(inputs, evaluation, cv, effort)
        chosen = choose_patients(patients, inputs, unseen)
        cohort = replace(summarise_cohort(inputs), flow=_flow_words(flow))
        _next(bar, "performance")
        performance, sets = summarise_performance(inputs, unseen, alpha, subgroups, effort)
        _next(bar, "reasons")
        sample = _sample(inputs, unseen, random_state)
        explained = explained_points(inputs, unseen, sample, random_state, 1, ROUGH)
        reasons = summarise_reasons(inputs, unseen, explained, random_state)
        _next(bar, "patients")
        people = _summarise_patients(chosen, inputs, unseen, cohort, sets, effort, prototypes)
        filled = checklist(
            unseen.result,
            X=inputs.table,
            model=inputs.model,
            subgroups=performance.subgroups if len(performance.subgroups) else None,
            calibration=performance.calibration,
            decision=performance.decision,
            leakage=leakage_words(unseen.result, guarded=evaluation is None),
        )
        _next(bar, "done")
    return Report(
        ReportSummary(
            title=name,
            outcome=stated,
            cohort=cohort,
            performance=performance,
            reasons=reasons,
            patients=people,
            methods=describe_methods(
                name, stated, inputs, cohort, performance, n_bootstraps, methods, filled
            ),
            checklist=filled,
            provenance=describe_provenance(inputs, random_state, day),
        )
    )


def _recipe(model: Any) -> Any:
    """Unwrap the model that can be fitted anew from its sets and from being frozen."""
    while isinstance(model, ConformalClassifier | FrozenEstimator):
        model = model.estimator
    return model


def _flow_words(flow: pd.DataFrame | None) -> tuple[tuple[str, str], ...]:
    """Words and count of each step; who was left out is said to be."""
    if flow is None:
        return ()
    prefix = {"left out": "left out: ", "note": "note: "}
    return tuple(
        (
            prefix.get(row.kind, "") + row.step,
            "" if pd.isna(row.patients) else f"{row.patients:,}",
        )
        for row in flow.itertuples(index=False)
    )


def _next(bar: Any, stage: str) -> None:
    bar.update()
    bar.set_postfix_str(stage)


def _as_outcome(outcome: Outcome | str | None, population: str | None) -> Outcome:
    if isinstance(outcome, Outcome):
        if population is None or outcome.population:
            return outcome
        return Outcome(**{**vars(outcome), "population": population})
    statement = outcome or "the outcome is present"
    return Outcome("the outcome", statement=statement, population=population or "")


def _sample(inputs: ReportInputs, unseen: Unseen, random_state: int) -> npt.NDArray[np.intp]:
    """Draw tested people for the picture of the cohort's reasons, in increasing order."""
    tested = np.flatnonzero(unseen.result.fold[0] >= 0)
    count = min(MAX_EXPLAINED, max(EXPLAINED_CELLS // inputs.table.shape[1], 60))
    return np.sort(np.random.RandomState(random_state).permutation(tested)[:count])


def _summarise_patients(
    rows: npt.NDArray[np.intp],
    inputs: ReportInputs,
    unseen: Unseen,
    cohort: CohortSummary,
    sets: npt.NDArray[np.bool_],
    effort: Effort,
    prototypes: Any,
) -> tuple[PatientSummary, ...]:
    if not len(rows):
        return ()
    explained = explained_points(inputs, unseen, np.sort(rows), effort.random_state)
    refits = refit_resampled(inputs, rows, effort)
    people = (
        summarise_patient(place, int(row), inputs, unseen, explained, refits, cohort, sets[row])
        for place, row in enumerate(rows)
    )
    return tuple(replace(one, matches=match_prototypes(prototypes, one.ecg)) for one in people)
