import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cardiorisk.datasets import fetch_ludb
from cardiorisk.datasets._mit_annotations import read_wave_marks
from cardiorisk.datasets.ludb import align_beats, clean_metadata, lead_waves
from cardiorisk.exceptions import DataNotFoundError, ReadError
from cardiorisk.records import MARKS, STANDARD_LEADS

wfdb = pytest.importorskip("wfdb", reason="needs wfdb (extra ecg)")

NAN = np.nan
FULL_BEAT = [("(", 90), ("p", 100), (")", 110), ("(", 140), ("N", 150), (")", 165)]
FULL_BEAT += [("(", 210), ("t", 240), (")", 270)]
CSV_HEADER = (
    "ID,Sex,Age,Rhythms,Electric axis of the heart,Conduction abnormalities,Extrasystolies,"
    "Hypertrophies,Cardiac pacing,Ischemia,Non-specific repolarization abnormalities,Other states\n"
)


def _waves(marks):
    symbols, samples = zip(*marks, strict=True) if marks else ((), ())
    return lead_waves(np.array(symbols, dtype="U1"), np.array(samples, dtype=int))


def _shifted(marks, by):
    return [(symbol, sample + by) for symbol, sample in marks]


def test_a_full_beat_becomes_nine_marks():
    assert _waves(FULL_BEAT).tolist() == [[90, 100, 110, 140, 150, 165, 210, 240, 270]]


def test_waves_go_to_the_qrs_that_they_belong_to():
    first, second = FULL_BEAT[3:], _shifted(FULL_BEAT, 400)  # the first beat has no P wave
    marks = _waves(first + second[:6])  # the second has no T wave
    assert marks[0].tolist()[3:] == [140, 150, 165, 210, 240, 270]
    assert np.isnan(marks[0, :3]).all()
    assert marks[1].tolist()[:6] == [490, 500, 510, 540, 550, 565]
    assert np.isnan(marks[1, 6:]).all()


def test_a_lost_boundary_is_nan_and_shifts_nothing():
    no_p_off = [mark for mark in FULL_BEAT if mark != (")", 110)]
    no_t_on = [mark for mark in FULL_BEAT if mark != ("(", 210)]
    np.testing.assert_equal(_waves(no_p_off)[0], [90, 100, NAN, 140, 150, 165, 210, 240, 270])
    np.testing.assert_equal(_waves(no_t_on)[0], [90, 100, 110, 140, 150, 165, NAN, 240, 270])


def test_waves_without_a_qrs_are_left_out():
    blocked_p = _shifted(FULL_BEAT[:3], 300)
    marks = _waves(FULL_BEAT + blocked_p + _shifted(FULL_BEAT, 400))
    assert len(marks) == 2
    assert marks[1, :3].tolist() == [490, 500, 510]
    assert _waves(FULL_BEAT[:3]).shape == (0, 9)
    assert _waves([]).shape == (0, 9)
    stray_t = _waves(FULL_BEAT[6:] + _shifted(FULL_BEAT[3:6], 400))
    assert np.isnan(stray_t[0, 6:]).all()


def test_beats_are_aligned_between_leads():
    one = _waves(FULL_BEAT + _shifted(FULL_BEAT, 400))
    late = one + 30  # 60 ms at 500 Hz: the same beats
    second_only = one[1:] + 10
    aligned = align_beats([one, late, second_only, np.empty((0, 9))], 500)
    assert aligned.shape == (4, 2, 9)
    r_peak = MARKS.index("R_peak")
    expected = [[150, 550], [180, 580], [NAN, 560], [NAN, NAN]]
    np.testing.assert_equal(aligned[:, :, r_peak], expected)


def test_marks_are_read_as_wfdb_reads_them(tmp_path):
    rng = np.random.default_rng(0)
    samples = np.cumsum(rng.choice([1, 40, 700, 1023, 1024, 5000, 70000], 60))
    symbols = rng.choice(["(", "p", "N", "t", ")"], 60)
    notes = [""] * 60
    notes[3], notes[7] = "odd", "even"
    wfdb.wrann(
        "r", "lead", samples, symbols, aux_note=notes, num=np.arange(60) % 3, fs=500,
        write_dir=str(tmp_path),
    )  # fmt: skip
    expected = wfdb.rdann(str(tmp_path / "r"), "lead")
    found_symbols, found_samples = read_wave_marks(tmp_path / "r.lead")
    assert found_symbols.tolist() == expected.symbol == symbols.tolist()
    assert found_samples.tolist() == expected.sample.tolist() == samples.tolist()


@pytest.mark.parametrize("content", [b"", b"\x01", b"\x0a\x04", b"\x00\xec\x01"])
def test_a_cut_file_of_marks_is_refused(tmp_path, content):
    (tmp_path / "1.i").write_bytes(content)
    with pytest.raises(ReadError, match="ends before the end mark"):
        read_wave_marks(tmp_path / "1.i")


def test_metadata_is_cleaned():
    raw = pd.DataFrame(
        {
            "ID": [1, 3],
            "Sex": ["F\n", "M\n"],
            "Age": [">89\n", "53\n"],
            "Rhythms": ["Sinus rhythm", "Atrial fibrillation\nAberrant conduction"],
            "Electric axis of the heart": ["Electric axis of the heart: normal", None],
            "Conduction abnormalities": [None, "I degree av block"],
            "Extrasystolies": [None, None],
            "Hypertrophies": [None, None],
            "Cardiac pacing": [None, None],
            "Ischemia": ["Ischemia: septal\nScar formation: apical", None],
            "Non-specific repolarization abnormalities": [None, None],
            "Other states": [None, None],
        }
    )
    tidy = clean_metadata(raw)
    assert tidy.index.tolist() == ["1", "3"]
    assert tidy["age"].tolist() == [90, 53]
    assert tidy["age_above_89"].tolist() == [True, False]
    assert tidy["sex"].tolist() == ["F", "M"]
    assert tidy["rhythm"].tolist() == ["Sinus rhythm", "Atrial fibrillation; Aberrant conduction"]
    assert tidy["electric_axis"].tolist() == ["normal", ""]
    assert tidy["ischemia"].tolist() == ["Ischemia: septal; Scar formation: apical", ""]
    assert tidy["conduction"].tolist() == ["", "I degree av block"]


@pytest.fixture
def small_ludb(tmp_path):
    """Two records in the layout and spelling of LUDB, with leads in another order."""
    folder = tmp_path / "ludb"
    (folder / "data").mkdir(parents=True)
    names = [name.lower() for name in reversed(STANDARD_LEADS)]
    rng = np.random.default_rng(0)
    for record in ("2", "10"):
        signal = np.cumsum(rng.normal(0, 0.01, (5000, 12)), axis=0)
        wfdb.wrsamp(
            record, 500, ["mV"] * 12, names, signal, fmt=["16"] * 12, write_dir=str(folder / "data")
        )
        for shift, name in enumerate(names):
            marks = [*_shifted(FULL_BEAT, shift), *_shifted(FULL_BEAT, 1000 + shift)]
            symbols, samples = zip(*marks, strict=True)
            path = str(folder / "data")  # wfdb writes no extension with a digit, as in "v1"
            wfdb.wrann(record, "lead", np.array(samples), np.array(symbols), write_dir=path)
            (folder / "data" / f"{record}.lead").rename(folder / "data" / f"{record}.{name}")
    rows = '10,"M\n","61\n",Sinus rhythm,,I degree av block,,,,,,\n2,"F\n",,Sinus rhythm,,,,,,,,\n'
    (folder / "ludb.csv").write_text(CSV_HEADER + rows)
    return folder


def test_reads_whatever_records_are_there(small_ludb):
    ludb = fetch_ludb(small_ludb.parent)
    assert [record.record_id for record in ludb.records] == ["2", "10"] == ludb.groups.tolist()
    assert ludb.data.shape == (2, 12, 5000)
    assert ludb.data.dtype == np.float32
    assert ludb.target.tolist() == [0, 1]
    assert ludb.metadata.loc["10", "conduction"] == "I degree av block"
    assert np.isnan(ludb.metadata.loc["2", "age"])
    assert ludb.records[1].metadata["conduction"] == "I degree av block"
    assert ludb.records[1].lead_names == STANDARD_LEADS == ludb.lead_names
    assert (ludb.sampling_rate, ludb.records[0].subject_id) == (500, "2")


def test_leads_and_marks_are_matched_by_name(small_ludb):
    ludb = fetch_ludb(small_ludb.parent)
    raw = wfdb.rdrecord(str(small_ludb / "data" / "2"))
    for row, name in enumerate(STANDARD_LEADS):
        column = raw.sig_name.index(name.lower())
        np.testing.assert_allclose(ludb.data[0, row], raw.p_signal[:, column], atol=1e-6)
        shift = len(STANDARD_LEADS) - 1 - row
        assert ludb.marks[0].leads[row]["R_peak"].tolist() == [150 + shift, 1150 + shift]
    assert ludb.marks[0].beats["R_peak"].tolist() == [155.5, 1155.5]
    assert ludb.marks[0].n_beats == 2


def test_counts_can_be_taken_as_microvolts(small_ludb):
    ludb = fetch_ludb(small_ludb.parent, amplitudes="counts")
    raw = wfdb.rdrecord(str(small_ludb / "data" / "2"), physical=False)
    for row, name in enumerate(STANDARD_LEADS):
        column = raw.sig_name.index(name.lower())
        counts = raw.d_signal[:, column]
        np.testing.assert_allclose(ludb.data[0, row], counts / 1000, atol=1e-4)
    with pytest.raises(ValueError, match="expected 'header' or 'counts'"):
        fetch_ludb(small_ludb.parent, amplitudes="mV")


def test_a_lead_without_marks_is_nan(small_ludb):
    (small_ludb / "data" / "2.v1").unlink()
    marks = fetch_ludb(small_ludb.parent).marks[0]
    assert np.isnan(marks.leads[STANDARD_LEADS.index("V1")]["R_peak"]).tolist() == [True, True]
    assert np.isfinite(marks.beats["R_peak"]).all()


def test_a_record_without_a_row_of_the_table_is_refused(small_ludb):
    (small_ludb / "ludb.csv").write_text(CSV_HEADER + "2,F,61,Sinus rhythm,,,,,,,,\n")
    with pytest.raises(ReadError, match=r"Got records 10, but ludb\.csv has no row"):
        fetch_ludb(small_ludb.parent)


def test_a_damaged_record_is_refused(small_ludb):
    data = small_ludb / "data" / "10.dat"
    data.write_bytes(data.read_bytes()[:1000])
    with pytest.raises(ReadError):
        fetch_ludb(small_ludb.parent)


def test_a_folder_without_records_is_named(small_ludb):
    for path in (small_ludb / "data").iterdir():
        path.unlink()
    with pytest.raises(DataNotFoundError, match=str(small_ludb / "data")):
        fetch_ludb(small_ludb.parent)


@pytest.fixture(scope="module")
def real_ludb():
    folder = Path(os.environ.get("CARDIORISK_DATA", "")) / "ludb"
    if not (folder / "ludb.csv").is_file():
        pytest.skip("CARDIORISK_DATA has no ludb")
    return fetch_ludb()


@pytest.mark.real_data
def test_real_records_and_marks_are_complete(real_ludb):
    n = len(real_ludb.records)
    assert real_ludb.data.shape == (n, 12, 5000)
    assert np.isfinite(real_ludb.data).all()
    assert real_ludb.target.tolist() == real_ludb.metadata["conduction"].ne("").tolist()
    for marks in real_ludb.marks:
        assert np.isfinite(marks.beats["R_peak"]).all()
        assert (np.diff(marks.beats["R_peak"]) > 0.2 * 500).all()
        for lead in marks.leads:
            for before, after in (("P_on", "P_off"), ("QRS_on", "QRS_off"), ("T_on", "T_off")):
                assert not (lead[before] >= lead[after]).any()
            assert not (lead["P_peak"] >= lead["R_peak"]).any()
            assert not (lead["T_peak"] <= lead["R_peak"]).any()


@pytest.mark.real_data
def test_no_real_mark_is_lost(real_ludb):
    folder = Path(os.environ["CARDIORISK_DATA"]) / "ludb" / "data"
    for record, marks in list(zip(real_ludb.records, real_ludb.marks, strict=True))[::10]:
        for name, lead in zip(STANDARD_LEADS, marks.leads, strict=True):
            raw = wfdb.rdann(str(folder / record.record_id), name.lower())
            for symbol, mark in (("p", "P_peak"), ("N", "R_peak"), ("t", "T_peak")):
                expected = raw.sample[np.array(raw.symbol) == symbol]
                found = lead[mark][np.isfinite(lead[mark])]
                assert found.tolist() == expected.tolist()


@pytest.mark.real_data
def test_real_header_gains_are_useless_and_counts_are_sound(real_ludb):
    """Guards what DESCR says of amplitudes."""
    np.testing.assert_allclose(np.ptp(real_ludb.data, axis=2), 1, atol=1e-5)
    one, two, three = np.moveaxis(fetch_ludb(amplitudes="counts").data[:, :3], 1, 0)
    np.testing.assert_allclose(three, two - one, atol=2e-6)
    assert 1 < np.median(np.ptp(two, axis=1)) < 2
