"""Admissions with an ECG: who has which phenotype, and who may serve as a control."""

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from cardiorisk._validation import as_pandas
from cardiorisk.exceptions import TableError, TableWarning
from cardiorisk.explain.phenotypes.codes import (
    excluded_by,
    map_diagnoses,
    read_code_map,
    sex_letter,
)
from cardiorisk.explain.phenotypes.linkage import link_ecgs, one_row_per_admission

__all__ = ["PhenotypeCohort", "phenotype_cohort"]

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class PhenotypeCohort:
    """One row an admission that has an ECG.

    Parameters
    ----------
    admissions : DataFrame of n rows
        ``hadm_id``, ``subject_id`` and ``n_ecgs``, sorted by subject.
    phenotypes : DataFrame of K rows
        ``phecode``, ``phenotype``, ``category``, ``sex``, ``n_case``, ``n_control``: those with
        enough cases.
    cases, controls : ndarray of bool, shape (n, K)
        Admissions in neither take no part: they have a related phenotype or the other sex.
    covariates : ndarray of shape (n, q)
        An intercept first, then covariates with mean 0 and standard deviation 1.
    covariate_names : tuple of str
    ecg_rows : ndarray of int, shape (n_used,)
        Rows of the ECG table that belong to an admission.
    ecg_admission : ndarray of int, shape (n_used,)
        Position of their admission.
    ecg_times : ndarray of shape (n_used,) or None
    mapped_share : float
        Share of the diagnoses that the code map knows.
    """

    admissions: pd.DataFrame
    phenotypes: pd.DataFrame
    cases: Bools
    controls: Bools
    covariates: Floats
    covariate_names: tuple[str, ...]
    ecg_rows: npt.NDArray[np.intp]
    ecg_admission: npt.NDArray[np.intp]
    ecg_times: Any
    mapped_share: float

    @property
    def subjects(self) -> npt.NDArray[np.intp]:
        """Number of the subject of each admission, shape (n,), rising."""
        return np.asarray(pd.factorize(self.admissions["subject_id"])[0], np.intp)

    def admission_values(self, values: Any, how: str = "first") -> Floats:
        """Reduce values of ECGs (n_ecgs, n_columns) to one row an admission.

        Parameters
        ----------
        values : array-like of shape (n_ecgs, n_columns)
            Rows in the order of the ECG table.
        how : {"first", "mean", "max"}, default="first"

        Returns
        -------
        ndarray of shape (n, n_columns)
        """
        table = np.asarray(values, dtype=float)
        table = table[:, None] if table.ndim == 1 else table
        if table.ndim != 2 or len(table) <= self.ecg_rows.max(initial=-1):
            raise ValueError(
                f"Got values of shape {table.shape}, but expected a row for each ECG of the table."
            )
        used = table[self.ecg_rows]
        if not np.isfinite(used).all():
            rows = int((~np.isfinite(used)).any(axis=1).sum())
            raise ValueError(f"Got values that are not finite for {rows} ECGs.")
        return one_row_per_admission(used, self.ecg_admission, self.ecg_times, how)

    def __repr__(self) -> str:
        n_subjects = self.admissions["subject_id"].nunique()
        return (
            f"PhenotypeCohort({len(self.admissions)} admissions of {n_subjects} subjects, "
            f"{len(self.phenotypes)} phenotypes)"
        )


def phenotype_cohort(
    ecg_table: Any,
    diagnoses: Any,
    code_map: Any,
    covariates: Any = None,
    *,
    admissions: Any = None,
    days_before: float = 7.0,
    min_cases: int = 100,
    exclusion_ranges: bool = True,
    sex_filter: bool = True,
    truncate: bool = True,
    rollup: bool = True,
) -> PhenotypeCohort:
    """Link ECGs to admissions and diagnoses to phenotypes.

    Parameters
    ----------
    ecg_table : DataFrame
        One row an ECG: ``subject_id``, ``hadm_id`` or ``ecg_time``, or both.
    diagnoses : DataFrame
        ``hadm_id``, ``icd_code``, ``icd_version`` (9 or 10).
    code_map : path, DataFrame, or several
        See :func:`read_code_map`.
    covariates : DataFrame, optional
        A column ``hadm_id`` or ``subject_id`` and the covariates, such as age and sex. A column
        named ``sex`` or ``gender`` is used by the sex filter. Words become indicators.
        Admissions without a covariate are left out, with a warning.
    admissions : DataFrame, optional
        ``subject_id``, ``hadm_id``, ``admittime``, ``dischtime``: links by time the ECGs that have
        no ``hadm_id``. Others stay as they are.
    days_before : float, default=7
        See :func:`link_ecgs`.
    min_cases : int, default=100
        Phenotypes with fewer admissions, or fewer controls, are left out.
    exclusion_ranges : bool, default=True
        Whether admissions with a related phenotype, by the map's exclusion range, are no controls.
    sex_filter : bool, default=True
        Whether a phenotype of one sex is tested in that sex only.
    truncate, rollup : bool, default=True
        See :func:`map_diagnoses`.

    Returns
    -------
    PhenotypeCohort

    Raises
    ------
    TableError
        Columns are missing, or no ECG belongs to an admission.

    Warns
    -----
    TableWarning
        Admissions lack covariates, or no phenotype has enough cases.

    Examples
    --------
    >>> from cardiorisk.datasets import make_phenotypes
    >>> data = make_phenotypes(n_subjects=300, random_state=0)
    >>> phenotype_cohort(data.ecg_table, data.diagnoses, data.code_map, min_cases=20)
    PhenotypeCohort(411 admissions of 300 subjects, 6 phenotypes)
    """
    ecgs, codes = pd.DataFrame(as_pandas(ecg_table)), pd.DataFrame(as_pandas(diagnoses))
    stays = None if admissions is None else pd.DataFrame(as_pandas(admissions))
    hadm_id = _hadm_ids(ecgs, stays, days_before)
    table, rows, position = _one_row_each(ecgs, hadm_id)
    design, names, sex, known = _design(table, covariates)
    if not known.all():
        warnings.warn(
            f"{np.sum(~known)} of {len(known)} admissions have no covariates; they are left out.",
            TableWarning,
            stacklevel=2,
        )
        kept = known[position]
        rows, position = rows[kept], (np.cumsum(known) - 1)[position[kept]]
        table, design, sex = table[known].reset_index(drop=True), design[known], sex[known]
    mapping = read_code_map(code_map)
    found, share = map_diagnoses(codes, mapping, truncate=truncate, rollup=rollup)
    phenotypes, cases, controls = _cases_and_controls(
        table["hadm_id"], found, mapping, sex if sex_filter else None, exclusion_ranges, min_cases
    )
    if not len(phenotypes):
        warnings.warn(
            f"No phenotype has {min_cases} cases and as many controls among {len(table)} "
            f"admissions; the code map knows {share:.0%} of the diagnoses.",
            TableWarning,
            stacklevel=2,
        )
    return PhenotypeCohort(
        admissions=table,
        phenotypes=phenotypes,
        cases=cases,
        controls=controls,
        covariates=design,
        covariate_names=names,
        ecg_rows=rows,
        ecg_admission=position,
        ecg_times=ecgs["ecg_time"].to_numpy()[rows] if "ecg_time" in ecgs else None,
        mapped_share=share,
    )


def _hadm_ids(ecgs: pd.DataFrame, stays: pd.DataFrame | None, days_before: float) -> pd.Series:
    if "subject_id" not in ecgs:
        raise TableError("Got an ECG table without the column subject_id.")
    if "hadm_id" not in ecgs and stays is None:
        raise TableError("Got an ECG table without hadm_id; give admissions to link it by time.")
    if stays is None:
        return ecgs["hadm_id"]
    linked = link_ecgs(ecgs, stays, days_before=days_before)
    return ecgs["hadm_id"].astype(linked.dtype).fillna(linked) if "hadm_id" in ecgs else linked


def _one_row_each(
    ecgs: pd.DataFrame, hadm_id: pd.Series
) -> tuple[pd.DataFrame, npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Table of admissions by subject, the ECG rows that have one, and its position."""
    rows = np.flatnonzero(hadm_id.notna().to_numpy())
    if not len(rows):
        raise TableError(f"None of {len(ecgs)} ECGs belongs to an admission.")
    linked = pd.DataFrame(
        {
            "hadm_id": hadm_id.to_numpy()[rows],
            "subject_id": ecgs["subject_id"].to_numpy()[rows],
        }
    )
    table = linked.groupby(["subject_id", "hadm_id"], sort=True).size().rename("n_ecgs")
    found = table.reset_index()[["hadm_id", "subject_id", "n_ecgs"]]
    if found["hadm_id"].duplicated().any():
        raise TableError("Got an admission (hadm_id) that belongs to two subjects.")
    position = pd.Index(found["hadm_id"]).get_indexer(linked["hadm_id"])
    return found, rows, np.asarray(position, np.intp)


def _design(
    table: pd.DataFrame, covariates: Any
) -> tuple[Floats, tuple[str, ...], npt.NDArray[Any], Bools]:
    """Intercept and standardised covariates, their names, the sex, and whether all are known."""
    n = len(table)
    sex = np.full(n, "")
    if covariates is None:
        return np.ones((n, 1)), ("intercept",), sex, np.ones(n, bool)
    given = pd.DataFrame(as_pandas(covariates))
    key = next((name for name in ("hadm_id", "subject_id") if name in given), None)
    if key is None:
        raise TableError("Got covariates without a column hadm_id or subject_id.")
    if given[key].duplicated().any():
        raise TableError(f"Got covariates with several rows of one {key}; expected one.")
    aligned = given.set_index(key).reindex(table[key]).reset_index(drop=True)
    aligned = aligned.drop(columns=[n for n in ("hadm_id", "subject_id") if n in aligned])
    for name in aligned:
        if str(name).lower() in ("sex", "gender"):
            sex = aligned[name].map(sex_letter).to_numpy()
    known = aligned.notna().all(axis=1).to_numpy()
    numbers = pd.get_dummies(aligned, drop_first=True, dtype=float).astype(float)
    spread = numbers[known].std(ddof=0).replace(0.0, 1.0)
    design = ((numbers - numbers[known].mean()) / spread).to_numpy()
    names = ("intercept", *map(str, numbers.columns))
    return np.column_stack([np.ones(n), design]), names, sex, known


def _cases_and_controls(
    hadm_id: pd.Series,
    found: pd.DataFrame,
    mapping: pd.DataFrame,
    sex: npt.NDArray[Any] | None,
    exclusion_ranges: bool,
    min_cases: int,
) -> tuple[pd.DataFrame, Bools, Bools]:
    names, has = _phecode_matrix(hadm_id, found)
    definitions = mapping.drop_duplicates("phecode").set_index("phecode")
    kept, cases, controls = [], [], []
    for column, phecode in enumerate(names):
        definition = definitions.loc[phecode]
        may = np.ones(len(hadm_id), bool)
        if sex is not None and definition["sex"] and (sex != "").any():
            may = sex == definition["sex"]
        related = has[:, column]
        if exclusion_ranges and definition["exclude_range"]:
            related = related | has[:, excluded_by(definition["exclude_range"], names)].any(axis=1)
        case, control = has[:, column] & may, ~related & may
        if case.sum() >= max(min_cases, 1) and control.sum() >= max(min_cases, 1):
            words = definition[["phenotype", "category", "sex"]].to_dict()
            counts = {"n_case": int(case.sum()), "n_control": int(control.sum())}
            kept.append({"phecode": phecode} | words | counts)
            cases.append(case)
            controls.append(control)
    columns = ["phecode", "phenotype", "category", "sex", "n_case", "n_control"]
    none = np.zeros((len(hadm_id), 0), bool)
    table = pd.DataFrame(kept, columns=columns)
    return table, np.column_stack([none, *cases]), np.column_stack([none, *controls])


def _phecode_matrix(
    hadm_id: pd.Series, found: pd.DataFrame
) -> tuple[npt.NDArray[np.object_], Bools]:
    """Phecodes in the order of their numbers, and which admission (row) has which (column)."""
    row = pd.Index(hadm_id).get_indexer(found["hadm_id"])
    found = found.assign(row=row)[row >= 0]
    names = np.array(sorted(found["phecode"].unique(), key=_phecode_order), dtype=object)
    has = np.zeros((len(hadm_id), len(names)), bool)
    has[found["row"], pd.Index(names).get_indexer(found["phecode"])] = True
    return names, has


def _phecode_order(phecode: str) -> tuple[float, str]:
    try:
        return float(phecode), phecode
    except ValueError:
        return float("inf"), phecode
