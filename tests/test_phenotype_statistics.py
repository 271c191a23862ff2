"""The tests of many columns at once give what statsmodels and scipy give for each alone."""

import numpy as np
import pytest
import statsmodels.api as sm
from scipy.stats import mannwhitneyu, ttest_ind
from sklearn.metrics import roc_auc_score

from cardiorisk.explain.phenotypes.logistic import fit_logistic_columns, independent_columns
from cardiorisk.explain.phenotypes.ranks import auroc_columns, mann_whitney_columns, sort_columns
from cardiorisk.explain.phenotypes.statistics import column_tests, welch_columns


@pytest.fixture(scope="module")
def study():
    """12 columns, 700 admissions of 250 subjects in any order, an outcome and covariates."""
    rng = np.random.default_rng(0)
    subject = rng.integers(0, 250, 700)
    columns = rng.normal(size=(12, 700)) + rng.normal(size=(12, 250))[:, subject]
    columns = (columns - columns.mean(1, keepdims=True)) / columns.std(1, keepdims=True)
    age, sex = rng.normal(size=700), rng.integers(0, 2, 700)
    covariates = np.column_stack([np.ones(700), age, sex])
    logit = -2 + 1.2 * columns[0] - 0.5 * columns[1] + 0.4 * age
    return columns, covariates, rng.random(700) < 1 / (1 + np.exp(-logit)), subject


def statsmodels_fit(y, column, covariates, **options):
    design = np.column_stack([covariates, column])
    fit = sm.Logit(y.astype(float), design).fit(disp=0, tol=1e-14, maxiter=100, **options)
    return fit.params[-1], fit.bse[-1], fit.pvalues[-1]


def test_clustered_logistic_equals_statsmodels(study):
    columns, covariates, y, subject = study
    fits = fit_logistic_columns(y, columns, covariates, subject)
    assert (fits.status == "ok").all()
    for one, column in enumerate(columns):
        effect, error, _ = statsmodels_fit(
            y, column, covariates, cov_type="cluster", cov_kwds={"groups": subject}
        )
        assert abs(fits.effect[one] - effect) < 1e-9
        assert abs(fits.error[one] / error - 1) < 1e-6


def test_logistic_without_clusters_equals_statsmodels(study):
    columns, covariates, y, _ = study
    everyone = np.ones(len(y), bool)
    found = column_tests(
        columns, sort_columns(columns), y, everyone & ~y, covariates, None, "logistic"
    )
    for one, column in enumerate(columns):
        effect, error, p = statsmodels_fit(y, column, covariates)
        assert abs(found.effect[one] - effect) < 1e-9
        assert abs(found.error[one] / error - 1) < 1e-6
        assert abs(np.exp(found.log_p[one]) / p - 1) < 1e-5


def test_a_strong_effect_and_a_rare_outcome_still_converge():
    rng = np.random.default_rng(1)
    columns = rng.normal(size=(3, 4000))
    columns[2] = rng.lognormal(0, 2, 4000)
    columns[2] /= columns[2].std()
    y = rng.random(4000) < 1 / (1 + np.exp(7 - 4 * columns[0]))
    fits = fit_logistic_columns(y, columns, np.ones((4000, 1)))
    for one, column in enumerate(columns):
        effect, error, _ = statsmodels_fit(y, column, np.ones((4000, 1)))
        assert abs(fits.effect[one] - effect) < 1e-6
        assert abs(fits.error[one] / error - 1) < 1e-6


def test_fits_without_an_estimate_are_flagged(study):
    columns, covariates, y, subject = study
    noise = 0.01 * columns[0]
    odd = np.vstack(
        [np.ones(len(y)), 2 * covariates[:, 1] - 1, np.where(y, 1.0, -1.0), y + noise, columns[3]]
    )
    fits = fit_logistic_columns(y, odd, covariates, subject)
    assert fits.status.tolist() == ["constant", "constant", "separated", "separated", "ok"]
    assert np.isnan(fits.effect[:4]).all()
    assert np.isnan(fits.error[:4]).all()


def test_a_group_without_a_case_does_not_hinder_the_fit(study):
    columns, covariates, y, subject = study
    group = np.zeros(len(y))
    group[np.flatnonzero(~y)[::9]] = 1.0
    design = np.column_stack([covariates, group])
    found = column_tests(columns, sort_columns(columns), y, ~y, design, subject, "logistic")
    assert (found.status == "ok").all()
    rest = group == 0
    limit = fit_logistic_columns(y[rest], columns[:, rest], covariates[rest], subject[rest])
    np.testing.assert_allclose(found.effect, limit.effect)
    np.testing.assert_allclose(found.error, limit.error)


def test_the_result_does_not_depend_on_the_block(study, monkeypatch):
    columns, covariates, y, subject = study
    whole = fit_logistic_columns(y, columns, covariates, subject)
    monkeypatch.setattr("cardiorisk.explain.phenotypes.logistic.BLOCK_ELEMENTS", 1)
    single = fit_logistic_columns(y, columns, covariates, subject)
    np.testing.assert_allclose(single.effect, whole.effect, rtol=1e-10)
    np.testing.assert_allclose(single.error, whole.error, rtol=1e-7)


def test_covariates_that_follow_from_others_are_left_out():
    rng = np.random.default_rng(0)
    age = rng.normal(size=50)
    design = np.column_stack([np.ones(50), age, np.full(50, 3.0), 2 * age + 1, age**2])
    np.testing.assert_array_equal(independent_columns(design), design[:, [0, 1, 4]])


@pytest.mark.parametrize("tied", [False, True])
def test_mann_whitney_equals_scipy(tied):
    rng = np.random.default_rng(0)
    columns = rng.normal(size=(6, 200))
    columns = np.round(2 * columns) if tied else columns
    part = rng.random(200)
    cases, controls = part < 0.2, part > 0.3
    cases_shift = columns + 0.8 * cases
    auroc, _, log_p = mann_whitney_columns(sort_columns(cases_shift), cases, controls)
    for one, column in enumerate(cases_shift):
        test = mannwhitneyu(column[cases], column[controls], method="asymptotic")
        assert abs(auroc[one] - test.statistic / (cases.sum() * controls.sum())) < 1e-12
        assert abs(np.exp(log_p[one]) / test.pvalue - 1) < 1e-10


def test_auroc_equals_scikit_learn_and_needs_both_sides():
    rng = np.random.default_rng(0)
    columns = np.vstack([rng.normal(size=300), rng.integers(0, 4, 300)])
    ranked, y = sort_columns(columns), rng.random(300) < 0.3
    found = auroc_columns(ranked, y, ~y)
    for one, column in enumerate(columns):
        assert abs(found[one] - roc_auc_score(y, column)) < 1e-12
    assert np.isnan(auroc_columns(ranked, y, np.zeros(300, bool))).all()


def test_welch_equals_scipy(study):
    columns, _, y, _ = study
    found = welch_columns(columns, y, ~y)
    for one, column in enumerate(columns):
        test = ttest_ind(column[y], column[~y], equal_var=False)
        assert abs(found.statistic[one] - test.statistic) < 1e-10
        assert abs(np.exp(found.log_p[one]) / test.pvalue - 1) < 1e-9
    flat = welch_columns(np.zeros((1, len(y))), y, ~y)
    assert flat.status.tolist() == ["constant"]


def test_p_values_that_underflow_keep_their_logarithm():
    y = np.arange(20_000) < 10_000
    columns = np.where(y, 2.0, 0.0)[None] + np.random.default_rng(0).normal(size=(1, 20_000))
    ranked = sort_columns(columns)
    for test in ("logistic", "welch", "mannwhitney"):
        found = column_tests(columns, ranked, y, ~y, np.ones((20_000, 1)), None, test)
        assert np.isfinite(found.log_p).all()
        assert found.log_p[0] < -745
