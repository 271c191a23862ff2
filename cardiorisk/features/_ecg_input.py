"""What every transformer of ECGs shares: the forms of a batch that it accepts."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils import Tags
from sklearn.utils.validation import validate_data

from cardiorisk._validation import as_records
from cardiorisk.records import ECGRecord

__all__ = ["ECGTransformer", "holds_records"]


def holds_records(X: Any) -> bool:
    """Tell a sequence of records from an array."""
    is_list = isinstance(X, Sequence) or (isinstance(X, np.ndarray) and X.dtype == object)
    return is_list and any(isinstance(item, ECGRecord) for item in X)


class ECGTransformer(TransformerMixin, BaseEstimator):
    """A transformer with parameters ``sampling_rate`` and ``lead_names`` that learns nothing."""

    sampling_rate: float
    lead_names: Sequence[str] | None

    def _as_records(self, X: Any, *, reset: bool) -> list[ECGRecord]:
        if holds_records(X):
            if reset:  # an earlier fit on an array says nothing about records
                for learned in ("n_features_in_", "feature_names_in_"):
                    self.__dict__.pop(learned, None)
            return as_records(X)
        array = validate_data(self, X, reset=reset, allow_nd=True, ensure_all_finite=False)
        return as_records(array, self.sampling_rate, self.lead_names)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.input_tags.allow_nan = True
        tags.requires_fit = False
        return tags
