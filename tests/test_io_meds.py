import json

import numpy as np
import pandas as pd
import pytest

from cardiorisk.exceptions import ReadError
from cardiorisk.features import HEART_FAILURE
from cardiorisk.io import read_meds, read_mimic_iii, read_synthea, write_meds
from cardiorisk.records import PatientHistories

pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")
meds = pytest.importorskip("meds")
COLUMNS = ("codes", "times", "vocabulary", "visit_offsets", "patient_offsets", "subject_ids")


def assert_same(first, second):
    for name in COLUMNS:
        assert np.array_equal(getattr(first, name), getattr(second, name)), name


def shard(rows, **types):
    """A MEDS table of (subject, time, code, value)."""
    subject, time, code, value = zip(*rows, strict=True)
    times = pd.to_datetime(pd.Series(time, dtype=object)).to_numpy("datetime64[us]")
    return pa.table(
        {
            "subject_id": pa.array(subject, types.get("subject", pa.int64())),
            "time": pa.array(times, types.get("time", pa.timestamp("us"))),
            "code": pa.array(code, types.get("code", pa.string())),
            "numeric_value": pa.array(value, pa.float32()),
        }
    )


ROWS = [
    (1, None, "GENDER//F", None),
    (1, None, "HEIGHT", 1.6),
    (1, "1950-01-01", "MEDS_BIRTH", None),
    (1, "2020-01-01", "ICD10CM//I10", None),
    (1, "2020-02-01", "LAB//NTproBNP", 800.0),
    (1, "2021-01-01", "MEDS_DEATH", None),
    (2, None, "GENDER//M", None),
    (2, None, "SMOKER", None),
]


@pytest.fixture
def data(tmp_path):
    (tmp_path / "data").mkdir()
    return tmp_path


def test_events_and_what_has_no_time_are_told_apart(data):
    pq.write_table(shard(ROWS), data / "data" / "0.parquet")
    histories = read_meds(data)
    assert histories.vocabulary[histories.codes].tolist() == ["ICD10CM//I10", "LAB//NTproBNP"]
    static = histories.static
    assert static["sex"].tolist() == ["F", "M"]
    assert static["height"].round(1).tolist()[0] == 1.6
    assert static["birth_date"].iloc[0] == pd.Timestamp("1950-01-01")
    assert static["smoker"].tolist()[1] == 1
    assert np.diff(histories.event_offsets).tolist() == [2, 0]
    assert histories.as_of("2020-06-01").static["death_date"].isna().all()


@pytest.mark.parametrize(
    "types",
    [
        {"code": pa.large_string()},
        {"code": pa.dictionary(pa.int32(), pa.string())},
        {"time": pa.timestamp("ns")},
        {"subject": pa.int32()},
    ],
    ids=str,
)
def test_types_that_other_writers_use(data, types):
    code = types.pop("code", None)
    table = shard(ROWS, **types)
    if code is not None:
        table = table.set_column(2, "code", table["code"].cast(code))
    pq.write_table(table, data / "data" / "0.parquet")
    plain = data / "plain"
    plain.mkdir()
    pq.write_table(shard(ROWS), plain / "0.parquet")
    assert_same(read_meds(data), read_meds(plain))


def test_version_0_3_with_its_columns(data):
    table = shard(ROWS).append_column("text_value", pa.array([None] * len(ROWS), pa.string()))
    pq.write_table(table, data / "data" / "0.parquet")
    (data / "metadata").mkdir()
    (data / "metadata" / "dataset.json").write_text(json.dumps({"meds_version": "0.3.3"}))
    words = {"code": ["ICD10CM//I10"], "description": ["Hypertension"], "parent_codes": [None]}
    pq.write_table(pa.table(words), data / "metadata" / "codes.parquet")
    histories = read_meds(data)
    assert histories.descriptions.tolist() == ["Hypertension", ""]
    assert len(histories) == 2


def test_a_patient_in_several_shards_is_put_together_and_counted(data, tmp_path):
    first = [(1, "2020-01-01", "A", None), (2, "2020-01-01", "A", None)]
    second = [(3, "2020-01-01", "B", None), (1, "2019-01-01", "B", None)]
    pq.write_table(shard(first), data / "data" / "0.parquet")
    pq.write_table(shard(second), data / "data" / "1.parquet")
    histories = read_meds(data)
    assert histories.subject_ids.tolist() == [2, 3, 1]
    assert histories.vocabulary[histories[[2]].codes].tolist() == ["B", "A"]
    found = histories.reading.set_index("finding")["rows"]
    assert found["subject in several shards"] == 1
    assert_same(histories, read_meds(data, folder=tmp_path / "mapped"))


def test_bad_rows_are_counted(data):
    rows = [
        (1, "2020-02-01", "A", None),
        (1, "2020-01-01", "A", None),
        (1, "2020-01-01", "A", None),
        (1, "2020-01-01", "", None),
    ]
    pq.write_table(shard(rows), data / "data" / "0.parquet")
    found = read_meds(data).reading.set_index("finding")["rows"]
    assert found[["null code", "earlier than the row before", "duplicated"]].tolist() == [1, 1, 1]


def test_another_schema_is_refused(data):
    with pytest.raises(ReadError, match=r"data/\*\.parquet"):
        read_meds(data)
    table = shard(ROWS)
    pq.write_table(table.drop_columns(["code"]), data / "data" / "0.parquet")
    with pytest.raises(ReadError, match="schema of MEDS"):
        read_meds(data)
    words = table.set_column(0, "subject_id", pa.array(["Jane"] * len(ROWS)))
    pq.write_table(words, data / "data" / "0.parquet")
    with pytest.raises(ReadError, match="subject_id is string"):
        read_meds(data)


def small_histories(identifiers):
    events = pd.DataFrame(
        {
            "subject_id": np.repeat(identifiers[:2], 3),
            "time": ["2020-01-01", "2020-01-01", "2020-03-04 05:06:07.000008"] * 2,
            "code": ["A", "B", "C"] * 2,
            "visit": ["x", "x", "y"] * 2,
        }
    )
    static = pd.DataFrame(
        {
            "subject_id": identifiers,
            "sex": ["F", "M", None, None],
            "birth_date": pd.to_datetime(["1950-01-01", None, None, "1960-02-02"]),
            "weight": [70.5, np.nan, np.nan, np.nan],
        }
    )
    return PatientHistories.from_events(events, visit="visit", static=static)


@pytest.mark.parametrize("identifiers", [[4, 7, 8, 9], ["a", "b", "Jane Doe", "z"]], ids=str)
@pytest.mark.parametrize("per_shard", [1, 3, 100])
def test_what_is_written_is_read_again(tmp_path, identifiers, per_shard):
    histories = small_histories(identifiers)
    write_meds(histories, tmp_path, patients_per_shard=per_shard)
    for found in (read_meds(tmp_path), read_meds(tmp_path, folder=tmp_path / "mapped")):
        assert_same(histories, found)
        for name, column in histories.static.items():
            pd.testing.assert_series_equal(column, found.static[name], check_dtype=False)
    for file in (tmp_path / "data").glob("*.parquet"):
        meds.DataSchema.validate(pq.read_table(file))
    with pytest.raises(FileExistsError):
        write_meds(histories, tmp_path)
    with pytest.raises(ValueError, match="twice"):
        write_meds(histories[[0, 0]], tmp_path / "again")


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("reader", "name"), [(read_mimic_iii, "mimic_iii_demo"), (read_synthea, "synthea_sarabuzzi")]
)
def test_real_tables_go_through_meds_unchanged(reader, name, tmp_path, data_folder):
    histories = reader(data_folder / name)
    write_meds(histories, tmp_path, patients_per_shard=41)
    found = read_meds(tmp_path)
    assert_same(histories, found)
    assert found.static["sex"].tolist() == histories.static["sex"].tolist()


def test_codes_of_other_conversions_get_one_spelling(data):
    words = [
        "DIAGNOSIS//ICD//10//I5022",
        "ICD10CM/I50.22",
        "ICD10CM//i5022",
        "PROCEDURE//ICD//9//3722",
    ]
    words += ["DIAGNOSIS//ICD//9//4280", "SNOMED/84114007", "LAB//50912//mg/dL", "DRUG//a/b"]
    rows = [(1, f"2020-01-0{day}", word, None) for day, word in enumerate(words, start=1)]
    pq.write_table(shard(rows), data / "data" / "0.parquet")
    histories = read_meds(data)
    assert histories.vocabulary[histories.codes].tolist() == [
        *["ICD10CM//I50.22"] * 3,
        *("ICD9Proc//37.22", "ICD9CM//428.0", "SNOMED//84114007", "LAB//50912//mg/dL", "DRUG//a/b"),
    ]
    assert HEART_FAILURE.matches(histories.vocabulary).sum() == 3
