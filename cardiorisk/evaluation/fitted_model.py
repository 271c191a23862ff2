"""A model that came fitted: what it says about new rows, and nothing learnt from them."""

import warnings
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline

from cardiorisk.evaluation.protocols import Protocol
from cardiorisk.exceptions import RefitWarning

__all__ = [
    "EXTERNAL",
    "came_fitted",
    "external_protocol",
    "is_external",
    "known_classes",
    "refuse_weights",
    "warn_of_refits",
]

EXTERNAL = "external"
WORDS = "external validation: the model came fitted, nothing was fitted to these rows"


def is_external(model: Any, cv: Any) -> bool:
    """Whether the model is to be tested as it is.

    Raises
    ------
    ValueError
        A frozen model was given with folds, in which nothing could be fitted.
    """
    frozen = _is_frozen(model)
    if isinstance(cv, str) and cv == EXTERNAL:
        return True
    if frozen and cv is not None:
        raise ValueError(
            f"Got a FrozenEstimator with cv={cv!r}, but a frozen model is not fitted in folds; "
            f"leave cv out (external validation), or pass the model without the freeze."
        )
    return frozen


def came_fitted(model: Any) -> bool:
    """Whether a model knows classes, which a model that was not fitted does not."""
    try:
        return hasattr(model, "classes_")
    except (NotFittedError, ValueError):  # a property of a model that was not fitted
        return False


def warn_of_refits(model: Any, cv: Any, stacklevel: int) -> None:
    """Warn where a model came fitted and nobody said whether it is to be tested as it is.

    A call with new rows means an external test; one with the training rows must not get it. The
    safe reading of both is cross-validation, and the reader has to be told.
    """
    if cv is None and came_fitted(model):
        warnings.warn(
            "Got a model that is fitted, without cv: clones of it are fitted anew in folds of "
            "these rows. Say cv='external' to test it as it is, on rows that it did not see, or "
            "cv=5 if folds are meant.",
            RefitWarning,
            stacklevel=stacklevel + 1,
        )


def refuse_weights(sample_weight: Any) -> None:
    """Raise ValueError for weights of an external test, which fits nothing."""
    if sample_weight is not None:
        raise ValueError(
            "Got sample_weight for an external test, but weights are for training, and nothing is "
            "fitted there; measures count every row once."
        )


def known_classes(model: Any, y: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return the classes of a fitted model, of which the labels must be some.

    Raises
    ------
    ValueError
        The model is not fitted, or a label is none of its classes.
    """
    if not came_fitted(model):
        raise ValueError(
            f"Got a {type(model).__name__} that is not fitted, but external validation tests a "
            "model as it is; fit it on the development data first."
        )
    classes = np.asarray(model.classes_)
    strange = ~np.isin(y, classes)
    if strange.any():
        raise ValueError(
            f"Got the label {y[strange].tolist()[0]!r}, but the model knows {classes.tolist()}."
        )
    return classes


def external_protocol(n_rows: int) -> Protocol:
    """Make one split that tests every row and trains on none."""
    everyone = np.arange(n_rows, dtype=np.intp)
    return Protocol(WORDS, ((np.empty(0, dtype=np.intp), everyone),), (0,))


def _is_frozen(model: Any) -> bool:
    last = model
    while isinstance(last, Pipeline):
        if any(not _is_frozen(step) for _, step in last.steps[:-1] if step != "passthrough"):
            return False
        last = last.steps[-1][1]
    return isinstance(last, FrozenEstimator)
