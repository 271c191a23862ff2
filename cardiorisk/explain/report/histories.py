"""Histories as a table for the report: when each code was last recorded."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from cardiorisk.explain.attribution.histories import reference_times
from cardiorisk.records import PatientHistories, Variable

__all__ = ["CodeTable", "ages_of", "code_table"]

MAX_CODES = 40
FEW_PEOPLE = 5  # a code of fewer people is not named: it might tell who they are
OTHER = "all other codes"
NEVER = "none recorded"
BANDS = (
    (30, "in the last 30 days"),
    (180, "31 to 180 days before"),
    (730, "181 to 730 days before"),
)
EARLIER = "more than 2 years before"
DAY = np.timedelta64(1, "D")


@dataclass(frozen=True, eq=False)
class CodeTable:
    """What a report says of histories.

    Parameters
    ----------
    table : DataFrame of shape (n, k)
        Bands of time since each code was last recorded; the last column is all other codes.
    printed : DataFrame of shape (n, k)
        The same in days, for one person's page.
    schema : dict of str to Variable
    column_of_code : ndarray of int, shape (n_codes,)
        Column of each code of the vocabulary.
    """

    table: pd.DataFrame
    printed: pd.DataFrame
    schema: dict[str, Variable]
    column_of_code: npt.NDArray[np.int64]


def code_table(histories: PatientHistories) -> CodeTable:
    """Choose the most frequent codes and say when each person last had them."""
    patients, codes = histories.event_patients(), np.asarray(histories.codes)
    pairs = np.unique(codes.astype(np.int64) * len(histories) + patients)
    people = np.bincount(pairs // max(len(histories), 1), minlength=histories.shape[1])
    order = np.argsort(-people, kind="stable")[:MAX_CODES]
    shown = np.sort(order[people[order] >= FEW_PEOPLE])
    column = np.full(histories.shape[1], len(shown), np.int64)
    column[shown] = np.arange(len(shown))
    since = reference_times(histories)[patients] - histories.times
    days = np.full((len(histories), len(shown) + 1), np.inf)
    np.minimum.at(days, (patients, column[codes]), since / DAY)
    names = [*np.asarray(histories.vocabulary)[shown].tolist(), OTHER]
    return CodeTable(
        pd.DataFrame(_in_bands(days), columns=names),
        pd.DataFrame(_in_words(days), columns=names),
        _schema(histories, shown, names),
        column,
    )


def _schema(
    histories: PatientHistories, shown: npt.NDArray[np.int64], names: list[str]
) -> dict[str, Variable]:
    words = histories.descriptions
    meant = [""] * len(names) if words is None else [*words[shown].tolist(), ""]
    bands = {word: word for word in (NEVER, *(word for _, word in BANDS), EARLIER)}
    return {
        name: Variable(name, f"{text} ({name})" if text else name, categories=bands)
        for name, text in zip(names, meant, strict=True)
    }


def _in_bands(days: npt.NDArray[np.float64]) -> npt.NDArray[np.object_]:
    limits = [limit for limit, _ in BANDS]
    words = np.array([*(word for _, word in BANDS), EARLIER, NEVER], dtype=object)
    place = np.searchsorted(limits, days, side="left")
    return np.asarray(words[np.where(np.isinf(days), len(words) - 1, place)])


def _in_words(days: npt.NDArray[np.float64]) -> npt.NDArray[np.object_]:
    known = np.where(np.isinf(days), 0, np.floor(np.maximum(days, 0))).astype(int)
    text = np.array([f"{n:,} day{'' if n == 1 else 's'} before" for n in known.ravel().tolist()])
    return np.where(np.isinf(days), NEVER, text.reshape(days.shape).astype(object))


def ages_of(histories: PatientHistories) -> npt.NDArray[np.float64] | None:
    """Ages at the prediction times, in years; None where births or prediction times lack."""
    static, moments = histories.static, histories.prediction_times
    if static is None or "birth_date" not in static or moments is None:
        return None
    born = static["birth_date"].to_numpy().astype("datetime64[us]")
    return np.asarray((moments - born) / DAY / 365.25, dtype=float)
