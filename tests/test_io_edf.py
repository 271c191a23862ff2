import numpy as np
import pytest
from ecg_writers import edf_signal, simulated, write_edf

from cardiorisk.exceptions import ReadError
from cardiorisk.io import read_ecg

edfio = pytest.importorskip("edfio", reason="needs the extra formats")


@pytest.fixture(scope="module")
def ecg():
    return simulated()


def write_signals(path, *signals):
    edfio.Edf(signals).write(path)
    return path


def noise(rate, scale=100.0):
    return np.random.default_rng(0).normal(scale=scale, size=int(10 * rate))


@pytest.mark.parametrize(
    ("unit", "factor"), [("nV", 1e-6), ("uV", 1e-3), ("mV", 1.0), ("V", 1e3), ("UV", 1e-3)]
)
def test_units_become_millivolts_channel_by_channel(tmp_path, unit, factor):
    signals = edf_signal(noise(250), 250, "ECG I", unit), edf_signal(noise(250), 250, "ECG V1")
    read = read_ecg(write_signals(tmp_path / "a.edf", *signals))
    np.testing.assert_allclose(read.lead("I"), noise(250) * factor, atol=0.501 * factor)
    np.testing.assert_allclose(read.lead("V1"), noise(250) / 1000, atol=0.501e-3)


def test_other_channels_of_other_rates_are_left_out_and_named(tmp_path, ecg):
    extra = [
        edf_signal(noise(100), 100, "EEG Fpz-Cz"),
        edf_signal(noise(1), 1, "SpO2", "%"),
        edf_signal(noise(100), 100, "EMG chin", ""),
    ]
    write_edf(tmp_path / "a.edf", ecg, extra)
    read = read_ecg(tmp_path / "a.edf")
    assert read.lead_names == ecg.lead_names
    assert read.metadata["left_out_signals"] == {
        "EEG Fpz-Cz": "uV, not labelled as ECG",
        "SpO2": "%, not labelled as ECG",
        "EMG chin": "uncalibrated units, not labelled as ECG",
    }


def test_ecg_channels_of_several_rates_are_an_error(tmp_path):
    signals = edf_signal(noise(250), 250, "ECG I"), edf_signal(noise(200), 200, "ECG II")
    with pytest.raises(ReadError, match=r"leads of 200, 250 Hz, but expected the same in all"):
        read_ecg(write_signals(tmp_path / "a.edf", *signals))


def test_a_channel_without_a_unit_is_left_out(tmp_path):
    signals = edf_signal(noise(250), 250, "ECG I", ""), edf_signal(noise(250), 250, "ECG II")
    read = read_ecg(write_signals(tmp_path / "a.edf", *signals))
    assert read.lead_names == ("II",)
    assert read.metadata["left_out_signals"] == {"I": "uncalibrated units"}


def test_no_ecg_channel_is_an_error_that_lists_the_others(tmp_path):
    path = write_signals(tmp_path / "a.edf", edf_signal(noise(100), 100, "EEG C3"))
    with pytest.raises(ReadError, match="no ECG lead: got EEG C3 in uV, not labelled as ECG"):
        read_ecg(path)


def test_a_single_channel_called_ecg_keeps_its_name(tmp_path):
    read = read_ecg(write_signals(tmp_path / "a.edf", edf_signal(noise(256), 256, "EKG")))
    assert (read.lead_names, read.duration) == (("ECG",), 10)


def test_the_same_lead_twice_is_an_error(tmp_path):
    signals = edf_signal(noise(250), 250, "ECG II"), edf_signal(noise(250), 250, "EKG ii")
    with pytest.raises(ReadError, match="only once"):
        read_ecg(write_signals(tmp_path / "a.edf", *signals))


def test_annotations_are_kept(tmp_path, ecg):
    write_edf(tmp_path / "a.edf", ecg, annotations=[edfio.EdfAnnotation(2.5, 1.0, "symptom")])
    assert read_ecg(tmp_path / "a.edf").metadata["annotations"] == ((2.5, 1.0, "symptom"),)


def test_a_discontinuous_recording_is_an_error(tmp_path, ecg):
    path = tmp_path / "a.edf"
    write_edf(path, ecg, annotations=[edfio.EdfAnnotation(1, None, "x")])
    content = bytearray(path.read_bytes())
    assert content[192:197] == b"EDF+C"
    content[196:197] = b"D"
    path.write_bytes(content)
    with pytest.raises(ReadError, match=r"discontinuous \(EDF\+D\)"):
        read_ecg(path)


def test_a_truncated_file_says_how_much_is_there(tmp_path, ecg):
    path = tmp_path / "a.edf"
    write_edf(path, ecg)
    content = path.read_bytes()
    path.write_bytes(content[:-1000])
    with pytest.raises(ReadError, match=f"truncated: got {len(content) - 1000} bytes"):
        read_ecg(path)


def test_an_anonymised_header_leaves_fields_out(tmp_path):
    read = read_ecg(write_signals(tmp_path / "a.edf", edf_signal(noise(250), 250, "ECG I")))
    assert not {"age", "sex", "patient_id"} & set(read.metadata)
    assert read.subject_id is None
