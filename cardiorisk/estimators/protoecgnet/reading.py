"""ECGs of any accepted form, as the classifier's network reads them."""

from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.utils.validation import validate_data

from cardiorisk._validation import as_records
from cardiorisk.features._ecg_input import holds_records
from cardiorisk.records import ECGRecord

__all__ = ["read_records"]


def read_records(model: Any, X: Any, *, reset: bool) -> list[ECGRecord]:
    """Check the form of a batch of ECGs and bring it into records.

    Parameters
    ----------
    model : estimator with ``sampling_rate`` and ``lead_names``
    X : sequence of ECGRecord, or array of two or three dimensions
    reset : bool
        Whether the number of columns is learned instead of compared.
    """
    if holds_records(X):
        if reset:  # an earlier fit on an array says nothing about records
            for learned in ("n_features_in_", "feature_names_in_"):
                model.__dict__.pop(learned, None)
        return as_records(X)
    array: npt.NDArray[Any] = validate_data(
        model, X, reset=reset, allow_nd=True, dtype="numeric", ensure_all_finite=False
    )
    if np.isinf(array).any():
        raise ValueError("Got infinity in X, but expected millivolts, NaN where missing.")
    return as_records(array, model.sampling_rate, model.lead_names)
