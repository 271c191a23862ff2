"""The area under the ROC curve of several models with its covariance, in one sort each."""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.special import expit, logit, ndtri
from scipy.stats import rankdata

from cardiorisk.evaluation.intervals import Interval

__all__ = ["Areas", "delong", "delong_interval"]

Floats = npt.NDArray[np.float64]


class Areas(NamedTuple):
    """AUROCs (k,) and their covariance (k, k); NaN where a class has fewer than two units."""

    auroc: Floats
    covariance: Floats


def delong(
    events: npt.NDArray[np.bool_], risks: Floats, groups: npt.NDArray[Any] | None = None
) -> Areas:
    """Estimate AUROCs on the same rows and their joint sampling variance.

    Departures from the papers:

    - the placement values come from midranks (Sun and Xu), so the cost is that of sorting;
    - with several predictions of a row the area is the mean over repeats, and so is what each row
      contributes to it;
    - with ``groups`` contributions are summed within a group before they are squared (Obuchowski),
      which with groups of one row is DeLong's estimate.

    Parameters
    ----------
    events : ndarray of bool, shape (n,)
    risks : ndarray of shape (k, n) or (k, n_repeats, n)
        One prediction a model, or several; NaN where a repeat did not test the row.
    groups : ndarray of shape (n,), optional
        The patient of each row. None takes rows as independent.

    Returns
    -------
    areas : Areas

    References
    ----------
    DeLong ER, DeLong DM, Clarke-Pearson DL. Biometrics 1988;44:837-845. doi:10.2307/2531595;
    Sun X, Xu W. IEEE Signal Process Lett 2014;21:1389-1393. doi:10.1109/LSP.2014.2337313;
    clusters: Obuchowski NA. Biometrics 1997;53:567-578. doi:10.2307/2533958

    Examples
    --------
    >>> events = np.array([False, False, True, True])
    >>> delong(events, np.array([[0.1, 0.4, 0.35, 0.8]])).auroc
    array([0.75])
    """
    stacked = risks if risks.ndim == 3 else risks[:, None]
    n_models, n_repeats, n = stacked.shape
    auroc = np.zeros(n_models)
    shares = np.zeros((2, n_models, n))  # what events, and the others, add to each area
    for k, model in enumerate(stacked):
        for repeat in model:
            area, share = _placements(events, repeat)
            auroc[k] += area / n_repeats
            shares[:, k] += share / n_repeats
    tested = ~np.isnan(stacked[0]).all(axis=0)
    code = np.arange(n) if groups is None else np.unique(groups, return_inverse=True)[1]
    of_events, of_others = (_sum_by_unit(part, code) for part in shares)
    factors = [_factor(code[rows]) for rows in (tested & events, tested & ~events, tested)]
    both = of_events @ of_others.T
    covariance = factors[0] * of_events @ of_events.T + factors[1] * of_others @ of_others.T
    return Areas(auroc, covariance + factors[2] * (both + both.T))


def delong_interval(area: float, variance: float, confidence: float = 0.95) -> Interval:
    """Limit an AUROC by the normal interval of its log-odds.

    It stays within 0 and 1, and its coverage near 1 is better than that of the plain normal
    interval.

    Parameters
    ----------
    area, variance : float
    confidence : float, default=0.95

    Returns
    -------
    interval : Interval
        Without limits where the area is 0 or 1: no variation is seen there.

    References
    ----------
    Pepe MS. The Statistical Evaluation of Medical Tests. 2003, section 5.2.5 (log-odds scale).
    Qin G, Hotilovac L. Stat Methods Med Res 2008;17:207-221. doi:10.1177/0962280207087173

    Examples
    --------
    >>> print(delong_interval(0.9, 0.0004))
    0.90 (0.85 to 0.93)
    """
    if np.isnan(area):
        return Interval(np.nan, np.nan, np.nan, "a class is absent")
    if not 0 < area < 1:
        return Interval(area, np.nan, np.nan, "the risks separate the classes perfectly")
    if not np.isfinite(variance):
        return Interval(area, np.nan, np.nan, "a class has a single row or group")
    half = ndtri((1 + confidence) / 2) * np.sqrt(variance) / (area * (1 - area))
    return Interval(area, float(expit(logit(area) - half)), float(expit(logit(area) + half)))


def _placements(events: npt.NDArray[np.bool_], risk: Floats) -> tuple[float, Floats]:
    """Area, and what each row adds to it as an event or as another (2, n), centred."""
    share = np.zeros((2, len(risk)))
    tested = ~np.isnan(risk)
    cases, others = np.flatnonzero(tested & events), np.flatnonzero(tested & ~events)
    m, n = len(cases), len(others)
    if not m or not n:
        return np.nan, share
    joint = rankdata(risk[np.append(cases, others)])
    below_case = (joint[:m] - rankdata(risk[cases])) / n
    above_other = 1 - (joint[m:] - rankdata(risk[others])) / m
    area = float(below_case.mean())
    share[0, cases] = (below_case - area) / m
    share[1, others] = (above_other - area) / n
    return area, share


def _sum_by_unit(share: Floats, code: npt.NDArray[np.intp]) -> Floats:
    if len(code) and code.max() == len(code) - 1:
        return share
    return np.stack([np.bincount(code, row) for row in share])


def _factor(units: npt.NDArray[np.intp]) -> float:
    """Correction of a variance for the number of independent units."""
    count = len(np.unique(units))
    return count / (count - 1) if count > 1 else np.nan
