import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import RandomForestClassifier
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.impute import KNNImputer, SimpleImputer
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.model_selection import FixedThresholdClassifier, GridSearchCV
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import SVC, LinearSVC

from cardiorisk.exceptions import AdditivityError
from cardiorisk.explain import Explanation, explain
from cardiorisk.explain.attribution import dispatch
from cardiorisk.explain.attribution.routes import Route, Terms
from cardiorisk.records import ECGRecord

NUMERIC, WORDS = ["age", "chol", "oldpeak"], ["cp", "sex"]


@pytest.fixture(scope="module")
def shap():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # matplotlib's deprecations, met by shap's plots
        return pytest.importorskip("shap")


@pytest.fixture(scope="module")
def table():
    rng = np.random.default_rng(0)
    n = 240
    X = pd.DataFrame(
        {
            "age": rng.integers(30, 80, n),
            "cp": rng.choice(["typical", "none", "atypical"], n),
            "chol": rng.normal(240, 50, n),
            "sex": pd.Categorical(rng.choice(["f", "m"], n)),
            "oldpeak": rng.exponential(1, n),
        },
        index=[f"p{i}" for i in range(n)],
    )
    X.loc[X.index[::7], "chol"] = np.nan
    score = (X["age"] - 55) / 10 + 2 * (X["cp"] == "none") + X["oldpeak"] - 1.5
    y = np.where(score + rng.logistic(size=n) > 0, "sick", "healthy")
    return X, y


def encoder(remainder="passthrough"):
    return ColumnTransformer([("words", OneHotEncoder(), WORDS)], remainder=remainder)


def mixed_pipeline(estimator):
    return make_pipeline(encoder(), SimpleImputer(add_indicator=True), estimator)


def total(explanation):
    return explanation.base_values + explanation.values.sum(axis=1)


def test_forest_in_a_pipeline_is_exact_and_in_raw_columns(table):
    X, y = table
    model = mixed_pipeline(RandomForestClassifier(20, random_state=0)).fit(X, y)
    reasons = explain(model, X[:9])
    assert (reasons.method, reasons.output) == ("tree", "probability")
    assert set(reasons.feature_names) == set(X.columns)
    assert reasons.values.shape == (9, 5)
    np.testing.assert_allclose(total(reasons), model.predict_proba(X[:9])[:, 1], atol=1e-12)
    pd.testing.assert_frame_equal(reasons.data, X[:9][list(reasons.feature_names)])
    assert reasons.max_residual < 1e-12
    assert (reasons.target == "sick").all()


def test_one_hot_columns_and_indicators_are_summed_to_their_parent(table):
    X, y = table
    model = mixed_pipeline(LogisticRegression(max_iter=1000)).fit(X, y)
    reasons = explain(model, X[:9], background=X)
    encoded, everything = model[:-1].transform(X[:9]), model[:-1].transform(X)
    single = (encoded - everything.mean(axis=0)) * model[-1].coef_[0]  # 3 cp, 2 sex, age, ...
    at = {name: reasons.feature_names.index(name) for name in X.columns}
    np.testing.assert_allclose(reasons.values[:, at["cp"]], single[:, :3].sum(axis=1))
    np.testing.assert_allclose(reasons.values[:, at["chol"]], single[:, 6] + single[:, 8])
    np.testing.assert_allclose(total(reasons), model.decision_function(X[:9]))
    np.testing.assert_allclose(reasons.base_values, model.decision_function(X).mean())


@pytest.mark.parametrize(
    "estimator", [LinearDiscriminantAnalysis(), RidgeClassifier(), LinearSVC()], ids=str
)
def test_linear_margin_of_three_classes_and_of_two(estimator):
    rng = np.random.default_rng(1)
    X = rng.normal(size=(90, 4))
    y = np.digitize(X[:, 0] + X[:, 1], [-0.5, 0.5])
    model = estimator.fit(X, y)
    reasons = explain(model, X[:20])
    assert reasons.method == "linear"
    np.testing.assert_array_equal(reasons.target, model.predict(X[:20]))
    np.testing.assert_allclose(total(reasons), model.decision_function(X[:20]).max(axis=1))
    binary = estimator.fit(X, y > 0)
    np.testing.assert_allclose(
        total(explain(binary, X[:20], target=False)), -binary.decision_function(X[:20])
    )


def test_linear_margin_is_the_one_of_shap(shap, table):
    X = table[0][["age", "oldpeak"]].to_numpy()
    model = LogisticRegression().fit(X, table[1])
    expected = shap.LinearExplainer(model, shap.maskers.Independent(X, max_samples=len(X)))(X[:5])
    reasons = explain(model, X[:5], background=X)
    np.testing.assert_allclose(reasons.values, expected.values)
    np.testing.assert_allclose(reasons.base_values, expected.base_values)


def test_every_wrapper_is_looked_into(table):
    X, y = table
    inner = mixed_pipeline(RandomForestClassifier(5, random_state=0)).fit(X, y)
    expected = explain(inner, X[:4]).values
    wrappers = [
        FrozenEstimator(inner),
        Pipeline([("model", inner)]),
        FixedThresholdClassifier(FrozenEstimator(inner), threshold=0.2).fit(X, y),
        make_pipeline("passthrough", None, Pipeline([("model", FrozenEstimator(inner))])),
        GridSearchCV(mixed_pipeline(RandomForestClassifier(5, random_state=0)), {}, cv=2).fit(X, y),
    ]
    for model in wrappers:
        np.testing.assert_array_equal(explain(model, X[:4]).values, expected)


def test_conformal_classifier_is_explained_by_its_estimator(table):
    from cardiorisk.explain.conformal.classifier import ConformalClassifier

    X, y = table
    model = ConformalClassifier(mixed_pipeline(GaussianNB()), random_state=0).fit(X, y)
    reasons = explain(model, X[:3], background=X)
    np.testing.assert_allclose(total(reasons), model.predict_proba(X[:3])[:, 1])


def test_calibrated_classifier_is_explained_in_probability(table):
    X, y = table
    model = CalibratedClassifierCV(mixed_pipeline(RandomForestClassifier(5)), cv=2).fit(X, y)
    reasons = explain(model, X[:3], background=X)
    assert (reasons.method, reasons.output) == ("permutation", "probability")
    assert reasons.feature_names == tuple(X.columns)
    np.testing.assert_allclose(total(reasons), model.predict_proba(X[:3])[:, 1])


def test_columns_before_pca(table):
    X = table[0][["age", "oldpeak", "chol"]].fillna(240.0)
    model = make_pipeline(StandardScaler(), PCA(2), LogisticRegression()).fit(X, table[1])
    exact = explain(model, X[:5], background=X)
    assert exact.feature_names == ("pca0", "pca1")
    np.testing.assert_allclose(total(exact), model.decision_function(X[:5]))
    sampled = explain(model, X[:5], background=X, output="probability")
    assert sampled.feature_names == ("age", "oldpeak", "chol")
    pd.testing.assert_frame_equal(sampled.data, X[:5])


def test_columns_that_the_model_never_sees_are_left_out(table):
    X, y = table
    model = make_pipeline(encoder(remainder="drop"), LogisticRegression()).fit(X, y)
    for output in ("margin", "probability"):
        assert explain(model, X, output=output).feature_names == ("cp", "sex")


def test_columns_made_from_records():
    from cardiorisk.features.ecg_features import ECGFeatures

    rng = np.random.default_rng(0)
    beat = np.zeros(500)
    beat[100:110] = np.hanning(10)
    signals = [
        np.tile(np.roll(beat, shift), 10)[:5000] + 0.01 * rng.normal(size=(12, 5000))
        for shift in range(6)
    ]
    records = [ECGRecord(signal.astype(np.float32), 500.0) for signal in signals]
    model = make_pipeline(
        ECGFeatures(), SimpleImputer(keep_empty_features=True), RandomForestClassifier(5)
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(records, [0, 1, 0, 1, 0, 1])
        reasons = explain(model, records[:2])
        sampled = explain(model, records[:2], "permutation", n_permutations=1)
    names = tuple(model[0].get_feature_names_out())
    assert reasons.feature_names == sampled.feature_names == names
    assert "heart_rate" in names
    np.testing.assert_allclose(total(sampled), total(reasons))


def test_records_without_a_transformer_are_refused():
    model = GaussianNB().fit(np.eye(4), [0, 1, 0, 1])
    records = [ECGRecord(np.zeros((12, 5000), np.float32), 500.0)]
    with pytest.raises(TypeError, match="Pipeline"):
        explain(model, records * 2)


def test_arrays_get_the_names_of_the_fit_or_numbers(table):
    X, y = table
    frame = X[["age", "oldpeak"]]
    named = RandomForestClassifier(5, random_state=0).fit(frame, y)
    plain = RandomForestClassifier(5, random_state=0).fit(frame.to_numpy(), y)
    assert explain(named, frame[:2]).feature_names == ("age", "oldpeak")
    assert explain(plain, frame[:2].to_numpy()).feature_names == ("x0", "x1")
    assert explain(plain, frame[:2].to_numpy().tolist()).feature_names == ("x0", "x1")


def test_target_may_be_named(table):
    X, y = table
    model = mixed_pipeline(RandomForestClassifier(5, random_state=0)).fit(X, y)
    sick, healthy = explain(model, X[:4]), explain(model, X[:4], target="healthy")
    np.testing.assert_allclose(healthy.values, -sick.values, atol=1e-12)
    both = explain(model, X[:2], target=["sick", "healthy"])
    np.testing.assert_array_equal(both.values[1], healthy.values[1])
    np.testing.assert_array_equal(both.target, ["sick", "healthy"])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"method": "shap"}, "method='shap'"),
        ({"output": "odds"}, "output='odds'"),
        ({"method": "tree"}, "exact route"),
        ({"method": "linear", "output": "probability"}, "exact route"),
        ({"target": "dead"}, "target='dead'"),
        ({"target": ["sick"]}, "target of shape"),
        ({"n_background": 0}, "n_background=0"),
        ({"n_permutations": 1.5}, "n_permutations=1.5"),
    ],
)
def test_wrong_parameters_are_named(table, options, message):
    X, y = table
    model = mixed_pipeline(LogisticRegression(max_iter=1000)).fit(X, y)
    with pytest.raises(ValueError, match=message):
        explain(model, X[:5], **options)


def test_an_output_that_the_model_does_not_have_is_named(table):
    X, y = table[0][["age", "oldpeak"]], table[1]
    with pytest.raises(ValueError, match="no decision_function"):
        explain(GaussianNB().fit(X, y), X, output="margin")
    with pytest.raises(ValueError, match="no predict_proba"):
        explain(LinearSVC().fit(X, y), X, output="probability")


def test_a_margin_is_sampled_where_there_is_one(table):
    X, y = table[0][["age", "oldpeak"]], table[1]
    model = SVC().fit(X, y)
    reasons = explain(model, X[:3], background=X, output="margin")
    assert (reasons.method, reasons.output) == ("permutation", "margin")
    np.testing.assert_allclose(total(reasons), model.decision_function(X[:3]))


def test_frame_and_array_background_are_the_same(table):
    X, y = table[0][["age", "oldpeak"]], table[1]
    model = KNeighborsClassifier().fit(X.to_numpy(), y)
    expected = explain(model, X[:2].to_numpy(), background=X.to_numpy()).values
    np.testing.assert_allclose(explain(model, X[:2].to_numpy(), background=X).values, expected)


def test_foreign_frames(table):
    polars = pytest.importorskip("polars")
    X, y = table[0][["age", "oldpeak"]].reset_index(drop=True), table[1]
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(X, y)
    frame = polars.DataFrame({name: X[name].to_list() for name in X})
    pd.testing.assert_frame_equal(explain(model, frame).data, X)


def test_wrong_input_is_named(table):
    X, y = table
    frame = X[["age", "oldpeak"]]
    model = LogisticRegression().fit(frame, y)
    with pytest.raises(ValueError, match="without rows"):
        explain(model, frame[:0])
    with pytest.raises(ValueError, match=r"one row without background.*background=table"):
        explain(model, frame[:1])
    with pytest.raises(ValueError, match=r"one row a patient"):
        explain(model, [1.0, 2.0])
    with pytest.raises(ValueError, match="in this order"):
        explain(model, frame[["oldpeak", "age"]])
    with pytest.raises(NotFittedError):
        explain(LogisticRegression(), frame)
    with pytest.raises(TypeError, match="classifier"):
        explain(StandardScaler().fit(frame), frame)


def test_contributions_that_do_not_add_up_are_refused(table, monkeypatch):
    X, y = table
    model = LogisticRegression().fit(X[["age", "oldpeak"]], y)
    rows = np.zeros((len(X), 2, 2))

    def broken(Z, background):
        values = rows.copy()
        values[17, 0, 1] = 0.01  # one row of many
        return Terms(values, np.zeros(2), np.zeros((len(X), 2)))

    monkeypatch.setattr(dispatch, "exact_route", lambda _: Route("linear", "margin", broken))
    with pytest.raises(AdditivityError, match="row 17"):
        explain(model, X[["age", "oldpeak"]])


def test_knn_imputation_is_explained_on_all_columns(table):
    X, y = table
    numeric = X[NUMERIC]
    model = make_pipeline(KNNImputer(), GaussianNB()).fit(numeric, y)
    reasons = explain(model, numeric[:8], background=numeric)
    np.testing.assert_allclose(total(reasons), model.predict_proba(numeric[:8])[:, 1])


@pytest.fixture(scope="module")
def reasons(table):
    X, y = table
    return explain(mixed_pipeline(RandomForestClassifier(5, random_state=0)).fit(X, y), X[:6])


class TestExplanation:
    def test_frame_is_sorted_within_each_row(self, reasons):
        frame = reasons.to_frame()
        assert list(frame.columns) == ["row", "feature", "value", "contribution"]
        assert len(frame) == reasons.values.size
        first = frame[frame["row"] == "p0"]
        assert first["contribution"].abs().is_monotonic_decreasing
        assert first.set_index("feature")["value"]["cp"] == reasons.data["cp"].iloc[0]
        np.testing.assert_allclose(
            frame.groupby("row", sort=False)["contribution"].sum(), reasons.values.sum(axis=1)
        )

    def test_importance(self, reasons):
        importance = reasons.importance()
        assert importance.is_monotonic_decreasing
        at = reasons.feature_names.index("age")
        assert importance["age"] == pytest.approx(np.abs(reasons.values[:, at]).mean())

    @pytest.mark.parametrize(
        ("rows", "expected"),
        [
            (2, [2]),
            (-1, [5]),
            (slice(1, 3), [1, 2]),
            ([4, 0], [4, 0]),
            (np.arange(6) > 3, [4, 5]),
        ],
    )
    def test_rows_are_chosen_by_position(self, reasons, rows, expected):
        part = reasons[rows]
        assert isinstance(part, Explanation)
        assert len(part) == len(expected)
        np.testing.assert_array_equal(part.values, reasons.values[expected])
        assert list(part.data.index) == [f"p{i}" for i in expected]
        assert len(part.target) == len(part.predictions) == len(part.base_values) == len(expected)

    def test_columns_cannot_be_chosen(self, reasons):
        with pytest.raises(TypeError, match="position"):
            reasons["age"]

    def test_iteration_and_repr(self, reasons):
        assert [row.data.index[0] for row in reasons] == [f"p{i}" for i in range(6)]
        assert "6 rows, 5 features, probability of sick, method tree" in repr(reasons)

    def test_frozen(self, reasons):
        with pytest.raises(AttributeError):
            reasons.values = None
