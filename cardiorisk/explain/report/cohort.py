"""Who the table is about: spread by outcome, what is missing, and what is doubtful."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from cardiorisk.explain.ecg_layout import is_simulated
from cardiorisk.explain.report.inputs import ReportInputs
from cardiorisk.explain.report.summary import CohortSummary, Note, VariableSummary
from cardiorisk.explain.report.wording import format_value, per_100, plain_number, say
from cardiorisk.features import ClinicalTable
from cardiorisk.records import Variable

__all__ = ["is_numeric", "known_values", "summarise_cohort"]

MUCH_MISSING = 0.2
FEW_EVENTS = 100  # below, every interval is wide; a common floor for validation (10.1002/sim.6787)
MAX_CATEGORIES = 4
MARKED_BY_SITE = 0.25  # spread between sites from which "missing" is said to mark the site


def is_numeric(column: pd.Series, variable: Variable) -> bool:
    """Tell whether a column is a measurement rather than a category."""
    return variable.categories is None and pd.api.types.is_numeric_dtype(column.dtype)


def known_values(column: pd.Series, variable: Variable) -> pd.Series:
    """Return the values that were measured: not missing and not a coded zero."""
    known = column.dropna()
    return known[known != 0] if variable.zero_is_missing else known


def summarise_cohort(inputs: ReportInputs) -> CohortSummary:
    """Describe the table and list what is doubtful in it."""
    sites = {}
    if inputs.sites is not None:
        for site in np.unique(inputs.sites):
            chosen = inputs.sites == site
            sites[str(site)] = (int(chosen.sum()), int(inputs.events[chosen].sum()))
    variables = tuple(
        _summarise_variable(inputs.table[name], variable, inputs)
        for name, variable in inputs.schema.items()
    )
    return CohortSummary(
        n=len(inputs.y),
        n_events=int(inputs.events.sum()),
        n_groups=None if inputs.groups is None else len(np.unique(inputs.groups)),
        sites=sites,
        variables=variables,
        notes=tuple(_notes(inputs, variables, sites)),
        simulated=_all_simulated(inputs),
    )


def _all_simulated(inputs: ReportInputs) -> bool:
    records = inputs.records or (None,)
    return all(record is not None and is_simulated(record.metadata) for record in records)


def _who(inputs: ReportInputs) -> str:
    return "simulated records" if _all_simulated(inputs) else "people"


def _summarise_variable(
    column: pd.Series, variable: Variable, inputs: ReportInputs
) -> VariableSummary:
    known = known_values(column, variable)
    numeric = is_numeric(column, variable)
    events = pd.Series(inputs.events, index=column.index)[known.index]
    parts = {"all": known, "with": known[events], "without": known[~events]}
    missing = ~column.index.isin(known.index)
    site_missing = {}
    if inputs.sites is not None:
        site_missing = pd.Series(missing).groupby(inputs.sites).mean().to_dict()
    return VariableSummary(
        variable,
        numeric,
        (float(known.min()), float(known.max())) if numeric and len(known) else None,
        {name: _spread(part, variable, numeric) for name, part in parts.items()},
        int(missing.sum()),
        site_missing,
    )


def _spread(values: pd.Series, variable: Variable, numeric: bool) -> tuple[Any, ...]:
    if not len(values):
        return ()
    if numeric:
        return tuple(float(q) for q in np.quantile(values.astype(float), (0.25, 0.5, 0.75)))
    shares = values.value_counts(normalize=True).head(MAX_CATEGORIES)
    return tuple((format_value(v, variable), float(share)) for v, share in shares.items())


def _notes(
    inputs: ReportInputs, variables: tuple[VariableSummary, ...], sites: dict[str, tuple[int, int]]
) -> Iterator[Note]:
    yield from _event_notes(inputs, sites)
    yield from _site_notes(inputs)
    for summary in variables:
        yield from _zero_notes(inputs, summary.variable)
        yield from _implausible_notes(inputs, summary)
        yield from _missing_notes(inputs, summary)
    measured = inputs.table.notna().any(axis=1).to_numpy()
    rows = inputs.table[measured].astype(str)
    copies = int(
        pd.concat([rows, pd.Series(inputs.y[measured], rows.index)], axis=1).duplicated().sum()
    )
    if copies and inputs.groups is None and inputs.histories is None:
        yield Note("warn.duplicates", {"count": copies})
    if inputs.flags is not None and len(inputs.flags):
        words = ", ".join(sorted(set(inputs.flags["code"].astype(str).str.replace("_", " "))))
        flagged = inputs.flags["record_id"].nunique()
        yield Note("warn.ecg_flags", {"n": flagged, "total": len(inputs.y), "words": words})


def _event_notes(inputs: ReportInputs, sites: dict[str, tuple[int, int]]) -> Iterator[Note]:
    events = int(inputs.events.sum())
    if events < FEW_EVENTS:
        yield Note("warn.few_events", {"n": events, "who": _who(inputs)})
    shares = {site: e / n for site, (n, e) in sites.items()}
    if shares and max(shares.values()) - min(shares.values()) > 0.2:
        lo, hi = min(shares, key=shares.__getitem__), max(shares, key=shares.__getitem__)
        fields = {
            "lo_site": lo,
            "hi_site": hi,
            "lo": per_100(shares[lo]),
            "hi": per_100(shares[hi]),
        }
        yield Note("warn.site_prevalence", fields)


def _site_notes(inputs: ReportInputs) -> Iterator[Note]:
    """Name the columns that are the site itself, under any coding."""
    if inputs.sites is None or len(np.unique(inputs.sites)) < 2:
        return
    sites = pd.factorize(inputs.sites)[0]
    for name, variable in inputs.schema.items():
        values = pd.factorize(inputs.table[name], use_na_sentinel=False)[0]
        if np.array_equal(values, sites):  # both numbered in order of appearance
            yield Note("warn.site_input", {"name": variable.label})


def _treats_zeros(model: Any) -> bool:
    steps = [step for _, step in model.steps] if hasattr(model, "steps") else []
    return any(isinstance(step, ClinicalTable) for step in steps)


def _zero_notes(inputs: ReportInputs, variable: Variable) -> Iterator[Note]:
    if not variable.zero_is_missing:
        return
    zero = (inputs.table[variable.name] == 0).to_numpy()
    n, total = int(zero.sum()), len(zero)
    if not n or n == total:
        return
    as_missing = _treats_zeros(inputs.model)
    treated = "warn.zero_treated" if as_missing else "warn.zero_kept"
    fields: dict[str, Any] = {
        "name": _capital(variable.label),
        "n": n,
        "count": n,
        "total": total,
        "events": int(inputs.events[zero].sum()),
        "pct_others": per_100(float(inputs.events[~zero].mean())),
        "treated": say(treated),
        "as_missing": as_missing,
    }
    if inputs.sites is None or n < 10:
        yield Note("warn.zero", fields)
        return
    counts = pd.Series(inputs.sites[zero]).value_counts()
    needed = int(np.searchsorted(counts.cumsum().to_numpy(), 0.9 * n)) + 1
    kept = counts.iloc[:needed]
    if needed == len(np.unique(inputs.sites)):
        yield Note("warn.zero", fields)
    else:
        names = " and ".join(map(str, kept.index))
        key = "warn.zero_sites_all" if kept.sum() == n else "warn.zero_sites"
        yield Note(key, {**fields, "most": int(kept.sum()), "sites": names})


def _implausible_notes(inputs: ReportInputs, summary: VariableSummary) -> Iterator[Note]:
    variable = summary.variable
    if not summary.numeric or (variable.low is None and variable.high is None):
        return
    known = known_values(inputs.table[variable.name], variable)
    low = -np.inf if variable.low is None else variable.low
    high = np.inf if variable.high is None else variable.high
    n = int(((known < low) | (known > high)).sum())
    if n:
        fields = {"n": n, "count": n, "total": len(known), "unit": variable.unit}
        limits = {"lo": plain_number(low), "hi": plain_number(high)}
        yield Note("warn.implausible", {"name": _capital(variable.label), **fields, **limits})


def _missing_notes(inputs: ReportInputs, summary: VariableSummary) -> Iterator[Note]:
    column = inputs.table[summary.variable.name]
    n, total = int(column.isna().sum()), len(column)
    if n / total <= MUCH_MISSING:
        return
    fields = {"name": _capital(summary.variable.label), "n": n, "total": total}
    fields |= {"pct": per_100(n / total), "who": _who(inputs)}
    shares = summary.site_missing
    if shares and max(shares.values()) - min(shares.values()) > MARKED_BY_SITE:
        lo, hi = min(shares, key=shares.__getitem__), max(shares, key=shares.__getitem__)
        limits = {
            "lo_site": lo,
            "hi_site": hi,
            "lo": per_100(shares[lo]),
            "hi": per_100(shares[hi]),
        }
        yield Note("warn.missing_site", {**fields, **limits})
    else:
        yield Note("warn.missing", fields)


def _capital(words: str) -> str:
    return words[:1].upper() + words[1:]
