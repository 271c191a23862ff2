"""Test each prototype against each phenotype."""

import warnings
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.utils.parallel import Parallel, _get_threadpool_controller, delayed

from cardiorisk.evaluation.discrimination import auroc, cumulative_counts, rank
from cardiorisk.evaluation.intervals import bootstrap, bootstrap_interval, check_confidence
from cardiorisk.evaluation.multiplicity import adjust_p_values
from cardiorisk.exceptions import TableWarning
from cardiorisk.explain.phenotypes.cohort import PhenotypeCohort, phenotype_cohort
from cardiorisk.explain.phenotypes.ranks import sort_columns
from cardiorisk.explain.phenotypes.result import PhenotypeAssociations
from cardiorisk.explain.phenotypes.statistics import TESTS, ColumnTests, column_tests

__all__ = ["associate", "phenotype_associations", "standardised"]

INTERVALS = ("best", "significant", "all", "none")

Floats = npt.NDArray[np.float64]


def phenotype_associations(
    activations: Any,
    ecg_table: Any,
    diagnoses: Any,
    code_map: Any,
    covariates: Any = None,
    *,
    test: str = "logistic",
    correction: str = "bonferroni",
    alpha: float = 0.05,
    per_admission: str = "first",
    prototype_class: Any = None,
    cluster: bool = True,
    intervals: str = "best",
    n_bootstraps: int = 500,
    confidence: float = 0.95,
    n_jobs: int | None = None,
    random_state: Any = None,
    **cohort_options: Any,
) -> PhenotypeAssociations:
    """Test the activation of each ECG prototype against the diagnoses of the admission.

    Parameters
    ----------
    activations : DataFrame or array-like of shape (n_ecgs, n_prototypes)
        In the order of ``ecg_table``. The columns of a DataFrame name the prototypes.
    ecg_table, diagnoses, code_map, covariates
        See :func:`~cardiorisk.explain.phenotypes.phenotype_cohort`.
    test : {"logistic", "mannwhitney", "welch"}, default="logistic"
        Logistic regression with the covariates, or a test of two samples without them.
    correction : {"bonferroni", "holm", "bh"}, default="bonferroni"
        Over all pairs of prototype and phenotype that have a p-value.
    alpha : float, default=0.05
        Family-wise error or false discovery rate of ``significant``.
    per_admission : {"first", "mean", "max"}, default="first"
        What an admission with several ECGs gets.
    prototype_class : array-like of shape (n_prototypes,), optional
        The class that each prototype stands for.
    cluster : bool, default=True
        Whether the errors of the logistic test allow for several admissions of a subject. The
        other two tests take admissions to be independent.
    intervals : {"best", "significant", "all", "none"}, default="best"
        Which pairs get a bootstrap interval of the AUROC, by subject: the prototype with the
        smallest p-value of each phenotype, or more, at about 0.1 s a pair for 10,000 admissions.
    n_bootstraps : int, default=500
    confidence : float, default=0.95
    n_jobs : int, optional
        Threads. The result does not depend on it.
    random_state : int, RandomState instance or None, default=None
        Of the bootstrap.
    **cohort_options
        ``admissions``, ``days_before``, ``min_cases``, ``exclusion_ranges``, ``sex_filter``,
        ``truncate`` and ``rollup`` of :func:`~cardiorisk.explain.phenotypes.phenotype_cohort`.

    Returns
    -------
    PhenotypeAssociations
        Its ``table`` has one row a pair: ``prototype``, ``class``, ``phecode``, ``phenotype``,
        ``category``, ``n_case``, ``n_control``, ``effect`` (log odds ratio a standard deviation,
        rank-biserial correlation, or difference in standard deviations), ``se``, ``statistic``,
        ``p``, ``log10_p`` (of p, where p itself may underflow), ``p_adj``, ``significant``,
        ``auroc`` with ``auroc_low`` and ``auroc_high``, and ``status``: ``"ok"``, or why there is
        no estimate (``"constant"``, ``"separated"``, ``"not converged"``).

    Warns
    -----
    TableWarning
        Some pairs have no estimate.

    Notes
    -----
    After digital phenotyping with ECG prototypes (doi:10.48550/arXiv.2508.01521), whose test,
    covariates and correction are not published: those here are our choice.

    * Standard errors of the logistic test are clustered by subject (Liang and Zeger 1986,
      doi:10.1093/biomet/73.1.13), as one patient may have several admissions.
    * The AUROC of the best of many prototypes is too high, as it was chosen for it. See
      :func:`~cardiorisk.explain.phenotypes.compare_representations` for one that is not.
    * A diagnosis code says what was billed, not when: an association is no forecast.

    Examples
    --------
    >>> from cardiorisk.datasets import make_phenotypes
    >>> from cardiorisk.explain import phenotype_associations
    >>> data = make_phenotypes(random_state=0)
    >>> found = phenotype_associations(
    ...     data.activations, data.ecg_table, data.diagnoses, data.code_map, data.covariates,
    ...     prototype_class=data.prototype_class, random_state=0,
    ... )
    >>> sorted(set(found.significant["phecode"])) == sorted(set(data.planted["phecode"]))
    True
    """
    cohort = phenotype_cohort(ecg_table, diagnoses, code_map, covariates, **cohort_options)
    return associate(
        cohort,
        activations,
        test=test,
        correction=correction,
        alpha=alpha,
        per_admission=per_admission,
        prototype_class=prototype_class,
        cluster=cluster,
        intervals=intervals,
        n_bootstraps=n_bootstraps,
        confidence=confidence,
        n_jobs=n_jobs,
        random_state=random_state,
    )


def associate(
    cohort: PhenotypeCohort,
    activations: Any,
    *,
    test: str = "logistic",
    correction: str = "bonferroni",
    alpha: float = 0.05,
    per_admission: str = "first",
    prototype_class: Any = None,
    cluster: bool = True,
    intervals: str = "best",
    n_bootstraps: int = 500,
    confidence: float = 0.95,
    n_jobs: int | None = None,
    random_state: Any = None,
) -> PhenotypeAssociations:
    """Do what :func:`phenotype_associations` does, with a cohort that is already linked."""
    _check_choices(test=(test, TESTS), intervals=(intervals, INTERVALS))
    check_confidence(n_bootstraps, confidence)
    names = list(activations.columns) if isinstance(activations, pd.DataFrame) else None
    values = standardised(cohort.admission_values(activations, per_admission))
    columns = np.ascontiguousarray(values.T)
    clusters = cohort.subjects if cluster else None
    tests = _all_tests(columns, cohort, clusters, test, n_jobs)
    table = _table(tests, cohort, names, prototype_class, len(columns))
    table["p_adj"] = adjust_p_values(table["p"], correction)
    table["significant"] = table["p_adj"] < alpha
    table["auroc_low"] = table["auroc_high"] = np.nan
    result = PhenotypeAssociations(
        table[ORDER], cohort, values, test=test, correction=correction, alpha=alpha
    )
    lost = result.problems["status"].value_counts()
    if len(lost):
        words = ", ".join(f"{count} {status}" for status, count in lost.items())
        warnings.warn(
            f"{lost.sum()} of {len(table)} pairs have no estimate ({words}); see .problems.",
            TableWarning,
            stacklevel=2,
        )
    _add_intervals(result, intervals, n_bootstraps, confidence, random_state, n_jobs)
    return result


ORDER = [
    *("prototype", "class", "phecode", "phenotype", "category", "n_case", "n_control", "effect"),
    *("se", "statistic", "p", "log10_p", "p_adj", "significant", "auroc", "auroc_low"),
    *("auroc_high", "status"),
]


def standardised(values: Floats) -> Floats:
    """Columns with mean 0 and standard deviation 1; a constant column becomes 0."""
    centred = values - values.mean(axis=0)
    spread = values.std(axis=0)
    return np.asarray(
        centred / np.where(spread > 1e-12 * np.abs(values).max(axis=0), spread, np.inf)
    )


def _check_choices(**choices: tuple[str, tuple[str, ...]]) -> None:
    for name, (given, known) in choices.items():
        if given not in known:
            raise ValueError(f"Got {name}={given!r}, but expected one of {', '.join(known)}.")


def _all_tests(
    columns: Floats,
    cohort: PhenotypeCohort,
    clusters: npt.NDArray[np.intp] | None,
    test: str,
    n_jobs: int | None,
) -> list[ColumnTests]:
    ranked = sort_columns(columns)
    # Threads divide the phenotypes among them; those of BLAS would only get in their way.
    with _get_threadpool_controller().limit(limits=1, user_api="blas"):
        return list(
            Parallel(n_jobs=n_jobs, prefer="threads")(
                delayed(column_tests)(
                    columns, ranked, cases, controls, cohort.covariates, clusters, test
                )
                for cases, controls in zip(cohort.cases.T, cohort.controls.T, strict=True)
            )
        )


def _table(
    tests: list[ColumnTests],
    cohort: PhenotypeCohort,
    names: list[Any] | None,
    prototype_class: Any,
    n_prototypes: int,
) -> pd.DataFrame:
    labels = np.arange(n_prototypes) if names is None else np.asarray(names, dtype=object)
    classes = np.full(n_prototypes, "") if prototype_class is None else np.asarray(prototype_class)
    if classes.shape != (n_prototypes,):
        raise ValueError(
            f"Got prototype_class of shape {classes.shape}, but expected ({n_prototypes},)."
        )
    n_phenotypes = len(tests)
    table = cohort.phenotypes.loc[np.repeat(np.arange(n_phenotypes), n_prototypes)]
    table = table.reset_index(drop=True).drop(columns="sex")
    table["prototype"] = np.tile(labels, n_phenotypes)
    table["class"] = np.tile(classes, n_phenotypes)
    found = [
        np.concatenate([np.empty(0), *column])
        for column in zip(*(t[:5] for t in tests), strict=True)
    ]
    effect, error, statistic, log_p, area = found or [np.empty(0)] * 5
    table["effect"], table["se"], table["statistic"] = effect, error, statistic
    table["p"], table["log10_p"], table["auroc"] = np.exp(log_p), log_p / np.log(10), area
    table["status"] = [status for one in tests for status in one.status]
    return table


def _add_intervals(
    result: PhenotypeAssociations,
    which: str,
    n_bootstraps: int,
    confidence: float,
    random_state: Any,
    n_jobs: int | None,
) -> None:
    """Fill the limits of the AUROC of some rows of the result's table."""
    table, cohort = result.table, result.cohort
    n_prototypes, subjects = result.activations.shape[1], cohort.subjects
    chosen = {
        "none": np.empty(0, np.intp),
        "all": np.arange(len(table)),
        "significant": np.flatnonzero(table["significant"]),
        "best": _best_rows(table["log10_p"].to_numpy(), n_prototypes),
    }[which]
    low, high = np.full(len(table), np.nan), np.full(len(table), np.nan)
    for phenotype in np.unique(chosen // max(n_prototypes, 1)):
        pairs = chosen[chosen // n_prototypes == phenotype]
        rows = np.flatnonzero(cohort.cases[:, phenotype] | cohort.controls[:, phenotype])
        events = cohort.cases[rows, phenotype]
        rankings = [rank(events, result.activations[rows, pair % n_prototypes]) for pair in pairs]
        samples = bootstrap(
            lambda weights, rankings=rankings: np.column_stack(  # type: ignore[misc]  # default bound now
                [auroc(*cumulative_counts(one, weights)) for one in rankings]
            ),
            len(rows),
            groups=subjects[rows],
            n_bootstraps=n_bootstraps,
            random_state=random_state,
            n_jobs=n_jobs,
        )
        for pair, sample in zip(pairs, samples.T, strict=True):
            interval = bootstrap_interval(table["auroc"].iloc[pair], sample, confidence)
            low[pair], high[pair] = interval.low, interval.high
    table["auroc_low"], table["auroc_high"] = low, high


def _best_rows(log_p: Floats, n_prototypes: int) -> npt.NDArray[np.intp]:
    """Row of the smallest p-value of each phenotype that has one."""
    if not len(log_p):
        return np.empty(0, np.intp)
    by_phenotype = np.where(np.isnan(log_p), np.inf, log_p).reshape(-1, n_prototypes)
    known = np.flatnonzero(np.isfinite(by_phenotype).any(axis=1))
    return np.asarray(known * n_prototypes + by_phenotype[known].argmin(axis=1), np.intp)
