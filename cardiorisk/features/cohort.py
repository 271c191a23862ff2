"""Cases and matched controls out of histories, each as they were known before the outcome."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from cardiorisk._histories.windows import as_timedelta
from cardiorisk.features._matching import ages_at, draw_controls, enough_events, known_traits
from cardiorisk.features.code_sets import CodeSet
from cardiorisk.records import PatientHistories

__all__ = ["Cohort", "build_cohort"]

MATCH = ("sex", "age", "site")
MOMENT = np.timedelta64(1, "us")


@dataclass(frozen=True, eq=False, repr=False)
class Cohort:
    """Cases and controls, ready for cross-validation.

    Parameters
    ----------
    histories : PatientHistories of length n
        As of each one's prediction time: nothing later is in them.
    y : ndarray of int64, shape (n,)
        1 for a case.
    groups : ndarray of int64, shape (n,)
        A case and its controls have the same number: split by it, and no patient and no matched
        set is in training and test.
    prediction_times : ndarray of datetime64[us], shape (n,)
    rows : ndarray of int64, shape (n,)
        Rows of the histories that the cohort was made of.
    outcome : CodeSet
    flow : DataFrame
        How the cohort came about: columns ``step``, ``patients`` and ``kind`` (``"kept"``,
        ``"left out"`` or ``"note"``).

    Examples
    --------
    >>> from cardiorisk.features import HEART_FAILURE, build_cohort
    >>> cohort = build_cohort(histories, HEART_FAILURE)  # doctest: +SKIP
    >>> evaluate(model, cohort.histories, cohort.y, groups=cohort.groups)  # doctest: +SKIP
    """

    histories: PatientHistories
    y: npt.NDArray[np.int64]
    groups: npt.NDArray[np.int64]
    prediction_times: npt.NDArray[Any]
    rows: npt.NDArray[np.int64]
    outcome: CodeSet
    flow: pd.DataFrame = field(default_factory=pd.DataFrame)

    @property
    def ages(self) -> npt.NDArray[np.float64]:
        """Ages at the prediction times, in years; NaN where the date of birth is not known."""
        return ages_at(self.histories.static, np.arange(len(self)), self.prediction_times)

    def __len__(self) -> int:
        return len(self.y)

    def __repr__(self) -> str:
        n_cases = int(self.y.sum())
        return f"Cohort({self.outcome.name}: {n_cases} cases, {len(self) - n_cases} controls)"


def build_cohort(
    histories: PatientHistories,
    cases: CodeSet,
    *,
    nth: int = 1,
    controls_per_case: int = 10,
    match: Sequence[str] = MATCH,
    age_band: float = 5.0,
    observation_window: Any = None,
    gap: Any = None,
    min_events: int = 1,
    min_age: float | None = None,
    exclude: CodeSet | None = None,
    random_state: int | None = 0,
) -> Cohort:
    """Find cases by their codes, and controls that are like them.

    The **index day** of a case is the day on which the visit with its n-th code of the set began.
    Its prediction time is the last moment before that day, less ``gap``: nothing of the index
    visit is visible. Controls never have a code of the set; they take over the prediction time
    of their case.

    Parameters
    ----------
    histories : PatientHistories
    cases : CodeSet
        For example :data:`cardiorisk.features.HEART_FAILURE`.
    nth : int, default=1
        Which code of the set counts, in the order of visits: 2 asks for a confirmed diagnosis.
        Patients with fewer are neither cases nor controls.
    controls_per_case : int, default=10
        Fewer where there are not so many; each patient is a control once.
    match : sequence of str, default=("sex", "age", "site")
        ``"age"`` means the same band of ages at the prediction time, other names are columns of
        ``static`` that must be equal. What the histories do not know is not matched on, and the
        flow says so.
    age_band : float, default=5.0
        Width of the bands, in years.
    observation_window : int, Timedelta or timedelta64, optional
        How far back is looked; a number is days. None looks back to the first event.
    gap : int, Timedelta or timedelta64, optional
        Between prediction time and index day; a number is days.
    min_events : int, default=1
        Visible events that cases and controls need.
    min_age : float, optional
        In years at the prediction time.
    exclude : CodeSet, optional
        Patients who have one of these codes before the prediction time are left out.
    random_state : int or None, default=0
        Of the draw of controls.

    Returns
    -------
    Cohort

    Raises
    ------
    ValueError
        A number is out of range, or no case or no control is left.

    Notes
    -----
    - About ten controls a case, with the case's index date and the codes of the last 18 months,
      is the design of the studies that embedding of concepts comes from
      (doi:10.1093/jamia/ocw112); the choices are parameters here, not facts of those papers.

    Examples
    --------
    >>> import pandas as pd
    >>> from cardiorisk.features import HEART_FAILURE, build_cohort
    >>> from cardiorisk.records import PatientHistories
    >>> events = pd.DataFrame(
    ...     {
    ...         "subject_id": [1, 1, 2, 3],
    ...         "time": ["2020-01-01", "2020-06-01", "2020-02-01", "2020-03-01"],
    ...         "code": ["ICD10CM//I10", "ICD10CM//I50.9", "ICD10CM//I10", "ICD10CM//J45"],
    ...     }
    ... )
    >>> cohort = build_cohort(PatientHistories.from_events(events), HEART_FAILURE)
    >>> cohort
    Cohort(heart failure: 1 cases, 2 controls)
    >>> cohort.histories.vocabulary[cohort.histories[[0]].codes].tolist()
    ['ICD10CM//I10']
    """
    _check(nth, controls_per_case, age_band, min_events)
    window = None if observation_window is None else as_timedelta(observation_window, "window")
    lead = np.timedelta64(0, "us") if gap is None else as_timedelta(gap, "gap")
    steps = _Flow(len(histories))
    case, days, with_code = _index_days(histories, cases, nth)
    moments = days.astype("datetime64[us]") - MOMENT - lead
    steps.left_out(f"fewer than {nth} visits with a code of {cases.name}", with_code - len(case))
    steps.kept(f"cases of {cases.name}", len(case))
    kept = _eligible(histories, case, moments, window, min_events, min_age, exclude, steps)
    case, moments = case[kept], moments[kept]
    if not len(case):
        raise ValueError(
            f"Got no case of {cases.name} with {min_events} or more visible events; a longer "
            "observation window or a shorter gap shows more."
        )
    steps.kept("cases in the cohort", len(case))
    candidates = _without(histories, cases)
    steps.kept(f"patients without a code of {cases.name}", len(candidates))
    traits, unknown = known_traits(histories.static, match)
    for trait in unknown:
        steps.note(f"not matched on {trait}: not known")
    control, of_case = draw_controls(
        histories,
        case,
        candidates,
        moments,
        traits=traits,
        age_band=age_band,
        window=window,
        min_events=min_events,
        per_case=controls_per_case,
        rng=np.random.default_rng(random_state),
    )
    kept = _eligible(
        histories, control, moments[of_case], window, min_events, min_age, exclude, _Flow(0)
    )
    control, of_case = control[kept], of_case[kept]
    if not len(control):
        raise ValueError("Got no control; match on less, or widen age_band.")
    steps.left_out("not drawn as a control", len(candidates) - len(control))
    steps.kept("controls in the cohort", len(control))
    with_few = int(np.sum(np.bincount(of_case, minlength=len(case)) < controls_per_case))
    steps.note(f"cases with fewer than {controls_per_case} controls", with_few)
    rows = np.concatenate([case, control])
    times = np.concatenate([moments, moments[of_case]])
    return Cohort(
        histories=histories[rows].as_of(times, observation_window=window),
        y=np.repeat([1, 0], [len(case), len(control)]),
        groups=np.concatenate([np.arange(len(case)), of_case]),
        prediction_times=times,
        rows=rows,
        outcome=cases,
        flow=steps.table(),
    )


def _check(nth: int, per_case: int, age_band: float, min_events: int) -> None:
    limits = {"nth": (nth, 1), "controls_per_case": (per_case, 1), "min_events": (min_events, 0)}
    for name, (value, least) in limits.items():
        if value < least:
            raise ValueError(f"Got {name}={value}, but expected {least} or more.")
    if not age_band > 0:
        raise ValueError(f"Got age_band={age_band}, but expected a positive number of years.")


class _Flow:
    """Counts of patients on the way to the cohort."""

    def __init__(self, n_patients: int) -> None:
        self.rows: list[tuple[str, int | None, str]] = []
        self.kept("patients in the histories", n_patients)

    def kept(self, step: str, patients: int) -> None:
        self.rows.append((step, patients, "kept"))

    def left_out(self, step: str, patients: int) -> None:
        if patients:
            self.rows.append((step, patients, "left out"))

    def note(self, step: str, patients: int | None = None) -> None:
        self.rows.append((step, patients, "note"))

    def table(self) -> pd.DataFrame:
        table = pd.DataFrame(self.rows, columns=["step", "patients", "kind"])
        return table.astype({"patients": "Int64"})


def _index_days(
    histories: PatientHistories, cases: CodeSet, nth: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[Any], int]:
    """Patients with n visits of the set, the day on which that visit began, and all with one."""
    events = np.flatnonzero(cases.matches(histories.vocabulary)[histories.codes])
    visits = np.unique(np.searchsorted(histories.visit_offsets, events, side="right") - 1)
    patient = np.searchsorted(histories.patient_offsets, visits, side="right") - 1
    who, first, counts = np.unique(patient, return_index=True, return_counts=True)
    enough = counts >= nth
    chosen = visits[first[enough] + nth - 1]
    begins = histories.times[np.asarray(histories.visit_offsets)[chosen]]
    return who[enough].astype(np.int64), begins.astype("datetime64[D]"), len(who)


def _without(histories: PatientHistories, cases: CodeSet) -> npt.NDArray[np.int64]:
    events = np.flatnonzero(cases.matches(histories.vocabulary)[histories.codes])
    has_code = np.zeros(len(histories), bool)
    has_code[np.searchsorted(histories.event_offsets, events, side="right") - 1] = True
    return np.flatnonzero(~has_code)


def _eligible(
    histories: PatientHistories,
    rows: npt.NDArray[np.int64],
    moments: npt.NDArray[Any],
    window: np.timedelta64 | None,
    min_events: int,
    min_age: float | None,
    exclude: CodeSet | None,
    steps: _Flow,
) -> npt.NDArray[np.bool_]:
    """Which patients may be in the cohort, each left out for its first reason."""
    kept = np.ones(len(rows), bool)
    for words, wanted in _rules(histories, rows, moments, window, min_events, min_age, exclude):
        steps.left_out(words, int(np.sum(kept & ~wanted)))
        kept &= wanted
    return kept


def _rules(
    histories: PatientHistories,
    rows: npt.NDArray[np.int64],
    moments: npt.NDArray[Any],
    window: np.timedelta64 | None,
    min_events: int,
    min_age: float | None,
    exclude: CodeSet | None,
) -> Iterator[tuple[str, npt.NDArray[np.bool_]]]:
    seen = enough_events(histories, rows, moments, window, min_events)
    yield f"cases with fewer than {min_events} visible events", seen
    if min_age is not None:
        old_enough = ages_at(histories.static, rows, moments) >= min_age
        yield f"cases younger than {min_age:g} years, or of unknown age", old_enough
    if exclude is not None:
        before = histories[rows].as_of(moments)
        named = exclude.matches(before.vocabulary)[before.codes]
        has_code = np.zeros(len(rows), bool)
        has_code[before.event_patients()[named]] = True
        yield f"cases with {exclude.name} before", ~has_code
