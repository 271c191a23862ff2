"""Write an ECG in the form of each format that the package reads, for the tests of the readers."""

import base64
import binascii
import struct
import zlib

import numpy as np

from cardiorisk.datasets import make_ecg

LSB = {"dicom": 1.25, "edf": 1.0, "muse": 4.88, "philips": 5.0, "aecg": 2.5, "scp": 2.5}  # uV
CODES = {"I": 1, "II": 2, "III": 61, "aVR": 62, "aVL": 63, "aVF": 64}
CODES |= {f"V{number}": number + 2 for number in range(1, 7)}
EIGHT = ("I", "II", "V1", "V2", "V3", "V4", "V5", "V6")


def simulated():
    return make_ecg(1, rhythms=["sinus rhythm"], heart_rate=70, random_state=0).records[0]


def counts(ecg, name, lsb):
    return np.round(ecg.lead(name) * 1000 / lsb).astype("<i2")


def dicom_group(ecg, label="RHYTHM", originality="ORIGINAL", names=None, lsb=LSB["dicom"]):
    from pydicom.dataset import Dataset

    names = names or ecg.lead_names
    group = Dataset()
    group.WaveformOriginality, group.MultiplexGroupLabel = originality, label
    group.NumberOfWaveformChannels = len(names)
    group.NumberOfWaveformSamples = ecg.signal.shape[1]
    group.SamplingFrequency = ecg.sampling_rate
    group.ChannelDefinitionSequence = [dicom_channel(name, lsb) for name in names]
    group.WaveformBitsAllocated, group.WaveformSampleInterpretation = 16, "SS"
    group.WaveformData = np.stack([counts(ecg, name, lsb) for name in names], axis=1).tobytes()
    return group


def dicom_code(value, scheme, meaning):
    from pydicom.dataset import Dataset

    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = value, scheme, meaning
    return code


def dicom_channel(name, lsb):
    from pydicom.dataset import Dataset

    channel = Dataset()
    channel.ChannelSourceSequence = [dicom_code(f"2:{CODES[name]}", "MDC", f"Lead {name}")]
    channel.ChannelSensitivity = lsb
    channel.ChannelSensitivityUnitsSequence = [dicom_code("uV", "UCUM", "microvolt")]
    channel.ChannelSensitivityCorrectionFactor, channel.ChannelBaseline = 1, 0
    channel.WaveformBitsStored = 16
    return channel


def write_dicom(path, ecg, *groups, **fields):
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian, TwelveLeadECGWaveformStorage, generate_uid

    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SOPClassUID, dataset.SOPInstanceUID = TwelveLeadECGWaveformStorage, generate_uid()
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    dataset.PatientID, dataset.PatientAge, dataset.PatientSex = "p1", "059Y", "F"
    dataset.PatientName, dataset.AcquisitionDateTime = "Doe^Jane", "20200131102030"
    dataset.WaveformSequence = list(groups) or [dicom_group(ecg)]
    for name, value in fields.items():
        setattr(dataset, name, value)
    dataset.save_as(path, enforce_file_format=True)


def edf_signal(samples, rate, label, unit="uV", lsb=LSB["edf"]):
    import edfio

    return edfio.EdfSignal(
        samples, rate, label=label, physical_dimension=unit,
        physical_range=(-32768 * lsb, 32767 * lsb), digital_range=(-32768, 32767),
    )  # fmt: skip


def write_edf(path, ecg, extra=(), annotations=(), data_record_duration=1):
    import datetime

    import edfio

    signals = [
        edf_signal(ecg.lead(name) * 1000.0, ecg.sampling_rate, f"ECG {name}")
        for name in ecg.lead_names
    ]
    edfio.Edf(
        [*signals, *extra],
        patient=edfio.Patient(code="p1", sex="F", birthdate=datetime.date(1960, 6, 1)),
        recording=edfio.Recording(startdate=datetime.date(2020, 1, 31)),
        starttime=datetime.time(10, 20, 30),
        data_record_duration=data_record_duration,
        annotations=annotations,
    ).write(path)


def muse_lead(name, data, units="MICROVOLTS"):
    return (
        f"<LeadData><LeadByteCountTotal>{len(data)}</LeadByteCountTotal>"
        f"<LeadSampleCountTotal>{len(data) // 2}</LeadSampleCountTotal>"
        f"<LeadAmplitudeUnitsPerBit>{LSB['muse']}</LeadAmplitudeUnitsPerBit>"
        f"<LeadAmplitudeUnits>{units}</LeadAmplitudeUnits><LeadSampleSize>2</LeadSampleSize>"
        f"<LeadID>{name}</LeadID><LeadDataCRC32>{zlib.crc32(data)}</LeadDataCRC32>"
        f"<WaveFormData>{base64.b64encode(data).decode()}</WaveFormData></LeadData>"
    )


def muse_text(ecg):
    def waveform(kind, stop):
        leads = [muse_lead(n, counts(ecg, n, LSB["muse"])[:stop].tobytes()) for n in EIGHT]
        return (
            f"<Waveform><WaveformType>{kind}</WaveformType><SampleBase>500</SampleBase>"
            f"<SampleExponent>0</SampleExponent>{''.join(leads)}</Waveform>"
        )

    return (
        '<?xml version="1.0" encoding="ISO-8859-1"?>\n<!DOCTYPE RestingECG SYSTEM "restecg.dtd">\n'
        "<RestingECG><MuseInfo><MuseVersion>9</MuseVersion></MuseInfo>"
        "<PatientDemographics><PatientID>p1</PatientID><PatientAge>59</PatientAge>"
        "<AgeUnits>YEARS</AgeUnits><Gender>FEMALE</Gender></PatientDemographics>"
        "<TestDemographics><AcquisitionTime>10:20:30</AcquisitionTime>"
        "<AcquisitionDate>01-31-2020</AcquisitionDate></TestDemographics>"
        f"{waveform('Median', 600)}{waveform('Rhythm', None)}</RestingECG>"
    )


def philips_text(ecg):
    data = np.concatenate([counts(ecg, name, LSB["philips"]) for name in ecg.lead_names])
    duration = int(1000 * ecg.duration)
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<restingecgdata xmlns="http://www3.medical.philips.com"><documentinfo>'
        "<documenttype>SierraECG</documenttype><documentversion>1.04</documentversion>"
        '</documentinfo><dataacquisition date="2020-01-31" time="10:20:30">'
        "<signalcharacteristics><samplingrate>500</samplingrate>"
        f"<resolution>{LSB['philips']}</resolution><signalsigned>TRUE</signalsigned>"
        "<leadset>STD-12</leadset><numberchannelsvalid>12</numberchannelsvalid>"
        "</signalcharacteristics></dataacquisition>"
        "<patient><generalpatientdata><patientid>p1</patientid><age><years>59</years></age>"
        "<sex>Female</sex></generalpatientdata></patient>"
        f'<waveforms><parsedwaveforms dataencoding="Base64" durationperchannel="{duration}" '
        f'leadlabels="{" ".join(ecg.lead_names)}" numberofleads="12" '
        f'samplespersecond="500" resolution="{LSB["philips"]}">'
        f"{base64.b64encode(data.tobytes()).decode()}</parsedwaveforms></waveforms>"
        "</restingecgdata>"
    )


def aecg_text(ecg, unit="uV", increment="0.002", origin="0"):
    def sequence(name):
        digits = " ".join(map(str, counts(ecg, name, LSB["aecg"])))
        return (
            f'<component><sequence><code code="MDC_ECG_LEAD_{name}" '
            'codeSystem="2.16.840.1.113883.6.24"/><value xsi:type="SLIST_PQ">'
            f'<origin value="{origin}" unit="{unit}"/><scale value="{LSB["aecg"]}" unit="{unit}"/>'
            f"<digits>{digits}</digits></value></sequence></component>"
        )

    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<AnnotatedECG xmlns="urn:hl7-org:v3" '
        'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" type="Observation">'
        '<id root="1.2.3"/><effectiveTime><low value="20200131102030"/></effectiveTime>'
        "<componentOf><timepointEvent><componentOf><subjectAssignment><subject><trialSubject>"
        '<id root="1.2" extension="p1"/><subjectDemographicPerson>'
        '<administrativeGenderCode code="F"/><birthTime value="19600601"/>'
        "</subjectDemographicPerson></trialSubject></subject></subjectAssignment></componentOf>"
        '</timepointEvent></componentOf><component><series><code code="RHYTHM"/><effectiveTime>'
        '<low value="20200131102030"/></effectiveTime><component><sequenceSet><component>'
        '<sequence><code code="TIME_ABSOLUTE"/><value xsi:type="GLIST_TS">'
        f'<head value="20200131102030"/><increment value="{increment}" unit="s"/></value>'
        f"</sequence></component>{''.join(map(sequence, ecg.lead_names))}"
        "</sequenceSet></component></series></component></AnnotatedECG>"
    )


def scp_section(number, body):
    body += b"\0" * (len(body) % 2)
    rest = struct.pack("<HIBB6s", number, 16 + len(body), 20, 20, b"\0" * 6) + body
    return struct.pack("<H", binascii.crc_hqx(rest, 0xFFFF)) + rest


def scp_bytes(ecg, names=EIGHT, multiplier=None, interval=2000):
    def tag(number, value):
        return struct.pack("<BH", number, len(value)) + value

    lsb = LSB["scp"]
    patient = tag(2, b"p1\0") + tag(4, struct.pack("<HB", 59, 1)) + tag(8, b"\2")
    when = tag(25, struct.pack("<HBB", 2020, 1, 31)) + tag(26, bytes([10, 20, 30]))
    data = [counts(ecg, name, lsb).tobytes() for name in names]
    n_samples = ecg.signal.shape[1]
    leads = [struct.pack("<IIB", 1, n_samples, CODES[name]) for name in names]
    nanovolts = int(1000 * lsb) if multiplier is None else multiplier
    header = struct.pack("<HHBB", nanovolts, interval, 0, 0)
    sizes = b"".join(struct.pack("<H", len(part)) for part in data)
    sections = {
        1: scp_section(1, patient + when + tag(255, b"")),
        3: scp_section(3, bytes([len(names), 4 | len(names) << 3]) + b"".join(leads)),
        6: scp_section(6, header + sizes + b"".join(data)),
    }
    first = 16 + 120
    pointers, offset = struct.pack("<HII", 0, first, 7), 7 + first
    for number in range(1, 12):
        length = len(sections.get(number, b""))
        pointers += struct.pack("<HII", number, length, offset if length else 0)
        offset += length
    body = scp_section(0, pointers) + b"".join(sections.values())
    rest = struct.pack("<I", 6 + len(body)) + body
    return struct.pack("<H", binascii.crc_hqx(rest, 0xFFFF)) + rest


SUFFIX = {"dicom": ".dcm", "edf": ".edf", "scp": ".scp"}


def write_ecg(folder, ecg, form):
    """Write the ECG in a format; return the path."""
    path = folder / f"{form}{SUFFIX.get(form, '.xml')}"
    if form in ("dicom", "edf"):
        {"dicom": write_dicom, "edf": write_edf}[form](path, ecg)
    elif form == "scp":
        path.write_bytes(scp_bytes(ecg))
    else:
        text = {"muse": muse_text, "philips": philips_text, "aecg": aecg_text}[form](ecg)
        path.write_text(text, encoding="latin-1" if form == "muse" else "utf-8")
    return path
