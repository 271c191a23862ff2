"""Everything that must come from models that did not see the person."""

import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.base import clone

from cardiorisk.evaluation import EvaluationResult, evaluate
from cardiorisk.evaluation.protocols import DEFAULT_FOLDS
from cardiorisk.explain.attribution.dispatch import explain
from cardiorisk.explain.attribution.histories import shapley_of_codes
from cardiorisk.explain.conformal.classifier import ConformalClassifier
from cardiorisk.explain.report.inputs import Effort, ReportInputs, tabular_part

__all__ = [
    "Points",
    "Unseen",
    "conformal_sets",
    "explained_points",
    "leave_sites_out",
    "predict_unseen",
]

FEW_ROWS = 500  # below, conformal calibration reuses all rows by cross-fitting

# How many people and column orders stand behind a reason of a model that has no exact route: a
# cohort's picture averages hundreds of rows, a patient's page stands for itself.
ROUGH: Mapping[str, Any] = {"n_background": 50, "n_permutations": 2}
FINE: Mapping[str, Any] = {"n_background": 1000, "n_permutations": None}
CODES_BACKGROUND = 200  # at most so many people that a history is recombined with


@dataclass(frozen=True, eq=False)
class Unseen:
    """Out-of-fold predictions and the models that made them.

    Parameters
    ----------
    result : EvaluationResult
    models : tuple
        One a fold, working on the table.
    """

    result: EvaluationResult
    models: tuple[Any, ...]

    @property
    def risk(self) -> npt.NDArray[np.float64]:
        """Out-of-fold risk, shape (n,)."""
        return self.result.risk

    def folds(self, repeat: int = 0) -> Iterator[tuple[Any, npt.NDArray[np.intp]]]:
        """Yield each model of a repeat with the rows that it was tested on."""
        fold = self.result.fold[repeat]
        for number in np.unique(fold[fold >= 0]):
            yield self.models[number], np.flatnonzero(fold == number)


@dataclass(frozen=True, eq=False)
class Points:
    """Effects of each column on the risk, in points per 100.

    Parameters
    ----------
    rows : ndarray of int, shape (m,)
    values : ndarray of float, shape (m, k)
    base : ndarray of float, shape (m,)
        Average risk, per 100, that the effects start from.
    method : str
    """

    rows: npt.NDArray[np.intp]
    values: npt.NDArray[np.float64]
    base: npt.NDArray[np.float64]
    method: str


def predict_unseen(
    inputs: ReportInputs,
    evaluation: EvaluationResult | None,
    cv: Any,
    effort: Effort,
) -> Unseen:
    """Cross-validate the model, or take the evaluation that the user already has.

    Raises
    ------
    ValueError
        The evaluation is of other rows, has another positive class, or kept no models.
    """
    if evaluation is None:
        evaluation = evaluate(
            inputs.model,
            inputs.X,
            inputs.y,
            groups=inputs.groups,
            cv=DEFAULT_FOLDS if cv is None else cv,  # a model may come fitted, and folds are meant
            n_bootstraps=effort.n_bootstraps,
            pos_label=inputs.pos_label,
            return_models=True,
            n_jobs=effort.n_jobs,
            random_state=effort.random_state,
        )
        return Unseen(evaluation, evaluation.models)
    if len(evaluation.y) != len(inputs.y) or not np.array_equal(evaluation.outcome, inputs.events):
        raise ValueError("Got an evaluation of other rows or labels than X and y.")
    if not evaluation.models:
        raise ValueError(
            "Got an evaluation without models, but reasons need them: call evaluate(..., "
            "return_models=True)."
        )
    parts = [tabular_part(model) for model in evaluation.models]
    models = [m if part is None else part for m, part in zip(evaluation.models, parts, strict=True)]
    return Unseen(evaluation, tuple(models))


def leave_sites_out(inputs: ReportInputs, effort: Effort) -> pd.DataFrame | None:
    """Test the model on each site that it never saw; None without two sites."""
    if inputs.sites is None or len(np.unique(inputs.sites)) < 2:
        return None
    result = evaluate(
        inputs.model,
        inputs.X,
        inputs.y,
        groups=inputs.sites,
        cv="leave-one-site-out",
        n_bootstraps=effort.n_bootstraps,
        pos_label=inputs.pos_label,
        n_jobs=effort.n_jobs,
        random_state=effort.random_state,
    )
    return result.per_fold


def conformal_sets(
    inputs: ReportInputs, unseen: Unseen, alpha: float, random_state: int
) -> npt.NDArray[np.bool_]:
    """Conformal sets of people that neither the model nor its calibration saw.

    In each fold a class-conditional conformal classifier is trained and calibrated on the other
    folds.

    Returns
    -------
    sets : ndarray of bool, shape (n, 2)
        Whether "no" and "yes" cannot be ruled out; both False for an untested row as well.
    """
    sets = np.zeros((len(inputs.y), 2), dtype=bool)
    conformal = ConformalClassifier(
        inputs.model,
        alpha=alpha,
        cv=5 if len(inputs.y) < FEW_ROWS else None,
        random_state=random_state,
    )
    for _, test in unseen.folds():
        train = np.setdiff1d(np.arange(len(inputs.y)), test)
        groups = None if inputs.groups is None else inputs.groups[train]
        with warnings.catch_warnings():  # a class too small to calibrate gets full sets: counted
            warnings.simplefilter("ignore")
            fitted = clone(conformal).fit(inputs.take(train), inputs.y[train], groups)
            answer = fitted.predict_set(inputs.take(test))
        yes = int(np.flatnonzero(fitted.classes_ == inputs.pos_label)[0])
        sets[test] = np.stack([answer[:, 1 - yes], answer[:, yes]], axis=1)
    return sets


def explained_points(
    inputs: ReportInputs,
    unseen: Unseen,
    rows: npt.NDArray[np.intp],
    random_state: int,
    repeats: int | None = None,
    accuracy: Mapping[str, Any] = FINE,
) -> Points:
    """Explain rows by the models that did not see them, mean over repeats.

    Parameters
    ----------
    rows : ndarray of int
        Tested rows, in increasing order.
    repeats : int, optional
        How many repeats to average; all of them unless given.
    accuracy : mapping
        ``FINE`` for a patient's page, ``ROUGH`` for a cohort's picture.
    """
    position = {row: place for place, row in enumerate(rows)}
    shape = (len(rows), inputs.table.shape[1])
    values, base, counts = np.zeros(shape), np.zeros(len(rows)), np.zeros(len(rows))
    method = ""
    for repeat in range(unseen.result.n_repeats if repeats is None else repeats):
        for model, test in unseen.folds(repeat):
            chosen = np.intersect1d(test, rows)
            if not len(chosen):
                continue
            train = np.setdiff1d(np.arange(len(inputs.y)), test)
            reasons = explain_rows(inputs, model, chosen, train, random_state, accuracy)
            places = [position[row] for row in chosen]
            values[places] += 100 * reasons.values
            base[places] += 100 * reasons.base_values
            counts[places] += 1
            method = reasons.method
    counts = np.maximum(counts, 1)
    return Points(rows, values / counts[:, None], base / counts, method)


def explain_rows(
    inputs: ReportInputs,
    model: Any,
    rows: npt.NDArray[np.intp],
    train: npt.NDArray[np.intp],
    random_state: int,
    accuracy: Mapping[str, Any] = ROUGH,
) -> Any:
    """Explain rows of the table in probability, against a sample of the training rows."""
    random = np.random.RandomState(random_state)
    sample = np.sort(random.permutation(train)[: accuracy["n_background"]])
    if inputs.histories is not None and inputs.codes is not None:
        return shapley_of_codes(
            model,
            inputs.histories[rows],
            inputs.histories[sample],
            inputs.codes.column_of_code,
            target=inputs.pos_label,
            n_background=min(accuracy["n_background"], CODES_BACKGROUND),
            random_state=random_state,
        )
    return explain(
        model,
        inputs.table.iloc[rows],
        background=inputs.table.iloc[sample],
        target=inputs.pos_label,
        output="probability",
        **accuracy,
        random_state=random_state,
    )
