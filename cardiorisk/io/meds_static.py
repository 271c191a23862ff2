"""What MEDS says of a patient without a time, as a table with one row a patient."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from cardiorisk._histories.columns import EventColumns
from cardiorisk._histories.reading import Finding

__all__ = ["BIRTH", "DEATH", "NAMES", "NO_EVENTS", "static_table"]

BIRTH, DEATH = "MEDS_BIRTH", "MEDS_DEATH"
NO_EVENTS = "NO_EVENTS"  # marks a patient of whom nothing else is known
NAMES = {"gender": "sex", BIRTH.lower(): "birth_date", DEATH.lower(): "death_date"}


def static_table(
    events: EventColumns, chosen: npt.NDArray[np.bool_], numbers: Any
) -> tuple[pd.DataFrame, list[Finding]]:
    """Make a table of the chosen rows.

    Parameters
    ----------
    events : EventColumns
    chosen : ndarray of bool, shape (n,)
        Rows without a time, and births and deaths.
    numbers : pyarrow column of shape (n,), optional
        The values of the rows.

    Returns
    -------
    static : DataFrame
        One row a patient with the column ``subject_id``. The prefix of a code names the column,
        the rest is the value; a code without prefix has its number, or 1.
    findings : list
        How many rows went into the table, and how many said again what was said before.
    """
    rows = np.flatnonzero(chosen)
    words = events.code.values[events.code.labels[rows]]
    everyone = events.subject.values[np.unique(events.subject.labels[~events.subject.is_missing])]
    said = pd.DataFrame(
        {
            "subject_id": events.subject.values[events.subject.labels[rows]],
            "name": _names(words),
            "rest": pd.Series(words, dtype=object).str.partition("//")[2] if len(words) else "",
            "time": events.times[rows],
            "number": np.nan if numbers is None else numbers.to_pandas().to_numpy(float)[rows],
        }
    )
    first = said.drop_duplicates(["subject_id", "name"])
    columns = {
        str(name): _column(group.set_index("subject_id"))
        for name, group in first.groupby("name", sort=True)
        if name != NO_EVENTS.lower()
    }
    static = pd.DataFrame(columns, index=pd.Index(everyone, name="subject_id")).reset_index()
    return static, [
        (events.source, "without time, birth or death", len(said), "into static"),
        (events.source, "static said twice", len(said) - len(first), "left out"),
    ]


def _names(words: npt.NDArray[Any]) -> list[str]:
    prefixes = (str(word).partition("//")[0].lower() for word in words)
    return [NAMES.get(prefix, prefix) for prefix in prefixes]


def _column(group: pd.DataFrame) -> pd.Series:
    """Values of one column: times, text behind the prefix, numbers, or 1."""
    if group["time"].notna().all():
        return group["time"]
    if (group["rest"] != "").any():
        return group["rest"].astype(object)
    if group["number"].notna().any():
        return group["number"]
    return pd.Series(1.0, index=group.index)
