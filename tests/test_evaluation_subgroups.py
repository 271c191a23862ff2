"""Subgroups: each measured as if alone, small ones withheld with the reason."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from cardiorisk.evaluation import subgroup_report
from cardiorisk.evaluation.measures import BINARY_MEASURES
from cardiorisk.evaluation.pooling import binary_intervals

RNG = np.random.default_rng(0)
RISK = RNG.uniform(size=400)
EVENTS = RNG.random(400) < RISK
SEX = np.where(np.arange(400) % 3 == 0, "female", "male")


def test_everyone_comes_first_and_each_subgroup_is_measured_alone():
    report = subgroup_report(EVENTS, RISK, {"sex": SEX}, n_bootstraps=200)
    assert report[["variable", "subgroup"]].values.tolist() == [
        ["all", "all"],
        ["sex", "female"],
        ["sex", "male"],
    ]
    for row, member in zip(
        report.itertuples(), (SEX != "", SEX == "female", SEX == "male"), strict=True
    ):
        assert row.n == member.sum()
        assert row.events == EVENTS[member].sum()
        assert row.mean_risk == pytest.approx(RISK[member].mean())
        assert row.auroc == pytest.approx(roc_auc_score(EVENTS[member], RISK[member]))
    alone = binary_intervals(
        EVENTS[SEX == "male"], RISK[SEX == "male"], n_bootstraps=200, random_state=0
    )
    for name in BINARY_MEASURES:
        assert report.loc[2, name] == alone[name].estimate
        assert report.loc[2, f"{name}_low"] == alone[name].low


@pytest.mark.parametrize(
    ("event", "note"), [(True, "too few: 9 events"), (False, "too few: 9 without an event")]
)
def test_small_subgroups_are_withheld_with_the_reason(event, note):
    rare = np.zeros(400, dtype=bool)
    rare[np.flatnonzero(EVENTS == event)[:9]] = True
    rare[np.flatnonzero(EVENTS != event)[:20]] = True
    report = subgroup_report(EVENTS, RISK, {"rare": rare}, n_bootstraps=20).set_index("subgroup")
    assert report.loc["True", "note"] == note
    assert report.loc["True", list(BINARY_MEASURES)].isna().all()
    assert report.loc["True", "n"] == 29
    allowed = subgroup_report(EVENTS, RISK, {"rare": rare}, min_events=9, n_bootstraps=20)
    assert allowed[list(BINARY_MEASURES)].notna().all(axis=None)


def test_rows_without_a_value_are_a_subgroup():
    sex = pd.Series(SEX, dtype=object)
    sex[:60] = None
    report = subgroup_report(EVENTS, RISK, sex.rename("sex"), n_bootstraps=20)
    assert report["subgroup"].tolist() == ["all", "female", "male", "missing"]
    assert report["n"].iloc[1:].sum() == 400


def test_bands_keep_their_order_and_several_variables_follow_each_other():
    frame = pd.DataFrame(
        {
            "age": pd.cut(np.linspace(28, 77, 400), [0, 45, 60, 120], labels=["<45", "45-", "60+"]),
            "sex": SEX,
        },
        index=np.arange(1000, 1400),
    )
    report = subgroup_report(EVENTS, RISK, frame, n_bootstraps=0)
    assert report["subgroup"].tolist() == ["all", "<45", "45-", "60+", "female", "male"]


def test_a_plain_array_is_one_variable():
    report = subgroup_report(EVENTS, RISK, SEX, n_bootstraps=0)
    assert report["variable"].tolist() == ["all", "subgroup", "subgroup"]


def test_groups_reach_the_bootstrap():
    copies = np.repeat(np.arange(400), 4)
    alone = subgroup_report(EVENTS, RISK, SEX, n_bootstraps=500)
    grouped = subgroup_report(
        EVENTS[copies], RISK[copies], SEX[copies], groups=copies, n_bootstraps=500
    )
    widths = [frame["brier_high"] - frame["brier_low"] for frame in (alone, grouped)]
    np.testing.assert_allclose(*widths, rtol=0.15)


def test_continuous_variables_are_refused():
    with pytest.raises(ValueError, match="400 values of 'age', but expected at most 30"):
        subgroup_report(EVENTS, RISK, {"age": np.linspace(20, 80, 400)})


def test_lengths_must_fit():
    with pytest.raises(ValueError, match="subgroups of 3 rows for 400 predictions"):
        subgroup_report(EVENTS, RISK, ["a", "b", "c"])
