"""Events after the time of prediction."""

import numpy as np
import numpy.typing as npt
import pandas as pd

from cardiorisk._validation import as_pandas
from cardiorisk.evaluation.leakage.finding import Finding, NotChecked
from cardiorisk.evaluation.leakage.study import Study
from cardiorisk.records import PatientHistories

__all__ = ["late_events"]

Bools = npt.NDArray[np.bool_]


def late_events(study: Study) -> list[Finding]:
    """Find histories, or columns of dates, that hold what happened after the prediction."""
    found = _of_histories(study) if isinstance(study.X, PatientHistories) else _of_dates(study)
    findings = []
    for name, late in found.items():
        if late.any():
            what = f"{int(late.sum())} of {len(late)} rows have {name} after their prediction time."
            remedy = "Cut each row at its prediction time before anything is computed from it."
            rows = tuple(np.flatnonzero(late).tolist())
            evidence: dict[str, float | str] = {"rows": int(late.sum())}
            columns = (name,) if name != "events" else ()
            findings.append(Finding("late_events", what, remedy, evidence, rows, columns))
    return findings


def _of_histories(study: Study) -> dict[str, Bools]:
    """Patients with an event after their prediction time."""
    histories: PatientHistories = study.X
    limits = study.prediction_times
    limits = histories.prediction_times if limits is None else np.asarray(limits)
    if limits is None:
        raise NotChecked("needs prediction_times, or histories.as_of")
    lengths = np.diff(histories.event_offsets)
    late = np.asarray(histories.times) > np.repeat(limits.astype("datetime64[us]"), lengths)
    who = np.repeat(np.arange(len(lengths)), lengths)
    return {"events": np.bincount(who[late], minlength=len(lengths)) > 0}


def _of_dates(study: Study) -> dict[str, Bools]:
    X = as_pandas(study.X)
    if study.prediction_times is None or not isinstance(X, pd.DataFrame):
        raise NotChecked("needs prediction_times and columns of dates")
    limits = pd.Series(np.asarray(study.prediction_times), index=X.index)
    dates = [
        place
        for place in range(X.shape[1])
        if pd.api.types.is_datetime64_any_dtype(X.iloc[:, place])
    ]
    if not dates:
        raise NotChecked("no columns of dates")
    return {
        str(X.columns[place]): np.asarray((X.iloc[:, place] > limits).fillna(False), dtype=bool)
        for place in dates
    }
