"""Follow the columns of a fitted transformer back to the input columns that they come from."""

from dataclasses import dataclass
from functools import singledispatch
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.base import OneToOneFeatureMixin
from sklearn.compose import ColumnTransformer
from sklearn.feature_selection import SelectorMixin
from sklearn.frozen import FrozenEstimator
from sklearn.impute import KNNImputer, MissingIndicator, SimpleImputer
from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.preprocessing import (
    Binarizer,
    FunctionTransformer,
    KBinsDiscretizer,
    MaxAbsScaler,
    MinMaxScaler,
    OneHotEncoder,
    OrdinalEncoder,
    PowerTransformer,
    QuantileTransformer,
    RobustScaler,
    SplineTransformer,
    StandardScaler,
)

from cardiorisk.explain.attribution.pipelines import register_loaded

__all__ = ["Parents", "trace"]

# An output value depends on nothing but the value of its parent in the same row.
_COLUMNWISE = (
    Binarizer,
    KBinsDiscretizer,
    MaxAbsScaler,
    MinMaxScaler,
    MissingIndicator,
    OneHotEncoder,
    OrdinalEncoder,
    PowerTransformer,
    QuantileTransformer,
    RobustScaler,
    SelectorMixin,
    SimpleImputer,
    SplineTransformer,
    StandardScaler,
)


@dataclass(frozen=True, eq=False)
class Parents:
    """Which input column each output column comes from.

    Parameters
    ----------
    positions : ndarray of int, shape (n_outputs,)
        Position of the parent among the input columns.
    columnwise : bool
        Whether an output value depends only on its parent's value in the same row, so that
        columns may be recombined after the transformation instead of before it.
    """

    positions: npt.NDArray[np.intp]
    columnwise: bool


def trace(transformer: Any, n_columns: int) -> Parents | None:
    """Find the parent of every output column of a fitted transformer.

    Handled are one-to-one transformers, scikit-learn's encoders, imputers, selectors and
    discretisers, column transformers, feature unions and pipelines of these, and every
    transformer with ``feature_parents_`` (output name to input column), such as
    :class:`cardiorisk.features.ClinicalTable`.

    Parameters
    ----------
    transformer : fitted transformer, "passthrough" or None
    n_columns : int
        Number of its input columns.

    Returns
    -------
    Parents or None
        None where an output column has no single parent, as after PCA.

    Examples
    --------
    >>> from sklearn.preprocessing import OneHotEncoder
    >>> encoder = OneHotEncoder().fit([["typical", 0], ["none", 1], ["atypical", 0]])
    >>> trace(encoder, 2).positions.tolist()
    [0, 0, 0, 1, 1]
    """
    if transformer is None or (isinstance(transformer, str) and transformer == "passthrough"):
        return Parents(np.arange(n_columns), columnwise=True)
    register_loaded(_trace, {("sklearn.impute", "IterativeImputer"): _trace_imputer})
    return _trace(transformer, n_columns)


def compose(first: Parents, then: Parents) -> Parents:
    """Parents after two transformers in a row."""
    return Parents(first.positions[then.positions], first.columnwise and then.columnwise)


def _found(positions: Any, transformer: Any) -> Parents:
    return Parents(np.asarray(positions, dtype=np.intp), isinstance(transformer, _COLUMNWISE))


def _names_in(transformer: Any, n_columns: int) -> list[Any]:
    generic = [f"x{position}" for position in range(n_columns)]
    return list(getattr(transformer, "feature_names_in_", generic))


@singledispatch
def _trace(transformer: Any, n_columns: int) -> Parents | None:
    if not hasattr(transformer, "feature_parents_"):
        return None
    names = _names_in(transformer, n_columns)
    parents = [transformer.feature_parents_[name] for name in transformer.get_feature_names_out()]
    return Parents(np.array([names.index(name) for name in parents], dtype=np.intp), True)


@_trace.register
def _(transformer: OneToOneFeatureMixin, n_columns: int) -> Parents | None:
    n_outputs = len(transformer.get_feature_names_out())
    return _found(range(n_columns), transformer) if n_outputs == n_columns else None


@_trace.register
def _(transformer: FrozenEstimator, n_columns: int) -> Parents | None:
    return trace(transformer.estimator, n_columns)


@_trace.register
def _(transformer: FunctionTransformer, n_columns: int) -> Parents | None:
    if transformer.func is not None and transformer.feature_names_out != "one-to-one":
        return None
    return Parents(np.arange(n_columns), columnwise=transformer.func is None)


@_trace.register
def _(transformer: SelectorMixin, n_columns: int) -> Parents:
    return _found(transformer.get_support(indices=True), transformer)


@_trace.register
def _(transformer: MissingIndicator, n_columns: int) -> Parents:
    return _found(transformer.features_, transformer)


@_trace.register(SimpleImputer)
@_trace.register(KNNImputer)
def _trace_imputer(transformer: Any, n_columns: int) -> Parents:
    indicator = getattr(transformer, "indicator_", None)
    flags = [] if indicator is None else list(indicator.features_)
    names = _names_in(transformer, n_columns)
    outputs = list(transformer.get_feature_names_out())
    # A column without any training value is dropped, unless keep_empty_features is set.
    kept = [names.index(name) for name in outputs[: len(outputs) - len(flags)]]
    return _found(kept + flags, transformer)


@_trace.register
def _(transformer: OneHotEncoder, n_columns: int) -> Parents:
    counts = [len(categories) for categories in transformer.categories_]
    for i, rare in enumerate(getattr(transformer, "infrequent_categories_", [])):
        counts[i] -= 0 if rare is None else len(rare) - 1
    for i, dropped in enumerate([] if transformer.drop_idx_ is None else transformer.drop_idx_):
        counts[i] -= dropped is not None
    return _found(np.repeat(np.arange(n_columns), counts), transformer)


@_trace.register
def _(transformer: KBinsDiscretizer, n_columns: int) -> Parents:
    each = 1 if transformer.encode == "ordinal" else transformer.n_bins_
    return _found(np.repeat(np.arange(n_columns), each), transformer)


@_trace.register
def _(transformer: SplineTransformer, n_columns: int) -> Parents:
    each = transformer.n_features_out_ // n_columns
    return _found(np.repeat(np.arange(n_columns), each), transformer)


@_trace.register
def _(transformer: Pipeline, n_columns: int) -> Parents | None:
    total = Parents(np.arange(n_columns), columnwise=True)
    for _, step in transformer.steps:
        here = trace(step, len(total.positions))
        if here is None:
            return None
        total = compose(total, here)
    return total


@_trace.register
def _(transformer: FeatureUnion, n_columns: int) -> Parents | None:
    branches = [trace(s, n_columns) for _, s in transformer.transformer_list if s != "drop"]
    known = [branch for branch in branches if branch is not None]
    if len(known) < len(branches):
        return None
    return Parents(
        np.concatenate([branch.positions for branch in known]),
        all(branch.columnwise for branch in known),
    )


@_trace.register
def _(transformer: ColumnTransformer, n_columns: int) -> Parents | None:
    positions_by_name = pd.Series(np.arange(n_columns), index=_names_in(transformer, n_columns))
    positions = np.zeros(max(out.stop for out in transformer.output_indices_.values()), np.intp)
    columnwise = True
    for name, step, columns in transformer.transformers_:
        target = transformer.output_indices_[name]
        if target.stop == target.start:  # dropped, or no column chosen
            continue
        chosen = _chosen(columns, positions_by_name)
        here = trace(step, len(chosen))
        if here is None:
            return None
        positions[target] = chosen[here.positions]
        columnwise &= here.columnwise
    return Parents(positions, columnwise)


def _chosen(columns: Any, positions_by_name: pd.Series) -> npt.NDArray[np.intp]:
    """Positions that a ColumnTransformer's column choice stands for."""
    bounds = (columns.start, columns.stop) if isinstance(columns, slice) else np.atleast_1d(columns)
    by_label = any(isinstance(bound, str) for bound in bounds)
    chosen = (positions_by_name.loc if by_label else positions_by_name.iloc)[columns]
    return np.atleast_1d(chosen)
