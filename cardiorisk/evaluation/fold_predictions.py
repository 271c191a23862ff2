"""Predict every row by a model that did not see it, whatever kind of labels there are."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from cardiorisk.evaluation.fold_assembly import assemble
from cardiorisk.evaluation.fold_fits import predict_external, run_folds
from cardiorisk.evaluation.protocols import LEAVE_ONE_SITE_OUT, Protocol, resolve_protocol

__all__ = ["Predicted", "predict_rows", "resolve_sites", "units_of_resampling"]

Groups = npt.NDArray[Any] | None


class Predicted(NamedTuple):
    """Probabilities (n_repeats, n, k), who predicted each row (n_repeats, n), kept models."""

    probability: npt.NDArray[np.float64]
    fold: npt.NDArray[np.intp]
    models: tuple[Any, ...]


def predict_rows(
    model: Any,
    X: Any,
    y: npt.NDArray[Any],
    protocol: Protocol,
    groups: Groups,
    *,
    known: npt.NDArray[Any] | None,
    external: bool,
    n_columns: int,
    predict: Callable[..., npt.NDArray[np.float64]],
    return_models: bool,
    **fitting: Any,
) -> Predicted:
    """Fit clones in folds, or let a fitted model predict, and put the predictions in place.

    Parameters
    ----------
    model, X, y, groups, return_models
        See :func:`cardiorisk.evaluation.evaluate`.
    protocol : Protocol
    known : ndarray, optional
        Classes of an external model; None for labels.
    external : bool
    n_columns : int
        Classes or labels.
    predict : callable
        See :func:`cardiorisk.evaluation.fold_fits.run_folds`.
    **fitting
        For the same.

    Returns
    -------
    predicted : Predicted
    """
    if external:
        parts, models = [predict_external(model, X, y, known)], (model,)
    else:
        fitting |= {"return_models": return_models, "predict": predict}
        folds = run_folds(model, X, y, protocol, groups, **fitting)
        parts, models = [part for part, _ in folds], tuple(fitted for _, fitted in folds)
    probability, fold = assemble(protocol, parts, len(y), n_columns)
    return Predicted(probability, fold, models if return_models else ())


def resolve_sites(
    cv: Any, X: Any, y: npt.NDArray[Any], groups: Groups, sites: Groups, random_state: Any
) -> tuple[Protocol, Groups]:
    """Turn ``cv`` into splits, and say which groups are the units; sites alone are groups.

    Raises
    ------
    ValueError
        See :func:`cardiorisk.evaluation.protocols.resolve_protocol`; or a patient has rows at two
        sites that are to be kept apart.
    """
    if sites is None or not (isinstance(cv, str) and cv == LEAVE_ONE_SITE_OUT):
        return resolve_protocol(cv, X, y, groups, random_state), groups
    protocol = resolve_protocol(cv, X, y, sites, random_state)
    if groups is None:
        return protocol, sites
    resolve_protocol(protocol.splits, X, y, groups)  # refuses a patient on both sides
    return protocol, groups


def units_of_resampling(protocol: Protocol, groups: Groups, sites: Groups) -> dict[str, Groups]:
    """Tell what the bootstrap draws: groups, or rows within sites where groups are sites."""
    within_sites = protocol.by_site and (sites is None or groups is sites)
    return {
        "groups": None if within_sites else groups,
        "strata": groups if within_sites else None,
    }
