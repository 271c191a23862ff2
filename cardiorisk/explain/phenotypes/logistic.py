"""Logistic regressions of one outcome on many prototypes, one at a time beside shared covariates.

All fits of an outcome share the rows and the covariates, so Newton's method runs on blocks of
prototypes at once: what grows with the rows is matrix products, and each fit is a small system.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

__all__ = ["LogisticFits", "fit_logistic_columns", "independent_columns"]

Floats = npt.NDArray[np.float64]

BLOCK_ELEMENTS = 2**16  # rows times prototypes at once: the temporaries stay in the cache
TOLERANCE = 1e-7  # of the last Newton step; Newton squares it, so the fit is exact to 1e-13
FAST_ITERATIONS, CAREFUL_ITERATIONS = 8, 50
SEPARATED = 15.0  # log odds ratio per SD: an odds ratio of three million fits no real data
MAX_STEP = 3.0


class LogisticFits(NamedTuple):
    """One entry a prototype.

    ``effect`` is the log odds ratio a unit of the column, ``error`` its standard error, both NaN
    unless ``status`` is ``"ok"``. Otherwise it is ``"constant"`` (the column does not vary, or
    follows from the covariates), ``"separated"`` (the column splits cases from controls, so that no
    finite estimate exists) or ``"not converged"``.
    """

    effect: Floats
    error: Floats
    status: npt.NDArray[np.str_]


def independent_columns(design: Floats) -> Floats:
    """Leave out the columns that follow from those before them, such as a constant covariate.

    Examples
    --------
    >>> import numpy as np
    >>> independent_columns(np.array([[1.0, 2.0, 5.0], [1.0, 2.0, 6.0], [1.0, 2.0, 7.0]])).shape
    (3, 2)
    """
    scale = np.linalg.norm(design, axis=0)
    _, triangle = np.linalg.qr(design / np.where(scale > 0, scale, 1.0))
    size = np.zeros(design.shape[1])
    size[: len(triangle)] = np.abs(np.diag(triangle))
    return design[:, size > 1e-9]


def fit_logistic_columns(
    y: npt.NDArray[np.bool_],
    columns: Floats,
    covariates: Floats,
    clusters: npt.NDArray[np.intp] | None = None,
) -> LogisticFits:
    """Fit ``logit P(y) = covariates @ c + b * column`` for each column, with robust errors.

    Parameters
    ----------
    y : ndarray of bool, shape (n,)
    columns : ndarray of shape (n_columns, n)
        One prototype a row, on a scale of about 1.
    covariates : ndarray of shape (n, q)
        With an intercept; its columns are independent.
    clusters : ndarray of int, shape (n,), optional
        Subject of each row. Standard errors are then robust to correlation within subjects
        (Liang and Zeger 1986, doi:10.1093/biomet/73.1.13) with the correction of small samples
        ``G / (G - 1) * (n - 1) / (n - k)`` for G subjects and k parameters, as statsmodels and
        Stata use it. None gives the errors of the model.

    Returns
    -------
    LogisticFits

    Notes
    -----
    Newton's method starts from the fit of the covariates alone. Fits that have not converged
    after eight steps are done again with steps that are halved until the likelihood rises.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> column = rng.normal(size=(1, 1000))
    >>> y = rng.random(1000) < 1 / (1 + np.exp(1 - column[0]))
    >>> fit_logistic_columns(y, column, np.ones((1000, 1))).effect.round(1)
    array([0.9])
    """
    shared = _shared(y, covariates, clusters)
    size = max(1, BLOCK_ELEMENTS // len(y))
    parts = [_fit_block(columns[i : i + size], shared) for i in range(0, len(columns), size)]
    effect, error, status = (np.concatenate(values) for values in zip(*parts, strict=True))
    return LogisticFits(effect, error, status)


class _Shared(NamedTuple):
    """What all fits of an outcome have in common."""

    outcome: Floats  # (n,)
    covariates: Floats  # (n, q)
    products: Floats  # (n, q (q + 1) / 2), the covariates times each other
    null: Floats  # (q,), coefficients without any column
    order: npt.NDArray[np.intp] | None  # rows by cluster, None where they already are
    starts: npt.NDArray[np.intp] | None  # where each cluster starts, None without clusters


def _shared(
    y: npt.NDArray[np.bool_], covariates: Floats, clusters: npt.NDArray[np.intp] | None
) -> _Shared:
    outcome = y.astype(np.float64)
    upper = np.triu_indices(covariates.shape[1])
    products = covariates[:, upper[0]] * covariates[:, upper[1]]
    order, starts = _cluster_runs(clusters, len(y))
    return _Shared(outcome, covariates, products, _null_fit(outcome, covariates), order, starts)


def _cluster_runs(
    clusters: npt.NDArray[np.intp] | None, n_rows: int
) -> tuple[npt.NDArray[np.intp] | None, npt.NDArray[np.intp] | None]:
    """Order of the rows by cluster, None where they are in order, and where each cluster starts."""
    if clusters is None:
        return None, None
    in_order = bool((np.diff(clusters) >= 0).all())
    order = None if in_order else np.argsort(clusters, kind="stable")
    ordered = clusters if order is None else clusters[order]
    return order, np.flatnonzero(np.diff(ordered, prepend=ordered[0] - 1))


def _null_fit(outcome: Floats, covariates: Floats) -> Floats:
    beta = np.zeros(covariates.shape[1])
    for _ in range(CAREFUL_ITERATIONS):
        p = 1.0 / (1.0 + np.exp(-np.clip(covariates @ beta, -30, 30)))
        information = (covariates * (p * (1 - p))[:, None]).T @ covariates
        # The ridge is far below the error of the start, and keeps a separated covariate finite.
        information[np.diag_indices_from(information)] *= 1 + 1e-9
        step = np.linalg.lstsq(information, covariates.T @ (outcome - p), rcond=None)[0]
        beta += np.clip(step, -MAX_STEP, MAX_STEP)
        if np.abs(step).max() < TOLERANCE:
            break
    return beta


def _fit_block(columns: Floats, shared: _Shared) -> tuple[Floats, Floats, npt.NDArray[np.str_]]:
    n_columns, q = len(columns), shared.covariates.shape[1]
    beta, varies = _first_step(columns, shared)
    error = np.full(n_columns, np.nan)
    status = np.where(varies, "not converged", "constant")
    active = np.flatnonzero(varies)
    for _ in range(FAST_ITERATIONS):
        if not len(active):
            break
        state = _newton(columns[active], beta[active], shared)
        bounded = np.isfinite(state.step).all(axis=1) & (np.abs(state.step[:, q]) < MAX_STEP)
        beta[active[bounded]] += state.step[bounded]
        done = bounded & (np.abs(state.step).max(axis=1) < TOLERANCE)
        if done.any():
            error[active[done]] = _errors(state, done, columns[active[done]], shared)
            status[active[done]] = "ok"
        active = active[~done & bounded]
    for one in np.flatnonzero(status == "not converged"):
        beta[one], error[one], status[one] = _fit_carefully(columns[one], shared)
    status[(status == "ok") & (np.abs(beta[:, q]) > SEPARATED)] = "separated"
    fitted = status == "ok"
    return np.where(fitted, beta[:, q], np.nan), np.where(fitted, error, np.nan), status


def _first_step(columns: Floats, shared: _Shared) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """Newton's step from the fit of the covariates alone, where all columns share the weights.

    Also tells which columns vary once the covariates are known.
    """
    outcome, covariates = shared.outcome, shared.covariates
    probability = 1.0 / (1.0 + np.exp(-covariates @ shared.null))
    weight = probability * (1.0 - probability)
    information = (covariates * weight[:, None]).T @ covariates
    weighted = columns * weight
    cross = weighted @ covariates
    own = np.einsum("pi,pi->p", weighted, columns)
    shift = np.linalg.lstsq(information, cross.T, rcond=None)[0].T
    left = own - np.einsum("pi,pi->p", cross, shift)
    varies = left > 1e-12 * np.maximum(own, 1e-300)
    step = columns @ (outcome - probability) / np.where(varies, left, 1.0)
    step = np.clip(np.where(varies, step, 0.0), -1.0, 1.0)
    return np.column_stack([shared.null - shift * step[:, None], step]), varies


class _Newton(NamedTuple):
    residual: Floats  # (b, n)
    information: Floats  # (b, q + 1, q + 1)
    step: Floats  # (b, q + 1)


def _newton(columns: Floats, beta: Floats, shared: _Shared) -> _Newton:
    """Newton's step of each fit of a block, and what it was made from."""
    covariates, q = shared.covariates, shared.covariates.shape[1]
    probability = beta[:, :q] @ -covariates.T
    probability -= beta[:, q:] * columns
    with np.errstate(over="ignore"):  # exp of a large number is infinite, and its inverse 0
        np.exp(probability, out=probability)
    probability += 1.0
    np.reciprocal(probability, out=probability)
    residual = shared.outcome - probability
    weight = np.square(probability)
    np.subtract(probability, weight, out=weight)
    gradient = np.empty_like(beta)
    gradient[:, :q] = residual @ covariates
    gradient[:, q] = np.einsum("pi,pi->p", residual, columns)
    information = np.empty((len(columns), q + 1, q + 1))
    i, j = np.triu_indices(q)
    information[:, i, j] = information[:, j, i] = weight @ shared.products
    weighted = np.multiply(weight, columns, out=weight)
    information[:, :q, q] = information[:, q, :q] = weighted @ covariates
    information[:, q, q] = np.einsum("pi,pi->p", weighted, columns)
    return _Newton(residual, information, _solve(information, gradient))


def _solve(information: Floats, gradient: Floats) -> Floats:
    """Solve the small systems; NaN where one is singular."""
    try:
        return np.asarray(np.linalg.solve(information, gradient[..., None])[..., 0])
    except np.linalg.LinAlgError:
        if len(information) == 1:
            return np.full_like(gradient, np.nan)
        parts = [_solve(information[[i]], gradient[[i]]) for i in range(len(information))]
        return np.concatenate(parts)


def _errors(
    state: _Newton, chosen: npt.NDArray[np.bool_], columns: Floats, shared: _Shared
) -> Floats:
    """Find the standard error of each coefficient: of the model, or clustered by subject."""
    everyone = bool(chosen.all())
    information = state.information if everyone else state.information[chosen]
    residual = state.residual if everyone else state.residual[chosen]
    k = information.shape[1]
    last = np.zeros((len(information), k))
    last[:, -1] = 1.0
    weights = _solve(information, last)  # the last row of the inverse
    if shared.starts is None:
        return np.sqrt(weights[:, -1])
    # The last row of (inverse) (scores of a subject), squared and summed, is its variance.
    influence = weights[:, :-1] @ shared.covariates.T
    influence += weights[:, -1:] * columns
    influence *= residual
    if shared.order is not None:
        influence = influence[:, shared.order]
    sums = np.add.reduceat(influence, shared.starts, axis=1)
    n, n_clusters = len(shared.outcome), len(shared.starts)
    correction = n_clusters / (n_clusters - 1.0) * (n - 1.0) / (n - k)
    return np.sqrt(correction * np.einsum("pg,pg->p", sums, sums))


def _fit_carefully(column: Floats, shared: _Shared) -> tuple[Floats, float, str]:
    """One fit whose steps are halved until the likelihood rises."""
    block, beta = column[None], np.append(shared.null, 0.0)
    for _ in range(CAREFUL_ITERATIONS):
        state = _newton(block, beta[None], shared)
        step = state.step[0]
        if not np.isfinite(step).all():
            break
        if np.abs(step).max() < TOLERANCE:
            error = _errors(state, np.array([True]), block, shared)[0]
            return beta + step, float(error), "ok"
        likelihood = _log_likelihood(column, beta, shared)
        for _ in range(30):
            if _log_likelihood(column, beta + step, shared) >= likelihood:
                break
            step = step / 2
        beta = beta + step
        if np.abs(beta[-1]) > SEPARATED:
            break
    status = "separated" if np.abs(beta[-1]) > SEPARATED / 2 else "not converged"
    return beta, np.nan, status


def _log_likelihood(column: Floats, beta: Floats, shared: _Shared) -> float:
    eta = shared.covariates @ beta[:-1] + beta[-1] * column
    return float(shared.outcome @ eta - np.logaddexp(0.0, eta).sum())
