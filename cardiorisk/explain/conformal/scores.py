"""Conformity scores of classifiers: how strange a label would be for a row."""

from types import SimpleNamespace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from sklearn.preprocessing import LabelEncoder

from cardiorisk._optional import require

__all__ = ["TUNING_SHARE", "CalibrationScores", "calibration_scores", "label_scores"]

TOLERANCE = 1e-8  # two probabilities closer than this are one: sums differ by rounding only
TUNING_SHARE = 0.1  # of the calibration rows RAPS spends on its penalty, as in MAPIE's split


class CalibrationScores(NamedTuple):
    """Scores of the true labels, and what RAPS chose on the way.

    Parameters
    ----------
    rows : ndarray of int, shape (n_kept,)
        The calibration rows that have a score. RAPS spends the others on its penalty.
    scores : ndarray of float, shape (n_kept,)
    penalty : float
        What a label pays for each rank beyond ``free_rank``; 0 for LAC and APS.
    free_rank : float
    """

    rows: npt.NDArray[np.intp]
    scores: npt.NDArray[np.float64]
    penalty: float = 0.0
    free_rank: float = 0.0


def calibration_scores(
    probability: npt.NDArray[np.float64],
    codes: npt.NDArray[np.intp],
    method: str,
    alpha: float,
    seed: int,
) -> CalibrationScores:
    """Score the true label of each calibration row.

    Parameters
    ----------
    probability : ndarray of shape (n, n_classes)
        From a model that did not see the row.
    codes : ndarray of int, shape (n,)
        Column of the true label.
    method : {"lac", "aps", "raps"}
    alpha : float
        Miscoverage; RAPS chooses its penalty for this level.
    seed : int
        Of the rows that RAPS spends on its penalty.

    Returns
    -------
    CalibrationScores

    Notes
    -----
    These are the :func:`label_scores` of the true labels: a set keeps its promise without being
    larger than that takes only if calibration and new rows are scored by the same rule. The
    penalty of RAPS is chosen by MAPIE on rows of their own.

    Examples
    --------
    >>> import numpy as np
    >>> proba = np.array([[0.9, 0.1], [0.4, 0.6]])
    >>> calibration_scores(proba, np.array([0, 0]), "lac", alpha=0.1, seed=0).scores
    array([0.1, 0.6])
    """
    rows, penalty, free_rank = np.arange(len(codes)), 0.0, 0.0
    if method == "raps":
        rows, penalty, free_rank = _tune_raps(probability, codes, alpha, seed)
    scores = label_scores(probability[rows], method, penalty, free_rank)
    return CalibrationScores(rows, scores[np.arange(len(rows)), codes[rows]], penalty, free_rank)


def _tune_raps(
    probability: npt.NDArray[np.float64], codes: npt.NDArray[np.intp], alpha: float, seed: int
) -> tuple[npt.NDArray[np.intp], float, float]:
    """Spend some rows on the penalty; return the others, the penalty, and the ranks free of it."""
    needed = int(np.ceil((1 / alpha + 1) / TUNING_SHARE))
    counts = np.bincount(codes, minlength=probability.shape[1])
    if len(codes) < needed or counts[counts > 0].min() < 2:
        raise ValueError(
            f"Got {len(codes)} calibration rows, {counts[counts > 0].min()} in the rarest class, "
            f"but method='raps' spends {TUNING_SHARE:.0%} of them on its penalty and needs at "
            f"least {needed}, 2 in each class, at alpha={alpha:g}. Use method='aps' or 'lac'."
        )
    if probability.shape[1] == 2:
        # MAPIE ranks three classes or more. A class below every other, which no row belongs to,
        # changes neither the ranks nor the masses of the two.
        probability = np.pad(probability, ((0, 0), (0, 1)), constant_values=-1.0)
    mapie = require("mapie.conformity_scores")
    classes = np.arange(probability.shape[1])
    score = mapie.RAPSConformityScore()
    score.set_external_attributes(
        classes=classes,
        label_encoder=LabelEncoder().fit(classes),
        size_raps=TUNING_SHARE,
        random_state=seed,
    )
    # Row numbers travel through MAPIE as its X, so the model is a look-up of what is known.
    score.predictor = SimpleNamespace(
        single_estimator_=SimpleNamespace(predict_proba=lambda rows: probability[rows])
    )
    rows, codes, *_ = score.split_data(np.arange(len(codes)), codes, codes)
    scores = score.get_conformity_scores(codes, probability[rows], y_enc=codes)
    level = np.array([alpha])
    score.get_conformity_score_quantiles(scores, level, cv="prefit", include_last_label=True)
    return rows, float(np.ravel(score.lambda_star)[0]), float(np.ravel(score.k_star)[0])


def label_scores(
    probability: npt.NDArray[np.float64], method: str, penalty: float = 0.0, free_rank: float = 0.0
) -> npt.NDArray[np.float64]:
    """Score every label of new rows; a label enters the set where its score is low enough.

    Parameters
    ----------
    probability : ndarray of shape (n, n_classes)
    method : {"lac", "aps", "raps"}
    penalty, free_rank : float, default=0
        Of RAPS, see :class:`CalibrationScores`.

    Returns
    -------
    ndarray of shape (n, n_classes)

    Notes
    -----
    * LAC: one minus the probability of the label (Sadinle et al. 2019,
      doi:10.1080/01621459.2017.1395341).
    * APS (Romano et al. 2020, doi:10.48550/arXiv.2006.02544): the mass of the labels that are more
      probable, without the papers' random share of the label's own, so that equal rows get equal
      sets. Nothing precedes the most probable label; it scores minus its probability, so that the
      rate can be met in a class that the model nearly always ranks first.
    * RAPS (Angelopoulos et al. 2021, doi:10.48550/arXiv.2009.14193): APS plus ``penalty`` for each
      rank beyond ``free_rank``.

    With two classes the three order the rows alike, so their sets are the same.

    Examples
    --------
    >>> import numpy as np
    >>> label_scores(np.array([[0.7, 0.2, 0.1]]), "aps").round(3)
    array([[-0.7,  0.7,  0.9]])
    """
    if method == "lac":
        return 1.0 - probability
    scores = np.empty_like(probability)
    for column in range(probability.shape[1]):
        above = probability > probability[:, [column]] + TOLERANCE
        rank = above.sum(axis=1)
        mass = np.where(above, probability, 0.0).sum(axis=1)
        penalised = mass + penalty * np.maximum(rank - free_rank, 0.0)
        scores[:, column] = np.where(rank == 0, -probability[:, column], penalised)
    return scores
