"""Exact contributions of linear classifiers in their margin."""

from typing import Any

import numpy as np
from sklearn.linear_model._base import LinearClassifierMixin

from cardiorisk.explain.attribution.routes import Route, Terms, register

__all__: list[str] = []


@register
def _(estimator: LinearClassifierMixin) -> Route:
    def terms(Z: Any, background: Any) -> Terms:
        return _linear_terms(estimator, Z, background)

    return Route("linear", "margin", terms)


def _linear_terms(estimator: Any, Z: Any, background: Any) -> Terms:
    """Coefficient times distance from the background mean; a binary margin has two signs."""
    coefficients = np.atleast_2d(estimator.coef_)
    intercepts = np.atleast_1d(estimator.intercept_)
    outputs = estimator.decision_function(Z)
    if len(coefficients) == 1:
        coefficients = np.concatenate([-coefficients, coefficients])
        intercepts = np.concatenate([-intercepts, intercepts])
        outputs = np.stack([-outputs, outputs], axis=1)
    centre = np.asarray(background, dtype=float).mean(axis=0)
    distances = np.asarray(Z, dtype=float) - centre  # (n, p)
    values = distances[:, :, None] * coefficients.T
    return Terms(values, coefficients @ centre + intercepts, outputs)
