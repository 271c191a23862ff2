"""One test of each prototype against one phenotype, by logistic regression, ranks or means."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.special import log_ndtr, stdtr

from cardiorisk.explain.phenotypes.logistic import fit_logistic_columns, independent_columns
from cardiorisk.explain.phenotypes.ranks import (
    SortedColumns,
    auroc_columns,
    mann_whitney_columns,
)

__all__ = ["TESTS", "ColumnTests", "column_tests", "welch_columns"]

TESTS = ("logistic", "mannwhitney", "welch")

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


class ColumnTests(NamedTuple):
    """One entry a prototype; all but ``auroc`` and ``status`` are NaN where the status is not ok.

    ``effect`` is the log odds ratio a standard deviation (logistic), the rank-biserial correlation
    ``2 AUROC - 1`` (mannwhitney), or the difference of means in standard deviations (welch).
    ``log_p`` is the natural logarithm of the two-sided p-value, which does not underflow.
    """

    effect: Floats
    error: Floats
    statistic: Floats
    log_p: Floats
    auroc: Floats
    status: npt.NDArray[np.str_]


def column_tests(
    columns: Floats,
    ranked: SortedColumns,
    cases: Bools,
    controls: Bools,
    covariates: Floats,
    clusters: npt.NDArray[np.intp] | None,
    test: str,
) -> ColumnTests:
    """Compare cases with controls in each column.

    Parameters
    ----------
    columns : ndarray of shape (n_columns, n)
        With mean 0 and standard deviation 1.
    ranked : SortedColumns
        The same columns.
    cases, controls : ndarray of bool, shape (n,)
    covariates : ndarray of shape (n, q)
        With an intercept; for the logistic test.
    clusters : ndarray of int, shape (n,), or None
        Subjects; for the logistic test.
    test : {"logistic", "mannwhitney", "welch"}

    Returns
    -------
    ColumnTests
    """
    if test == "mannwhitney":
        area, z, log_p = mann_whitney_columns(ranked, cases, controls)
        status = np.where(np.isfinite(z), "ok", "constant")
        none = np.full(len(area), np.nan)
        return ColumnTests(2 * area - 1, none, z, log_p, area, status)
    area = auroc_columns(ranked, cases, controls)
    if test == "welch":
        return welch_columns(columns, cases, controls)._replace(auroc=area)
    rows = np.flatnonzero(cases | controls)
    rows = rows[_informative(covariates[rows], cases[rows])]
    everyone = len(rows) == columns.shape[1]
    fits = fit_logistic_columns(
        cases[rows],
        columns if everyone else columns.take(rows, axis=1),
        independent_columns(covariates[rows]),
        None if clusters is None else clusters[rows],
    )
    z = fits.effect / fits.error
    log_p = np.log(2.0) + log_ndtr(-np.abs(z))
    return ColumnTests(fits.effect, fits.error, z, log_p, area, fits.status)


def _informative(covariates: Floats, cases: Bools) -> Bools:
    """Tell which rows a fit can learn from: not those of a group without a case or a control.

    The coefficient of such a group, a covariate of two values, would be infinite; its rows are then
    fitted perfectly whatever the column is. Without them the fit is the limit, and converges.
    """
    kept = np.ones(len(cases), bool)
    for covariate in covariates.T:
        levels = np.unique(covariate)
        if len(levels) == 2:
            for level in levels:
                group = covariate == level
                if cases[group].all() or not cases[group].any():
                    kept &= ~group
    return kept if len(np.unique(cases[kept])) == 2 else np.ones(len(cases), bool)


def welch_columns(columns: Floats, cases: Bools, controls: Bools) -> ColumnTests:
    """Welch's t test of each column (Welch 1947, doi:10.1093/biomet/34.1-2.28).

    Examples
    --------
    >>> import numpy as np
    >>> column = np.array([[1.0, 2.0, 3.0, 5.0, 6.0, 9.0]])
    >>> sick = np.array([False, False, False, True, True, True])
    >>> welch_columns(column, sick, ~sick).statistic.round(2)
    array([3.5])
    """
    mean_1, variance_1, n_1 = _moments(columns, cases)
    mean_0, variance_0, n_0 = _moments(columns, controls)
    share_1, share_0 = variance_1 / n_1, variance_0 / n_0
    varies = share_1 + share_0 > 0
    error = np.sqrt(np.where(varies, share_1 + share_0, np.nan))
    freedom = error**4 / (share_1**2 / (n_1 - 1) + share_0**2 / (n_0 - 1))
    effect = np.where(varies, mean_1 - mean_0, np.nan)
    t = effect / error
    p = 2 * stdtr(freedom, -np.abs(t))
    with np.errstate(divide="ignore"):
        # Where p underflows there are very many rows, and t is as good as normal.
        log_p = np.where(p > 0, np.log(p), np.log(2.0) + log_ndtr(-np.abs(t)))
    status = np.where(varies, "ok", "constant")
    return ColumnTests(effect, error, t, log_p, np.full(len(t), np.nan), status)


def _moments(columns: Floats, rows: Bools) -> tuple[Floats, Floats, float]:
    chosen = columns[:, rows]
    n = chosen.shape[1]
    mean = chosen.mean(axis=1)
    centred = chosen - mean[:, None]
    return mean, np.einsum("pi,pi->p", centred, centred) / max(n - 1, 1), float(n)
