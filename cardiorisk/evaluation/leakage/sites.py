"""Sites that a model can recognise, and that tell the outcome."""

import re
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import chi2

from cardiorisk._validation import as_pandas
from cardiorisk.evaluation.delong import delong
from cardiorisk.evaluation.leakage.finding import Finding, NotChecked
from cardiorisk.evaluation.leakage.study import Study

__all__ = ["missingness_by_site", "site_and_outcome"]

Bools = npt.NDArray[np.bool_]
Codes = npt.NDArray[np.intp]

SITE_COLUMN = re.compile(
    r"(site|centre|center|hospital|clinic|institution|cart)([ _]?(id|no|name))?", re.IGNORECASE
)
LEVEL = 0.001
SMALL = 0.1  # Cramer's V; below is less than a small effect (Cohen 1988, w = 0.1)
ROWS_A_SITE = 5  # expected, for the chi-square distribution to hold (Cochran 1954)
STAND_IN_ROWS = 5


def site_and_outcome(study: Study) -> list[Finding]:
    """Find sites that are mixed by the split although their outcomes differ."""
    names, site = _mixed_sites(study)
    outcome = np.unique(study.labels(), return_inverse=True)[1]
    p_value, strength = _association(site, outcome)
    if p_value >= LEVEL or strength < SMALL:
        return []
    shares = [float((outcome[site == code] == outcome.max()).mean()) for code in range(len(names))]
    low, high = int(np.argmin(shares)), int(np.argmax(shares))
    what = (
        f"Sites differ in outcome, from {shares[low]:.0%} ({names[low]}) to {shares[high]:.0%} "
        f"({names[high]}), and the split mixes them: whatever tells the site predicts."
    )
    evidence: dict[str, float | str] = {
        "Cramer's V": strength,
        "p": p_value,
        "sites": len(names),
    }
    if outcome.max() == 1:
        evidence["AUROC of the site alone"] = _area(np.array(shares)[site], outcome == 1)
    remedy = 'Test on sites that the model has not seen: groups=site, cv="leave-one-site-out".'
    return [Finding("site_and_outcome", what, remedy, evidence)]


def missingness_by_site(study: Study) -> list[Finding]:
    """Find columns that are missing, or hold a stand-in such as 0, at some of the sites."""
    names, site = _mixed_sites(study)
    absent = _absent(study)
    told = []
    for column, (where, _) in absent.items():
        p_value, strength = _association(site, where.astype(np.intp))
        if p_value < LEVEL / len(absent) and strength >= SMALL:
            told.append((strength, p_value, column))
    if not told:
        return []
    told.sort(reverse=True)
    strength, p_value, column = told[0]
    where, words = absent[column]
    shares = [f"{name} {where[site == code].mean():.0%}" for code, name in enumerate(names[:6])]
    others = f", and {len(told) - 1} other columns likewise" if len(told) > 1 else ""
    what = f"{column} {words} by site ({', '.join(shares)}){others}: absence tells the site."
    evidence = {"Cramer's V": strength, "p": p_value, **_outcome_where(where, study)}
    columns = tuple(name for _, _, name in told)
    rows = tuple(np.flatnonzero(where).tolist())
    return [Finding("missingness_by_site", what, REMEDY, evidence, rows, columns)]


REMEDY = (
    'Test on sites that the model has not seen (groups=site, cv="leave-one-site-out"), or leave '
    "these columns and their indicators out."
)


def _outcome_where(where: Bools, study: Study) -> dict[str, float | str]:
    """Compare an outcome of two classes where a column is absent and elsewhere."""
    if study.y is None or len(np.unique(study.y)) != 2:
        return {}
    events = study.y == np.unique(study.y)[1]
    return {
        "outcome where absent": float(events[where].mean()),
        "outcome elsewhere": float(events[~where].mean()),
        "AUROC of absence alone": _area(where.astype(float), events),
    }


def _mixed_sites(study: Study) -> tuple[list[str], Codes]:
    """Names of the sites and the site of each row, unless splits keep sites apart."""
    sites = study.sites if study.sites is not None else _named_column(study.X)
    if sites is None:
        raise NotChecked("needs sites")
    names, site = np.unique(np.asarray(pd.Series(list(sites)).astype(str)), return_inverse=True)
    if len(names) < 2:
        raise NotChecked("one site only")
    if study.splits and not any(
        np.isin(np.unique(site[test]), site[train]).any() for train, test in study.splits
    ):
        raise NotChecked("the split keeps sites apart")
    return names.tolist(), site.astype(np.intp)


def _named_column(X: Any) -> Any:
    X = as_pandas(X)
    if isinstance(X, pd.DataFrame):
        for name in X.columns:
            if isinstance(name, str) and SITE_COLUMN.fullmatch(name):
                return X[name]
    return None


def _association(site: Codes, other: Codes) -> tuple[float, float]:
    """P-value of the chi-square test and bias-corrected Cramer's V.

    References
    ----------
    Bergsma (2013), doi:10.1016/j.jkss.2012.10.002.
    """
    table = np.zeros((site.max() + 1, other.max() + 1))
    np.add.at(table, (site, other), 1)
    table = table[table.sum(axis=1) >= ROWS_A_SITE]
    table = table[:, table.sum(axis=0) > 0]
    n_rows, n_columns = table.shape
    if min(n_rows, n_columns) < 2:
        return 1.0, 0.0
    total = table.sum()
    expected = table.sum(axis=1, keepdims=True) * table.sum(axis=0) / total
    statistic = float(((table - expected) ** 2 / expected).sum())
    freedom = (n_rows - 1) * (n_columns - 1)
    phi2 = max(0.0, statistic / total - freedom / (total - 1))
    fewer = min(
        n_rows - (n_rows - 1) ** 2 / (total - 1), n_columns - (n_columns - 1) ** 2 / (total - 1)
    )
    return float(chi2.sf(statistic, freedom)), float(np.sqrt(phi2 / (fewer - 1)))


def _absent(study: Study) -> dict[str, tuple[Bools, str]]:
    """Columns that miss values, or hold a stand-in for missing: where, and in words."""
    absent: dict[str, tuple[Bools, str]] = {}
    for name, column in zip(study.cells.numeric_names, study.numbers.T, strict=True):
        missing = np.isnan(column)
        stand_in = _stand_in(column[~missing])
        if stand_in is not None:
            absent[name] = (missing | (column == stand_in), f"is {stand_in:g} or missing")
        elif missing.any():
            absent[name] = (missing, "is missing")
    return {name: found for name, found in absent.items() if not found[0].all()}


def _stand_in(present: npt.NDArray[np.float64]) -> float | None:
    """Return a repeated extreme that lies farther from the rest than the rest's quartiles apart."""
    values, counts = np.unique(present, return_counts=True)
    if len(values) < 2 * STAND_IN_ROWS:
        return None
    for extreme, place in ((0, 1), (-1, -2)):
        others = present[present != values[extreme]]
        width = np.subtract(*np.percentile(others, [75, 25]))
        gap = abs(values[place] - values[extreme])
        if counts[extreme] >= STAND_IN_ROWS and gap > width > 0:
            return float(values[extreme])
    return None


def _area(score: npt.NDArray[np.float64], events: Bools) -> float:
    return float(delong(events, score[None]).auroc[0])
