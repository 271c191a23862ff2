import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.impute import KNNImputer
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder

from cardiorisk.explain import explain
from cardiorisk.explain.attribution import permutation


@pytest.fixture(scope="module")
def shap():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # matplotlib's deprecations, met by shap's plots
        return pytest.importorskip("shap")


@pytest.fixture(scope="module")
def numbers():
    rng = np.random.default_rng(3)
    X = rng.normal(size=(150, 5))
    y = (X[:, 0] * X[:, 1] + X[:, 2] + 0.5 * rng.normal(size=150) > 0).astype(int)
    return X, y


def test_exact_enumeration_is_the_one_of_shap(shap, numbers):
    X, y = numbers
    model = KNeighborsClassifier(7).fit(X, y)
    reasons = explain(model, X[:6], background=X[:40])
    # With all 2**5 coalitions the kernel regression is exact.
    oracle = shap.KernelExplainer(lambda Z: model.predict_proba(Z)[:, 1], X[:40])
    expected = oracle.shap_values(X[:6], nsamples=2**5, l1_reg=False, silent=True)
    np.testing.assert_allclose(reasons.values, expected, atol=1e-9)
    np.testing.assert_allclose(reasons.base_values, oracle.expected_value)


def test_sampling_approaches_the_exact_values(numbers, monkeypatch):
    X, y = numbers
    model = RandomForestClassifier(20, random_state=0).fit(X, y)
    exact = explain(model, X[:5], "permutation", X)
    monkeypatch.setattr(permutation, "EXACT_UP_TO", 0)
    errors = []
    for n_permutations in (1, 50):
        sampled = explain(model, X[:5], "permutation", X, n_permutations=n_permutations)
        assert sampled.max_residual < 1e-12
        np.testing.assert_allclose(sampled.base_values, exact.base_values)
        errors.append(np.abs(sampled.values - exact.values).max())
    assert errors[1] < 0.005
    assert errors[1] < errors[0] < 0.03


def test_sampling_is_unbiased(numbers, monkeypatch):
    X, y = numbers
    model = GaussianNB().fit(X, y)
    exact = explain(model, X[:2], "permutation", X[:20])
    monkeypatch.setattr(permutation, "EXACT_UP_TO", 0)
    runs = np.stack(
        [
            explain(model, X[:2], "permutation", X[:20], n_permutations=1, random_state=s).values
            for s in range(60)
        ]
    )
    error = runs.std(axis=0, ddof=1) / np.sqrt(len(runs))
    assert (np.abs(runs.mean(axis=0) - exact.values) < 4.5 * error + 1e-9).all()


def _spread_and_error(model, rows, background, **options):
    """Spread of the values over seeds, and the mean of the errors that each run states."""
    runs = [
        explain(model, rows, "permutation", background, random_state=seed, **options)
        for seed in range(60)
    ]
    stated = np.sqrt(np.mean([run.standard_error**2 for run in runs], axis=0))
    return np.std([run.values for run in runs], axis=0, ddof=1), stated


@pytest.mark.parametrize(
    ("n_permutations", "n_background"), [(3, 20), (3, 75), (2, 150), (1, 75), (1, 150)]
)
def test_standard_error_is_the_spread_over_seeds(
    numbers, monkeypatch, n_permutations, n_background
):
    X, y = numbers
    monkeypatch.setattr(permutation, "EXACT_UP_TO", 0)
    spread, stated = _spread_and_error(
        GaussianNB().fit(X, y),
        X[:3],
        X,
        n_permutations=n_permutations,
        n_background=n_background,
    )
    np.testing.assert_allclose(stated, spread, rtol=0.4)
    assert 0.88 < np.mean(stated / spread) < 1.12


def test_many_coalitions_are_sampled(numbers, monkeypatch):
    X, y = numbers
    model = GaussianNB().fit(X, y)
    exact = explain(model, X[:3], "permutation", X)
    monkeypatch.setattr(permutation, "MAX_COALITIONS", 32 * 149)
    sampled = explain(model, X[:3], "permutation", X)
    assert exact.standard_error is None
    assert (np.abs(sampled.values - exact.values) <= 4.5 * sampled.standard_error).all()


def test_standard_error_of_all_coalitions_is_that_of_the_draw(numbers):
    X, y = numbers
    model = GaussianNB().fit(X, y)
    assert explain(model, X[:4], "permutation", X).standard_error is None
    spread, stated = _spread_and_error(model, X[:4], X, n_background=50)
    assert 0.9 < np.mean(stated / spread) < 1.1
    reasons = explain(model, X[:4], "permutation", X, n_background=1)
    assert np.isnan(reasons.standard_error).all()


def test_standard_error_travels_with_the_values(numbers):
    X, y = numbers
    reasons = explain(GaussianNB().fit(X, y), X[:4], "permutation", X, n_background=50)
    np.testing.assert_array_equal(reasons[2].standard_error[0], reasons.standard_error[2])
    frame = reasons.to_frame()
    order = np.argsort(-np.abs(reasons.values[0]), kind="stable")
    np.testing.assert_array_equal(frame["standard_error"][:5], reasons.standard_error[0, order])
    largest = f"at most {reasons.standard_error.max():.2g}"
    assert largest in repr(reasons).splitlines()[-1]


def test_default_effort_settles_the_strongest_reasons():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(1000, 12))
    weights = np.array([2.0, 1.5, 1.2, *np.full(9, 0.1)])
    y = X @ weights + X[:, 0] * X[:, 1] + rng.logistic(size=1000) > 0
    model = HistGradientBoostingClassifier(max_iter=30, random_state=0).fit(X, y)
    first, second = (
        explain(model, X[:8], "permutation", X, output="probability", random_state=seed)
        for seed in (0, 1)
    )
    strongest = [np.sort(np.argsort(-np.abs(r.values))[:, :2]) for r in (first, second)]
    np.testing.assert_array_equal(*strongest)
    error = np.sqrt(first.standard_error**2 + second.standard_error**2)
    assert (np.abs(first.values - second.values) <= 4.5 * error + 1e-12).all()
    strength = np.abs(first.values).mean()
    assert np.abs(first.values - second.values).mean() < 0.05 * strength


def test_blocks_do_not_change_the_result(numbers, monkeypatch):
    X, y = numbers
    model = GaussianNB().fit(X, y)
    monkeypatch.setattr(permutation, "EXACT_UP_TO", 0)
    whole = explain(model, X[:3], "permutation", X)
    monkeypatch.setattr(permutation, "MAX_CELLS", 500)
    np.testing.assert_allclose(explain(model, X[:3], "permutation", X).values, whole.values)


def test_a_row_does_not_depend_on_its_neighbours(numbers):
    X, y = numbers
    X = np.hstack([X, X**2])  # 10 columns: sampled
    model = GaussianNB().fit(X, y)
    together = explain(model, X[:5], background=X)
    for row in (0, 3):
        alone = explain(model, X[row : row + 1], background=X)
        np.testing.assert_allclose(alone.values[0], together.values[row], atol=1e-14)


def test_random_state(numbers):
    X, y = numbers
    X = np.hstack([X, X**2])
    model = GaussianNB().fit(X, y)
    first, again, other = (
        explain(model, X[:2], background=X, random_state=seed).values for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_equal_columns_share_and_constant_columns_get_nothing(numbers):
    X, y = numbers
    X = np.column_stack([X, X[:, 0], np.ones(len(X))])
    model = GaussianNB(var_smoothing=1e-3).fit(X, y)
    values = explain(model, X[:5], background=X).values
    np.testing.assert_allclose(values[:, 0], values[:, 5])
    np.testing.assert_array_equal(values[:, 6], 0)


def mixed_table():
    rng = np.random.default_rng(0)
    n = 120
    X = pd.DataFrame(
        {
            "age": rng.integers(30, 80, n),
            "cp": pd.Categorical(rng.choice(["a", "b", "c"], n)),
            "smoker": rng.choice([True, False], n),
            "site": rng.choice(["x", "y"], n),
            "visits": pd.array(rng.integers(0, 5, n), dtype="Int64"),
            "chol": rng.normal(240, 50, n),
        }
    )
    X.loc[::6, "chol"] = np.nan
    X.loc[::9, "cp"] = None
    return X, ((X["age"] > 55) ^ (X["cp"] == "a")).to_numpy(int)


class TestMixedTables:
    def test_dtypes_survive_the_recombination(self):
        X, y = mixed_table()
        seen = []

        def remember(frame):
            seen.append(frame.dtypes.to_dict())
            return frame[["age", "chol"]].to_numpy(float)

        model = make_pipeline(FunctionTransformer(remember), HistGradientBoostingClassifier())
        model.fit(X, y)
        reasons = explain(model, X[:3], "permutation", X)
        assert reasons.feature_names == tuple(X.columns)
        assert all(dtypes == X.dtypes.to_dict() for dtypes in seen)
        assert len(seen) > 3
        np.testing.assert_array_equal(reasons.values[:, 1:5], 0)

    def test_recombining_behind_the_encoder_is_the_same_as_before_it(self):
        X, y = mixed_table()
        X = X.assign(cp=X["cp"].astype(object).fillna("missing"))
        encode = ColumnTransformer(
            [("words", OneHotEncoder(), ["cp", "site"])], remainder="passthrough"
        )
        behind = make_pipeline(encode, HistGradientBoostingClassifier(max_iter=20)).fit(X, y)
        step = FunctionTransformer(encode.transform)  # hides what the encoder does
        before = make_pipeline(step, behind[-1])
        first, second = (
            explain(model, X[:4], "permutation", X, output="probability")
            for model in (behind, before)
        )
        order = [second.feature_names.index(name) for name in first.feature_names]
        np.testing.assert_allclose(first.values, second.values[:, order], atol=1e-12)

    def test_a_background_with_other_categories(self):
        X, y = mixed_table()
        X["cp"] = X["cp"].astype(object)
        model = make_pipeline(
            ColumnTransformer([("cp", OneHotEncoder(), ["cp"])], remainder="drop"),
            RandomForestClassifier(5),
        ).fit(X, y)
        rows = X[:6].assign(cp=pd.Categorical(X["cp"][:6]))
        reasons = explain(model, rows, "permutation", X)
        assert reasons.max_residual < 1e-12

    def test_a_background_without_a_column_is_refused(self):
        X, y = mixed_table()
        model = GaussianNB().fit(X[["age"]], y)
        with pytest.raises(ValueError, match="age"):
            explain(model, X[["age"]], background=X[["chol"]])


def test_values_that_are_missing_on_both_sides_are_equal():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 9))
    X[:, 4] = np.nan
    X[0, 4] = 1.0
    model = HistGradientBoostingClassifier().fit(X, X[:, 0] > 0)
    reasons = explain(model, X[1:3], background=X[1:])
    np.testing.assert_array_equal(reasons.values[:, 4], 0)


def test_imputation_from_other_columns_is_not_taken_for_columnwise():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(80, 2))
    X[:, 1] = X[:, 0] + 0.01 * rng.normal(size=80)
    y = (X[:, 1] > 0).astype(int)
    model = make_pipeline(KNNImputer(n_neighbors=3), GaussianNB())
    model.fit(X, y)
    model[-1].theta_[:, 0], model[-1].var_[:, 0] = 0.0, 1.0  # the model itself reads only column 1
    row = np.array([[2.0, np.nan]])
    reasons = explain(model, row, "permutation", X)
    assert reasons.values[0, 0] > 0.1  # through the imputed value of column 1


def test_columns_that_do_not_differ_take_no_part():
    """Wide tables of codes: 3,000 columns of which 4 differ from the background, exactly."""
    rng = np.random.default_rng(0)
    weights = rng.normal(size=3000)
    table = np.zeros((3, 3000))
    table[0, [5, 70, 900, 2999]] = [1.0, 2.0, 3.0, 4.0]
    codes = np.stack([np.unique(column, return_inverse=True)[1] for column in table.T], axis=1)

    def evaluate(sources):
        return (table[sources, np.arange(3000)] @ weights) ** 2

    found = permutation.shapley_values(evaluate, codes, 0, np.array([1, 2]), 2, None, rng)
    assert set(np.flatnonzero(found.values)) == {5, 70, 900, 2999}
    terms = table[0] * weights
    assert found.values == pytest.approx(terms * terms.sum(), abs=1e-9)
    assert (found.standard_error == 0).all()
    same = permutation.shapley_values(evaluate, codes, 1, np.array([2]), 1, None, rng)
    assert (same.values == 0).all()
