import numpy as np
import pandas as pd
import pytest

from cardiorisk.datasets import make_machine_measurements
from cardiorisk.exceptions import ReadError
from cardiorisk.io import read_machine_measurements
from cardiorisk.io.machine_measurements import COLUMNS, MEASURED, REPORT_LINES


@pytest.fixture(scope="module")
def simulated():
    return make_machine_measurements(500, random_state=0).data


@pytest.fixture(scope="module")
def file(simulated, tmp_path_factory):
    path = tmp_path_factory.mktemp("tables") / "machine_measurements.csv"
    simulated.to_csv(path, index=False)
    return path


@pytest.fixture(scope="module")
def record_list(simulated, tmp_path_factory):
    records = simulated[["subject_id", "study_id"]].sample(frac=1, random_state=0)
    records["path"] = "files/p1/s" + records["study_id"].astype(str)
    path = tmp_path_factory.mktemp("lists") / "record_list.csv"
    records.iloc[1:].to_csv(path, index=False)
    return path


def as_words(frame):
    return frame.astype(dict.fromkeys(frame.select_dtypes("category"), object))


@pytest.mark.parametrize("suffix", [".csv", ".csv.gz", ".csv.zip"])
def test_what_was_written_is_read(simulated, tmp_path, suffix):
    path = tmp_path / f"table{suffix}"
    simulated.to_csv(path, index=False)
    read = read_machine_measurements(path)
    pd.testing.assert_frame_equal(as_words(read), as_words(simulated), check_dtype=False)
    assert (read.dtypes == simulated.dtypes).drop(["ecg_time"]).all()


def test_columns_of_numbers_and_words_become_words(simulated, tmp_path):
    mixed = as_words(simulated).assign(report_12=["1", "2.50", "text", None] * 125)
    mixed.to_csv(tmp_path / "t.csv", index=False)
    read = read_machine_measurements(tmp_path / "t.csv")
    assert read["report_12"].astype(object).tolist()[:3] == ["1", "2.50", "text"]
    assert read["report_12"].isna().sum() == 125


def test_parts_of_the_table(file):
    measured = read_machine_measurements(file, columns="measured", n_rows=7)
    assert list(measured) == ["subject_id", "study_id", "cart_id", "ecg_time", *MEASURED]
    assert len(measured) == 7
    reports = read_machine_measurements(file, columns="report")
    assert list(reports) == ["subject_id", "study_id", *REPORT_LINES]
    some = read_machine_measurements(file, columns=["t_axis", "study_id"])
    assert list(some) == ["study_id", "t_axis"]


def test_chunks_are_the_table_in_pieces(file):
    chunks = list(read_machine_measurements(file, chunk_size=120, columns="measured"))
    assert [len(chunk) for chunk in chunks] == [120, 120, 120, 120, 20]
    whole = read_machine_measurements(file, columns="measured")
    pd.testing.assert_frame_equal(pd.concat(chunks), whole)
    first = read_machine_measurements(file, chunk_size=120, n_rows=150)
    assert [len(chunk) for chunk in first] == [120, 30]


def test_order_of_the_file_and_further_columns_do_not_matter(simulated, tmp_path):
    shuffled = simulated[list(reversed(COLUMNS))].assign(more=1)
    shuffled.to_csv(tmp_path / "t.csv", index=False)
    assert tuple(read_machine_measurements(tmp_path / "t.csv")) == COLUMNS


def test_the_record_list_adds_paths_in_the_order_of_the_table(file, record_list, simulated):
    read = read_machine_measurements(file, columns="measured", record_list=record_list)
    assert read["study_id"].tolist() == simulated["study_id"].tolist()
    listed = read["path"].notna()
    assert (~listed).sum() == 1
    expected = "files/p1/s" + read["study_id"].astype(str)
    assert (read["path"] == expected)[listed].all()
    chunks = read_machine_measurements(file, record_list=record_list, chunk_size=100)
    assert pd.concat(chunk["path"] for chunk in chunks).equals(read["path"])


def test_a_record_list_of_another_release_is_refused(file, record_list, tmp_path):
    other = pd.read_csv(record_list)
    other.assign(subject_id=other["subject_id"] + 1).to_csv(tmp_path / "r.csv", index=False)
    with pytest.raises(ReadError, match="different subjects"):
        read_machine_measurements(file, record_list=tmp_path / "r.csv")
    pd.concat([other, other.head(1)]).to_csv(tmp_path / "twice.csv", index=False)
    with pytest.raises(ReadError, match="more than once"):
        read_machine_measurements(file, record_list=tmp_path / "twice.csv")


def test_a_missing_column_is_named(simulated, tmp_path):
    simulated.drop(columns=["p_end", "report_3"]).to_csv(tmp_path / "t.csv", index=False)
    with pytest.raises(ReadError, match="has no column report_3, p_end"):
        read_machine_measurements(tmp_path / "t.csv")
    assert len(read_machine_measurements(tmp_path / "t.csv", columns=["t_end"])) == 500


@pytest.mark.parametrize("chunk_size", [None, 100])
def test_text_among_numbers_is_an_error(simulated, tmp_path, chunk_size):
    wrong = simulated.astype({"qrs_end": object})
    wrong.loc[450, "qrs_end"] = "n/d"
    wrong.to_csv(tmp_path / "t.csv", index=False)
    with pytest.raises(ReadError, match=r"text where a number is expected.*n/d"):
        list(read_machine_measurements(tmp_path / "t.csv", chunk_size=chunk_size))


def test_an_empty_cell_is_missing(simulated, tmp_path):
    simulated.assign(t_axis=np.nan).to_csv(tmp_path / "t.csv", index=False)
    assert read_machine_measurements(tmp_path / "t.csv")["t_axis"].isna().all()


def test_a_file_that_is_no_table_is_an_error(tmp_path, simulated):
    (tmp_path / "empty.csv").write_text("")
    with pytest.raises(ReadError, match=r"empty.csv could not be read"):
        read_machine_measurements(tmp_path / "empty.csv")
    (tmp_path / "binary.csv").write_bytes(bytes(range(128, 256)) * 20)
    with pytest.raises(ReadError):
        read_machine_measurements(tmp_path / "binary.csv")
    with pytest.raises(FileNotFoundError):
        read_machine_measurements(tmp_path / "absent.csv")
    simulated.astype({"ecg_time": str}).assign(ecg_time="noon").to_csv(
        tmp_path / "time.csv", index=False
    )
    with pytest.raises(ReadError, match="ecg_time"):
        read_machine_measurements(tmp_path / "time.csv")


def test_wrong_columns_are_refused(file, record_list):
    with pytest.raises(ValueError, match="columns='signals'"):
        read_machine_measurements(file, columns="signals")
    with pytest.raises(ValueError, match=r"columns=\[\]"):
        read_machine_measurements(file, columns=[])
    with pytest.raises(ValueError, match="without the column study_id"):
        read_machine_measurements(file, columns=["t_end"], record_list=record_list)
