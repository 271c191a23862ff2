"""Every model on the same folds, all preparation inside them; results are kept in a folder."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import joblib
import numpy as np
import numpy.typing as npt
from sklearn import config_context
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.metrics import precision_recall_fscore_support
from sklearn.model_selection import RepeatedStratifiedKFold

from cardiorisk.evaluation import EvaluationResult, evaluate
from heart_study.pipelines import chosen, count_parameters
from heart_study.tables import HeartRows

FOLDS = 10


@dataclass(frozen=True, eq=False)
class Measured:
    """One model's out-of-fold predictions and what its fits cost.

    Parameters
    ----------
    result : EvaluationResult
        Without models.
    seconds : float
        Median CPU seconds of one fit with the chosen settings, the search not counted.
    parameters : int
        Median number of what was learned.
    counted : str
        What ``parameters`` counts; empty where it is not known.
    """

    result: EvaluationResult
    seconds: float
    parameters: int
    counted: str


def kept(cache: Path, name: str, make: Callable[[], Any]) -> Any:
    """Return what is stored under a name, or make and store it."""
    path = cache / f"{name}.joblib"
    if path.exists():
        return joblib.load(path)
    made = make()
    cache.mkdir(parents=True, exist_ok=True)
    joblib.dump(made, path.with_suffix(".part"))
    path.with_suffix(".part").rename(path)
    return made


def every_setting(model: Any) -> str:
    """Write out a model with its defaults, which may change between two runs."""
    with config_context(print_changed_only=False):
        return str(model.__repr__(N_CHAR_MAX=1_000_000))


class Remembered(ClassifierMixin, BaseEstimator):
    """A model whose fits are kept in a folder, so that a run that was stopped goes on.

    Parameters
    ----------
    model : classifier
    cache : Path
    """

    def __init__(self, model: Any, cache: Path) -> None:
        self.model = model
        self.cache = cache

    def fit(self, X: Any, y: Any) -> Self:
        """Fit, or read the fit of the same model on the same rows."""
        key = joblib.hash((every_setting(self.model), np.asarray(X.index), y))
        self.fitted_ = kept(self.cache / "fits", key, lambda: clone(self.model).fit(X, y))
        self.classes_ = self.fitted_.classes_
        return self

    def predict_proba(self, X: Any) -> npt.NDArray[np.float64]:
        """Risks of the fitted model."""
        return self.fitted_.predict_proba(X)


def in_random_folds(model: Any, rows: HeartRows, repeats: int, cache: Path) -> Measured:
    """Cross-validate in stratified folds; the first repeat's folds do not depend on ``repeats``."""
    folds = RepeatedStratifiedKFold(n_splits=FOLDS, n_repeats=repeats, random_state=0)
    return _measured(Remembered(model, cache), rows, cv=folds)


def in_new_centres(model: Any, rows: HeartRows, cache: Path) -> Measured:
    """Predict each centre by a model of the others."""
    remembered = Remembered(model, cache)
    return _measured(remembered, rows, groups=rows.centre, cv="leave-one-site-out")


def _measured(model: Remembered, rows: HeartRows, **protocol: Any) -> Measured:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        result = evaluate(model, rows.X, rows.y, return_models=True, **protocol)
    final = [chosen(remembered.fitted_) for remembered in result.models]
    counts = [count_parameters(pipeline[-1]) for pipeline in final]
    return Measured(
        result=replace(result, models=()),
        seconds=float(np.median([pipeline.cpu_seconds_ for pipeline in final])),
        parameters=int(np.median([count for count, _ in counts])),
        counted=counts[0][1],
    )


def at_one_half(result: EvaluationResult) -> dict[str, float]:
    """Accuracy and macro precision, recall and F1 at a risk of 0.5, mean over repeats."""
    found = [
        [np.mean(predicted == result.y), *_macro(result.y, predicted)]
        for predicted in (result.probability[:, :, 1] >= 0.5).astype(int)
    ]
    names = ("accuracy", "precision", "recall", "f1")
    return dict(zip(names, np.mean(found, axis=0), strict=True))


def _macro(y: npt.NDArray[Any], predicted: npt.NDArray[Any]) -> tuple[float, float, float]:
    scores = precision_recall_fscore_support(y, predicted, average="macro", zero_division=0.0)
    return scores[:3]
