"""The exact routes: which estimators have contributions that need no sampling."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import singledispatch
from typing import Any

import numpy as np
import numpy.typing as npt

from cardiorisk.explain.attribution.pipelines import register_loaded

__all__ = ["Route", "Terms", "exact_route", "register_lazily"]


@dataclass(frozen=True, eq=False)
class Terms:
    """Contributions in the estimator's own columns, for every class.

    Parameters
    ----------
    values : ndarray of float, shape (n, p, n_classes)
    base_values : ndarray of float, shape (n_classes,)
    outputs : ndarray of float, shape (n, n_classes), optional
        What the estimator itself answers in the same unit; None where that is its
        ``predict_proba``.
    """

    values: npt.NDArray[np.float64]
    base_values: npt.NDArray[np.float64]
    outputs: npt.NDArray[np.float64] | None = None


@dataclass(frozen=True, eq=False)
class Route:
    """A way to exact contributions of one fitted estimator.

    Parameters
    ----------
    method : {"tree", "linear"}
    output : {"probability", "margin"}
        Unit in which the contributions add up.
    terms : callable
        From the estimator's input (n, p) and a background (m, p) to :class:`Terms`.
    base_description : str
        What the base value is an average over; empty for the background.
    """

    method: str
    output: str
    terms: Callable[[Any, Any], Terms]
    base_description: str = ""

    @property
    def needs_background(self) -> bool:
        """Whether the base value is an average over the background."""
        return not self.base_description


@singledispatch
def _route(estimator: Any) -> Route | None:
    return None


_lazy: dict[tuple[str, str], Any] = {}


def register_lazily(module: str, name: str) -> Callable[[Any], Any]:
    """Register a function as the route of a type whose module is not imported for it."""

    def decorate(function: Any) -> Any:
        _lazy[module, name] = function
        return function

    return decorate


def exact_route(estimator: Any) -> Route | None:
    """Find the exact route of a fitted estimator; None where only sampling is possible."""
    register_loaded(_route, _lazy)
    return _route(estimator)


register = _route.register
