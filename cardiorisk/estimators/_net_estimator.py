"""What a fitted neural estimator keeps: arrays, and a module that is rebuilt from them."""

from typing import Any
from weakref import WeakKeyDictionary

from sklearn.utils.validation import check_is_fitted

from cardiorisk.estimators._torch_session import seeded
from cardiorisk.estimators._weights import Weights, put_weights

__all__ = ["NetEstimator"]

# Outside the estimators: predict must not change their state, and copies must not carry modules.
_MODULES: WeakKeyDictionary[Any, tuple[Weights, Any]] = WeakKeyDictionary()


class NetEstimator:
    """Mixin for an estimator whose fit leaves ``weights_``, a dict of NumPy arrays.

    A subclass defines ``_build_module``, which makes an untrained ``torch.nn.Module`` from the
    parameters and fitted attributes. ``module_`` is then that module with the weights: built when
    first asked for, again after ``weights_`` is assigned anew, and never part of a copy, a pickle
    or a file of :func:`cardiorisk.save`.

    Attributes
    ----------
    weights_ : dict of str to ndarray
        Parameters and buffers. Assign a new dict to change them; changes inside are not seen.

    Examples
    --------
    >>> import torch
    >>> from sklearn.base import BaseEstimator
    >>> from cardiorisk.estimators._weights import weights_of
    >>> class Line(NetEstimator, BaseEstimator):
    ...     def fit(self, X, y):
    ...         self.weights_ = weights_of(self._build_module())
    ...         return self
    ...     def _build_module(self):
    ...         return torch.nn.Linear(1, 1)
    >>> line = Line().fit([[1.0]], [1.0])
    >>> line.module_ is line.module_
    True
    >>> list(vars(line))
    ['weights_']
    """

    weights_: Weights

    def _build_module(self) -> Any:
        raise NotImplementedError

    @property
    def module_(self) -> Any:
        """The network on the CPU, in evaluation mode; its parameters take no gradients."""
        check_is_fitted(self, "weights_")
        known = _MODULES.get(self)
        if known is None or known[0] is not self.weights_:
            with seeded(0):  # the first weights are thrown away; they must not cost random numbers
                module = put_weights(self._build_module(), self.weights_)
            known = self.weights_, module.eval().requires_grad_(False)
            _MODULES[self] = known
        return known[1]
