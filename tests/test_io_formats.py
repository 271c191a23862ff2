import numpy as np
import pytest
from ecg_writers import LSB, muse_text, simulated, write_ecg

from cardiorisk.exceptions import ReadError
from cardiorisk.features import ECGFeatures
from cardiorisk.io import read_ecg, read_ecgs
from cardiorisk.io.ecg_files import ecg_format
from cardiorisk.records import STANDARD_LEADS

for package in ("defusedxml", "ecgdatakit", "edfio", "pydicom"):
    pytest.importorskip(package, reason="needs the extra formats")

FORMATS = tuple(LSB)
EIGHT_LEADS = ("muse", "scp")
DERIVED = ("III", "aVR", "aVL", "aVF")


@pytest.fixture(scope="module")
def ecg():
    return simulated()


@pytest.mark.parametrize("form", FORMATS)
def test_what_was_written_is_read_within_half_a_step(tmp_path, ecg, form):
    read = read_ecg(write_ecg(tmp_path, ecg, form))
    step = LSB[form] / 1000
    assert read.lead_names == STANDARD_LEADS
    assert (read.sampling_rate, read.record_id, read.signal.dtype) == (500, form, np.float32)
    for name in STANDARD_LEADS:
        # A derived lead adds the rounding of two stored ones.
        error = step if form in EIGHT_LEADS and name in DERIVED else step / 2
        np.testing.assert_allclose(read.lead(name), ecg.lead(name), atol=error * 1.001, rtol=0)
    assert read.metadata.get("derived_leads", ()) == (DERIVED if form in EIGHT_LEADS else ())


@pytest.mark.parametrize("form", FORMATS)
def test_the_patient_and_the_moment_are_read_and_the_name_is_not(tmp_path, ecg, form):
    read = read_ecg(write_ecg(tmp_path, ecg, form))
    stated = {key: read.metadata[key] for key in ("age", "sex", "patient_id", "date", "time")}
    assert stated == {
        "age": 59, "sex": "female", "patient_id": "p1", "date": "2020-01-31", "time": "10:20:30",
    }  # fmt: skip
    assert (read.subject_id, read.metadata["format"]) == ("p1", form)
    assert "Jane" not in str(read.metadata)
    assert read_ecg(write_ecg(tmp_path, ecg, form), subject_id="p2").subject_id == "p2"


def test_every_format_gives_the_same_heart_rate(tmp_path, ecg):
    for form in FORMATS:
        write_ecg(tmp_path, ecg, form)
    batch = read_ecgs(tmp_path)
    assert (len(batch), len(batch.failures)) == (6, 0)
    engine = ECGFeatures(groups=["rhythm"], engine="native").set_output(transform="pandas")
    rates = engine.fit_transform([ecg, *batch])["heart_rate"]
    np.testing.assert_allclose(rates, rates.iloc[0], atol=0.05)


@pytest.mark.parametrize("form", FORMATS)
def test_content_tells_the_format_whatever_the_name(tmp_path, ecg, form):
    path = write_ecg(tmp_path, ecg, form)
    assert ecg_format(path) == form
    other = path.rename(tmp_path / "nameless")
    assert read_ecg(other).metadata["format"] == form
    assert read_ecg(other, format=form).lead_names == STANDARD_LEADS
    wrong = "edf" if form != "edf" else "dicom"
    with pytest.raises(ReadError, match=f"in format '{form}', but expected '{wrong}'"):
        read_ecg(other, format=wrong)


def test_an_unknown_format_name_is_an_error(tmp_path):
    with pytest.raises(ValueError, match="Got format='mp3', but expected 'auto' or one of"):
        read_ecg(tmp_path / "a", format="mp3")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "none of the formats wfdb, dicom, edf"),
        (b"time,II\n0,0.1\n", "none of the formats"),
        (b"<?xml version='1.0'?><note>no ECG</note>", "XML root 'note', but expected RestingECG"),
        (b"<RestingECG", "could not be read"),
        (b"  <", "could not be read"),
    ],
)
def test_what_is_no_ecg_file_is_an_error_that_says_so(tmp_path, content, words):
    path = tmp_path / "a.xml"
    path.write_bytes(content)
    with pytest.raises(ReadError, match=words):
        read_ecg(path)


def test_a_missing_file_is_an_error(tmp_path):
    with pytest.raises(ReadError, match="there is no such file"):
        read_ecg(tmp_path / "a.dcm")


LAUGHS = '<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;">'
ROOTS = ("RestingECG", "restingecgdata", "AnnotatedECG")


@pytest.mark.parametrize("root", ROOTS)
@pytest.mark.parametrize(
    "entities", [LAUGHS, '<!ENTITY c SYSTEM "file:///etc/hostname">', '<!ENTITY % c "x">']
)
def test_xml_that_declares_entities_is_refused(tmp_path, root, entities):
    path = tmp_path / "a.xml"
    path.write_text(f'<?xml version="1.0"?><!DOCTYPE {root} [{entities}]><{root}>&c;</{root}>')
    with pytest.raises(ReadError, match="refused: it declares XML entities"):
        read_ecg(path)


def test_utf_16_is_read(tmp_path, ecg):
    path = tmp_path / "a.xml"
    path.write_bytes(muse_text(ecg).replace("ISO-8859-1", "UTF-16").encode("utf-16"))
    assert read_ecg(path).lead_names == STANDARD_LEADS


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("share", [0.02, 0.5, 0.98])
def test_a_truncated_file_is_one_row_of_the_failures(tmp_path, ecg, form, share):
    path = write_ecg(tmp_path, ecg, form)
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    write_ecg(tmp_path, ecg, "edf" if form != "edf" else "scp")
    batch = read_ecgs(tmp_path)
    assert (len(batch), list(batch.failures["path"])) == (1, [str(path)])
    assert str(path) in batch.failures["reason"][0]


@pytest.mark.parametrize("form", FORMATS)
def test_noise_in_a_file_is_an_ecg_or_a_read_error(tmp_path, ecg, form):
    path = write_ecg(tmp_path, ecg, form)
    content = np.frombuffer(path.read_bytes(), np.uint8)
    random = np.random.default_rng(0)
    for _ in range(25):
        broken = content.copy()
        at = random.integers(0, min(len(content), 3000), size=20)
        broken[at] = random.integers(0, 256, size=20)
        path.write_bytes(broken.tobytes())
        batch = read_ecgs([path])  # any other error than ReadError would come out
        assert len(batch) + len(batch.failures) == 1
