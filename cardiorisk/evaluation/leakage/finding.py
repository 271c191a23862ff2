"""What a leakage guard reports, and the list of what all of them did."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import pandas as pd

__all__ = ["Finding", "LeakageReport", "NotChecked"]

SHOWN_ROWS = 5
NO_EVIDENCE: Mapping[str, float | str] = MappingProxyType({})


class NotChecked(Exception):
    """Raised by a guard that lacks what it needs; the message says what."""


@dataclass(frozen=True)
class Finding:
    """One way in which the test rows may have become known before the test.

    Parameters
    ----------
    guard : str
        The guard that found it.
    what : str
        The finding, in a sentence.
    remedy : str
        What to do, in a sentence.
    evidence : mapping of str to float or str
        The numbers behind the sentence.
    rows : tuple of int
        Positions of the rows concerned; empty where it is about whole columns.
    columns : tuple of str
        The columns concerned; empty where it is about whole rows.

    Examples
    --------
    >>> Finding("copies_across_folds", "2 of 10 rows are copies.", "Remove them.", rows=(3, 4))
    copies_across_folds: 2 of 10 rows are copies. Remove them. (rows 3, 4)
    """

    guard: str
    what: str
    remedy: str
    evidence: Mapping[str, float | str] = field(default_factory=lambda: NO_EVIDENCE)
    rows: tuple[int, ...] = ()
    columns: tuple[str, ...] = ()

    def __repr__(self) -> str:
        parts = []
        if self.rows:
            shown = ", ".join(map(str, self.rows[:SHOWN_ROWS]))
            parts.append(f"rows {shown}{', ...' if len(self.rows) > SHOWN_ROWS else ''}")
        if self.columns:
            shown = ", ".join(self.columns[:SHOWN_ROWS])
            parts.append(f"columns {shown}{', ...' if len(self.columns) > SHOWN_ROWS else ''}")
        where = f" ({'; '.join(parts)})" if parts else ""
        return f"{self.guard}: {self.what} {self.remedy}{where}"


@dataclass(frozen=True)
class LeakageReport:
    """Findings of the leakage guards, and what was not checked.

    It has the length of its findings, iterates over them, and is false where there are none.

    Parameters
    ----------
    findings : tuple of Finding
    passed : tuple of str
        Guards that ran and found nothing.
    not_checked : mapping of str to str
        Guards that could not run, and what each would need.

    Examples
    --------
    >>> LeakageReport((), ("rule_labels",), {"late_events": "no events"})
    LeakageReport: 0 findings
      passed: rule_labels
      not checked: late_events (no events)
    """

    findings: tuple[Finding, ...]
    passed: tuple[str, ...]
    not_checked: Mapping[str, str]

    def __len__(self) -> int:
        return len(self.findings)

    def __iter__(self) -> Iterator[Finding]:
        return iter(self.findings)

    def to_frame(self) -> pd.DataFrame:
        """Tabulate the guards.

        Returns
        -------
        frame : DataFrame
            One row a finding, then one a guard without: ``guard``, ``state`` ("found", "passed"
            or "not checked"), ``what``, ``evidence``, ``n_rows``, ``columns`` and ``remedy``.
        """
        rows = [
            (
                finding.guard,
                "found",
                finding.what,
                ", ".join(f"{name} {_shown(value)}" for name, value in finding.evidence.items()),
                len(finding.rows),
                ", ".join(finding.columns),
                finding.remedy,
            )
            for finding in self.findings
        ]
        rows += [(name, "passed", "", "", 0, "", "") for name in self.passed]
        rows += [
            (name, "not checked", why, "", 0, "", "") for name, why in self.not_checked.items()
        ]
        names = ["guard", "state", "what", "evidence", "n_rows", "columns", "remedy"]
        return pd.DataFrame(rows, columns=names)

    def __repr__(self) -> str:
        noun = "finding" if len(self.findings) == 1 else "findings"
        lines = [f"LeakageReport: {len(self.findings)} {noun}"]
        lines += [f"  {finding!r}" for finding in self.findings]
        if self.passed:
            lines.append(f"  passed: {', '.join(self.passed)}")
        if self.not_checked:
            words = (f"{name} ({why})" for name, why in self.not_checked.items())
            lines.append(f"  not checked: {', '.join(words)}")
        return "\n".join(lines)


def _shown(value: float | str) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
