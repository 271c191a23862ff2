import shutil

import numpy as np
import pytest

from cardiorisk.datasets import fetch_mitdb
from cardiorisk.datasets.mitdb import MITDB
from cardiorisk.exceptions import DataNotFoundError, ReadError

wfdb = pytest.importorskip("wfdb", reason="needs wfdb (extra ecg)")

SAMPLES, SYMBOLS = [18, 77, 370, 500, 662], ["+", "N", "V", "~", "/"]


@pytest.fixture
def small_mitdb(tmp_path):
    """Two WFDB records, two as arrays of first leads (one of them twice), and a stray file."""
    folder = tmp_path / "mitdb"
    folder.mkdir()
    signal = np.cumsum(np.random.default_rng(0).normal(0, 0.01, (3600, 2)), axis=0)
    for name in ("100", "202"):
        wfdb.wrsamp(
            name, 360, ["mV"] * 2, ["MLII", "V1"], signal, fmt=["212"] * 2, write_dir=str(folder)
        )
        wfdb.wrann(
            name, "atr", np.array(SAMPLES), SYMBOLS, aux_note=["(N", *[""] * 4], fs=360,
            write_dir=str(folder),
        )  # fmt: skip
    arrays = {"fs": np.int32(360), "gain": np.float32(200)}
    for name in ("100", "102"):
        arrays |= {f"ecg_{name}": np.arange(3600, dtype=np.int16), f"r_{name}": np.array([50, 350])}
        arrays[f"pvc_{name}"] = np.array([350])
    np.savez(folder / "mitdb2_lead0.npz", **arrays)
    (folder / "102-0.atr").write_bytes(b"an older set of marks")
    return folder


def test_records_beats_and_types_fit_together(small_mitdb):
    mitdb = fetch_mitdb(small_mitdb.parent)
    assert [record.record_id for record in mitdb.records] == ["100", "102", "202"]
    assert mitdb.groups.tolist() == ["100", "102", "201"]  # 201 and 202 are the same man
    whole, first_lead, _ = mitdb.records
    assert whole.lead_names == ("MLII", "V1")
    assert mitdb.beats[0].tolist() == [77, 370, 662]  # rhythm and noise marks are no beats
    assert mitdb.beat_types[0].tolist() == ["N", "V", "/"]
    assert first_lead.lead_names == ("V5",)
    assert first_lead.sampling_rate == mitdb.sampling_rate == 360
    np.testing.assert_allclose(first_lead.signal[0, :3], [0, 0.005, 0.010])
    assert mitdb.beats[1].tolist() == [50, 350]
    assert mitdb.beat_types[1].tolist() == ["?", "V"]
    assert "10.13026/C2F305" in mitdb.DESCR


def test_marks_that_cannot_be_read_are_named(small_mitdb):
    (small_mitdb / "100.atr").unlink()
    with pytest.raises(ReadError, match=r"100\.atr"):
        fetch_mitdb(small_mitdb.parent)


def test_a_folder_without_records_is_refused(tmp_path):
    (tmp_path / "mitdb").mkdir()
    (tmp_path / "mitdb" / "100.dat").write_bytes(b"")
    with pytest.raises(DataNotFoundError, match="no record"):
        fetch_mitdb(tmp_path)


def test_nothing_is_downloaded_unasked(tmp_path, monkeypatch):
    monkeypatch.delenv("CARDIORISK_DATA", raising=False)
    with pytest.raises(DataNotFoundError, match="mitdb"):
        fetch_mitdb(tmp_path, download_if_missing=False)


@pytest.mark.real_data
def test_the_pinned_sums_are_those_of_the_official_files(data_folder):
    import hashlib

    from cardiorisk.datasets._storage import sha256_of

    names = ("100.dat", "100.atr")
    assert all(map(MITDB.pinned, names))
    lines = sorted(f"{sha256_of(data_folder / 'mitdb' / name)} {name}" for name in names)
    assert hashlib.sha256("\n".join(lines).encode()).hexdigest() == MITDB.pinned_sha256


@pytest.mark.real_data
def test_beat_counts_are_the_published_ones(data_folder, tmp_path):
    mitdb = fetch_mitdb()
    counts = {
        record.record_id: len(beats)
        for record, beats in zip(mitdb.records, mitdb.beats, strict=True)
    }
    published = {"100": 2273, "102": 2187, "104": 2229, "105": 2572, "119": 1987, "123": 1518}
    assert published.items() <= counts.items()
    types = dict(zip(mitdb.groups, mitdb.beat_types, strict=True))
    assert np.count_nonzero(types["119"] == "V") == 444
    # The arrays of first leads are the WFDB record, sample for sample.
    (tmp_path / "mitdb").mkdir()
    (tmp_path / "mitdb" / MITDB.marker).touch()
    shutil.copy(data_folder / "mitdb" / "mitdb8_lead0.npz", tmp_path / "mitdb")
    first = fetch_mitdb(tmp_path)
    np.testing.assert_allclose(first.records[0].signal[0], mitdb.records[0].signal[0], atol=1e-6)
    assert first.beats[0].tolist() == mitdb.beats[0].tolist()
