"""Compare marks with those of cardiologists, lead by lead."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from cardiorisk.records import MARKS, Delineation

__all__ = ["match", "score_marks"]

Floats = npt.NDArray[np.float64]

TOLERANCE = 0.150  # s, ANSI/AAMI EC57


def match(truth: Floats, found: Floats, tolerance: float) -> tuple[Floats, Floats]:
    """Pair marks one to one, nearest first.

    Returns
    -------
    errors : ndarray, shape (n_pairs,)
        Found minus true, in samples.
    spare : ndarray
        Found marks without a true one.

    Examples
    --------
    >>> errors, spare = match(np.array([10.0, 50.0]), np.array([12.0, 90.0]), 5.0)
    >>> errors.tolist(), spare.tolist()
    ([2.0], [90.0])
    """
    gaps = found[None, :] - truth[:, None]
    near = np.argwhere(np.abs(gaps) <= tolerance)
    near = near[np.argsort(np.abs(gaps[near[:, 0], near[:, 1]]), kind="stable")]
    partner: dict[int, int] = {}
    taken: set[int] = set()
    for true, one in near.tolist():
        if true not in partner and one not in taken:
            partner[true] = one
            taken.add(one)
    errors = np.array([gaps[pair] for pair in partner.items()], dtype=np.float64)
    return errors, np.delete(found, sorted(taken))


def _known(values: Floats) -> Floats:
    return np.asarray(values[np.isfinite(values)])


def score_marks(truth: Sequence[Delineation], found: Sequence[Delineation]) -> pd.DataFrame:
    """Score delineations of the same records, every lead by itself.

    Marks within 150 ms of each other match. A found mark outside the marked span of a lead is
    no false alarm, as LUDB leaves out the first and the last beats.

    Parameters
    ----------
    truth, found : sequence of Delineation
        Of the same records and leads, at the same sampling rate.

    Returns
    -------
    scores : DataFrame
        One row a mark: ``n``, ``sensitivity``, ``ppv`` and ``f1`` in %, ``mean`` and ``sd`` of
        the error (found minus true) in ms.
    """
    counts = {name: np.zeros(3) for name in MARKS}
    errors: dict[str, list[Floats]] = {name: [] for name in MARKS}
    for true, seen in zip(truth, found, strict=True):
        tolerance = TOLERANCE * true.sampling_rate
        for lead, ours in zip(true.leads, seen.leads, strict=True):
            marked = _known(np.concatenate(list(lead.values())))
            if not len(marked):
                continue
            for name in MARKS:
                target = _known(lead[name])
                error, spare = match(target, _known(ours[name]), tolerance)
                false = np.sum((spare >= marked.min()) & (spare <= marked.max()))
                counts[name] += len(target), len(error), len(error) + false
                errors[name].append(error / true.sampling_rate * 1000)
    return pd.DataFrame([_row(counts[name], errors[name]) for name in MARKS], index=MARKS)


def _row(count: Floats, errors: Sequence[Floats]) -> dict[str, float]:
    n, hit, found = count.tolist()
    all_errors = np.concatenate(errors) if hit else np.array([np.nan])
    return {
        "n": n,
        "sensitivity": 100 * hit / max(n, 1),
        "ppv": 100 * hit / max(found, 1),
        "f1": 200 * hit / max(n + found, 1),
        "mean": float(all_errors.mean()),
        "sd": float(all_errors.std()),
    }
