"""Compare models that were evaluated on the same rows and folds."""

import warnings
from collections.abc import Mapping
from itertools import combinations
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from cardiorisk.evaluation.comparison.on_rows import (
    RowTest,
    bootstrap_test,
    mcnemar,
    normal_test,
)
from cardiorisk.evaluation.comparison.over_folds import (
    FoldTest,
    bayesian_t,
    corrected_t,
    wilcoxon,
)
from cardiorisk.evaluation.comparison.result import Comparison
from cardiorisk.evaluation.comparison.scores import (
    Metric,
    check_results,
    correct,
    fold_scores,
    pooled_score,
)
from cardiorisk.evaluation.delong import delong
from cardiorisk.evaluation.intervals import check_confidence, estimate_and_resamples
from cardiorisk.evaluation.multiplicity import adjust_p_values
from cardiorisk.evaluation.result import EvaluationResult
from cardiorisk.exceptions import CardioRiskWarning

__all__ = ["compare"]

FOLD_TESTS = ("corrected-t", "bayesian-t", "wilcoxon")
ROW_TESTS = ("mcnemar", "mcnemar-exact", "delong", "bootstrap")
PROBABILITIES = ("p_second_higher", "p_equivalent", "p_first_higher")
DEPENDENT_FOLDS = (
    "The signed-rank test takes folds as independent. They share training rows, so its p-values "
    "are too small; prefer test='corrected-t'."
)
FIXED_MODELS = (
    "The fitted models are taken as they are; how they would differ with other training rows is "
    "not part of the interval."
)

Results = dict[str, EvaluationResult]
Pair = tuple[str, str]


class _Options(NamedTuple):
    test: str
    metric: Metric
    threshold: float
    rope: float
    confidence: float
    n_bootstraps: int
    random_state: Any


def compare(
    results: Mapping[str, EvaluationResult],
    *,
    test: Literal[
        "corrected-t", "bayesian-t", "wilcoxon", "mcnemar", "mcnemar-exact", "delong", "bootstrap"
    ] = "corrected-t",
    metric: Metric = "auroc",
    correction: Literal["bonferroni", "holm", "bh"] | None = "holm",
    baseline: str | None = None,
    threshold: float = 0.5,
    rope: float = 0.01,
    confidence: float = 0.95,
    n_bootstraps: int = 2000,
    random_state: Any = 0,
) -> Comparison:
    """Test the differences between models, two at a time.

    Parameters
    ----------
    results : mapping of str to EvaluationResult
        Of the same rows with the same folds: call ``evaluate`` with the same ``cv``, ``groups``
        and ``random_state``.
    test : str, default="corrected-t"
        Over folds, which answers for the learning recipe:

        - ``"corrected-t"``: t-test with the variance corrected for overlapping training parts;
        - ``"bayesian-t"``: the posterior that belongs to it, against a region of practical
          equivalence;
        - ``"wilcoxon"``: signed ranks of folds, whose p-values are too small: for comparison with
          papers that used it.

        On rows, which answers for the models as they were fitted:

        - ``"delong"``: AUROC, with the covariance of both models;
        - ``"mcnemar"``, ``"mcnemar-exact"``: accuracy at ``threshold``, mid-p or exact;
        - ``"bootstrap"``: any metric, paired.

        Where the results have patients as ``groups``, tests on rows take patients as the units.
    metric : str or callable, default="auroc"
        ``"accuracy"``, ``"sensitivity"``, ``"specificity"``, ``"ppv"`` or ``"npv"`` at
        ``threshold``, or a key of ``EvaluationResult.metrics``. Tests over folds also take a
        function of events (n,) and risks (n,). Not used by ``"delong"`` and ``"mcnemar"``.
    correction : {"holm", "bonferroni", "bh"} or None, default="holm"
        For the number of pairs. Not used by ``"bayesian-t"``.
    baseline : str, optional
        Compare each other model with this one only. None compares all pairs.
    threshold : float, default=0.5
        A row is flagged at ``risk >= threshold``. With several classes the most probable one is
        taken instead.
    rope : float, default=0.01
        Half width of the region of practical equivalence, in units of the metric.
    confidence : float, default=0.95
    n_bootstraps : int, default=2000
    random_state : int, RandomState instance or None, default=0

    Returns
    -------
    comparison : Comparison

    Raises
    ------
    TypeError
        A value of ``results`` is not an EvaluationResult.
    ValueError
        The results are not of the same rows and folds, a fold test has fewer than two folds with
        a value, or a parameter is not known.

    Warns
    -----
    CardioRiskWarning
        With ``test="wilcoxon"``: folds are dependent.

    Notes
    -----
    No unbiased estimate of the variance of cross-validation exists (Bengio Y, Grandvalet Y. JMLR
    2004;5:1089-1105); the corrected t-test is the usual compromise. With one 5-fold
    cross-validation it has four degrees of freedom: repeat it to see small differences.

    References
    ----------
    Nadeau C, Bengio Y. Machine Learning 2003;52:239-281. doi:10.1023/A:1024068626366;
    Corani G, Benavoli A. Machine Learning 2015;100:285-304. doi:10.1007/s10994-015-5486-z;
    DeLong ER et al. Biometrics 1988;44:837-845. doi:10.2307/2531595;
    Fagerland MW et al. BMC Med Res Methodol 2013;13:91. doi:10.1186/1471-2288-13-91

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.naive_bayes import GaussianNB
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from cardiorisk.evaluation import compare, evaluate
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> logistic = make_pipeline(StandardScaler(), LogisticRegression())
    >>> models = {"logistic": logistic, "naive Bayes": GaussianNB()}
    >>> results = {
    ...     name: evaluate(model, X, y, cv=10, n_bootstraps=0)
    ...     for name, model in models.items()
    ... }
    >>> found = compare(results, metric="brier").table.iloc[0]
    >>> bool(found["difference"] < 0 and found["p_adjusted"] < 0.05)
    True
    """
    if test not in FOLD_TESTS + ROW_TESTS:
        raise ValueError(f"Got test={test!r}, but expected one of {FOLD_TESTS + ROW_TESTS}.")
    check_confidence(n_bootstraps, confidence)
    checked = check_results(results)
    options = _Options(test, metric, threshold, rope, confidence, n_bootstraps, random_state)
    _check_options(options, next(iter(checked.values())))
    pairs = _pairs(list(checked), baseline)
    scores = fold_scores(checked, metric, threshold) if test in FOLD_TESTS else pd.DataFrame()
    if test in FOLD_TESTS:
        table, notes = _over_folds(checked, pairs, scores, options)
    else:
        table, notes = _on_rows(checked, pairs, options)
    if test == "bayesian-t":
        correction = None
    else:
        p = table["p"]
        table["p_adjusted"] = p if correction is None else adjust_p_values(p, correction)
    words = {"delong": "auroc", "mcnemar": "accuracy", "mcnemar-exact": "accuracy"}
    return Comparison(
        table=table,
        scores=scores,
        test=test,
        metric=words.get(test, getattr(metric, "__name__", str(metric))),
        correction=correction,
        protocol=next(iter(checked.values())).protocol,
        confidence=confidence,
        notes=notes,
    )


def _check_options(options: _Options, result: EvaluationResult) -> None:
    if not 0 <= options.threshold <= 1:
        raise ValueError(f"Got threshold={options.threshold!r}, but expected a risk from 0 to 1.")
    if not options.rope >= 0:
        raise ValueError(f"Got rope={options.rope!r}, but expected a half width of 0 or more.")
    one_risk = result.pos_label is not None
    if not one_risk and (options.test == "delong" or callable(options.metric)):
        raise ValueError(
            f"Got {len(result.classes)} classes without pos_label, but this compares the risk of "
            "one; name it when calling evaluate."
        )


def _pairs(names: list[str], baseline: str | None) -> list[Pair]:
    if baseline is None:
        return list(combinations(names, 2))
    if baseline not in names:
        raise ValueError(f"Got baseline={baseline!r}, but the results are {names}.")
    return [(name, baseline) for name in names if name != baseline]


def _over_folds(
    results: Results, pairs: list[Pair], scores: pd.DataFrame, options: _Options
) -> tuple[pd.DataFrame, tuple[str, ...]]:
    folds = next(iter(results.values())).per_fold
    if len(folds) < 2 or (folds["n_train"] == 0).any():
        raise ValueError(
            f"Got test={options.test!r} for an external validation or a single split, but tests "
            "over folds need training rows and two folds; use a test on rows."
        )
    rows, notes = [], []
    if options.test == "wilcoxon":
        warnings.warn(DEPENDENT_FOLDS, CardioRiskWarning, stacklevel=3)
        notes.append(DEPENDENT_FOLDS)
    for first, second in pairs:
        differences = (scores[first] - scores[second]).to_numpy()
        known = np.isfinite(differences)
        if known.sum() < 2:
            raise ValueError(
                f"Got {known.sum()} folds where {options.metric!r} of {first!r} and {second!r} "
                "exists, but a test over folds needs two; use a test on rows."
            )
        share = float((folds["n_test"] / folds["n_train"])[known].mean())
        found = _fold_test(differences[known], share, options)
        rows.append(_fold_row(first, second, float(differences[known].mean()), found, options))
    lost = int(scores.isna().any(axis=1).sum())
    if lost:
        notes.append(
            f"{lost} of {len(scores)} folds have no value for some model and were left out."
        )
    return pd.DataFrame(rows), tuple(notes)


def _fold_test(differences: npt.NDArray[np.float64], share: float, options: _Options) -> FoldTest:
    if options.test == "corrected-t":
        return corrected_t(differences, share, options.confidence)
    if options.test == "bayesian-t":
        return bayesian_t(differences, share, options.rope, options.confidence)
    return wilcoxon(differences)


def _fold_row(
    first: str, second: str, difference: float, found: FoldTest, options: _Options
) -> dict[str, Any]:
    row = {"first": first, "second": second, "difference": difference}
    row |= {"low": found.low, "high": found.high}
    if options.test == "bayesian-t":
        return row | dict(zip(PROBABILITIES, found.probabilities, strict=True))
    return row | {"statistic": found.statistic, "p": found.p}


def _on_rows(
    results: Results, pairs: list[Pair], options: _Options
) -> tuple[pd.DataFrame, tuple[str, ...]]:
    if options.test == "delong":
        tests = _by_delong(results, pairs, options)
    elif options.test == "bootstrap":
        tests = _by_bootstrap(results, pairs, options)
    else:
        tests = _by_mcnemar(results, pairs, options)
    rows = [
        {"first": first, "second": second, **found._asdict()}
        for (first, second), found in zip(pairs, tests, strict=True)
    ]
    return pd.DataFrame(rows), (FIXED_MODELS,)


def _by_delong(results: Results, pairs: list[Pair], options: _Options) -> list[RowTest]:
    names, some = list(results), next(iter(results.values()))
    positive = int(np.flatnonzero(some.classes == some.pos_label)[0])
    risks = np.stack([result.probability[:, :, positive] for result in results.values()])
    area, covariance = delong(some.outcome, risks, some.patients)
    tests = []
    for pair in pairs:
        i, j = (names.index(name) for name in pair)
        variance = covariance[i, i] + covariance[j, j] - 2 * covariance[i, j]
        if variance < 1e-12 * (covariance[i, i] + covariance[j, j]):
            variance = 0.0  # rounding of two models that rank alike
        tests.append(normal_test(float(area[i] - area[j]), float(variance), options.confidence))
    return tests


def _by_mcnemar(results: Results, pairs: list[Pair], options: _Options) -> list[RowTest]:
    some = next(iter(results.values()))
    tested = some.tested
    right = {name: correct(result, options.threshold)[tested] for name, result in results.items()}
    patients = None if some.patients is None else some.patients[tested]
    mid_p, confidence = options.test == "mcnemar", options.confidence
    return [
        mcnemar(right[first], right[second], patients, mid_p=mid_p, confidence=confidence)
        for first, second in pairs
    ]


def _by_bootstrap(results: Results, pairs: list[Pair], options: _Options) -> list[RowTest]:
    some = next(iter(results.values()))
    scores = [pooled_score(r, options.metric, options.threshold) for r in results.values()]

    def statistic(weights: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        return np.hstack([score(weights) for score in scores])

    estimate, samples = estimate_and_resamples(
        statistic,
        len(some.y),
        groups=some.patients,
        strata=some.groups if some.by_site else None,
        n_bootstraps=options.n_bootstraps,
        random_state=options.random_state,
    )
    names, tests = list(results), []
    for pair in pairs:
        i, j = (names.index(name) for name in pair)
        difference = float(estimate[i] - estimate[j])
        tests.append(bootstrap_test(difference, samples[:, i] - samples[:, j], options.confidence))
    return tests
