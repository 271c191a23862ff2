import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from cardiorisk.exceptions import TableWarning
from cardiorisk.explain import explain
from cardiorisk.explain.attribution.lime import local_surrogate
from cardiorisk.features import ClinicalTable
from cardiorisk.records import Variable


@pytest.fixture(scope="module")
def numbers():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, 5)) * [1, 2, 3, 4, 5] + 10
    score = (X - 10) @ [1.0, -0.5, 0.4, 0.0, 0.0] + 0.8 * (X[:, 0] > 10) * (X[:, 1] - 10)
    return X, (score + rng.logistic(size=400) > 0).astype(int)


def test_linear_model_gives_back_its_weights(numbers):
    X, y = numbers
    model = RidgeClassifier().fit(X, y)
    reasons = explain(model, X[:5], "lime", X, output="margin")
    weights = reasons.values / (X[:5] - X.mean(axis=0))
    np.testing.assert_allclose(weights, np.tile(model.coef_, (5, 1)), rtol=0.02, atol=1e-4)
    assert (reasons.fidelity > 0.999).all()
    exact = explain(model, X[:5], "linear", X)
    np.testing.assert_allclose(reasons.values, exact.values, rtol=0.02, atol=1e-3)
    np.testing.assert_allclose(reasons.base_values, exact.base_values, atol=1e-2)
    assert reasons.max_residual < 1e-2


def test_direction_and_strength_agree_with_lime(numbers):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # written in 2020
        lime_tabular = pytest.importorskip("lime.lime_tabular")
    X, y = numbers
    model = RandomForestClassifier(60, min_samples_leaf=5, random_state=0).fit(X, y)
    oracle = lime_tabular.LimeTabularExplainer(
        X, discretize_continuous=False, sample_around_instance=True, random_state=0
    )
    background = pd.DataFrame(X)
    for row in (0, 3, 7):
        theirs = oracle.explain_instance(X[row], model.predict_proba, num_features=5)
        expected = np.array([weight for _, weight in sorted(theirs.as_map()[1])])
        ours = local_surrogate(
            lambda rows: model.predict_proba(rows.to_numpy())[:, 1],
            background[row : row + 1],
            background,
            5000,
            np.random.default_rng(0),
        )
        weights = ours.coefficients * X.std(axis=0)  # theirs are for one standard deviation
        assert np.corrcoef(weights, expected)[0, 1] > 0.98
        assert np.abs(weights).argmax() == np.abs(expected).argmax()
        strong = np.abs(expected) > 0.02
        np.testing.assert_array_equal(np.sign(weights[strong]), np.sign(expected[strong]))
        assert ours.fidelity == pytest.approx(theirs.score, abs=0.1)


def test_fidelity_tells_where_a_line_does_not_fit(numbers):
    X, _ = numbers
    edge = ((X[:, 0] - 10) ** 2 > 1).astype(int)  # symmetric: no slope at the centre
    model = HistGradientBoostingClassifier(max_iter=30).fit(X, edge)
    rows = np.full((1, 5), 10.0)
    assert explain(model, rows, "lime", X).fidelity[0] < 0.3


def test_a_row_does_not_depend_on_its_neighbours(numbers):
    X, y = numbers
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(X, y)
    together = explain(model, X[:5], "lime", X, n_samples=500)
    alone = explain(model, X[3:4], "lime", X, n_samples=500)
    np.testing.assert_allclose(alone.values[0], together.values[3])
    reversed_ = explain(model, X[:5][::-1], "lime", X, n_samples=500)
    np.testing.assert_allclose(reversed_.values[::-1], together.values)
    other = explain(model, X[:5], "lime", X, n_samples=500, random_state=1)
    assert not np.array_equal(other.values, together.values)


@pytest.fixture(scope="module")
def mixed():
    rng = np.random.default_rng(0)
    n = 400
    X = pd.DataFrame(
        {
            "age": rng.integers(30, 80, n).astype(float),
            "cp": rng.choice(["typical", "none"], n),
            "sex": rng.integers(0, 2, n),
            "chol": rng.normal(240, 40, n),
            "noise": rng.normal(size=n),
        }
    )
    X.loc[::4, "chol"] = np.nan
    y = (X["age"] - 55) / 8 + 2 * (X["cp"] == "none") - 1 + 2 * X["chol"].isna() > 0
    pipeline = make_pipeline(
        ColumnTransformer([("words", OneHotEncoder(), ["cp"])], remainder="passthrough"),
        SimpleImputer(add_indicator=True),
        StandardScaler(),
        LogisticRegression(),
    )
    return pipeline.fit(X, y), X


def test_categories_and_missing_values(mixed):
    model, X = mixed
    rows = X[X["chol"].isna() & (X["cp"] == "none")][:3]
    reasons = explain(model, rows, "lime", X)
    assert reasons.feature_names == tuple(X.columns)
    by_name = pd.DataFrame(reasons.values, columns=reasons.feature_names)
    assert (by_name["chol"] > 0.05).all()  # having no value raises the risk here
    assert (by_name["cp"] > 0.05).all()
    assert (by_name["noise"].abs() < 0.02).all()
    assert (reasons.fidelity > 0.5).all()


def test_perturbed_rows_are_possible_rows(mixed):
    _, X = mixed
    seen = []

    def remember(rows):
        seen.append(rows)
        return rows["age"].to_numpy(float)

    row = X[:1].assign(chol=200.0)
    local_surrogate(remember, row, X, 2000, np.random.default_rng(0))
    drawn = seen[0]
    assert drawn.iloc[0].to_dict() == row.iloc[0].to_dict()
    assert drawn["age"].between(30, 79).all()
    assert drawn["age"].nunique() > 1000
    assert set(drawn["cp"]) == {"typical", "none"}
    assert set(drawn["sex"]) == {0, 1}
    assert drawn["sex"].dtype == X["sex"].dtype
    assert drawn["chol"].notna().all()
    assert drawn["sex"].mean() == pytest.approx(X["sex"].mean(), abs=0.05)


class _Remembers(HistGradientBoostingClassifier):
    """Keeps every table that it was asked about."""

    def predict_proba(self, X):
        self.asked = [*getattr(self, "asked", []), np.asarray(X)]
        return super().predict_proba(X)


@pytest.fixture(scope="module")
def coded():
    """A table whose cholesterol is 0 where nobody measured it, and its pipeline."""
    rng = np.random.default_rng(0)
    schema = {
        "age": Variable("age", "age", "years", 0, 120),
        "chol": Variable("chol", "cholesterol", "mg/dL", 50, 1000, zero_is_missing=True),
    }
    X = pd.DataFrame({"age": rng.integers(30, 80, 400), "chol": rng.integers(130, 400, 400)})
    y = X["age"] + rng.normal(0, 8, 400) > 55
    X.loc[::3, "chol"] = 0
    return make_pipeline(ClinicalTable(schema), _Remembers(max_iter=20)).fit(X, y), X


def test_coded_zeros_are_no_values_to_draw(coded):
    model, X = coded
    model[-1].asked = []
    rows = X[1:3]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        reasons = explain(model, rows, "lime", X, n_samples=1000)
    drawn = np.concatenate(model[-1].asked)
    assert len(drawn) >= 2000
    names = list(model[0].get_feature_names_out())
    chol, missing = drawn[:, names.index("chol")], drawn[:, names.index("chol_missing")]
    assert (missing == 0).all()
    assert chol.min() >= X.loc[X["chol"] > 0, "chol"].min()
    assert chol.max() <= X["chol"].max()
    pd.testing.assert_frame_equal(reasons.data, rows)


def test_a_coded_zero_is_compared_with_having_a_value(coded):
    model, X = coded
    model[-1].asked = []
    explain(model, X[:1], "lime", X, n_samples=1000)
    drawn = np.concatenate(model[-1].asked)
    missing = drawn[:, list(model[0].get_feature_names_out()).index("chol_missing")]
    assert 0.2 < missing.mean() < 0.5


@pytest.mark.parametrize("method", ["lime", "permutation"])
def test_doubtful_values_of_real_rows_are_warned_of_once(coded, method):
    model, X = coded
    rows = X[1:3].assign(chol=[5000, 200])
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        explain(model, rows, method, X, n_samples=200)
    assert [warning.category for warning in caught] == [TableWarning]
    assert "chol: 1 value outside 50 to 1000 mg/dL (5000)" in str(caught[0].message)


def test_standard_error_is_the_spread_over_seeds(numbers):
    X, y = numbers
    model = HistGradientBoostingClassifier(max_iter=20, random_state=0).fit(X, y)
    runs = [explain(model, X[:3], "lime", X, n_samples=400, random_state=s) for s in range(40)]
    spread = np.std([run.values for run in runs], axis=0, ddof=1)
    stated = np.sqrt(np.mean([run.standard_error**2 for run in runs], axis=0))
    assert 0.85 < np.mean(stated / spread) < 1.15


def test_columns_without_spread_or_without_values(numbers):
    X, y = numbers
    X = np.column_stack([X, np.ones(len(X)), np.full(len(X), np.nan)])
    forest = RandomForestClassifier(10, random_state=0)
    model = make_pipeline(SimpleImputer(keep_empty_features=True), forest).fit(X, y)
    reasons = explain(model, X[:3], "lime", X, n_samples=500)
    np.testing.assert_allclose(reasons.values[:, 5:], 0, atol=1e-12)
    assert np.isfinite(reasons.values).all()


def test_a_constant_model_is_fitted_perfectly(numbers):
    X, _ = numbers
    surrogate = local_surrogate(
        lambda rows: np.full(len(rows), 0.3),
        pd.DataFrame(X[:1]), pd.DataFrame(X), 100, np.random.default_rng(0),
    )  # fmt: skip
    np.testing.assert_allclose(surrogate.values, 0, atol=1e-12)
    assert surrogate.base_value == pytest.approx(0.3)
    assert surrogate.fidelity == 1.0
