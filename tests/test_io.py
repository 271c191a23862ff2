import pickle
from pathlib import Path

import numpy as np
import pytest
import wfdb

from cardiorisk.exceptions import ReadError
from cardiorisk.io import ECGBatch, read_ecg, read_ecgs
from cardiorisk.io.wfdb_records import parse_comments


def write(folder, name="a", units=("mV", "mV"), leads=("i", "ii"), signal=None, comments=()):
    if signal is None:
        signal = np.random.default_rng(0).normal(size=(500, len(leads)))
    wfdb.wrsamp(
        name,
        fs=250,
        units=list(units),
        sig_name=list(leads),
        p_signal=signal,
        fmt=["16"] * len(leads),
        comments=list(comments),
        write_dir=str(folder),
    )
    return signal


@pytest.mark.parametrize("suffix", ["", ".hea", ".dat"])
@pytest.mark.parametrize("kind", [str, Path])
def test_reads_what_was_written(tmp_path, suffix, kind):
    signal = write(tmp_path)
    ecg = read_ecg(kind(tmp_path / f"a{suffix}"))
    assert ecg.record_id == "a"
    assert ecg.subject_id is None
    assert ecg.lead_names == ("I", "II")
    assert ecg.sampling_rate == 250
    assert ecg.signal.dtype == np.float32
    np.testing.assert_allclose(ecg.signal, signal.T, atol=2e-4)


@pytest.mark.parametrize(
    ("unit", "encoding", "factor"),
    [
        ("mV", "utf-8", 1),
        ("mv", "utf-8", 1),
        ("uV", "utf-8", 1e-3),
        ("\N{MICRO SIGN}V", "utf-8", 1e-3),
        ("\N{MICRO SIGN}V", "latin-1", 1e-3),
        ("\N{GREEK SMALL LETTER MU}V", "utf-8", 1e-3),
        ("V", "utf-8", 1e3),
    ],
)
def test_units_become_millivolts(tmp_path, unit, encoding, factor):
    signal = write(tmp_path, units=("XX", "mV"))
    header = (tmp_path / "a.hea").read_text().replace("XX", unit)
    (tmp_path / "a.hea").write_text(header, encoding=encoding)
    ecg = read_ecg(tmp_path / "a")
    np.testing.assert_allclose(ecg.lead("I"), signal[:, 0] * factor, atol=2e-4 * factor)
    np.testing.assert_allclose(ecg.lead("II"), signal[:, 1], atol=2e-4)


def test_what_is_no_potential_is_left_out_and_named(tmp_path):
    write(tmp_path, units=("NU", "mV"), leads=("PLETH", "v5"))
    ecg = read_ecg(tmp_path / "a")
    assert ecg.lead_names == ("V5",)
    assert ecg.metadata["left_out_signals"] == {"PLETH": "NU"}


def test_no_potential_at_all_is_an_error(tmp_path):
    write(tmp_path, units=("NU", "mmHg"), leads=("PLETH", "ABP"))
    with pytest.raises(ReadError, match=r"a has no ECG lead: got PLETH in NU, ABP in mmHg"):
        read_ecg(tmp_path / "a")


@pytest.mark.parametrize("gain", ["0(0)/mV", "0/mV", "0", "0.0(0)"])
def test_a_signal_without_calibration_is_left_out_and_named(tmp_path, gain):
    write(tmp_path)
    text = (tmp_path / "a.hea").read_text()
    stated = text.splitlines()[1].split()[2]
    (tmp_path / "a.hea").write_text(text.replace(stated, gain, 1))
    ecg = read_ecg(tmp_path / "a")
    assert ecg.lead_names == ("II",)
    assert ecg.metadata["left_out_signals"] == {"i": "uncalibrated units"}


def test_no_calibrated_signal_at_all_is_an_error(tmp_path):
    write(tmp_path)
    first, *signals = (tmp_path / "a.hea").read_text().splitlines()
    bare = [" ".join(line.split()[:2]) for line in signals]  # no gain, no name
    (tmp_path / "a.hea").write_text("\n".join([first, *bare]))
    with pytest.raises(ReadError, match="signal 2 in uncalibrated units, but expected mV"):
        read_ecg(tmp_path / "a")


def test_samples_that_were_not_measured_are_nan(tmp_path):
    signal = np.random.default_rng(0).normal(size=(500, 2))
    signal[10:20, 0] = np.nan  # written as -32768
    write(tmp_path, signal=signal)
    ecg = read_ecg(tmp_path / "a")
    np.testing.assert_array_equal(np.isnan(ecg.signal), np.isnan(signal.T))


def test_metadata(tmp_path):
    comments = ["Age: 59", "Sex: Female", "Dx: 164934002,426783006", "smoker"]
    write(tmp_path, comments=comments)
    header = (tmp_path / "a.hea").read_text()
    (tmp_path / "a.hea").write_text(header.replace(" 500\n", " 500 10:20:30 01/10/1990\n", 1))
    metadata = read_ecg(tmp_path / "a").metadata
    assert metadata["age"] == 59
    assert metadata["sex"] == "female"
    assert metadata["dx"] == ("164934002", "426783006")
    assert metadata["comments"] == tuple(comments)
    assert (metadata["date"], metadata["time"]) == ("1990-10-01", "10:20:30")
    assert metadata["source_file"] == str(tmp_path / "a.hea")


@pytest.mark.parametrize("line", ["Age: NaN", "Age: >89", "Sex: Unknown", "Dx: Unknown", "Age", ""])
def test_what_a_comment_does_not_say_is_not_guessed(line):
    assert parse_comments([line]) == {}


def damaged(folder, how):
    """Break the record a in one of the ways that files break."""
    write(folder)
    data, header = folder / "a.dat", folder / "a.hea"
    text, content = header.read_text(), data.read_bytes()
    changes = {
        "truncated": lambda: data.write_bytes(content[:1000]),
        "odd": lambda: data.write_bytes(content[:1001]),
        "empty": lambda: data.write_bytes(b""),
        "one bit": lambda: data.write_bytes(bytes([content[0] ^ 1]) + content[1:]),
        "no data": data.unlink,
        "no header": header.unlink,
        "empty header": lambda: header.write_text(""),
        "binary header": lambda: header.write_bytes(b"\xff\xfe\x00\x01"),
        "too few signals": lambda: header.write_text(text.replace("a 2 250", "a 3 250")),
        "rate zero": lambda: header.write_text(text.replace("a 2 250", "a 2 0")),
        "bad time": lambda: header.write_text(text.replace("500\n", "500 25:61:00\n", 1)),
        "unknown format": lambda: header.write_text(text.replace("a.dat 16", "a.dat 99")),
        "same lead twice": lambda: header.write_text(text.replace(" ii\n", " i\n")),
    }
    changes[how]()
    return folder / "a"


WAYS = [
    ("truncated", "could not be read"),
    ("odd", "could not be read"),
    ("empty", "could not be read"),
    ("one bit", "wrong checksum of signal i"),
    ("no data", "FileNotFoundError"),
    ("no header", "no header file a.hea"),
    ("empty header", "could not be read"),
    ("binary header", "could not be read"),
    ("too few signals", "could not be read"),
    ("rate zero", "expected a positive number of Hz"),
    ("bad time", "could not be read"),
    ("unknown format", "could not be read"),
    ("same lead twice", "only once"),
]


@pytest.mark.parametrize(("how", "words"), WAYS)
def test_damage_is_a_read_error_that_names_the_record(tmp_path, how, words, capsys):
    path = damaged(tmp_path, how)
    with pytest.raises(ReadError, match=words) as caught:
        read_ecg(path)
    assert str(path) in str(caught.value)
    assert capsys.readouterr().out == ""


def test_every_way_to_break_a_file_is_tested():
    assert len(WAYS) == len(set(WAYS)) == 13


def test_one_bad_file_never_stops_the_rest(tmp_path):
    for name in ("r1", "r10", "r2"):
        write(tmp_path, name)
    (tmp_path / "deep").mkdir()
    write(tmp_path / "deep", "r3")
    (tmp_path / "r2.dat").write_bytes(b"")
    batch = read_ecgs(tmp_path)
    assert [ecg.record_id for ecg in batch] == ["r3", "r1", "r10"]
    assert list(batch.failures["path"]) == [str(tmp_path / "r2")]
    assert "could not be read" in batch.failures["reason"][0]
    assert repr(batch) == "ECGBatch(3 records, 1 failure)"
    assert len(pickle.loads(pickle.dumps(batch))) == 3


def test_natural_order_pattern_and_depth(tmp_path):
    for name in ("r10", "r9", "x1"):
        write(tmp_path, name)
    (tmp_path / "deep").mkdir()
    write(tmp_path / "deep", "r11")
    flat = read_ecgs(tmp_path, pattern="r*", recursive=False)
    assert [ecg.record_id for ecg in flat] == ["r9", "r10"]
    listed = read_ecgs([tmp_path / "deep", tmp_path / "x1.hea"])
    assert [ecg.record_id for ecg in listed] == ["r11", "x1"]


def test_a_batch_is_a_sequence(tmp_path):
    for name in "abc":
        write(tmp_path, name)
    batch = read_ecgs(tmp_path)
    assert isinstance(batch, ECGBatch)
    assert batch[-1].record_id == "c"
    assert [ecg.record_id for ecg in batch[:2]] == ["a", "b"]
    assert list(batch.failures.columns) == ["path", "reason"]
    assert len(batch.failures) == 0


def test_nothing_to_read_is_an_error(tmp_path):
    with pytest.raises(ReadError, match=r"no \*\.hea, .*\*\.xml is in it or below it"):
        read_ecgs(tmp_path)
    with pytest.raises(ReadError, match="empty list of paths"):
        read_ecgs([])


def test_subjects(tmp_path):
    for name in "ab":
        write(tmp_path, name)
    assert read_ecg(tmp_path / "a", subject_id="p1").subject_id == "p1"
    by_name = read_ecgs(tmp_path, subject_id=lambda ecg: ecg.record_id.upper())
    assert [ecg.subject_id for ecg in by_name] == ["A", "B"]
    batch = read_ecgs(tmp_path, subject_id={"a": "p1"})
    assert [ecg.subject_id for ecg in batch] == ["p1"]
    assert "no subject_id for 'b'" in batch.failures["reason"][0]


def test_progress_bar_only_when_asked(tmp_path, capfd):
    write(tmp_path)
    read_ecgs(tmp_path)
    assert capfd.readouterr().err == ""
    read_ecgs(tmp_path, verbose=True)
    assert "read: 100%" in capfd.readouterr().err


@pytest.mark.real_data
def test_real_folders(data_folder):
    for folder, n_records in (("ludb/data", 100), ("cinc", 50), ("wfdb_misc", 3)):
        batch = read_ecgs(data_folder / folder)
        assert len(batch.failures) == 0
        assert len(batch) >= n_records


@pytest.mark.real_data
def test_real_values_agree_with_wfdb(data_folder):
    for name in ("ludb/data/1", "cinc/torch_ecg_cinc2021/HR06000"):
        ecg, source = read_ecg(data_folder / name), wfdb.rdrecord(str(data_folder / name))
        np.testing.assert_array_equal(ecg.signal, source.p_signal.T.astype(np.float32))


@pytest.mark.real_data
def test_real_odd_records(data_folder):
    ptb = read_ecg(data_folder / "wfdb_misc/s0010_re")
    assert len(ptb.lead_names) == 15
    assert ptb.lead_names[3:6] == ("aVR", "aVL", "aVF")
    assert (ptb.metadata["age"], ptb.metadata["sex"]) == (81, "female")
    alarm = read_ecg(data_folder / "wfdb_misc/v102s")
    assert alarm.lead_names == ("II", "V")
    assert alarm.metadata["left_out_signals"] == {"PLETH": "NU", "RESP": "NU"}
    chapman = read_ecg(data_folder / "cinc/torch_ecg_cinc2021/JS20004.mat")
    assert np.ptp(chapman.lead("V2")) == 0
    assert chapman.metadata["dx"][0] == "284470004"
