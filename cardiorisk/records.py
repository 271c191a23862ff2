"""The nouns that flow through the package: a variable, an ECG, its marks, and histories."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from cardiorisk._histories import PatientHistories

__all__ = ["MARKS", "STANDARD_LEADS", "Delineation", "ECGRecord", "PatientHistories", "Variable"]

STANDARD_LEADS = ("I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6")
"""Names of the twelve standard leads in their conventional order."""

MARKS = ("P_on", "P_peak", "P_off", "QRS_on", "R_peak", "QRS_off", "T_on", "T_peak", "T_off")
"""Names of the nine marks of a beat, in the order of time."""


@dataclass(frozen=True)
class Variable:
    """What a column means: its words, unit and limits.

    Parameters
    ----------
    name : str
        Column name, for example ``"trestbps"``.
    label : str
        Clinical words, for example ``"resting systolic blood pressure"``.
    unit : str, default=""
        Unit as printed, for example ``"mmHg"``; empty for a pure number or a category.
    low, high : float, optional
        Limits of what is physically plausible, both included. A value outside is a typing or
        unit error, not an unusual patient.
    zero_is_missing : bool, default=False
        Whether 0 is the table's code for "not measured".
    categories : mapping of value to words, optional
        The values of a categorical column and what they mean. None for a numeric column.
    definition : str, default=""
        How the value is measured.
    normal_range : tuple of (float, float), optional
        Limits of the usual values in healthy adults, where a source gives them.
    source : str, default=""
        DOI or standard of the definition and the normal range.

    Examples
    --------
    >>> chol = Variable("chol", "serum cholesterol", "mg/dl", 50, 1000, zero_is_missing=True)
    >>> chol.unit
    'mg/dl'
    """

    name: str
    label: str
    unit: str = ""
    low: float | None = None
    high: float | None = None
    zero_is_missing: bool = False
    categories: Mapping[Any, str] | None = None
    definition: str = ""
    normal_range: tuple[float, float] | None = None
    source: str = ""


@dataclass(frozen=True, eq=False)
class ECGRecord:
    """One electrocardiogram in millivolts.

    Parameters
    ----------
    signal : ndarray of float32, shape (n_leads, n_samples)
        Potential in mV.
    sampling_rate : float
        Samples per second, in Hz.
    lead_names : tuple of str
        One name a lead, for example ``("I", "II")``.
    record_id, subject_id : str, optional
        Identifiers; ``subject_id`` is the group for cross-validation by patient.
    metadata : mapping, optional
        What else the file said (age, sex, comments, ...).

    Examples
    --------
    >>> import numpy as np
    >>> ecg = ECGRecord(np.zeros((2, 1000), np.float32), 500.0, ("I", "II"), record_id="a1")
    >>> ecg
    ECGRecord('a1', 2 leads, 2 s at 500 Hz)
    >>> ecg.lead("II").shape
    (1000,)
    """

    signal: npt.NDArray[np.float32]
    sampling_rate: float
    lead_names: tuple[str, ...] = STANDARD_LEADS
    record_id: str | None = None
    subject_id: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)

    @property
    def duration(self) -> float:
        """Length in seconds."""
        return self.signal.shape[-1] / self.sampling_rate

    def lead(self, name: str) -> npt.NDArray[np.float32]:
        """Signal of one lead, shape (n_samples,), found by its name."""
        if name not in self.lead_names:
            raise KeyError(f"Got lead {name!r}, but the record has {', '.join(self.lead_names)}.")
        return self.signal[self.lead_names.index(name)]

    def __repr__(self) -> str:
        identity = "" if self.record_id is None else f"{self.record_id!r}, "
        return (
            f"ECGRecord({identity}{len(self.lead_names)} leads, {self.duration:g} s "
            f"at {self.sampling_rate:g} Hz)"
        )


@dataclass(frozen=True, eq=False)
class Delineation:
    """Where the waves of an ECG begin, peak and end.

    Parameters
    ----------
    leads : tuple of dict
        One dict a lead. Keys are :data:`MARKS`; values are float arrays of sample positions, one
        entry a beat, NaN where a wave is absent.
    beats : dict
        The consensus of all leads, in the same form.
    sampling_rate : float
        In Hz.
    lead_names : tuple of str

    Examples
    --------
    >>> import numpy as np
    >>> beats = {name: np.full(2, np.nan) for name in MARKS} | {"R_peak": np.array([210.0, 630.0])}
    >>> Delineation((beats,), beats, sampling_rate=500.0, lead_names=("II",))
    Delineation(2 beats, 1 leads at 500 Hz)
    """

    leads: tuple[dict[str, npt.NDArray[np.float64]], ...]
    beats: dict[str, npt.NDArray[np.float64]]
    sampling_rate: float
    lead_names: tuple[str, ...] = STANDARD_LEADS

    @property
    def n_beats(self) -> int:
        """Number of beats."""
        return len(self.beats["R_peak"])

    def __repr__(self) -> str:
        return (
            f"Delineation({self.n_beats} beats, {len(self.lead_names)} leads "
            f"at {self.sampling_rate:g} Hz)"
        )
