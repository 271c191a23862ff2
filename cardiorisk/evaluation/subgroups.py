"""Whether a model works as well for women as for men, in one hospital as in the next."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from cardiorisk._validation import check_groups
from cardiorisk.evaluation.intervals import check_confidence
from cardiorisk.evaluation.measures import BINARY_MEASURES
from cardiorisk.evaluation.outcomes import check_outcome
from cardiorisk.evaluation.pooling import binary_intervals

__all__ = ["EVERYONE", "members", "subgroup_report", "subgroup_table", "too_few"]

MAX_SUBGROUPS = 30  # of one variable; more means that it was never cut into groups
EVERYONE = "all"
MISSING = "missing"


def subgroup_report(
    y: Any,
    probability: Any,
    subgroups: Any,
    *,
    groups: Any = None,
    min_events: int = 10,
    n_bootstraps: int = 1000,
    confidence: float = 0.95,
    pos_label: Any = None,
    random_state: Any = 0,
) -> pd.DataFrame:
    """Measure a model in everyone and in each subgroup.

    Parameters
    ----------
    y : array-like of shape (n,)
        Labels of two classes (of more with ``pos_label``).
    probability : array-like of shape (n,)
        Predicted risk of the event, out of fold: see ``EvaluationResult.risk``.
    subgroups : DataFrame, Series, mapping of str to array-like, or array-like of shape (n,)
        One categorical variable a column, for example sex and age band. Rows without a value are
        a subgroup ``"missing"``.
    groups : array-like of shape (n,), optional
        The patient of each row; the bootstrap draws patients.
    min_events : int, default=10
        Subgroups with fewer events, or fewer rows without an event, get no measures but a note.
    n_bootstraps : int, default=1000
    confidence : float, default=0.95
    pos_label : object, optional
        The class that is an event. None takes the second of two classes.
    random_state : int, RandomState instance or None, default=0

    Returns
    -------
    report : DataFrame
        One row a subgroup, everyone first: ``variable``, ``subgroup``, ``n``, ``events``,
        ``mean_risk``, each measure of ``EvaluationResult.metrics`` with ``_low`` and ``_high``,
        and ``note``, the reason for missing values.

    Raises
    ------
    ValueError
        Lengths differ, or a variable has more than 30 values: cut it into bands first.

    Examples
    --------
    >>> import numpy as np
    >>> from cardiorisk.evaluation import subgroup_report
    >>> rng = np.random.default_rng(0)
    >>> risk = rng.uniform(size=300)
    >>> sex = np.repeat(["female", "male"], [15, 285])
    >>> report = subgroup_report(rng.uniform(size=300) < risk, risk, {"sex": sex})
    >>> report[["subgroup", "n", "events", "note"]].to_string(index=False).splitlines()[2]
    '  female  15       8 too few: 8 events'
    """
    check_confidence(n_bootstraps, confidence)
    events, risk = check_outcome(y, probability, pos_label)
    groups = check_groups(groups, len(events))
    table = subgroup_table(subgroups, len(events))
    rows = []
    for variable, subgroup, member in members(table):
        row: dict[str, Any] = {
            "variable": variable,
            "subgroup": subgroup,
            "n": int(member.sum()),
            "events": int(events[member].sum()),
            "mean_risk": float(risk[member].mean()),
        }
        note = too_few(row["events"], row["n"], min_events)
        row |= dict.fromkeys(_columns(), np.nan)
        if not note:
            intervals = binary_intervals(
                events[member],
                risk[member],
                groups=None if groups is None else groups[member],
                n_bootstraps=n_bootstraps,
                confidence=confidence,
                random_state=random_state,
            )
            for name, interval in intervals.items():
                row[name] = interval.estimate
                row[f"{name}_low"], row[f"{name}_high"] = interval.low, interval.high
            reasons = {f"{name}: {i.reason}" for name, i in intervals.items() if i.reason}
            note = "; ".join(sorted(reasons))
        rows.append({**row, "note": note})
    return pd.DataFrame(rows)


def subgroup_table(subgroups: Any, n_rows: int) -> pd.DataFrame:
    """Return the subgroups as a table with one variable a column, each of few values."""
    if isinstance(subgroups, pd.Series):
        frame = subgroups.rename(subgroups.name or "subgroup").to_frame()
    elif isinstance(subgroups, pd.DataFrame | Mapping):
        frame = pd.DataFrame(subgroups)
    else:
        frame = pd.DataFrame({"subgroup": list(subgroups)})
    if len(frame) != n_rows:
        raise ValueError(f"Got subgroups of {len(frame)} rows for {n_rows} predictions.")
    for name in frame:
        n_values = frame[name].nunique()
        if n_values > MAX_SUBGROUPS:
            raise ValueError(
                f"Got {n_values} values of {name!r}, but expected at most {MAX_SUBGROUPS} "
                "subgroups; cut it into bands first, for example with pandas.cut."
            )
    return frame


def members(table: pd.DataFrame) -> Iterator[tuple[str, str, npt.NDArray[np.bool_]]]:
    """Everyone, then the subgroups of each variable in the order of their categories."""
    yield EVERYONE, EVERYONE, np.ones(len(table), dtype=bool)
    for name in table:
        column = table[name]
        codes, values = pd.factorize(column, sort=True)
        for code, value in enumerate(values):
            yield str(name), str(value), codes == code
        if (codes < 0).any():
            yield str(name), MISSING, codes < 0


def too_few(n_events: int, n: int, least: int) -> str:
    """Say why a subgroup is too small to be measured; empty if it is not."""
    if n_events < least:
        return f"too few: {n_events} events"
    if n - n_events < least:
        return f"too few: {n - n_events} without an event"
    return ""


def _columns() -> list[str]:
    return [f"{name}{part}" for name in BINARY_MEASURES for part in ("", "_low", "_high")]
