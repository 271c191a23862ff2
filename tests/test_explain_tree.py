import warnings
from itertools import combinations
from math import comb

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import (
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.tree import DecisionTreeClassifier

from cardiorisk.estimators.cardioforest import CardioForestClassifier
from cardiorisk.explain import explain
from cardiorisk.features.clinical_table import ClinicalTable

N_COLUMNS = 5


@pytest.fixture(scope="module")
def shap():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # matplotlib's deprecations, met by shap's plots
        return pytest.importorskip("shap")


def data(n_classes=2, missing=0.0, n=300):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, N_COLUMNS))
    score = X[:, 0] + X[:, 1] * X[:, 2] + 0.3 * rng.normal(size=n)
    y = np.digitize(score, [0.0] if n_classes == 2 else [-0.7, 0.7])
    X[rng.random(X.shape) < missing] = np.nan
    return X, y


def total(explanation):
    return explanation.base_values + explanation.values.sum(axis=1)


def expected_answer(tree, row, known, node=0):
    """The definition of the path-dependent game, node by node, in scikit-learn's own arrays."""
    left, right, feature = tree.children_left[node], tree.children_right[node], tree.feature[node]
    if left < 0:
        return tree.value[node, 0] / tree.value[node, 0].sum()
    if feature in known:
        value = np.float32(row[feature])
        to_left = (
            tree.missing_go_to_left[node] if np.isnan(value) else value <= tree.threshold[node]
        )
        return expected_answer(tree, row, known, left if to_left else right)
    weights = tree.weighted_n_node_samples
    parts = [weights[child] * expected_answer(tree, row, known, child) for child in (left, right)]
    return sum(parts) / weights[node]


def shapley_by_definition(worth, n_columns):
    values = []
    for column in range(n_columns):
        others = [other for other in range(n_columns) if other != column]
        values.append(
            sum(
                (worth({*some, column}) - worth(set(some)))
                / (n_columns * comb(n_columns - 1, size))
                for size in range(n_columns)
                for some in combinations(others, size)
            )
        )
    return np.array(values)


@pytest.mark.parametrize("missing", [0.0, 0.2])
@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("kind", [RandomForestClassifier, ExtraTreesClassifier])
def test_forest_values_are_those_of_the_definition(kind, n_classes, missing):
    X, y = data(n_classes, missing)
    model = kind(3, max_depth=6, random_state=0).fit(X, y)
    for target in range(n_classes):
        reasons = explain(model, X[:4], target=target)
        for row in range(4):
            per_tree = [
                shapley_by_definition(
                    lambda known, tree=tree, row=row: expected_answer(tree.tree_, X[row], known),
                    N_COLUMNS,
                )
                for tree in model.estimators_
            ]
            expected = np.mean(per_tree, axis=0)[:, target]
            np.testing.assert_allclose(reasons.values[row], expected, atol=1e-12)


def test_missing_values_that_the_training_rows_did_not_have():
    X, y = data()
    model = RandomForestClassifier(5, max_depth=5, random_state=0).fit(X, y)
    rows = X[:3].copy()
    rows[:, 0] = np.nan
    reasons = explain(model, rows)
    np.testing.assert_allclose(total(reasons), model.predict_proba(rows)[:, 1])


@pytest.mark.parametrize(
    "model",
    [
        DecisionTreeClassifier(max_depth=8),
        RandomForestClassifier(12, random_state=0),
        ExtraTreesClassifier(12, class_weight="balanced", random_state=0),
        RandomForestClassifier(12, max_leaf_nodes=15, random_state=0),
        GradientBoostingClassifier(n_estimators=12, random_state=0),
        HistGradientBoostingClassifier(max_iter=12),
    ],
    ids=lambda model: type(model).__name__,
)
def test_scikit_learn_trees_agree_with_shap(shap, model):
    X, y = data()
    model.fit(X, y, sample_weight=np.linspace(1, 3, len(X)) if model.max_leaf_nodes else None)
    reasons = explain(model, X[:40])
    oracle = shap.TreeExplainer(model)
    rows = X[:40] if "Hist" in type(model).__name__ else X[:40].astype(np.float32)
    expected = np.asarray(oracle.shap_values(rows, check_additivity=False))
    expected = expected[..., 1] if expected.ndim == 3 else expected
    np.testing.assert_allclose(reasons.values, expected, atol=1e-9)
    np.testing.assert_allclose(reasons.base_values, np.ravel(oracle.expected_value)[-1], atol=1e-9)


def test_boosters_agree_with_shap(shap):
    xgboost, lightgbm = pytest.importorskip("xgboost"), pytest.importorskip("lightgbm")
    X, y = data(missing=0.2)
    for model in (
        xgboost.XGBClassifier(n_estimators=12, max_depth=4),
        lightgbm.LGBMClassifier(n_estimators=12, verbose=-1),
    ):
        model.fit(X, y)
        reasons = explain(model, X[:40])
        assert (reasons.method, reasons.output) == ("tree", "margin")
        oracle = shap.TreeExplainer(model)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # shap on LightGBM's binary output
            expected = oracle.shap_values(X[:40])
        np.testing.assert_allclose(reasons.values, expected, atol=1e-5)
        np.testing.assert_allclose(reasons.base_values, oracle.expected_value, atol=1e-5)


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("name", ["xgboost", "lightgbm", "gradient", "histogram"])
def test_margins_give_the_probabilities_of_the_model(name, n_classes):
    X, y = data(n_classes, missing=0.0 if name == "gradient" else 0.2)
    labels = np.array(["none", "mild", "severe"])[y]
    if name == "xgboost":
        model, labels = pytest.importorskip("xgboost").XGBClassifier(n_estimators=9), y
    elif name == "lightgbm":
        model = pytest.importorskip("lightgbm").LGBMClassifier(n_estimators=9, verbose=-1)
    elif name == "gradient":
        model = GradientBoostingClassifier(n_estimators=9)
    else:
        model = HistGradientBoostingClassifier(max_iter=9)
    model.fit(X, labels)
    margins = np.stack(
        [total(explain(model, X[:30], target=label)) for label in model.classes_], axis=1
    )
    if n_classes == 2:
        np.testing.assert_allclose(margins[:, 0], -margins[:, 1])
        margins /= 2  # the softmax of a half margin each way is the sigmoid of the margin
    odds = np.exp(margins - margins.max(axis=1, keepdims=True))
    probability = odds / odds.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(probability, model.predict_proba(X[:30]), atol=1e-5)


def test_booster_with_early_stopping_explains_the_rounds_that_predict():
    xgboost = pytest.importorskip("xgboost")
    X, y = data()
    model = xgboost.XGBClassifier(n_estimators=200, early_stopping_rounds=3, eval_metric="logloss")
    model.fit(X[:150], y[:150], eval_set=[(X[150:], y[150:])], verbose=False)
    assert model.best_iteration < 100
    margin = model.predict(X[:20], output_margin=True)
    np.testing.assert_allclose(total(explain(model, X[:20])), margin, atol=1e-5)


def test_boosters_fitted_on_frames():
    xgboost, lightgbm = pytest.importorskip("xgboost"), pytest.importorskip("lightgbm")
    X, y = data()
    frame = pd.DataFrame(X, columns=["age", "chol", "oldpeak", "rate", "st slope"])
    frame["cp"] = pd.Categorical(np.where(y, "pain", "none"))
    frame = frame.iloc[:, [5, 0, 1, 2, 3, 4]]
    for model in (
        xgboost.XGBClassifier(n_estimators=9, enable_categorical=True),
        lightgbm.LGBMClassifier(n_estimators=9, verbose=-1),
    ):
        model.fit(frame, y)
        reasons = explain(model, frame[:8])
        assert reasons.importance().index[0] == "cp"
        assert reasons.data["cp"].tolist() == frame["cp"][:8].tolist()
        by_probability = explain(model, frame[:3], background=frame, output="probability")
        np.testing.assert_allclose(total(by_probability), model.predict_proba(frame[:3])[:, 1])
        with pytest.raises(ValueError, match="in this order"):
            explain(model, frame.iloc[:, ::-1])


def test_models_without_an_exact_route_are_sampled():
    X, y = data()
    three_levels = pd.DataFrame({"a": X[:, 0], "c": pd.Categorical(np.digitize(X[:, 1], [-1, 1]))})
    with_categories = HistGradientBoostingClassifier(max_iter=5).fit(three_levels, y)
    started = GradientBoostingClassifier(init=LogisticRegression(), n_estimators=5).fit(X, y)
    for model, rows in ((with_categories, three_levels[:40]), (started, X[:40])):
        reasons = explain(model, rows)
        assert reasons.method == "permutation"
        np.testing.assert_allclose(total(reasons), model.predict_proba(rows)[:, 1])
        with pytest.raises(ValueError, match="none"):
            explain(model, rows, "tree")


def test_a_tree_without_a_split():
    model = DecisionTreeClassifier().fit(np.zeros((4, 2)), [0, 1, 1, 1])
    reasons = explain(model, np.zeros((3, 2)))
    np.testing.assert_array_equal(reasons.values, 0)
    np.testing.assert_array_equal(reasons.base_values, 0.75)


def test_result_does_not_depend_on_n_jobs():
    X, y = data()
    model = RandomForestClassifier(20, random_state=0).fit(X, y)
    one = explain(model, X[:30]).values
    np.testing.assert_array_equal(explain(model.set_params(n_jobs=2), X[:30]).values, one)


@pytest.fixture(scope="module")
def clinical():
    from cardiorisk.datasets.heart_disease import load_heart_disease

    heart = load_heart_disease()
    return heart.data, np.where(heart.target == 1, "sick", "healthy"), heart.schema


@pytest.mark.parametrize("backend", ["forest", "xgboost", "lightgbm", "ensemble"])
def test_cardioforest_on_a_clinical_table(clinical, backend):
    X, y, schema = clinical
    model = CardioForestClassifier(backend=backend, n_estimators=25, random_state=0)
    pipeline = make_pipeline(ClinicalTable(schema), model).fit(X, y)
    risk = pipeline.predict_proba(X[:4])[:, 1]
    reasons = explain(pipeline, X[:4], background=X)
    assert reasons.feature_names == tuple(X.columns)
    pd.testing.assert_frame_equal(reasons.data, X[:4])
    exact = {"forest": "probability", "xgboost": "margin", "lightgbm": "margin"}
    assert reasons.output == exact.get(backend, "probability")
    assert reasons.method == ("permutation" if backend == "ensemble" else "tree")
    answer = risk if reasons.output == "probability" else np.log(risk / (1 - risk))
    np.testing.assert_allclose(total(reasons), answer, atol=1e-5)
    in_points = explain(pipeline, X[:4], background=X, output="probability")
    assert in_points.feature_names == tuple(X.columns)
    np.testing.assert_allclose(total(in_points), risk, atol=1e-9)
