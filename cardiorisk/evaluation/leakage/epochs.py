"""Training that stopped where the test score was best."""

import numpy as np
import numpy.typing as npt

from cardiorisk.evaluation.leakage.finding import Finding, NotChecked
from cardiorisk.evaluation.leakage.study import Study

__all__ = ["best_test_epoch"]

FEWEST = 3  # epochs, to speak of a choice


def best_test_epoch(study: Study) -> list[Finding]:
    """Find an epoch that was chosen by its score on the test rows."""
    if study.history is None or not {"test", "validation"} <= set(study.history):
        raise NotChecked("needs history with the validation and test score of each epoch")
    test, validation = _curve(study, "test"), _curve(study, "validation")
    if test.shape != validation.shape:
        raise ValueError(
            f"Got history with {len(validation)} validation and {len(test)} test scores, but "
            "expected one of each an epoch."
        )
    if np.allclose(validation, test, rtol=1e-9, atol=0):
        return [_same_rows(len(test))]
    honest = int(np.nanargmax(validation))
    chosen = honest if study.chosen_epoch is None else study.chosen_epoch
    if not 0 <= chosen < len(test):
        raise ValueError(f"Got chosen_epoch={chosen}, but expected 0 to {len(test) - 1}.")
    if chosen == honest or test[chosen] < np.nanmax(test) or test[chosen] <= test[honest]:
        return []
    gain = float(test[chosen] - test[honest])
    what = (
        f"Epoch {chosen} has the best test score of {len(test)} epochs, {test[chosen]:.4f}; "
        f"validation chooses epoch {honest}, with {test[honest]:.4f}."
    )
    evidence: dict[str, float | str] = {
        "gain": gain,
        "chance of any one epoch": float(np.mean(test == np.nanmax(test))),
    }
    return [Finding("best_test_epoch", what, REMEDY, evidence)]


REMEDY = (
    "Choose the epoch on rows held back from training (validation_fraction), then look at the "
    "test rows once."
)


def _curve(study: Study, name: str) -> npt.NDArray[np.float64]:
    assert study.history is not None
    curve = np.asarray(study.history[name], dtype=np.float64)
    if curve.ndim != 1 or len(curve) < FEWEST:
        raise NotChecked(f"fewer than {FEWEST} epochs of {name} scores")
    return curve


def _same_rows(n_epochs: int) -> Finding:
    what = (
        f"Validation and test scores are equal in all {n_epochs} epochs: the rows that chose the "
        "epoch are the test rows."
    )
    return Finding("best_test_epoch", what, REMEDY, {"equal epochs": n_epochs})
