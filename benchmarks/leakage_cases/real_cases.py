"""Each guard on the case that it was made for, and on the same done properly."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_selection import SelectKBest
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import KFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from wide_qrs_study.smote import oversample

from cardiorisk.datasets import make_ehr, make_machine_measurements
from cardiorisk.evaluation import LeakageReport, check_leakage, evaluate
from cardiorisk.features import ConceptEmbedding, MachineMeasurements, wide_qrs_label
from leakage_cases.epochs import epoch_case
from leakage_cases.tables import kaggle, union

FOREST = RandomForestClassifier(100, min_samples_leaf=3, random_state=0)


@dataclass(frozen=True)
class Case:
    """What was found where it leaks, what where it does not, and what both score."""

    leaking: LeakageReport
    proper: LeakageReport
    worth: str = ""


def auroc(model: object, X: object, y: np.ndarray, groups: object = None) -> str:
    found = evaluate(model, X, y, groups=groups, n_bootstraps=0, guards=None)
    return f"{found.metrics['auroc'].estimate:.3f}"


def duplicates() -> Case:
    table = union()
    first = ~table.X.duplicated().to_numpy()
    once, y = table.X[first], table.y[first]
    worth = f"{auroc(FOREST, table.X, table.y)} with copies, {auroc(FOREST, once, y)} without"
    guard = {"guards": "copies_across_folds"}
    return Case(check_leakage(table.X, table.y, **guard), check_leakage(once, y, **guard), worth)


def cholesterol() -> Case:
    table = kaggle()
    common = {"sites": table.centre, "guards": "missingness_by_site"}
    mixed = check_leakage(table.X, table.y, **common)
    apart = check_leakage(table.X, table.y, groups=table.centre, cv="leave-one-site-out", **common)
    new = evaluate(
        FOREST,
        table.X,
        table.y,
        groups=table.centre,
        cv="leave-one-site-out",
        n_bootstraps=0,
        guards=None,
    )
    worth = (
        f"{auroc(FOREST, table.X, table.y)} in random folds, "
        f"{new.per_fold['auroc'].mean():.3f} in new centres, their mean"
    )
    return Case(mixed, apart, worth)


def centre_and_outcome() -> Case:
    table = kaggle()
    common = {"sites": table.centre, "guards": "site_and_outcome"}
    mixed = check_leakage(table.X, table.y, **common)
    apart = check_leakage(table.X, table.y, groups=table.centre, cv="leave-one-site-out", **common)
    return Case(mixed, apart)


def qrs(flipped: float) -> Case:
    cart = make_machine_measurements(20_000, random_state=0).data
    y = wide_qrs_label(cart, "paper").to_numpy(dtype=bool)
    y = y ^ (np.random.default_rng(0).random(len(y)) < flipped)
    features = MachineMeasurements().set_output(transform="pandas")
    honest = MachineMeasurements(drop="qrs_end").set_output(transform="pandas")
    found = [
        check_leakage(made.fit_transform(cart), y, guards="rule_labels")
        for made in (features, honest)
    ]
    return Case(*found, "see wide_qrs.md")


def embedding() -> Case:
    ehr = make_ehr(400, random_state=0)
    model = ConceptEmbedding(vector_size=10, epochs=2, random_state=0)
    common = {"guards": "fitted_outside", "cv": KFold(5)}
    everyone = check_leakage(ehr.histories, ehr.target, fitted=model.fit(ehr.histories), **common)
    part = model.fit(ehr.histories[:320])
    return Case(everyone, check_leakage(ehr.histories, ehr.target, fitted=part, **common))


def selection() -> Case:
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(300, 2000)), rng.integers(2, size=300)
    all_rows = SelectKBest(k=20).fit(X, y)
    model = LogisticRegression()
    worth = (
        f"{auroc(model, all_rows.transform(X), y)} in pure noise, "
        f"{auroc(make_pipeline(SelectKBest(k=20), model), X, y)} inside the folds"
    )
    common = {"guards": "fitted_outside", "cv": KFold(5)}
    part = SelectKBest(k=20).fit(X[60:], y[60:])
    return Case(
        check_leakage(X, y, fitted=all_rows, **common),
        check_leakage(X, y, fitted=part, **common),
        worth,
    )


def smote() -> Case:
    table = kaggle()
    keep = np.flatnonzero((table.y == 0) | (np.arange(len(table.y)) % 4 == 0))  # 1 in 4 sick
    X, y = table.X.to_numpy(dtype=float)[keep], table.y[keep].astype(bool)
    more, labels = oversample(X, y, seed=0)
    worth = f"{auroc(FOREST, more, labels)} oversampled first, {auroc(FOREST, X, y)} as it is"
    guard = {"guards": "interpolated_rows"}
    return Case(check_leakage(more, labels, **guard), check_leakage(X, y, **guard), worth)


def scaling() -> Case:
    table = kaggle()
    X = StandardScaler().fit_transform(table.X)
    guard = {"guards": "prepared_columns"}
    return Case(check_leakage(X, table.y, **guard), check_leakage(table.X, table.y, **guard))


def patients() -> Case:
    cart = make_machine_measurements(4000, random_state=0)
    rows = MachineMeasurements(drop=("qrs_onset", "qrs_end")).fit_transform(cart.data)
    rows = np.where(np.isnan(rows), np.nanmedian(rows, axis=0), rows)
    y = cart.truth["wide_qrs"].to_numpy()
    common = {"groups": cart.groups, "guards": "shared_patients"}
    mixed = check_leakage(rows, y, cv=KFold(5, shuffle=True, random_state=0), **common)
    worth = f"{auroc(FOREST, rows, y)} by rows, {auroc(FOREST, rows, y, cart.groups)} by patients"
    return Case(mixed, check_leakage(rows, y, cv=5, **common), worth)


def calibration() -> Case:
    table = kaggle()
    order = np.random.default_rng(0).permutation(len(table.y))
    train, held = order[:700], order[700:]
    X, y = table.X.iloc[train], table.y[train]
    guard = {"guards": "calibration_overlap"}
    again = table.X.iloc[train[:218]]
    return Case(
        check_leakage(X, y, calibration=again, **guard),
        check_leakage(X, y, calibration=table.X.iloc[held], **guard),
        "see heart_conformal.md: what such sets cover",
    )


def late() -> Case:
    ehr = make_ehr(400, random_state=0)
    early = ehr.histories.prediction_times - np.timedelta64(90, "D")
    guard = {"guards": "late_events"}
    return Case(
        check_leakage(ehr.histories, ehr.target, prediction_times=early, **guard),
        check_leakage(ehr.histories, ehr.target, **guard),
    )


def epoch() -> Case:
    table = kaggle()
    return Case(*epoch_case(pd.DataFrame(table.X), table.y))


CASES: dict[str, Callable[[], Case]] = {
    "1,190-row heart table: 272 copies": duplicates,
    "918 heart patients: zero cholesterol": cholesterol,
    "918 heart patients: three centres": centre_and_outcome,
    "QRS above 120 ms from QRS duration": lambda: qrs(0.0),
    "the same with 5 % of labels flipped": lambda: qrs(0.05),
    "embedding of all patients": embedding,
    "best test epoch of a small network, 10 splits": epoch,
    "calibration on training rows": calibration,
    "20 of 2,000 noise columns chosen on all rows": selection,
    "SMOTE before the split": smote,
    "scaling before the split": scaling,
    "ECGs of one person in two folds": patients,
    "events after the prediction": late,
}


def case_rows() -> Iterator[str]:
    """One line a case."""
    for name, make in CASES.items():
        case = make()
        found = "; ".join(finding.what for finding in case.leaking) or "**nothing**"
        proper = "nothing" if not len(case.proper) else "**found**"
        yield f"| {name} | {found} | {proper} | {case.worth} |"
