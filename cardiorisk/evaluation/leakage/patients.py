"""One patient in training and in test."""

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from cardiorisk._validation import as_pandas
from cardiorisk.evaluation.leakage.finding import Finding, NotChecked
from cardiorisk.evaluation.leakage.study import Study, material_count
from cardiorisk.records import ECGRecord, PatientHistories

__all__ = ["shared_patients"]

PATIENT_COLUMN = re.compile(r"(subject|patient|person)([ _]?(id|no|number|nr))?|mrn", re.IGNORECASE)
FEWEST = 20  # a column with fewer values groups patients and does not name them


def shared_patients(study: Study) -> list[Finding]:
    """Find patients whose rows are in the training and in the test part of a split."""
    named = _patients(study)
    if not named:
        raise NotChecked("needs groups, records with subject_id, or a column that names patients")
    findings = []
    for source, patients in named.items():
        rows = _shared(patients, study)
        limit = 0 if source == "groups" else material_count(len(patients))
        if len(rows) > limit:
            n_shared = len(np.unique(patients[rows]))
            what = (
                f"{n_shared} patients ({source}) are in training and in test of the same split, "
                f"with {len(rows)} of {len(patients)} rows."
            )
            remedy = "Pass the patient of each row as groups, and keep it out of the features."
            evidence: dict[str, float | str] = {"patients": n_shared, "rows": len(rows)}
            columns = () if source == "groups" or " of the " in source else (source,)
            found = Finding(
                "shared_patients", what, remedy, evidence, tuple(rows.tolist()), columns
            )
            findings.append(found)
    return findings


def _patients(study: Study) -> dict[str, npt.NDArray[Any]]:
    """Every known naming of patients: one code a row, by where it comes from."""
    named: dict[str, npt.NDArray[Any]] = {}
    if study.groups is not None:
        named["groups"] = np.unique(study.groups, return_inverse=True)[1]
    X = as_pandas(study.X)
    if isinstance(X, PatientHistories):
        named["subject_ids of the histories"] = np.unique(X.subject_ids, return_inverse=True)[1]
    elif isinstance(X, pd.DataFrame):
        for name in X.columns:
            if isinstance(name, str) and PATIENT_COLUMN.fullmatch(name):
                codes = _codes(X[name])
                if FEWEST < len(np.unique(codes)):
                    named[name] = codes
    elif isinstance(X, Sequence | np.ndarray) and len(X) and isinstance(X[0], ECGRecord):
        codes = _codes(pd.Series([record.subject_id for record in X], dtype=object))
        if len(np.unique(codes)) > 1:
            named["subject_id of the records"] = codes
    return named


def _codes(names: pd.Series) -> npt.NDArray[np.intp]:
    """One code a name; a missing name is nobody's but its row's."""
    codes = pd.factorize(names)[0].astype(np.intp)
    unknown = codes < 0
    codes[unknown] = codes.max(initial=-1) + 1 + np.arange(unknown.sum())
    return codes


def _shared(patients: npt.NDArray[np.intp], study: Study) -> npt.NDArray[np.intp]:
    """Test rows whose patient is in their training part, where another row of theirs is."""
    found = np.zeros(len(patients), dtype=bool)
    for train, test in study.folds():
        trained = np.bincount(patients[train], minlength=patients.max() + 1) > 0
        found[test[trained[patients[test]]]] = True
    return np.flatnonzero(found)
