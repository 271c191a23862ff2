"""All that the guards may look at, checked once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from cardiorisk.evaluation.leakage.cells import MOST_COLUMNS, Cells
from cardiorisk.evaluation.leakage.finding import NotChecked
from cardiorisk.evaluation.protocols import Split

__all__ = ["Study", "material_count"]

MOST_CELLS = 100_000_000  # 2.4 GB while they are compared


def material_count(n_rows: int) -> float:
    """Return how many known rows of a test begin to matter.

    A share of known rows can move the accuracy by as much as itself. Up to 0.4 standard errors
    (at most ``0.5 / sqrt(n)``), an interval of 95 % still covers 93 %; this is that many rows.
    """
    return 0.2 * float(np.sqrt(n_rows))


@dataclass(frozen=True, eq=False)
class Study:
    """The data, the splits and what else the caller handed over; None where nothing was."""

    X: Any
    y: npt.NDArray[Any] | None = None
    splits: tuple[Split, ...] = ()
    groups: npt.NDArray[Any] | None = None
    sites: npt.NDArray[Any] | None = None
    pos_label: Any = None
    fitted: Sequence[Any] = ()
    calibration: Any = None
    calibration_groups: npt.NDArray[Any] | None = None
    history: Mapping[str, Any] | None = None
    chosen_epoch: int | None = None
    prediction_times: Any = None
    seed: int = 0

    @cached_property
    def cells(self) -> Cells:
        """``X`` as cells.

        Raises
        ------
        NotChecked
            ``X`` is no table.
        """
        shape: tuple[int, ...] = getattr(self.X, "shape", ())
        if len(shape) == 2 and shape[1] <= MOST_COLUMNS and shape[0] * shape[1] > MOST_CELLS:
            raise NotChecked(f"more than {MOST_CELLS:,} values; check a part of the rows")
        cells = Cells.of(self.X)
        if cells is None:
            raise NotChecked(f"no table but {type(self.X).__name__}")
        return cells

    @cached_property
    def numbers(self) -> npt.NDArray[np.float64]:
        """The numeric columns of ``X``.

        Raises
        ------
        NotChecked
            There are none.
        """
        if not self.cells.numeric:
            raise NotChecked("no columns of numbers")
        return self.cells.numbers

    def of(self, y: npt.NDArray[Any]) -> "Study":
        """Return the same with other labels; what was read of ``X`` is not read again."""
        other = replace(self, y=y)
        if "cells" in self.__dict__:
            other.__dict__["cells"] = self.__dict__["cells"]
        return other

    def labels(self) -> npt.NDArray[Any]:
        """Return ``y``, or say that it is needed."""
        if self.y is None:
            raise NotChecked("needs y")
        return self.y

    def folds(self) -> tuple[Split, ...]:
        """Return the splits, or say that they are needed."""
        if not self.splits:
            raise NotChecked("needs cv")
        return self.splits
