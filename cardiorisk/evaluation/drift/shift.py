"""Summarise how new people differ from those that a model was made for."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from cardiorisk._validation import as_pandas
from cardiorisk.evaluation.drift.columns import describe_column
from cardiorisk.evaluation.drift.exchangeability import exchangeability_p
from cardiorisk.evaluation.drift.separation import separate
from cardiorisk.evaluation.intervals import Interval
from cardiorisk.evaluation.multiplicity import adjust_p_values

__all__ = ["Drift", "drift"]

LARGE = 0.1  # a standardised difference that is often called an imbalance: doi:10.1002/sim.3697
FEWEST_ROWS = 10


@dataclass(frozen=True, eq=False, repr=False)
class Drift:
    """Differences between a reference table and a new one.

    Parameters
    ----------
    table : DataFrame
        One row a column, the largest standardised difference first: ``kind``, ``reference``,
        ``new``, ``difference``, ``p``, ``missing_reference``, ``missing_new``, ``p_missing``, and
        ``p_adjusted`` and ``p_missing_adjusted`` (for all tests of the table together).
    separation : Interval
        AUROC of a classifier of new against reference rows, on rows it was not trained on.
    separation_p : float
    exchangeability_p : float
        MAPIE's permutation test of conformal scores; NaN without a model and labels.
    n_reference, n_new : int
    correction : str

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> found = drift({"age": rng.normal(50, 9, 200)}, {"age": rng.normal(60, 9, 150)})
    >>> bool(found.table.loc["age", "difference"] > 0.5), bool(found.separation.low > 0.5)
    (True, True)
    """

    table: pd.DataFrame
    separation: Interval
    separation_p: float
    exchangeability_p: float
    n_reference: int
    n_new: int
    correction: str = "holm"

    def to_frame(self) -> pd.DataFrame:
        """Tabulate the columns; the same as ``table``."""
        return self.table.copy()

    def __repr__(self) -> str:
        large = int((self.table["difference"].abs() > LARGE).sum())
        missing = int((self.table["p_missing_adjusted"] < 0.05).sum())
        lines = [
            f"Drift: {self.n_new} new rows against {self.n_reference}; {large} of "
            f"{len(self.table)} columns moved by more than {LARGE} standard deviations, "
            f"missing values changed in {missing} (p adjusted by {self.correction})",
            f"  new rows are told from reference rows with AUROC {self.separation}, "
            f"p = {self.separation_p:.2g}",
        ]
        if np.isfinite(self.exchangeability_p):
            lines.append(f"  conformal scores exchangeable: p = {self.exchangeability_p:.2g}")
        shown = self.table[["reference", "new", "difference", "p_adjusted"]].head(10)
        return "\n".join([*lines, shown.to_string(float_format=lambda value: f"{value:.2g}")])


def drift(
    X_reference: Any,
    X_new: Any,
    *,
    model: Any = None,
    y_reference: Any = None,
    y_new: Any = None,
    correction: str = "holm",
    n_permutations: int = 200,
    random_state: Any = 0,
) -> Drift:
    """Compare a new table with one on which a model was made or tested.

    Parameters
    ----------
    X_reference, X_new : DataFrame, mapping of str to array-like, or array of shape (n, k)
        The same columns, one row a person; rows are taken as independent.
    model : fitted classifier, optional
        With both labels, whether its conformal scores are exchangeable is tested too. The
        reference rows must then be rows that the model was **not** trained on: on its training
        rows its errors are too small, and the test would find a change that is none.
    y_reference, y_new : array-like, optional
        Labels, for the test of the model.
    correction : {"holm", "bonferroni", "bh"}, default="holm"
    n_permutations : int, default=200
    random_state : int, RandomState instance or None, default=0

    Returns
    -------
    found : Drift

    Raises
    ------
    ValueError
        Columns differ, a table has fewer than 10 rows, or a model came without labels.

    Notes
    -----
    With many rows every small difference is significant: read ``difference`` first. A model may be
    right in spite of drift, and wrong without any: measure it with
    ``evaluate(..., cv="external")``.

    References
    ----------
    Finlayson SG et al. NEJM 2021;385:283-286. doi:10.1056/NEJMc2104626; tests of dependent
    columns and of whole tables: Rabanser S, Gunnemann S, Lipton ZC. NeurIPS 2019.
    doi:10.48550/arXiv.1810.11953

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from cardiorisk.evaluation import drift
    >>> rng = np.random.default_rng(0)
    >>> old = pd.DataFrame({"age": rng.normal(50, 9, 300), "sex": rng.choice(["f", "m"], 300)})
    >>> new = old.sample(200, random_state=0).assign(age=lambda table: table["age"] + 6)
    >>> drift(old, new).table.index[0]
    'age'
    """
    reference, new = _table(X_reference, "X_reference"), _table(X_new, "X_new")
    if list(reference) != list(new):
        odd = sorted(set(map(str, reference)) ^ set(map(str, new))) or "the order"
        raise ValueError(f"X_reference and X_new differ in their columns: {odd}.")
    labelled = [part is not None for part in (model, y_reference, y_new)]
    if any(labelled) and not all(labelled):
        raise ValueError("Got only some of model, y_reference and y_new; the test needs all three.")
    rows = {name: describe_column(reference[name], new[name]) for name in reference}
    table = pd.DataFrame.from_dict(rows, orient="index").rename_axis("column")
    adjusted = adjust_p_values(np.concatenate([table["p"], table["p_missing"]]), correction)
    table["p_adjusted"], table["p_missing_adjusted"] = np.split(adjusted, 2)
    order = np.argsort(-table["difference"].abs().fillna(-1).to_numpy(), kind="stable")
    separation, p = separate(reference, new, random_state)
    exchangeable = np.nan
    if all(labelled):
        arrays = (_as_given(X_reference, reference), _as_given(X_new, new))
        exchangeable = exchangeability_p(
            model,
            arrays[0],
            y_reference,
            arrays[1],
            y_new,
            n_permutations=n_permutations,
            random_state=random_state,
        )
    return Drift(
        table.iloc[order], separation, p, exchangeable, len(reference), len(new), correction
    )


def _table(X: Any, name: str) -> pd.DataFrame:
    table = as_pandas(X)
    if not isinstance(table, pd.DataFrame):
        if isinstance(X, np.ndarray) and X.ndim != 2:
            raise ValueError(
                f"Got {name} of {X.ndim} dimensions, but expected a table; compare signals by "
                "their features."
            )
        table = pd.DataFrame(X)
        if isinstance(table.columns, pd.RangeIndex):
            table.columns = [f"column {number}" for number in table.columns]
    if len(table) < FEWEST_ROWS or not table.shape[1]:
        raise ValueError(
            f"Got {name} of shape {table.shape}, but expected at least {FEWEST_ROWS} rows and a "
            "column."
        )
    return table.reset_index(drop=True)


def _as_given(X: Any, table: pd.DataFrame) -> Any:
    """Name no columns for a model that was fitted to an array."""
    return table if hasattr(X, "columns") or isinstance(X, dict) else pd.DataFrame(np.asarray(X))
