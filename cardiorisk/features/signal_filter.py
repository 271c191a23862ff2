"""Filter ECGs without delay and bring them to one sampling rate."""

from collections.abc import Sequence
from dataclasses import replace
from numbers import Real
from typing import Any, ClassVar, Literal, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import _fit_context
from sklearn.utils import Tags
from sklearn.utils._param_validation import Interval, StrOptions

from cardiorisk.exceptions import SignalError
from cardiorisk.features._ecg_input import ECGTransformer, holds_records
from cardiorisk.features._zero_phase import butterworth, find_mains, remove_mains, resampled
from cardiorisk.records import ECGRecord

__all__ = ["ECGFilter"]


def _bridged(signal: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """Straight lines over what is not finite; a lead without a finite sample is zero."""
    filled = signal.astype(float)
    for lead in filled:
        finite = np.isfinite(lead)
        if not finite.any():
            lead[:] = 0.0
        elif not finite.all():
            lead[~finite] = np.interp(np.flatnonzero(~finite), np.flatnonzero(finite), lead[finite])
    return filled


def _missing_at(
    missing: npt.NDArray[np.bool_], n_samples: int, ratio: float
) -> npt.NDArray[np.bool_]:
    """Tell for each new sample whether one of the old samples around it is missing."""
    place = np.arange(n_samples) / ratio
    last = missing.shape[1] - 1
    before = np.clip(np.floor(place + 1e-9), 0, last).astype(int)
    after = np.clip(np.ceil(place - 1e-9), 0, last).astype(int)
    return np.asarray(missing[:, before] | missing[:, after])


class ECGFilter(ECGTransformer):
    """Remove baseline wander and hum, limit the band, change the rate; waves stay in place.

    All filters run forwards and backwards, so that no wave is delayed. What is not finite stays
    missing: straight lines bridge it while filtering. The form that comes in goes out: records
    give records, a cubic array a cubic array, a flattened array a flattened array.

    The transformer learns nothing from the data. A record's result depends on it alone.

    Parameters
    ----------
    sampling_rate : float, default=500
        In Hz, of an array. Records carry their own.
    lead_names : sequence of str, optional
        Leads of an array, needed unless it is a standard twelve-lead ECG.
    target_rate : float, optional
        In Hz, of the result. None keeps the rate.
    baseline : float or None, default=0.5
        Cutoff of the high-pass filter in Hz, where it takes 3 dB. Without delay, up to 0.67 Hz is
        allowed for diagnostic ECGs (doi:10.1161/CIRCULATIONAHA.106.180200). None leaves the
        baseline as it is.
    mains : {"auto", None} or float, default="auto"
        Hum to take out with its harmonics, in Hz, usually 50 or 60. ``"auto"`` looks which of the
        two stands out of a record's spectrum, and takes out nothing where neither does.
    band : tuple of (float or None, float or None), optional
        Pass band in Hz, 3 dB at its ends; None leaves an end open. The lower end takes the place
        of ``baseline``.

    Attributes
    ----------
    n_features_in_ : int
        Second dimension of the array seen by ``fit``; absent after fitting on records.
    feature_names_in_ : ndarray of str
        Column names, if ``fit`` saw a DataFrame.

    See Also
    --------
    ECGFeatures : Needs no filter before it: it measures amplitudes on the unfiltered signal.

    Notes
    -----
    Band and baseline filters are Butterworth filters of second order a pass. Three seconds beyond
    both ends are made up by turning the signal around its ends. Old and new samples have the same
    zero of time; the result has ``round(n_samples * target_rate / sampling_rate)`` of them.

    Examples
    --------
    >>> from cardiorisk.datasets import make_ecg
    >>> from cardiorisk.features import ECGFilter
    >>> ecg = make_ecg(1, baseline_wander=0.3, mains=0.1, random_state=0)
    >>> ECGFilter(target_rate=250).fit_transform(ecg.data).shape
    (1, 12, 2500)
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "sampling_rate": [Interval(Real, 0, None, closed="neither")],
        "lead_names": ["array-like", None],
        "target_rate": [Interval(Real, 0, None, closed="neither"), None],
        "baseline": [Interval(Real, 0, None, closed="neither"), None],
        "mains": [StrOptions({"auto"}), Interval(Real, 0, None, closed="neither"), None],
        "band": [tuple, list, None],
    }

    def __init__(
        self,
        *,
        sampling_rate: float = 500,
        lead_names: Sequence[str] | None = None,
        target_rate: float | None = None,
        baseline: float | None = 0.5,
        mains: float | Literal["auto"] | None = "auto",
        band: tuple[float | None, float | None] | None = None,
    ) -> None:
        self.sampling_rate = sampling_rate
        self.lead_names = lead_names
        self.target_rate = target_rate
        self.baseline = baseline
        self.mains = mains
        self.band = band

    def set_output(self, *, transform: Any = None) -> Self:
        """Change nothing: filtered ECGs stay ECGs, whatever form a pipeline asks for.

        Parameters
        ----------
        transform : object, optional
            Ignored.
        """
        return self

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
        self : ECGFilter

        Raises
        ------
        SignalError
            X does not have the form of ECGs, or a frequency is not below half of its rate.
        """
        for record in self._as_records(X, reset=True):
            self._cutoffs(record.sampling_rate)
        return self

    def transform(self, X: Any) -> Any:
        """Filter ECGs.

        Parameters
        ----------
        X : array (n_records, n_leads, n_samples) or (n_records, n_leads * n_samples), or \
                sequence of ECGRecord
            In mV.

        Returns
        -------
        filtered : ndarray of float32, or list of ECGRecord
            The form of X.

        Raises
        ------
        SignalError
            X does not have the form of ECGs, or a frequency is not below half of its rate.
        """
        records = [self._filtered(record) for record in self._as_records(X, reset=False)]
        if holds_records(X):
            return records
        filtered = np.stack([record.signal for record in records])
        return filtered if np.asarray(X).ndim == 3 else filtered.reshape(len(filtered), -1)

    def _cutoffs(self, sampling_rate: float) -> tuple[float | None, float | None]:
        """Give the ends of the pass band in Hz, checked against the rate; None where it is open."""
        if self.band is not None and len(self.band) != 2:
            raise ValueError(f"Got band={self.band!r}, but expected (low, high) in Hz.")
        low, high = self.band or (None, None)
        low = self.baseline if low is None else low
        mains = None if self.mains == "auto" else self.mains
        for name, value in (("low cutoff", low), ("high cutoff", high), ("mains", mains)):
            if value is not None and not 0 < value < sampling_rate / 2:
                raise SignalError(
                    f"Got {name} {value:g} Hz, but expected it between 0 and half of the sampling "
                    f"rate, {sampling_rate / 2:g} Hz."
                )
        if low is not None and high is not None and low >= high:
            raise ValueError(f"Got a pass band from {low:g} to {high:g} Hz, which is empty.")
        return low, high

    def _filtered(self, record: ECGRecord) -> ECGRecord:
        low, high = self._cutoffs(record.sampling_rate)
        rate, old = record.sampling_rate, record.signal
        if old.shape[1] == 0:
            raise SignalError("Got an ECG without samples.")
        signal = _bridged(old)
        mains = find_mains(signal, rate) if self.mains == "auto" else self.mains
        if mains is not None:
            signal = remove_mains(signal, rate, float(mains))
        if low is not None:
            signal = butterworth(signal, rate, low, "highpass")
        if high is not None:
            signal = butterworth(signal, rate, high, "lowpass")
        new_rate = rate if self.target_rate is None else float(self.target_rate)
        signal = resampled(signal, rate, new_rate)
        missing = _missing_at(~np.isfinite(old), signal.shape[1], new_rate / rate)
        filtered = np.where(missing, np.nan, signal).astype(np.float32)
        return replace(record, signal=filtered, sampling_rate=new_rate)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        assert tags.transformer_tags is not None
        tags.transformer_tags.preserves_dtype = []  # always float32
        return tags
