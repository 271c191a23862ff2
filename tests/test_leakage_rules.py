"""The guard against outcomes that are rules on their inputs."""

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import make_classification

from cardiorisk.evaluation import check_leakage

X, Y = make_classification(400, 6, n_informative=4, flip_y=0.1, class_sep=0.7, random_state=0)


def found(guard, *arguments, **keywords):
    """The findings of one guard; that it could run is part of it."""
    report = check_leakage(*arguments, guards=guard, **keywords)
    assert not report.not_checked, report
    return list(report)


def table(n_rows=400):
    rng = np.random.default_rng(1)
    return pd.DataFrame(
        {
            "onset": rng.normal(180, 20, n_rows).round(),
            "end": rng.normal(285, 25, n_rows).round(),
            "rate": rng.normal(80, 20, n_rows),
            "sex": rng.choice(["f", "m"], n_rows),
        }
    )


RULES = {
    "threshold": lambda t: t["rate"] > 100,
    "interval": lambda t: (t["rate"] < 60) | (t["rate"] > 100),
    "difference": lambda t: t["end"] - t["onset"] > 120,
    "ratio": lambda t: t["rate"] / t["end"] > 0.35,
    "both": lambda t: (t["rate"] > 80) & (t["end"] > 285),
    "either": lambda t: (t["rate"] > 110) | (t["end"] > 310),
}


@pytest.mark.parametrize("rule", list(RULES))
def test_an_outcome_made_of_columns_is_found(rule):
    data = table()
    (finding,) = found("rule_labels", data, RULES[rule](data))
    expected = {"threshold": {"rate"}, "interval": {"rate"}, "difference": {"onset", "end"}}
    assert set(finding.columns) == expected.get(rule, {"rate", "end"})
    assert finding.evidence["mistakes"] <= 4
    assert finding.remedy


def test_a_rule_under_missing_values_and_a_string_label():
    data = table(600)
    label = np.where(data["rate"] > 100, "fast", "slow")
    data.loc[::7, "rate"] = np.nan
    label[::7] = "slow"
    assert found("rule_labels", data, label)[0].columns == ("rate",)


def test_a_rule_with_flipped_labels_is_found_and_a_strong_predictor_is_not():
    rng = np.random.default_rng(0)
    duration = 2 * np.round(rng.normal(100, 18, 5000) / 2)
    onset = 2 * np.round(rng.normal(180, 15, 5000) / 2)
    flipped = (duration > 120) ^ (rng.random(5000) < 0.05)
    data = np.column_stack([onset, onset + duration])
    (finding,) = found("rule_labels", data, flipped)
    assert "random mistakes" in finding.what
    assert finding.evidence["threshold"] in (121, -121)
    for slope in (0.05, 0.2, 0.5):  # AUROC 0.70 to 0.99
        risk = 1 / (1 + np.exp(-slope * (duration - 120 + rng.normal(0, 0.1, 5000))))
        assert not found("rule_labels", data, rng.random(5000) < risk)


def test_a_word_or_a_code_that_gives_the_outcome():
    rng = np.random.default_rng(0)
    where = rng.choice(["home", "hospice", "morgue", "ward"], 400)
    died = np.isin(where, ["hospice", "morgue"])
    frame = pd.DataFrame({"age": X[:, 0], "discharged to": where})
    assert found("rule_labels", frame, died)[0].columns == ("discharged to",)
    assert found("rule_labels", frame[["discharged to"]], died)
    code = rng.integers(0, 8, 400)
    assert found("rule_labels", code[:, None], np.isin(code, [1, 4, 6]))
    assert not found("rule_labels", frame, rng.permutation(died))
    names = pd.DataFrame({"name": [f"n{row}" for row in range(400)], "age": X[:, 0]})
    assert not found("rule_labels", names, Y)


def test_few_rows_and_many_columns_fit_by_chance():
    rng = np.random.default_rng(1)
    for _ in range(5):
        assert not found("rule_labels", rng.normal(size=(30, 30)), np.arange(30) % 5 == 0)


def test_a_rule_that_gives_one_row_in_a_thousand():
    data = np.random.default_rng(0).normal(size=(20_000, 4))
    assert found("rule_labels", data, data[:, 1] > 3)[0].columns == ("column 1",)


def test_a_copy_of_the_outcome_among_three_classes():
    classes = np.digitize(X[:, 0], [-1, 1])
    assert found("rule_labels", X, classes)[0].columns == ("column 0",)
    assert not found("rule_labels", X, np.random.default_rng(0).permutation(classes))


def test_honest_clouds_of_few_rows_are_no_rule_of_two_thresholds():
    alarms = 0
    for seed in range(40):
        table, labels = make_classification(100, random_state=seed)
        alarms += len(check_leakage(table, labels, guards=["rule_labels"]))
    assert alarms <= 4  # one column of three tables gives all but two rows
    thresholds = (X[:, 0] > 0) & (X[:, 1] > 0)
    assert "0 mistakes" in check_leakage(X, thresholds).findings[0].what


def test_numbers_that_are_written_as_words_are_numbers():
    data = table()
    label = data["end"] - data["onset"] > 120
    words = data.astype({"onset": str, "end": "string"})
    (finding,) = found("rule_labels", words, label)
    assert set(finding.columns) == {"onset", "end"}


@pytest.mark.parametrize("column", ["onset", "end"])
def test_a_difference_of_columns_in_different_units(column):
    data = table()
    label = data["end"] - data["onset"] > 120
    data[column] /= 1000
    (finding,) = found("rule_labels", data, label)
    assert f"1000 * {column}" in finding.what
    assert finding.evidence["mistakes"] == 0


@pytest.mark.parametrize("name", ["row", "weight"])
def test_a_number_of_the_rows_is_called_that_and_blamed_alone(name):
    data = table().assign(**{name: np.arange(400) + 5000})
    (finding,) = found("rule_labels", data, np.arange(400) >= 250)
    assert finding.columns == (name,)
    assert "looks like a number of the rows" in finding.what
    assert "no property of a person" in finding.remedy
    assert not found("rule_labels", data, np.random.default_rng(0).random(400) < 0.4)


def test_categories_are_words_or_numbers_and_stop_nothing():
    rng = np.random.default_rng(0)
    table = pd.DataFrame(
        {
            "words": pd.Categorical(rng.choice(["low", "high"], 200)),
            "numbers": pd.Categorical(rng.integers(0, 3, 200)),
            "written": pd.Categorical(rng.choice(["1", "2"], 200)),
            "missing": pd.Categorical([None] * 200),
            "same": pd.Categorical(["low"] * 200),
        }
    )
    assert not found("rule_labels", table, rng.random(200) < 0.5)
    (finding,) = found("rule_labels", table, table["written"] == "2")
    assert "written" in finding.columns
