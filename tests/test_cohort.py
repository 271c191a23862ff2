import numpy as np
import pandas as pd
import pytest
from ehr_tables import SYNTHEA_NEW, write_tables

from cardiorisk.explain import cohort_flow_text, plot_cohort_flow
from cardiorisk.features import HEART_FAILURE, CodeSet, build_cohort
from cardiorisk.records import PatientHistories

HF = "ICD10CM//I50.9"
DAY = pd.Timedelta(days=1)


def simulated(n_patients=300, n_cases=30, seed=0):
    """Patients with many codes, of whom some get heart failure at a known day."""
    rng = np.random.default_rng(seed)
    ids = np.arange(n_patients) + 1000
    n_events = rng.integers(2, 30, n_patients)
    who = np.repeat(ids, n_events)
    start = pd.Timestamp("2010-01-01")
    frame = pd.DataFrame(
        {
            "subject_id": who,
            "time": start + pd.to_timedelta(rng.uniform(0, 3650, len(who)), "D"),
            "code": rng.choice([f"ICD10CM//Z{number}" for number in range(30)], len(who)),
        }
    )
    onset = start + pd.to_timedelta(rng.uniform(2500, 3650, n_cases), "D")
    failing = pd.DataFrame({"subject_id": ids[:n_cases], "time": onset, "code": HF})
    with_it = pd.DataFrame({"subject_id": ids[:n_cases], "time": onset, "code": "SAME//DAY"})
    after = pd.DataFrame({"subject_id": ids[:n_cases], "time": onset + DAY, "code": "AFTER//IT"})
    static = pd.DataFrame(
        {
            "subject_id": ids,
            "sex": rng.choice(["F", "M"], n_patients),
            "birth_date": pd.Timestamp("1940-01-01")
            + pd.to_timedelta(rng.uniform(0, 7000, n_patients), "D"),
            "site": rng.choice(["north", "south"], n_patients),
        }
    )
    events = pd.concat([frame, failing, with_it, after])
    return PatientHistories.from_events(events, static=static), onset


@pytest.fixture(scope="module")
def histories():
    return simulated()[0]


def test_nothing_of_the_index_day_or_later_is_visible(histories):
    cohort = build_cohort(histories, HEART_FAILURE, controls_per_case=4)
    words = set(cohort.histories.vocabulary[cohort.histories.codes])
    assert words.isdisjoint({HF, "SAME//DAY", "AFTER//IT"})
    times = cohort.prediction_times[cohort.histories.event_patients()]
    assert (cohort.histories.times <= times).all()
    assert (np.diff(cohort.histories.event_offsets) >= 1).all()


def test_controls_are_like_their_case(histories):
    cohort = build_cohort(histories, HEART_FAILURE, controls_per_case=4, age_band=10)
    static, ages = cohort.histories.static, cohort.ages
    assert cohort.y.sum() == 30
    for group in range(30):
        members = np.flatnonzero(cohort.groups == group)
        assert cohort.y[members].tolist() == [1] + [0] * (len(members) - 1)
        assert len(members) <= 5
        assert static["sex"].iloc[members].nunique() == 1
        assert static["site"].iloc[members].nunique() == 1
        assert len(np.unique(np.floor(ages[members] / 10))) == 1
        assert len(np.unique(cohort.prediction_times[members])) == 1
    assert len(np.unique(cohort.rows)) == len(cohort)
    failing = histories.codes == np.flatnonzero(histories.vocabulary == HF)[0]
    with_code = set(histories.event_patients()[failing])
    assert with_code.isdisjoint(cohort.rows[cohort.y == 0])


def test_the_same_seed_gives_the_same_cohort(histories):
    first, again, other = (
        build_cohort(histories, HEART_FAILURE, random_state=seed).rows for seed in (0, 0, 1)
    )
    assert np.array_equal(first, again)
    assert not np.array_equal(np.sort(first), np.sort(other))


def test_window_and_gap(histories):
    near = build_cohort(histories, HEART_FAILURE, gap=30)
    plain = build_cohort(histories, HEART_FAILURE, min_events=0)
    lead = plain.prediction_times[plain.y == 1].max() - near.prediction_times[near.y == 1].max()
    assert lead == np.timedelta64(30, "D")
    short = build_cohort(histories, HEART_FAILURE, observation_window=365)
    age = short.prediction_times[short.histories.event_patients()] - short.histories.times
    assert age.max() < np.timedelta64(365, "D")


def test_the_flow_adds_up(histories):
    cohort = build_cohort(
        histories,
        HEART_FAILURE,
        min_events=8,
        min_age=60,
        exclude=CodeSet("code zero", ("ICD10CM//Z0",)),
    )
    table = cohort.flow
    of_cases = table["step"].str.startswith("cases") & (table["kind"] == "left out")
    left_out = table.loc[of_cases, "patients"].sum()
    assert left_out > 0
    flow = table.set_index("step")["patients"]
    assert (
        flow["cases of heart failure"] - left_out == cohort.y.sum() == flow["cases in the cohort"]
    )
    assert flow["controls in the cohort"] == (cohort.y == 0).sum()
    without = flow["patients without a code of heart failure"]
    assert without - flow["not drawn as a control"] == flow["controls in the cohort"]
    assert (cohort.ages >= 60).all()
    zero = cohort.histories.vocabulary[cohort.histories.codes] == "ICD10CM//Z0"
    assert not zero.any()
    assert (np.diff(cohort.histories.event_offsets) >= 8).all()


def test_a_second_code_confirms_the_first():
    days = ["2020-01-01", "2020-02-01", "2020-02-01", "2020-05-01"]
    frame = pd.DataFrame(
        {"subject_id": 1, "time": days, "code": ["ICD10CM//I10", HF, "ICD10CM//I50.1", HF]}
    )
    frame.loc[4] = [2, "2020-01-01", "ICD10CM//I10"]
    frame.loc[5] = [3, "2020-03-01", HF]
    cohort = build_cohort(PatientHistories.from_events(frame), HEART_FAILURE, nth=2)
    assert cohort.prediction_times[0] == np.datetime64("2020-04-30T23:59:59.999999")
    assert cohort.rows.tolist() == [0, 1]
    assert "not matched on sex: not known" in cohort.flow["step"].tolist()


def test_the_dead_are_no_controls():
    frame = pd.DataFrame(
        {
            "subject_id": [1, 1, 2, 3],
            "time": ["2020-01-01", "2020-06-01", "2019-01-01", "2019-01-01"],
            "code": ["A", HF, "A", "A"],
        }
    )
    static = pd.DataFrame(
        {"subject_id": [1, 2, 3], "death_date": pd.to_datetime([None, "2019-05-01", "2021-01-01"])}
    )
    cohort = build_cohort(PatientHistories.from_events(frame, static=static), HEART_FAILURE)
    assert cohort.rows.tolist() == [0, 2]
    assert cohort.histories.static["death_date"].isna().all()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"nth": 0}, "nth=0"),
        ({"controls_per_case": 0}, "controls_per_case=0"),
        ({"age_band": 0}, "age_band=0"),
        ({"min_events": 1000}, "no case"),
        ({"match": ("code",), "min_age": 300}, "no case"),
    ],
)
def test_what_cannot_be_built_is_told(histories, options, words):
    with pytest.raises(ValueError, match=words):
        build_cohort(histories, HEART_FAILURE, **options)


def test_the_preset_finds_heart_failure_in_every_vocabulary(tmp_path):
    from cardiorisk.io import read_synthea

    found = read_synthea(write_tables(tmp_path, SYNTHEA_NEW)).vocabulary
    assert found[HEART_FAILURE.matches(found)].tolist() == ["SNOMED//88805009"]
    others = np.array(["ICD9CM//428.0", "ICD9CM//427.31", "ICD10CM//I50.22", "CCS//108", "CCS//1"])
    assert HEART_FAILURE.matches(others).tolist() == [True, False, True, True, False]
    assert HEART_FAILURE.source


def test_the_flow_is_drawn_and_told(histories):
    flow = build_cohort(histories, HEART_FAILURE, min_age=65).flow
    ax = plot_cohort_flow(flow)
    shown = {text.get_text() for text in ax.texts}
    assert {f"{row.patients:,} {row.step}" for row in flow.dropna().itertuples()} <= shown
    assert ax.get_label() == cohort_flow_text(flow)
    assert "300 patients in the histories; 30 cases" in cohort_flow_text(flow)
