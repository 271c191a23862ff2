"""Which description of an ECG says most of the diagnoses, honestly compared."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import wilcoxon
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import check_random_state
from sklearn.utils.parallel import Parallel, _get_threadpool_controller, delayed

from cardiorisk.explain.phenotypes.association import associate, standardised
from cardiorisk.explain.phenotypes.cohort import PhenotypeCohort
from cardiorisk.explain.phenotypes.ranks import SortedColumns, auroc_columns, sort_columns

__all__ = ["RepresentationComparison", "compare_representations", "multivariable_auroc"]

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class RepresentationComparison:
    """What single columns of several representations say of each phenotype.

    Parameters
    ----------
    table : DataFrame
        One row a phenotype and representation: ``phecode``, ``representation``, ``n_columns``,
        ``best`` (the column with the smallest p-value), ``log10_p`` of it, ``log10_p_adj`` (times
        the number of columns, so that more columns are no advantage), ``auroc_apparent`` (the best
        in the same data, at least 0.5) and ``auroc`` (chosen in other subjects than it is
        measured in).
    tests : DataFrame
        One row a pair of representations and measure: ``measure``, ``first``, ``second``,
        ``n`` phenotypes, ``median_difference`` (first minus second, of ``-log10_p_adj`` or
        ``auroc``), ``first_better`` (share of phenotypes) and ``p`` (Wilcoxon's signed ranks,
        two-sided).
    """

    table: pd.DataFrame
    tests: pd.DataFrame

    def __repr__(self) -> str:
        mean = self.table.groupby("representation", sort=False)["auroc"].mean()
        words = ", ".join(f"{name} {value:.3f}" for name, value in mean.items())
        return f"RepresentationComparison({self.table['phecode'].nunique()} phenotypes; {words})"


def compare_representations(
    cohort: PhenotypeCohort,
    representations: Mapping[str, Any],
    *,
    per_admission: str = "first",
    test: str = "logistic",
    n_splits: int = 5,
    n_jobs: int | None = None,
    random_state: Any = None,
) -> RepresentationComparison:
    """Compare the best single column of each representation, such as prototypes and classes.

    Parameters
    ----------
    cohort : PhenotypeCohort
    representations : mapping of str to array-like of shape (n_ecgs, n_columns)
        For example ``{"prototypes": activations, "classes": probabilities}``.
    per_admission, test
        See :func:`~cardiorisk.explain.phenotype_associations`.
    n_splits : int, default=5
        Folds by subject of the AUROC that is not measured where the column was chosen.
    n_jobs : int, optional
        Threads.
    random_state : int, RandomState instance or None, default=None
        Of the folds.

    Returns
    -------
    RepresentationComparison

    Notes
    -----
    The best of 1,000 columns of noise looks good. Two corrections are made: the p-value is
    multiplied by the number of columns, and the AUROC is cross-fitted: in each fold the column, and
    its direction, is the one with the AUROC farthest from 0.5 among the other subjects.
    Wilcoxon's test takes phenotypes as independent. They share patients, so its p-value is
    a description.

    Examples
    --------
    >>> from cardiorisk.datasets import make_phenotypes
    >>> from cardiorisk.explain.phenotypes import phenotype_cohort
    >>> data = make_phenotypes(n_subjects=500, random_state=0)
    >>> cohort = phenotype_cohort(
    ...     data.ecg_table, data.diagnoses, data.code_map, data.covariates, min_cases=50
    ... )
    >>> both = {"prototypes": data.activations, "classes": data.class_probabilities}
    >>> compared = compare_representations(cohort, both, random_state=0)
    >>> list(compared.tests["measure"])
    ['-log10_p_adj', 'auroc']
    """
    seed = check_random_state(random_state).randint(2**31 - 1)
    parts = []
    for name, values in representations.items():
        found = associate(
            cohort, values, test=test, per_admission=per_admission, intervals="none", n_jobs=n_jobs
        )
        ranked = sort_columns(np.ascontiguousarray(found.activations.T))
        pairs = list(zip(cohort.cases.T, cohort.controls.T, strict=True))
        areas = Parallel(n_jobs=n_jobs, prefer="threads")(
            delayed(_cross_fitted)(
                ranked, found.activations, cohort.subjects, *pair, n_splits, seed
            )
            for pair in pairs
        )
        best = found.best().set_index("phecode")
        apparent = found.table.assign(far=0.5 + (found.table["auroc"] - 0.5).abs())
        part = cohort.phenotypes[["phecode"]].assign(
            representation=name, n_columns=found.activations.shape[1]
        )
        part["best"] = best["prototype"].reindex(part["phecode"]).to_numpy()
        part["log10_p"] = best["log10_p"].reindex(part["phecode"]).to_numpy()
        part["log10_p_adj"] = np.minimum(part["log10_p"] + np.log10(part["n_columns"]), 0.0)
        highest = apparent.groupby("phecode")["far"].max()
        part["auroc_apparent"] = highest.reindex(part["phecode"]).to_numpy()
        part["auroc"] = np.array(areas, dtype=float)
        parts.append(part)
    table = pd.concat(parts, ignore_index=True)
    return RepresentationComparison(table, _paired_tests(table, list(representations)))


def _cross_fitted(
    ranked: SortedColumns,
    values: Floats,
    subjects: npt.NDArray[np.intp],
    cases: Bools,
    controls: Bools,
    n_splits: int,
    seed: int,
) -> float:
    """AUROC over folds by subject, each of the column that is best in the other folds."""
    rows = np.flatnonzero(cases | controls)
    fold = _subject_folds(cases[rows], subjects[rows], n_splits, seed)
    areas, pairs = [], []
    for number in range(n_splits):
        test = fold == number
        held_back = np.zeros(len(cases), bool)
        held_back[rows[test]] = True
        if not (cases & held_back).any() or not (controls & held_back).any():
            continue
        train = auroc_columns(ranked, cases & ~held_back, controls & ~held_back)
        best = int(np.argmax(np.abs(train - 0.5)))
        signed = values[rows[test], best] * np.sign(train[best] - 0.5)
        areas.append(roc_auc_score(cases[rows[test]], signed))
        pairs.append(float(cases[rows[test]].sum()) * float(controls[rows[test]].sum()))
    return float(np.average(areas, weights=pairs)) if areas else float("nan")


def _subject_folds(
    cases: Bools, subjects: npt.NDArray[np.intp], n_splits: int, seed: int
) -> npt.NDArray[np.intp]:
    """Fold of each row: subjects are whole, and those with a case are dealt out evenly."""
    names, member = np.unique(subjects, return_inverse=True)
    has_case = np.zeros(len(names), bool)
    has_case[member[cases]] = True
    shuffled = np.random.default_rng(seed).permutation(len(names))
    dealt = np.concatenate([shuffled[has_case[shuffled]], shuffled[~has_case[shuffled]]])
    fold = np.empty(len(names), np.intp)
    fold[dealt] = np.arange(len(names)) % n_splits
    return np.asarray(fold[member], np.intp)


def _paired_tests(table: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    rows: list[dict[str, Any]] = []
    for measure, values in (("-log10_p_adj", -table["log10_p_adj"]), ("auroc", table["auroc"])):
        wide = table.assign(value=values).pivot(
            index="phecode", columns="representation", values="value"
        )
        for first, second in combinations(names, 2):
            difference = (wide[first] - wide[second]).dropna().to_numpy()
            some = bool(np.any(difference != 0))
            rows.append(
                {"measure": measure, "first": first, "second": second, "n": len(difference)}
                | {"median_difference": float(np.median(difference)) if some else 0.0}
                | {"first_better": float((difference > 0).mean()) if some else np.nan}
                | {"p": float(wilcoxon(difference).pvalue) if some else 1.0}
            )
    columns = ["measure", "first", "second", "n", "median_difference", "first_better", "p"]
    return pd.DataFrame(rows, columns=columns)


def multivariable_auroc(
    cohort: PhenotypeCohort,
    values: Any,
    *,
    per_admission: str = "first",
    C: float = 0.01,
    with_covariates: bool = False,
    n_splits: int = 5,
    n_jobs: int | None = None,
    random_state: Any = None,
) -> pd.DataFrame:
    """How well all columns together tell each phenotype, in subjects that were not seen.

    Parameters
    ----------
    cohort : PhenotypeCohort
    values : array-like of shape (n_ecgs, n_columns)
    per_admission : {"first", "mean", "max"}, default="first"
    C : float, default=0.01
        Inverse strength of the L2 penalty on standardised columns. Not tuned here: to compare
        several, compare their AUROCs on other data.
    with_covariates : bool, default=False
        Whether the covariates of the cohort stand beside the columns.
    n_splits : int, default=5
        Folds by subject, stratified.
    n_jobs : int, optional
    random_state : int, RandomState instance or None, default=None

    Returns
    -------
    DataFrame
        One row a phenotype: ``phecode``, ``phenotype``, ``n_case``, ``n_control``, ``auroc`` (mean
        over the folds) and ``auroc_sd`` (standard deviation over the folds).

    Examples
    --------
    >>> from cardiorisk.datasets import make_phenotypes
    >>> from cardiorisk.explain.phenotypes import phenotype_cohort
    >>> data = make_phenotypes(n_subjects=500, random_state=0)
    >>> cohort = phenotype_cohort(
    ...     data.ecg_table, data.diagnoses, data.code_map, data.covariates, min_cases=50
    ... )
    >>> table = multivariable_auroc(cohort, data.activations, random_state=0)
    >>> bool(table["auroc"].iloc[0] > table["auroc"].iloc[-1])
    True
    """
    columns = standardised(cohort.admission_values(values, per_admission))
    if with_covariates:
        columns = np.column_stack([columns, cohort.covariates[:, 1:]])
    seed = check_random_state(random_state).randint(2**31 - 1)
    model = make_pipeline(StandardScaler(), LogisticRegression(C=C, max_iter=1000))
    with _get_threadpool_controller().limit(limits=1, user_api="blas"):
        areas = Parallel(n_jobs=n_jobs, prefer="threads")(
            delayed(_fold_areas)(model, columns, cohort.subjects, cases, controls, n_splits, seed)
            for cases, controls in zip(cohort.cases.T, cohort.controls.T, strict=True)
        )
    table = cohort.phenotypes[["phecode", "phenotype", "n_case", "n_control"]].copy()
    table["auroc"] = [np.mean(one) if one else np.nan for one in areas]
    table["auroc_sd"] = [np.std(one, ddof=1) if len(one) > 1 else np.nan for one in areas]
    return table


def _fold_areas(
    model: Any,
    columns: Floats,
    subjects: npt.NDArray[np.intp],
    cases: Bools,
    controls: Bools,
    n_splits: int,
    seed: int,
) -> list[float]:
    rows = np.flatnonzero(cases | controls)
    X, y, groups = columns[rows], cases[rows], subjects[rows]
    fold = _subject_folds(y, groups, n_splits, seed)
    areas = []
    for number in range(n_splits):
        train, test = fold != number, fold == number
        if len(np.unique(y[train])) == 2 and len(np.unique(y[test])) == 2:
            risk = clone(model).fit(X[train], y[train]).decision_function(X[test])
            areas.append(float(roc_auc_score(y[test], risk)))
    return areas
