"""Differences between tables: found where they are, and not where they are not."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.linear_model import LogisticRegression

from cardiorisk.evaluation import drift
from cardiorisk.evaluation.drift.columns import describe_column


def table(n, seed):
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "age": rng.normal(60, 10, n),
            "sex": rng.choice(["f", "m"], n, p=[0.3, 0.7]),
            "cholesterol": np.where(rng.random(n) < 0.1, np.nan, rng.normal(240, 40, n)),
            "smoker": rng.random(n) < 0.4,
        }
    )


OLD = table(400, 0)


def test_tables_of_the_same_people_do_not_drift():
    found = drift(OLD, table(300, 1))
    assert (found.table["p_adjusted"] > 0.05).all()
    assert found.separation.low < 0.5
    assert found.separation_p > 0.05
    assert np.isnan(found.exchangeability_p)


def test_false_alarms_are_as_rare_as_they_should_be():
    alarms = sum(
        (drift(table(60, 2 * s), table(60, 2 * s + 1)).table["p_adjusted"] < 0.05).any()
        for s in range(20)
    )
    assert alarms <= 4  # 5 % of 20 is 1; 4 or fewer in 99.7 % of runs


def test_each_kind_of_shift_is_found():
    new = table(300, 1)
    new["age"] += 5
    new["sex"] = np.where(np.arange(300) % 2, "f", "m")
    new.loc[new.index % 3 == 0, "cholesterol"] = np.nan
    found = drift(OLD, new)
    assert found.table.loc["age", "difference"] == pytest.approx(0.5, abs=0.15)
    assert (found.table.loc[["age", "sex"], "p_adjusted"] < 0.001).all()
    assert found.table.loc["cholesterol", "p_missing_adjusted"] < 0.001
    assert found.table.loc["cholesterol", "missing_new"] > 0.3
    assert found.table.loc["smoker", "p_adjusted"] > 0.05
    assert found.separation.low > 0.55
    assert "missing values changed in 1" in repr(found)


def test_a_shift_of_two_columns_together_is_found_by_the_classifier_only():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 800))
    old = {"a": a, "b": 0.9 * a + 0.4 * b}
    a, b = rng.normal(size=(2, 800))
    found = drift(old, {"a": a, "b": -0.9 * a + 0.4 * b})
    assert (found.table["p"] > 0.01).all()
    assert found.separation.low > 0.8
    assert found.separation_p < 1e-6


def test_numbers_and_categories_against_their_definitions():
    rng = np.random.default_rng(0)
    first, second = rng.normal(0, 1, 80), rng.normal(0.3, 2, 60)
    row = describe_column(pd.Series(first), pd.Series(second))
    pooled = np.sqrt((first.var(ddof=1) + second.var(ddof=1)) / 2)
    assert row["difference"] == pytest.approx((second.mean() - first.mean()) / pooled)
    assert row["p"] == stats.ks_2samp(first, second, method="asymp").pvalue
    old, new = pd.Series(["f"] * 30 + ["m"] * 70), pd.Series(["f"] * 50 + ["m"] * 50)
    row = describe_column(old, new)
    expected = 0.2 / np.sqrt((0.3 * 0.7 + 0.5 * 0.5) / 2)  # the difference of two proportions
    assert row["difference"] == pytest.approx(expected)
    assert row["p"] == pytest.approx(stats.chi2_contingency([[30, 70], [50, 50]]).pvalue)
    assert (row["reference"], row["new"]) == ("m (70%)", "f (50%)")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ([1.0] * 20, [1.0] * 20),
        ([1.0] * 20, [2.0] * 20),
        ([np.nan] * 20, [1.0] * 20),
        (["a"] * 20, ["a"] * 20),
        ([True] * 20, [False] * 20),
        (["a", None] * 10, ["b", None] * 10),
    ],
    ids=str,
)
def test_odd_columns(old, new):
    found = drift({"x": old}, {"x": new})
    assert len(found.table) == 1
    assert found.n_new == 20


def test_conformal_scores_of_a_model_that_has_become_wrong():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(1200, 3))
    y = np.where(rng.random(1200) < 1 / (1 + np.exp(-2 * X[:, 0])), "ill", "well")
    model = LogisticRegression().fit(X[:400], y[:400])
    wrong = np.where(rng.random(400) < 0.5, "ill", "well")
    held = {"model": model, "y_reference": y[400:800], "n_permutations": 100}
    same = drift(X[400:800], X[800:], y_new=y[800:], **held)
    changed = drift(X[400:800], X[800:], y_new=wrong, **held)
    assert same.exchangeability_p > 0.05
    assert changed.exchangeability_p < 0.05
    assert changed.separation_p > 0.01  # the inputs have not moved
    assert "conformal scores exchangeable" in repr(changed)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((OLD, OLD.drop(columns="sex")), r"columns: \['sex'\]"),
        ((OLD, OLD[["sex", "age", "cholesterol", "smoker"]]), "the order"),
        ((OLD[:5], OLD), "X_reference of shape"),
    ],
    ids=["column", "order", "rows"],
)
def test_tables_that_cannot_be_compared(arguments, message):
    with pytest.raises(ValueError, match=message):
        drift(*arguments)
    with pytest.raises(ValueError, match="only some of model"):
        drift(OLD, OLD, model=LogisticRegression())


@pytest.mark.parametrize(
    ("column", "moved"),
    [
        (pd.Series(np.full(400, np.nan)), False),
        (pd.Series(np.full(400, None, dtype=object)), False),
        (pd.Series(pd.date_range("2020-01-01", periods=400)), True),
    ],
)
def test_empty_columns_and_dates_can_be_compared(column, moved):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"age": rng.normal(60, 10, 400), "x": column})
    found = drift(frame[:200], frame[200:])
    assert (found.separation.estimate > 0.9) == moved
    alone = drift(frame[["x"]][:200], frame[["x"]][200:])
    assert (alone.separation.estimate > 0.9) == moved


def test_signals_are_refused():
    with pytest.raises(ValueError, match="3 dimensions, but expected a table"):
        drift(np.zeros((20, 2, 5)), np.zeros((20, 2, 5)))


@pytest.mark.parametrize("kind", ["times", "zoned", "dates", "periods"])
def test_dates_are_compared_as_times(kind):
    rng = np.random.default_rng(0)
    days = [
        pd.to_datetime("2020-01-01") + pd.to_timedelta(rng.integers(0, k, 80), "D")
        for k in (300, 400)
    ]
    columns = [pd.Series(part) for part in days]
    columns[0][3] = pd.NaT
    if kind == "zoned":
        columns = [column.dt.tz_localize("Europe/Berlin") for column in columns]
    if kind == "dates":
        columns = [column.dt.date for column in columns]
    if kind == "periods":
        columns = [column.dt.to_period("D") for column in columns]
    row = describe_column(*columns)
    assert row["kind"] == "date"
    numbers = [part.to_numpy("datetime64[D]").astype(float) for part in days]
    numbers[0] = np.delete(numbers[0], 3)
    assert row["p"] == pytest.approx(stats.ks_2samp(*numbers, method="asymp").pvalue, rel=0.3)
    gap = numbers[1].mean() - numbers[0].mean()
    spread = np.sqrt((numbers[0].var(ddof=1) + numbers[1].var(ddof=1)) / 2)
    assert row["difference"] == pytest.approx(gap / spread, rel=0.02)
    assert row["reference"].startswith("2020-0")
    assert row["missing_reference"] == pytest.approx(1 / 80)
