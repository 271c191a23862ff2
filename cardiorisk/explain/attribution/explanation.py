"""What an explanation is: one number a row and feature, and what the numbers add up to."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

__all__ = ["Explanation"]


@dataclass(frozen=True, eq=False)
class Explanation:
    """How far each feature moves each row's prediction away from the base value.

    ``base_values + values.sum(axis=1)`` equals ``predictions`` up to ``max_residual`` (for
    ``method="lime"`` it equals the local surrogate instead, and ``fidelity`` tells how good
    that is). The numbers describe the model, not what causes disease.

    Parameters
    ----------
    values : ndarray of float, shape (n, k)
        Contribution of each feature, in the unit of ``output``.
    base_values : ndarray of float, shape (n,)
        What the model predicts before anything is known about the row.
    data : DataFrame, shape (n, k)
        The values that were explained, in the units of the table; its index names the rows.
    feature_names : tuple of str
        Columns of ``values`` and ``data``.
    output : {"probability", "margin"}
        Unit of the contributions: probability (0 to 1), or the model's own score, which for
        most classifiers is in log-odds.
    method : {"tree", "linear", "permutation", "lime", "prototype"}
        How the contributions were computed.
    max_residual : float
        Largest difference between base plus contributions and ``predictions`` over all rows.
    target : ndarray, shape (n,)
        The class whose output is explained, one a row.
    predictions : ndarray of float, shape (n,)
        Output of the model for ``target``, in the unit of ``output``.
    base_description : str
        Which cohort the base value is an average over.
    fidelity : ndarray of float, shape (n,), optional
        Weighted R2 of the local surrogate; only for ``method="lime"``.
    standard_error : ndarray of float, shape (n, k), optional
        How far a contribution would move with other draws; None where nothing was drawn. Two
        columns whose contributions differ by less than about three of it have no sure order.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> reasons = Explanation(
    ...     values=np.array([[0.2, -0.1]]), base_values=np.array([0.4]),
    ...     data=pd.DataFrame({"age": [63], "chol": [180]}), feature_names=("age", "chol"),
    ...     output="probability", method="tree", max_residual=0.0, target=np.array([1]),
    ...     predictions=np.array([0.5]), base_description="the training rows of the trees")
    >>> reasons
    Explanation(1 row, 2 features, probability of 1, method tree)
      base 0.4: the training rows of the trees
      largest residual 0
      mean |contribution|: age 0.2, chol 0.1
    >>> reasons.to_frame()
       row feature  value  contribution
    0    0     age     63           0.2
    1    0    chol    180          -0.1
    """

    values: npt.NDArray[np.float64]
    base_values: npt.NDArray[np.float64]
    data: pd.DataFrame
    feature_names: tuple[str, ...]
    output: str
    method: str
    max_residual: float
    target: npt.NDArray[Any]
    predictions: npt.NDArray[np.float64]
    base_description: str = ""
    fidelity: npt.NDArray[np.float64] | None = None
    standard_error: npt.NDArray[np.float64] | None = None

    def to_frame(self) -> pd.DataFrame:
        """Return one line a row and feature, the strongest contribution of each row first.

        Returns
        -------
        DataFrame
            Columns ``row`` (label in the index of ``data``), ``feature``, ``value`` (as in
            ``data``, of dtype object where the columns differ), ``contribution``, and
            ``standard_error`` where the contributions were sampled.
        """
        n_rows, n_features = self.values.shape
        order = np.argsort(-np.abs(self.values), axis=1, kind="stable")
        rows = np.arange(n_rows)[:, None]
        names = np.asarray(self.feature_names, dtype=object)
        frame = pd.DataFrame(
            {
                "row": np.repeat(self.data.index.to_numpy(), n_features),
                "feature": names[order].ravel(),
                "value": self.data.to_numpy()[rows, order].ravel(),
                "contribution": self.values[rows, order].ravel(),
            }
        )
        if self.standard_error is not None:
            frame["standard_error"] = self.standard_error[rows, order].ravel()
        return frame

    def importance(self) -> pd.Series:
        """Mean absolute contribution of each feature over the rows, largest first."""
        strength = pd.Series(
            np.abs(self.values).mean(axis=0),
            index=pd.Index(self.feature_names, name="feature"),
            name="mean |contribution|",
        )
        return strength.sort_values(ascending=False, kind="stable")

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, rows: Any) -> "Explanation":
        """Explanation of some rows, by position: an integer, slice, list or boolean mask."""
        if isinstance(rows, str | tuple):
            raise TypeError(f"Got [{rows!r}], but rows are chosen by position.")
        chosen = np.atleast_1d(np.arange(len(self))[rows])
        return replace(
            self,
            values=self.values[chosen],
            base_values=self.base_values[chosen],
            data=self.data.iloc[chosen],
            target=self.target[chosen],
            predictions=self.predictions[chosen],
            fidelity=None if self.fidelity is None else self.fidelity[chosen],
            standard_error=None if self.standard_error is None else self.standard_error[chosen],
        )

    def __iter__(self) -> Iterator["Explanation"]:
        return (self[row] for row in range(len(self)))

    def __repr__(self) -> str:
        n_rows, n_features = self.values.shape
        targets = ", ".join(str(label) for label in pd.unique(self.target)[:4])
        lines = [
            f"Explanation({n_rows} row{'s' * (n_rows != 1)}, {n_features} feature"
            f"{'s' * (n_features != 1)}, {self.output} of {targets}, method {self.method})"
        ]
        if n_rows:
            lowest, highest = self.base_values.min(), self.base_values.max()
            base = f"{lowest:.3g}" if np.isclose(lowest, highest) else f"{lowest:.3g}-{highest:.3g}"
            strongest = ", ".join(f"{k} {v:.2g}" for k, v in self.importance().head(5).items())
            lines.append(f"  base {base}: {self.base_description}")
            lines.append(f"  largest residual {self.max_residual:.2g}")
            if self.fidelity is not None:
                lines.append(f"  fidelity (weighted R2) at least {self.fidelity.min():.2f}")
            lines.append(f"  mean |contribution|: {strongest}")
            if self.standard_error is not None:
                middle, largest = np.median(self.standard_error), self.standard_error.max()
                lines.append(f"  sampled: standard error {middle:.2g}, at most {largest:.2g}")
        return "\n".join(lines)
