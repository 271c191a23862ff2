"""Grade the leads of ECGs, and say why a lead or a record cannot be trusted."""

from collections.abc import Sequence
from dataclasses import replace
from numbers import Real
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.signal import periodogram
from sklearn.base import _fit_context
from sklearn.utils._param_validation import Interval

from cardiorisk._signal_problems import SignalProblem, fill_gaps, signal_problems, usable_leads
from cardiorisk._validation import check_lead_names
from cardiorisk.features._beat_doubts import beat_doubts
from cardiorisk.features._ecg_input import ECGTransformer
from cardiorisk.features.beat_detection import band_pass, beat_shapes
from cardiorisk.features.delineation import NO_BEATS, mark_record
from cardiorisk.records import STANDARD_LEADS, ECGRecord

__all__ = ["SignalQuality"]

MIN_LIKENESS = 0.66  # mean correlation with the mean beat (Orphanidou 2015)
GRADED_BAND = (1.0, 150.0)  # Hz: the whole band of a diagnostic ECG, so that muscle counts
BEAT_PART = 0.3  # s on either side of R that are compared
HUM = (48.0, 62.0)  # Hz
WANDER = 0.5  # Hz: slower is baseline
MOST_HUM = 0.5  # share of the power above the baseline
MOST_WANDER = 5.0  # mV between the 1st and 99th percentile, in a lead without beats

Scores = npt.NDArray[np.float64]


def _likeness(record: ECGRecord, beats: npt.NDArray[np.int64]) -> Scores:
    """Mean correlation of the beats of each lead with the lead's mean beat, (n_leads,)."""
    (clean,) = band_pass(record.signal.astype(np.float64), record.sampling_rate, GRADED_BAND)
    half_width = round(BEAT_PART * record.sampling_rate)
    scores = np.zeros(len(clean))
    for row, lead in enumerate(clean):
        shapes = beat_shapes(lead[None], beats, half_width)
        mean = shapes.mean(axis=0)
        length = float(np.linalg.norm(mean))
        scores[row] = float((shapes @ mean).mean()) / length if length > 0 else 0.0
    return np.clip(scores, 0.0, 1.0)


def _looks_off(lead: npt.NDArray[np.floating], sampling_rate: float) -> bool:
    """Tell hum or a wandering baseline from other noise in a lead without beats."""
    frequency, power = periodogram(lead.astype(float), sampling_rate)
    above = power[frequency > WANDER].sum()
    hum = power[(frequency >= HUM[0]) & (frequency <= HUM[1])].sum()
    low, high = np.quantile(lead, [0.01, 0.99])
    return bool(hum > MOST_HUM * above or high - low > MOST_WANDER)


def _lead_problems(record: ECGRecord, likeness: Scores) -> list[SignalProblem]:
    """Name the usable leads whose beats do not resemble each other, and how they look."""
    unlike = usable_leads(record) & (likeness < MIN_LIKENESS)
    problems = []
    for code, words in (
        ("lead_off", "hum or a wandering baseline without beats; the electrode is probably off."),
        ("noisy", f"beats correlate by less than {MIN_LIKENESS:g} with their mean."),
    ):
        leads = tuple(
            name
            for name, lead, bad in zip(record.lead_names, record.signal, unlike, strict=True)
            if bad and _looks_off(lead, record.sampling_rate) == (code == "lead_off")
        )
        if leads:
            problems.append(SignalProblem(code, f"{', '.join(leads)}: {words}", False, leads))
    return problems


def _graded(record: ECGRecord, engine: str) -> tuple[Scores, list[SignalProblem]]:
    """Quality of each lead, and everything that is wrong."""
    none = np.zeros(len(record.lead_names))
    problems = list(signal_problems(record))
    if any(problem.fatal for problem in problems):
        return none, problems
    resampled, marks = mark_record(record, engine)
    usable = usable_leads(resampled)
    doubts = beat_doubts(record, resampled, marks)
    if marks.n_beats == 0:
        return none, [*problems, *_lead_problems(fill_gaps(record), none), *doubts, NO_BEATS]
    signal = np.where(usable[:, None], resampled.signal, np.float32(0))
    beats = np.round(marks.beats["R_peak"]).astype(np.int64)
    likeness = np.where(usable, _likeness(replace(resampled, signal=signal), beats), 0.0)
    problems += _lead_problems(resampled, likeness)
    problems += doubts
    return likeness, problems


class SignalQuality(ECGTransformer):
    """Grade each lead of an ECG from 0 to 1, and list the reasons to doubt it.

    The grade of a lead is the mean correlation of its beats with their mean beat, in the band of
    1-150 Hz: 1 where all are alike, and about ``sqrt(s / (s + 1))`` where the power of the beat
    is ``s`` times that of the noise. It is 0 for a lead that is flat or not finite, and for all
    leads of a record that cannot be used. Irregular shapes, as of premature beats, lower it too.

    The transformer learns nothing from the data. A row depends on its record alone.

    Parameters
    ----------
    sampling_rate : float, default=500
        In Hz, of an array. Records carry their own.
    lead_names : sequence of str, optional
        Leads to grade, and the leads of an array. None means the twelve standard leads.

    Attributes
    ----------
    n_features_in_ : int
        Second dimension of the array seen by ``fit``; absent after fitting on records.
    feature_names_in_ : ndarray of str
        Column names, if ``fit`` saw a DataFrame.

    See Also
    --------
    ECGFeatures.flags : The same reasons, without the two that are about single leads.

    Notes
    -----
    Departures from Orphanidou et al. (2015): beats come from all leads together, 0.3 s on either
    side of R are compared instead of a cycle, and their rules on the heart rate are left out.
    Below their limit for ECG, 0.66 (about -1 dB), a lead is called noisy, or off where hum is
    more than half of its power or it wanders by more than 5 mV. Swapped electrodes are told from
    signs alone; see :mod:`cardiorisk.features._beat_doubts` for what is not seen.

    References
    ----------
    Orphanidou et al. (2015), IEEE J Biomed Health Inform 19:832, doi:10.1109/JBHI.2014.2338351.

    Examples
    --------
    >>> from cardiorisk.datasets import make_ecg
    >>> from cardiorisk.features import SignalQuality
    >>> ecg = make_ecg(1, rhythms=["sinus rhythm"], random_state=0)
    >>> quality = SignalQuality().set_output(transform="pandas")
    >>> bool(quality.fit_transform(ecg.data)["quality"][0] > 0.9)
    True
    >>> quality.report(1000 * ecg.data)[["lead", "code", "severity"]].values.tolist()
    [['', 'units', 'fatal']]
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "sampling_rate": [Interval(Real, 0, None, closed="neither")],
        "lead_names": ["array-like", None],
    }

    def __init__(
        self, *, sampling_rate: float = 500, lead_names: Sequence[str] | None = None
    ) -> None:
        self.sampling_rate = sampling_rate
        self.lead_names = lead_names

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
        self : SignalQuality
        """
        self._as_records(X, reset=True)
        return self

    def transform(self, X: Any) -> Scores:
        """Grade ECGs.

        Parameters
        ----------
        X : array (n_records, n_leads, n_samples) or (n_records, n_leads * n_samples), or \
                sequence of ECGRecord
            In mV.

        Returns
        -------
        quality : ndarray of float64, shape (n_records, 1 + n_leads)
            First the record's quality, the median of its leads; NaN for a lead that it lacks.
        """
        records = self._as_records(X, reset=False)
        rows = np.full((len(records), 1 + len(self._leads())), np.nan)
        for row, record in zip(rows, records, strict=True):
            scores, _ = _graded(record, "native")
            row[0] = np.median(scores)
            by_name = dict(zip(record.lead_names, scores, strict=True))
            row[1:] = [by_name.get(name, np.nan) for name in self._leads()]
        return rows

    def report(self, X: Any) -> pd.DataFrame:
        """List everything that is wrong, or doubtful, with the ECGs.

        Parameters
        ----------
        X : array or sequence of ECGRecord
            As for :meth:`transform`.

        Returns
        -------
        report : DataFrame
            One row a problem and lead: ``record`` (row of X), ``lead`` (empty where the whole
            record is meant), ``code`` (a key of ``PROBLEM_CODES``), ``message`` and
            ``severity`` ("fatal" where the record cannot be used, else "doubt").
        """
        rows = [
            (row, lead, problem.code, problem.message, problem.severity)
            for row, record in enumerate(self._as_records(X, reset=False))
            for problem in _graded(record, "native")[1]
            for lead in problem.leads or ("",)
        ]
        columns = ["record", "lead", "code", "message", "severity"]
        return pd.DataFrame(rows, columns=columns).astype({"record": int})

    def get_feature_names_out(self, input_features: Any = None) -> npt.NDArray[np.object_]:
        """Names of the columns: ``quality``, then ``quality_I`` and so on.

        Parameters
        ----------
        input_features : None
            Ignored: the names depend on ``lead_names`` only.
        """
        return np.array(["quality", *(f"quality_{name}" for name in self._leads())], dtype=object)

    def _leads(self) -> tuple[str, ...]:
        if self.lead_names is None:
            return STANDARD_LEADS
        return check_lead_names(self.lead_names, len(self.lead_names))
