"""Comparisons of models: what is compared, by which test, and against outside numbers."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.datasets import make_classification
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, brier_score_loss, f1_score
from sklearn.model_selection import RepeatedStratifiedKFold, ShuffleSplit
from sklearn.naive_bayes import GaussianNB
from sklearn.tree import DecisionTreeClassifier
from statsmodels.stats.contingency_tables import mcnemar as outside_mcnemar

from cardiorisk.evaluation import compare, evaluate
from cardiorisk.evaluation.comparison.on_rows import bootstrap_test, mcnemar, normal_test
from cardiorisk.evaluation.comparison.over_folds import bayesian_t, corrected_t
from cardiorisk.exceptions import CardioRiskWarning

X, Y = make_classification(240, 5, weights=[0.6], flip_y=0.1, class_sep=0.6, random_state=1)
MODELS = {
    "logistic": LogisticRegression(),
    "bayes": GaussianNB(),
    "stump": DecisionTreeClassifier(max_depth=1),
}


def evaluated(y=Y, **options):
    options = {"n_bootstraps": 0, **options}
    return {name: evaluate(model, X, y, **options) for name, model in MODELS.items()}


RESULTS = evaluated()


def test_corrected_t_is_the_formula_of_nadeau_and_bengio():
    cv = RepeatedStratifiedKFold(n_splits=5, n_repeats=3, random_state=0)
    found = compare(evaluated(cv=cv), metric="brier")
    row = found.table.iloc[0]
    differences = (found.scores["logistic"] - found.scores["bayes"]).to_numpy()
    assert len(differences) == 15
    t = differences.mean() / np.sqrt((1 / 15 + 1 / 4) * differences.var(ddof=1))
    assert row["statistic"] == pytest.approx(t)
    assert row["p"] == pytest.approx(2 * stats.t.sf(abs(t), 14))
    assert row["low"] < row["difference"] < row["high"]


def test_corrected_t_without_the_correction_is_the_paired_t_test():
    rng = np.random.default_rng(0)
    first, second = rng.normal(size=(2, 12))
    outside = stats.ttest_rel(first, second)
    found = corrected_t(first - second, test_share=0.0)
    assert (found.statistic, found.p) == pytest.approx((outside.statistic, outside.pvalue))
    interval = outside.confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high))


def test_bayesian_posterior_agrees_with_the_corrected_t_test():
    differences = np.random.default_rng(0).normal(0.02, 0.03, size=10)
    t = corrected_t(differences, 1 / 9)
    posterior = bayesian_t(differences, 1 / 9, rope=0.0)
    assert posterior.probabilities[0] == pytest.approx(t.p / 2)
    assert (posterior.low, posterior.high) == pytest.approx((t.low, t.high))
    assert sum(bayesian_t(differences, 1 / 9, rope=0.01).probabilities) == pytest.approx(1)


def test_bayesian_table_has_probabilities_instead_of_p_values():
    found = compare(RESULTS, test="bayesian-t")
    parts = found.table[["p_second_higher", "p_equivalent", "p_first_higher"]]
    np.testing.assert_allclose(parts.sum(axis=1), 1)
    assert found.correction is None
    assert "p_adjusted" not in found.table


def test_fold_scores_are_those_of_per_fold():
    found = compare(RESULTS)
    for name, result in RESULTS.items():
        np.testing.assert_allclose(found.scores[name], result.per_fold["auroc"])


def test_a_function_may_be_the_metric():
    def f1(events, risk):
        return f1_score(events, risk >= 0.5)

    found = compare(RESULTS, metric=f1)
    rows = RESULTS["bayes"].fold[0] == 2
    expected = f1_score(Y[rows], RESULTS["bayes"].risk[rows] >= 0.5)
    assert found.scores.loc[2, "bayes"] == pytest.approx(expected)
    assert found.metric == "f1"
    with pytest.raises(ValueError, match="only tests over folds"):
        compare(RESULTS, metric=f1, test="bootstrap")


def test_accuracy_at_a_threshold():
    scores = compare(RESULTS, metric="accuracy", threshold=0.3).scores
    rows = RESULTS["logistic"].fold[0] == 1
    expected = accuracy_score(Y[rows], RESULTS["logistic"].risk[rows] >= 0.3)
    assert scores.loc[1, "logistic"] == pytest.approx(expected)


def test_wilcoxon_warns_and_equals_scipy():
    with pytest.warns(CardioRiskWarning, match="folds as independent"):
        found = compare(RESULTS, test="wilcoxon")
    expected = stats.wilcoxon(found.scores["logistic"], found.scores["bayes"])
    assert found.table.loc[0, "p"] == pytest.approx(expected.pvalue)
    assert "folds as independent" in repr(found)


@pytest.mark.parametrize(("test", "exact"), [("mcnemar-exact", True), ("mcnemar", False)])
def test_mcnemar_equals_statsmodels(test, exact):
    row = compare(RESULTS, test=test).table.iloc[1]  # logistic and stump
    right = [(RESULTS[name].risk >= 0.5) == Y for name in ("logistic", "stump")]
    table = pd.crosstab(*right).to_numpy()
    outside = outside_mcnemar(table, exact=True)
    b, c = table[1, 0], table[0, 1]
    mid = outside.pvalue - stats.binom.pmf(min(b, c), b + c, 0.5)
    assert row["p"] == pytest.approx(outside.pvalue if exact else mid)
    assert row["difference"] == pytest.approx(right[0].mean() - right[1].mean())
    assert row["low"] < row["difference"] < row["high"]


def test_mcnemar_of_equal_models_and_of_patients():
    right = np.random.default_rng(0).random(90) < 0.8
    assert mcnemar(right, right).p == 1
    other = np.random.default_rng(1).random(90) < 0.6
    rows = mcnemar(right, other, np.arange(90))
    copies = np.repeat(np.arange(90), 3)
    grouped = mcnemar(right[copies], other[copies], copies)
    assert (grouped.p, grouped.low) == pytest.approx((rows.p, rows.low))
    discordant = np.sum(right != other)
    assert rows.statistic == pytest.approx((right.sum() - other.sum()) / np.sqrt(discordant))


def test_bootstrap_agrees_with_delong():
    by_rows, drawn = (compare(RESULTS, test=t).table for t in ("delong", "bootstrap"))
    np.testing.assert_allclose(by_rows["difference"], drawn["difference"], atol=1e-12)
    np.testing.assert_allclose(by_rows["low"], drawn["low"], atol=0.015)
    np.testing.assert_allclose(by_rows["high"], drawn["high"], atol=0.015)
    np.testing.assert_allclose(by_rows["p"], drawn["p"], atol=0.08)


def test_bootstrap_of_other_measures():
    row = compare(RESULTS, test="bootstrap", metric="brier", n_bootstraps=200).table.iloc[0]
    first, second = (brier_score_loss(Y, RESULTS[name].risk) for name in ("logistic", "bayes"))
    assert row["difference"] == pytest.approx(first - second)
    assert row["low"] < row["difference"] < row["high"]


def test_bootstrap_p_value_agrees_with_its_interval():
    samples = np.random.default_rng(0).normal(1.0, 0.5, 20_000)
    p = bootstrap_test(1.0, samples).p
    assert p == pytest.approx(2 * stats.norm.sf(2), abs=0.01)
    level = bootstrap_test(1.0, samples, confidence=1 - p)
    assert level.low == pytest.approx(0.0, abs=0.02)
    assert bootstrap_test(0.0, np.zeros(10)).p == 1
    same = bootstrap_test(9.0, np.full(10, 9.0))  # a difference that never varies has no limits
    assert np.isnan([same.low, same.high, same.p]).all()
    assert np.isnan(bootstrap_test(0.3, np.array([])).low)


@pytest.mark.parametrize("test", ["delong", "bootstrap", "mcnemar"])
def test_copies_of_a_patient_change_no_test_on_rows(test):
    copies = np.repeat(np.arange(240), 3)
    folds = [(np.flatnonzero(copies % 2 != k), np.flatnonzero(copies % 2 == k)) for k in (0, 1)]
    grouped = {
        name: evaluate(model, X[copies], Y[copies], copies, cv=folds, n_bootstraps=0)
        for name, model in MODELS.items()
    }
    once = [(np.flatnonzero(np.arange(240) % 2 != k), np.arange(k, 240, 2)) for k in (0, 1)]
    few, many = compare(evaluated(cv=once), test=test), compare(grouped, test=test)
    width = [found.table["high"] - found.table["low"] for found in (few, many)]
    np.testing.assert_allclose(*width, rtol=0.25)


def test_sites_are_no_patients():
    sites = np.arange(240) % 4
    results = evaluated(groups=sites, cv="leave-one-site-out")
    assert results["bayes"].by_site
    assert results["bayes"].patients is None
    rows = compare(results, test="delong").table
    assert np.isfinite(rows["p"]).all()
    assert len(compare(results, test="bootstrap", n_bootstraps=50).table) == 3


def test_models_that_rank_alike_do_not_differ():
    twins = {"one": RESULTS["logistic"], "two": RESULTS["logistic"]}
    for test in ("corrected-t", "wilcoxon", "delong", "mcnemar", "bootstrap"):
        with pytest.warns() if test == "wilcoxon" else pytest.MonkeyPatch.context():
            row = compare(twins, test=test, n_bootstraps=50).table.iloc[0]
        assert (row["difference"], row["p"]) == (0, 1), test
    assert compare(twins, test="bayesian-t").table.loc[0, "p_equivalent"] == 1


def test_baseline_and_correction():
    found = compare(RESULTS, baseline="bayes", correction="bonferroni")
    assert found.table["second"].tolist() == ["bayes", "bayes"]
    np.testing.assert_allclose(found.table["p_adjusted"], np.minimum(2 * found.table["p"], 1))
    bare = compare(RESULTS, correction=None).table
    np.testing.assert_array_equal(bare["p"], bare["p_adjusted"])
    with pytest.raises(ValueError, match="Got baseline='forest'"):
        compare(RESULTS, baseline="forest")


def test_folds_that_differ_by_the_same_have_no_limits():
    for test in (corrected_t(np.full(5, 0.02), 0.25), bayesian_t(np.full(5, 0.02), 0.25, 0.01)):
        assert np.isnan([test.low, test.high, test.p]).all()
    same = corrected_t(np.zeros(5), 0.25)
    assert (same.low, same.high, same.p) == (0, 0, 1)


def test_several_classes_are_compared_by_accuracy_and_mean_area():
    features, y = make_classification(240, 5, n_informative=3, n_classes=3, random_state=0)
    results = {n: evaluate(m, features, y, n_bootstraps=0) for n, m in MODELS.items()}
    assert np.isfinite(compare(results).table["p"]).all()
    row = compare(results, test="mcnemar").table.iloc[0]
    right = [results[n].probability[0].argmax(axis=1) == y for n in ("logistic", "bayes")]
    assert row["difference"] == pytest.approx(right[0].mean() - right[1].mean())
    with pytest.raises(ValueError, match="without pos_label"):
        compare(results, test="delong")


def test_untested_rows_and_folds_without_a_value():
    cv = ShuffleSplit(3, test_size=0.2, random_state=0)
    found = compare(evaluated(cv=cv), test="mcnemar")
    assert np.isfinite(found.table["p"]).all()
    rare = np.zeros(240, int)
    rare[:4] = 1
    folds = [(np.setdiff1d(np.arange(240), t), t) for t in np.array_split(np.arange(240), 120)]
    one_sided = {
        name: evaluate(DummyClassifier(strategy=s), X, rare, cv=folds, n_bootstraps=0)
        for name, s in (("prior", "prior"), ("uniform", "uniform"))
    }
    with pytest.raises(ValueError, match="0 folds where 'auroc'"):
        compare(one_sided)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"cv": 4}, "differ in fold"),
        ({"y": 1 - Y}, "differ in y"),
        ({"groups": np.arange(240), "cv": 5}, "differ in"),
        ({"pos_label": 0}, "differ in pos_label"),
        ({"y": np.array(["a", "b"])[Y]}, "differ in classes"),
    ],
    ids=str,
)
def test_results_of_other_rows_or_folds_are_refused(change, message):
    options = {"y": Y, "n_bootstraps": 0, **change}
    other = evaluate(GaussianNB(), X, **options)
    with pytest.raises(ValueError, match=message):
        compare({"logistic": RESULTS["logistic"], "bayes": other})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"test": "t"}, "Got test='t'"),
        ({"metric": "auc"}, "Got metric='auc'"),
        ({"correction": "sidak"}, "Got correction='sidak'"),
        ({"threshold": 2}, "Got threshold=2"),
        ({"rope": -1}, "Got rope=-1"),
        ({"confidence": 95}, "Got confidence=95"),
    ],
    ids=str,
)
def test_bad_options_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        compare(RESULTS, **options)


def test_what_is_not_a_result_is_refused():
    with pytest.raises(TypeError, match="float for 'a'"):
        compare({"a": 0.9, "b": 0.8})
    with pytest.raises(ValueError, match="Got 1 results"):
        compare({"a": RESULTS["bayes"]})


def test_repr_tells_the_metric_and_the_test():
    text = repr(compare(RESULTS, test="delong"))
    assert "Comparison of auroc by delong: 5-fold" in text
    assert "fitted models are taken as they are" in text


def test_a_list_of_results_is_told_what_is_wanted():
    with pytest.raises(TypeError, match="Got a list of results, but expected a mapping"):
        compare([])


def test_a_difference_without_variance_has_no_limits():
    found = normal_test(0.5, 0.0)
    assert np.isnan([found.low, found.high, found.p]).all()
    assert normal_test(0.0, 0.0)[1:3] == (0.0, 0.0)
