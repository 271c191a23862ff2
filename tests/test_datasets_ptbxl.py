import hashlib
import zipfile
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from ptbxl_files import write_ptbxl

from cardiorisk.datasets import fetch_ptbxl, ptbxl
from cardiorisk.datasets._storage import sha256_of
from cardiorisk.exceptions import DataNotFoundError, ReadError
from cardiorisk.records import STANDARD_LEADS

wfdb = pytest.importorskip("wfdb", reason="needs wfdb (extra ecg)")


@pytest.fixture(autouse=True)
def no_other_copies(monkeypatch, tmp_path):
    monkeypatch.delenv("CARDIORISK_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def small_set(tmp_path):
    folder = tmp_path / "ptbxl"
    folder.mkdir()
    return folder, write_ptbxl(folder)


@pytest.mark.parametrize("rate", [100, 500])
def test_records_labels_patients_and_folds_fit_together(small_set, rate):
    folder, signals = small_set
    found = fetch_ptbxl(folder.parent, sampling_rate=rate)
    assert found.data.shape == (4, 12, 10 * rate)
    assert found.unit == "mV"
    expected = signals[:, :: 500 // rate].transpose(0, 2, 1)
    np.testing.assert_allclose(found.data, expected, atol=0.00051)  # one count is 1 uV
    assert found.records[1].record_id == "2"
    assert found.records[1].lead_names == STANDARD_LEADS
    assert found.groups.tolist() == ["100", "101", "101", "103"]
    assert found.folds.tolist() == [3, 9, 9, 10]
    assert found.target.columns.tolist() == ["NORM", "IMI", "SR", "AFIB"]
    assert found.target.to_numpy().tolist() == [
        [1, 0, 1, 0],
        [0, 1, 0, 1],  # a likelihood of 0 is unknown, not absent
        [0, 0, 1, 0],
        [0, 0, 0, 0],
    ]
    assert found.metadata["age"].tolist()[:2] == [56.0, 90.0]
    assert found.metadata["age_above_89"].tolist() == [False, True, False, False]
    assert found.metadata["sex"].tolist() == ["female", "male", "male", "female"]


def test_records_that_are_not_there_are_left_out(small_set):
    folder, _ = small_set
    (folder / "records100/00000/00002_lr.hea").unlink()
    found = fetch_ptbxl(folder.parent)
    assert found.metadata.index.tolist() == [1, 3, 4]
    assert len(found.data) == len(found.target) == len(found.records) == 3


def test_unreadable_statements_are_named(small_set):
    folder, _ = small_set
    path = folder / "ptbxl_database.csv"
    path.write_text(path.read_text().replace("'IMI'", "'XYZ'"))
    with pytest.raises(ReadError, match="XYZ"):
        fetch_ptbxl(folder.parent)


def test_a_table_without_records_is_refused(tmp_path):
    (tmp_path / "ptbxl").mkdir()
    write_ptbxl(tmp_path / "ptbxl", rates=())
    with pytest.raises(DataNotFoundError, match="none of the 4"):
        fetch_ptbxl(tmp_path)


@pytest.mark.parametrize("wrong", [{"sampling_rate": 250}, {"part": "half"}])
def test_wrong_parameters_are_told_before_anything_is_read(wrong):
    with pytest.raises(ValueError, match="Got"):
        fetch_ptbxl(download_if_missing=False, **wrong)


def test_nothing_is_downloaded_unasked(tmp_path):
    with pytest.raises(DataNotFoundError, match="ptbxl"):
        fetch_ptbxl(tmp_path, download_if_missing=False)


def packed(folder, path, damage=""):
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    sums = [f"{sha256_of(file)} {file.relative_to(folder).as_posix()}" for file in files]
    with zipfile.ZipFile(path, "w") as archive:
        for file in files:
            name = file.relative_to(folder).as_posix()
            content = file.read_bytes() + (b"x" if name == damage else b"")
            archive.writestr(f"ptb-xl-1.0.3/{name}", content)
        archive.writestr("ptb-xl-1.0.3/SHA256SUMS.txt", "\n".join(sums) + "\n")
    pinned = [line for line in sums if ptbxl.PTBXL.pinned(line.split(" ", 1)[1])]
    digest = hashlib.sha256("\n".join(pinned).encode()).hexdigest()
    return replace(ptbxl.PTBXL, url=path.as_uri(), pinned_sha256=digest)


def local_copy(url, known_hash, fname, path, progressbar):
    """What pooch does with an address on the network, which the tests have not."""
    from pathlib import Path
    from shutil import copyfile
    from urllib.parse import urlparse

    target = Path(path) / fname
    copyfile(urlparse(url).path, target)
    return str(target)


def test_the_download_is_unpacked_and_checked_file_by_file(small_set, tmp_path, monkeypatch):
    folder, signals = small_set
    monkeypatch.setattr("pooch.retrieve", local_copy)
    monkeypatch.setattr(ptbxl, "PTBXL", packed(folder, tmp_path / "set.zip"))
    found = fetch_ptbxl(tmp_path / "new")
    np.testing.assert_allclose(found.data[0, 1], signals[0, ::5, 1], atol=0.00051)
    damaged = packed(folder, tmp_path / "set.zip", damage="records100/00000/00003_lr.dat")
    monkeypatch.setattr(ptbxl, "PTBXL", damaged)
    with pytest.raises(ReadError, match="00003_lr"):
        fetch_ptbxl(tmp_path / "other")


def write_arrays(folder):
    x = np.random.default_rng(0).integers(-1000, 1000, (3, 1000, 12)).astype(np.int16)
    ids = np.array([24, 43, 55], np.int32)
    np.savez(folder / "ptbxl3_zscored_100hz.npz", x=x, ecg_id=ids, scale=np.float32(500))
    labels = {"ecg_id": ids, "split": ["train", "val", "train"], "scp_codes": ["NORM|SR", "", ""]}
    labels |= {"c24_NORM": [1, 0, 0], "c24_PVC": [0, 1, 0]}
    pd.DataFrame(labels).to_csv(folder / "ptbxl3_labels.csv", index=False)
    return x


def test_arrays_are_found_where_there_is_nothing_else(tmp_path):
    (tmp_path / "ptbxl").mkdir()
    x = write_arrays(tmp_path / "ptbxl")
    found = fetch_ptbxl(tmp_path, download_if_missing=False)
    assert found.unit == "standard deviations of the lead"
    np.testing.assert_allclose(found.data, x.transpose(0, 2, 1) / 500)
    assert found.target.columns.tolist() == ["NORM", "PVC"]
    assert found.metadata["split"].tolist() == ["train", "val", "train"]
    assert found.groups is found.folds is None
    with pytest.raises(DataNotFoundError, match="ptbxl_database"):
        fetch_ptbxl(tmp_path, download_if_missing=False, part="full")
    with pytest.raises(DataNotFoundError, match="100 Hz"):
        fetch_ptbxl(tmp_path, sampling_rate=500)
    write_ptbxl(tmp_path / "ptbxl")
    assert fetch_ptbxl(tmp_path).unit == "mV"
    assert fetch_ptbxl(tmp_path, part="arrays").unit != "mV"


def test_arrays_in_another_order_than_their_labels_are_refused(tmp_path):
    (tmp_path / "ptbxl").mkdir()
    write_arrays(tmp_path / "ptbxl")
    path = tmp_path / "ptbxl" / "ptbxl3_labels.csv"
    pd.read_csv(path).iloc[::-1].to_csv(path, index=False)
    with pytest.raises(ReadError, match="order"):
        fetch_ptbxl(tmp_path)


@pytest.mark.real_data
def test_the_pinned_sum_is_that_of_an_original_record(data_folder):
    name = "records100/00000/00001_lr.dat"
    assert ptbxl.PTBXL.pinned(name)
    line = f"{sha256_of(data_folder / 'ptbxl' / '00001_lr.dat')} {name}"
    assert hashlib.sha256(line.encode()).hexdigest() == ptbxl.PTBXL.pinned_sha256


@pytest.mark.real_data
def test_the_shared_arrays_are_found(data_folder):
    found = fetch_ptbxl(data_folder, download_if_missing=False)
    assert found.data.shape == (1625, 12, 1000)
    assert found.target.shape == (1625, 11)
    assert found.metadata["split"].value_counts().to_dict() == {"train": 1442, "val": 183}
