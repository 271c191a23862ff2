"""One call of explain: the model taken apart, and the rows at every stage of it."""

import warnings
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from cardiorisk.exceptions import TableWarning
from cardiorisk.explain.attribution.pipelines import split_model
from cardiorisk.explain.attribution.tables import (
    Passage,
    as_frame,
    as_input,
    run_steps,
    table_passage,
)
from cardiorisk.features.clinical_table import ClinicalTable

__all__ = ["Task", "prepare", "rows_of", "split_classifier"]

BATCH = 20_000  # rows a call of predict


@dataclass(frozen=True, eq=False)
class Task:
    """What is to be explained.

    Parameters
    ----------
    steps : list of fitted transformers
    estimator : fitted classifier
    stages, background : list, length n_steps + 1
        The explained and the background rows, as they came and after each step.
    classes : ndarray, shape (n_classes,)
    target : ndarray of int, shape (n,)
        Position of the explained class for each row.
    output : {"probability", "margin"}
    cohort : str
        Where the background comes from, in words.
    seed : int
    """

    steps: list[Any]
    estimator: Any
    stages: list[Any]
    background: list[Any]
    classes: npt.NDArray[Any]
    target: npt.NDArray[np.intp]
    output: str
    cohort: str
    seed: int

    def outputs(self, table: Any, start: int) -> npt.NDArray[np.float64]:
        """Return the outputs (m, n_classes) for a table that step ``start`` reads.

        Doubtful values are not warned of again: the table is made of rows that ``prepare`` ran.
        """
        blocks = range(0, len(table), BATCH)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", TableWarning)
            return np.concatenate(
                [self._outputs(rows_of(table, slice(i, i + BATCH)), start) for i in blocks]
            )

    def _outputs(self, table: Any, start: int) -> npt.NDArray[np.float64]:
        ready = run_steps(self.steps[start:], table)[-1]
        if self.output == "probability":
            return np.asarray(self.estimator.predict_proba(ready), dtype=float)
        margin = np.asarray(self.estimator.decision_function(ready), dtype=float)
        return np.stack([-margin, margin], axis=1) if margin.ndim == 1 else margin

    @cached_property
    def predictions(self) -> npt.NDArray[np.float64]:
        """Output for the explained class of each row, shape (n,)."""
        everything = self.outputs(self.stages[-1], len(self.steps))
        return everything[np.arange(len(self.target)), self.target]

    def passage(self, *, traced: bool) -> Passage:
        """Return the way from the explained table to the estimator, see :func:`table_passage`."""
        return table_passage(self.stages, self.steps, traced=traced)

    def frame(self, position: int, *, background: bool = False) -> pd.DataFrame:
        """Rows before step ``position`` as a data frame, named as the model names them."""
        stage = (self.background if background else self.stages)[position]
        return as_frame(stage, self._names(position))

    def as_understood(self, frame: pd.DataFrame, start: int) -> pd.DataFrame:
        """Return a table with NaN where step ``start``, a ClinicalTable, sees a missing value."""
        step = self.steps[start] if start < len(self.steps) else None
        if not isinstance(step, ClinicalTable):
            return frame
        codes = {"zero"} if step.out_of_range == "keep" else {"zero", "out_of_range"}
        flags = step.flags(frame)
        frame = frame.copy()
        for name, found in flags[flags["code"].isin(codes)].groupby("column"):
            rows = np.zeros(len(frame), dtype=bool)
            rows[found["row"]] = True
            frame[name] = frame[name].mask(rows)
        return frame

    def _names(self, position: int) -> Any:
        if position == 0:
            first = self.steps[0] if self.steps else self.estimator
            return getattr(first, "feature_names_in_", None)
        try:
            return self.steps[position - 1].get_feature_names_out()
        except AttributeError:  # also raised where a part of the step cannot name its columns
            return None


def rows_of(table: Any, rows: Any) -> Any:
    """Return some rows of a data frame or an array, by position."""
    return table.iloc[rows] if isinstance(table, pd.DataFrame) else table[rows]


def split_classifier(model: Any) -> tuple[list[Any], Any]:
    """Split a fitted model into its transformers and its classifier.

    Raises
    ------
    NotFittedError
    TypeError
        The model is no classifier with one label a row.
    """
    check_is_fitted(model)
    steps, estimator = split_model(model)
    classes = getattr(estimator, "classes_", None)
    if classes is None or isinstance(classes, list):
        raise TypeError(
            f"Got {type(estimator).__name__}, but explain needs a fitted classifier with one "
            "label a row."
        )
    return steps, estimator


def prepare(
    steps: list[Any],
    estimator: Any,
    X: Any,
    background: Any,
    target: Any,
    output: str,
    random_state: Any,
) -> Task:
    """Run the transformers and settle what is explained.

    Raises
    ------
    ValueError
        X is empty, ``target`` is no class of the model, or the columns are not those of fit.
    """
    classes = np.asarray(estimator.classes_)
    stages = run_steps(steps, as_input(X))
    _check_columns(estimator, stages[-1])
    others = stages if background is None else run_steps(steps, as_input(background))
    return Task(
        steps=steps,
        estimator=estimator,
        stages=stages,
        background=others,
        classes=classes,
        target=_target_positions(target, classes, estimator, stages[-1]),
        output=output,
        cohort="X" if background is None else "the background",
        seed=int(check_random_state(random_state).randint(2**31 - 1)),
    )


def _check_columns(estimator: Any, table: Any) -> None:
    """Refuse shuffled columns, which LightGBM takes without a word."""
    expected = getattr(estimator, "feature_names_in_", None)
    if expected is None or not isinstance(table, pd.DataFrame):
        return
    # LightGBM keeps its names with underscores for blanks.
    given, wanted = ([str(name).replace(" ", "_") for name in names] for names in (table, expected))
    if given != wanted:
        raise ValueError(
            f"Got columns {list(table.columns)}, but {type(estimator).__name__} was fitted on "
            f"{list(expected)}, in this order."
        )


def _target_positions(
    target: Any, classes: npt.NDArray[Any], estimator: Any, table: Any
) -> npt.NDArray[np.intp]:
    """Position of the explained class for each row."""
    if target is None and len(classes) == 2:
        return np.ones(len(table), dtype=np.intp)
    labels = estimator.predict(table) if target is None else np.asarray(target)
    positions = {label: position for position, label in enumerate(classes.tolist())}
    if labels.shape not in ((), (len(table),)):
        raise ValueError(f"Got target of shape {labels.shape} for {len(table)} rows.")
    wanted = np.broadcast_to(labels, len(table)).tolist()
    if not set(wanted) <= set(positions):
        raise ValueError(f"Got target={target!r}, but the classes are {classes.tolist()}.")
    return np.array([positions[label] for label in wanted], dtype=np.intp)
