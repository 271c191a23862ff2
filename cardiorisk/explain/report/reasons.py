"""What the model uses over the cohort: shuffled AUROC and points of risk, on unseen people."""

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import stats

from cardiorisk.evaluation import Interval
from cardiorisk.explain.attribution.histories import swap_codes
from cardiorisk.explain.report.cohort import is_numeric
from cardiorisk.explain.report.inputs import ReportInputs
from cardiorisk.explain.report.summary import VISIBLE_DROP, FeatureUse, ReasonsSummary
from cardiorisk.explain.report.unseen import Points, Unseen
from cardiorisk.explain.report.wording import format_value, is_missing

__all__ = ["auroc_difference", "summarise_reasons"]

MAX_FEATURES = 12
N_SHUFFLES = 3


def summarise_reasons(
    inputs: ReportInputs, unseen: Unseen, explained: Points, random_state: int
) -> ReasonsSummary:
    """Rank the measurements by what shuffling them costs.

    The twelve with the largest mean effect on the risk are shuffled, within each fold, and the
    model of that fold predicts again. Where no shuffle costs anything, because others say the
    same, the ranking by mean effect stays.
    """
    mean_points = np.abs(explained.values).mean(axis=0)
    ranking = tuple(int(place) for place in np.argsort(-mean_points, kind="stable"))
    strongest = ranking[:MAX_FEATURES]
    names = [inputs.table.columns[place] for place in strongest]
    shuffled = _shuffled_risks(inputs, unseen, names, random_state)
    tested = unseen.result.fold[0] >= 0
    baseline = _first_repeat(inputs, unseen)[tested]
    features = []
    for place, name, risks in zip(strongest, names, shuffled, strict=True):
        drop = auroc_difference(
            inputs.events[tested], baseline, risks[:, tested], inputs.clusters[tested]
        )
        features.append(
            FeatureUse(
                inputs.schema[name],
                drop,
                float(mean_points[place]),
                _plot_values(inputs, name, explained.rows),
                explained.values[:, place],
            )
        )
    if any(feature.drop.estimate >= VISIBLE_DROP for feature in features):
        features.sort(key=lambda feature: -feature.drop.estimate)
    return ReasonsSummary(tuple(features), ranking, len(explained.rows), explained.method)


def _first_repeat(inputs: ReportInputs, unseen: Unseen) -> npt.NDArray[np.float64]:
    column = int(np.flatnonzero(unseen.result.classes == inputs.pos_label)[0])
    return unseen.result.probability[0, :, column]


def _plot_values(inputs: ReportInputs, name: Any, rows: npt.NDArray[np.intp]) -> npt.NDArray[Any]:
    column, variable = inputs.table[name].iloc[rows], inputs.schema[name]
    if not is_numeric(column, variable):
        return np.array([format_value(value, variable) for value in column], dtype=object).astype(
            str
        )
    values = column.to_numpy(dtype=float, copy=True, na_value=np.nan)
    values[[is_missing(value, variable) for value in column]] = np.nan
    return values


def _shuffled_risks(
    inputs: ReportInputs, unseen: Unseen, names: list[Any], random_state: int
) -> npt.NDArray[np.float64]:
    """Risk of each row after shuffling one column, shape (n_names, N_SHUFFLES, n)."""
    random = np.random.RandomState(random_state)
    risks = np.full((len(names), N_SHUFFLES, len(inputs.y)), np.nan)
    for model, test in unseen.folds():
        column = int(np.flatnonzero(model.classes_ == inputs.pos_label)[0])
        positions = np.tile(test, N_SHUFFLES)
        for place, name in enumerate(names):
            mixed = np.concatenate([random.permutation(test) for _ in range(N_SHUFFLES)])
            risk = model.predict_proba(_with_mixed(inputs, positions, name, mixed))[:, column]
            risks[place][:, test] = risk.reshape(N_SHUFFLES, len(test))
    return risks


def _with_mixed(
    inputs: ReportInputs, rows: npt.NDArray[np.intp], name: Any, mixed: npt.NDArray[np.intp]
) -> Any:
    """Rows that the model reads, with one column from other rows."""
    if inputs.histories is not None and inputs.codes is not None:
        place = inputs.table.columns.get_loc(name)
        return swap_codes(inputs.histories, rows, mixed, inputs.codes.column_of_code == place)
    table = inputs.table.iloc[rows].reset_index(drop=True)
    table[name] = inputs.table[name].iloc[mixed].to_numpy()
    return table


def _placements(
    events: npt.NDArray[np.bool_], risk: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Share of the other class that each row is ranked against correctly, shape (n,)."""
    all_ranks = stats.rankdata(risk)
    own_ranks = np.empty(len(risk))
    own_ranks[events] = stats.rankdata(risk[events])
    own_ranks[~events] = stats.rankdata(risk[~events])
    below = all_ranks - own_ranks  # members of the other class below, ties counted as half
    n_with, n_without = events.sum(), (~events).sum()
    return np.where(events, below / n_without, 1 - below / n_with)


def auroc_difference(
    events: npt.NDArray[np.bool_],
    first: npt.NDArray[np.float64],
    others: npt.NDArray[np.float64],
    clusters: npt.NDArray[Any],
) -> Interval:
    """Difference of paired AUROCs with a 95% interval by cluster.

    Parameters
    ----------
    events : ndarray of bool, shape (n,)
    first : ndarray of shape (n,)
        Risks of the model.
    others : ndarray of shape (m, n)
        Risks to compare with; their AUROCs are averaged.
    clusters : ndarray of shape (n,)
        Patient of each row.

    Returns
    -------
    Interval
        AUROC of ``first`` less the mean AUROC of ``others``.

    References
    ----------
    DeLong et al. 1988, doi:10.2307/2531595; clustered as in Obuchowski 1997, doi:10.2307/2533958.

    Examples
    --------
    >>> events = np.array([False, False, True, True])
    >>> risk = np.array([0.1, 0.4, 0.35, 0.8])
    >>> auroc_difference(events, risk, risk[None], np.arange(4))
    Interval(estimate=0.0, low=0.0, high=0.0, reason='')
    """
    placed = np.mean([_placements(events, risk) for risk in others], axis=0)
    change = _placements(events, first) - placed
    n_with, n_without = int(events.sum()), int((~events).sum())
    estimate = float(change[events].mean())
    codes = np.unique(clusters, return_inverse=True)[1]
    weights = np.where(events, 1 / n_with, 1 / n_without)
    sums = np.bincount(codes, weights * (change - estimate))
    n_clusters = len(sums)
    variance = n_clusters / max(n_clusters - 1, 1) * float((sums**2).sum())
    margin = 1.959964 * variance**0.5
    return Interval(estimate, estimate - margin, estimate + margin)
