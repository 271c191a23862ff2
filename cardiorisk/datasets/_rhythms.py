"""When the waves of a simulated ECG begin and end: rates, intervals and irregularity by rhythm."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["RHYTHMS", "Beats", "Rhythm", "beat_table", "qt_at_rate"]

Array = npt.NDArray[np.float64]
Range = tuple[float, float]

NORMAL_PR = (125.0, 190.0)
NORMAL_QRS = (80.0, 106.0)
NORMAL_QTC = (375.0, 435.0)
WIDE_QTC = (430.0, 475.0)  # a late depolarisation prolongs QT by about half of its delay
ECTOPIC_QRS = (0.130, 0.170)  # s


@dataclass(frozen=True)
class Rhythm:
    """What distinguishes one simulated rhythm.

    Parameters
    ----------
    heart_rate : tuple of (float, float)
        Rates that the name allows, in /min.
    usual_rate : tuple of (float, float)
        Rates that are drawn unless the caller asks for others.
    pr, qrs, qtc : tuple of (float, float)
        Ranges in ms at 60 /min; ``pr`` is None where there are no P waves.
    morphologies : tuple of str
        Shapes to draw from, see :data:`~cardiorisk.datasets._heart_vector.MORPHOLOGIES`.
    irregularity : float
        Spread of the RR interval, as a share of its mean.
    t_start : tuple of (float, float)
        Where the T wave begins, as a share of the time from QRS offset to T offset.
    """

    heart_rate: Range
    usual_rate: Range
    pr: Range | None = NORMAL_PR
    qrs: Range = NORMAL_QRS
    qtc: Range = NORMAL_QTC
    morphologies: tuple[str, ...] = ("normal",)
    irregularity: float = 0.03
    t_start: Range = (0.14, 0.27)
    is_fibrillating: bool = False
    has_ectopics: bool = False


_WIDE_T = (0.02, 0.06)

RHYTHMS: dict[str, Rhythm] = {
    "sinus rhythm": Rhythm((60, 100), (60, 95)),
    "sinus tachycardia": Rhythm((100, 220), (102, 150), irregularity=0.015),
    "sinus bradycardia": Rhythm((30, 60), (40, 58)),
    "atrial fibrillation": Rhythm(
        (40, 220), (60, 140), pr=None, irregularity=0.22, is_fibrillating=True
    ),
    "left bundle branch block": Rhythm(
        (40, 130),
        (55, 95),
        qrs=(136, 172),
        qtc=WIDE_QTC,
        morphologies=("left bundle branch block",),
        t_start=_WIDE_T,
    ),
    "right bundle branch block": Rhythm(
        (40, 130),
        (55, 95),
        qrs=(122, 152),
        qtc=(410, 455),
        morphologies=("right bundle branch block",),
        t_start=(0.10, 0.20),
    ),
    "wide-QRS tachycardia": Rhythm(
        (110, 220),
        (130, 200),
        pr=None,
        qrs=(142, 188),
        qtc=(450, 500),
        morphologies=(
            "right ventricular outflow",
            "left ventricular apex",
            "left ventricular base",
        ),
        irregularity=0.008,
        t_start=_WIDE_T,
    ),
    "first-degree AV block": Rhythm((30, 100), (50, 90), pr=(215, 300)),
    "long QT": Rhythm((40, 100), (50, 85), qtc=(500, 570), t_start=(0.12, 0.50)),
    "premature ventricular complexes": Rhythm((40, 120), (55, 95), has_ectopics=True),
}
"""The simulated rhythms by name."""


@dataclass(frozen=True, eq=False)
class Beats:
    """Onsets and durations of the waves of one record, in s; each array is (n_beats,).

    Time 0 is the first sample. ``p_on`` is NaN where a beat has no P wave.
    """

    p_on: Array
    p_duration: Array
    qrs_on: Array
    qrs_duration: Array
    t_on: Array
    t_duration: Array
    is_ectopic: npt.NDArray[np.bool_]


def qt_at_rate(qtc: float | Array, heart_rate: float | Array) -> float | Array:
    """QT interval of a heart rate in /min, given the corrected one at 60 /min.

    ``QT = QTc * 180 / (120 + heart_rate)``, Rautaharju et al. (2014),
    doi:10.1016/j.ijcard.2014.04.133. It stays shorter than RR up to 220 /min.
    """
    return qtc * 180.0 / (120.0 + heart_rate)


def rr_intervals(rhythm: Rhythm, mean_rr: float, n: int, rng: np.random.Generator) -> Array:
    """Successive RR intervals in s, shape (n,)."""
    if rhythm.is_fibrillating:
        # Gamma-distributed above the refractory period of the AV node: no memory, no long tail.
        floor = max(0.55 * mean_rr, min(0.26, 0.93 * mean_rr))
        spread = min(rhythm.irregularity * mean_rr, 0.8 * (mean_rr - floor))
        shape = ((mean_rr - floor) / spread) ** 2
        return floor + rng.gamma(shape, (mean_rr - floor) / shape, n)
    time = np.arange(n) * mean_rr
    breathing = np.sin(2 * np.pi * (rng.uniform(0.18, 0.32) * time + rng.random()))
    slow = np.sin(2 * np.pi * (0.1 * time + rng.random()))
    # Vagal modulation fades as the rate rises.
    depth = rhythm.irregularity * min(1.0, mean_rr) ** 2
    change = depth * (breathing + 0.5 * slow) + 0.25 * depth * rng.standard_normal(n)
    return np.asarray(mean_rr * (1 + change))


def _insert_ectopics(
    qrs_on: Array, mean_rr: float, qt: float, duration: float, rng: np.random.Generator
) -> npt.NDArray[np.bool_]:
    """Move some beats forward in place, each followed by a full pause; at least one is visible."""
    coupling = np.maximum(rng.uniform(0.55, 0.70) * mean_rr, qt + 0.04)
    early = np.append(np.inf, qrs_on[:-1] + coupling)
    possible = np.flatnonzero((early > 0.05) & (early < duration - 0.25) & (early < qrs_on - 0.08))
    chosen = possible[rng.random(len(possible)) < rng.uniform(0.06, 0.22)]
    if not len(chosen):
        chosen = rng.choice(possible, 1)
    is_ectopic = np.zeros(len(qrs_on), bool)
    for beat in chosen:
        is_ectopic[beat] = not is_ectopic[beat - 1]
    qrs_on[is_ectopic] = early[is_ectopic]
    return is_ectopic


def beat_table(
    rhythm: Rhythm, heart_rate: float, duration: float, rng: np.random.Generator
) -> Beats:
    """Draw the timing of all beats that touch a record.

    Parameters
    ----------
    rhythm : Rhythm
    heart_rate : float
        Mean rate in /min.
    duration : float
        Length of the record in s; beats begin up to two before and end up to one after it.
    """
    mean_rr = 60.0 / heart_rate
    rr = rr_intervals(rhythm, mean_rr, int(1.3 * duration / mean_rr) + 10, rng)
    qrs_on = np.cumsum(rr) - rr[0] - mean_rr * rng.uniform(1, 2)
    qtc = rng.uniform(*rhythm.qtc) / 1000
    mean_qt = float(qt_at_rate(qtc, heart_rate))
    is_ectopic = np.zeros(len(qrs_on), bool)
    if rhythm.has_ectopics:
        is_ectopic = _insert_ectopics(qrs_on, mean_rr, mean_qt, duration, rng)
    n = len(qrs_on)
    width = rng.uniform(*rhythm.qrs) / 1000 + 0.001 * rng.standard_normal(n)
    qrs_duration = np.where(is_ectopic, rng.uniform(*ECTOPIC_QRS), width)
    # Repolarisation follows the rate slowly: mostly the mean, a little of the last interval.
    qt = qt_at_rate(qtc, 60.0 / (0.85 * mean_rr + 0.15 * np.append(rr[0], np.diff(qrs_on))))
    qt = qt + np.where(is_ectopic, 0.04, 0.0) + 0.002 * rng.standard_normal(n)
    qt = np.maximum(qt, qrs_duration + 0.08)
    qt = np.minimum(qt, np.append(np.diff(qrs_on), np.inf) - 0.01)  # no T wave under a QRS
    share = np.where(is_ectopic, 0.03, rng.uniform(*rhythm.t_start))
    t_on = qrs_on + qrs_duration + share * (qt - qrs_duration)
    pr, p_duration = _p_waves(rhythm, heart_rate, mean_qt, n, rng)
    keep = qrs_on < duration + 1.0
    return Beats(
        p_on=np.where(is_ectopic, np.nan, qrs_on - pr)[keep],
        p_duration=p_duration[keep],
        qrs_on=qrs_on[keep],
        qrs_duration=qrs_duration[keep],
        t_on=t_on[keep],
        t_duration=(qrs_on + qt - t_on)[keep],
        is_ectopic=is_ectopic[keep],
    )


def _p_waves(
    rhythm: Rhythm, heart_rate: float, qt: float, n: int, rng: np.random.Generator
) -> tuple[Array, Array]:
    """PR intervals and P durations in s; PR shortens by 0.25 ms per beat a minute above 60."""
    if rhythm.pr is None:
        return np.full(n, np.nan), np.full(n, np.nan)
    pr = rng.uniform(*rhythm.pr) / 1000
    if not pr > 0.2:
        pr -= 0.00025 * max(0.0, heart_rate - 60)
    # At high rates P falls on the end of T, but never before its peak.
    pr = max(0.08, min(pr, 60.0 / heart_rate - 0.86 * qt))
    p_duration = min(rng.uniform(0.085, 0.112), pr - 0.015)
    return pr + 0.002 * rng.standard_normal(n), np.full(n, p_duration)
