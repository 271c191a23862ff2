"""What :func:`cardiorisk.evaluation.evaluate` hands back."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from cardiorisk.evaluation.intervals import Interval

__all__ = ["EvaluationResult"]

_LABELS = {
    "auroc": "AUROC",
    "auprc": "AUPRC",
    "brier": "Brier score",
    "log_loss": "log loss",
    "calibration_slope": "calibration slope",
    "calibration_intercept": "calibration intercept",
    "observed_expected_ratio": "observed:expected",
}


@dataclass(frozen=True, eq=False, repr=False)
class EvaluationResult:
    """Out-of-fold predictions and what they are worth.

    Parameters
    ----------
    protocol : str
        How the data were split, in words.
    classes : ndarray of shape (n_classes,)
        Sorted class labels; the order of the columns of ``probability``.
    pos_label : object
        The class whose probability is the risk. None for more than two classes without a chosen
        one.
    y : ndarray of shape (n,)
        Labels.
    probability : ndarray of shape (n_repeats, n, n_classes)
        Each row predicted by a model that did not see it; NaN where a row was never tested.
    fold : ndarray of int, shape (n_repeats, n)
        Which model predicted the row: a position in ``models`` and a row of ``per_fold``; -1
        where a row was never tested.
    groups : ndarray of shape (n,), optional
        The patient or site of each row.
    metrics : mapping of str to Interval
        Pooled over all folds, averaged over repeats.
    thresholds : DataFrame
        One row a threshold: sensitivity, specificity, ppv and npv with ``_low`` and ``_high``,
        and ``flagged``, the share of rows at or above the threshold. Empty without ``pos_label``.
    per_fold : DataFrame
        One row a model: repeat, held_out, n_train, n_test, n_events and each metric, with
        ``_low`` and ``_high`` where a site was left out; ``note`` tells why a value is missing.
    models : tuple
        The fitted models, if they were asked for.
    confidence : float, default=0.95
        Of every interval.
    notes : tuple of str
        Reservations that a reader must know.
    by_site : bool, default=False
        Whether ``groups`` are sites, within which the rows are the independent units.
    external : bool, default=False
        Whether the model came fitted and nothing was fitted to these rows.

    Examples
    --------
    >>> from sklearn.datasets import make_classification
    >>> from sklearn.linear_model import LogisticRegression
    >>> from cardiorisk.evaluation import evaluate
    >>> X, y = make_classification(random_state=0)
    >>> result = evaluate(LogisticRegression(), X, y, n_bootstraps=50)
    >>> result.risk.shape, list(result.to_frame().columns)
    ((100,), ['estimate', 'low', 'high', 'fold_sd', 'note'])
    """

    protocol: str
    classes: npt.NDArray[Any]
    pos_label: Any
    y: npt.NDArray[Any]
    probability: npt.NDArray[np.float64]
    fold: npt.NDArray[np.intp]
    groups: npt.NDArray[Any] | None
    metrics: Mapping[str, Interval]
    thresholds: pd.DataFrame
    per_fold: pd.DataFrame
    models: tuple[Any, ...] = ()
    confidence: float = 0.95
    notes: tuple[str, ...] = ()
    by_site: bool = False
    external: bool = False

    @property
    def code(self) -> npt.NDArray[np.intp]:
        """Position of each row's class in ``classes``, shape (n,)."""
        return np.searchsorted(self.classes, self.y)

    @property
    def patients(self) -> npt.NDArray[Any] | None:
        """Units that are resampled whole, shape (n,); None where rows are independent."""
        return None if self.by_site else self.groups

    @property
    def n_repeats(self) -> int:
        """How often each row was predicted."""
        return self.probability.shape[0]

    @property
    def tested(self) -> npt.NDArray[np.bool_]:
        """Rows that were predicted at least once, shape (n,)."""
        return np.asarray((self.fold >= 0).any(axis=0))

    @property
    def outcome(self) -> npt.NDArray[np.bool_]:
        """Whether each row has the positive class, shape (n,)."""
        return np.asarray(self.y == self._positive())

    @property
    def risk(self) -> npt.NDArray[np.float64]:
        """Probability of the positive class, mean over repeats, shape (n,); NaN if not tested."""
        column = int(np.flatnonzero(self.classes == self._positive())[0])
        values = self.probability[:, :, column]
        counts = (self.fold >= 0).sum(axis=0)
        total = np.where(self.fold >= 0, values, 0.0).sum(axis=0)
        return np.where(counts > 0, total / np.maximum(counts, 1), np.nan)

    def to_frame(self) -> pd.DataFrame:
        """Tabulate the metrics.

        Returns
        -------
        frame : DataFrame
            One row a metric, indexed by its name: ``estimate``, ``low``, ``high``, ``fold_sd``
            (the standard deviation over the test folds) and ``note``.
        """
        rows = {
            name: {
                "estimate": interval.estimate,
                "low": interval.low,
                "high": interval.high,
                "fold_sd": self.per_fold[name].std() if name in self.per_fold else np.nan,
                "note": interval.reason,
            }
            for name, interval in self.metrics.items()
        }
        return pd.DataFrame.from_dict(rows, orient="index").rename_axis("metric")

    def _positive(self) -> Any:
        if self.pos_label is None:
            raise ValueError(
                f"Got {len(self.classes)} classes without pos_label; name the class whose "
                "probability is the risk when calling evaluate."
            )
        return self.pos_label

    def __repr__(self) -> str:
        lines = [f"EvaluationResult: {self.protocol}", self._cohort()]
        width = max(map(len, _LABELS.values()))
        lines += [
            f"  {_LABELS.get(name, name):<{width}}  {interval}"
            for name, interval in self.metrics.items()
        ]
        lines += [f"Note: {note}" for note in self.notes]
        return "\n".join(lines)

    def _cohort(self) -> str:
        words = f"{len(self.y)} rows"
        if self.pos_label is not None:
            events = int(np.sum(self.outcome))
            words += f", {events} ({events / len(self.y):.0%}) with {self.pos_label!r}"
        if self.groups is not None:
            words += f", {len(np.unique(self.groups))} groups"
        return f"{words}; {self.confidence:.0%} intervals"
