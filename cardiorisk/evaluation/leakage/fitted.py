"""Transformers that were fitted before the split."""

from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import clone
from sklearn.utils import _safe_indexing

from cardiorisk.evaluation.leakage.finding import Finding, NotChecked
from cardiorisk.evaluation.leakage.study import Study

__all__ = ["fitted_outside"]

BOOKKEEPING = {"n_features_in_", "feature_names_in_", "n_iter_", "weights_"}


def fitted_outside(study: Study) -> list[Finding]:
    """Find transformers that learned from all rows of ``X``, test rows included.

    A clone is fitted to all rows and another to one training part. Where the two differ and the
    first equals the given transformer, that one has learned from all rows. It works for scalers,
    imputers, feature selection, PCA and embeddings alike.
    """
    if not study.fitted:
        raise NotChecked("needs fitted, the transformers that made the features")
    train, _ = study.folds()[0]
    findings: list[Finding] = []
    told = False
    for transformer in study.fitted:
        seen = _same_as_refit(transformer, study, train)
        told |= seen is not None
        if seen:
            name = type(transformer).__name__
            what = (
                f"{name} was fitted to all {len(study.X)} rows, test rows included: a refit on "
                f"all rows gives the same {', '.join(seen)}, one on a training part does not."
            )
            remedy = f"Put {name} into the pipeline, so that each fold fits its own."
            evidence: dict[str, float | str] = {"equal attributes": len(seen)}
            findings.append(Finding("fitted_outside", what, remedy, evidence))
    if not told:
        raise NotChecked("the transformers learn nothing, or differ from fit to fit")
    return findings


def _same_as_refit(
    transformer: Any, study: Study, train: npt.NDArray[np.intp]
) -> tuple[str, ...] | None:
    """Names of learned attributes that equal those of all rows; None if it cannot be told."""
    y = study.y
    everything = _learned(_fit(transformer, study.X, y))
    again = _learned(_fit(transformer, study.X, y))
    part = _learned(
        _fit(transformer, _safe_indexing(study.X, train), None if y is None else y[train])
    )
    depends = [name for name in everything if not _equal(everything[name], part.get(name))]
    stable = [name for name in depends if _equal(everything[name], again.get(name))]
    if not stable:
        return None
    given = _learned(transformer)
    same = tuple(name for name in stable if _equal(everything[name], given.get(name)))
    return same if len(same) == len(stable) else ()


def _fit(transformer: Any, X: Any, y: npt.NDArray[Any] | None) -> Any:
    fresh = clone(transformer)
    return fresh.fit(X) if y is None else fresh.fit(X, y)


def _learned(transformer: Any) -> dict[str, npt.NDArray[Any]]:
    """Fitted attributes that are numbers or words, flat arrays by name."""
    learned = {}
    for name, value in vars(transformer).items():
        if not name.endswith("_") or name.startswith("_") or name in BOOKKEEPING:
            continue
        if isinstance(value, dict):
            value = list(value.values())
        try:
            flat = (
                np.concatenate([np.ravel(part) for part in value])
                if isinstance(value, list)
                else value
            )
            array = np.ravel(np.asarray(flat))
        except (ValueError, TypeError):
            continue
        if array.dtype.kind in "biufUS" and array.size:
            learned[name] = array
    return learned


def _equal(first: npt.NDArray[Any], second: npt.NDArray[Any] | None) -> bool:
    if second is None or first.shape != second.shape or first.dtype.kind != second.dtype.kind:
        return False
    if first.dtype.kind in "fiub":
        return bool(np.allclose(first, second, rtol=1e-6, atol=0, equal_nan=True))
    return bool(np.array_equal(first, second))
