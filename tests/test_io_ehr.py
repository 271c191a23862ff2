import numpy as np
import pandas as pd
import pytest
from ehr_tables import (
    CONCEPT,
    MIMIC_IV,
    OMOP,
    SYNTHEA_NEW,
    SYNTHEA_OLD,
    fhir_bundle,
    write_tables,
)

from cardiorisk.exceptions import ReadError, TableError
from cardiorisk.io import (
    group_codes,
    read_code_groups,
    read_fhir,
    read_mimic_iii,
    read_mimic_iv,
    read_omop,
    read_synthea,
)

pytest.importorskip("pyarrow")


def events(histories):
    """Every event as (patient, time, code)."""
    who = histories.subject_ids[histories.event_patients()].tolist()
    times = np.datetime_as_string(histories.times, unit="m").tolist()
    return list(zip(who, times, histories.vocabulary[histories.codes].tolist(), strict=True))


def counted(histories, finding):
    table = histories.reading
    return table.loc[table["finding"] == finding].set_index("source")["rows"].to_dict()


@pytest.fixture(params=["csv", "csv.gz", "parquet"])
def form(request):
    return request.param


def test_mimic_iv(tmp_path, form):
    write_tables(tmp_path / "hosp", MIMIC_IV, form)
    histories = read_mimic_iv(tmp_path)
    assert events(histories) == [
        (10, "2151-01-02T10:00", "DRUG//FUROSEMIDE"),
        (10, "2151-01-03T00:00", "ICD9Proc//37.22"),
        (10, "2151-01-04T00:00", "ICD10PCS//02HV33Z"),
        (10, "2151-01-09T12:00", "ICD10CM//I50.22"),
        (10, "2151-01-09T12:00", "ICD9CM//428.0"),
        (11, "2160-05-03T09:30", "ICD9CM//V45.81"),
    ]
    assert len(histories.visit_offsets) - 1 == 2
    assert histories.static["sex"].tolist() == ["F", "M"]
    assert histories.static["birth_date"].dt.year.tolist() == [2090, 2090]
    assert histories.static["death_date"].notna().tolist() == [False, True]
    assert counted(histories, "null code") == {"diagnoses_icd": 1}
    assert counted(histories, "null or unreadable time") == {"diagnoses_icd": 1}
    assert counted(histories, "unknown subject") == {"diagnoses_icd": 1}
    assert counted(histories, "free text in the code column") == {"prescriptions": 1}
    assert counted(histories, "duplicated") == {"all": 1}
    assert "Jane" not in str(histories.vocabulary)


def test_synthea_old_and_new_columns(tmp_path, form):
    old = read_synthea(write_tables(tmp_path / "old", SYNTHEA_OLD, form))
    assert events(old) == [
        ("aa-1", "2010-03-05T00:00", "SNOMED//430193006"),
        ("aa-1", "2010-03-05T00:00", "SNOMED//59621000"),
        ("aa-1", "2012-03-05T00:00", "SNOMED//88805009"),
    ]
    assert old.descriptions.tolist() == ["Review", "Hypertension", "Heart failure"]
    assert old.static["race"].tolist() == ["white", "black"]
    assert np.diff(old.event_offsets).tolist() == [3, 0]
    write_tables(tmp_path / "new" / "csv", SYNTHEA_NEW, form)
    new = read_synthea(tmp_path / "new")
    assert events(new) == [
        ("aa-1", "2010-03-05T10:00", "SNOMED//59621000"),  # at the beginning of its encounter
        ("aa-1", "2010-03-05T10:10", "SNOMED//430193006"),
        ("aa-1", "2010-03-05T10:30", "RxNorm//313782"),
        ("aa-1", "2012-03-05T00:00", "SNOMED//88805009"),
    ]
    assert new.visit_offsets.tolist() == [0, 3, 4]


def test_omop(tmp_path, form):
    write_tables(tmp_path, OMOP, form)
    plain = read_omop(tmp_path)
    assert events(plain) == [
        (1, "2020-03-01T00:00", "OMOP//320128"),  # the time of its visit
        (1, "2020-03-01T09:00", "OMOP//316139"),
        (1, "2020-03-02T00:00", "OMOP//956874"),
        (2, "2019-01-01T00:00", "OMOP//320128"),
    ]
    assert counted(plain, "null code") == {"condition_occurrence": 1}
    assert plain.static["sex"].tolist() == ["F", "M"]
    assert plain.static["birth_date"].dt.strftime("%Y-%m-%d").tolist() == [
        "1950-02-01",
        "1960-01-01",
    ]
    assert plain.static["site"].tolist() == ["7", "8"]
    (tmp_path / "CONCEPT.csv").write_text(CONCEPT)
    named = read_omop(tmp_path)
    assert set(named.vocabulary) == {"RxNorm//4603", "SNOMED//59621000", "SNOMED//84114007"}
    assert named.descriptions.tolist() == ["furosemide", "Hypertension", "Heart failure"]


def test_omop_source_concepts(tmp_path):
    tables = {name: text for name, text in OMOP.items() if name != "drug_exposure"}
    write_tables(tmp_path, tables)
    (tmp_path / "concept.csv").write_text(CONCEPT)
    assert set(read_omop(tmp_path, source=True).vocabulary) == {"ICD10CM//I50.9", "OMOP//45"}


def test_fhir(tmp_path):
    (tmp_path / "bundle.json").write_text(fhir_bundle())
    histories = read_fhir(tmp_path)
    assert events(histories) == [
        ("p1", "2019-01-01T00:00", "ICD10CM//I50.9"),
        ("p1", "2020-03-01T08:00", "SNOMED//84114007"),
        ("p1", "2020-03-02T00:00", "RxNorm//4603"),
        ("p1", "2020-04-01T00:00", "RxNorm//29046"),
    ]
    assert counted(histories, "refuted, in error or not done") == {"Condition": 1}
    assert counted(histories, "null code") == {"Condition": 1}
    assert histories.static["sex"].tolist() == ["F"]


@pytest.mark.parametrize(("text", "words"), [("{}", "no Patient"), ("{", "not JSON"), ("[]", "no")])
def test_other_json_is_refused(tmp_path, text, words):
    (tmp_path / "bundle.json").write_text(text)
    with pytest.raises(ReadError, match=words):
        read_fhir(tmp_path)


@pytest.mark.parametrize("reader", [read_mimic_iv, read_mimic_iii, read_synthea, read_omop])
def test_what_cannot_be_read_is_told(reader, tmp_path):
    with pytest.raises(ReadError, match="expected a folder"):
        reader(tmp_path / "nowhere")
    with pytest.raises(ReadError, match="none of"):
        reader(tmp_path)


def test_a_table_without_its_column_or_rows_is_refused(tmp_path):
    tables = MIMIC_IV | {"diagnoses_icd": "subject_id,hadm_id,icd9\n10,100,4280\n"}
    with pytest.raises(ReadError, match="expected icd_code"):
        read_mimic_iv(write_tables(tmp_path / "a", tables))
    with pytest.raises(ReadError, match="empty"):
        read_mimic_iv(write_tables(tmp_path / "b", MIMIC_IV | {"admissions": ""}))


def test_odd_files_are_read(tmp_path):
    broken = MIMIC_IV["diagnoses_icd"] + "10,100,9\n"
    folder = write_tables(tmp_path, MIMIC_IV | {"diagnoses_icd": broken})
    text = MIMIC_IV["prescriptions"].replace("Furosemide", "Furosémide")
    (folder / "prescriptions.csv").write_bytes(text.replace("\n", "\r\n").encode("latin-1"))
    histories = read_mimic_iv(folder)
    found = counted(histories, "line with another number of columns")
    assert found == {"diagnoses_icd": 1}
    assert "DRUG//FUROSÉMIDE" in histories.vocabulary


DEMO_COUNTS = {
    "mimic_iv_demo": (read_mimic_iv, {"diagnoses_icd": 4506, "patients": 100, "admissions": 275}),
    "mimic_iii_demo": (
        read_mimic_iii,
        {"diagnoses_icd": 1761, "procedures_icd": 506, "prescriptions": 10_398, "admissions": 129},
    ),
    "synthea_fstreet": (read_synthea, {"conditions": 15_423, "patients": 1214}),
    "synthea_sarabuzzi": (
        read_synthea,
        {"conditions": 3495, "medications": 3522, "procedures": 14_761, "patients": 112},
    ),
}


@pytest.mark.real_data
@pytest.mark.parametrize("name", list(DEMO_COUNTS))
def test_counts_equal_the_published_ones(name, data_folder):
    reader, published = DEMO_COUNTS[name]
    histories = reader(data_folder / name)
    assert published.items() <= counted(histories, "read").items()


@pytest.mark.real_data
def test_heart_failure_in_the_mimic_iv_demo(data_folder):
    histories = read_mimic_iv(data_folder / "mimic_iv_demo")
    words = histories.vocabulary
    failing = np.char.startswith(words, "ICD9CM//428") | np.char.startswith(words, "ICD10CM//I50")
    assert len(histories.codes) == 4506
    assert len(np.unique(histories.event_patients()[failing[histories.codes]])) == 24


def frame_of(codes):
    return pd.DataFrame({"subject_id": 1, "time": "2020-01-01", "code": codes})


@pytest.mark.parametrize(
    ("by", "expected"),
    [
        ("ccs", {"CCS//108", "CCS//98", "DRUG//X", "ICD10CM//X99"}),
        ("icd9", {"ICD9CM//428.0", "ICD9CM//428.9", "ICD9CM//401.9", "DRUG//X", "ICD10CM//X99"}),
        ({"DRUG//X": "ATC//C03"}, {"ATC//C03", "ICD9CM//428.0", "ICD10CM//I50.9", "ICD10CM//X99"}),
        (lambda code: code[:3], {"ICD", "DRU"}),
    ],
)
def test_codes_are_grouped(by, expected):
    from cardiorisk.records import PatientHistories

    codes = ["ICD9CM//428.0", "ICD10CM//I50.9", "ICD10CM//I10", "DRUG//X", "ICD10CM//X99"]
    histories = PatientHistories.from_events(frame_of(codes))
    grouped = group_codes(histories, by)
    assert expected <= set(grouped.vocabulary)
    assert len(grouped.codes) == 5
    only = group_codes(histories, {"DRUG//X": "ATC//C03"}, unmapped="drop")
    assert only.vocabulary[only.codes].tolist() == ["ATC//C03"]
    assert counted(only, "event without a group") == {"groups": 4}
    with pytest.raises(ValueError, match="by='atc'"):
        group_codes(histories, "atc")


def test_a_map_of_the_user_is_read(tmp_path):
    (tmp_path / "map.csv").write_text("ICD9,PheCode\n4280,428.1\n428.0,428.2\n,1\n")
    options = {"code": "ICD9", "system": "ICD9CM", "prefix": "Phecode"}
    found = read_code_groups(tmp_path / "map.csv", group="PheCode", **options)
    assert found == {"ICD9CM//428.0": "Phecode//428.1"}
    with pytest.raises(TableError, match="expected phecode"):
        read_code_groups(tmp_path / "map.csv", group="phecode", **options)
