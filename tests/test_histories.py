import copy
import pickle

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_predict, train_test_split
from sklearn.pipeline import make_pipeline

from cardiorisk._histories.ordering import order_events
from cardiorisk.evaluation import evaluate
from cardiorisk.exceptions import ReadError, TableError
from cardiorisk.records import PatientHistories

COLUMNS = ("codes", "times", "vocabulary", "visit_offsets", "patient_offsets", "subject_ids")
LATER = "LATER//THAN//PREDICTION"


def same(first, second):
    return all(np.array_equal(getattr(first, name), getattr(second, name)) for name in COLUMNS)


def events_of(n_patients=40, n_events=600, seed=0):
    rng = np.random.default_rng(seed)
    days = rng.integers(0, 3000, n_events)
    return pd.DataFrame(
        {
            "subject_id": rng.integers(0, n_patients, n_events),
            "time": pd.Timestamp("2015-01-01") + pd.to_timedelta(days, "D"),
            "code": rng.choice([f"C{number}" for number in range(12)], n_events),
        }
    )


def counted(histories):
    table = histories.reading
    return dict(zip(table["finding"], table["rows"], strict=True))


class Counts(TransformerMixin, BaseEstimator):
    def fit(self, X, y=None):
        return self

    def transform(self, X):
        table = np.zeros(X.shape)
        np.add.at(table, (X.event_patients(), X.codes), 1)
        return table


@pytest.fixture(scope="module")
def histories():
    return PatientHistories.from_events(events_of())


def test_offsets_say_whose_each_event_is(histories):
    frame = events_of().drop_duplicates().sort_values(["subject_id", "time", "code"])
    assert np.array_equal(histories.subject_ids[histories.event_patients()], frame["subject_id"])
    assert np.array_equal(histories.times, frame["time"].to_numpy())
    assert np.array_equal(histories.vocabulary[histories.codes], frame["code"])
    assert len(histories.visit_offsets) - 1 == len(frame.groupby(["subject_id", "time"]))
    assert histories.shape == (len(histories), 12)


def test_order_of_the_rows_makes_no_difference(histories):
    assert same(histories, PatientHistories.from_events(events_of().sample(frac=1, random_state=1)))


@pytest.mark.parametrize("library", ["polars", "pyarrow"])
def test_other_frames_give_the_same_histories(histories, library):
    frame = events_of()
    if library == "polars":
        other = pytest.importorskip("polars").from_pandas(frame)
        assert same(histories, PatientHistories.from_events(other.lazy()))
    else:
        other = pytest.importorskip("pyarrow").Table.from_pandas(frame)
    assert same(histories, PatientHistories.from_events(other))


@pytest.mark.parametrize(
    "key", [3, -1, slice(2, 9), slice(None, None, -3), [5, 5, 0], np.arange(40) % 2 == 0, []]
)
def test_rows_are_picked_like_those_of_an_array(histories, key):
    part = histories[key]
    rows = np.atleast_1d(np.arange(len(histories))[key])
    assert np.array_equal(part.subject_ids, histories.subject_ids[rows])
    assert part.shape == (len(rows), 12)
    for place, row in enumerate(rows):
        start, stop = histories.event_offsets[row : row + 2]
        mine = slice(*part.event_offsets[place : place + 2])
        assert np.array_equal(part.codes[mine], histories.codes[start:stop])
        assert np.array_equal(part.times[mine], histories.times[start:stop])
        assert np.diff(part.patient_offsets)[place] == np.diff(histories.patient_offsets)[row]
    PatientHistories(*(getattr(part, name) for name in COLUMNS))  # the checks of the contract


def test_a_row_out_of_range_and_a_column_are_refused(histories):
    with pytest.raises(IndexError):
        histories[len(histories)]
    with pytest.raises(IndexError, match="by patient only"):
        histories[0, 1]
    with pytest.raises(TypeError, match="ConceptCounts"):
        np.asarray(histories)


def test_scikit_learn_splits_histories(histories):
    y = np.arange(len(histories)) % 2
    model = make_pipeline(Counts(), LogisticRegression())
    train, test, *_ = train_test_split(histories, y, random_state=0)
    assert len(train) + len(test) == len(histories)
    expected = cross_val_predict(model[1], Counts().transform(histories), y, method="predict_proba")
    found = cross_val_predict(model, histories, y, method="predict_proba")
    np.testing.assert_allclose(found, expected)
    assert evaluate(model, histories, y, n_bootstraps=0).probability.shape == (1, len(y), 2)


def test_nothing_later_than_the_prediction_time_is_visible(histories):
    frame = events_of()
    moments = pd.Series(
        pd.Timestamp("2018-01-01") + pd.to_timedelta(np.arange(len(histories)) * 9, "D"),
        index=histories.subject_ids,
    )
    planted = pd.DataFrame(
        {
            "subject_id": np.repeat(histories.subject_ids, 3),
            "time": np.repeat(moments.to_numpy(), 3)
            + np.tile(pd.to_timedelta(["1us", "1h", "2000D"]), len(histories)),
            "code": LATER,
        }
    )
    leaky = PatientHistories.from_events(pd.concat([planted, frame]))
    known = leaky.as_of(moments.to_numpy())
    assert LATER not in known.vocabulary[known.codes]
    assert len(known) == len(leaky)
    assert (known.times <= moments.to_numpy()[known.event_patients()]).all()
    assert np.array_equal(known.prediction_times, moments.to_numpy().astype("datetime64[us]"))
    frame = frame.drop_duplicates()
    visible = frame["time"].to_numpy() <= moments[frame["subject_id"]].to_numpy()
    assert len(known.codes) == visible.sum()


@pytest.mark.parametrize("window", [365, pd.Timedelta(days=365), np.timedelta64(365, "D")])
def test_window_and_gap_have_their_edges_where_they_say(window):
    at = pd.Timestamp("2020-12-31")
    days = [0, 29, 30, 394, 395, 396]
    frame = pd.DataFrame({"subject_id": 1, "time": at - pd.to_timedelta(days, "D"), "code": "A"})
    known = PatientHistories.from_events(frame).as_of(at, observation_window=window, gap=30)
    found = (np.datetime64(at) - known.times).astype("timedelta64[D]").astype(int)
    assert sorted(found.tolist()) == [30, 394]


@given(
    st.lists(
        st.tuples(st.integers(0, 4), st.integers(0, 9), st.integers(0, 3), st.integers(0, 2)),
        max_size=40,
    ),
    st.integers(0, 9),
    st.one_of(st.none(), st.integers(0, 9)),
)
def test_as_of_agrees_with_a_filter_of_the_table(rows, day, window):
    start = pd.Timestamp("2020-01-01")
    frame = pd.DataFrame(rows, columns=["subject_id", "day", "code", "visit"])
    frame["time"] = start + pd.to_timedelta(frame.pop("day"), "D")
    frame["code"] = "C" + frame["code"].astype(str)
    people = pd.DataFrame({"subject_id": range(5)})
    moment = start + pd.Timedelta(days=day)
    keep = frame["time"] <= moment
    if window is not None:
        keep &= frame["time"] > moment - pd.Timedelta(days=window)
    options = {"visit": "visit", "static": people}
    whole = PatientHistories.from_events(frame, **options)
    seen = whole.as_of(moment, observation_window=window)
    alone = PatientHistories.from_events(frame[keep], **options)
    assert np.array_equal(seen.event_offsets, alone.event_offsets)
    assert np.array_equal(seen.times, alone.times)
    assert np.array_equal(seen.vocabulary[seen.codes], alone.vocabulary[alone.codes])
    assert np.array_equal(seen.visit_offsets, alone.visit_offsets)


def test_later_dates_of_static_are_hidden():
    static = pd.DataFrame(
        {
            "subject_id": [1, 2],
            "sex": ["F", "M"],
            "death_date": pd.to_datetime(["2020-06-01", "2019-01-01"]),
        }
    )
    frame = pd.DataFrame({"subject_id": [1], "time": [pd.Timestamp("2018-01-01")], "code": ["A"]})
    histories = PatientHistories.from_events(frame, static=static)
    known = histories.as_of("2020-01-01")
    assert known.static["death_date"].isna().tolist() == [True, False]
    assert histories.static["death_date"].notna().all()
    assert known.static["sex"].tolist() == ["F", "M"]
    assert np.diff(known.event_offsets).tolist() == [1, 0]


def test_bad_rows_are_counted_and_left_out():
    time = ["2020-01-02", "2020-01-01", None, "no date", "2020-01-01", "2020-01-01", "2020-01-03"]
    frame = pd.DataFrame(
        {
            "subject_id": [1, 1, 1, 1, None, 2, 1],
            "time": time,
            "code": ["B", "A", "A", "A", "A", "A", "  "],
        }
    )
    note = "Patient Jane Doe, phone 555\nfelt unwell"
    frame.loc[len(frame)] = [1, "2020-01-05", note]
    frame.loc[len(frame)] = [1, "2020-01-01", "A "]
    static = pd.DataFrame({"subject_id": [1, 3]})
    histories = PatientHistories.from_events(frame, static=static)
    assert counted(histories) == {
        "read": 9,
        "null subject": 1,
        "null code": 1,
        "null or unreadable time": 2,
        "free text in the code column": 1,
        "unknown subject": 1,
        "earlier than the row before": 1,
        "duplicated": 1,
    }
    assert histories.vocabulary[histories.codes].tolist() == ["A", "B"]
    assert histories.subject_ids.tolist() == [1, 3]
    assert histories.reading["treatment"].ne("").sum() == 7


def test_identifiers_of_different_types_meet_and_are_never_printed():
    frame = pd.DataFrame({"subject_id": ["Jane Doe", "7"], "time": "2020-01-01", "code": "A"})
    static = pd.DataFrame({"subject_id": [7, 8]})
    histories = PatientHistories.from_events(frame, static=static)
    assert histories.subject_ids.tolist() == ["7", "8"]
    everyone = PatientHistories.from_events(frame)
    assert "Jane" not in repr(everyone) + str(everyone.reading)


def test_visits_are_given_or_days_and_time_order_wins():
    frame = pd.DataFrame(
        {
            "subject_id": 1,
            "time": pd.to_datetime(["2020-01-01 08:00", "2020-01-02 08:00", "2020-01-03 08:00"]),
            "code": list("ABC"),
            "visit": ["x", "y", "x"],
        }
    )
    assert len(PatientHistories.from_events(frame).visit_offsets) == 4
    cut = PatientHistories.from_events(frame, visit="visit")
    assert len(cut.visit_offsets) == 4
    assert counted(cut)["piece of an interrupted visit"] == 1
    frame["visit"] = ["x", "x", None]
    assert PatientHistories.from_events(frame, visit="visit").visit_offsets.tolist() == [0, 2, 3]


def test_no_events_and_very_many():
    nobody = PatientHistories.from_events(events_of(n_events=0))
    assert nobody.shape == (0, 0)
    assert len(nobody.as_of("2020-01-01")) == 0
    many = events_of(n_patients=1, n_events=60_000)
    many["time"] += pd.to_timedelta(np.arange(len(many)), "s")
    busy = PatientHistories.from_events(many, static=pd.DataFrame({"subject_id": [0, 1]}))
    assert np.diff(busy.event_offsets).tolist() == [60_000, 0]
    assert np.diff(busy[[1, 0, 1]].event_offsets).tolist() == [0, 60_000, 0]


def test_histories_are_saved_and_mapped(histories, tmp_path):
    moments = np.repeat(np.datetime64("2019-01-01", "us"), len(histories))
    people = pd.DataFrame({"sex": ["F", None] * 20, "birth_date": pd.Timestamp("1950-02-03")})
    people["weight"] = np.arange(40.0)
    frame = people.assign(subject_id=histories.subject_ids)
    whole = PatientHistories.from_events(events_of(), static=frame).as_of(moments)
    for _ in range(2):  # the second replaces the first
        whole.save(tmp_path / "saved")
    found = PatientHistories.open(tmp_path / "saved")
    assert isinstance(found.codes, np.memmap)
    assert same(whole, found)
    assert np.array_equal(found.prediction_times, moments)
    pd.testing.assert_frame_equal(found.reading, whole.reading)
    assert found.static["sex"].isna().sum() == 20
    assert found.static["birth_date"].eq(pd.Timestamp("1950-02-03")).all()
    assert same(found[5:9], whole[5:9])


def test_a_folder_that_is_not_ours_is_left_alone(histories, tmp_path):
    (tmp_path / "thesis.docx").write_text("")
    with pytest.raises(FileExistsError, match=r"thesis\.docx"):
        histories.save(tmp_path)
    with pytest.raises(ReadError, match="saved histories"):
        PatientHistories.open(tmp_path)
    histories.save(tmp_path / "a")
    (tmp_path / "a" / "codes.npy").write_bytes(b"")
    with pytest.raises(ReadError, match="damaged"):
        PatientHistories.open(tmp_path / "a")


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda h: pickle.loads(pickle.dumps(h))])
def test_copies_are_equal(histories, duplicate):
    assert same(histories, duplicate(histories))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"codes": [0, 9]}, "vocabulary has 2"),
        ({"times": ["2020-01-02", "2020-01-01"]}, "earlier"),
        ({"times": ["2020-01-02", "NaT"]}, "missing time"),
        ({"visit_offsets": [0, 1]}, "do not rise"),
        ({"visit_offsets": [0, 0, 2], "patient_offsets": [0, 2]}, "empty visit"),
        ({"subject_ids": [1, 2]}, "expected 1"),
        ({"codes": [[0, 1]]}, "one dimension"),
    ],
)
def test_columns_that_do_not_fit_are_refused(change, words):
    columns = {
        "codes": [0, 1],
        "times": np.array(["2020-01-01", "2020-01-02"], "datetime64[us]"),
        "vocabulary": ["A", "B"],
        "visit_offsets": [0, 2],
        "patient_offsets": [0, 1],
        "subject_ids": [7],
    } | change
    columns["times"] = np.array(columns["times"], "datetime64[us]")
    with pytest.raises(ValueError, match=words):
        PatientHistories(**columns)


@pytest.mark.parametrize(
    ("moments", "options", "words"),
    [
        ([pd.NaT] * 40, {}, "missing"),
        ([pd.Timestamp("2020-01-01")] * 3, {}, "3 prediction_times"),
        (list(range(40)), {}, "numbers"),
        ("2020-01-01", {"gap": -1}, "gap"),
        ("2020-01-01", {"observation_window": float("nan")}, "observation_window"),
    ],
)
def test_unusable_windows_are_refused(histories, moments, options, words):
    with pytest.raises(ValueError, match=words):
        histories.as_of(moments, **options)


def test_frames_that_do_not_fit_are_refused():
    with pytest.raises(TableError, match="expected code"):
        PatientHistories.from_events(pd.DataFrame({"subject_id": [1], "time": ["2020-01-01"]}))
    with pytest.raises(TableError, match="Got numbers in the time column"):
        PatientHistories.from_events(pd.DataFrame({"subject_id": [1], "time": [5], "code": ["A"]}))
    with pytest.raises(TableError, match="1 repeated"):
        PatientHistories.from_events(events_of(), static=pd.DataFrame({"subject_id": [1, 1]}))


@pytest.mark.parametrize("most", [0, 2000, 2**63])
@pytest.mark.parametrize("n_visits", [1, 9])
def test_events_are_ordered_by_patient_time_visit_and_code(monkeypatch, most, n_visits):
    """With one number for everything, with one for patient and time, and with none."""
    monkeypatch.setattr("cardiorisk._histories.ordering.MOST", most)
    rng = np.random.default_rng(0)
    patient, codes = rng.integers(0, 20, 3000), rng.integers(0, 30, 3000)
    seconds = rng.integers(0, 60, 3000)
    visits = 1000 * patient + 10 * seconds + rng.integers(0, n_visits, 3000)
    times = np.datetime64("2020-01-01", "us") + seconds * np.timedelta64(1, "s")
    events = np.unique(np.stack([patient, seconds, visits, codes]), axis=1)
    found = order_events(patient, times, codes, visits, n_patients=20)
    assert np.array_equal(found.codes, events[3])
    assert np.array_equal(found.times, times.min() + events[1] * np.timedelta64(1, "s"))
    of_visit = np.repeat(events[2][found.visit_offsets[:-1]], np.diff(found.visit_offsets))
    assert np.array_equal(of_visit, events[2])
    assert found.n_duplicates == 3000 - events.shape[1]
    pieces = len(np.unique(of_visit)), len(found.visit_offsets) - 1
    assert found.n_split_visits == pieces[1] - pieces[0]
