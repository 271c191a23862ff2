"""Count what a reader met, row by row of a table that travels with the histories."""

from collections.abc import Iterable

import pandas as pd

__all__ = ["COLUMNS", "Finding", "reading_table"]

COLUMNS = ("source", "finding", "rows", "treatment")

ALWAYS = ("read", "table not found")

Finding = tuple[str, str, int, str]
"""Source (a table or file), what was found, in how many rows, and what was done with them."""


def reading_table(findings: Iterable[Finding]) -> pd.DataFrame:
    """Collect findings, added up over equal ones, without those that were met in no row.

    Examples
    --------
    >>> reading_table([("a.csv", "read", 5, "kept"), ("a.csv", "null code", 0, "left out")])
      source finding  rows treatment
    0  a.csv    read     5      kept
    """
    total: dict[tuple[str, str, str], int] = {}
    for source, finding, rows, treatment in findings:
        key = (source, finding, treatment)
        total[key] = total.get(key, 0) + int(rows)
    rows_of = [(s, f, n, t) for (s, f, t), n in total.items() if n or f in ALWAYS]
    return pd.DataFrame(rows_of, columns=list(COLUMNS))
