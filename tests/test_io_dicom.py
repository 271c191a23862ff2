import numpy as np
import pytest
from ecg_writers import LSB, dicom_channel, dicom_code, dicom_group, simulated, write_dicom

from cardiorisk.exceptions import ReadError
from cardiorisk.io import read_ecg
from cardiorisk.records import ECGRecord

pydicom = pytest.importorskip("pydicom", reason="needs the extra formats")


@pytest.fixture(scope="module")
def ecg():
    return simulated()


def read_changed(tmp_path, ecg, change, names=("I", "II", "V1")):
    """Write three leads, after a change of their group, and read them."""
    group = dicom_group(ecg, names=names)
    change(group)
    write_dicom(tmp_path / "a.dcm", ecg, group)
    return read_ecg(tmp_path / "a.dcm")


@pytest.mark.parametrize(("unit", "factor"), [("nV", 1e-6), ("uV", 1e-3), ("mV", 1), ("V", 1e3)])
def test_units_become_millivolts(tmp_path, ecg, unit, factor):
    def change(group):
        units = group.ChannelDefinitionSequence[2].ChannelSensitivityUnitsSequence
        units[0].CodeValue = unit

    read = read_changed(tmp_path, ecg, change)
    expected = ecg.lead("V1") * 1000 * factor
    np.testing.assert_allclose(read.lead("V1"), expected, atol=LSB["dicom"] * factor)
    np.testing.assert_allclose(read.lead("II"), ecg.lead("II"), atol=1e-3)


def test_correction_factor_and_baseline_are_applied_in_this_order(tmp_path, ecg):
    def change(group):
        channel = group.ChannelDefinitionSequence[2]
        channel.ChannelSensitivityCorrectionFactor, channel.ChannelBaseline = 2, 300

    read = read_changed(tmp_path, ecg, change)
    np.testing.assert_allclose(read.lead("V1"), ecg.lead("V1") * 2 + 0.3, atol=2e-3)


@pytest.mark.parametrize("missing", ["ChannelSensitivity", "ChannelSensitivityUnitsSequence"])
def test_a_channel_without_calibration_is_left_out_and_named(tmp_path, ecg, missing):
    read = read_changed(
        tmp_path, ecg, lambda group: delattr(group.ChannelDefinitionSequence[2], missing)
    )
    assert "V1" not in read.lead_names
    assert read.metadata["left_out_signals"] == {"V1": "uncalibrated units"}


def test_padding_is_not_measured(tmp_path, ecg):
    def change(group):
        samples = np.frombuffer(group.WaveformData, "<i2").reshape(-1, 3).copy()
        samples[100:120, 1] = -32768
        group.WaveformData = samples.tobytes()
        group.add_new("WaveformPaddingValue", "OW", np.array(-32768, "<i2").tobytes())

    read = read_changed(tmp_path, ecg, change)
    np.testing.assert_array_equal(np.flatnonzero(np.isnan(read.lead("II"))), np.arange(100, 120))
    assert np.isfinite(read.lead("V1")).all()


@pytest.mark.parametrize("rhythm_first", [True, False])
def test_the_median_beat_is_not_taken_for_the_ecg(tmp_path, ecg, rhythm_first):
    # The beats hold more samples than the rhythm: size alone must not decide.
    short = ECGRecord(ecg.signal[:, :1500], ecg.sampling_rate)
    groups = [
        dicom_group(short),
        dicom_group(ecg, "MEDIAN BEAT"),
        dicom_group(ecg, "", originality="DERIVED"),
    ]
    write_dicom(tmp_path / "a.dcm", ecg, *groups[:: 1 if rhythm_first else -1])
    read = read_ecg(tmp_path / "a.dcm")
    assert read.duration == 3
    assert read.metadata["group"] == "RHYTHM"
    assert set(read.metadata["other_groups"]) == {"MEDIAN BEAT", "no label"}


def test_median_beats_alone_are_an_error(tmp_path, ecg):
    write_dicom(tmp_path / "a.dcm", ecg, dicom_group(ecg, "MEDIAN BEAT"))
    with pytest.raises(ReadError, match=r"only averaged or derived groups \(MEDIAN BEAT\)"):
        read_ecg(tmp_path / "a.dcm")


@pytest.mark.parametrize(
    ("code", "name"),
    [
        (("2:62", "MDC", "anything"), "aVR"),
        (("5.6.3-9-8", "SCPECG", "Lead V6"), "V6"),
        (("MDC_ECG_LEAD_AVL", "MDC", ""), "aVL"),
        (("x", "99LOCAL", "Lead V3"), "V3"),
        (("x", "99LOCAL", "Lead aVF (Goldberger)"), "aVF"),
        (("x", "99LOCAL", "V2"), "V2"),
        (("2:66", "MDC", "Lead V8"), "V8"),
    ],
)
def test_codes_become_lead_names(tmp_path, ecg, code, name):
    def change(group):
        group.ChannelDefinitionSequence[0].ChannelSourceSequence = [dicom_code(*code)]

    assert read_changed(tmp_path, ecg, change).lead_names[0] == name


def test_every_ecg_storage_class_is_read(tmp_path, ecg):
    from pydicom import uid

    classes = (uid.GeneralECGWaveformStorage, uid.AmbulatoryECGWaveformStorage)
    for number, storage in enumerate(classes):
        path = tmp_path / f"{number}.dcm"
        write_dicom(path, ecg, dicom_group(ecg, names=("V1",)), SOPClassUID=storage)
        assert read_ecg(path).lead_names == ("V1",)


def test_a_pressure_is_no_lead(tmp_path, ecg):
    group = dicom_group(ecg, names=("V1", "V2"))
    pressure = dicom_channel("V2", 1)
    pressure.ChannelSourceSequence = [dicom_code("109016", "DCM", "Arterial")]
    pressure.ChannelSensitivityUnitsSequence = [dicom_code("mm[Hg]", "UCUM", "mmHg")]
    group.ChannelDefinitionSequence[1] = pressure
    write_dicom(tmp_path / "a.dcm", ecg, group)
    read = read_ecg(tmp_path / "a.dcm")
    assert read.lead_names == ("V1",)
    assert read.metadata["left_out_signals"] == {"Arterial": "mm[Hg]"}


def test_an_image_is_an_error(tmp_path, ecg):
    write_dicom(tmp_path / "a.dcm", ecg, WaveformSequence=[])
    with pytest.raises(ReadError, match="DICOM without a waveform"):
        read_ecg(tmp_path / "a.dcm")


@pytest.mark.parametrize(("text", "years"), [("006M", 0.5), ("021D", 21 / 365.25), ("", None)])
def test_ages_are_in_years(tmp_path, ecg, text, years):
    write_dicom(tmp_path / "a.dcm", ecg, PatientAge=text)
    assert read_ecg(tmp_path / "a.dcm").metadata.get("age") == pytest.approx(years)


def test_a_birth_date_gives_the_age_at_the_recording(tmp_path, ecg):
    write_dicom(tmp_path / "a.dcm", ecg, PatientAge="", PatientBirthDate="19600201")
    assert read_ecg(tmp_path / "a.dcm").metadata["age"] == 59


def test_a_real_file_is_read_as_pydicom_reads_it():
    path = pydicom.data.get_testdata_file("waveform_ecg.dcm", download=False)
    if path is None:
        pytest.skip("pydicom came without its test files")
    read = read_ecg(path)
    expected = pydicom.dcmread(path).waveform_array(0).T / 1000
    np.testing.assert_allclose(read.signal, expected, rtol=1e-6)
    assert read.metadata["other_groups"] == ("MEDIAN BEAT",)
