"""Turn the network's probabilities into waves: where they lie, and their edges in every lead."""

from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from cardiorisk._compiled import compiled
from cardiorisk.features._wave_net import WAVES

__all__ = ["Wave", "decode"]

Floats = npt.NDArray[np.float64]
Float32s = npt.NDArray[np.float32]

CERTAIN = 0.5  # mean probability of all leads, within a wave
GAP = 8  # samples: a shorter break is inside one wave
SHORTEST = {"P": 8, "QRS": 8, "T": 12}  # samples
REACH = 30  # samples: a lead's own edge lies at most so far from that of all leads


class Wave(NamedTuple):
    """All waves of one kind, in samples: of all leads (n_waves,), of each (n_leads, n_waves)."""

    onset: Floats
    offset: Floats
    lead_onset: Floats
    lead_offset: Floats

    @property
    def middle(self) -> Floats:
        """Middle of each wave, of all leads."""
        return np.asarray((self.onset + self.offset) / 2)

    def chosen(self, index: npt.NDArray[np.int64]) -> "Wave":
        """Waves by number, -1 for none: those are NaN."""
        absent = index < 0
        picked = []
        for values in self:
            taken = (
                values[..., index]
                if values.shape[-1]
                else np.zeros((*values.shape[:-1], len(index)))
            )
            picked.append(np.where(absent, np.nan, taken))
        return Wave(*picked)


def _runs(certain: npt.NDArray[np.bool_], shortest: int) -> npt.NDArray[np.int64]:
    """First and last sample of each run, shape (n_runs, 2); breaks shorter than GAP are bridged."""
    between = np.concatenate([[False], certain, [False]])
    runs = np.flatnonzero(between[1:] != between[:-1]).reshape(-1, 2)
    if len(runs):
        apart = runs[1:, 0] - runs[:-1, 1] >= GAP
        runs = np.stack([runs[np.append(True, apart), 0], runs[np.append(apart, True), 1]], axis=1)
    return runs[runs[:, 1] - runs[:, 0] >= shortest] - np.array([0, 1])


def _crossing(
    probability: npt.NDArray[np.floating], inside: npt.NDArray[np.int64], step: int
) -> Floats:
    """Go outwards from ``inside`` to where the probability falls through a half.

    ``probability`` is (n_leads, n_samples); the result (n_leads, n_waves), between samples,
    NaN where a lead does not see the wave or never leaves it.
    """
    places = np.full((len(probability), len(inside)), np.nan)
    _fill_crossing()(probability, inside, step, places)
    return places


@cache
def _fill_crossing() -> Callable[..., None]:
    def fill(probability: Any, inside: Any, step: Any, places: Any) -> None:
        n = probability.shape[1]
        for lead in range(probability.shape[0]):
            for wave in range(len(inside)):
                place = inside[wave]
                if probability[lead, place] < 0.5:
                    continue
                for _ in range(2 * REACH):
                    following = place + step
                    if following < 0 or following >= n:
                        break
                    high = np.float64(probability[lead, place])
                    low = np.float64(probability[lead, following])
                    if low < 0.5:
                        places[lead, wave] = place + step * (high - 0.5) / (high - low)
                        break
                    place = following

    return compiled(fill)


def _edges(
    probability: Float32s, consensus: Floats, runs: npt.NDArray[np.int64], side: int
) -> tuple[Floats, Floats]:
    """Edge of all leads, and of each, on the side 0 (onset) or 1 (end)."""
    step = 1 if side else -1
    common = _crossing(consensus[None], runs[:, side], step)[0]
    common = np.where(np.isfinite(common), common, runs[:, side])
    length = runs[:, 1] - runs[:, 0]
    inside = runs[:, side] - step * np.minimum(REACH, length // 2)
    own = _crossing(probability, inside, step)
    near = np.abs(own - common) <= REACH
    return common, np.where(near, own, common)


def decode(probability: Float32s) -> dict[str, Wave]:
    """Turn probabilities, (3, n_leads, n_samples), into waves by name."""
    waves = {}
    n_leads = probability.shape[1]
    mean = np.full(n_leads, 1 / n_leads, np.float32)
    for name, each in zip(WAVES, probability, strict=True):
        consensus = (mean @ each).astype(np.float64)
        runs = _runs(consensus > CERTAIN, SHORTEST[name])
        onset, own_onset = _edges(each, consensus, runs, 0)
        offset, own_offset = _edges(each, consensus, runs, 1)
        waves[name] = Wave(onset, offset, own_onset, own_offset)
    return waves
