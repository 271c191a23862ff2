"""What a report says, as data: no words of a template, no drawing."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from cardiorisk.evaluation import CalibrationCurve, Checklist, DecisionCurve, Interval
from cardiorisk.explain.report.prototypes import PrototypeMatch
from cardiorisk.records import ECGRecord, Variable

__all__ = [
    "CohortSummary",
    "CutoffCounts",
    "FeatureUse",
    "MethodItem",
    "Note",
    "Outcome",
    "PatientSummary",
    "PerformanceSummary",
    "Provenance",
    "Reason",
    "ReasonsSummary",
    "ReportSummary",
    "VariableSummary",
]

MAX_LISTED = 30  # rows of the cohort table
VISIBLE_DROP = 0.0005


@dataclass(frozen=True)
class Outcome:
    """What the model estimates, in whom, and where it must not be used.

    Parameters
    ----------
    name : str
        Noun phrase, for example ``"coronary disease"``.
    when : str, default="is present"
        What is said of it, for example ``"is present at angiography"``.
    population : str, default=""
        In whom, for example ``"adults referred for angiography"``; said to be not stated if empty.
    horizon : str, default=""
        Time span of a prognosis, for example ``"10 years"``. Empty for a present state: the
        report then says that it does not estimate future risk.
    statement : str, default=""
        The whole clause after "estimates whether"; name and when unless given.
    use, not_for : tuple of str
        Further lines of the two lists on the front page.

    Examples
    --------
    >>> Outcome("coronary disease", "is present at angiography").name
    'coronary disease'
    """

    name: str
    when: str = "is present"
    population: str = ""
    horizon: str = ""
    statement: str = ""
    use: tuple[str, ...] = ()
    not_for: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.statement:
            object.__setattr__(self, "statement", f"{self.name} {self.when}")


@dataclass(frozen=True)
class Note:
    """One sentence: its key in the table of strings and the fields that fill it."""

    key: str
    fields: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True)
class VariableSummary:
    """One column of the table: its spread in all, by outcome, and what is missing.

    Parameters
    ----------
    variable : Variable
    numeric : bool
    seen : tuple of (float, float) or None
        Smallest and largest value, for a numeric column.
    spread : mapping of str to tuple
        ``"all"``, ``"with"`` and ``"without"`` the outcome: the quartiles (low, median, high) of
        a numeric column, or ((category in words, share), ...) of another.
    n_missing : int
    site_missing : mapping of str to float
        Share missing by site; empty without sites.
    """

    variable: Variable
    numeric: bool
    seen: tuple[float, float] | None
    spread: Mapping[str, tuple[Any, ...]]
    n_missing: int
    site_missing: Mapping[str, float]


@dataclass(frozen=True)
class CohortSummary:
    """Who the table is about, and what is doubtful in it.

    Parameters
    ----------
    n, n_events : int
    n_groups : int or None
        Number of patients, where rows are grouped.
    sites : mapping of str to (int, int)
        People and events by site.
    variables : tuple of VariableSummary
    notes : tuple of Note
        Warnings about the data.
    simulated : bool, default=False
        Whether every row is an ECG that says to be simulated.
    flow : tuple of (str, str)
        How the people were chosen: words and a count, which may be empty.
    """

    n: int
    n_events: int
    n_groups: int | None
    sites: Mapping[str, tuple[int, int]]
    variables: tuple[VariableSummary, ...]
    notes: tuple[Note, ...]
    simulated: bool = False
    flow: tuple[tuple[str, str], ...] = ()

    @property
    def prevalence(self) -> float:
        """Share of people with the outcome."""
        return self.n_events / self.n


@dataclass(frozen=True)
class CutoffCounts:
    """What a cut-off does to 100 people, in whole people."""

    cutoff: float
    with_flagged: int
    with_missed: int
    without_flagged: int
    without_cleared: int


@dataclass(frozen=True, eq=False)
class PerformanceSummary:
    """How good the model is on people that it did not see.

    Parameters
    ----------
    protocol : str
    n, n_events : int
        Tested people and events.
    metrics : mapping of str to Interval
    calibration : CalibrationCurve
    decision : DecisionCurve
    claim : tuple of (float, float)
        Thresholds between which the decision curve supports a statement.
    histogram : DataFrame
        ``left``, ``right``, ``events``, ``non_events`` of the predicted risk.
    median_risk : tuple of (float, float)
        Of people with and without the outcome.
    cutoffs : tuple of CutoffCounts
    subgroups : DataFrame
        As :func:`cardiorisk.evaluation.subgroup_report` gives it.
    left_out_sites : DataFrame or None
        The model tested on each site that it never saw.
    coverage : DataFrame
        One row a class or site: ``kind``, ``level``, ``n``, ``covered``, ``low``, ``high``,
        ``cannot_tell``, ``empty``.
    alpha : float
        Share of people whose conformal answer may be wrong.
    """

    protocol: str
    n: int
    n_events: int
    metrics: Mapping[str, Interval]
    calibration: CalibrationCurve
    decision: DecisionCurve
    claim: tuple[float, float]
    histogram: pd.DataFrame
    median_risk: tuple[float, float]
    cutoffs: tuple[CutoffCounts, ...]
    subgroups: pd.DataFrame
    left_out_sites: pd.DataFrame | None
    coverage: pd.DataFrame
    alpha: float


@dataclass(frozen=True, eq=False)
class FeatureUse:
    """How the model uses one measurement, over the cohort.

    Parameters
    ----------
    variable : Variable
    drop : Interval
        Loss of AUROC when the measurement is shuffled among unseen people.
    mean_points : float
        Mean absolute effect on the risk, in points per 100.
    values : ndarray of float, or of str for a categorical column
    points : ndarray of float
        Effect of the measurement for each explained person, per 100.
    """

    variable: Variable
    drop: Interval
    mean_points: float
    values: npt.NDArray[Any]
    points: npt.NDArray[np.float64]

    @property
    def numeric(self) -> bool:
        """Whether the values have an order and a distance."""
        return self.values.dtype.kind == "f"


@dataclass(frozen=True, eq=False)
class ReasonsSummary:
    """What the model uses.

    Parameters
    ----------
    features : tuple of FeatureUse
        From the strongest to the weakest.
    ranking : tuple of int
        Positions of all columns, the largest mean effect on the risk first.
    n_explained : int
    method : str
    """

    features: tuple[FeatureUse, ...]
    ranking: tuple[int, ...]
    n_explained: int
    method: str

    @property
    def n_features(self) -> int:
        """Number of columns of the table."""
        return len(self.ranking)

    @property
    def by_drop(self) -> bool:
        """Whether losing any one measurement costs an AUROC that three decimals show."""
        return any(feature.drop.estimate >= VISIBLE_DROP for feature in self.features)


@dataclass(frozen=True)
class Reason:
    """Effect of one measurement on one person's estimate.

    Parameters
    ----------
    variable : Variable
    value : str
        The person's value in words, with its unit; "not recorded" where it is missing.
    typical : str
        The middle half of the cohort, or its most frequent category.
    points : float
        Effect per 100 people, compared with the average person of the training table.
    """

    variable: Variable
    value: str
    typical: str
    points: float


@dataclass(frozen=True, eq=False)
class PatientSummary:
    """One person: risk, range, reasons, limits, and the ECG where there is one.

    Parameters
    ----------
    key : str
        Neutral name on the page, "A", "B", ...; never an identifier.
    row : int
        Position in the table; not printed.
    risk : float
        From models that did not see the person.
    low, high : float
        Range over refits on resampled data; NaN where no refit was made.
    n_refits : int
    prevalence : float
        Share of events among everyone tested.
    base : float
        Average risk that the reasons start from.
    reasons : tuple of Reason
        Strongest first.
    others : float
        Summed points of the measurements that are not listed.
    missing : tuple of str
        Measurements that the model did not know.
    flags : tuple of Note
    answer : str
        Key of the conformal answer: ``"yes"``, ``"no"``, ``"both"`` or ``"empty"``.
    stability : float
        Share of refits in which the three strongest reasons were the same three.
    ecg : ECGRecord or None
    ecg_notes : tuple of str
    heart_rate : float
        In /min, as measured on the ECG; NaN where it was not.
    matches : tuple of PrototypeMatch
        Training windows that the ECG resembles; empty without a network of prototypes.
    """

    key: str
    row: int
    risk: float
    low: float
    high: float
    n_refits: int
    prevalence: float
    base: float
    reasons: tuple[Reason, ...]
    others: float
    missing: tuple[str, ...]
    flags: tuple[Note, ...]
    answer: str
    stability: float
    ecg: ECGRecord | None
    ecg_notes: tuple[str, ...]
    heart_rate: float
    matches: tuple[PrototypeMatch, ...] = ()


@dataclass(frozen=True)
class MethodItem:
    """One item of the TRIPOD+AI list; an empty text means that it is not reported."""

    number: int
    item: str
    text: str


@dataclass(frozen=True)
class Provenance:
    """Where the report comes from."""

    version: str
    date: date
    random_state: Any
    data_hash: str
    model: str
    parameters: tuple[tuple[str, str], ...]
    packages: tuple[tuple[str, str], ...]


@dataclass(frozen=True, eq=False)
class ReportSummary:
    """Everything that the report says."""

    title: str
    outcome: Outcome
    cohort: CohortSummary
    performance: PerformanceSummary
    reasons: ReasonsSummary
    patients: tuple[PatientSummary, ...]
    methods: tuple[MethodItem, ...]
    provenance: Provenance
    checklist: Checklist

    @property
    def listed_columns(self) -> tuple[int, ...]:
        """Columns that the cohort table lists: all of them, or the strongest of a wide table."""
        if len(self.cohort.variables) <= MAX_LISTED:
            return tuple(range(len(self.cohort.variables)))
        return self.reasons.ranking[:MAX_LISTED]

    @property
    def n_not_reported(self) -> int:
        """Number of TRIPOD+AI items without a text."""
        return sum(not item.text for item in self.methods)
