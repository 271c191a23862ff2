"""A small convolutional network that tells P, QRS and T apart, run with numpy alone.

Every lead passes the same stem, which is told the lead's name, so that any set of leads fits.
Mean, maximum and spread over the leads feed a U-Net that sees the whole record; its answer goes
back to every lead, whose head decides for that lead. Trained by
:mod:`cardiorisk.features._train_wave_net`; batch normalisation is folded into the weights.

Samples are rows and channels are columns: a window of samples is then one stretch of memory, and
a convolution some matrix products without copies.
"""

from collections.abc import Iterable, Mapping
from functools import cache
from importlib.resources import as_file, files
from itertools import count

import numpy as np
import numpy.typing as npt

from cardiorisk.records import STANDARD_LEADS

__all__ = [
    "NET_RATE",
    "SPREAD_FLOOR",
    "STEP",
    "STRIDE",
    "WAVES",
    "Weights",
    "lead_places",
    "load_weights",
    "wave_probability",
]

Floats = npt.NDArray[np.float32]
Weights = Mapping[str, Floats]

NET_RATE = 250.0  # Hz
WAVES = ("P", "QRS", "T")
STEP = 4  # samples of a lead for one of the stem
STRIDE = 32  # samples: what the network sees has a multiple of this length
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


def _convolve(rows: Floats, weight: Floats, stride: int) -> Floats:
    """Convolve (n, channels) with (width, channels, outputs), from the first whole window on.

    Windows that do not overlap are rows of a matrix as they lie in memory.
    """
    width, channels, outputs = weight.shape
    kernel = weight.reshape(width * channels, outputs)
    apart = -(-width // stride)  # windows until the next one that does not overlap
    out = np.empty(((len(rows) - width) // stride + 1, outputs), np.float32)
    step, item = rows.strides
    strides = (apart * stride * step, item)
    for first in range(min(apart, len(out))):
        part = out[first::apart]
        shape = (len(part), width * channels)
        windows = np.ndarray(shape, np.float32, rows, first * stride * step, strides)
        np.matmul(windows, kernel, out=part)
    return out


def _filtered(inputs: Iterable[Floats], weight: Floats, stride: int = 1) -> Floats:
    """Convolve leads whose channels come from several (n_leads, n, channels), zeros beyond."""
    width, channels, outputs = weight.shape
    parts = list(inputs)
    n_leads, n = parts[0].shape[:2]
    gap = -(-(width // 2) // stride) * stride
    # All leads in one line with zeros between them: a few large products, not many small ones.
    line = np.zeros((n_leads * (n + gap) + 2 * gap, channels), np.float32)
    room = line[gap : gap + n_leads * (n + gap)].reshape(n_leads, n + gap, channels)
    first = 0
    for part in parts:
        room[:, :n, first : first + part.shape[2]] = part
        first += part.shape[2]
    out = _convolve(line[gap - width // 2 :], weight, stride)
    between = (n + gap) // stride * out.strides[0]
    shape = (n_leads, -(-n // stride), outputs)
    return np.ndarray(shape, np.float32, out, strides=(between, *out.strides))


def _layer(inputs: Iterable[Floats], weights: Weights, name: str, stride: int = 1) -> Floats:
    out = _filtered(inputs, weights[f"{name}.weight"], stride)
    out += weights[f"{name}.bias"]
    return np.maximum(out, 0, out=out)


def _doubled(x: Floats) -> Floats:
    """Interpolate (1, n, channels) to twice the length, between the middles of samples."""
    out = np.empty((1, 2 * x.shape[1], x.shape[2]), np.float32)
    out[:, 0] = x[:, 0]
    out[:, 2::2] = 0.25 * x[:, :-1] + 0.75 * x[:, 1:]
    out[:, 1:-1:2] = 0.75 * x[:, :-1] + 0.25 * x[:, 1:]
    out[:, -1] = x[:, -1]
    return out


def _trunk(stems: Floats, weights: Weights) -> Floats:
    """See all leads together: (n_leads, n, channels) -> (1, n, features and scores)."""
    mean = stems.mean(axis=0)
    spread = np.sqrt(((stems - mean) ** 2).mean(axis=0) + SPREAD_FLOOR)
    x = np.concatenate([mean, stems.max(axis=0), spread], axis=1)[None]
    levels = []
    for depth in count():
        if f"down{depth}.weight" not in weights:
            break
        x = _layer([x], weights, f"down{depth}", stride=2 if depth else 1)
        levels.append(x)
    x = _layer([_layer([x], weights, "bottom0")], weights, "bottom1")
    for depth in reversed(range(len(levels) - 1)):
        x = _layer([_doubled(x), levels[depth]], weights, f"up{depth}")
    scores = x @ weights["scores.weight"][0] + weights["scores.bias"]
    return np.concatenate([x, scores], axis=2)


def wave_probability(leads: Floats, places: npt.NDArray[np.int64], weights: Weights) -> Floats:
    """Tell for every sample of every lead which waves it belongs to.

    Parameters
    ----------
    leads : ndarray of float32, shape (n_leads, n_samples)
        At ``NET_RATE``, without baseline wander, each lead divided by the 99th percentile of its
        absolute values.
    places : ndarray of int, shape (n_leads,)
        From :func:`lead_places`.
    weights : mapping
        From :func:`load_weights`.

    Returns
    -------
    probability : ndarray of float32, shape (3, n_leads, n_samples)
        In the order of ``WAVES``, each by itself: T may not have ended when P begins.
    """
    n_leads, n_samples = leads.shape
    padded = np.zeros((n_leads, -(-n_samples // STRIDE) * STRIDE, 1), np.float32)
    padded[:, :n_samples, 0] = leads
    first = _layer([padded], weights, "stem0", STEP)
    told = _layer([first], weights, "stem1") + weights["places"][places][:, None]
    stems = _layer([told], weights, "stem2")
    seen = _trunk(stems, weights)
    # A convolution is linear: what all leads have in common goes through the head only once.
    kernel = weights["head0.weight"]
    common = np.ascontiguousarray(kernel[:, : seen.shape[2]])
    own = np.ascontiguousarray(kernel[:, seen.shape[2] :])
    hidden = _filtered([stems], own) + _filtered([seen], common) + weights["head0.bias"]
    hidden = _layer([np.maximum(hidden, 0), first], weights, "head1")
    scores = _filtered([hidden], weights["out.weight"]) + weights["out.bias"]
    # Each sample of the stem stands for STEP samples of the lead.
    scores = scores.reshape(n_leads, -1, len(WAVES), STEP).transpose(2, 0, 1, 3)
    scores = scores.reshape(len(WAVES), n_leads, -1)[..., :n_samples]
    return np.asarray(1 / (1 + np.exp(-scores.clip(-30, 30))))
