"""Thresholds at which recall or precision is at least a target, found by MAPIE."""

import warnings
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import expit

from cardiorisk._optional import require

__all__ = ["THRESHOLDS", "controlled_thresholds", "required_positives"]

THRESHOLDS = np.concatenate([[0.0], expit(np.linspace(-8.0, 8.0, 161))])
"""Candidates, even on the logit scale so that rare labels have some; fixed before any data."""

COARSE = THRESHOLDS[1::4]  # for precision, whose thresholds share the error equally
LINEAR = np.linspace(0.0, 0.99, 100)  # what MAPIE's bounds over records expect

Floats = npt.NDArray[np.float64]


def required_positives(target: float, confidence: float) -> int:
    """Fewest positives that can show a recall above the target, if all of them are found.

    Examples
    --------
    >>> required_positives(0.9, 0.9), required_positives(0.95, 0.9)
    (22, 45)
    """
    return int(np.ceil(np.log(1.0 - confidence) / np.log(target) - 1e-9))


def controlled_thresholds(
    probability: Floats,
    present: npt.NDArray[np.bool_],
    risk: str,
    target: float,
    confidence: float,
    over: str = "label",
) -> Floats:
    """Find the threshold of each label at which the risk is controlled.

    Parameters
    ----------
    probability : ndarray of shape (n, n_labels)
        Of the calibration rows, from a model that did not see them.
    present : ndarray of bool, shape (n, n_labels)
    risk : {"recall", "precision"}
    target : float
        What the recall or precision shall reach at least.
    confidence : float
        Probability, over calibration samples, that it does.
    over : {"label", "record"}, default="label"
        ``"label"`` controls each label among its positives (recall) or among its alarms
        (precision). ``"record"`` controls the mean over records that have a label, with one
        threshold for all labels.

    Returns
    -------
    ndarray of shape (n_labels,)
        NaN where no threshold is known to reach the target.

    Notes
    -----
    Learn then test (Angelopoulos et al. 2025, doi:10.1214/24-AOAS1998) with the p-values of
    Hoeffding and Bentkus. Recall falls as the threshold rises, so thresholds are tested in that
    order, each at the full level (fixed sequence). Precision need not fall or rise, so 41
    thresholds are tested at a 41st of the level each (Bonferroni). Over records, recall is
    controlled by risk-controlling prediction sets with Hoeffding's bound (Bates et al. 2021,
    doi:10.48550/arXiv.2101.02703).
    """
    if over == "record":
        threshold = _threshold_of_records(probability, present, risk, target, confidence)
        return np.full(probability.shape[1], threshold)
    return np.array(
        [
            _threshold_of_label(column, truth, risk, target, confidence)
            for column, truth in zip(probability.T, present.T, strict=True)
        ]
    )


def _threshold_of_label(
    probability: Floats, present: npt.NDArray[np.bool_], risk: str, target: float, confidence: float
) -> float:
    if not present.any():
        return float("nan")
    control = require("mapie.risk_control")
    rising = risk == "recall"
    controller = control.BinaryClassificationController(
        lambda p: np.column_stack([1.0 - p, p]),
        risk,
        float(target),
        confidence_level=float(confidence),
        list_predict_params=THRESHOLDS if rising else COARSE,
        fwer_method="fixed_sequence" if rising else "bonferroni",
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # where nothing is controlled, NaN says so
        controller.calibrate(probability, present.astype(int))
    valid = controller.valid_predict_params
    if not len(valid):
        return float("nan")
    # The largest for recall and the smallest for precision: each gives most of the other.
    return float(valid.max() if rising else valid.min())


def _threshold_of_records(
    probability: Floats, present: npt.NDArray[np.bool_], risk: str, target: float, confidence: float
) -> float:
    labelled = present.any(axis=1)
    if not labelled.any():
        return float("nan")
    settings: dict[str, Any] = {"rcps_bound": "hoeffding"} if risk == "recall" else {}
    controller = require("mapie.risk_control").MultiLabelClassificationController(
        lambda p: p,
        risk=risk,
        method="rcps" if risk == "recall" else "ltt",
        target_level=float(target),
        confidence_level=float(confidence),
        predict_params=LINEAR,
        **settings,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        controller.calibrate(probability[labelled], present[labelled].astype(int))
    if risk == "recall" and controller.r_hat_plus[0] >= 1.0 - target:
        return float("nan")
    # MAPIE predicts above the threshold, and here a label is predicted at it.
    return float(np.nextafter(controller.best_predict_param[0], 1.0))
