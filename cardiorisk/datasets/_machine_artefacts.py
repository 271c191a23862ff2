"""What carts write instead of a measurement: codes, impossible and merely wrong values."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pandas as pd

__all__ = ["KINDS", "as_written"]

Floats = npt.NDArray[np.float64]
Drawn = Callable[[Floats, np.random.Generator], Floats]

NOT_MEASURED = 29_999.0

KINDS = ("none", "not_measured", "impossible", "plausible")
"""What a cell holds: a true value, a code, or a value that a rule can, or cannot, tell as wrong."""
NONE, CODED, IMPOSSIBLE, PLAUSIBLE = range(len(KINDS))

# Share of ECGs with the code for "not measured", by column: of MIMIC-IV-ECG for P, whose shares are
# 15.6 % (onset), 28.8 % (end) and 16 % (axis) and include the hearts without P; assumed for others.
ONSET, END, AXIS = 0.156, 0.288, 0.160
OTHERS = {"qrs_onset": 0.0001, "qrs_end": 0.0001, "t_end": 0.001, "qrs_axis": 0.001}
OTHERS["t_axis"] = 0.002
OTHER_CONVENTION = 0.10  # carts that write the upper left quarter as 180 to 270 degrees


def _one_of(*values: float) -> Drawn:
    return lambda old, rng: rng.choice(values, len(old))


def _between(low: float, high: float) -> Drawn:
    return lambda old, rng: np.round(rng.uniform(low, high, len(old)))


def _shifted(low: float, high: float) -> Drawn:
    def shift(old: Floats, rng: np.random.Generator) -> Floats:
        size = 2 * np.round(rng.uniform(low, high, len(old)) / 2)
        return old + rng.choice([-1.0, 1.0], len(old)) * size

    return shift


def _scaled(factor: float) -> Drawn:
    return lambda old, rng: np.round(old * factor)


# Column, share of ECGs, what is written. The extremes are those of MIMIC-IV-ECG, the shares are
# assumed.
IMPOSSIBLE_VALUES: tuple[tuple[str, float, Drawn], ...] = (
    ("rr_interval", 0.0005, _one_of(0.0, 65535.0)),
    ("rr_interval", 0.0003, _between(1, 199)),
    ("rr_interval", 0.0003, _between(3001, 29998)),
    ("p_onset", 0.0003, _between(300, 2000)),
    ("p_end", 0.0010, _between(400, 1990)),
    ("p_end", 0.0002, _one_of(61440.0, 32767.0)),
    ("p_end", 0.0005, _between(0, 20)),
    ("qrs_end", 0.0003, _between(700, 1990)),
    ("qrs_end", 0.0001, _one_of(65534.0, 61440.0, 32767.0)),
    ("qrs_onset", 0.0002, _between(600, 1990)),
    ("t_end", 0.0005, _between(0, 150)),
    ("t_end", 0.0005, _between(2001, 29998)),
    ("p_axis", 0.0010, _one_of(-31248.0, 32767.0)),
    ("qrs_axis", 0.0003, _one_of(32767.0)),
    ("t_axis", 0.0003, _one_of(-32768.0, 32767.0)),
    ("t_axis", 0.0003, _between(271, 2000)),
)

# A T wave counted as a beat, an edge in the wrong place.
PLAUSIBLE_VALUES: tuple[tuple[str, float, Drawn], ...] = (
    ("rr_interval", 0.0020, _scaled(0.5)),
    ("t_end", 0.0050, _shifted(40, 120)),
    ("qrs_end", 0.0020, _shifted(16, 40)),
    ("p_onset", 0.0030, _shifted(16, 40)),
)


def _code_missing(
    table: pd.DataFrame, kinds: pd.DataFrame, rate: float, rng: np.random.Generator
) -> None:
    """Write the code for what the heart lacks, and for what the cart did not find.

    With P, the cart gives up in steps: first on its end, then on its axis, then on all of it.
    """
    absent = table["p_onset"].isna().to_numpy()
    lacking = absent.mean()
    share = {
        name: rate * max(total - lacking, 0) / max(1 - lacking, 1e-9)
        for name, total in (("p_onset", ONSET), ("p_axis", AXIS), ("p_end", END))
    }
    luck = rng.random(len(table))
    coded = {name: rng.random(len(table)) < rate * chance for name, chance in OTHERS.items()}
    for name, chance in share.items():
        coded[name] = absent | (luck < chance)
    for name, where in coded.items():
        table.loc[where, name], kinds.loc[where, name] = NOT_MEASURED, CODED


def as_written(
    truth: pd.DataFrame,
    other_convention: npt.NDArray[np.bool_],
    rate: float,
    rng: np.random.Generator,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Write measurements as carts do.

    Parameters
    ----------
    truth : DataFrame of shape (n_records, 9)
        NaN where the heart has no such wave.
    other_convention : ndarray of bool, shape (n_records,)
        Whether the cart writes the upper left quarter as 180 to 270 degrees.
    rate : float
        Multiplies the share of every artefact; absent waves are coded at 0 too.
    rng : Generator

    Returns
    -------
    written : DataFrame of shape (n_records, 9)
    kinds : DataFrame of int8, shape (n_records, 9)
        Places in :data:`KINDS`.
    """
    kinds = pd.DataFrame(np.int8(NONE), index=truth.index, columns=truth.columns)
    written = truth.copy()
    for name in ("p_axis", "qrs_axis", "t_axis"):
        turned = other_convention & (written[name].to_numpy() < -90)
        written.loc[turned, name] += 360
    for kind, drawn in ((PLAUSIBLE, PLAUSIBLE_VALUES), (IMPOSSIBLE, IMPOSSIBLE_VALUES)):
        for name, share, draw in drawn:
            hit = (rng.random(len(truth)) < rate * share) & truth[name].notna().to_numpy()
            written.loc[hit, name] = draw(written.loc[hit, name].to_numpy(), rng)
            kinds.loc[hit, name] = kind
    _code_missing(written, kinds, rate, rng)
    return written.astype("float64"), kinds
