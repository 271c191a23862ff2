"""Explain the predictions of any fitted classifier, through any pipeline."""

from collections.abc import Callable
from numbers import Integral
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from cardiorisk.exceptions import AdditivityError
from cardiorisk.explain.attribution import linear, tree  # noqa: F401 (they register the exact routes)
from cardiorisk.explain.attribution.explanation import Explanation
from cardiorisk.explain.attribution.lime import local_surrogate
from cardiorisk.explain.attribution.permutation import shapley_values
from cardiorisk.explain.attribution.prototypes import explain_by_prototypes
from cardiorisk.explain.attribution.routes import Route, exact_route
from cardiorisk.explain.attribution.tables import Passage, pool, recombine, value_codes
from cardiorisk.explain.attribution.tasks import Task, prepare, rows_of, split_classifier

__all__ = ["explain"]

METHODS = ("auto", "tree", "linear", "permutation", "lime", "prototype")
OUTPUTS = ("auto", "probability", "margin")
RTOL, ATOL = 1e-3, 1e-6  # of the additivity check


def explain(
    model: Any,
    X: Any,
    method: str = "auto",
    background: Any = None,
    *,
    target: Any = None,
    output: str = "auto",
    n_permutations: int | None = None,
    n_background: int = 1000,
    n_samples: int = 5000,
    random_state: int | np.random.RandomState | None = 0,
) -> Explanation:
    """Tell how far each column moves each row's prediction away from the base value.

    The transformers of a pipeline run and its last step is explained; one-hot columns and
    missing indicators are summed back to the column that they come from. The contributions
    describe the model, not what causes disease or what would lower a patient's risk.

    Parameters
    ----------
    model : fitted classifier
        Alone or at the end of pipelines of any depth; frozen, calibrated, conformal, searched
        and thresholded classifiers too.
    X : DataFrame, array of shape (n, n_columns), or sequence of ECGRecord
        The rows to explain. Where the model turns records into columns, such as
        :class:`cardiorisk.features.ECGFeatures` does, those columns are explained.
    method : {"auto", "tree", "linear", "permutation", "lime", "prototype"}, default="auto"
        "tree" is exact Shapley values along the paths of a tree ensemble, "linear" exact for a
        linear classifier, "permutation" Shapley values of any model (exact up to 8 columns and
        100,000 coalitions, sampled above), "lime" a local surrogate, "prototype" the terms of a
        :class:`~cardiorisk.estimators.ProtoECGNetClassifier`, one a prototype. "auto" takes the
        exact route in the wanted output where there is one, else "permutation".
    background : like X, optional
        The cohort that "linear", "permutation" and "lime" compare with. None takes X itself:
        pass the training table to make the base value mean something. "tree" compares with the
        rows that trained the trees, and ignores it.
    target : label or array of labels of shape (n,), optional
        The class whose output is explained. None takes the second class of two, or of more than
        two the one that is predicted for the row.
    output : {"auto", "probability", "margin"}, default="auto"
        Unit of the contributions. Every classifier with ``predict_proba`` can be explained in
        "probability". "auto" is the unit of the exact route (probability for scikit-learn's
        forests, margin for boosters and linear models), else probability.
    n_permutations : int, optional
        For "permutation": random column orders for each background row, each walked both ways.
        None takes as many as give 1000 orders in all, at least one a background row.
    n_background : int, default=1000
        For "permutation": the number of background rows that are drawn if there are more. This
        draw moves the contributions more than the orders do, so spend effort here first.
    n_samples : int, default=5000
        For "lime": the number of perturbed rows for each explained row.
    random_state : int, RandomState instance or None, default=0
        Of "permutation" and "lime". Every row starts from the same state, so its explanation
        does not depend on which other rows are in X (given a background).

    Returns
    -------
    Explanation
        ``data`` holds the columns as they are in the table, before any encoding. A column that
        no single later column comes from, as before PCA, is left behind by the exact routes:
        they explain the columns at that point. ``standard_error`` says how far sampled
        contributions would move with another ``random_state``.

    Raises
    ------
    AdditivityError
        Base value and contributions miss a row's prediction by more than
        1e-6 + 1e-3 * (the larger of the prediction and the strongest contribution).
    TypeError
        The model is no classifier, or it reads whole records without a transformer before it.
    ValueError
        A parameter is out of range, the exact route does not exist in this output, or a single
        row comes without the background that it must be compared with.

    References
    ----------
    Tree: Lundberg et al. 2020, doi:10.1038/s42256-019-0138-9. Permutation: Strumbelj and
    Kononenko 2014, doi:10.1007/s10115-013-0679-x. LIME: Ribeiro et al. 2016,
    doi:10.1145/2939672.2939778.

    Examples
    --------
    >>> import pandas as pd
    >>> from sklearn.linear_model import LogisticRegression
    >>> table = pd.DataFrame({"age": [40, 50, 60, 70], "male": [0, 1, 0, 1]})
    >>> model = LogisticRegression().fit(table, [0, 0, 1, 1])
    >>> reasons = explain(model, table, output="probability")
    >>> reasons.method, reasons.importance().round(2).to_dict()
    ('permutation', {'age': 0.47, 'male': 0.0})
    """
    _check_parameters(method, output, n_permutations, n_background, n_samples)
    if method == "prototype":
        return explain_by_prototypes(model, X, target, output)
    steps, estimator = split_classifier(model)
    route = _choose_route(estimator, method, output)
    output = route.output if route else _sampled_output(estimator, output)
    compares = route is None or route.needs_background
    task = prepare(
        steps, estimator, X, background if compares else None, target, output, random_state
    )
    if compares and background is None and len(task.target) == 1:
        raise ValueError(
            "Got one row without background, so there is nothing to compare it with. Pass the "
            "training table or a sample of it: explain(model, row, background=table)."
        )
    if route is not None:
        return _exact(task, route)
    if method == "lime":
        return _lime(task, n_samples)
    return _permutation(task, n_permutations, n_background)


def _check_parameters(method: str, output: str, *counts: int | None) -> None:
    if method not in METHODS:
        raise ValueError(f"Got method={method!r}, but expected one of {', '.join(METHODS)}.")
    if output not in OUTPUTS:
        raise ValueError(f"Got output={output!r}, but expected one of {', '.join(OUTPUTS)}.")
    names = ("n_permutations", "n_background", "n_samples")
    for name, count in zip(names, counts, strict=True):
        if count is None and name == "n_permutations":
            continue
        if not isinstance(count, Integral) or count < 1:
            raise ValueError(f"Got {name}={count!r}, but expected a positive whole number.")


def _choose_route(estimator: Any, method: str, output: str) -> Route | None:
    if method in ("permutation", "lime"):
        return None
    route = exact_route(estimator)
    fits = route is not None and output in ("auto", route.output)
    if method == "auto":
        return route if fits else None
    if route is None or route.method != method or not fits:
        found = "none" if route is None else f"method={route.method!r} in {route.output!r}"
        raise ValueError(
            f"Got method={method!r} with output={output!r} for {type(estimator).__name__}, whose "
            f"exact route is: {found}. Use method='auto' or 'permutation'."
        )
    return route


def _sampled_output(estimator: Any, output: str) -> str:
    """Choose the unit in which the estimator can be asked about recombined rows."""
    methods = {"probability": "predict_proba", "margin": "decision_function"}
    wanted = methods if output == "auto" else {output: methods[output]}
    for unit, name in wanted.items():
        if hasattr(estimator, name):
            return unit
    raise ValueError(
        f"Got output={output!r} for {type(estimator).__name__}, which has no "
        f"{' and no '.join(wanted.values())}."
    )


def _exact(task: Task, route: Route) -> Explanation:
    passage = task.passage(traced=True)
    terms = route.terms(task.stages[-1], task.background[-1])
    rows = np.arange(len(task.target))
    values = np.zeros((len(rows), len(passage.columns)))
    np.add.at(values.T, passage.owners, terms.values[rows, :, task.target].T)
    predictions = task.predictions if terms.outputs is None else terms.outputs[rows, task.target]
    return _checked(
        task,
        passage,
        values,
        terms.base_values[task.target],
        predictions,
        method=route.method,
        base_description=route.base_description or f"the mean of {task.cohort}",
    )


def _permutation(task: Task, n_permutations: int | None, n_background: int) -> Explanation:
    passage = task.passage(traced=False)
    n_available = len(task.background[-1])
    drawn = _draw(n_available, n_background, task.seed)
    start = passage.start
    table = pool(task.stages[start], rows_of(task.background[start], drawn))
    n_rows = len(task.target)
    background = n_rows + np.arange(len(drawn))
    codes = value_codes(table, passage.columns)
    recombined, behind = _recombiner(task, passage, table, drawn)
    found = []
    for row, target in enumerate(task.target):

        def evaluate(sources: npt.NDArray[np.intp], target: int = target) -> Any:
            return task.outputs(recombined(sources), behind)[:, target]

        rng = np.random.default_rng(task.seed)
        found.append(
            shapley_values(evaluate, codes, row, background, n_available, n_permutations, rng)
        )
    errors = np.stack([one.standard_error for one in found])
    return _checked(
        task,
        passage,
        np.stack([one.values for one in found]),
        np.array([one.base_value for one in found]),
        task.predictions,
        method="permutation",
        standard_error=errors if (errors != 0).any() else None,
        base_description=f"the mean of {len(drawn)} rows of {task.cohort}",
    )


def _draw(n_available: int, n_wanted: int, seed: int) -> npt.NDArray[np.intp]:
    if n_available <= n_wanted:
        return np.arange(n_available)
    return np.sort(np.random.default_rng(seed).permutation(n_available)[:n_wanted])


def _recombiner(
    task: Task, passage: Passage, table: Any, drawn: npt.NDArray[np.intp]
) -> tuple[Callable[[npt.NDArray[np.intp]], Any], int]:
    """Recombine rows behind the transformers where that is the same, else before them."""
    if passage.columnwise:
        encoded = pool(task.stages[-1], rows_of(task.background[-1], drawn))
        return lambda sources: recombine(encoded, sources, passage.owners), len(task.steps)
    every = np.arange(table.shape[1])
    return lambda sources: recombine(table, sources, every), passage.start


def _lime(task: Task, n_samples: int) -> Explanation:
    passage = task.passage(traced=False)
    start, n_rows = passage.start, len(task.target)
    frame = task.frame(start)
    names = list(frame.columns[passage.columns])
    # What the pipeline will take for missing is no value to draw.
    both = task.as_understood(pool(frame, task.frame(start, background=True)), start)
    as_array = not isinstance(task.stages[start], pd.DataFrame)
    surrogates = []
    for row, target in enumerate(task.target):

        def evaluate(drawn: pd.DataFrame, row: int = row, target: int = target) -> Any:
            whole = both.iloc[np.full(len(drawn), row)].reset_index(drop=True)
            whole[names] = drawn
            return task.outputs(whole.to_numpy() if as_array else whole, start)[:, target]

        rng = np.random.default_rng(task.seed)
        around = both[names]
        surrogates.append(
            local_surrogate(evaluate, around[row : row + 1], around[n_rows:], n_samples, rng)
        )
    return _checked(
        task,
        passage,
        np.stack([surrogate.values for surrogate in surrogates]),
        np.array([surrogate.base_value for surrogate in surrogates]),
        task.predictions,
        method="lime",
        base_description=f"each row's surrogate at the mean of {task.cohort}",
        fidelity=np.array([surrogate.fidelity for surrogate in surrogates]),
        standard_error=np.stack([surrogate.standard_error for surrogate in surrogates]),
    )


def _checked(
    task: Task,
    passage: Passage,
    values: npt.NDArray[np.float64],
    base_values: npt.NDArray[np.float64],
    predictions: npt.NDArray[np.float64],
    **words: Any,
) -> Explanation:
    """Build the explanation, after checking that every row adds up."""
    residuals = np.abs(base_values + values.sum(axis=1) - predictions)
    scale = np.maximum(np.abs(predictions), np.abs(values).max(axis=1, initial=0.0))
    if words["method"] != "lime" and not (residuals <= ATOL + RTOL * scale).all():
        worst = int(np.argmax(residuals))
        raise AdditivityError(
            f"The contributions of row {worst} add up to "
            f"{base_values[worst] + values[worst].sum():.6g}, but the model's {task.output} is "
            f"{predictions[worst]:.6g}. Use method='permutation'."
        )
    data = task.frame(passage.start).iloc[:, passage.columns]
    return Explanation(
        values=values,
        base_values=base_values,
        data=data,
        feature_names=tuple(data.columns),
        output=task.output,
        max_residual=float(residuals.max()),
        target=task.classes[task.target],
        predictions=predictions,
        **words,
    )
