import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom, mannwhitneyu
from sklearn.metrics import roc_auc_score

from cardiorisk.datasets import make_phenotypes
from cardiorisk.exceptions import TableWarning
from cardiorisk.explain import phenotype_associations
from cardiorisk.explain.phenotypes import (
    associate,
    class_patterns,
    compare_representations,
    multivariable_auroc,
    phenotype_cohort,
    plot_phecode_manhattan,
    plot_volcano,
)


def study(data, **options):
    options = {"intervals": "none", "min_cases": 30} | options
    return phenotype_associations(
        data.activations,
        data.ecg_table,
        data.diagnoses,
        data.code_map,
        data.covariates,
        prototype_class=data.prototype_class,
        **options,
    )


@pytest.fixture(scope="module")
def planted():
    """1,000 subjects; phenotypes 100, 101 and 102 depend on 1, 2 and 3 prototypes."""
    return make_phenotypes(1000, random_state=0)


@pytest.fixture(scope="module")
def found(planted):
    return study(planted)


def pairs(table):
    return set(zip(table["prototype"], table["phecode"], strict=True))


@pytest.mark.parametrize("test", ["logistic", "mannwhitney", "welch"])
@pytest.mark.parametrize("correction", ["bonferroni", "bh"])
def test_planted_associations_are_found(planted, test, correction):
    result = study(planted, test=test, correction=correction)
    truth = pairs(planted.planted)
    assert truth <= pairs(result.significant)
    assert len(pairs(result.significant) - truth) <= 3
    assert (result.significant["effect"] > 0)[: len(truth)].all()


def test_table_has_a_row_for_each_pair_and_agrees_with_itself(found, planted):
    table = found.table
    assert len(table) == 20 * 6
    assert (table["status"] == "ok").all()
    np.testing.assert_allclose(table["statistic"], table["effect"] / table["se"])
    np.testing.assert_allclose(table["p_adj"], np.minimum(table["p"] * 120, 1))
    row = table.iloc[25]
    assert (row["prototype"], row["class"], row["phecode"]) == (5, "class B", "101")
    cases, controls = found.cohort.cases[:, 1], found.cohort.controls[:, 1]
    used = cases | controls
    assert row["auroc"] == pytest.approx(
        roc_auc_score(cases[used], found.activations[used, 5]), abs=1e-12
    )
    assert (row["n_case"], row["n_control"]) == (cases.sum(), controls.sum())
    by_rank = study(planted, test="mannwhitney").table.iloc[25]
    test = mannwhitneyu(found.activations[cases, 5], found.activations[controls, 5])
    assert by_rank["p"] == pytest.approx(test.pvalue, rel=1e-6)
    assert by_rank["effect"] == pytest.approx(2 * row["auroc"] - 1)


@pytest.mark.slow
def test_family_wise_error_holds_where_nothing_is_planted():
    """60 studies of 12 prototypes and 6 phenotypes with one admission a subject."""
    any_found = 0
    for seed in range(60):
        null = make_phenotypes(
            300,
            n_classes=4,
            prototypes_per_class=3,
            n_planted=0,
            admissions_per_subject=1.0,
            ecgs_per_admission=1.0,
            random_state=seed,
        )
        any_found += len(study(null, min_cases=20).significant) > 0
    assert any_found <= binom.ppf(0.995, 60, 0.05)


@pytest.mark.slow
def test_errors_by_subject_hold_where_admissions_repeat_and_naive_ones_fail():
    rejected = {True: [], False: []}
    for seed in range(6):
        null = make_phenotypes(
            200,
            n_classes=10,
            n_planted=0,
            admissions_per_subject=6.0,
            ecgs_per_admission=1.0,
            subject_share=0.95,
            random_state=seed,
        )
        for cluster in rejected:
            rejected[cluster].append((study(null, cluster=cluster).table["p"] < 0.05).mean())
    assert 0.02 < np.mean(rejected[True]) < 0.10
    assert np.mean(rejected[False]) > 0.2


def test_bootstrap_intervals_hold_the_estimate_and_reproduce(planted):
    best = study(planted, intervals="best", n_bootstraps=100, random_state=0)
    filled = best.table.dropna(subset=["auroc_low"])
    assert len(filled) == 6
    assert set(filled.index) == set(best.table.groupby("phecode")["log10_p"].idxmin())
    assert (
        (filled["auroc_low"] < filled["auroc"]) & (filled["auroc"] < filled["auroc_high"])
    ).all()
    again = study(planted, intervals="significant", n_bootstraps=100, random_state=0)
    assert again.table["auroc_low"].notna().sum() == again.table["significant"].sum()
    pd.testing.assert_frame_equal(
        best.table, study(planted, intervals="best", n_bootstraps=100, random_state=0).table
    )


def test_threads_change_nothing(planted, found):
    pd.testing.assert_frame_equal(found.table, study(planted, n_jobs=2).table)


def test_constant_and_separating_prototypes_are_reported_not_hidden(planted):
    odd = pd.DataFrame(planted.activations[:, :3], columns=["a", "b", "flat"])
    odd["flat"] = 0.25
    cohort = phenotype_cohort(
        planted.ecg_table, planted.diagnoses, planted.code_map, planted.covariates, min_cases=30
    )
    is_case = cohort.cases[cohort.ecg_admission, 0]
    odd["oracle"] = 0.0
    odd.loc[cohort.ecg_rows, "oracle"] = is_case.astype(float)
    with pytest.warns(TableWarning, match=r"7 of 24 pairs .*6 constant, 1 separated"):
        result = associate(cohort, odd, intervals="none")
    assert set(result.problems["prototype"]) == {"flat", "oracle"}
    assert result.problems["p"].isna().all()
    assert not result.problems["significant"].any()
    assert (result.table["p_adj"].dropna() <= 1).all()
    known = result.table["p"].dropna()
    np.testing.assert_allclose(result.table["p_adj"].dropna(), np.minimum(known * 17, 1))


def test_no_phenotype_with_enough_cases_gives_an_empty_table(planted):
    with pytest.warns(TableWarning, match="No phenotype has 100000 cases.*knows 100% of"):
        result = study(planted, min_cases=100_000)
    assert len(result.table) == 0
    assert len(result.best()) == 0
    assert "0 significant" in repr(result)


def test_bad_choices_are_named(planted, found):
    with pytest.raises(ValueError, match="Got test='t', but expected one of logistic"):
        study(planted, test="t")
    with pytest.raises(ValueError, match="Got intervals='some'"):
        study(planted, intervals="some")
    with pytest.raises(ValueError, match="prototype_class of shape"):
        associate(found.cohort, planted.activations, prototype_class=["a"])


def test_patterns_say_whether_a_class_agrees(found, planted):
    patterns = class_patterns(found, planted.prototype_vectors, random_state=0)
    assert len(patterns.pairs) == 4 * 6
    at = patterns.pairs.set_index(["class", "phecode"])
    assert at.loc[("class C", "102"), "n_significant"] == 3
    assert at.loc[("class C", "102"), "pattern"] == "mixed"
    assert at.loc[("class D", "100"), "pattern"] == "none"
    classes = patterns.classes.set_index("class")
    assert classes.loc["class D", "pattern"] == "none"
    members = planted.prototype_vectors[planted.prototype_class == "class B"]
    by_hand = [np.linalg.norm(members[i] - members[j]) for i in range(5) for j in range(i)]
    assert classes.loc["class B", "l2"] == pytest.approx(np.mean(by_hand))
    row = patterns.tests.set_index(["distance", "unit"]).loc[("l2", "class x phenotype")]
    mixed = (patterns.pairs["pattern"] == "mixed").to_numpy()
    distance = classes.loc[patterns.pairs["class"], "l2"].to_numpy()
    test = mannwhitneyu(distance[mixed], distance[~mixed], alternative="greater")
    assert row["p"] == pytest.approx(test.pvalue)
    assert row["auroc"] > 0.5
    assert row["p_permutation"] >= row["p"]


def test_patterns_need_classes_and_matching_vectors(found, planted):
    with pytest.raises(ValueError, match="prototype_vectors of shape"):
        class_patterns(found, planted.prototype_vectors[:3])
    without = associate(found.cohort, planted.activations, intervals="none")
    with pytest.raises(ValueError, match="without prototype_class"):
        class_patterns(without)


def test_best_of_many_noise_columns_gains_nothing_honestly(found, planted):
    noise = np.random.default_rng(0).normal(size=(len(planted.activations), 200))
    compared = compare_representations(
        found.cohort,
        {
            "prototypes": planted.activations,
            "classes": planted.class_probabilities,
            "noise": noise,
        },
        test="welch",
        random_state=0,
    )
    mean = compared.table.groupby("representation")[["auroc_apparent", "auroc"]].mean()
    assert mean.loc["noise", "auroc_apparent"] > 0.55
    assert 0.46 < mean.loc["noise", "auroc"] < 0.54
    by_phecode = compared.table.set_index(["representation", "phecode"])
    for phecode in ("100", "101", "102"):
        assert by_phecode.loc[("prototypes", phecode), "auroc"] > 0.58
        assert (
            by_phecode.loc[("prototypes", phecode), "log10_p_adj"]
            < by_phecode.loc[("classes", phecode), "log10_p_adj"]
        )
    adjusted = compared.table["log10_p"] + np.log10(compared.table["n_columns"])
    np.testing.assert_allclose(compared.table["log10_p_adj"], np.minimum(adjusted, 0))
    assert len(compared.tests) == 2 * 3
    assert compared.tests["p"].between(0, 1).all()


def test_all_prototypes_together_tell_planted_phenotypes_only(found, planted):
    table = multivariable_auroc(found.cohort, planted.activations, random_state=0)
    area = table.set_index("phecode")["auroc"]
    assert area[["100", "101", "102"]].min() > area[["103", "104", "105"]].max()
    assert area["102"] > 0.65
    assert area[["103", "104", "105"]].mean() < 0.55
    with_age = multivariable_auroc(
        found.cohort, planted.activations, with_covariates=True, random_state=0
    )
    assert with_age.set_index("phecode").loc["103", "auroc"] > area["103"]


@pytest.mark.parametrize("plot", [plot_volcano, plot_phecode_manhattan])
def test_plots_draw_every_state(planted, found, plot):
    for result in (
        found,
        study(planted, test="welch", correction="bh"),
        study(planted, alpha=1e-300),
    ):
        ax = plot(result)
        assert ax.get_ylabel().startswith("$-\\log_{10}(p)$")
        assert len(ax.collections) > 0
        plt.close(ax.figure)
    figure, ax = plt.subplots()
    assert plot(found, ax) is ax
    named = {text.get_text().partition(" ·")[0] for text in ax.texts}
    assert {"phenotype 100", "phenotype 101", "phenotype 102"} <= named
    plt.close(figure)
