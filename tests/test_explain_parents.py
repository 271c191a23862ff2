import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer, make_column_selector
from sklearn.decomposition import PCA
from sklearn.experimental import enable_iterative_imputer  # noqa: F401
from sklearn.feature_selection import SelectKBest, VarianceThreshold
from sklearn.frozen import FrozenEstimator
from sklearn.impute import IterativeImputer, KNNImputer, MissingIndicator, SimpleImputer
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    KBinsDiscretizer,
    MinMaxScaler,
    OneHotEncoder,
    OrdinalEncoder,
    PolynomialFeatures,
    QuantileTransformer,
    SplineTransformer,
    StandardScaler,
    TargetEncoder,
)

from cardiorisk.explain.attribution.parents import trace
from cardiorisk.features.clinical_table import ClinicalTable


@pytest.fixture(scope="module")
def numbers():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 4))
    X[::5, 1] = np.nan
    X[::7, 3] = np.nan
    return X


@pytest.fixture(scope="module")
def codes():
    return np.random.default_rng(0).integers(0, [2, 3, 5], size=(80, 3))


def parents_by_experiment(transformer, X):
    """Shuffle one input column at a time and see which output columns change."""
    as_array = lambda Z: Z.toarray() if hasattr(Z, "toarray") else np.asarray(Z)  # noqa: E731
    before = as_array(transformer.transform(X))
    changed = []
    for column in range(X.shape[1]):
        shuffled = X.copy()
        order = np.random.default_rng(column).permutation(len(X))
        if isinstance(X, pd.DataFrame):
            shuffled[X.columns[column]] = X.iloc[order, column].to_numpy()
        else:
            shuffled[:, column] = X[order, column]
        after = as_array(transformer.transform(shuffled))
        changed.append(~((before == after) | ((before != before) & (after != after))).all(axis=0))
    changed = np.array(changed)
    assert (changed.sum(axis=0) == 1).all()
    return changed.argmax(axis=0)


@pytest.mark.parametrize(
    "transformer",
    [
        StandardScaler(),
        MinMaxScaler(),
        QuantileTransformer(n_quantiles=20),
        SimpleImputer(add_indicator=True),
        MissingIndicator(),
        make_pipeline(
            SimpleImputer(), KBinsDiscretizer(3, quantile_method="averaged_inverted_cdf")
        ),
        make_pipeline(SimpleImputer(), KBinsDiscretizer(3, encode="ordinal", strategy="uniform")),
        make_pipeline(SimpleImputer(), SplineTransformer(3, include_bias=False)),
        make_pipeline(SimpleImputer(add_indicator=True), StandardScaler()),
        make_pipeline(StandardScaler(), FunctionTransformer()),
        FeatureUnion(
            [("a", SimpleImputer()), ("b", MissingIndicator()), ("c", "passthrough"), ("d", "drop")]
        ),
        ColumnTransformer([("s", StandardScaler(), [3, 0])], remainder="passthrough"),
        ColumnTransformer(
            [("i", SimpleImputer(add_indicator=True), slice(1, 3)), ("d", "drop", [0])],
            remainder=MinMaxScaler(),
        ),
        ColumnTransformer([("m", "passthrough", [True, False, False, True]), ("n", "drop", [-2])]),
    ],
    ids=lambda transformer: str(transformer)[:60],
)
def test_parents_of_numbers_are_those_found_by_experiment(transformer, numbers):
    transformer.fit(numbers)
    parents = trace(transformer, 4)
    np.testing.assert_array_equal(parents.positions, parents_by_experiment(transformer, numbers))
    assert parents.columnwise
    frozen = trace(FrozenEstimator(transformer), 4)
    np.testing.assert_array_equal(frozen.positions, parents.positions)


@pytest.mark.parametrize(
    "encoder",
    [
        OneHotEncoder(),
        OneHotEncoder(drop="first"),
        OneHotEncoder(drop="if_binary"),
        OneHotEncoder(min_frequency=0.21, handle_unknown="infrequent_if_exist"),
        OneHotEncoder(max_categories=3, drop="first"),
        OrdinalEncoder(),
        make_pipeline(OneHotEncoder(sparse_output=False), VarianceThreshold(0.2)),
        make_pipeline(OrdinalEncoder(), SimpleImputer()),
    ],
    ids=str,
)
def test_parents_of_categories_are_those_found_by_experiment(encoder, codes):
    words = np.array(list("abcde"), dtype=object)[codes]
    encoder.fit(words)
    parents = trace(encoder, 3)
    np.testing.assert_array_equal(parents.positions, parents_by_experiment(encoder, words))
    assert parents.columnwise


@pytest.mark.parametrize(
    "columns", ["words", ["words"], make_column_selector("w")], ids=["name", "list", "selector"]
)
def test_columns_chosen_by_name(columns):
    X = pd.DataFrame({"age": [40.0, 50.0, 60.0], "words": list("abc"), "bp": [1.0, 2.0, 4.0]})
    first = (
        ("o", FunctionTransformer(), ["words"])
        if columns == "words"
        else ("o", OneHotEncoder(), columns)
    )
    transformer = ColumnTransformer([first], remainder="passthrough").fit(X)
    expected = [1, 0, 2] if columns == "words" else [1, 1, 1, 0, 2]
    np.testing.assert_array_equal(trace(transformer, 3).positions, expected)


def test_imputers_that_drop_an_empty_column(numbers):
    X = numbers.copy()
    X[:, 0] = np.nan
    dropped = SimpleImputer(add_indicator=True).fit(X)
    np.testing.assert_array_equal(trace(dropped, 4).positions, [1, 2, 3, 0, 1, 3])
    kept = SimpleImputer(keep_empty_features=True).fit(X)
    np.testing.assert_array_equal(trace(kept, 4).positions, [0, 1, 2, 3])


@pytest.mark.parametrize("imputer", [KNNImputer(add_indicator=True), IterativeImputer(max_iter=2)])
def test_imputers_that_look_at_other_columns_are_not_columnwise(imputer, numbers):
    parents = trace(imputer.fit(numbers), 4)
    np.testing.assert_array_equal(parents.positions[:4], [0, 1, 2, 3])
    assert not parents.columnwise


def test_selection(codes):
    y = codes[:, 2] > 2
    selected = SelectKBest(lambda X, y: (np.array([0.1, 3, 2]), np.ones(3)), k=2).fit(codes, y)
    np.testing.assert_array_equal(trace(selected, 3).positions, [1, 2])


def test_clinical_table():
    X = pd.DataFrame({"chol": [233.0, np.nan, 210.0], "cp": ["none", "typical", None]})
    table = ClinicalTable().fit(X)
    parents = trace(table, 2)
    assert parents.columnwise
    named = dict(zip(table.get_feature_names_out(), X.columns[parents.positions], strict=True))
    assert named == table.feature_parents_


@pytest.mark.parametrize(
    "transformer",
    [
        PCA(2),
        PolynomialFeatures(2),
        FunctionTransformer(np.square),
        TargetEncoder(),  # three classes: three outputs a column
        make_pipeline(StandardScaler(), PCA(2)),
        ColumnTransformer([("p", PCA(1), [0, 1])], remainder="passthrough"),
        FeatureUnion([("p", PCA(1)), ("s", StandardScaler())]),
    ],
    ids=lambda transformer: str(transformer)[:40],
)
def test_columns_without_a_single_parent_are_not_traced(transformer, codes):
    transformer.fit(codes, codes[:, 1])
    assert trace(transformer, 3) is None
