"""What is predicted: several labels a record, one of two classes, or one of several."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.utils import assert_all_finite
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import column_or_1d

from cardiorisk._validation import encode_classes

__all__ = ["Targets", "read_targets"]


class Targets(NamedTuple):
    """Labels in one form.

    Parameters
    ----------
    classes : ndarray, shape (n_labels,)
        Names of the labels, or the classes.
    present : ndarray of float32, shape (n, n_labels)
        0 and 1.
    is_multilabel : bool
        Whether a record may have several labels, or none.
    """

    classes: npt.NDArray[Any]
    present: npt.NDArray[np.float32]
    is_multilabel: bool


def read_targets(y: Any, label_names: Sequence[Any] | None = None) -> Targets:
    """Read labels of any form that scikit-learn knows for classifiers.

    Parameters
    ----------
    y : array-like of shape (n,), or table of 0 and 1 of shape (n, n_labels)
    label_names : sequence, optional
        Names of the columns of a table; a DataFrame's own by default, else 0, 1, ...

    Returns
    -------
    Targets

    Raises
    ------
    ValueError
        One class only, numbers that are no classes, or names that do not fit.

    Examples
    --------
    >>> read_targets(["sick", "well", "sick"]).classes.tolist()
    ['sick', 'well']
    >>> read_targets([[1, 0], [1, 1]], ["NORM", "AFIB"]).is_multilabel
    True
    """
    columns = list(y.columns) if isinstance(y, pd.DataFrame) else None
    if getattr(y, "dtype", None) is not None and np.asarray(y).dtype.kind == "f":
        assert_all_finite(y, input_name="y")
    check_classification_targets(y)
    if not type_of_target(y).startswith("multilabel"):
        classes, codes = encode_classes(column_or_1d(y, warn=True))
        return Targets(classes, np.eye(len(classes), dtype=np.float32)[codes], False)
    table = np.asarray(y.todense() if hasattr(y, "todense") else y, dtype=np.float32)
    names = columns if label_names is None else list(label_names)
    names = list(range(table.shape[1])) if names is None else names
    if len(names) != table.shape[1] or len(set(names)) != len(names):
        raise ValueError(f"Got label_names={names}, but expected {table.shape[1]} different names.")
    if not table.any():
        raise ValueError("Got no label that is present in any record.")
    return Targets(np.asarray(names), table, True)
