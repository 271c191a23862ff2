import gzip
import hashlib

import pytest
from ehr_tables import MIMIC_IV, write_tables

from cardiorisk.datasets import fetch_mimic_iv_demo, mimic_iv_demo
from cardiorisk.exceptions import DataNotFoundError, ReadError

pytest.importorskip("pyarrow")


@pytest.fixture
def small_demo(tmp_path, monkeypatch):
    """Made-up tables in the place of the demo, and their checksums in the place of its own."""
    monkeypatch.delenv("CARDIORISK_DATA", raising=False)
    folder = write_tables(tmp_path / "mimic_iv_demo" / "hosp", MIMIC_IV)
    (folder.parent / "LICENSE.txt").write_text("")
    digests = {
        name: hashlib.sha256(MIMIC_IV[name].encode()).hexdigest()
        for name in ("patients", "admissions", "diagnoses_icd")
    }
    monkeypatch.setattr(mimic_iv_demo, "TABLES", digests)
    return folder


def test_a_copy_is_found_and_read(small_demo):
    demo = fetch_mimic_iv_demo(small_demo.parents[1])
    assert len(demo.histories) == 2
    assert "10.13026/dp1f-ex47" in demo.DESCR


def test_a_gzipped_table_is_the_same(small_demo):
    table = small_demo / "patients.csv"
    (small_demo / "patients.csv.gz").write_bytes(gzip.compress(table.read_bytes()))
    table.unlink()
    assert len(fetch_mimic_iv_demo(small_demo.parents[1]).histories) == 2


def test_another_table_or_none_is_refused(small_demo):
    (small_demo / "patients.csv").write_text(MIMIC_IV["patients"] + "12,F,60,2150,\n")
    with pytest.raises(ReadError, match="not the published one"):
        fetch_mimic_iv_demo(small_demo.parents[1])
    (small_demo / "patients.csv").unlink()
    with pytest.raises(ReadError, match="without patients"):
        fetch_mimic_iv_demo(small_demo.parents[1])


def test_no_copy_and_no_download(tmp_path, monkeypatch):
    monkeypatch.delenv("CARDIORISK_DATA", raising=False)
    with pytest.raises(DataNotFoundError, match="mimic_iv_demo"):
        fetch_mimic_iv_demo(tmp_path, download_if_missing=False)


@pytest.mark.real_data
def test_the_demo_has_its_published_counts(data_folder):
    histories = fetch_mimic_iv_demo(data_folder, download_if_missing=False).histories
    assert len(histories) == 100
    assert len(histories.codes) == 4506
    assert len(histories.visit_offsets) - 1 == 275
