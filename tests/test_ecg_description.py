import numpy as np
import pandas as pd
import pytest

from cardiorisk.datasets import make_ecg
from cardiorisk.exceptions import SignalWarning
from cardiorisk.features import FEATURES, describe_ecg


@pytest.fixture
def features():
    return pd.DataFrame(
        {
            "heart_rate": [40.0, 60.0, 80.0, np.nan],
            "qrs_duration": [np.nan] * 4,
            "site": ["a", "a", "b", "b"],
        },
        index=[7, 7, 8, 9],
    )


def test_row_holds_words_and_summary(features):
    row = describe_ecg(features).loc["heart_rate"]
    assert (row["label"], row["unit"]) == ("heart rate", "/min")
    assert (row["n"], row["missing"], row["mean"], row["sd"]) == (3, 25, 60, 20)
    assert (row["median"], row["q1"], row["q3"], row["min"], row["max"]) == (60, 50, 70, 40, 80)
    low, high = FEATURES["heart_rate"].normal_range
    assert low > 40
    assert high >= 80
    assert row["outside"] == pytest.approx(100 / 3)


def test_column_without_a_value_is_all_missing(features):
    row = describe_ecg(features).loc["qrs_duration"]
    assert (row["n"], row["missing"]) == (0, 100)
    assert row[["mean", "sd", "median", "min", "max", "outside"]].isna().all()


def test_infinite_values_are_not_measured():
    row = describe_ecg(pd.DataFrame({"heart_rate": [60.0, np.inf]})).loc["heart_rate"]
    assert (row["n"], row["max"]) == (1, 60)


def test_difference_between_classes_is_standardised():
    table = pd.DataFrame({"heart_rate": [60.0, 62.0, 70.0, 74.0, 99.0]})
    row = describe_ecg(table, [0, 0, 1, 1, np.nan]).loc["heart_rate"]
    assert row["mean (0.0)"] == 61
    assert row["n (1.0)"] == 2
    assert row["smd"] == pytest.approx((61 - 72) / np.sqrt((2 + 8) / 2))


def test_of_several_classes_the_largest_difference_is_given():
    table = pd.DataFrame({"heart_rate": [60.0, 62.0, 61.0, 63.0, 90.0, 92.0]})
    row = describe_ecg(table, list("aabbcc")).loc["heart_rate"]
    assert row["smd"] == pytest.approx((61 - 91) / np.sqrt(2))


def test_split_by_a_column_needs_no_unique_index(features):
    row = describe_ecg(features, by="site").loc["heart_rate"]
    assert (row["n (a)"], row["mean (a)"], row["n (b)"], row["mean (b)"]) == (2, 50, 1, 80)


def test_records_are_measured_and_their_flags_counted():
    records = make_ecg(2, rhythms=["sinus rhythm"], heart_rate=70, random_state=0).records
    records[1].signal[3] = 0.0
    table = describe_ecg(records)
    assert table.loc["heart_rate", "mean"] == pytest.approx(70, abs=1)
    assert table.attrs["n_records"] == 2
    assert table.attrs["flags"]["flat"] == 1


@pytest.mark.parametrize("empty", [[], pd.DataFrame({"heart_rate": []}), np.empty((0, 12, 5000))])
def test_no_record_gives_rows_without_values(empty):
    table = describe_ecg(empty)
    assert table.loc["heart_rate", "n"] == 0
    assert table["mean"].isna().all()


def test_one_record_has_no_spread():
    row = describe_ecg(pd.DataFrame({"heart_rate": [60.0]}), ["a"]).loc["heart_rate"]
    assert row["mean"] == 60
    assert np.isnan(row["sd"])
    assert np.isnan(row["smd"])


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"groups": ["rythm"]}, "Got groups"),
        ({"by": "ward"}, "by='ward'"),
        ({"y": [1, 2]}, "2 classes"),
        ({"y": [1] * 4, "by": "site"}, "both y and by"),
        ({"groups": ["voltages"]}, "without any feature"),
    ],
)
def test_wrong_options_are_refused(features, options, words):
    with pytest.raises(ValueError, match=words):
        describe_ecg(features, **options)


def test_axes_on_both_sides_of_180_degrees_are_neighbours():
    table = pd.DataFrame({"qrs_axis": [170.0, -170.0, 160.0, -160.0, np.nan]})
    row = describe_ecg(table).loc["qrs_axis"]
    assert abs(row["mean"]) == pytest.approx(180)
    assert row["sd"] == pytest.approx(np.std([-20, -10, 10, 20], ddof=1))
    assert row["q3"] - row["q1"] == pytest.approx(25)
    assert row["outside"] == 100
    split = describe_ecg(table, list("aabbb")).loc["qrs_axis"]
    assert split["mean (a)"] == pytest.approx(split["mean (b)"])


def test_axis_turned_by_a_circle_is_still_within_the_usual_range():
    table = pd.DataFrame({"qrs_axis": [-170.0] * 9 + [60.0]})
    row = describe_ecg(table).loc["qrs_axis"]
    assert row["min"] == -300
    assert row["outside"] == 90


def test_angles_that_are_no_directions_are_not_turned():
    row = describe_ecg(pd.DataFrame({"qrs_t_angle": [0.0, 5.0, 179.0]})).loc["qrs_t_angle"]
    assert (row["min"], row["max"]) == (0, 179)


def test_records_are_delineated_once(monkeypatch):
    from cardiorisk.features import delineation

    records = make_ecg(2, rhythms=["sinus rhythm"], random_state=0).records
    calls = []
    native = delineation.ENGINES["native"]
    counted = {"native": lambda record: calls.append(record) or native(record)}
    monkeypatch.setattr(delineation, "ENGINES", counted)
    describe_ecg(records, groups=["rhythm"])
    assert len(calls) == 2


def test_record_that_cannot_be_measured_is_counted_and_warned_of():
    records = make_ecg(2, rhythms=["sinus rhythm"], random_state=0).records
    records[1].signal[:] = 0.0
    with pytest.warns(SignalWarning, match="1 of 2 ECGs could not be measured"):
        table = describe_ecg(records, groups=["rhythm"])
    assert table.loc["heart_rate", "n"] == 1
    assert table.attrs["flags"]["flat"] == 1
