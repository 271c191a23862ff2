"""What to say of labels that too few rows speak of."""

from typing import Any

import numpy as np
import numpy.typing as npt

from cardiorisk.explain.conformal.risk_control import required_positives
from cardiorisk.explain.conformal.sets import required_rows

__all__ = ["rare_labels", "uncontrolled_labels"]


def rare_labels(names: npt.NDArray[Any], present: npt.NDArray[np.bool_], alpha: float) -> str:
    """Say which labels have too few calibration rows for a set; empty where there are none."""
    if not len(names):
        return ""
    counts = zip(names, present.sum(axis=0), (~present).sum(axis=0), strict=True)
    few = "; ".join(
        f"{name}: {n_with} with, {n_without} without" for name, n_with, n_without in counts
    )
    return (
        f"Too few calibration rows of some labels ({few}), so their set is always "
        f"{{absent, present}}. alpha={alpha:g} needs at least {required_rows(alpha)} rows with and "
        "without the label: give more rows, a larger calibration_size, a cv, or a larger alpha."
    )


def uncontrolled_labels(
    names: npt.NDArray[Any],
    present: npt.NDArray[np.bool_],
    control: str,
    target: float,
    confidence: float,
) -> str:
    """Say for which labels no threshold reaches the target; empty where there are none."""
    if not len(names):
        return ""
    lost = "; ".join(
        f"{name}: {n} with it" for name, n in zip(names, present.sum(axis=0), strict=True)
    )
    needed = required_positives(target, confidence)
    then = (
        f"they are always predicted. Recall needs at least {needed} rows with the label"
        if control == "recall"
        else "they are never predicted"
    )
    return (
        f"No threshold is known to give {control} {target:g} with confidence {confidence:g} to "
        f"some labels ({lost}), so {then}."
    )
