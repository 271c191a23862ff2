"""How much each recorded code of a patient counts: the sparse half of every concept feature."""

from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import sparse

from cardiorisk._compiled import compiled
from cardiorisk.records import PatientHistories

__all__ = [
    "DAY",
    "code_positions",
    "count_codes",
    "days_before",
    "event_weights",
    "patient_batches",
    "sparse_weights",
    "unseen_codes",
]

BATCH = 1_000_000  # events at once: bounds the memory where histories lie on disk
DAY = 86_400_000_000  # microseconds
LONG = 10_000  # events of a patient: beyond, sums in single precision lose digits

Floats = npt.NDArray[np.float32]


def code_positions(
    histories: PatientHistories, vocabulary: npt.NDArray[np.str_]
) -> npt.NDArray[np.int32]:
    """Position in ``vocabulary`` of each code of the histories' own vocabulary; -1 if not there."""
    known = pd.Index(vocabulary.astype(object))
    return known.get_indexer(np.asarray(histories.vocabulary).astype(object)).astype(np.int32)


def patient_batches(offsets: npt.NDArray[np.int64], size: int = BATCH) -> Iterator[slice]:
    """Cut patients into runs of at most ``size`` events, at least one patient each."""
    first, n_patients = 0, len(offsets) - 1
    while first < n_patients:
        last = int(np.searchsorted(offsets, offsets[first] + size, side="right")) - 1
        last = min(max(last, first + 1), n_patients)
        yield slice(first, last)
        first = last


def count_codes(
    histories: PatientHistories,
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Events and patients of each code of the histories' own vocabulary, each (n_codes,)."""
    n_codes = histories.shape[1]
    events, patients = np.zeros(n_codes, np.int64), np.zeros(n_codes, np.int64)
    offsets = histories.event_offsets
    for batch in patient_batches(offsets):
        edges = offsets[batch.start : batch.stop + 1]
        codes = np.asarray(histories.codes[edges[0] : edges[-1]])
        last = np.ones(len(codes), dtype=np.float32)
        _loop()(codes, edges - edges[0], np.full(n_codes, -1, dtype=np.int64), last)
        events += np.bincount(codes, minlength=n_codes)
        patients += np.bincount(codes[last > 0], minlength=n_codes)
    return events, patients


def days_before(histories: PatientHistories) -> npt.NDArray[np.float64]:
    """Days from each event to the patient's prediction time, shape (n_events,).

    Without prediction times, to the last event of the patient.
    """
    offsets = histories.event_offsets
    lengths = np.diff(offsets)
    times = np.asarray(histories.times)
    if histories.prediction_times is not None:
        end = np.asarray(histories.prediction_times)
    else:
        end = np.full(len(lengths), np.datetime64("NaT", "us"))
        end[lengths > 0] = times[offsets[1:][lengths > 0] - 1]
    return (end.repeat(lengths) - times).astype("m8[us]").astype(np.float64) / DAY


def event_weights(
    histories: PatientHistories,
    positions: npt.NDArray[np.int32],
    pooling: str,
    *,
    binary: bool = False,
    idf: npt.NDArray[np.float64] | None = None,
    half_life: float = 180.0,
) -> tuple[npt.NDArray[np.int32], Floats]:
    """Column and weight of each event; an event of an unseen code has column 0 and weight 0.

    Parameters
    ----------
    histories : PatientHistories
    positions : ndarray of int32
        From :func:`code_positions`.
    pooling : {"rate", "sum", "mean", "tfidf", "decay"}
        1 over the number of visits of the patient; 1 for each event; 1 over the number of events
        of the patient that count; that times the inverse document frequency of the code; or
        ``2 ** (-days / half_life)``.
    binary : bool, default=False
        Whether of the events of a patient with the same code only the last one counts.
    idf : ndarray of float, optional
        One entry a column, for "tfidf".
    half_life : float, default=180.0
        Days, for "decay".
    """
    columns = positions[np.asarray(histories.codes)]
    weights = (columns >= 0).astype(np.float32)
    np.maximum(columns, 0, out=columns)
    if binary and len(columns):
        seen = np.full(int(columns.max()) + 1, -1, dtype=np.int64)
        _loop()(columns, histories.event_offsets, seen, weights)
    if pooling == "rate":
        n_visits = np.maximum(np.diff(histories.patient_offsets), 1)
        weights *= np.repeat(1 / n_visits, np.diff(histories.event_offsets)).astype(np.float32)
    elif pooling == "decay":
        weights *= np.exp2(-days_before(histories) / half_life).astype(np.float32)
    elif pooling in ("mean", "tfidf"):
        offsets = histories.event_offsets
        so_far = np.concatenate([[0.0], np.cumsum(weights, dtype=np.float64)])
        n_counting = np.maximum(np.diff(so_far[offsets]), 1)
        weights *= np.repeat(1 / n_counting, np.diff(offsets)).astype(np.float32)
        if pooling == "tfidf" and idf is not None:
            weights *= idf.astype(np.float32)[columns]
    return columns, weights


@cache
def _loop() -> Callable[..., None]:
    return compiled(_keep_last)


def _keep_last(columns: Any, offsets: Any, seen: Any, weights: Any) -> None:
    """Set the weight of an event to 0 if the patient has a later one of the same column."""
    for patient in range(len(offsets) - 1):
        for event in range(offsets[patient + 1] - 1, offsets[patient] - 1, -1):
            if weights[event] > 0:
                if seen[columns[event]] == patient:
                    weights[event] = 0
                else:
                    seen[columns[event]] = patient


def sparse_weights(histories: PatientHistories, n_columns: int, events: Any) -> sparse.csr_array:
    """Matrix (n_patients, n_columns) of summed weights; entries may repeat until it is summed."""
    columns, weights = events
    if not n_columns:
        return sparse.csr_array((len(histories), 0), dtype=np.float32)
    offsets = histories.event_offsets - histories.event_offsets[0]
    if np.diff(offsets).max(initial=0) > LONG:
        weights = weights.astype(np.float64)
    return sparse.csr_array((weights, columns, offsets), shape=(len(histories), n_columns))


def unseen_codes(histories: PatientHistories, vocabulary: npt.NDArray[np.str_]) -> pd.DataFrame:
    """List the codes of the histories that the fitted vocabulary lacks, the most frequent first.

    Returns
    -------
    DataFrame
        Columns ``code``, ``events`` and ``patients``.
    """
    events, patients = count_codes(histories)
    missing = np.flatnonzero((code_positions(histories, vocabulary) < 0) & (events > 0))
    table = pd.DataFrame(
        {
            "code": histories.vocabulary[missing].astype(object),
            "events": events[missing],
            "patients": patients[missing],
        }
    )
    return table.sort_values("events", ascending=False, kind="stable").reset_index(drop=True)
