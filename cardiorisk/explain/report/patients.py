"""One page a person: the estimate, its range, its reasons and its limits."""

from collections.abc import Iterator, Sequence
from numbers import Integral
from string import ascii_uppercase
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from cardiorisk._validation import signal_problems
from cardiorisk.explain.report.cohort import is_numeric, known_values
from cardiorisk.explain.report.inputs import ReportInputs
from cardiorisk.explain.report.refits import Refits
from cardiorisk.explain.report.summary import (
    CohortSummary,
    Note,
    PatientSummary,
    Reason,
    VariableSummary,
)
from cardiorisk.explain.report.unseen import Points, Unseen
from cardiorisk.explain.report.wording import (
    format_value,
    is_missing,
    per_100,
    plain_number,
    points,
)

__all__ = ["choose_patients", "summarise_patient"]

MAX_REASONS = 10
MAX_FLAGS = 3  # told with their numbers; a wide table has more by chance alone
MARGIN = 0.1  # of the width of the middle 98 %: nearer to the range seen is not said to be outside
WIDE = 30  # columns from which some value is outside by chance in most people
UNLIKE = 0.1  # share of the columns of a wide table above which the whole record is called unlike
_ANSWERS = {
    (True, True): "both",
    (False, True): "yes",
    (True, False): "no",
    (False, False): "empty",
}


def choose_patients(
    patients: int | Sequence[int], inputs: ReportInputs, unseen: Unseen
) -> npt.NDArray[np.intp]:
    """Rows to show: those asked for, or so many from low to high risk.

    A number spreads over the tested people, from the tenth to the ninetieth percentile of risk;
    where there are ECGs, over the people with one.

    Raises
    ------
    ValueError
        A row is not in the table, was never tested, or comes twice.
    """
    tested = unseen.result.tested
    if isinstance(patients, Integral) and not isinstance(patients, bool):
        if patients < 0:
            raise ValueError(f"Got patients={patients}, but expected 0 or more.")
        return _spread(int(patients), inputs, unseen)
    rows = np.asarray(patients)
    if rows.size == 0:
        return np.empty(0, dtype=np.intp)
    if rows.ndim != 1 or rows.dtype.kind not in "iu":
        raise ValueError(f"Got patients={patients!r}, but expected a number or row positions.")
    if rows.min() < 0 or rows.max() >= len(tested) or len(np.unique(rows)) < len(rows):
        raise ValueError(
            f"Got patients={rows.tolist()}, but expected different rows of the {len(tested)}."
        )
    if not tested[rows].all():
        raise ValueError(
            f"Got row {rows[~tested[rows]][0]}, which was never tested, so there is no estimate of "
            "a model that did not see it."
        )
    return rows.astype(np.intp)


def _spread(count: int, inputs: ReportInputs, unseen: Unseen) -> npt.NDArray[np.intp]:
    candidates = np.flatnonzero(unseen.result.tested)
    if inputs.records is not None:
        with_ecg = [row for row in candidates if inputs.records[row] is not None]
        candidates = np.asarray(with_ecg) if len(with_ecg) >= count else candidates
    order = candidates[np.argsort(unseen.risk[candidates], kind="stable")]
    shares = np.array([0.5]) if count == 1 else np.linspace(0.1, 0.9, count)
    places = np.unique(np.rint(shares * (len(order) - 1)).astype(int))
    return np.asarray(order[places])


def summarise_patient(
    place: int,
    row: int,
    inputs: ReportInputs,
    unseen: Unseen,
    explained: Points,
    refits: Refits,
    cohort: CohortSummary,
    answer: npt.NDArray[np.bool_],
) -> PatientSummary:
    """Say everything about one person.

    Parameters
    ----------
    place : int
        Position among the people shown, which gives the neutral name.
    row : int
    explained : Points
        Of the people shown, mean over repeats.
    answer : ndarray of bool, shape (2,)
        Whether "no" and "yes" cannot be ruled out.
    """
    at = int(np.flatnonzero(explained.rows == row)[0])
    effects = explained.values[at]
    order = np.argsort(-np.abs(effects), kind="stable")
    listed = [k for k in order[:MAX_REASONS] if points(effects[k]) != 0] or list(order[:1])
    risk = float(unseen.risk[row])
    low, high = refits.middle(place, risk)
    record = None if inputs.records is None else inputs.records[row]
    return PatientSummary(
        key=_letter(place),
        row=int(row),
        risk=risk,
        low=low,
        high=high,
        n_refits=len(refits.risk) if refits.known(place) else 0,
        prevalence=float(inputs.events[unseen.result.tested].mean()),
        base=float(explained.base[at]),
        reasons=tuple(_reason(inputs, cohort.variables[k], row, effects[k]) for k in listed),
        others=float(effects.sum() - effects[listed].sum()),
        missing=_missing(inputs, row),
        flags=tuple(_flags(inputs, row, _training_rows(inputs, unseen, row), effects)),
        answer=_ANSWERS[bool(answer[0]), bool(answer[1])],
        stability=refits.stability(place, effects),
        ecg=record,
        ecg_notes=() if record is None else tuple(p.message for p in signal_problems(record)),
        heart_rate=_heart_rate(inputs, row),
    )


def _letter(place: int) -> str:
    name = ""
    place += 1
    while place:
        place, digit = divmod(place - 1, 26)
        name = ascii_uppercase[digit] + name
    return name


def _reason(inputs: ReportInputs, summary: VariableSummary, row: int, effect: float) -> Reason:
    variable = summary.variable
    value = format_value(inputs.table[variable.name].iloc[row], variable)
    if inputs.codes is not None:
        value = str(inputs.codes.printed[variable.name].iloc[row])
    return Reason(variable, value, _typical(summary), float(effect))


def _typical(summary: VariableSummary) -> str:
    spread = summary.spread["all"]
    if not spread:
        return "never recorded"
    if summary.numeric:
        low, _, high = spread
        words = f"{plain_number(low)} to {plain_number(high)}" if low != high else plain_number(low)
        return f"{words} {summary.variable.unit}".strip()
    words, share = spread[0]
    return f"{words} ({per_100(share)} in 100)"


def _missing(inputs: ReportInputs, row: int) -> tuple[str, ...]:
    values = inputs.table.iloc[row]
    return tuple(
        variable.label
        for name, variable in inputs.schema.items()
        if is_missing(values[name], variable)
    )


def _training_rows(inputs: ReportInputs, unseen: Unseen, row: int) -> npt.NDArray[np.intp]:
    fold = unseen.result.fold
    repeat = int(np.flatnonzero(fold[:, row] >= 0)[0])
    return np.flatnonzero(fold[repeat] != fold[repeat, row])


def _flags(
    inputs: ReportInputs,
    row: int,
    train: npt.NDArray[np.intp],
    effects: npt.NDArray[np.float64],
) -> Iterator[Note]:
    """Values that the model which made the estimate had never met, the furthest out first.

    A number counts as outside when it is beyond the range by more than a tenth of the width of
    the middle 98 %. In a wide table the strong warning is kept for the columns that move this
    estimate, unless many columns are outside, and the number of columns compared is said.
    """
    outside: list[tuple[float, Note]] = []
    wide = len(inputs.schema) >= WIDE
    for (name, variable), effect in zip(inputs.schema.items(), effects, strict=True):
        column = inputs.table[name]
        value, seen = column.iloc[row], known_values(column.iloc[train], variable)
        if is_missing(value, variable) or not len(seen):
            continue
        words = format_value(value, variable)
        fields = {"name": variable.label[:1].upper() + variable.label[1:], "value": words}
        weak = "_weak" if wide and points(effect) == 0 else ""
        if not is_numeric(column, variable):
            if not (seen == value).any():
                outside.append((np.inf, Note(f"warn.unseen{weak}", fields)))
        elif (distance := _distance(float(value), seen)) > MARGIN:
            limits = {"lo": plain_number(float(seen.min())), "hi": plain_number(float(seen.max()))}
            outside.append((distance, Note(f"warn.oor{weak}", {**fields, **limits})))
    outside.sort(key=lambda item: -item[0])
    yield from (note for _, note in outside[:MAX_FLAGS])
    if rest := [note.fields["name"] for _, note in outside[MAX_FLAGS:]]:
        yield Note("warn.oor_more", {"count": len(rest), "names": "; ".join(rest)})
    if outside and wide:
        unlike = len(outside) > UNLIKE * len(inputs.schema)
        counts = {"count": len(outside), "total": len(inputs.schema)}
        yield Note("warn.oor_unlike" if unlike else "warn.oor_wide", counts)


def _distance(value: float, seen: "pd.Series[Any]") -> float:
    """How far a value is beyond the range seen, in widths of the middle 98 %."""
    values = seen.to_numpy(dtype=float)
    beyond = max(values.min() - value, value - values.max())
    if beyond <= 0:
        return 0.0
    low, high = np.quantile(values, (0.01, 0.99))
    width = (high - low) or np.ptp(values)
    return float(beyond / width) if width else float("inf")


def _heart_rate(inputs: ReportInputs, row: int) -> float:
    if "heart_rate" not in inputs.table.columns:
        return float("nan")
    return float(inputs.table["heart_rate"].iloc[row])
