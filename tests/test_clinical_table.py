import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.preprocessing import OneHotEncoder

from cardiorisk.datasets import load_heart_disease
from cardiorisk.exceptions import TableError, TableWarning
from cardiorisk.features import ClinicalTable
from cardiorisk.records import Variable

SCHEMA = {
    "age": Variable("age", "age", "years", 18, 120),
    "chol": Variable("chol", "cholesterol", "mg/dL", 50, 700, zero_is_missing=True),
    "cp": Variable("cp", "chest pain", categories={1: "typical", 3: "other", 4: "asymptomatic"}),
    "ca": Variable("ca", "vessels", low=0),
}


def table(**columns):
    base = {"age": [40.0, 50.0, 60.0], "chol": [200.0, 0.0, 300.0], "cp": [1.0, 4.0, np.nan]}
    return pd.DataFrame({**base, **columns})


def fitted_frame(transformer, X):
    return transformer.set_output(transform="pandas").fit_transform(X)


def test_coded_zero_becomes_missing_and_says_so_in_an_indicator():
    out = fitted_frame(ClinicalTable(SCHEMA), table())
    np.testing.assert_array_equal(out["chol"], [200, np.nan, 300])
    np.testing.assert_array_equal(out["chol_missing"], [0, 1, 0])
    assert "age_missing" not in out


def test_zero_stays_zero_unless_named():
    plain = ClinicalTable().fit_transform(table()[["chol"]])
    named = ClinicalTable(zero_as_missing=("chol",)).fit_transform(table()[["chol"]])
    assert plain[1, 0] == 0
    assert np.isnan(named[1, 0])


def test_categories_use_the_words_of_the_schema_and_keep_unseen_ones():
    out = fitted_frame(ClinicalTable(SCHEMA), table())
    one_hot = out[["cp=typical", "cp=other", "cp=asymptomatic"]].to_numpy()
    np.testing.assert_array_equal(one_hot, [[1, 0, 0], [0, 0, 1], [0, 0, 0]])
    np.testing.assert_array_equal(out["cp_missing"], [0, 0, 1])


def test_words_are_understood_beside_codes():
    codes = ClinicalTable(SCHEMA).fit(table())
    words = table(cp=pd.Series(["typical", "asymptomatic", None], dtype=object))
    np.testing.assert_array_equal(codes.transform(words), codes.transform(table()))


def test_every_output_column_knows_its_parent():
    transformer = ClinicalTable(SCHEMA).fit(table())
    assert list(transformer.feature_parents_) == list(transformer.get_feature_names_out())
    assert transformer.feature_parents_ == {
        "age": "age",
        "chol": "chol",
        "chol_missing": "chol",
        "cp=typical": "cp",
        "cp=other": "cp",
        "cp=asymptomatic": "cp",
        "cp_missing": "cp",
    }


@pytest.mark.parametrize("dtype", ["object", "string", "category"])
def test_text_columns_agree_with_scikit_learns_encoder(dtype):
    X = pd.DataFrame({"slope": pd.Series(["up", "flat", "down", "up"], dtype=dtype)})
    expected = OneHotEncoder(sparse_output=False).fit_transform(X.astype(object))
    transformer = ClinicalTable().fit(X)
    np.testing.assert_array_equal(transformer.transform(X), expected)
    assert list(transformer.feature_parents_) == ["slope=down", "slope=flat", "slope=up"]


def test_heart_disease_agrees_with_a_column_transformer():
    heart = load_heart_disease()
    categorical = [n for n, v in heart.schema.items() if v.categories is not None]
    numeric = [n for n in heart.data if n not in categorical]
    cleaned = heart.data.copy()
    for name in ("chol", "trestbps"):
        cleaned[name] = cleaned[name].replace(0, np.nan)
    reference = make_column_transformer(
        (SimpleImputer(strategy="median"), numeric),
        (OneHotEncoder(handle_unknown="ignore", sparse_output=False), categorical),
    ).fit_transform(cleaned)
    out = fitted_frame(ClinicalTable(heart.schema, impute="median"), heart.data)
    np.testing.assert_array_equal(out[numeric], reference[:, : len(numeric)])
    ours = out[[n for n in out if "=" in n]].to_numpy()
    n_missing_columns = heart.data[categorical].isna().any().sum()
    present = ~heart.data[categorical].isna().to_numpy()
    assert reference.shape[1] == len(numeric) + ours.shape[1] + n_missing_columns
    np.testing.assert_array_equal(ours.sum(axis=1), present.sum(axis=1))


@pytest.mark.parametrize(
    "column",
    [
        pd.Series([1, None, 3], dtype="Int64"),
        pd.Series([1.0, None, 3.0], dtype="Float64"),
        pd.Series([1, None, 3], dtype=object),
        pd.Series([1, np.nan, 3], dtype="float32"),
    ],
)
def test_missing_numbers_of_every_dtype_become_nan(column):
    out = ClinicalTable(indicators="none").fit_transform(pd.DataFrame({"oldpeak": column}))
    np.testing.assert_array_equal(out[:, 0], [1, np.nan, 3])


@pytest.mark.parametrize("dtype", ["bool", "boolean", "object"])
def test_booleans_are_numbers(dtype):
    X = pd.DataFrame({"exang": pd.Series([True, False, True], dtype=dtype)})
    np.testing.assert_array_equal(ClinicalTable().fit_transform(X)[:, 0], [1, 0, 1])


def test_a_value_in_another_unit_is_named_with_the_limits():
    transformer = ClinicalTable(SCHEMA).fit(table())
    in_mmol_per_l = table(chol=[5.2, 6.1, 240.0])
    expected = r"chol: 2 values outside 50 to 700 mg/dL \(5.2, 6.1\), set to missing"
    with pytest.warns(TableWarning, match=expected) as caught:
        out = transformer.transform(in_mmol_per_l)
    assert len(caught) == 1
    np.testing.assert_array_equal(out[:, 1], [np.nan, np.nan, 240])
    np.testing.assert_array_equal(out[:, 2], [1, 1, 0])


def test_limits_are_included_and_may_be_one_sided():
    X = table(chol=[50.0, 700.0, 49.9], ca=[0.0, 3.0, -1.0])
    transformer = ClinicalTable(SCHEMA).fit(X)
    with pytest.warns(TableWarning) as caught:
        out = transformer.transform(X)
    assert "chol: 1 value outside 50 to 700 mg/dL (49.9)" in str(caught[0].message)
    assert "ca: 1 value below 0 (-1)" in str(caught[0].message)
    assert out[0, 1] == 50
    assert out[1, 1] == 700


def test_out_of_range_can_be_refused_or_kept():
    X = table(age=[40.0, 50.0, 430.0])
    with pytest.raises(TableError, match="age: 1 value outside 18 to 120 years \\(430\\)"):
        ClinicalTable(SCHEMA, out_of_range="raise").fit(X)
    kept = ClinicalTable(SCHEMA, out_of_range="keep").fit(X)
    with pytest.warns(TableWarning, match="kept"):
        assert kept.transform(X)[2, 0] == 430


def test_an_unknown_category_is_all_zeros_with_a_warning_or_an_error():
    transformer = ClinicalTable(SCHEMA).fit(table())
    new = table(cp=[1.0, 9.0, 4.0])
    expected = r"cp: 1 value not among typical, other, asymptomatic \(9\), encoded as zeros"
    with pytest.warns(TableWarning, match=expected):
        out = transformer.transform(new)
    np.testing.assert_array_equal(out[1, 3:], [0, 0, 0, 0])
    strict = clone(transformer).set_params(unknown_category="raise").fit(table())
    with pytest.raises(TableError, match="cp: 1 value not among"):
        strict.transform(new)


def test_flags_name_row_column_code_and_value():
    transformer = ClinicalTable(SCHEMA).fit(table(cp=[1.0, 4.0, 4.0]))
    doubtful = table(age=[400.0, 50.0, 60.0], cp=[9.0, 1.0, np.nan])
    flags = transformer.flags(doubtful).set_index(["row", "column"])
    assert flags["code"].to_dict() == {
        (0, "age"): "out_of_range",
        (1, "chol"): "zero",
        (0, "cp"): "unknown_category",
        (2, "cp"): "unseen_missing",
    }
    assert flags.loc[(0, "age"), "value"] == 400
    assert "outside 18 to 120 years" in flags.loc[(0, "age"), "message"]
    assert transformer.flags(table(chol=[100.0] * 3, cp=[1.0] * 3)).empty


def test_missing_at_predict_only_is_nan_or_zeros_without_a_warning():
    complete = table(chol=[100.0, 200.0, 300.0], cp=[1.0, 4.0, 4.0])
    transformer = ClinicalTable(SCHEMA).fit(complete)
    out = transformer.transform(table())
    assert out.shape == (3, 5)
    assert np.isnan(out[1, 1])
    np.testing.assert_array_equal(out[2, 2:], [0, 0, 0])


@pytest.mark.parametrize(
    ("indicators", "expected"),
    [("auto", ["chol", "cp"]), ("all", ["age", "chol", "cp"]), ("none", []), (["age"], ["age"])],
)
def test_indicators_are_made_as_asked(indicators, expected):
    names = ClinicalTable(SCHEMA, indicators=indicators).fit(table()).get_feature_names_out()
    assert [n.removesuffix("_missing") for n in names if n.endswith("_missing")] == expected


def test_median_is_that_of_the_training_table():
    transformer = ClinicalTable(SCHEMA, impute="median").fit(table())
    new = table(age=[np.nan] * 3, chol=[0.0, np.nan, 100.0])
    out = transformer.set_output(transform="pandas").transform(new)
    np.testing.assert_array_equal(out["age"], [50, 50, 50])
    np.testing.assert_array_equal(out["chol"], [250, 250, 100])
    np.testing.assert_array_equal(out["chol_missing"], [1, 1, 0])
    with pytest.raises(TableError, match="'age' without any value"):
        ClinicalTable(SCHEMA, impute="median").fit(new)


@pytest.mark.parametrize(
    ("column", "message"),
    [
        (["265,000", "263,358", "162,000"], "'265,000'.*thousands"),
        (["63", "?", "41"], "numbers or words"),
        ([63, "high", None], "numbers or words"),
        (pd.to_datetime(["2020-01-01", "2020-02-01", "2020-03-01"]), "datetime64"),
        (pd.to_timedelta([1, 2, 3], unit="D"), "timedelta64"),
        ([20200131, 20191224, 19991231], "read as dates"),
        ([["a"], ["b"], ["c"]], "numbers or words"),
        ([1.0, np.inf, 2.0], "infinity in column 'x'"),
        ([1.0 + 2j, 3.0, 4.0], "Got complex numbers in column 'x'"),
        (pd.Series([1.0 + 2j, 3.0, 4.0], dtype=object), "numbers or words"),
    ],
)
def test_a_column_that_is_no_measurement_is_refused(column, message):
    with pytest.raises(TableError, match=message):
        ClinicalTable().fit(pd.DataFrame({"x": column}))


@pytest.mark.parametrize("value", ["63", "?", "2020-01-01", pd.Timestamp("2020-01-01")])
def test_text_in_a_described_numeric_column_is_refused(value):
    X = table(age=pd.Series([40, value, 60], dtype=object))
    with pytest.raises(TableError, match="numeric column 'age'"):
        ClinicalTable(SCHEMA).fit(X)
    with pytest.raises(TableError, match="numeric column 'age'"):
        ClinicalTable(SCHEMA).fit(table()).transform(X)


def test_large_measurements_are_not_taken_for_dates():
    columns = {"one_small": [20200131, 250000], "month": [20201331] * 2, "day": [20200132] * 2}
    X = pd.DataFrame(columns, dtype=float)
    np.testing.assert_array_equal(ClinicalTable().fit_transform(X), X)


def test_an_identifier_is_refused():
    X = pd.DataFrame({"name": [f"patient {i}" for i in range(40)]})
    with pytest.raises(TableError, match="40 different words"):
        ClinicalTable().fit(X)
    assert ClinicalTable(max_categories=40).fit_transform(X).shape == (40, 40)


def test_numeric_codes_can_be_named_categories():
    X = pd.DataFrame({"thal": [3.0, 7.0, 3.0]})
    names = ClinicalTable(categorical=("thal",)).fit(X).get_feature_names_out()
    assert list(names) == ["thal=3", "thal=7"]


@pytest.mark.parametrize("option", ["categorical", "zero_as_missing", "indicators"])
def test_an_option_that_names_no_column_is_an_error(option):
    with pytest.raises(TableError, match=f"Got {option} with 'Chol', but the columns are age"):
        ClinicalTable(**{option: ["Chol"]}).fit(table())


def test_a_schema_of_another_table_is_an_error():
    with pytest.raises(TableError, match="the schema describes age"):
        ClinicalTable(SCHEMA).fit(table().to_numpy())
    assert ClinicalTable(SCHEMA.values()).fit(table()).kinds_["cp"] == "categorical"


def test_reordered_extra_and_missing_columns_are_errors():
    transformer = ClinicalTable(SCHEMA).fit(table())
    with pytest.raises(ValueError, match="same order"):
        transformer.transform(table()[["chol", "age", "cp"]])
    with pytest.raises(ValueError, match="unseen at fit time:\n- thal"):
        transformer.transform(table(thal=[1, 2, 3]))
    with pytest.raises(ValueError, match="now missing:\n- cp"):
        transformer.transform(table()[["age", "chol"]])


@pytest.mark.parametrize(
    "labels", [[10, 20, 30], pd.MultiIndex.from_tuples([("a", 1), ("a", 2), ("b", 1)])]
)
def test_the_order_of_columns_without_names_is_checked(labels):
    X = pd.DataFrame(np.arange(9.0).reshape(3, 3), columns=labels)
    transformer = ClinicalTable().fit(X)
    np.testing.assert_array_equal(transformer.transform(X), X)
    with pytest.raises(ValueError, match="expected the same columns in this order"):
        transformer.transform(X[X.columns[::-1]])
    transformer.fit(X.to_numpy())
    np.testing.assert_array_equal(transformer.transform(X[X.columns[::-1]]), X.to_numpy()[:, ::-1])


def test_names_that_collide_are_errors():
    with pytest.raises(TableError, match="'age' more than once"):
        ClinicalTable().fit(pd.DataFrame([[1.0, 2.0]], columns=["age", "age"]))
    X = pd.DataFrame({"chol": [1.0, np.nan], "chol_missing": [0, 1]})
    with pytest.raises(TableError, match="Rename one"):
        ClinicalTable().fit(X)


def test_an_empty_table_is_an_error():
    with pytest.raises(TableError, match="0 sample"):
        ClinicalTable().fit(table().iloc[:0])
    with pytest.raises(TableError, match="0 feature"):
        ClinicalTable().fit(pd.DataFrame(index=range(3)))


def test_the_index_survives_and_the_input_is_not_changed():
    X = table().set_index(pd.Index(["a", "b", "c"]))
    before = X.copy()
    out = fitted_frame(ClinicalTable(SCHEMA), X)
    assert list(out.index) == ["a", "b", "c"]
    pd.testing.assert_frame_equal(X, before)


def test_a_polars_frame_is_read_at_the_edge():
    polars = pytest.importorskip("polars")
    X = pd.DataFrame({"age": [40, 50, 60], "cp": ["typical", None, "other"]})
    transformer = ClinicalTable(SCHEMA).fit(X)
    foreign = polars.DataFrame({"age": [40, 50, 60], "cp": ["typical", None, "other"]})
    np.testing.assert_array_equal(transformer.transform(foreign), transformer.transform(X))
    assert list(ClinicalTable(SCHEMA).fit(foreign).feature_names_in_) == ["age", "cp"]


@pytest.mark.real_data
def test_kaggle_table_needs_no_schema(data_folder):
    X = pd.read_csv(data_folder / "heart_tabular/kaggle_fedesoriano_heart.csv")
    X = X.drop(columns="HeartDisease")
    out = fitted_frame(ClinicalTable(zero_as_missing=("Cholesterol", "RestingBP")), X)
    assert out["Cholesterol_missing"].sum() == 172
    assert out["RestingBP_missing"].sum() == 1
    assert out["ChestPainType=ASY"].sum() == (X["ChestPainType"] == "ASY").sum()
    assert out.shape == (918, 22)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.one_of(st.none(), st.floats(-1e6, 1e6, width=32)),
            st.sampled_from(["a", "b", "c", None]),
            st.booleans(),
        ),
        min_size=2,
        max_size=20,
    )
)
def test_shape_names_and_missing_values_hold_for_any_table(rows):
    X = pd.DataFrame(rows, columns=["number", "word", "flag"])
    transformer = ClinicalTable()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        out = fitted_frame(transformer, X)
    assert list(out) == list(transformer.get_feature_names_out())
    number = pd.to_numeric(X["number"]).to_numpy(dtype=float)
    np.testing.assert_array_equal(out["number"], number)
    words = out[[name for name in out if name.startswith("word=")]]
    np.testing.assert_array_equal(words.sum(axis=1), X["word"].notna())
