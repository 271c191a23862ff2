"""Bring what the user gave into one form: a table with named columns, and who is who."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from numbers import Integral
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.pipeline import Pipeline

from cardiorisk._validation import as_records, check_groups, positive_index
from cardiorisk.explain.report.histories import CodeTable, code_table
from cardiorisk.records import ECGRecord, PatientHistories, Variable

__all__ = ["Effort", "ReportInputs", "data_hash", "prepare_inputs", "tabular_part"]


@dataclass(frozen=True)
class Effort:
    """How much is computed, and how: see :func:`cardiorisk.explain.build_report`."""

    n_bootstraps: int = 1000
    n_refits: int = 20
    n_jobs: int | None = None
    random_state: int = 0
    verbose: bool = False

    def __post_init__(self) -> None:
        for name in ("n_bootstraps", "n_refits"):
            number = getattr(self, name)
            if not isinstance(number, Integral) or number < 0:
                raise ValueError(f"Got {name}={number!r}, but expected a whole number >= 0.")


@dataclass(frozen=True, eq=False)
class ReportInputs:
    """The data of a report, checked.

    Parameters
    ----------
    model : classifier
        Works on ``table``; steps that only measure ECGs have been taken off.
    table : DataFrame of shape (n, k)
    y : ndarray of shape (n,)
    pos_label : object
    groups : ndarray of shape (n,) or None
        Patients, kept whole when splitting.
    sites : ndarray of str, shape (n,) or None
    schema : dict of str to Variable
        One entry a column of ``table``.
    records : tuple of (ECGRecord or None), or None
        The ECG of each row.
    flags : DataFrame or None
        What was doubtful in the ECGs that the table was measured on.
    histories : PatientHistories or None
        What the model reads instead of the table, which then shows when codes were recorded.
    codes : CodeTable or None
        How the table came from the histories.
    """

    model: Any
    table: pd.DataFrame
    y: npt.NDArray[Any]
    pos_label: Any
    groups: npt.NDArray[Any] | None
    sites: npt.NDArray[Any] | None
    schema: dict[str, Variable]
    records: tuple[ECGRecord | None, ...] | None
    flags: pd.DataFrame | None
    histories: PatientHistories | None = None
    codes: CodeTable | None = None

    @property
    def X(self) -> Any:
        """What the model reads: the table, or the histories."""
        return self.table if self.histories is None else self.histories

    def take(self, rows: npt.NDArray[np.intp]) -> Any:
        """Take some rows of what the model reads."""
        return self.table.iloc[rows] if self.histories is None else self.histories[rows]

    @property
    def events(self) -> npt.NDArray[np.bool_]:
        """Whether each row has the outcome."""
        return np.asarray(self.y == self.pos_label)

    @property
    def clusters(self) -> npt.NDArray[Any]:
        """The patient of each row; each row its own where no groups were given."""
        return np.arange(len(self.y)) if self.groups is None else self.groups


def prepare_inputs(
    model: Any,
    X: Any,
    y: Any,
    *,
    groups: Any = None,
    sites: Any = None,
    schema: Mapping[str, Variable] | None = None,
    ecgs: Sequence[ECGRecord | None] | None = None,
    pos_label: Any = None,
) -> ReportInputs:
    """Check the data of a report and name every column.

    Raises
    ------
    ValueError
        Lengths differ, y has not two classes, or X is neither a table nor a sequence of ECGs
        nor histories.
    """
    labels = np.asarray(y)
    classes = np.unique(labels[~pd.isna(labels)])
    if labels.ndim != 1 or pd.isna(labels).any() or len(classes) != 2:
        raise ValueError(
            f"Got y of shape {labels.shape} with {len(classes)} classes, but a report needs one "
            "label of two classes for each row and none missing."
        )
    flags = None
    if _is_records(X):
        model, X, ecgs, flags = _measure(model, X, ecgs)
    codes = code_table(X) if isinstance(X, PatientHistories) else None
    table = _as_table(X) if codes is None else codes.table
    if len(table) != len(labels):
        raise ValueError(f"Got {len(table)} rows of X, but {len(labels)} labels.")
    if ecgs is not None and len(ecgs) != len(labels):
        raise ValueError(f"Got {len(ecgs)} ecgs for {len(labels)} rows; use None where none is.")
    checked_sites = check_groups(sites, len(labels))
    return ReportInputs(
        model,
        table,
        labels,
        classes[positive_index(classes, pos_label)],
        check_groups(groups, len(labels)),
        None if checked_sites is None else checked_sites.astype(str),
        _complete_schema(table, {**(codes.schema if codes else {}), **(schema or {})}),
        None if ecgs is None else tuple(_canonical(ecg) for ecg in ecgs),
        flags,
        None if codes is None else X,
        codes,
    )


def tabular_part(model: Any) -> Any:
    """Take the step that measures ECGs off a pipeline; it learns nothing from the data."""
    from cardiorisk.features import ECGFeatures

    if isinstance(model, Pipeline) and isinstance(model.steps[0][1], ECGFeatures):
        return model[1:]
    return None


def data_hash(inputs: ReportInputs) -> str:
    """Fingerprint of the table and its labels: the first 12 digits of a SHA-256."""
    digest = hashlib.sha256("\x1f".join(map(str, inputs.table.columns)).encode())
    plain = inputs.table.astype(object).astype(str)
    digest.update(pd.util.hash_pandas_object(plain, index=False).to_numpy().tobytes())
    labels = pd.Series(inputs.y).astype(str)
    digest.update(pd.util.hash_pandas_object(labels, index=False).to_numpy().tobytes())
    if inputs.histories is not None:
        for column in (inputs.histories.codes, inputs.histories.times):
            digest.update(np.ascontiguousarray(column).tobytes())
    return digest.hexdigest()[:12]


def _is_records(X: Any) -> bool:
    is_list = isinstance(X, Sequence) and not isinstance(X, str)
    return is_list and len(X) > 0 and isinstance(X[0], ECGRecord)


def _canonical(ecg: ECGRecord | None) -> ECGRecord | None:
    return None if ecg is None else as_records([ecg])[0]


def _measure(
    model: Any, X: Sequence[ECGRecord], ecgs: Sequence[ECGRecord | None] | None
) -> tuple[Any, pd.DataFrame, Sequence[ECGRecord | None], pd.DataFrame]:
    rest = tabular_part(model)
    if rest is None:
        raise ValueError(
            "Got X as ECG records, but the model is not a Pipeline that starts with ECGFeatures; "
            "reasons need named measurements."
        )
    engine = model.steps[0][1]
    values = np.asarray(engine.fit_transform(X))
    table = pd.DataFrame(values, columns=list(engine.get_feature_names_out()))
    return rest, table, X if ecgs is None else ecgs, engine.flags(X)


def _as_table(X: Any) -> pd.DataFrame:
    if isinstance(X, pd.DataFrame):
        table = X.reset_index(drop=True)
    else:
        values = np.asarray(X)
        if values.ndim != 2:
            raise ValueError(
                f"Got X of shape {values.shape}, but expected a table with one row a person, or "
                "a sequence of ECGRecord."
            )
        table = pd.DataFrame(values, columns=[f"x{place}" for place in range(values.shape[1])])
    if not table.columns.is_unique:
        raise ValueError("Got a table with repeated column names; each reason needs its own name.")
    return table


def _complete_schema(
    table: pd.DataFrame, schema: Mapping[str, Variable] | None
) -> dict[str, Variable]:
    from cardiorisk.features import FEATURES

    known = {**FEATURES, **(schema or {})}
    return {  # under the table's own name, which may be a number
        name: replace(known.get(name) or Variable(str(name), str(name)), name=name)
        for name in table.columns
    }
