"""How much a person's estimate moves when the model is refitted on resampled people."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import clone
from sklearn.utils.parallel import Parallel, delayed

from cardiorisk._optional import require
from cardiorisk.explain.report.inputs import Effort, ReportInputs
from cardiorisk.explain.report.unseen import explain_rows

__all__ = ["Refits", "refit_resampled"]

N_TOP = 3
SET_ASIDE = 0.05  # largest share of the people that one series of refits goes without
MIDDLE = (5, 95)  # percentiles: with some tens of refits the outermost 5 % are single refits


@dataclass(frozen=True, eq=False)
class Refits:
    """Estimates and strongest reasons of chosen people over refits.

    Parameters
    ----------
    risk : ndarray of shape (n_refits, n_people)
        NaN for people without whom only one class was left to learn from.
    top : ndarray of int, shape (n_refits, n_people, 3)
        Columns with the largest effects, sorted by position.
    """

    risk: npt.NDArray[np.float64]
    top: npt.NDArray[np.intp]

    def known(self, person: int) -> bool:
        """Whether there are refits that predict this person."""
        return bool(len(self.risk)) and not np.isnan(self.risk[0, person])

    def middle(self, person: int, risk: float) -> tuple[float, float]:
        """Range of the middle 90 % of refits, widened to hold the estimate itself."""
        if not self.known(person):
            return float("nan"), float("nan")
        low, high = np.percentile(self.risk[:, person], MIDDLE)
        return min(float(low), risk), max(float(high), risk)

    def stability(self, person: int, points: npt.NDArray[np.float64]) -> float:
        """Share of refits whose three strongest reasons are these three.

        NaN without a refit, and where there are no more than three columns to choose from.
        """
        if not self.known(person) or len(points) <= N_TOP:
            return float("nan")
        return float((self.top[:, person] == strongest(points[None])[0]).all(axis=1).mean())


def strongest(values: npt.NDArray[np.float64]) -> npt.NDArray[np.intp]:
    """Positions of the largest effects of each row, in increasing order of position."""
    return np.sort(np.argsort(-np.abs(values), axis=1, kind="stable")[:, :N_TOP], axis=1)


def refit_resampled(
    inputs: ReportInputs,
    rows: npt.NDArray[np.intp],
    effort: Effort,
) -> Refits:
    """Refit on bootstrap samples of people who are not shown, and predict those shown.

    Patients are drawn whole. Nobody is predicted by a refit that saw them or another of their
    records. The shown are set aside a few at a time, so that a report of many patient pages
    does not refit on the few who are left. Where only one class is left, there is no range.
    """
    at_once = max(1, int(SET_ASIDE * len(np.unique(inputs.clusters))))
    parts = [rows[start : start + at_once] for start in range(0, len(rows), at_once)]
    series = [_refit_without(inputs, part, effort) for part in parts]
    return Refits(
        np.concatenate([one.risk for one in series], axis=1),
        np.concatenate([one.top for one in series], axis=1),
    )


def _refit_without(inputs: ReportInputs, rows: npt.NDArray[np.intp], effort: Effort) -> Refits:
    n_top = min(N_TOP, inputs.table.shape[1])
    rest = np.flatnonzero(~np.isin(inputs.clusters, inputs.clusters[rows]))
    if not effort.n_refits or len(np.unique(inputs.events[rest])) < 2:
        shape = (effort.n_refits, len(rows))
        return Refits(np.full(shape, np.nan), np.full((*shape, n_top), -1, dtype=np.intp))
    random = np.random.RandomState(effort.random_state)
    seeds = random.randint(2**31 - 1, size=effort.n_refits)
    bar = require("tqdm").tqdm(seeds, desc="refits", disable=not effort.verbose, leave=False)
    done = Parallel(n_jobs=effort.n_jobs)(delayed(_refit)(inputs, rows, rest, int(s)) for s in bar)
    risk, top = zip(*done, strict=True)
    return Refits(np.stack(risk), np.stack(top))


def _refit(
    inputs: ReportInputs, rows: npt.NDArray[np.intp], rest: npt.NDArray[np.intp], seed: int
) -> tuple[Any, Any]:
    sample = _draw(inputs, rest, np.random.RandomState(seed))
    model = clone(inputs.model).fit(inputs.take(sample), inputs.y[sample])
    column = int(np.flatnonzero(model.classes_ == inputs.pos_label)[0])
    risk = model.predict_proba(inputs.take(rows))[:, column]
    reasons = explain_rows(inputs, model, rows, sample, seed)
    return risk, strongest(reasons.values)


def _draw(
    inputs: ReportInputs, rest: npt.NDArray[np.intp], random: np.random.RandomState
) -> npt.NDArray[np.intp]:
    """Draw patients with replacement until both classes are there, and return their rows."""
    _, codes = np.unique(inputs.clusters[rest], return_inverse=True)
    members = np.split(rest[np.argsort(codes, kind="stable")], np.cumsum(np.bincount(codes))[:-1])
    while True:
        drawn = random.randint(len(members), size=len(members))
        sample = np.concatenate([members[place] for place in drawn])
        if 0 < inputs.events[sample].sum() < len(sample):
            return sample
