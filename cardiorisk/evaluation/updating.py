"""Adapt the risks of a model to new people, and see what that would be worth on others of them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import expit
from sklearn.isotonic import IsotonicRegression

from cardiorisk._validation import check_groups
from cardiorisk.evaluation.calibration_curve import calibration
from cardiorisk.evaluation.intervals import check_confidence
from cardiorisk.evaluation.outcomes import check_outcome, check_probability
from cardiorisk.evaluation.pooling import binary_intervals
from cardiorisk.evaluation.protocols import resolve_protocol
from cardiorisk.evaluation.recalibration import (
    calibration_in_the_large,
    log_odds,
    recalibration_line,
)

__all__ = ["METHODS", "Recalibration", "recalibrate"]

Floats = npt.NDArray[np.float64]
Events = npt.NDArray[np.bool_]
Update = Callable[[Floats], Floats]

METHODS = ("none", "intercept", "slope", "isotonic")
ENOUGH_FOR_ISOTONIC = 1000


@dataclass(frozen=True, eq=False, repr=False)
class Recalibration:
    """Updates of a model's risks, and their measures on rows that they were not fitted to.

    Parameters
    ----------
    table : DataFrame
        One row a method, ``"none"`` first: each measure of ``EvaluationResult.metrics`` and
        ``ici``, with ``_low`` and ``_high``, all from out-of-fold updates.
    intercept : float
        Added to the log-odds by ``"intercept"``, fitted to all rows.
    line : tuple of (float, float)
        Intercept and slope of ``"slope"``, fitted to all rows.
    steps : DataFrame
        The isotonic curve fitted to all rows: ``predicted`` and ``updated``.
    protocol : str
    n, n_events : int
    notes : tuple of str

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> risk = rng.uniform(0.1, 0.9, 500)
    >>> found = recalibrate(rng.random(500) < risk / 2, risk, n_bootstraps=0)
    >>> bool(found.apply([0.5], "slope")[0] < 0.3)
    True
    """

    table: pd.DataFrame
    intercept: float
    line: tuple[float, float]
    steps: pd.DataFrame
    protocol: str
    n: int
    n_events: int
    notes: tuple[str, ...] = ()

    def apply(self, probability: Any, method: str = "slope") -> Floats:
        """Update risks.

        Parameters
        ----------
        probability : array-like of shape (n,)
            Risks of the model that was recalibrated.
        method : {"none", "intercept", "slope", "isotonic"}, default="slope"

        Returns
        -------
        updated : ndarray of shape (n,)
        """
        risk = check_probability(probability, len(np.asarray(probability)))
        if method not in METHODS:
            raise ValueError(f"Got method={method!r}, but expected one of {METHODS}.")
        if method == "none":
            return risk
        if method == "isotonic":
            steps = self.steps
            return np.interp(risk, steps["predicted"], steps["updated"])
        a, b = (self.intercept, 1.0) if method == "intercept" else self.line
        return expit(a + b * log_odds(risk)[0])

    def to_frame(self) -> pd.DataFrame:
        """Tabulate the methods; the same as ``table``."""
        return self.table.copy()

    def __repr__(self) -> str:
        chosen = ["calibration_intercept", "calibration_slope", "observed_expected_ratio"]
        chosen += ["ici", "brier", "log_loss", "auroc"]
        lines = [
            f"Recalibration: {self.n} rows, {self.n_events} events; updates by {self.protocol}",
            self.table[chosen].to_string(float_format=lambda value: f"{value:.3f}"),
        ]
        return "\n".join(lines + [f"Note: {note}" for note in self.notes])


def recalibrate(
    y: Any,
    probability: Any,
    *,
    groups: Any = None,
    cv: Any = 10,
    n_bootstraps: int = 500,
    confidence: float = 0.95,
    pos_label: Any = None,
    random_state: Any = 0,
) -> Recalibration:
    """Fit three updates of a model's risks to new people, each measured on others of them.

    ``"intercept"`` shifts the log-odds, ``"slope"`` shifts and stretches them, ``"isotonic"`` takes
    any rising curve. In-sample each looks perfect; here every row is updated by a fit to the other
    folds.

    Parameters
    ----------
    y : array-like of shape (n,)
        Labels of two classes (of more with ``pos_label``), of people whom the model did not see.
    probability : array-like of shape (n,)
        Predicted risk of the event: ``risk`` of an external ``EvaluationResult``.
    groups : array-like of shape (n,), optional
        The patient of each row, kept whole in folds and resamples.
    cv : as in :func:`~cardiorisk.evaluation.evaluate`, default=10
    n_bootstraps : int, default=500
    confidence : float, default=0.95
    pos_label : object, optional
        The class that is an event. None takes the second of two classes.
    random_state : int, RandomState instance or None, default=0

    Returns
    -------
    found : Recalibration

    Raises
    ------
    ValueError
        Labels or risks are missing or out of range, there are too few for the folds, or the
        slope does not exist in a fold.

    Notes
    -----
    Departure from the papers: the isotonic curve is held half a row away from 0 and 1, whose log
    loss is infinite.

    References
    ----------
    Cox DR. Biometrika 1958;45:562-565. doi:10.1093/biomet/45.3-4.562; Steyerberg EW et al. Stat
    Med 2004;23:2567-2586. doi:10.1002/sim.1844; choice of method: Vergouwe Y et al. Stat Med
    2017;36:4529-4539. doi:10.1002/sim.7179; isotonic: Zadrozny B, Elkan C. KDD 2002:694-699.
    doi:10.1145/775047.775151

    Examples
    --------
    >>> import numpy as np
    >>> from cardiorisk.evaluation import recalibrate
    >>> rng = np.random.default_rng(0)
    >>> risk = rng.uniform(0.1, 0.9, 800)
    >>> table = recalibrate(rng.random(800) < risk / 2, risk, n_bootstraps=0).table
    >>> table["observed_expected_ratio"].round(1).tolist()
    [0.5, 1.0, 1.0, 1.0]
    """
    check_confidence(n_bootstraps, confidence)
    events, risk = check_outcome(y, probability, pos_label)
    groups = check_groups(groups, len(events))
    protocol = resolve_protocol(cv, risk, events, groups, random_state)
    options: dict[str, Any] = {"groups": groups, "n_bootstraps": n_bootstraps}
    options |= {"confidence": confidence, "random_state": random_state}
    rows = {}
    for method in METHODS:
        updated = risk if method == "none" else np.full(len(risk), np.nan)
        for train, test in protocol.splits if method != "none" else ():
            updated[test] = _fit(method, events[train], risk[train])(risk[test])
        if np.isnan(updated).any():
            raise ValueError(
                f"Got cv={cv!r} that leaves {np.isnan(updated).sum()} rows untested, or folds in "
                f"which {method!r} does not exist: use fewer folds; equal risks, and risks that "
                "separate the outcomes perfectly, have no slope."
            )
        rows[method] = _measured(events, updated, options)
    isotonic = _isotonic(events, risk)
    steps = pd.DataFrame({"predicted": isotonic.X_thresholds_, "updated": isotonic.y_thresholds_})
    line = _line(events, risk)
    return Recalibration(
        table=pd.DataFrame.from_dict(rows, orient="index").rename_axis("method"),
        intercept=_shift(events, risk),
        line=line,
        steps=steps,
        protocol=protocol.words,
        n=len(events),
        n_events=int(events.sum()),
        notes=_notes(len(events)),
    )


def _fit(method: str, events: Events, risk: Floats) -> Update:
    if method == "isotonic":
        curve = _isotonic(events, risk)
        return lambda new: np.asarray(curve.predict(new), dtype=np.float64)
    a, b = (_shift(events, risk), 1.0) if method == "intercept" else _line(events, risk)
    return lambda new: np.asarray(expit(a + b * log_odds(new)[0]), dtype=np.float64)


def _shift(events: Events, risk: Floats) -> float:
    fit = calibration_in_the_large(log_odds(risk)[0], events.astype(np.float64))
    return float(fit(np.ones((1, len(risk))))[0, 0])


def _line(events: Events, risk: Floats) -> tuple[float, float]:
    fit = recalibration_line(log_odds(risk)[0], events.astype(np.float64))
    a, b = fit(np.ones((1, len(risk))))[0]
    return float(a), float(b)


def _isotonic(events: Events, risk: Floats) -> IsotonicRegression:
    edge = 0.5 / len(risk)
    curve = IsotonicRegression(y_min=edge, y_max=1 - edge, out_of_bounds="clip")
    return curve.fit(risk, events.astype(np.float64))


def _measured(events: Events, risk: Floats, options: dict[str, Any]) -> dict[str, float]:
    intervals = binary_intervals(events, risk, **options)
    intervals["ici"] = calibration(events, risk, **options).ici
    row: dict[str, float] = {}
    for name, interval in intervals.items():
        row |= {name: interval.estimate, f"{name}_low": interval.low, f"{name}_high": interval.high}
    return row


def _notes(n: int) -> tuple[str, ...]:
    if n >= ENOUGH_FOR_ISOTONIC:
        return ()
    return (
        f"{n} rows are few for an isotonic curve, which overfits below about "
        f"{ENOUGH_FOR_ISOTONIC}; prefer the slope.",
    )
