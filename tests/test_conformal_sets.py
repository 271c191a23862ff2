import itertools

import numpy as np
import pytest
from conformal_cohorts import four_classes, patients, two_classes
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold
from sklearn.naive_bayes import GaussianNB

from cardiorisk.exceptions import CoverageWarning
from cardiorisk.explain.conformal.classifier import ConformalClassifier
from cardiorisk.explain.conformal.coverage import coverage_table
from cardiorisk.explain.conformal.folds import calibrate
from cardiorisk.explain.conformal.scores import label_scores
from cardiorisk.explain.conformal.sets import prediction_sets, required_rows


@pytest.fixture(scope="module")
def binary():
    return two_classes()


@pytest.fixture(scope="module")
def several():
    return four_classes()


class _Ones(np.random.RandomState):
    """Draws nothing but 1, so that MAPIE counts no random share of a label's own mass."""

    def uniform(self, low=0.0, high=1.0, size=None):
        return np.ones(size)


def _mapie_sets(model, X, y, X_new, alpha, method):
    from mapie.classification import SplitConformalClassifier

    mapie = SplitConformalClassifier(
        model, confidence_level=1 - alpha, conformity_score=method, random_state=_Ones(0)
    )
    return mapie.conformalize(X, y).predict_set(X_new)[1][:, :, 0]


@pytest.mark.parametrize("alpha", [0.05, 0.1, 0.3])
def test_marginal_lac_equals_mapie_on_two_classes(binary, alpha):
    model, X, y, X_new, _ = binary
    ours = ConformalClassifier(FrozenEstimator(model), alpha, conditional=None).fit(X, y)
    np.testing.assert_array_equal(
        ours.predict_set(X_new), _mapie_sets(model, X, y, X_new, alpha, "lac")
    )


@pytest.mark.parametrize("method", ["lac", "aps"])
@pytest.mark.parametrize("alpha", [0.05, 0.1, 0.2])
def test_marginal_sets_equal_mapie_on_four_classes(several, method, alpha):
    model, X, y, X_new, _ = several
    ours = ConformalClassifier(FrozenEstimator(model), alpha, conditional=None, method=method)
    ours.fit(X, y)
    theirs = _mapie_sets(model, X, y, X_new, alpha, method)
    np.testing.assert_array_equal(ours.predict_set(X_new), theirs)
    assert 0.5 < theirs.sum(axis=1).mean() < 3.5


def _adaptive_scores(row, penalty, free_rank):
    """One row's scores by the definition, label after label from the most probable on."""
    scores, mass = np.empty(len(row)), 0.0
    for rank, label in enumerate(np.argsort(-row)):
        scores[label] = -row[label] if rank == 0 else mass + penalty * max(rank - free_rank, 0)
        mass += row[label]
    return scores


@pytest.mark.parametrize(("penalty", "free_rank"), [(0.0, 0.0), (0.1, 1.0), (0.02, 2.0)])
def test_adaptive_scores_are_the_definition(penalty, free_rank):
    probability = np.random.default_rng(0).dirichlet(np.ones(5), 50)
    expected = [_adaptive_scores(row, penalty, free_rank) for row in probability]
    found = label_scores(probability, "raps", penalty, free_rank)
    np.testing.assert_allclose(found, expected, atol=1e-12)


@pytest.mark.parametrize("method", ["lac", "aps", "raps"])
def test_calibration_and_new_rows_have_the_same_score(several, method):
    model, X, y, _, _ = several
    ours = ConformalClassifier(FrozenEstimator(model), method=method, random_state=0).fit(X, y)
    cut = ours.calibration_
    scores = label_scores(model.predict_proba(X), method, cut.penalty, cut.free_rank)
    own = scores[np.arange(len(y)), y]
    assert len(cut.scores) == (540 if method == "raps" else 600)
    assert np.isin(cut.scores, own).all()
    assert (cut.penalty > 0) == (method == "raps")


def test_two_classes_have_the_same_sets_by_aps_as_by_lac(binary):
    model, X, y, X_new, _ = binary
    lac, aps = (
        ConformalClassifier(FrozenEstimator(model), method=method).fit(X, y).predict_set(X_new)
        for method in ("lac", "aps")
    )
    np.testing.assert_array_equal(lac, aps)


def test_cross_marginal_lac_equals_mapie(several):
    from mapie.classification import CrossConformalClassifier

    _, X, y, X_new, _ = several
    folds = list(StratifiedKFold(5).split(X, y))
    # MAPIE 1.6 averages the folds unless told to count them ("crossval"), as Romano et al. do.
    mapie = CrossConformalClassifier(GaussianNB(), confidence_level=0.9, cv=StratifiedKFold(5))
    theirs = mapie.fit_conformalize(X, y).predict_set(X_new, agg_scores="crossval")[1][:, :, 0]
    ours = ConformalClassifier(GaussianNB(), 0.1, conditional=None, cv=folds).fit(X, y)
    np.testing.assert_array_equal(ours.predict_set(X_new), theirs)


def _crepes_matrix(sets):
    return np.array([[label in row for label in range(4)] for row in sets])


@pytest.mark.parametrize("alpha", [0.05, 0.1, 0.2])
def test_class_conditional_sets_equal_crepes(several, alpha):
    from crepes import WrapClassifier

    model, X, y, X_new, _ = several
    crepes = WrapClassifier(model)
    crepes.calibrate(X, y, class_cond=True)
    theirs = crepes.predict_set(X_new, confidence=1 - alpha, smoothing=False)
    ours = ConformalClassifier(FrozenEstimator(model), alpha).fit(X, y).predict_set(X_new)
    np.testing.assert_array_equal(ours, _crepes_matrix(theirs))


def test_group_conditional_sets_equal_crepes(several):
    from crepes import WrapClassifier

    model, X, y, X_new, _ = several
    site, site_new = np.where(X[:, 0] > 0, "a", "b"), np.where(X_new[:, 0] > 0, "a", "b")
    crepes = WrapClassifier(model)
    crepes.calibrate(X, y, mc=lambda rows: np.where(rows[:, 0] > 0, "a", "b"))
    theirs = crepes.predict_set(X_new, confidence=0.9, smoothing=False)
    ours = ConformalClassifier(FrozenEstimator(model), conditional="group").fit(X, y, groups=site)
    np.testing.assert_array_equal(ours.predict_set(X_new, groups=site_new), _crepes_matrix(theirs))


def test_both_equals_class_conditional_within_each_group(several):
    model, X, y, X_new, _ = several
    site, site_new = X[:, 0] > 0, X_new[:, 0] > 0
    both = ConformalClassifier(FrozenEstimator(model), 0.2, "both").fit(X, y, groups=site)
    sets = both.predict_set(X_new, groups=site_new)
    for name in (False, True):
        alone = ConformalClassifier(FrozenEstimator(model), 0.2).fit(
            X[site == name], y[site == name]
        )
        rows = site_new == name
        np.testing.assert_array_equal(sets[rows], alone.predict_set(X_new[rows]))


def test_split_sets_are_the_textbook_quantile(binary):
    model, X, y, X_new, _ = binary
    sets = ConformalClassifier(FrozenEstimator(model)).fit(X, y).predict_set(X_new)
    strangeness, new = 1 - model.predict_proba(X), 1 - model.predict_proba(X_new)
    for label in (0, 1):
        known = np.sort(strangeness[y == label, label])
        threshold = known[int(np.ceil(0.9 * (len(known) + 1))) - 1]
        np.testing.assert_array_equal(sets[:, label], new[:, label] <= threshold + 1e-9)


def test_cross_sets_are_the_counted_p_values():
    X, y = patients(200)
    folds = list(StratifiedKFold(4, shuffle=True, random_state=1).split(X[:150], y[:150]))
    model = ConformalClassifier(LogisticRegression(), cv=folds).fit(X[:150], y[:150])
    expected = np.zeros((50, 2), bool)
    for row in range(50):
        for label in (0, 1):
            as_strange, n = 0, 0
            for fitted, (_, test) in zip(model.estimators_, folds, strict=True):
                of_class = test[y[:150][test] == label]
                known = 1 - fitted.predict_proba(X[of_class])[:, label]
                new = 1 - fitted.predict_proba(X[[150 + row]])[0, label]
                as_strange += np.sum(known >= new)
                n += len(of_class)
            expected[row, label] = (1 + as_strange) / (1 + n) > 0.1
    np.testing.assert_array_equal(model.predict_set(X[150:]), expected)


def _simulated_probability(rng, n):
    """Risk scores of a model with AUROC 0.86 at 8 % prevalence, calibrated by construction."""
    sick = rng.random(n) < 0.08
    marker = rng.normal(1.5 * sick)
    odds = 0.08 / 0.92 * np.exp(1.5 * marker - 1.125)
    return np.stack([1 / (1 + odds), odds / (1 + odds)], axis=1), sick.astype(int)


@pytest.mark.parametrize(
    ("conditional", "method"),
    [("class", "lac"), (None, "lac"), ("class", "aps"), ("class", "raps")],
)
def test_coverage_at_low_prevalence_over_repeats(conditional, method):
    repeats, n_classes, alpha = 40, 2, 0.1
    coverage = np.empty((repeats, n_classes))
    for repeat in range(repeats):
        rng = np.random.default_rng(repeat)
        known, codes = _simulated_probability(rng, 2000)
        new, truth = _simulated_probability(rng, 20_000)
        cut = calibrate(
            known, codes, [(None, np.arange(2000))], None, conditional, method, alpha, repeat
        )
        scores = label_scores(new, method, cut.penalty, cut.free_rank)
        sets = prediction_sets(cut, [scores], np.zeros(20_000, int))
        coverage[repeat] = [sets[truth == c, c].mean() for c in range(n_classes)]
    mean = coverage.mean(axis=0)
    if conditional is None:  # the failure that the default exists to prevent
        assert mean[1] < 0.5
        return
    assert ((mean > 0.885) & (mean < 0.93)).all()
    # MAPIE's own test: mean coverage lies in [1 - alpha, 1 - alpha + 1 / (n + 1)], 1 % family-wise.
    smallest = 120
    for column in range(n_classes):
        low = stats.ttest_1samp(coverage[:, column], 1 - alpha, alternative="less").pvalue
        high = stats.ttest_1samp(
            coverage[:, column], 1 - alpha + 1 / smallest, alternative="greater"
        ).pvalue
        assert min(low, high) > 0.01 / (2 * n_classes)


@pytest.mark.parametrize("method", ["lac", "aps", "raps"])
@pytest.mark.parametrize("n_classes", [2, 3, 5])
def test_coverage_is_what_was_asked_for_with_any_number_of_classes(method, n_classes):
    repeats, n = 20, 300 * n_classes
    coverage = np.empty((repeats, n_classes))
    for repeat in range(repeats):
        rng = np.random.default_rng(repeat)
        truth = rng.integers(0, n_classes, n + 3000)
        evidence = np.exp(rng.normal(2.0 * np.eye(n_classes)[truth]) * 2.0)
        probability = evidence / evidence.sum(axis=1, keepdims=True)
        known = (None, np.arange(n))
        cut = calibrate(probability[:n], truth[:n], [known], None, "class", method, 0.1, repeat)
        scores = label_scores(probability[n:], method, cut.penalty, cut.free_rank)
        sets = prediction_sets(cut, [scores], np.zeros(3000, int))
        coverage[repeat] = [sets[truth[n:] == c, c].mean() for c in range(n_classes)]
    mean = coverage.mean(axis=0)
    assert ((mean > 0.885) & (mean < 0.93)).all()


def test_too_few_rows_of_a_class_give_every_set_that_class():
    X, y = patients(300)
    rows = np.r_[np.flatnonzero(y == 0)[:50], np.flatnonzero(y == 1)[:8]]
    frozen = FrozenEstimator(LogisticRegression().fit(X, y))
    with pytest.warns(CoverageWarning, match=r"class 1: 8\).*needs at least 9"):
        model = ConformalClassifier(frozen).fit(X[rows], y[rows])
    sets = model.predict_set(X)
    assert sets[:, 1].all()
    assert not sets[:, 0].all()


def test_one_more_row_is_enough(recwarn):
    X, y = patients(300)
    rows = np.r_[np.flatnonzero(y == 0)[:50], np.flatnonzero(y == 1)[:9]]
    model = ConformalClassifier(FrozenEstimator(LogisticRegression().fit(X, y))).fit(
        X[rows], y[rows]
    )
    assert not model.predict_set(X)[:, 1].all()
    assert not recwarn.list


@given(alpha=st.floats(0.01, 0.5))
@settings(max_examples=50, deadline=None)
def test_required_rows_is_the_exact_limit(alpha):
    n = required_rows(alpha)
    assert n + 1 >= 1 / alpha * (1 - 1e-6)
    assert n < 1 / alpha * (1 + 1e-6)


@given(n=st.integers(9, 400), seed=st.integers(0, 9))
@settings(max_examples=60, deadline=None)
def test_sets_shrink_as_alpha_grows(n, seed):
    rng = np.random.default_rng(seed)
    known, new = rng.dirichlet([1, 1, 1], n), rng.dirichlet([1, 1, 1], 30)
    codes = rng.integers(0, 3, n)
    sizes = []
    for alpha in (0.02, 0.1, 0.2, 0.5):
        cut = calibrate(known, codes, [(None, np.arange(n))], None, "class", "lac", alpha, 0)
        sets = prediction_sets(cut, [label_scores(new, "lac")], np.zeros(30, int))
        sizes.append(sets)
    for larger, smaller in itertools.pairwise(sizes):
        assert (larger | ~smaller).all()


def test_probabilities_of_zero_still_cover_their_class():
    rng = np.random.default_rng(0)
    codes = rng.integers(0, 2, 4000)
    wrong = rng.random(4000) < 0.15  # a forest that is sure, and wrong in 15 % of each class
    probability = np.eye(2)[np.where(wrong, 1 - codes, codes)]
    for method in ("lac", "aps", "raps"):
        cut = calibrate(
            probability[:2000],
            codes[:2000],
            [(None, np.arange(2000))],
            None,
            "class",
            method,
            0.1,
            0,
        )
        scores = label_scores(probability[2000:], method, cut.penalty, cut.free_rank)
        sets = prediction_sets(cut, [scores], np.zeros(2000, int))
        for label in (0, 1):
            rows = codes[2000:] == label
            assert sets[rows, label].mean() > 0.88


@pytest.mark.parametrize("method", ["aps", "raps"])
@pytest.mark.parametrize("cv", [None, 4])
def test_adaptive_sets_hold_the_most_probable_class_unless_nearly_always_right(method, cv):
    X, y = patients(5000, n_classes=4, seed=3)
    model = ConformalClassifier(GaussianNB(), method=method, cv=cv, random_state=0)
    model.fit(X[:3000], y[:3000])
    sets, first = model.predict_set(X[3000:]), model.predict_proba(X[3000:]).argmax(axis=1)
    ranked_first = [np.mean(first[y[3000:] == label] == label) for label in range(4)]
    doubtful = np.array(ranked_first)[first] < 0.8  # 90 % takes more than the first class there
    assert doubtful.sum() > 400
    assert sets[doubtful].any(axis=1).all()
    if cv is None:
        assert sets[np.arange(2000), first][doubtful].all()
    covered = sets[np.arange(2000), y[3000:]]
    for label in range(4):
        assert 0.81 < covered[y[3000:] == label].mean() < 0.97


@pytest.mark.parametrize("method", ["aps", "raps"])
def test_adaptive_methods_work_on_two_classes(binary, method):
    model, X, y, X_new, y_new = binary
    conformal = ConformalClassifier(FrozenEstimator(model), method=method, random_state=0).fit(X, y)
    report = conformal.coverage_report(X_new, y_new)
    assert report["coverage"].between(0.85, 0.95).all()


def test_raps_says_when_it_has_too_few_rows():
    X, y = patients(100, n_classes=3)
    with pytest.raises(ValueError, match=r"Got 20 calibration rows.*needs at least 110"):
        ConformalClassifier(GaussianNB(), method="raps", random_state=0).fit(X, y)


def test_coverage_report_counts_by_class_group_and_both():
    sets = np.array([[1, 0], [1, 1], [0, 0], [0, 1], [0, 1]], bool)
    codes = np.array([0, 0, 0, 1, 1])
    groups = np.array(["f", "m", "m", "f", "f"])
    table = coverage_table(sets, codes, np.array(["no", "yes"]), groups, 0.9)
    assert list(table["level"]) == [
        "overall",
        *["class"] * 2,
        *["group"] * 2,
        *["class x group"] * 4,
    ]
    overall = table.iloc[0]
    assert (overall["n"], overall["covered"], overall["coverage"]) == (5, 4, 0.8)
    low, high = stats.beta.ppf(0.025, 4, 2), stats.beta.ppf(0.975, 5, 1)
    np.testing.assert_allclose([overall["low"], overall["high"]], [low, high])
    assert overall["mean_size"] == 1.0
    assert (overall["empty"], overall["singletons"]) == (0.2, 0.6)
    cells = table[table["level"] == "class x group"].set_index(["class", "group"])
    assert cells.loc[("no", "m"), "coverage"] == 0.5
    assert cells.loc[("yes", "m"), "n"] == 0
    assert np.isnan(cells.loc[("yes", "m"), "coverage"])
    assert (table["target"] == 0.9).all()
