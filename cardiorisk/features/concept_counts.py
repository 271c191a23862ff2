"""Counts of codes or of groups of codes: the plain way from histories to numbers."""

from collections.abc import Mapping
from numbers import Integral
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.base import _fit_context
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from cardiorisk._validation import check_histories
from cardiorisk.features._code_features import CodeFeatures
from cardiorisk.features._code_weights import code_positions, count_codes, sparse_weights
from cardiorisk.records import PatientHistories

__all__ = ["ConceptCounts"]


class ConceptCounts(CodeFeatures):
    """Count each code, or each group of codes, in every patient's history.

    Parameters
    ----------
    kind : {"count", "presence", "log", "rate"}, default="count"
        Number of events; 1 if there is any ("one-hot"); ``log(1 + count)``; or number of events
        over the number of the patient's visits.
    mapping : mapping of code to group, optional
        Count groups instead of codes. A code that the mapping lacks is counted by itself if
        ``keep_unmapped``, else not at all.
    keep_unmapped : bool, default=True
    min_count : int, default=1
        Columns with fewer training events are left out.
    sparse_output : bool, default=True
        Whether to return a scipy sparse array.

    Attributes
    ----------
    vocabulary_ : ndarray of str, shape (n_codes,)
        Codes that are counted, in the order of the training histories' vocabulary.
    column_of_code_ : ndarray of int32, shape (n_codes,)
    columns_ : ndarray of str, shape (n_columns,)
        Codes or groups.
    n_unseen_ : int
        Training events that are in no column.
    n_features_in_ : int
        Size of the training histories' vocabulary.

    Raises
    ------
    ValueError
        No column is left.

    Examples
    --------
    >>> from cardiorisk.datasets import make_ehr
    >>> from cardiorisk.features import ConceptCounts
    >>> ehr = make_ehr(n_patients=200, random_state=0)
    >>> groups = dict(zip(ehr.codes["code"], ehr.codes["group"]))
    >>> counts = ConceptCounts(mapping=groups, sparse_output=False).fit(ehr.histories[:150])
    >>> counts.transform(ehr.histories[150:]).shape
    (50, 29)
    >>> counts.get_feature_names_out()[:3].tolist()
    ['anaemia', 'anxiety', 'arthrosis']
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "kind": [StrOptions({"count", "presence", "log", "rate"})],
        "mapping": [Mapping, None],
        "keep_unmapped": ["boolean"],
        "min_count": [Interval(Integral, 1, None, closed="left")],
        "sparse_output": ["boolean"],
    }

    def __init__(
        self,
        *,
        kind: str = "count",
        mapping: Mapping[str, str] | None = None,
        keep_unmapped: bool = True,
        min_count: int = 1,
        sparse_output: bool = True,
    ) -> None:
        self.kind = kind
        self.mapping = mapping
        self.keep_unmapped = keep_unmapped
        self.min_count = min_count
        self.sparse_output = sparse_output

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: PatientHistories, y: Any = None) -> Self:
        """Choose the columns on training patients.

        Parameters
        ----------
        X : PatientHistories
        y : ignored

        Returns
        -------
        self
        """
        histories = check_histories(X)
        events, _ = count_codes(histories)
        words = np.asarray(histories.vocabulary)
        names = words.tolist() if self.mapping is None else [self._group(c) for c in words.tolist()]
        column, found = pd.factorize(np.array(names, dtype=object), use_na_sentinel=True)
        known = np.maximum(column, 0)
        totals = np.bincount(known, weights=events * (column >= 0), minlength=len(found))
        wide = np.flatnonzero(totals >= self.min_count)
        if not len(wide):
            raise self._too_rare(histories, "column", "count")
        wide = wide[np.argsort(found[wide].astype(np.str_), kind="stable")]
        place = np.full(len(found), -1, dtype=np.int32)
        place[wide] = np.arange(len(wide), dtype=np.int32)
        columns = np.where(column >= 0, place[known], -1)
        kept = np.flatnonzero(columns >= 0)
        self._remember(histories, events, kept)
        self.column_of_code_ = columns[kept].astype(np.int32)
        self.columns_ = found[wide].astype(np.str_)
        return self

    def transform(self, X: PatientHistories) -> Any:
        """Count.

        Parameters
        ----------
        X : PatientHistories
            With any vocabulary: codes are matched by name, others are left out.

        Returns
        -------
        counts : csr_array or ndarray of float32, shape (n_patients, n_columns)
        """
        check_is_fitted(self)
        histories = check_histories(X)
        position = code_positions(histories, self.vocabulary_)
        columns = np.append(self.column_of_code_, np.int32(-1))[position]
        taken = columns[np.asarray(histories.codes)]
        known = (taken >= 0).astype(np.float32)
        counts = sparse_weights(histories, len(self.columns_), (np.maximum(taken, 0), known))
        counts.sum_duplicates()
        counts.eliminate_zeros()
        if self.kind == "rate":
            n_visits = np.repeat(np.diff(histories.patient_offsets), np.diff(counts.indptr))
            counts.data /= n_visits.astype(np.float32)
        elif self.kind != "count":
            counts.data = np.log1p(counts.data) if self.kind == "log" else np.sign(counts.data)
        return counts if self.sparse_output else counts.toarray()

    def get_feature_names_out(self, input_features: Any = None) -> npt.NDArray[Any]:
        """Names of the columns: codes or groups."""
        check_is_fitted(self)
        return self.columns_.astype(object)

    def _group(self, code: str) -> str | None:
        mapping = self.mapping or {}
        group = mapping.get(code)
        if group is None or group == "":
            return code if self.keep_unmapped else None
        return str(group)
