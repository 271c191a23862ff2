"""What a cart's measurement cannot be: codes for "not measured", impossible values and orders."""

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

__all__ = ["RULES", "Cleaned", "clean"]

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

SENTINEL = 29_999.0  # and beyond in size: 29999, and the ends of 16-bit integers
RR = (200.0, 3000.0)  # ms
END_OF_BEAT = 2000.0  # ms: no wave of the usual beat lies behind
QRS = (40.0, 300.0)  # ms
AXIS = (-180.0, 270.0)  # degrees: carts write the upper left quarter as -180..-90 or 180..270

RULES: Mapping[str, str] = MappingProxyType(
    {
        "not_measured": f"{SENTINEL:g} or more in size, the code for not measured",
        "rr_range": f"outside {RR[0]:g} to {RR[1]:g} ms",
        "time_range": f"outside 0 to {END_OF_BEAT:g} ms",
        "axis_range": f"outside {AXIS[0]:g} to {AXIS[1]:g} degrees",
        "qrs_width": f"edges of a QRS complex not {QRS[0]:g} to {QRS[1]:g} ms apart",
        "p_order": "P wave that does not end after its onset, or not before the QRS complex",
        "t_order": "T wave that ends before the QRS complex",
        "axis_wrapped": "brought into -180 (excluded) to 180 degrees by a full turn; kept",
    }
)
"""The rules in the order in which they are applied, with words for a person."""

TIMES = ("p_onset", "p_end", "qrs_onset", "qrs_end", "t_end")
AXES = ("p_axis", "qrs_axis", "t_axis")


class Cleaned:
    """Measurements while they are cleaned, and which rows each rule touched.

    Parameters
    ----------
    values : mapping of str to ndarray of float, shape (n_rows,)
        Copied.

    Attributes
    ----------
    values : dict of str to ndarray
        NaN where a rule removed a value.
    touched : dict of (column, rule) to ndarray of bool
        Only the pairs that occur.
    """

    def __init__(self, values: Mapping[str, Floats]) -> None:
        self.values = {name: column.copy() for name, column in values.items()}
        self.touched: dict[tuple[str, str], Bools] = {}

    def remove(self, rule: str, names: tuple[str, ...], where: Bools) -> None:
        """Set values to NaN; those that are missing already are nobody's fault."""
        if not where.any():
            return
        for name in names:
            gone = where & ~np.isnan(self.values[name])
            if gone.any():
                self.touched[name, rule] = gone
                self.values[name][gone] = np.nan

    def keep_within(self, rule: str, name: str, limits: tuple[float, float]) -> None:
        """Remove the values of a column outside its limits."""
        column = self.values[name]
        self.remove(rule, (name,), (column < limits[0]) | (column > limits[1]))

    def wrap(self, name: str) -> None:
        """Bring an axis into (-180, 180], the interval of signals' axes."""
        column = self.values[name]
        turned = (column <= -180) | (column > 180)
        if turned.any():
            self.touched[name, "axis_wrapped"] = turned
            self.values[name][turned] = 180 - (180 - column[turned]) % 360


def clean(measured: Mapping[str, Floats]) -> Cleaned:
    """Apply :data:`RULES` to the nine measurements of a cart.

    QRS is judged by itself, then P and T by what is left of QRS: it is the wave that machines
    find most surely, so where waves contradict each other P or T goes. Within a pair of edges
    nobody knows which is wrong, so both go. A missing partner proves nothing: an onset of P stays
    without its end.

    Parameters
    ----------
    measured : mapping of str to ndarray of float, shape (n_rows,)
        With the names of :data:`cardiorisk.io.machine_measurements.MEASURED`.

    Returns
    -------
    Cleaned

    Examples
    --------
    >>> row = dict(rr_interval=800.0, p_onset=29999.0, p_end=29999.0, qrs_onset=180.0)
    >>> row |= dict(qrs_end=276.0, t_end=560.0, p_axis=29999.0, qrs_axis=-30.0, t_axis=200.0)
    >>> cleaned = clean({name: np.array([value]) for name, value in row.items()})
    >>> cleaned.values["p_onset"], cleaned.values["t_axis"]
    (array([nan]), array([-160.]))
    """
    table = Cleaned(measured)
    for name, column in table.values.items():
        table.remove("not_measured", (name,), np.abs(column) >= SENTINEL)
    table.keep_within("rr_range", "rr_interval", RR)
    for name in TIMES:
        table.keep_within("time_range", name, (0.0, END_OF_BEAT))
    for name in AXES:
        table.keep_within("axis_range", name, AXIS)
        table.wrap(name)
    _order_waves(table)
    return table


def _order_waves(table: Cleaned) -> None:
    values = table.values
    width = values["qrs_end"] - values["qrs_onset"]
    table.remove("qrs_width", ("qrs_onset", "qrs_end"), (width < QRS[0]) | (width > QRS[1]))
    backwards = values["p_onset"] >= values["p_end"]
    late = (values["p_end"] > values["qrs_onset"]) | (values["p_onset"] >= values["qrs_onset"])
    table.remove("p_order", ("p_onset", "p_end"), backwards | late)
    early = (values["t_end"] <= values["qrs_end"]) | (values["t_end"] <= values["qrs_onset"])
    table.remove("t_order", ("t_end",), early)
