"""The learned curve of each input of a Kolmogorov-Arnold network, over several fits."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.utils.validation import check_is_fitted

from cardiorisk.explain.attribution.pipelines import split_model
from cardiorisk.explain.attribution.tables import as_input, run_steps

__all__ = ["Spline", "SplineCurves", "spline_curves"]

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Spline:
    """The curve of one input.

    Parameters
    ----------
    name : str
    values : ndarray of shape (m,)
        Increasing values of the input, in the units that the classifier is given.
    effects : ndarray of shape (n_models, m)
        Log-odds at each value, in each fit; the mean over the rows is 0.
    data : ndarray of shape (n,)
        The values of the rows.
    """

    name: str
    values: Floats
    effects: Floats
    data: Floats

    @property
    def mean(self) -> Floats:
        """Mean over the fits, shape (m,)."""
        return np.asarray(self.effects.mean(axis=0))

    @property
    def spread(self) -> Floats:
        """Standard deviation over the fits, shape (m,); 0 for one fit."""
        ddof = min(1, len(self.effects) - 1)
        return np.asarray(self.effects.std(axis=0, ddof=ddof))

    @property
    def size(self) -> float:
        """Standard deviation of the mean curve over the rows, in log-odds."""
        return float(np.interp(self.data, self.values, self.mean).std())


@dataclass(frozen=True, eq=False, repr=False)
class SplineCurves:
    """The curves of all inputs.

    Parameters
    ----------
    splines : tuple of Spline
        In the order of the inputs.
    fidelity : ndarray of shape (n_models,)
        Squared correlation of the sum of a fit's curves with its log-odds over the rows: what the
        curves tell of the network. The rest is what later layers make of inputs together.

    Examples
    --------
    >>> rows = np.array([0.0, 1.0])
    >>> one = Spline("age", rows, np.array([[-1.0, 1.0]]), rows)
    >>> SplineCurves((one,), np.array([0.9]))
    SplineCurves(1 inputs, 1 fits, fidelity 0.90 to 0.90)
    """

    splines: tuple[Spline, ...]
    fidelity: Floats

    def __getitem__(self, name: str) -> Spline:
        for spline in self.splines:
            if spline.name == name:
                return spline
        names = ", ".join(spline.name for spline in self.splines)
        raise KeyError(f"Got {name!r}, but the inputs are {names}.")

    def importance(self) -> pd.Series:
        """Size of each curve over the rows, in log-odds, largest first."""
        sizes = {spline.name: spline.size for spline in self.splines}
        return pd.Series(sizes, name="log-odds").sort_values(ascending=False)

    def __repr__(self) -> str:
        return (
            f"SplineCurves({len(self.splines)} inputs, {len(self.fidelity)} fits, fidelity "
            f"{self.fidelity.min():.2f} to {self.fidelity.max():.2f})"
        )


def spline_curves(models: Any, X: Any, *, target: Any = None, n_points: int = 101) -> SplineCurves:
    """Read the learned curve of each input out of the first spline layer.

    A spline layer is a sum of one-dimensional functions of its inputs, so what it says of one
    input can be read exactly. Its outputs are many; each is weighted by the mean slope of the
    network's log-odds in it. The weighted sum is one curve an input, in log-odds: exact for a
    network that is linear after the layer, a first-order picture of others, whose quality
    ``fidelity`` tells.

    Parameters
    ----------
    models : fitted KACQDCNNClassifier or Pipeline that ends in one, or a sequence of them
        Each member of a classifier counts as one fit. Fits of several ``random_state`` or members
        show how sure a curve is.
    X : DataFrame or array of shape (n, k)
        Rows to weight by and to draw; usually the training table.
    target : label, optional
        The class whose log-odds are told. None takes the second class.
    n_points : int, default=101
        Points of a curve. An input of fewer different values is read at those.

    Returns
    -------
    SplineCurves

    Raises
    ------
    ValueError
        A network has no spline layer that reads the columns themselves, or X is empty.

    References
    ----------
    Liu Z et al. KAN: Kolmogorov-Arnold networks. 2024, doi:10.48550/arXiv.2404.19756.

    Examples
    --------
    >>> from sklearn.datasets import make_classification
    >>> from cardiorisk.estimators import KACQDCNNClassifier
    >>> X, y = make_classification(80, 4, random_state=0)
    >>> net = KACQDCNNClassifier(n_members=2, epochs=2, random_state=0).fit(X, y)
    >>> curves = spline_curves(net, X)
    >>> curves.splines[0].effects.shape
    (2, 80)
    """
    if n_points < 2:
        raise ValueError(f"Got n_points={n_points}, but expected at least 2.")
    fits = list(models) if isinstance(models, Sequence) else [models]
    if not fits:
        raise ValueError("Got no model, but expected at least one.")
    read = [one for model in fits for one in _read(model, X, target, n_points)]
    names, values, data = read[0].names, read[0].values, read[0].data
    splines = tuple(
        Spline(name, values[k], np.stack([one.effects[k] for one in read]), data[:, k])
        for k, name in enumerate(names)
    )
    return SplineCurves(splines, np.array([one.fidelity for one in read]))


@dataclass(frozen=True, eq=False)
class _OneFit:
    names: tuple[str, ...]
    values: list[Floats]
    effects: list[Floats]
    data: Floats
    fidelity: float


def _read(model: Any, X: Any, target: Any, n_points: int) -> list[_OneFit]:
    from cardiorisk.explain.splines.first_layer import read_first_layers

    check_is_fitted(model)
    steps, estimator = split_model(model)
    table = run_steps(steps, as_input(X))[-1]
    layers = read_first_layers(estimator, table, _position(estimator, target))
    names, data = _named(table, estimator, layers[0].inputs)
    return [_curves(names, data, first, n_points) for first in layers]


def _curves(names: tuple[str, ...], data: Floats, first: Any, n_points: int) -> _OneFit:
    centre = np.median(first.inputs, axis=0)
    at_rows = np.zeros(len(data))
    values, effects = [], []
    for k, column in enumerate(data.T):
        points, curve = _curve(column, first, centre, k, n_points)
        of_rows = np.interp(column, points, curve)
        values.append(points)
        effects.append(curve - of_rows.mean())
        at_rows += of_rows
    fidelity = _squared_correlation(at_rows, first.logit)
    return _OneFit(names, values, effects, data, fidelity)


def _curve(
    column: Floats, first: Any, centre: Floats, k: int, n_points: int
) -> tuple[Floats, Floats]:
    levels, where = np.unique(column, return_index=True)
    few = len(levels) <= n_points
    points = levels if few else np.linspace(levels[0], levels[-1], n_points)
    inputs = np.tile(centre, (len(points), 1))
    inputs[:, k] = np.interp(points, levels, first.inputs[where, k])
    return points, first.contribution(inputs)


def _position(estimator: Any, target: Any) -> int:
    classes = estimator.classes_.tolist()
    if target is None:
        return min(1, len(classes) - 1)
    if target not in classes:
        raise ValueError(f"Got target={target!r}, but the classes are {classes}.")
    return classes.index(target)


def _named(table: Any, estimator: Any, inputs: Floats) -> tuple[tuple[str, ...], Floats]:
    """Names and values of the inputs; one that the estimator added itself is named so."""
    data = np.asarray(table, dtype=np.float64)
    if isinstance(table, pd.DataFrame):
        names = [str(name) for name in table.columns]
    else:
        known = getattr(estimator, "feature_names_in_", None)
        names = [f"x{k}" for k in range(data.shape[1])] if known is None else list(known)
    if inputs.shape[1] == data.shape[1] + 1:
        return (*names, "augmentation"), np.column_stack([data, inputs[:, -1]])
    return tuple(names), data


def _squared_correlation(first: Floats, second: Floats) -> float:
    if first.std() == 0 or second.std() == 0:
        return 0.0
    return float(np.corrcoef(first, second)[0, 1] ** 2)
