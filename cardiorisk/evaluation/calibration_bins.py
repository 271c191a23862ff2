"""Observed beside predicted risk in bins."""

import numpy as np
import numpy.typing as npt
import pandas as pd

from cardiorisk.evaluation.proportion_limits import clopper_pearson, jeffreys, share_of

__all__ = ["bin_table"]

Floats = npt.NDArray[np.float64]
Units = npt.NDArray[np.intp] | None


def bin_table(
    events: npt.NDArray[np.bool_],
    risk: Floats,
    n_bins: int,
    strategy: str,
    interval: str,
    unit: Units,
    confidence: float,
) -> pd.DataFrame:
    """Tabulate bins of predicted risk; see :func:`~cardiorisk.evaluation.calibration`."""
    if interval not in ("clopper-pearson", "jeffreys"):
        wanted = "expected 'clopper-pearson' or 'jeffreys'"
        raise ValueError(f"Got interval={interval!r}, but {wanted}.")
    bins = np.searchsorted(_edges(risk, n_bins, strategy), risk, side="right")
    grouped = pd.DataFrame({"risk": risk, "event": events}).groupby(bins)
    n, k = grouped.size().to_numpy(), grouped["event"].sum().to_numpy()
    if interval == "clopper-pearson":
        low, high = clopper_pearson(k / n, n, confidence)
    else:
        shares = [share_of(bins == number, events, unit, confidence) for number in np.unique(bins)]
        low, high = jeffreys(k / n, np.array([share.n_effective for share in shares]), confidence)
    return pd.DataFrame(
        {
            "mean_predicted": grouped["risk"].mean().to_numpy(),
            "observed": k / n,
            "low": low,
            "high": high,
            "n": n,
            "events": k,
        }
    )


def _edges(risk: Floats, n_bins: int, strategy: str) -> Floats:
    if not isinstance(n_bins, int | np.integer) or n_bins < 1:
        raise ValueError(f"Got n_bins={n_bins!r}, but expected a whole number of bins, 1 or more.")
    if strategy == "quantile":
        return np.unique(np.quantile(risk, np.linspace(0, 1, n_bins + 1)[1:-1]))
    if strategy == "uniform":
        return np.linspace(0, 1, n_bins + 1)[1:-1]
    raise ValueError(f"Got strategy={strategy!r}, but expected 'quantile' or 'uniform'.")
