"""A small convolutional network that tells P, QRS and T apart, run with numpy alone.

Every lead passes the same stem, so that any set of leads fits. Mean, maximum and spread over
the leads feed a U-Net that sees the whole record; its answer goes back to every lead, whose head
decides for that lead. Trained by :mod:`cardiorisk.features._train_wave_net`; batch normalisation
is folded into the weights.
"""

from collections.abc import Mapping
from functools import cache
from importlib.resources import as_file, files
from itertools import count

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view

__all__ = [
    "CLASSES",
    "NET_RATE",
    "SPREAD_FLOOR",
    "STRIDE",
    "Weights",
    "load_weights",
    "wave_probability",
]

Floats = npt.NDArray[np.float32]
Weights = Mapping[str, Floats]

NET_RATE = 250.0  # Hz
CLASSES = ("none", "P", "QRS", "T")
STRIDE = 32  # samples: what the network sees has a multiple of this length
SPREAD_FLOOR = 1e-6  # under the square root, as in training


@cache
def load_weights() -> Weights:
    """Read the shipped weights, one array a name."""
    with as_file(files("cardiorisk.features") / "data" / "wave_net.npz") as path:
        with np.load(path, allow_pickle=False) as stored:
            return {name: stored[name].astype(np.float32) for name in stored.files}


def _convolve(x: Floats, weight: Floats, stride: int = 1) -> Floats:
    """Convolve (channels, n) with (outputs, channels, width), zeros beyond the ends."""
    outputs, channels, width = weight.shape
    half = width // 2
    padded = np.zeros((channels, x.shape[1] + 2 * half), np.float32)
    padded[:, half : half + x.shape[1]] = x
    windows = sliding_window_view(padded, width, axis=1)[:, ::stride]  # (channels, m, width)
    columns = np.ascontiguousarray(windows.transpose(0, 2, 1)).reshape(channels * width, -1)
    return np.asarray(weight.reshape(outputs, -1) @ columns)


def _layer(x: Floats, weights: Weights, name: str, stride: int = 1) -> Floats:
    out = _convolve(x, weights[f"{name}.weight"], stride)
    out += weights[f"{name}.bias"][:, None]
    return np.maximum(out, 0, out=out)


def _doubled(x: Floats) -> Floats:
    """Interpolate to twice the length, between the middles of samples."""
    out = np.empty((x.shape[0], 2 * x.shape[1]), np.float32)
    out[:, 0] = x[:, 0]
    out[:, 2::2] = 0.25 * x[:, :-1] + 0.75 * x[:, 1:]
    out[:, 1:-1:2] = 0.75 * x[:, :-1] + 0.25 * x[:, 1:]
    out[:, -1] = x[:, -1]
    return out


def _trunk(stems: Floats, weights: Weights) -> Floats:
    """See all leads together: (n_leads, channels, n) -> (features and class scores, n)."""
    mean = stems.mean(axis=0)
    spread = np.sqrt(((stems - mean) ** 2).mean(axis=0) + SPREAD_FLOOR)
    x = np.concatenate([mean, stems.max(axis=0), spread])
    levels = []
    for depth in count():
        if f"down{depth}.weight" not in weights:
            break
        x = _layer(x, weights, f"down{depth}", stride=2 if depth else 1)
        levels.append(x)
    x = _layer(_layer(x, weights, "bottom0"), weights, "bottom1")
    for depth in reversed(range(len(levels) - 1)):
        x = _layer(np.concatenate([_doubled(x), levels[depth]]), weights, f"up{depth}")
    scores = weights["scores.weight"][:, :, 0] @ x + weights["scores.bias"][:, None]
    return np.concatenate([x, scores])


def _head(shared: Floats, first: Floats, stem: Floats, weights: Weights) -> Floats:
    """Scores of one lead, (classes, samples); two samples come from each step of the trunk."""
    own = weights["head0.weight"][:, -len(stem) :]
    hidden = np.maximum(shared + _convolve(stem, own), 0)
    hidden = _layer(np.concatenate([hidden, first]), weights, "head1")
    out = _convolve(hidden, weights["out.weight"]) + weights["out.bias"][:, None]
    return out.reshape(len(CLASSES), 2, -1).transpose(0, 2, 1).reshape(len(CLASSES), -1)


def wave_probability(leads: Floats, weights: Weights) -> Floats:
    """Tell for every sample of every lead which wave it belongs to.

    Parameters
    ----------
    leads : ndarray of float32, shape (n_leads, n_samples)
        At ``NET_RATE``, without baseline wander, each lead divided by the 99th percentile of its
        absolute values.
    weights : mapping
        From :func:`load_weights`.

    Returns
    -------
    probability : ndarray of float32, shape (n_leads, 4, n_samples)
        In the order of ``CLASSES``; sums to one over them.
    """
    n_leads, n_samples = leads.shape
    padded = np.zeros((n_leads, -(-n_samples // STRIDE) * STRIDE), np.float32)
    padded[:, :n_samples] = leads
    first = [_layer(lead[None], weights, "stem0", stride=2) for lead in padded]
    stems = np.stack([_layer(_layer(x, weights, "stem1"), weights, "stem2") for x in first])
    seen = _trunk(stems, weights)
    # A convolution is linear: what all leads have in common goes through the head only once.
    shared = _convolve(seen, weights["head0.weight"][:, : len(seen)])
    shared += weights["head0.bias"][:, None]
    scores = np.stack([_head(shared, *pair, weights) for pair in zip(first, stems, strict=True)])
    scores = scores[:, :, :n_samples]
    scores -= scores.max(axis=1, keepdims=True)
    np.exp(scores, out=scores)
    scores /= scores.sum(axis=1, keepdims=True)
    return scores
