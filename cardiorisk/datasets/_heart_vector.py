"""The electrical heart as one vector: wave shapes, their directions, and the leads' view of them.

The vector is in mV in Frank's frame: x to the patient's left, y to the feet, z to the back. Every
wave is a sum of bumps that are exactly zero outside their interval, so that onset and offset of
a wave are known exactly and are the same in all leads.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

__all__ = ["MORPHOLOGIES", "Wave", "bump", "lead_matrix", "peaks_in_leads", "render", "rotation"]

Array = npt.NDArray[np.float64]

# Dower et al. (1980), doi:10.1002/clc.1980.3.2.87; rows I, II, V1 to V6, columns x, y, z.
DOWER = np.array(
    [
        [0.632, -0.235, 0.059],
        [0.235, 1.066, -0.132],
        [-0.515, 0.157, -0.917],
        [0.044, 0.164, -1.387],
        [0.882, 0.098, -1.277],
        [1.213, 0.127, -0.601],
        [1.125, 0.127, -0.086],
        [0.831, 0.076, 0.230],
    ]
)
GRID = (np.arange(256) + 0.5) / 256


@dataclass(frozen=True)
class Wave:
    """A wave as a sum of bumps, in units of its own duration.

    Parameters
    ----------
    bumps : tuple of tuple
        ``(start, end, peak, sharpness)`` of each bump: start and end as fractions of the wave,
        the peak as a fraction of the bump, see :func:`bump`.
    vectors : tuple of tuple
        Direction and height (x, y, z) of each bump at its peak, in mV.
    """

    bumps: tuple[tuple[float, float, float, float], ...]
    vectors: tuple[tuple[float, float, float], ...]


def bump(u: Array, peak: float | Array, sharpness: float | Array) -> Array:
    """Smooth bump of height 1 at ``peak``, for positions 0 < u < 1; zero at both ends.

    It is the density of a beta distribution scaled to its mode: ``u**a * (1 - u)**b`` with
    ``a = sharpness * peak`` and ``b = sharpness * (1 - peak)``.
    """
    rise = sharpness * peak * np.log(u / peak)
    fall = sharpness * (1 - peak) * np.log((1 - u) / (1 - peak))
    return np.exp(rise + fall)


_P = Wave(
    ((0.00, 0.75, 0.50, 3.0), (0.25, 1.00, 0.50, 3.0)),
    ((0.03, 0.09, -0.06), (0.08, 0.06, 0.05)),  # right atrium, left atrium
)
_NORMAL_QRS = Wave(
    (
        (0.00, 0.38, 0.50, 3.0),  # septum, to the right and the front
        (0.10, 0.66, 0.55, 4.5),  # apex and anterior wall
        (0.22, 0.80, 0.50, 4.5),  # free wall of the left ventricle
        (0.50, 1.00, 0.42, 3.5),  # base, to the back and upwards
    ),
    ((-0.12, -0.02, -0.17), (0.38, 0.29, -0.33), (0.74, 0.58, 0.40), (-0.16, -0.16, 0.36)),
)
_NORMAL_T = Wave(((0.00, 1.00, 0.62, 4.4),), ((0.29, 0.21, -0.20),))

_LBBB_QRS = Wave(
    ((0.00, 0.42, 0.50, 3.0), (0.06, 0.58, 0.50, 4.2), (0.36, 1.00, 0.44, 3.8)),
    ((0.24, 0.10, -0.16), (1.02, 0.46, 0.92), (1.00, 0.10, 0.86)),
)
_LBBB_T = Wave(
    ((0.00, 0.85, 0.30, 2.2), (0.10, 1.00, 0.62, 4.0)),
    ((-0.14, -0.04, -0.17), (-0.30, -0.07, -0.34)),
)
_RBBB_QRS = Wave(
    (
        (0.00, 0.28, 0.50, 3.0),
        (0.06, 0.46, 0.55, 4.5),
        (0.14, 0.60, 0.50, 4.5),
        (0.40, 1.00, 0.46, 3.0),  # right ventricle, late and slow, to the right and the front
    ),
    ((-0.13, -0.02, -0.20), (0.38, 0.29, -0.28), (0.74, 0.54, 0.26), (-0.42, -0.02, -0.46)),
)
_RBBB_T = Wave(((0.00, 1.00, 0.60, 4.0),), ((0.29, 0.18, 0.07),))


def _ventricular(main: tuple[float, float, float]) -> dict[str, Wave]:
    """Beat that starts in a ventricle: slow start, notch, and a T wave against the QRS."""
    x, y, z = main
    qrs = Wave(
        ((0.00, 0.55, 0.50, 2.6), (0.12, 0.78, 0.50, 4.0), (0.42, 1.00, 0.48, 3.2)),
        ((0.30 * x, 0.30 * y, 0.10 * z), (x, y, z), (0.45 * x - 0.15, 0.25 * y, 0.55 * z + 0.10)),
    )
    t = Wave(
        ((0.00, 0.85, 0.32, 2.2), (0.08, 1.00, 0.58, 3.8)),
        ((-0.16 * x, -0.16 * y, -0.16 * z), (-0.34 * x, -0.34 * y, -0.34 * z)),
    )
    return {"P": _P, "QRS": qrs, "T": t}


MORPHOLOGIES: dict[str, dict[str, Wave]] = {
    "normal": {"P": _P, "QRS": _NORMAL_QRS, "T": _NORMAL_T},
    "left bundle branch block": {"P": _P, "QRS": _LBBB_QRS, "T": _LBBB_T},
    "right bundle branch block": {"P": _P, "QRS": _RBBB_QRS, "T": _RBBB_T},
    "right ventricular outflow": _ventricular((0.65, 1.60, 1.15)),
    "left ventricular apex": _ventricular((-0.80, -1.25, -1.00)),
    "left ventricular base": _ventricular((-0.90, 1.05, -1.20)),
}
"""Shapes of P, QRS and T by kind of conduction."""


def lead_matrix(precordial_gains: Array | None = None) -> Array:
    """Matrix (12, 3) from the heart vector to the leads in standard order.

    I, II and V1 to V6 are Dower's, the rest follows from the definitions of the leads
    (III = II - I, aVR = -(I + II) / 2, ...). ``precordial_gains`` (6,) scales V1 to V6, as the
    distance of the electrodes does.
    """
    one, two = DOWER[:2]
    precordial = DOWER[2:]
    if precordial_gains is not None:
        precordial = precordial * precordial_gains[:, None]
    limb = [one, two, two - one, -(one + two) / 2, one - two / 2, two - one / 2]
    return np.concatenate([limb, precordial])


def rotation(frontal: float, horizontal: float) -> Array:
    """Rotation (3, 3) by angles in degrees.

    ``frontal`` turns the axis clockwise as the limb leads see it (left to down), ``horizontal``
    turns it from the left to the back.
    """
    f, h = np.deg2rad([frontal, horizontal])
    in_frontal = np.array([[np.cos(f), -np.sin(f), 0], [np.sin(f), np.cos(f), 0], [0, 0, 1]])
    in_horizontal = np.array([[np.cos(h), 0, -np.sin(h)], [0, 1, 0], [np.sin(h), 0, np.cos(h)]])
    return np.asarray(in_horizontal @ in_frontal)


@cache
def _basis(wave: Wave) -> Array:
    """Bumps of a wave on the grid of its duration, shape (n_bumps, 256)."""
    rows = np.zeros((len(wave.bumps), len(GRID)))
    for row, (start, end, peak, sharpness) in zip(rows, wave.bumps, strict=True):
        inside = (start < GRID) & (end > GRID)
        row[inside] = bump((GRID[inside] - start) / (end - start), peak, sharpness)
    return rows


def peaks_in_leads(wave: Wave, vectors: Array, leads: Array) -> tuple[Array, Array]:
    """Where a wave is largest in each lead, as a fraction of its duration, and how large (mV).

    ``vectors`` (n_bumps, 3), ``leads`` (n_leads, 3); both results have shape (n_leads,). The
    largest sample of 256 is refined by a parabola.
    """
    values = leads @ vectors.T @ _basis(wave)
    at = np.clip(np.argmax(np.abs(values), axis=1), 1, len(GRID) - 2)
    rows = np.arange(len(values))
    before, top, after = values[rows, at - 1], values[rows, at], values[rows, at + 1]
    curvature = before - 2 * top + after
    shift = np.divide((before - after) / 2, curvature, out=np.zeros_like(top), where=curvature != 0)
    return GRID[at] + np.clip(shift, -0.5, 0.5) / len(GRID), np.abs(top)


def render(
    parts: list[tuple[Wave, Array, Array, Array, Array]], n_samples: int, sampling_rate: float
) -> Array:
    """Add up all waves of a record, shape (3, n_samples) in mV.

    Each part is ``(wave, vectors, onset, duration, gain)``: vectors (n_bumps, 3) in mV, the rest
    (n_beats,), onset and duration in s.
    """
    columns = []
    for wave, vectors, onset, duration, gain in parts:
        for (start, end, peak, sharpness), vector in zip(wave.bumps, vectors, strict=True):
            shape = np.broadcast_to([peak, sharpness, *vector], (len(onset), 5)).copy()
            shape[:, 2:] *= gain[:, None]
            times = [onset + start * duration, (end - start) * duration]
            columns.append(np.column_stack([*times, shape]))
    on, length, peaks, sharpnesses, *vectors_xyz = np.concatenate(columns).T
    # Strictly inside the bump, where its logarithm is finite; at the ends it is zero anyway.
    first = np.maximum(np.floor(on * sampling_rate).astype(int) + 1, 0)
    last = np.minimum(np.ceil((on + length) * sampling_rate).astype(int) - 1, n_samples - 1)
    counts = np.maximum(last - first + 1, 0)
    which = np.repeat(np.arange(len(on)), counts)
    samples = np.arange(len(which)) - np.repeat(np.cumsum(counts) - counts - first, counts)
    values = bump(
        (samples / sampling_rate - on[which]) / length[which], peaks[which], sharpnesses[which]
    )
    axes = [np.bincount(samples, values * part[which], n_samples) for part in vectors_xyz]
    return np.stack(axes)
