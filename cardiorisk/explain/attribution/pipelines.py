"""Take a model apart: the transformers that run first, and the estimator that predicts."""

import sys
from collections.abc import Iterator
from functools import singledispatch
from typing import Any, Protocol

from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import FixedThresholdClassifier, TunedThresholdClassifierCV
from sklearn.model_selection._search import BaseSearchCV
from sklearn.pipeline import Pipeline
from sklearn.utils import get_tags

__all__ = ["is_record_wise", "register_loaded", "split_model"]


class _Dispatcher(Protocol):
    registry: Any

    def register(self, cls: type, func: Any) -> Any: ...


def register_loaded(dispatcher: _Dispatcher, handlers: dict[tuple[str, str], Any]) -> None:
    """Register handlers for types of modules that are already imported, and import none.

    Parameters
    ----------
    dispatcher : function made by functools.singledispatch
    handlers : dict
        ``(module, class name)`` to the handler of that class.
    """
    for (module, name), handler in handlers.items():
        cls = vars(sys.modules[module]).get(name) if module in sys.modules else None
        if cls is not None and cls not in dispatcher.registry:
            dispatcher.register(cls, handler)


@singledispatch
def _parts(model: Any) -> Iterator[Any]:
    yield model


@_parts.register
def _(model: Pipeline) -> Iterator[Any]:
    *transformers, last = (step for _, step in model.steps)
    yield from (step for step in transformers if step is not None and step != "passthrough")
    yield from _parts(last)


@_parts.register
def _(model: FrozenEstimator) -> Iterator[Any]:
    yield from _parts(model.estimator)


@_parts.register
def _(model: BaseSearchCV) -> Iterator[Any]:
    yield from _parts(model.best_estimator_)


@_parts.register(FixedThresholdClassifier)
@_parts.register(TunedThresholdClassifierCV)
def _wrapped(model: Any) -> Iterator[Any]:
    yield from _parts(model.estimator_)


def _codes(model: Any) -> Iterator[Any]:
    yield from model.code_view()


_LOADED_WRAPPERS = {
    ("cardiorisk.explain.conformal.classifier", "ConformalClassifier"): _wrapped,
    ("cardiorisk.estimators.concept_hf", "ConceptHFClassifier"): _codes,
}


def split_model(model: Any) -> tuple[list[Any], Any]:
    """Split a fitted model into its transformers and its final estimator.

    Pipelines of any depth are flattened; a frozen, conformal, searched or thresholded model is
    looked into. A calibrated classifier is one estimator: its members may differ in everything.

    Parameters
    ----------
    model : fitted classifier

    Returns
    -------
    transformers : list
        In the order in which they run.
    estimator : fitted classifier

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> split_model(make_pipeline(StandardScaler(), LogisticRegression()))
    ([StandardScaler()], LogisticRegression())
    """
    register_loaded(_parts, _LOADED_WRAPPERS)
    *transformers, estimator = _parts(model)
    return transformers, estimator


def is_record_wise(step: Any) -> bool:
    """Tell whether a step reads whole records, such as ECGs, so that its input has no columns."""
    return bool(get_tags(step).input_tags.three_d_array)
