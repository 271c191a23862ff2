"""Tables as other programs write them: fractions, gaps, doubles, bare quotes, references."""

import io
import json

import numpy as np
import pandas as pd
import pytest
from ehr_tables import CONCEPT, MIMIC_IV, OMOP, SYNTHEA_NEW, SYNTHEA_OLD, fhir_bundle, write_tables

from cardiorisk.exceptions import ReadError
from cardiorisk.io import group_codes, read_fhir, read_mimic_iv, read_omop, read_synthea
from cardiorisk.records import PatientHistories

pytest.importorskip("pyarrow")

SOURCES = [
    (read_mimic_iv, MIMIC_IV, "patients"),
    (read_synthea, SYNTHEA_NEW, "patients"),
    (read_omop, {**OMOP, "concept": CONCEPT}, "person"),
]


def with_fractions(text):
    """Whole numbers as pandas writes them where some are missing."""
    table = pd.read_csv(io.StringIO(text))
    numbers = table.select_dtypes("int64").columns
    return table.astype(dict.fromkeys(numbers, float)).to_csv(index=False)


@pytest.mark.parametrize(("read", "tables", "people"), SOURCES)
def test_needed_table_is_named(tmp_path, read, tables, people):
    rest = {name: text for name, text in tables.items() if name != people}
    with pytest.raises(ReadError, match=people):
        read(write_tables(tmp_path, rest))


@pytest.mark.parametrize(("read", "tables", "people"), SOURCES)
def test_people_alone(tmp_path, read, tables, people):
    with pytest.raises(ReadError, match=r"admissions|without events"):
        read(write_tables(tmp_path, {people: tables[people]}))


@pytest.mark.parametrize(("read", "tables", "people"), SOURCES)
def test_tables_without_rows(tmp_path, read, tables, people):
    heads = {name: text.partition("\n")[0] + "\n" for name, text in tables.items()}
    assert len(read(write_tables(tmp_path, heads))) == 0


@pytest.mark.parametrize(("read", "tables", "people"), SOURCES)
def test_patient_described_twice_or_without_identifier(tmp_path, read, tables, people):
    head, _, rows = tables[people].partition("\n")
    nobody = "," * head.count(",")
    text = f"{head}\n{nobody}\n{rows}{rows.splitlines()[0]}\n"
    histories = read(write_tables(tmp_path / "odd", {**tables, people: text}))
    plain = read(write_tables(tmp_path / "plain", tables))
    assert histories.subject_ids.tolist() == plain.subject_ids.tolist()
    assert histories.static.equals(plain.static)
    table = histories.reading.set_index("finding")["rows"]
    assert table["patient again, or without identifier"] == 2


@pytest.mark.parametrize(
    ("read", "tables"), [(r, t) for r, t, _ in SOURCES[:2]] + [(read_omop, OMOP)]
)
def test_whole_numbers_with_fractions(tmp_path, read, tables):
    fractions = {name: with_fractions(text) for name, text in tables.items()}
    odd = read(write_tables(tmp_path / "odd", fractions))
    plain = read(write_tables(tmp_path / "plain", tables))
    assert odd.vocabulary.tolist() == plain.vocabulary.tolist()
    assert odd.subject_ids.tolist() == plain.subject_ids.tolist()
    assert odd.times.tolist() == plain.times.tolist()


@pytest.mark.parametrize(
    ("row", "code"),
    [
        ("38.9,9", "ICD9CM//038.9"),  # not 389, another disease
        ("4280,9.0", "ICD9CM//428.0"),
        ("4280,ICD-9", "ICD9CM//428.0"),
        ("4280,", "ICD//4280"),
    ],
)
def test_version_and_zeros_of_icd(tmp_path, row, code):
    tables = {**MIMIC_IV, "diagnoses_icd": MIMIC_IV["diagnoses_icd"].replace("4280,9", row)}
    assert code in read_mimic_iv(write_tables(tmp_path, tables)).vocabulary.tolist()


def test_letter_of_another_encoding_far_down(tmp_path):
    write_tables(tmp_path, MIMIC_IV)
    row = "10,100,2151-01-02 10:00:00,"
    text = MIMIC_IV["prescriptions"] + f"{row}x\n" * 4000 + f"{row}Caf\xe9\n"
    (tmp_path / "prescriptions.csv").write_bytes(text.encode("latin-1"))
    assert "DRUG//CAF\xc9" in read_mimic_iv(tmp_path).vocabulary.tolist()


def test_bare_quotes_in_a_vocabulary(tmp_path):
    concepts = CONCEPT.replace("\tfurosemide", '\t"furosemide')
    histories = read_omop(write_tables(tmp_path, {**OMOP, "concept": concepts}))
    assert "RxNorm//4603" in histories.vocabulary.tolist()


def test_synthea_runs_in_folders_of_their_own(tmp_path):
    first, second = (tmp_path / "output" / "csv" / name for name in ("2024_01", "2024_02"))
    first.mkdir(parents=True)
    write_tables(first, SYNTHEA_NEW)
    alone = read_synthea(tmp_path)
    assert len(alone) == len(read_synthea(first))
    second.mkdir()
    write_tables(second, SYNTHEA_NEW)
    with pytest.raises(ReadError, match=r"2 runs \(csv/2024_01, csv/2024_02\)"):
        read_synthea(tmp_path / "output")
    assert np.array_equal(read_synthea(second).codes, alone.codes)


def test_encounters_of_the_first_synthea(tmp_path):
    encounters = "ID,DATE,PATIENT,CODE\ne1,2010-03-05T10:00:00Z,aa-1,1\n"
    histories = read_synthea(write_tables(tmp_path, {**SYNTHEA_OLD, "encounters": encounters}))
    assert str(histories.times[0]).startswith("2010-03-05T10:00")


def bundle_with(tmp_path, change):
    bundle = json.loads(fhir_bundle())
    change([entry["resource"] for entry in bundle["entry"]], bundle["entry"])
    (tmp_path / "bundle.json").write_text(json.dumps(bundle))
    return read_fhir(tmp_path)


@pytest.mark.parametrize("own", ["other", None])
def test_fhir_references_by_full_url(tmp_path, own):
    def change(resources, entries):
        entries[0]["fullUrl"] = "urn:uuid:p1"
        resources[0]["id"] = own

    histories = bundle_with(tmp_path, change)
    assert len(histories.codes) == 4
    assert histories.subject_ids.tolist() == [own or "p1"]


def test_fhir_reference_with_a_version_and_contained_medication(tmp_path):
    rxnorm = "http://www.nlm.nih.gov/research/umls/rxnorm"
    inside = {"id": "m", "code": {"coding": [{"system": rxnorm, "code": "99"}]}}

    def change(resources, entries):
        resources[1]["subject"] = {"reference": "http://x.org/fhir/Patient/p1/_history/2"}
        resources[5] |= {"medicationReference": {"reference": "#m"}, "contained": [inside]}

    histories = bundle_with(tmp_path, change)
    assert {"RxNorm//99", "SNOMED//84114007"} <= set(histories.vocabulary)


def test_fhir_of_the_wrong_shape_is_counted(tmp_path):
    def change(resources, entries):
        resources[1] |= {"code": [{"coding": 1}], "encounter": "e", "verificationStatus": []}
        entries += [None, {"resource": None}]

    reading = bundle_with(tmp_path, change).reading
    assert reading.loc[reading["finding"] == "null code", "rows"].sum() == 2


def test_ndjson_with_other_line_separators_in_words(tmp_path):
    resources = [entry["resource"] for entry in json.loads(fhir_bundle())["entry"]]
    resources[1]["code"]["coding"][0]["display"] = "Heart\u2028failure"
    lines = "\n".join(json.dumps(resource, ensure_ascii=False) for resource in resources)
    (tmp_path / "all.ndjson").write_text(lines, encoding="utf-8")
    assert len(read_fhir(tmp_path).codes) == 4


def test_groups_that_are_missing_numbers_or_of_small_letters():
    events = pd.DataFrame(
        {"subject_id": 1, "time": "2020-01-01", "code": ["a", "b", "c", "ICD10CM//i50.9"]}
    )
    histories = PatientHistories.from_events(events)
    groups = group_codes(histories, {"a": float("nan"), "b": 428, "c": ""})
    assert groups.vocabulary.tolist() == ["428", "ICD10CM//i50.9", "a", "c"]
    assert "CCS//108" in group_codes(histories, "ccs").vocabulary.tolist()


def test_prediction_times_in_several_forms():
    events = pd.DataFrame({"subject_id": [1, 2], "time": "2020-01-01", "code": "a"})
    known = PatientHistories.from_events(events).as_of(["2020-01-01", "2020-01-01T12:00:00+13:00"])
    assert known.event_offsets.tolist() == [0, 1, 1]
