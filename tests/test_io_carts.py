import numpy as np
import pytest
from ecg_writers import EIGHT, LSB, aecg_text, muse_text, philips_text, scp_bytes, simulated

from cardiorisk.exceptions import ReadError
from cardiorisk.io import read_ecg

pytest.importorskip("ecgdatakit", reason="needs the extra formats")
pytest.importorskip("defusedxml", reason="needs the extra formats")


@pytest.fixture(scope="module")
def ecg():
    return simulated()


@pytest.fixture
def read(tmp_path):
    """Read an export given as text or bytes."""

    def read_content(content):
        path = tmp_path / "a.xml"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return read_ecg(path)

    return read_content


def test_derived_limb_leads_follow_exactly_from_the_stored_ones(read, ecg):
    found = read(muse_text(ecg))
    one, two = found.lead("I").astype(float), found.lead("II").astype(float)
    expected = {"III": two - one, "aVR": -(one + two) / 2, "aVL": one - two / 2,
                "aVF": two - one / 2}  # fmt: skip
    for name, lead in expected.items():
        np.testing.assert_allclose(found.lead(name), lead, atol=1e-6)
    assert found.metadata["derived_leads"] == tuple(expected)


def test_the_median_beat_is_not_taken_for_the_ecg(read, ecg):
    assert read(muse_text(ecg)).duration == ecg.duration


@pytest.mark.parametrize(("unit", "factor"), [("MILLIVOLTS", 1e3), ("NANOVOLTS", 1e-3)])
def test_units_of_muse(read, ecg, unit, factor):
    found = read(muse_text(ecg).replace("MICROVOLTS", unit))
    np.testing.assert_allclose(found.lead("V1"), ecg.lead("V1") * factor, atol=3e-3 * factor)


@pytest.mark.parametrize("unit", ["", "COUNTS"])
def test_a_muse_file_without_a_unit_is_an_error(read, ecg, unit):
    with pytest.raises(ReadError, match="no ECG lead: got I in uncalibrated units"):
        read(muse_text(ecg).replace("MICROVOLTS", unit))


def test_one_lead_without_a_unit_is_left_out(read, ecg):
    text = muse_text(ecg)
    at = text.rindex("MICROVOLTS</LeadAmplitudeUnits>")  # lead V6 of the rhythm
    found = read(text[:at] + text[at:].replace("MICROVOLTS", "", 1))
    assert "V6" not in found.lead_names
    assert found.metadata["left_out_signals"] == {"V6": "uncalibrated units"}


def test_a_wrong_checksum_is_damage(read, ecg):
    with pytest.raises(ReadError, match="is damaged: CRC32 mismatch in lead I"):
        read(muse_text(ecg).replace("<LeadDataCRC32>", "<LeadDataCRC32>1"))
    content = bytearray(scp_bytes(ecg))
    content[-5] ^= 1
    with pytest.raises(ReadError, match="is damaged: SCP-ECG CRC mismatch"):
        read(bytes(content))


def test_the_same_lead_twice_is_an_error(read, ecg):
    with pytest.raises(ReadError, match="each lead may appear only once"):
        read(muse_text(ecg).replace("<LeadID>V2<", "<LeadID>V1<"))


@pytest.mark.parametrize(("unit", "factor"), [("mV", 1e3), ("nV", 1e-3)])
def test_units_of_hl7(read, ecg, unit, factor):
    found = read(aecg_text(ecg, unit=unit))
    np.testing.assert_allclose(found.lead("V1"), ecg.lead("V1") * factor, atol=2e-3 * factor)


def test_the_origin_of_hl7_is_added(read, ecg):
    found = read(aecg_text(ecg, origin="250"))
    np.testing.assert_allclose(found.lead("V1"), ecg.lead("V1") + 0.25, atol=2e-3)


def test_hl7_without_a_unit_is_an_error(read, ecg):
    with pytest.raises(ReadError, match="uncalibrated units"):
        read(aecg_text(ecg, unit=""))


def test_a_rate_that_is_no_whole_number_is_not_rounded(read, ecg):
    assert read(aecg_text(ecg, increment="0.0039")).sampling_rate == pytest.approx(1 / 0.0039)
    assert read(scp_bytes(ecg, interval=3906)).sampling_rate == pytest.approx(1e6 / 3906)


def test_philips_without_a_resolution_is_an_error(read, ecg):
    text = philips_text(ecg).replace(f' resolution="{LSB["philips"]}"', "")
    with pytest.raises(ReadError, match="uncalibrated units"):
        read(text.replace(f"<resolution>{LSB['philips']}</resolution>", ""))


def test_the_offset_of_philips_is_subtracted(read, ecg):
    offset = "<signaloffset>100</signaloffset><signalsigned>"
    found = read(philips_text(ecg).replace("<signalsigned>", offset))
    np.testing.assert_allclose(found.lead("V1"), ecg.lead("V1") - 0.5, atol=3e-3)


def test_scp_with_an_amplitude_of_nothing_is_an_error(read, ecg):
    with pytest.raises(ReadError, match="uncalibrated units"):
        read(scp_bytes(ecg, multiplier=0))


def test_scp_leads_without_limb_leads_stay_as_they_are(read, ecg):
    found = read(scp_bytes(ecg, names=EIGHT[2:]))
    assert found.lead_names == EIGHT[2:]
    assert "derived_leads" not in found.metadata
