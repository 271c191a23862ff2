"""A small convolutional network that tells P, QRS and T apart, run without torch.

Every lead passes the same stem, which is told the lead's name, so that any set of leads fits.
Mean, maximum and spread over the leads feed a U-Net that sees the whole record; its answer goes
back to every lead, whose head decides for that lead. Trained by
:mod:`cardiorisk.features._train_wave_net`; batch normalisation is folded into the weights.
"""

from collections.abc import Callable, Iterable, Mapping
from functools import cache
from importlib.resources import as_file, files
from typing import Any

import numpy as np
import numpy.typing as npt

from cardiorisk._compiled import compiled
from cardiorisk.features._convolution import (
    Kernel,
    Rows,
    convolved,
    empty_rows,
    kernel,
    padded,
)
from cardiorisk.features._convolution_layout import PAD
from cardiorisk.records import STANDARD_LEADS

__all__ = [
    "NET_RATE",
    "SPREAD_FLOOR",
    "STEP",
    "STRIDE",
    "WAVES",
    "WaveNet",
    "Weights",
    "lead_places",
    "load_weights",
    "shipped_net",
]

Floats = npt.NDArray[np.float32]
Weights = Mapping[str, Floats]

NET_RATE = 250.0  # Hz
WAVES = ("P", "QRS", "T")
STEP = 4  # samples of a lead for one of the stem
STRIDE = 32  # samples: what the network sees has a multiple of this length
KEPT = 31 * 2**20  # bytes: 32 MiB is the most that glibc regards
SPREAD_FLOOR = 1e-6  # under the square root, as in training


@cache
def load_weights() -> Weights:
    """Read the shipped weights, one array a name."""
    with as_file(files("cardiorisk.features") / "data" / "wave_net.npz") as path:
        with np.load(path, allow_pickle=False) as stored:
            return {name: stored[name].astype(np.float32) for name in stored.files}


def lead_places(names: Iterable[str]) -> npt.NDArray[np.int64]:
    """Give each lead the number that the network knows it by: 0 for a name not standard."""
    number = {name: place for place, name in enumerate(STANDARD_LEADS, start=1)}
    return np.array([number.get(name, 0) for name in names], dtype=np.int64)


def _doubled(x: Rows) -> Rows:
    """Interpolate to twice the length, between the middles of samples."""
    old = x.inside
    doubled = empty_rows(len(old), old.shape[1], 2 * x.n_samples)
    new = doubled.inside
    new[..., 0] = old[..., 0]
    new[..., 2::2] = 0.25 * old[..., :-1] + 0.75 * old[..., 1:]
    new[..., 1:-1:2] = 0.75 * old[..., :-1] + 0.25 * old[..., 1:]
    new[..., -1] = old[..., -1]
    return doubled


@cache
def _gather() -> Callable[..., None]:
    """Compile a loop that writes mean, maximum and spread over the leads."""

    def gather(stems: Any, out: Any, n_samples: Any) -> None:
        # Rows of whole arrays: of a view, the loops would not know that samples are contiguous.
        n_leads, n_channels, inside = stems.shape[0], stems.shape[1], slice(PAD, PAD + n_samples)
        share = np.float32(1 / n_leads)
        for channel in range(n_channels):
            mean, highest = out[0, channel][inside], out[0, n_channels + channel][inside]
            spread = out[0, 2 * n_channels + channel][inside]
            mean[:] = 0
            highest[:] = stems[0, channel][inside]
            spread[:] = 0
            for lead in range(n_leads):
                row = stems[lead, channel][inside]
                for place in range(n_samples):
                    mean[place] += row[place] * share
                    highest[place] = max(highest[place], row[place])
            for lead in range(n_leads):
                row = stems[lead, channel][inside]
                for place in range(n_samples):
                    apart = row[place] - mean[place]
                    spread[place] += apart * apart
            for place in range(n_samples):
                spread[place] = np.sqrt(spread[place] * share + np.float32(SPREAD_FLOOR))

    return compiled(gather)


def _probabilities(scores: Rows) -> Floats:
    """Logistic function of (n_leads, waves * STEP, n), as (waves, n_leads, n * STEP)."""
    n_leads, n_rows, _ = scores.values.shape
    result = np.empty((n_rows // STEP, n_leads, scores.n_samples * STEP), np.float32)
    _order()(scores.values, result)
    np.exp(result, out=result)
    result += 1
    return np.reciprocal(result, out=result)


@cache
def _order() -> Callable[..., None]:
    """Compile a loop that lines up, negative, what each sample of the stem says of STEP samples."""

    def order(scores: Any, out: Any) -> None:
        large = np.float32(30)  # numbers too small for float32's full precision are slow
        n_waves, n_leads, n = out.shape
        for wave in range(n_waves):
            for lead in range(n_leads):
                to = out[wave, lead]
                for step in range(STEP):
                    row = scores[lead, STEP * wave + step][PAD : PAD + n // STEP]
                    for place in range(n // STEP):
                        to[STEP * place + step] = -min(max(row[place], -large), large)

    return compiled(order)


class WaveNet:
    """The network with its weights in the layout that convolutions want.

    Parameters
    ----------
    weights : mapping of str to ndarray
        From :func:`load_weights` or the training.
    """

    def __init__(self, weights: Weights) -> None:
        self.places = weights["places"]
        self.scores = weights["scores.weight"][0].T, weights["scores.bias"][:, None]
        layers = (name.removesuffix(".weight") for name in weights if name.endswith(".weight"))
        names = sorted(set(layers) - {"scores"})
        self.kernels = {name: self._laid(weights, name) for name in names}
        self.depth = sum(name.startswith("down") for name in names)
        # A convolution is linear: what all leads have in common goes through the head only once.
        weight, bias = weights["head0.weight"], weights["head0.bias"]
        n_common = weights["down0.weight"].shape[2] + len(WAVES)
        self.kernels["common"] = kernel(weight[:, :n_common], bias)
        self.kernels["own"] = kernel(weight[:, n_common:], bias)

    @staticmethod
    def _laid(weights: Weights, name: str) -> Kernel:
        stride = (
            STEP if name == "stem0" else 2 if name.startswith("down") and name != "down0" else 1
        )
        return kernel(weights[f"{name}.weight"], weights[f"{name}.bias"], stride)

    def _layer(self, parts: Iterable[Rows], name: str) -> Rows:
        return convolved(list(parts), self.kernels[name])

    def _trunk(self, stems: Rows) -> Rows:
        """See all leads together: (n_leads, channels, n) -> features and scores."""
        x = empty_rows(1, 3 * stems.values.shape[1], stems.n_samples)
        _gather()(stems.values, x.values, x.n_samples)
        levels = []
        for depth in range(self.depth):
            x = self._layer([x], f"down{depth}")
            levels.append(x)
        x = self._layer([self._layer([x], "bottom0")], "bottom1")
        for depth in reversed(range(self.depth - 1)):
            x = self._layer([_doubled(x), levels[depth]], f"up{depth}")
        weight, bias = self.scores
        scores = weight @ x.inside[0] + bias
        seen = empty_rows(1, x.values.shape[1] + len(scores), x.n_samples)
        np.concatenate([x.inside[0], scores], out=seen.inside[0])
        return seen

    def probability(self, leads: Floats, places: npt.NDArray[np.int64]) -> Floats:
        """Tell for every sample of every lead which waves it belongs to.

        Parameters
        ----------
        leads : ndarray of float32, shape (n_leads, n_samples)
            At ``NET_RATE``, without baseline wander, each lead divided by the 99th percentile of
            its absolute values.
        places : ndarray of int, shape (n_leads,)
            From :func:`lead_places`.

        Returns
        -------
        probability : ndarray of float32, shape (3, n_leads, n_samples)
            In the order of ``WAVES``, each by itself: T may not have ended when P begins.
        """
        n_leads, n_samples = leads.shape
        whole = np.zeros((n_leads, 1, -(-n_samples // STRIDE) * STRIDE), np.float32)
        whole[:, 0, :n_samples] = leads
        first = self._layer([padded(whole)], "stem0")
        told = convolved([first], self.kernels["stem1"], shift=self.places[places])
        stems = self._layer([told], "stem2")
        common = convolved([self._trunk(stems)], self.kernels["common"], rectified=False)
        hidden = convolved([stems], self.kernels["own"], onto=common.inside)
        hidden = self._layer([hidden, first], "head1")
        scores = convolved([hidden], self.kernels["out"], rectified=False)
        return _probabilities(scores)[..., :n_samples]


@cache
def shipped_net() -> WaveNet:
    """Give the network of the package, and keep the memory that a record needs."""
    # Once so large a block was freed, glibc keeps what is freed later up to this size. It would
    # give it back to the system after every record, which takes a tenth of the time of a record.
    np.empty(KEPT, np.uint8)
    return WaveNet(load_weights())
