"""The band of a smooth curve of observed risk."""

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri

__all__ = ["curve_band"]

Floats = npt.NDArray[np.float64]


def curve_band(
    rough: Floats,
    resampled: Floats,
    n_units: float,
    confidence: float = 0.95,
    *,
    n_rows: float | None = None,
    shown: Floats | None = None,
) -> tuple[Floats, Floats]:
    """Limit the true risk at each point of a grid.

    A smooth curve flattens what it follows, so percentiles of its resamples cover the mean of the
    curve and not the truth. The limits are therefore those of a rougher curve, whose bias is small
    beside its noise (undersmoothing, Hall). They are Wilson's, since the curve is a local share of
    events: the effective number of rows is ``p (1 - p) / variance`` of the resamples, at most
    ``n_rows``.

    Parameters
    ----------
    rough : ndarray of shape (g,)
        A curve that looks less far than the one shown.
    resampled : ndarray of shape (n_bootstraps, g)
        The same in resamples, NaN where a resample has no row near a point.
    n_units : float
        Independent units (rows, or groups) that a point of ``rough`` looks at.
    confidence : float, default=0.95
    n_rows : float, optional
        Rows that it looks at. None takes ``n_units``.
    shown : ndarray of shape (g,), optional
        A curve that the band must not leave out.

    Returns
    -------
    low, high : ndarray of shape (g,)
        NaN without resamples.

    References
    ----------
    Hall P. Annals of Statistics 1992;20:675-694. doi:10.1214/aos/1176348651; Wilson EB. JASA
    1927;22:209-212. doi:10.1080/01621459.1927.10502953; effective sample size as in Korn EL,
    Graubard BI. Survey Methodology 1998;24:193-201.
    """
    known = ~np.isnan(resampled).all(axis=0)
    low, high = np.full((2, len(rough)), np.nan)
    if len(resampled) < 2 or not known.any():
        return low, high
    p = rough[known]
    inside = np.clip(p, 1 / (n_units + 2), 1 - 1 / (n_units + 2))
    variance = np.nanvar(resampled[:, known], axis=0)
    n = np.minimum(
        inside * (1 - inside) / np.maximum(variance, 1e-12), n_units if n_rows is None else n_rows
    )
    z2 = float(ndtri((1 + confidence) / 2)) ** 2
    centre = (p + z2 / (2 * n)) / (1 + z2 / n)
    half = np.sqrt(z2 * (p * (1 - p) / n + z2 / (4 * n**2))) / (1 + z2 / n)
    low[known], high[known] = np.clip(centre - half, 0, 1), np.clip(centre + half, 0, 1)
    if shown is None:
        return low, high
    return np.minimum(low, shown), np.maximum(high, shown)
