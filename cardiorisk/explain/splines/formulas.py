"""A formula for each learned curve, from pykan's library of functions."""

import warnings
from math import isfinite
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from cardiorisk._optional import require
from cardiorisk.explain.splines.curves import Spline, SplineCurves

__all__ = ["suggest_formulas"]

Floats = npt.NDArray[np.float64]
FUNCTIONS = ("x", "x^2", "x^3", "exp", "log", "sqrt", "abs", "sin", "tanh", "gaussian")
SHOWN = {
    "x^2": "({})^2",
    "x^3": "({})^3",
    "gaussian": "exp(-({})^2)",
}
NEARLY_FLAT = 1e-3  # log-odds


def suggest_formulas(
    curves: SplineCurves, *, functions: tuple[str, ...] = FUNCTIONS, tolerance: float = 0.01
) -> pd.DataFrame:
    """Suggest ``c * f(a * x + b) + d`` for the mean curve of each input.

    The parameters are searched by pykan's ``fit_params``, and complexities are those of its
    library. Nothing else of pykan runs: the constructor of its network, which writes a folder
    ``model`` where the user happens to be, is not called, and no file is written.

    Parameters
    ----------
    curves : SplineCurves
    functions : tuple of str
        Names in pykan's ``SYMBOLIC_LIB`` to choose from.
    tolerance : float, default=0.01
        The simplest function is taken whose R2 is less than this below the best one's.

    Returns
    -------
    DataFrame
        One row an input: ``input``, its ``mean`` and ``sd`` over the rows, ``size``, the spread of
        the curve in log-odds, ``formula`` in ``z = (input - mean) / sd``, ``function``, ``r2``
        and ``complexity``. An input of two values gets the straight line through them.

    Raises
    ------
    OptionalDependencyError
        pykan is not installed.
    ValueError
        A function is not in pykan's library.

    Notes
    -----
    - A formula describes a curve, not a law: over the seen range several functions often fit as
      well. Look at ``r2``, and at the spread over fits.
    - pykan's R2 is that of its grid of a and b; the one told here is recomputed over the rows.

    References
    ----------
    Liu Z et al. KAN 2.0. 2024, doi:10.48550/arXiv.2408.10205.

    Examples
    --------
    >>> x = np.linspace(40, 80, 41)
    >>> bent = Spline("age", x, np.tanh((x - 60) / 5)[None], x)
    >>> suggest_formulas(SplineCurves((bent,), np.ones(1)))[["input", "function"]].values.tolist()
    [['age', 'tanh']]
    """
    library = _library(functions)
    found = [_suggest(spline, library, tolerance) for spline in curves.splines]
    return pd.DataFrame(found)


def _library(functions: tuple[str, ...]) -> dict[str, tuple[Any, int]]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        known = require("kan.utils", extra="quantum").SYMBOLIC_LIB
    unknown = [name for name in functions if name not in known]
    if unknown:
        raise ValueError(f"Got function {unknown[0]!r}, but pykan knows {', '.join(known)}.")
    return {name: (known[name][0], known[name][2]) for name in functions}


def _suggest(spline: Spline, library: dict[str, tuple[Any, int]], tolerance: float) -> dict:
    centre, scale = float(spline.data.mean()), float(spline.data.std()) or 1.0
    row = {"input": spline.name, "mean": centre, "sd": scale, "size": spline.size}
    z, curve = (spline.values - centre) / scale, spline.mean
    if np.ptp(curve) < NEARLY_FLAT:
        return {**row, "formula": "0", "function": "0", "r2": 1.0, "complexity": 0}
    if len(z) == 2:
        library = {name: entry for name, entry in library.items() if name == "x"} or library
    rows = (spline.data - centre) / scale
    tried = []
    for name, (function, complexity) in library.items():
        parameters = _fit(function, z, curve)
        if parameters is None:
            continue
        wanted = np.interp(rows, z, curve)
        r2 = _r2(wanted, _apply(function, parameters, rows))
        tried.append((name, parameters, complexity, r2))
    best = max(r2 for *_, r2 in tried)
    near = [one for one in tried if one[3] >= best - tolerance]
    name, parameters, complexity, r2 = min(near, key=lambda one: (one[2], -one[3]))
    formula = _words(name, parameters)
    return {**row, "formula": formula, "function": name, "r2": r2, "complexity": complexity}


def _fit(function: Any, z: Floats, curve: Floats) -> tuple[float, float, float, float] | None:
    """Search a, b, c and d; None where the function has no value somewhere."""
    torch = require("torch", extra="nn")
    utils = require("kan.utils", extra="quantum")
    centre, scale = curve.mean(), curve.std()
    given = torch.as_tensor(z, dtype=torch.float64)
    wanted = torch.as_tensor((curve - centre) / scale, dtype=torch.float64)
    a, b, c, d = (
        float(value) for value in utils.fit_params(given, wanted, function, verbose=False)[0]
    )
    if not all(isfinite(value) for value in (a, b, c, d)):
        return None
    found = a, b, c * scale, d * scale + centre
    return found if np.isfinite(_apply(function, found, z)).all() else None


def _apply(function: Any, parameters: tuple[float, ...], z: Floats) -> Floats:
    torch = require("torch", extra="nn")
    a, b, c, d = parameters
    return np.asarray(c * function(torch.as_tensor(a * z + b)).numpy() + d)


def _r2(wanted: Floats, found: Floats) -> float:
    spread = ((wanted - wanted.mean()) ** 2).sum()
    missed = ((wanted - found) ** 2).sum()
    return 1.0 if spread == 0 else float(1 - missed / spread)


def _words(name: str, parameters: tuple[float, ...]) -> str:
    a, b, c, d = parameters
    if name == "x":
        return f"{c * a:.3g} z {c * b + d:+.2f}"
    inner = f"{a:.3g} z {b:+.2f}"
    shown = SHOWN.get(name, f"{name}({{}})").format(inner)
    return f"{c:.3g} {shown} {d:+.2f}"
