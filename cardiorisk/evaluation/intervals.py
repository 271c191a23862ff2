"""An estimate with its uncertainty, and the bootstrap by patient that gives it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from scipy.special import expit, logit, ndtr, ndtri, stdtrit
from sklearn.utils import check_random_state
from sklearn.utils.parallel import Parallel, delayed

__all__ = [
    "Interval",
    "Statistic",
    "bootstrap",
    "bootstrap_interval",
    "check_confidence",
    "estimate_and_resamples",
    "normal_interval",
    "proportion_interval",
]

Statistic = Callable[[npt.NDArray[np.float64]], npt.NDArray[np.float64]]
"""Maps row weights (b, n) to values (b, k), one row a resample."""

CHUNK_ELEMENTS = 2**17  # weights held at once by a thread: 1 MB stays in the processor's cache
MIN_CHUNK = 8  # resamples held at once all the same: matrix products of fewer are slow
SCALES: dict[str, tuple[Any, Any, float, float]] = {  # forth, back, and the values it exists for
    "plain": (np.asarray, np.asarray, -np.inf, np.inf),
    "log": (np.log, np.exp, 0.0, np.inf),
    "log_odds": (logit, expit, 0.0, 1.0),
}
LOST_SHARE = 0.05  # share of resamples without a value above which an interval is doubtful


@dataclass(frozen=True)
class Interval:
    """An estimate and its confidence limits.

    Parameters
    ----------
    estimate, low, high : float
        NaN where the value cannot be computed.
    reason : str, default=""
        Why a value is missing or doubtful.

    Examples
    --------
    >>> from cardiorisk.evaluation import Interval
    >>> interval = Interval(0.931, 0.912, 0.948)
    >>> print(interval)
    0.93 (0.91 to 0.95)
    >>> f"{interval:.3f}"
    '0.931 (0.912 to 0.948)'
    """

    estimate: float
    low: float
    high: float
    reason: str = ""

    def __format__(self, spec: str) -> str:
        spec = spec or ".2f"
        if np.isnan(self.estimate):
            return f"not available ({self.reason})" if self.reason else "not available"
        if np.isnan(self.low) or np.isnan(self.high):
            return f"{self.estimate:{spec}}"
        return f"{self.estimate:{spec}} ({self.low:{spec}} to {self.high:{spec}})"

    def __str__(self) -> str:
        return format(self)


def check_confidence(n_bootstraps: Any, confidence: Any) -> None:
    """Raise ValueError unless there can be that many resamples and that level."""
    if not isinstance(n_bootstraps, int | np.integer) or n_bootstraps < 0:
        raise ValueError(f"Got n_bootstraps={n_bootstraps!r}, but expected a whole number >= 0.")
    if not 0 < confidence < 1:
        raise ValueError(f"Got confidence={confidence!r}, but expected a number between 0 and 1.")


def bootstrap(
    statistic: Statistic,
    n_rows: int,
    *,
    groups: npt.NDArray[Any] | None = None,
    strata: npt.NDArray[Any] | None = None,
    n_bootstraps: int = 1000,
    random_state: Any = None,
    n_jobs: int | None = None,
) -> npt.NDArray[np.float64]:
    """Compute a statistic on resamples, each expressed as a weight for every row.

    A resample of n units with replacement is the same as giving each unit the number of times
    that it was drawn as its weight, so data can be sorted once and nothing is copied.

    Parameters
    ----------
    statistic : callable
        Maps weights (b, n_rows) to values (b, k).
    n_rows : int
    groups : ndarray of shape (n_rows,), optional
        Rows of a group are drawn together (cluster bootstrap). None draws rows.
    strata : ndarray of shape (n_rows,), optional
        Rows are drawn within each stratum, which keeps its size. Excludes ``groups``.
    n_bootstraps : int, default=1000
    random_state : int, RandomState instance or None, default=None
    n_jobs : int, optional
        Threads. The result does not depend on it.

    Returns
    -------
    values : ndarray of shape (n_bootstraps, k)

    References
    ----------
    Efron B, Tibshirani RJ. An Introduction to the Bootstrap. 1993. doi:10.1201/9780429246593;
    for clusters: Field CA, Welsh AH. JRSS B 2007;69:369-390.
    doi:10.1111/j.1467-9868.2007.00593.x
    """
    draw = _draw_strata(strata) if strata is not None else _draw_groups(n_rows, groups)
    size = max(MIN_CHUNK, CHUNK_ELEMENTS // n_rows)
    sizes = [min(size, n_bootstraps - start) for start in range(0, n_bootstraps, size)]
    entropy = check_random_state(random_state).randint(2**31 - 1)
    seeds = np.random.SeedSequence(entropy).spawn(len(sizes))

    def one_chunk(seed: np.random.SeedSequence, size: int) -> npt.NDArray[np.float64]:
        return statistic(draw(np.random.default_rng(seed), size))

    chunks = Parallel(n_jobs=n_jobs, prefer="threads")(
        delayed(one_chunk)(seed, size) for seed, size in zip(seeds, sizes, strict=True)
    )
    if not chunks:
        return np.empty((0, statistic(np.ones((1, n_rows))).shape[1]))
    return np.concatenate(chunks)


def estimate_and_resamples(
    statistic: Statistic, n_rows: int, **resampling: Any
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Compute a statistic on the data themselves (k,), and on resamples (n_bootstraps, k).

    ``resampling`` is for :func:`bootstrap`.
    """
    return statistic(np.ones((1, n_rows)))[0], bootstrap(statistic, n_rows, **resampling)


def _draw_groups(
    n_rows: int, groups: npt.NDArray[Any] | None
) -> Callable[[np.random.Generator, int], npt.NDArray[np.float64]]:
    if groups is None:
        n_units, member = n_rows, None
    else:
        names, member = np.unique(groups, return_inverse=True)
        n_units = len(names)

    def draw(rng: np.random.Generator, size: int) -> npt.NDArray[np.float64]:
        counts = _count(rng.integers(n_units, size=(size, n_units)))
        return counts if member is None else counts[:, member]

    return draw


def _draw_strata(
    strata: npt.NDArray[Any],
) -> Callable[[np.random.Generator, int], npt.NDArray[np.float64]]:
    _, member, sizes = np.unique(strata, return_inverse=True, return_counts=True)
    ends = np.cumsum(sizes)
    lows, highs = np.repeat(ends - sizes, sizes), np.repeat(ends, sizes)
    position = np.argsort(np.argsort(member, kind="stable"), kind="stable")

    def draw(rng: np.random.Generator, size: int) -> npt.NDArray[np.float64]:
        return _count(rng.integers(lows, highs, size=(size, len(lows))))[:, position]

    return draw


def _count(drawn: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    size, n_units = drawn.shape
    shifted = drawn + n_units * np.arange(size)[:, None]
    counts = np.bincount(shifted.ravel(), minlength=size * n_units)
    return counts.reshape(size, n_units).astype(np.float64)


def bootstrap_interval(
    estimate: float,
    samples: npt.NDArray[np.float64],
    confidence: float = 0.95,
    reason: str = "",
    *,
    bias_corrected: bool = True,
) -> Interval:
    """Bootstrap interval; resamples without a value are left out and counted.

    Parameters
    ----------
    estimate : float
        Value in the data themselves.
    samples : ndarray of shape (n_bootstraps,)
        Values in resamples, NaN where a resample has none (for example, no event was drawn).
    confidence : float, default=0.95
    reason : str, default=""
        Why ``estimate`` is NaN, if it is.
    bias_corrected : bool, default=True
        Whether the percentiles are shifted by the share of resamples below the estimate, which
        brings the coverage of skewed measures nearer to nominal. Not for a measure whose
        resamples lie almost all on one side.

    Returns
    -------
    interval : Interval

    References
    ----------
    Efron B. JASA 1987;82:171-185. doi:10.1080/01621459.1987.10478410 (BC, without acceleration).
    """
    if not np.isfinite(estimate):
        return Interval(float("nan"), float("nan"), float("nan"), reason)
    usable = samples[np.isfinite(samples)]
    if not len(usable):
        return Interval(float(estimate), float("nan"), float("nan"), reason)
    z = ndtri([(1 - confidence) / 2, (1 + confidence) / 2])
    if bias_corrected:
        below = (np.mean(usable < estimate) + np.mean(usable <= estimate)) / 2
        shift = ndtri(np.clip(below, 0.5 / len(usable), 1 - 0.5 / len(usable)))
        z = z + 2 * shift
    low, high = np.quantile(usable, ndtr(z))
    lost = 1 - len(usable) / len(samples)
    if lost > LOST_SHARE:
        reason = f"{lost:.0%} of resamples had no value: the interval is doubtful"
    elif low == high:
        reason = "all resamples agree: the interval is too narrow"
    return Interval(float(estimate), float(low), float(high), reason)


def normal_interval(
    estimate: float,
    samples: npt.NDArray[np.float64],
    confidence: float = 0.95,
    reason: str = "",
    *,
    scale: Literal["plain", "log", "log_odds"] = "plain",
    degrees: float = np.inf,
) -> Interval:
    """Compute a normal interval on a scale, with the standard error of the resamples.

    The logarithm suits ratios, and log-odds areas that are skewed near 0 and 1, such as that under
    the precision-recall curve. Where the scale does not exist, the interval is that of
    :func:`bootstrap_interval`.

    Parameters
    ----------
    estimate, samples, confidence, reason
        See :func:`bootstrap_interval`.
    scale : {"plain", "log", "log_odds"}, default="plain"
    degrees : float, default=inf
        Degrees of freedom of the quantile; a standard error that rests on few events needs it.

    Returns
    -------
    interval : Interval

    References
    ----------
    Efron B, Tibshirani RJ. An Introduction to the Bootstrap. 1993, chapter 12.
    doi:10.1201/9780429246593; log-odds of areas: Boyd K, Eng KH, Page CD. ECML PKDD 2013:451-466.
    doi:10.1007/978-3-642-40994-3_29; logarithm of observed:expected: Debray TPA et al. Stat Methods
    Med Res 2019;28:2768-2786. doi:10.1177/0962280218785504. The standard errors there are not from
    resamples.

    Examples
    --------
    >>> samples = np.random.default_rng(0).lognormal(sigma=0.1, size=5000)
    >>> print(normal_interval(1.0, samples, scale="log"))
    1.00 (0.82 to 1.22)
    """
    forward, back, least, most = SCALES[scale]
    plain = bootstrap_interval(estimate, samples, confidence, reason)
    inside = samples[np.isfinite(samples) & (samples > least) & (samples < most)]
    if not least < estimate < most or len(inside) < 2 or plain.low == plain.high:
        return plain
    half = float(stdtrit(degrees, (1 + confidence) / 2)) * float(np.std(forward(inside), ddof=1))
    low, high = back(forward(estimate) - half), back(forward(estimate) + half)
    return Interval(plain.estimate, float(low), float(high), plain.reason)


def proportion_interval(
    estimate: float,
    samples: npt.NDArray[np.float64],
    n_units: float,
    confidence: float = 0.95,
    reason: str = "",
    *,
    n_rows: float | None = None,
) -> Interval:
    """Wilson interval of a proportion, with the sample size that its resamples imply.

    The percentile interval of 12 of 12 is 1 to 1, which is no interval. This one stays open: the
    effective sample size is ``p (1 - p) / variance`` of the resamples, at most ``n_rows``, and
    ``n_units`` where p is 0 or 1.

    Parameters
    ----------
    estimate : float
        Proportion, NaN where the denominator is empty.
    samples : ndarray of shape (n_bootstraps,)
        Proportions in resamples.
    n_units : float
        Independent units (rows, or groups where rows come in groups) in the denominator.
    confidence : float, default=0.95
    reason : str, default=""
        Why ``estimate`` is NaN, if it is.
    n_rows : float, optional
        Rows in the denominator. None takes ``n_units``.

    Returns
    -------
    interval : Interval

    References
    ----------
    Wilson EB. JASA 1927;22:209-212. doi:10.1080/01621459.1927.10502953. Effective sample size
    as in Korn EL, Graubard BI. Survey Methodology 1998;24:193-201.
    """
    if not np.isfinite(estimate):
        return Interval(float("nan"), float("nan"), float("nan"), reason)
    usable = samples[np.isfinite(samples)]
    if not len(usable):
        return Interval(float(estimate), float("nan"), float("nan"), reason)
    variance = float(np.var(usable))
    spread = estimate * (1 - estimate)
    largest = n_units if n_rows is None else n_rows
    n_effective = min(largest, spread / variance) if spread > 0 and variance > 0 else n_units
    z2 = ndtri((1 + confidence) / 2) ** 2
    centre = (estimate + z2 / (2 * n_effective)) / (1 + z2 / n_effective)
    half = np.sqrt(z2 * (spread / n_effective + z2 / (4 * n_effective**2))) / (1 + z2 / n_effective)
    return Interval(float(estimate), float(max(centre - half, 0)), float(min(centre + half, 1)))
