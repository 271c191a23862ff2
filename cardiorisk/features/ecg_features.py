"""Turn ECGs into a table of named measurements."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from numbers import Integral, Real
from typing import Any, ClassVar, Literal, Self
from warnings import warn

import numpy as np
import numpy.typing as npt
import pandas as pd
from joblib import Parallel, delayed, effective_n_jobs
from sklearn.base import _fit_context
from sklearn.utils._param_validation import Interval, StrOptions

from cardiorisk._optional import require
from cardiorisk._validation import SignalProblem, signal_problems
from cardiorisk.exceptions import SignalError, SignalWarning
from cardiorisk.features._beat_doubts import beat_doubts
from cardiorisk.features._ecg_input import ECGTransformer
from cardiorisk.features.delineation import ENGINES, NO_BEATS, mark_record
from cardiorisk.features.feature_definitions import ALL_GROUPS, GROUPS
from cardiorisk.features.measurements import MEASUREMENTS, median_beat
from cardiorisk.records import Delineation, ECGRecord

__all__ = ["ECGFeatures"]

BATCH = 16  # records that go to a process at once; a few such batches wait, not all records
BATCHES_A_PROCESS = 4
ROWS_NAMED = 5  # in a warning; flags() has them all


def _group_names(groups: str | Iterable[str]) -> tuple[str, ...]:
    asked = (groups,) if isinstance(groups, str) else tuple(groups)
    chosen = ALL_GROUPS if asked == ("all",) else asked
    unknown = [str(group) for group in chosen if group not in GROUPS]
    if unknown or not chosen:
        raise ValueError(
            f"Got groups={groups!r}, but expected 'all' or some of {', '.join(GROUPS)}."
        )
    return tuple(group for group in GROUPS if group in chosen)


def _resampled_marks(
    record: ECGRecord, engine: str
) -> tuple[ECGRecord, Delineation | None, list[SignalProblem]]:
    """Record and marks at the analysis rate, and what is wrong; no marks where that is fatal."""
    problems = list(signal_problems(record))
    if any(problem.fatal for problem in problems):
        return record, None, problems
    resampled, marks = mark_record(record, engine)
    if marks.n_beats == 0:
        return resampled, None, [*problems, *beat_doubts(record, resampled, marks), NO_BEATS]
    return resampled, marks, problems


def _measure(
    record: ECGRecord, engine: str, groups: Sequence[str]
) -> tuple[dict[str, float], list[SignalProblem]]:
    """Measurements of one record by name, and what is wrong with it; none where that is fatal."""
    resampled, marks, problems = _resampled_marks(record, engine)
    values: dict[str, float] = {}
    if marks is not None and not groups:  # only the flags are asked for
        problems = problems + beat_doubts(record, resampled, marks)
    elif marks is not None:
        beat = median_beat(resampled, marks)
        for group in groups:
            values |= MEASUREMENTS[group](resampled, marks, beat)
    return values, problems


def _batches(records: Sequence[ECGRecord], n_jobs: int) -> Iterator[Sequence[ECGRecord]]:
    """Share records out: few enough for the processes to end together, many enough to send."""
    fair = len(records) // (BATCHES_A_PROCESS * n_jobs)
    size = min(max(fair, 1), BATCH) if n_jobs > 1 else 1
    for start in range(0, len(records), size):
        yield records[start : start + size]


def _measure_batch(
    records: Sequence[ECGRecord], engine: str, groups: Sequence[str]
) -> list[tuple[dict[str, float], list[SignalProblem]]]:
    return [_measure(record, engine, groups) for record in records]


def _row_name(row: int, record: ECGRecord) -> str:
    return f"row {row}" if record.record_id is None else f"row {row} ({record.record_id})"


class ECGFeatures(ECGTransformer):
    """Measure ECGs: rate, intervals, axes, amplitudes, each with a name and a unit.

    :data:`~cardiorisk.features.FEATURES` tells for each column its clinical words, unit,
    definition, usual range and source. The columns depend on ``groups`` only, so that a model
    fitted on one collection fits another; what a record does not allow to measure is NaN.

    The transformer learns nothing from the data. A row depends on its record alone.

    Parameters
    ----------
    sampling_rate : float, default=500
        In Hz, of an array. Records carry their own. At least 100; everything is measured at 500.
    lead_names : sequence of str, optional
        Leads of an array, needed unless it is a standard twelve-lead ECG. Leads are used by
        name, in any order; those without a standard name count for rhythm and intervals only.
    groups : {"all", "rhythm", "irregularity", "ectopy", "intervals", "single_lead", "axes", \
            "voltages", "hypertrophy", "amplitudes", "areas", "progression", "conduction", \
            "atrial", "repolarisation", "spectrum", "signal", "hrv"} or sequence of these, \
            default="all"
        Which features to measure. "all" leaves out "hrv", which needs neurokit2 and, for most of
        its indices, minutes of ECG.
    n_jobs : int, optional
        Processes that share the records. None is one; -1 is one a core. The result is the same.
    errors : {"nan", "raise"}, default="nan"
        What to do with a record that cannot be measured (wrong unit, too short, flat, noise):
        a row of NaN and one warning for the batch, or an error.
    engine : {"native", "neurokit"}, default="native"
        What marks the waves, see :func:`~cardiorisk.features.delineate`.
    verbose : int, default=0
        Above 0, show a progress bar.

    Attributes
    ----------
    n_features_in_ : int
        Second dimension of the array seen by ``fit``; absent after fitting on records.
    feature_names_in_ : ndarray of str
        Column names, if ``fit`` saw a DataFrame.

    See Also
    --------
    delineate : The marks from which features are measured.

    Notes
    -----
    Times are taken from the consensus marks of all leads, median over beats. Amplitudes and
    axes are measured on the median beat of the unfiltered signal, zero at the level before QRS
    (doi:10.1161/CIRCULATIONAHA.106.180200). The output is float64.

    Examples
    --------
    >>> from cardiorisk.datasets import make_ecg
    >>> from cardiorisk.features import ECGFeatures
    >>> ecg = make_ecg(2, rhythms=["sinus rhythm"], random_state=0)
    >>> engine = ECGFeatures(groups=["intervals"]).set_output(transform="pandas")
    >>> engine.fit_transform(ecg.data).shape
    (2, 11)
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "sampling_rate": [Interval(Real, 0, None, closed="neither")],
        "lead_names": ["array-like", None],
        "groups": ["array-like", StrOptions({"all", *GROUPS})],
        "n_jobs": [Integral, None],
        "errors": [StrOptions({"nan", "raise"})],
        "engine": [StrOptions(set(ENGINES))],
        "verbose": ["verbose"],
    }

    def __init__(
        self,
        *,
        sampling_rate: float = 500,
        lead_names: Sequence[str] | None = None,
        groups: str | Sequence[str] = "all",
        n_jobs: int | None = None,
        errors: Literal["nan", "raise"] = "nan",
        engine: str = "native",
        verbose: int = 0,
    ) -> None:
        self.sampling_rate = sampling_rate
        self.lead_names = lead_names
        self.groups = groups
        self.n_jobs = n_jobs
        self.errors = errors
        self.engine = engine
        self.verbose = verbose

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Any, y: Any = None) -> Self:
        """Check the parameters and the form of the ECGs; nothing is learned.

        Parameters
        ----------
        X : array (n_records, n_leads, n_samples) or (n_records, n_leads * n_samples), or \
                sequence of ECGRecord
            In mV.
        y : None
            Ignored.

        Returns
        -------
        self : ECGFeatures
        """
        _group_names(self.groups)
        self._as_records(X, reset=True)
        return self

    def transform(self, X: Any) -> npt.NDArray[np.float64]:
        """Measure ECGs.

        Parameters
        ----------
        X : array (n_records, n_leads, n_samples) or (n_records, n_leads * n_samples), or \
                sequence of ECGRecord
            In mV.

        Returns
        -------
        features : ndarray of float64, shape (n_records, n_features)
            Or a DataFrame, after ``set_output(transform="pandas")``.

        Raises
        ------
        SignalError
            X does not have the form of ECGs, or ``errors="raise"`` and one cannot be measured.
        """
        groups = _group_names(self.groups)
        records = self._as_records(X, reset=False)
        measured = self._each_record(records, groups)
        self._report(records, [problems for _, problems in measured])
        names = self.get_feature_names_out()
        rows = [[values.get(name, np.nan) for name in names] for values, _ in measured]
        return np.array(rows, dtype=np.float64)

    def flags(self, X: Any) -> pd.DataFrame:
        """List everything that is wrong, or doubtful, with the ECGs.

        Parameters
        ----------
        X : array or sequence of ECGRecord
            As for :meth:`transform`.

        Returns
        -------
        flags : DataFrame
            One row a problem: ``record`` (row of X), ``record_id``, ``code``, ``message``,
            ``fatal`` (whether the row of features is NaN), ``leads`` (joined with commas).
        """
        records = self._as_records(X, reset=False)
        rows = [
            (row, record.record_id, problem.code, problem.message, problem.fatal, leads)
            for row, (record, (_, problems)) in enumerate(
                zip(records, self._each_record(records, ()), strict=True)
            )
            for problem in problems
            for leads in [",".join(problem.leads)]
        ]
        columns = ["record", "record_id", "code", "message", "fatal", "leads"]
        return pd.DataFrame(rows, columns=columns).astype({"record": int, "fatal": bool})

    def get_feature_names_out(self, input_features: Any = None) -> npt.NDArray[np.object_]:
        """Names of the features, in the order of the columns.

        Parameters
        ----------
        input_features : None
            Ignored: the names depend on ``groups`` only.
        """
        chosen = _group_names(self.groups)
        return np.array([name for group in chosen for name in GROUPS[group]], dtype=object)

    def _each_record(
        self, records: Sequence[ECGRecord], groups: Sequence[str]
    ) -> list[tuple[dict[str, float], list[SignalProblem]]]:
        batches = _batches(records, effective_n_jobs(self.n_jobs))
        tasks = (delayed(_measure_batch)(batch, self.engine, groups) for batch in batches)
        done = Parallel(n_jobs=self.n_jobs, return_as="generator", batch_size=1)(tasks)
        measured = []
        show = {"desc": "measure", "unit": "ECG", "disable": not self.verbose}
        with require("tqdm").tqdm(total=len(records), **show) as progress:
            for batch in done:
                measured.extend(batch)
                progress.update(len(batch))
        return measured

    def _report(
        self, records: Sequence[ECGRecord], problems: Sequence[Sequence[SignalProblem]]
    ) -> None:
        """Raise, or warn once for the batch, where a record cannot be measured."""
        fatal = {
            row: [problem for problem in found if problem.fatal]
            for row, found in enumerate(problems)
            if any(problem.fatal for problem in found)
        }
        if not fatal:
            return
        first = next(iter(fatal))
        if self.errors == "raise":
            reasons = "; ".join(map(str, fatal[first]))
            raise SignalError(
                f"Got an ECG without features, {_row_name(first, records[first])}: {reasons}"
            )
        counts = Counter(found.code for row in fatal.values() for found in row)
        reasons = ", ".join(f"{count} {code}" for code, count in counts.most_common())
        named = ", ".join(_row_name(row, records[row]) for row in list(fatal)[:ROWS_NAMED])
        more = ", ..." if len(fatal) > ROWS_NAMED else ""
        why = next(problem for problem in fatal[first] if problem.fatal)
        warn(
            f"{len(fatal)} of {len(records)} ECGs could not be measured and are rows of NaN "
            f"({reasons}): {named}{more}. The first: {why.message} flags(X) has all of them.",
            SignalWarning,
            stacklevel=4,  # past set_output's wrapper, to the caller of transform
        )
