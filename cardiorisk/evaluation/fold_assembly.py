"""Put the predictions of all folds together, and say what a reader must know of them."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from cardiorisk.evaluation.measures import limited_risks
from cardiorisk.evaluation.protocols import Protocol

__all__ = ["assemble", "notes_of"]

FEW_GROUPS = 20  # intervals of a cluster bootstrap are too narrow: doi:10.1162/rest.90.3.414


def assemble(
    protocol: Protocol, parts: Iterable[npt.NDArray[np.float64]], n_rows: int, n_classes: int
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.intp]]:
    """Put the predictions of the splits in place: probability (r, n, k) and fold (r, n)."""
    probability = np.full((protocol.n_repeats, n_rows, n_classes), np.nan)
    fold = np.full((protocol.n_repeats, n_rows), -1, dtype=np.intp)
    steps = zip(protocol.splits, protocol.repeat, parts, strict=True)
    for number, ((_, test), repeat, part) in enumerate(steps):
        probability[repeat, test] = part
        fold[repeat, test] = number
    return probability, fold


def notes_of(
    protocol: Protocol,
    fold: npt.NDArray[np.intp],
    groups: npt.NDArray[Any] | None,
    risk: npt.NDArray[np.float64] | None,
    *,
    refitted: bool = False,
) -> tuple[str, ...]:
    """Say what a reader must know of an evaluation; ``refitted`` of a model that came fitted."""
    notes = []
    if refitted:
        notes.append(
            "The model came fitted, and clones of it were fitted anew in the folds; say "
            "cv='external' to test it as it is on rows that it did not see."
        )
    if risk is not None and (limited := limited_risks(risk[~np.isnan(risk)])):
        notes.append(f"{limited}.")
    untested = int(np.sum((fold < 0).all(axis=0)))
    if untested:
        notes.append(f"{untested} of {fold.shape[1]} rows were never tested.")
    if protocol.by_site:
        notes.append(
            "Pooled measures also compare people of different sites, and their intervals hold for "
            "these sites only; per_fold tells each site's own."
        )
    elif groups is not None and len(np.unique(groups)) < FEW_GROUPS:
        notes.append(
            f"Only {len(np.unique(groups))} groups: with fewer than {FEW_GROUPS}, intervals are "
            "too narrow."
        )
    return tuple(notes)
