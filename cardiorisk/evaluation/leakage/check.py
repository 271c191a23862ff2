"""Run the guards, and warn."""

import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import _num_samples

from cardiorisk._validation import check_groups
from cardiorisk.evaluation.leakage.copies import calibration_overlap, copies_across_folds
from cardiorisk.evaluation.leakage.epochs import best_test_epoch
from cardiorisk.evaluation.leakage.finding import Finding, LeakageReport, NotChecked
from cardiorisk.evaluation.leakage.fitted import fitted_outside
from cardiorisk.evaluation.leakage.interpolation import interpolated_rows
from cardiorisk.evaluation.leakage.late_events import late_events
from cardiorisk.evaluation.leakage.patients import shared_patients
from cardiorisk.evaluation.leakage.prepared import prepared_columns
from cardiorisk.evaluation.leakage.rule_labels import rule_labels
from cardiorisk.evaluation.leakage.sites import missingness_by_site, site_and_outcome
from cardiorisk.evaluation.leakage.study import Study
from cardiorisk.evaluation.outcomes import check_labels
from cardiorisk.evaluation.protocols import Split, resolve_protocol
from cardiorisk.exceptions import LeakageWarning

__all__ = [
    "CHEAP",
    "GUARDS",
    "ON_ROWS",
    "check_leakage",
    "chosen_guards",
    "warn_of_label_leakage",
    "warn_of_leakage",
]

Guard = Callable[[Study], list[Finding]]

GUARDS: Mapping[str, Guard] = MappingProxyType(
    {
        guard.__name__: guard
        for guard in (
            rule_labels,
            shared_patients,
            copies_across_folds,
            interpolated_rows,
            prepared_columns,
            fitted_outside,
            calibration_overlap,
            missingness_by_site,
            site_and_outcome,
            late_events,
            best_test_epoch,
        )
    }
)
ON_ROWS = ("rule_labels", "late_events")  # they need no training part
ON_LABELS = ("rule_labels", "site_and_outcome")  # they are about one label
CHEAP = tuple(name for name in GUARDS if name not in ("fitted_outside", "best_test_epoch"))


def check_leakage(
    X: Any,
    y: Any = None,
    *,
    groups: Any = None,
    sites: Any = None,
    cv: Any = None,
    pos_label: Any = None,
    fitted: Any = (),
    calibration: Any = None,
    calibration_groups: Any = None,
    history: Mapping[str, Any] | None = None,
    chosen_epoch: int | None = None,
    prediction_times: Any = None,
    guards: str | Iterable[str] = "all",
    random_state: int = 0,
) -> LeakageReport:
    """Look for ways in which the test rows became known before the test.

    Parameters
    ----------
    X : DataFrame, array, sequence of ECGRecord, or PatientHistories
        What the model is given, as it is before the split.
    y : array-like of shape (n,), optional
        Labels.
    groups : array-like of shape (n,), optional
        The patient of each row.
    sites : array-like of shape (n,), optional
        The hospital or device of each row. Without it a column called site, centre, hospital or
        the like is taken.
    cv : None, int, str, splitter or iterable of (train, test), default=None
        The split, as for :func:`evaluate`. A split that shares rows or groups is reported, not
        refused.
    pos_label : object, optional
        The class of interest. None: the second of two; with more, each against the rest.
    fitted : transformer or sequence of transformers, optional
        Fitted transformers that made the features elsewhere. ``X`` is then what they were given.
        Steps that a :class:`~sklearn.frozen.FrozenEstimator` holds are among them; a Pipeline
        stands for its first step.
    calibration : DataFrame or array, optional
        Rows that calibrated the model or its conformal sets, while ``X`` trained it.
    calibration_groups : array-like, optional
        Their patients.
    history : mapping of str to array-like, optional
        ``"validation"`` and ``"test"``: a score for each epoch, higher is better.
    chosen_epoch : int, optional
        The epoch, from 0, whose model is reported. None: the best validation score.
    prediction_times : array-like of datetime, shape (n,), optional
        When each row is predicted, for columns of dates.
    guards : {"all", "cheap"} or iterable of str, default="all"
        Which guards run; the names are those of the table below.
    random_state : int, default=0
        Draws the rows in which rules and interpolations are searched.

    Returns
    -------
    report : LeakageReport
        Findings with evidence and remedy, guards that passed and guards that lacked something.

    Raises
    ------
    ValueError
        Lengths differ, a guard is unknown, or ``cv`` cannot be used.

    Notes
    -----
    ======================= ==================================================================
    guard                   finds
    ======================= ==================================================================
    ``rule_labels``         an outcome that is a rule on one or two columns, also with random
                            mistakes
    ``shared_patients``     a patient in training and in test
    ``copies_across_folds`` test rows that are training rows, value by value
    ``interpolated_rows``   SMOTE before the split
    ``prepared_columns``    scaling or PCA on all rows, by the exactness of its result
    ``fitted_outside``      a transformer that learned from all rows, by refitting it
    ``calibration_overlap`` calibration rows or patients that are in training
    ``missingness_by_site`` a column whose absence tells the site, where the split mixes sites
    ``site_and_outcome``    sites of different outcome, where the split mixes them
    ``late_events``         events or dates after the prediction
    ``best_test_epoch``     an epoch chosen by its test score
    ======================= ==================================================================

    "Cheap" is all but ``fitted_outside`` and ``best_test_epoch``, which need more than the data.

    A report without findings is no proof. The data do not show: features chosen on all rows, unless
    the selector is given as ``fitted``; a scaler or imputer fitted on all rows that left no exact
    trace (limits of 0 and 1 are none); copies that were changed slightly; patients without an
    identifier; a test set that was looked at often; copies in tables so coarse that people are
    alike by chance.

    Examples
    --------
    >>> import numpy as np
    >>> from cardiorisk.evaluation import check_leakage
    >>> rng = np.random.default_rng(0)
    >>> onset, end = rng.normal(180, 20, 500), rng.normal(280, 25, 500)
    >>> report = check_leakage(np.column_stack([onset, end]), end - onset > 120)
    >>> [finding.guard for finding in report]
    ['rule_labels']
    >>> report.findings[0].columns
    ('column 0', 'column 1')
    """
    labels = None if y is None else check_labels(y)
    X = X if hasattr(X, "shape") else list(X)
    n_rows = _num_samples(X)
    if labels is not None and len(labels) != n_rows:
        raise ValueError(f"Got {n_rows} rows of X, but {len(labels)} labels.")
    groups = check_groups(groups, n_rows)
    known = check_groups(sites, n_rows)
    stratify = np.zeros(n_rows, dtype=int) if labels is None else labels
    study = Study(
        X=X,
        y=labels,
        splits=_splits(cv, X, stratify, groups, random_state),
        groups=groups,
        sites=known,
        pos_label=pos_label,
        fitted=_transformers(fitted),
        calibration=calibration,
        calibration_groups=None if calibration_groups is None else np.asarray(calibration_groups),
        history=history,
        chosen_epoch=chosen_epoch,
        prediction_times=prediction_times,
        seed=random_state,
    )
    return run_guards(study, chosen_guards(guards))


def run_guards(study: Study, names: Sequence[str]) -> LeakageReport:
    """Run guards by name and gather what they say."""
    findings: list[Finding] = []
    passed, not_checked = [], {}
    for name in names:
        try:
            found = GUARDS[name](study)
        except NotChecked as reason:
            not_checked[name] = str(reason)
            continue
        findings += found
        if not found:
            passed.append(name)
    return LeakageReport(tuple(findings), tuple(passed), not_checked)


def chosen_guards(guards: str | Iterable[str] | None) -> tuple[str, ...]:
    """Turn every accepted form of ``guards`` into names.

    Raises
    ------
    ValueError
        A name is unknown.
    """
    if guards is None:
        return ()
    if isinstance(guards, str):
        guards = {"all": tuple(GUARDS), "cheap": CHEAP}.get(guards, (guards,))
    asked = tuple(guards)
    if unknown := [name for name in asked if name not in GUARDS]:
        raise ValueError(
            f"Got guards with {', '.join(map(repr, unknown))}, but expected 'all', 'cheap' or some "
            f"of {', '.join(GUARDS)}."
        )
    return asked


def warn_of_leakage(study: Study, names: Sequence[str], stacklevel: int) -> tuple[str, ...]:
    """Warn of each finding; return them as notes."""
    return _warn(run_guards(study, names), stacklevel + 1)


def warn_of_label_leakage(
    study: Study,
    labels: npt.NDArray[Any],
    present: npt.NDArray[np.bool_],
    names: Sequence[str],
    stacklevel: int,
) -> tuple[str, ...]:
    """Warn for a table of labels: of the rows once, and of each label that is a rule or a site's.

    Parameters
    ----------
    study : Study
        Without labels.
    labels : ndarray of shape (n_labels,)
        Their names.
    present : ndarray of bool, shape (n, n_labels)
    names : sequence of str
        Guards.
    stacklevel : int

    Returns
    -------
    notes : tuple of str
    """
    found = list(run_guards(study, [name for name in names if name not in ON_LABELS]))
    on_labels = [name for name in names if name in ON_LABELS]
    for label, column in zip(labels.tolist(), present.T, strict=True):
        if on_labels and 0 < column.sum() < len(column):
            of_label = run_guards(study.of(column), on_labels)
            found += [replace(one, what=f"Label {label!r}: {one.what}") for one in of_label]
    return _warn(found, stacklevel + 1)


def _warn(findings: Iterable[Finding], stacklevel: int) -> tuple[str, ...]:
    notes = []
    for finding in findings:
        warnings.warn(f"{finding!r}", LeakageWarning, stacklevel=stacklevel + 1)
        notes.append(f"Leakage, {finding!r}")
    return tuple(notes)


def _splits(
    cv: Any,
    X: Any,
    y: npt.NDArray[Any],
    groups: npt.NDArray[Any] | None,
    random_state: int,
) -> tuple[Split, ...]:
    """Every accepted form of ``cv`` as splits, without refusing those that share groups."""
    if hasattr(cv, "split") and not isinstance(cv, str):
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="The groups parameter is ignored")
            return tuple(cv.split(X, y, groups))
    if cv is not None and not isinstance(cv, str | int):
        return tuple((_positions(train), _positions(test)) for train, test in cv)
    return resolve_protocol(cv, X, y, groups, random_state).splits


def _positions(part: Any) -> npt.NDArray[np.intp]:
    rows = np.asarray(part)
    return np.flatnonzero(rows) if rows.dtype == bool else rows.astype(np.intp)


def _transformers(fitted: Any) -> tuple[Any, ...]:
    """Fitted transformers out of what was given: frozen ones thawed, pipelines by first step."""
    if hasattr(fitted, "fit"):
        fitted = (fitted,)
    thawed = []
    for transformer in fitted:
        while isinstance(transformer, FrozenEstimator | Pipeline):
            if isinstance(transformer, Pipeline):
                transformer = transformer.steps[0][1]
            else:
                transformer = transformer.estimator
        thawed.append(transformer)
    return tuple(thawed)
