"""Change a training example as recorders, bodies and electrodes do."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from cardiorisk.features._wave_net import NET_RATE, WAVES

__all__ = ["Example", "augmented", "paced"]

Float32s = npt.NDArray[np.float32]

STRETCH = 0.3  # log of the largest change of speed
GAIN = 0.4  # SD of the log of a lead's gain
FLIPPED = 0.2  # share of leads turned over
NOISE = 0.04  # SD of noise, in scales of the lead
WANDER = 0.2
DISTURBED = 0.25  # share of records with steps and drifts in up to half of the leads
BLURRED = 0.2  # share of records that lose their high frequencies
NAMELESS = 0.15  # share of records whose leads have no known names
LEADS_MISSING, ONE_LEFT = 0.4, 0.4  # share of records, and of those all leads but one
CALM = 0.3  # what a calm record has of all changes but missing leads
SPIKE = 0.6  # SD of the height of a pacemaker's spike, in scales of the lead
WIDTH, LATENCY = (1, 4), 11  # samples: of a spike, and from its start to QRS; less than


class Example(NamedTuple):
    """What the network sees and should say.

    ``leads`` and ``weight`` are (n_leads, n_samples), weight 0 is unknown; ``waves`` is
    (n_leads, n_samples, 3), 1 within a wave; ``places`` are the numbers of the leads' names.
    """

    leads: Float32s
    waves: Float32s
    weight: Float32s
    places: npt.NDArray[np.int64]


def augmented(
    example: Example, n_leads: int, rng: np.random.Generator, *, calm: bool = False
) -> tuple[Example, npt.NDArray[np.float32]]:
    """Draw ``n_leads`` leads and disturb them; also tell which leads count as present.

    Weights of the leads that are missing are zero. A network that only ever sees disturbed leads
    trusts no lead by itself, and marks all of them nearly alike: hence the calm ones.
    """
    strength = CALM if calm else 1.0
    if n_leads < len(example.leads):
        drawn = rng.choice(len(example.leads), n_leads, replace=False)
        example = Example(
            leads=example.leads[drawn],
            waves=example.waves[drawn],
            weight=example.weight[drawn],
            places=example.places[drawn],
        )
    stretched, waves, weight, places = _stretched(example, strength * STRETCH, rng)
    leads = stretched.astype(np.float64)
    leads *= np.exp(rng.normal(0, strength * GAIN, (n_leads, 1)))
    leads *= np.where(rng.random((n_leads, 1)) < strength * FLIPPED, -1, 1)
    leads += strength * _disturbance(leads.shape, rng)
    if rng.random() < strength * BLURRED:
        leads = _blurred(leads, int(rng.integers(2, 6)))
    if rng.random() < strength * DISTURBED:
        _move_electrodes(leads, rng)
    present = np.ones(n_leads, np.float32)
    if rng.random() < LEADS_MISSING:
        n_left = 1 if rng.random() < ONE_LEFT else rng.integers(1, n_leads)
        present[rng.permutation(n_leads)[n_left:]] = 0
    if rng.random() < strength * NAMELESS:
        places = np.zeros_like(places)
    weight = weight * present[:, None]
    return Example(leads.astype(np.float32), waves, weight, places), present


def paced(example: Example, rng: np.random.Generator) -> Example:
    """Put a pacemaker's spike before every QRS complex, which then begins with it.

    A network that should tell the spike apart from the complex missed paced beats.
    """
    leads, waves = example.leads.copy(), example.waves.copy()
    qrs = waves[..., WAVES.index("QRS")]
    starts = np.flatnonzero(np.diff(qrs.any(axis=0).astype(int)) == 1) + 1
    width, latency = int(rng.integers(*WIDTH)), int(rng.integers(LATENCY))
    height = rng.normal(0, SPIKE, (len(leads), 1)).astype(np.float32)
    for start in starts[starts >= LATENCY] - latency:
        leads[:, start : start + width] += height
        qrs[:, start : start + latency + 1] = 1
    return example._replace(leads=leads, waves=waves)


def _stretched(example: Example, most: float, rng: np.random.Generator) -> Example:
    """Change the speed; what a faster record leaves free is zero and does not count."""
    n = example.leads.shape[1]
    factor = float(np.exp(rng.uniform(-most, most)))
    first = rng.uniform(0, n * (1 - factor)) if factor < 1 else 0.0
    source = first + np.arange(n) * factor
    inside = source < n - 1
    left = np.clip(source.astype(int), 0, n - 2)
    share = source - left
    leads = example.leads[:, left] * (1 - share) + example.leads[:, left + 1] * share
    nearest = np.clip(np.round(source).astype(int), 0, n - 1)
    shift = int(rng.integers(0, n - inside.sum() + 1)) if factor > 1 else 0
    return Example(
        np.roll(leads * inside, shift, axis=1),
        np.roll(example.waves[:, nearest], shift, axis=1),
        np.roll(example.weight[:, nearest] * inside, shift, axis=1),
        example.places,
    )


def _disturbance(shape: tuple[int, ...], rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """Muscle noise or random walk, mains and breathing, each in some records."""
    n_leads, n = shape
    time = np.arange(n) / NET_RATE
    added = np.zeros(shape)
    if rng.random() < 0.7:
        noise, size = rng.normal(size=shape), np.abs(rng.normal(0, NOISE, (n_leads, 1)))
        if rng.random() < 0.5:
            noise = np.cumsum(noise, axis=1)
            noise -= noise.mean(axis=1, keepdims=True)
            noise /= noise.std(axis=1, keepdims=True)
            size *= 4
        added += size * noise
    if rng.random() < 0.3:
        size = np.abs(rng.normal(0, NOISE, (n_leads, 1)))
        hertz = rng.choice([50.0, 60.0])
        added += size * np.sin(2 * np.pi * (hertz * time + rng.random()))
    if rng.random() < 0.3:
        size = rng.normal(0, WANDER, (n_leads, 1))
        phase = rng.random((n_leads, 1))
        added += size * np.sin(2 * np.pi * (rng.uniform(0.05, 0.5) * time + phase))
    return added


def _blurred(leads: npt.NDArray[np.float64], width: int) -> npt.NDArray[np.float64]:
    kernel = np.hanning(width + 2)[1:-1]
    return np.stack([np.convolve(lead, kernel / kernel.sum(), "same") for lead in leads])


def _move_electrodes(leads: npt.NDArray[np.float64], rng: np.random.Generator) -> None:
    """Add steps that decay, in place."""
    n_leads, n = leads.shape
    for lead in rng.choice(n_leads, rng.integers(1, n_leads // 2 + 1), replace=False):
        for _ in range(int(rng.integers(1, 6))):
            start, width = int(rng.integers(0, n)), int(rng.integers(20, 300))
            end = min(start + width, n)
            decay = np.exp(-np.arange(end - start) / width * rng.uniform(0, 3))
            leads[lead, start:end] += rng.normal(0, 0.7) * decay
