import numpy as np
import pandas as pd
import pytest

from cardiorisk.datasets import make_phenotypes
from cardiorisk.exceptions import TableError, TableWarning
from cardiorisk.explain.phenotypes import (
    link_ecgs,
    map_diagnoses,
    normalise_icd,
    phenotype_cohort,
    read_code_map,
)
from cardiorisk.explain.phenotypes.codes import excluded_by

STAYS = pd.DataFrame(
    {
        "subject_id": [1, 1, 2],
        "hadm_id": [10, 11, 20],
        "admittime": ["2150-01-10", "2150-02-01", "2150-01-10"],
        "dischtime": ["2150-01-20", "2150-02-05", "2150-01-12"],
    }
)
MAP = pd.DataFrame(
    {
        "icd_version": ["10", "10", "10", "9", "9", "10"],
        "icd_code": ["I50", "I48.0", "I49", "428.0", "427.31", "N40"],
        "phecode": ["428", "427.21", "427.2", "428", "427.21", "600"],
        "phenotype": [
            "failure",
            "fibrillation",
            "arrhythmia",
            "failure",
            "fibrillation",
            "prostate",
        ],
        "exclude_range": ["425-429.99", "426-427.99", "426-427.99", "425-429.99", "", ""],
        "sex": ["Both", "", "", "", "", "Male"],
    }
)


def ecgs(*rows):
    return pd.DataFrame(rows, columns=["subject_id", "ecg_time"])


@pytest.mark.parametrize(
    ("time", "expected"),
    [
        ("2150-01-15 12:00", 10),
        ("2150-01-10", 10),
        ("2150-01-03", 10),
        ("2150-01-02 23:59", None),
        ("2150-01-20", 10),
        ("2150-01-20 00:01", None),
        ("2150-01-26", 11),
    ],
)
def test_an_ecg_belongs_to_the_admission_that_it_falls_in_or_comes_before(time, expected):
    found = link_ecgs(ecgs((1, time)), STAYS)[0]
    assert pd.isna(found) if expected is None else found == expected


def test_within_an_admission_beats_before_another_and_other_subjects_do_not_count():
    overlapping = pd.concat([STAYS, STAYS.iloc[[0]].assign(hadm_id=12, admittime="2150-01-17")])
    assert link_ecgs(ecgs((1, "2150-01-16")), overlapping).tolist() == [10]
    assert link_ecgs(ecgs((1, "2150-01-18")), overlapping).tolist() == [12]
    assert link_ecgs(ecgs((3, "2150-01-16")), STAYS).isna().all()
    table = ecgs((2, "2150-01-11"), (1, "2150-02-02"))
    table.index = ["b", "a"]
    assert link_ecgs(table, STAYS).to_dict() == {"b": 20, "a": 11}


def test_icd_codes_are_spelt_one_way():
    spelt = ["428.0", " i50.20 ", "V45.81", "e849.0"]
    assert normalise_icd(spelt).tolist() == ["4280", "I5020", "V4581", "E8490"]


@pytest.mark.parametrize(
    "columns",
    [
        {"icd_version": "vocabulary_id", "icd_code": "code"},
        {"icd_code": "ICD10", "phecode": "PheCode", "phenotype": "Phenotype"},
        {"icd_code": "ICD9", "exclude_range": "Excl. Phecodes"},
    ],
)
def test_usual_headers_of_code_maps_are_known(columns):
    version = "9" if columns["icd_code"] == "ICD9" else "10"
    table = MAP[MAP["icd_version"] == version].rename(columns=columns)
    if columns["icd_code"].startswith("ICD"):
        table = table.drop(columns="icd_version")
    else:
        table["vocabulary_id"] = "ICD10CM"
    found = read_code_map(table)
    assert set(found["icd_version"]) == {int(version)}
    assert "." not in "".join(found["icd_code"])
    assert set(found["sex"]) <= {"", "M"}


def test_own_headers_are_named_and_files_are_joined(tmp_path):
    mine = MAP.rename(columns={"phecode": "group", "icd_code": "diagnosis"})
    with pytest.raises(TableError, match=r"expected icd_code, phecode too; name yours"):
        read_code_map(mine)
    names = {"phecode": "group", "icd_code": "diagnosis"}
    assert len(read_code_map(mine, columns=names)) == 6
    MAP[:3].to_csv(tmp_path / "a.csv", index=False)
    MAP[3:].to_csv(tmp_path / "b.csv.gz", index=False)
    pd.testing.assert_frame_equal(
        read_code_map([tmp_path / "a.csv", tmp_path / "b.csv.gz"]), read_code_map(MAP)
    )


def test_phecodes_are_text_without_padding():
    table = pd.DataFrame({"icd9": ["001", "002", "003"], "phecode": ["008", "008.50", "10.0"]})
    assert read_code_map(table)["phecode"].tolist() == ["8", "8.5", "10"]


def test_diagnoses_map_by_version_stem_and_parents():
    diagnoses = pd.DataFrame(
        {
            "hadm_id": [1, 1, 2, 3, 4],
            "icd_code": ["I50.20", "42731", "I480", "4280", "Z999"],
            "icd_version": ["10", "9", "10", "10", "10"],
        }
    )
    mapping = read_code_map(MAP)
    found, share = map_diagnoses(diagnoses, mapping)
    assert sorted(zip(found["hadm_id"], found["phecode"], strict=True)) == [
        (1, "427.2"),
        (1, "427.21"),
        (1, "428"),
        (2, "427.2"),
        (2, "427.21"),
    ]
    assert share == 0.6  # 4280 is a code of ICD-9, and Z999 is in no map
    exact, share = map_diagnoses(diagnoses, mapping, truncate=False, rollup=False)
    assert sorted(exact["phecode"]) == ["427.21", "427.21"]
    assert share == 0.4
    with pytest.raises(TableError, match="Got ICD versions 11"):
        map_diagnoses(diagnoses.assign(icd_version="11"), mapping)
    with pytest.raises(TableError, match="without the columns icd_version"):
        map_diagnoses(diagnoses.drop(columns="icd_version"), mapping)


def test_exclusion_ranges_are_inclusive_lists():
    names = np.array(["425", "427.99", "428", "600", "X"])
    assert excluded_by("425-427.99, 600", names).tolist() == [True, True, False, True, False]
    assert not excluded_by("", names).any()


def small_cohort(**options):
    """Admissions 1 to 6: failure, fibrillation, prostate (m), nothing, prostate (f), nothing."""
    table = pd.DataFrame({"subject_id": range(1, 7), "hadm_id": range(1, 7)})
    diagnoses = pd.DataFrame(
        {
            "hadm_id": [1, 2, 3, 5],
            "icd_code": ["I50", "I480", "N40", "N40"],
            "icd_version": ["10"] * 4,
        }
    )
    people = table[["subject_id"]].assign(sex=["F", "M", "M", "M", "F", "F"])
    return phenotype_cohort(table, diagnoses, MAP, people, min_cases=1, **options)


def test_related_phenotypes_are_no_controls():
    cohort = small_cohort()
    assert cohort.phenotypes["phecode"].tolist() == ["427.2", "427.21", "428", "600"]
    failure = list(cohort.phenotypes["phecode"]).index("428")
    assert cohort.cases[:, failure].tolist() == [True] + [False] * 5
    assert cohort.controls[:, failure].tolist() == [False, False, True, True, True, True]
    everyone = small_cohort(exclusion_ranges=False)
    assert everyone.controls[:, failure].tolist() == [False] + [True] * 5


def test_a_phenotype_of_one_sex_is_tested_in_it():
    cohort = small_cohort()
    assert cohort.cases[:, 3].tolist() == [False, False, True, False, False, False]
    assert cohort.controls[:, 3].tolist() == [False, True, False, True, False, False]
    assert small_cohort(sex_filter=False).cases[:, 3].sum() == 2


def test_several_ecgs_of_an_admission_become_one_row():
    table = pd.DataFrame(
        {
            "subject_id": [5, 5, 4, 5],
            "hadm_id": [50.0, 50.0, 40.0, np.nan],
            "ecg_time": ["2150-01-02", "2150-01-01", "2150-01-01", "2150-01-01"],
        }
    )
    cohort = phenotype_cohort(table, _one_diagnosis(), MAP, min_cases=1)
    values = np.array([[1.0, 9.0], [3.0, 5.0], [7.0, 7.0], [100.0, 100.0]])
    assert cohort.admissions["hadm_id"].tolist() == [40, 50]
    assert cohort.admissions["n_ecgs"].tolist() == [1, 2]
    assert cohort.admission_values(values, "first").tolist() == [[7, 7], [3, 5]]
    assert cohort.admission_values(values, "mean").tolist() == [[7, 7], [2, 7]]
    assert cohort.admission_values(values, "max").tolist() == [[7, 7], [3, 9]]
    with pytest.raises(ValueError, match="Got per_admission='last'"):
        cohort.admission_values(values, "last")
    with pytest.raises(ValueError, match="not finite for 1 ECGs"):
        cohort.admission_values(np.where(values == 7, np.nan, values))
    with pytest.raises(ValueError, match="a row for each ECG"):
        cohort.admission_values(values[:2])


def _one_diagnosis():
    return pd.DataFrame({"hadm_id": [40], "icd_code": ["I50"], "icd_version": [10]})


def test_admissions_without_covariates_are_left_out_with_a_warning():
    data = make_phenotypes(n_subjects=60, random_state=0)
    people = data.covariates.copy()
    people.loc[0, "age"] = np.nan
    with pytest.warns(TableWarning, match="have no covariates; they are left out"):
        cohort = phenotype_cohort(
            data.ecg_table, data.diagnoses, data.code_map, people, min_cases=1
        )
    assert people["subject_id"][0] not in set(cohort.admissions["subject_id"])
    assert np.isfinite(cohort.covariates).all()
    np.testing.assert_allclose(cohort.covariates[:, 1:].mean(axis=0), 0, atol=1e-12)
    assert cohort.covariate_names == ("intercept", "age", "sex_M")
    assert len(cohort.admission_values(data.activations)) == len(cohort.admissions)


def test_time_links_what_has_no_admission():
    data = make_phenotypes(n_subjects=80, random_state=0)
    by_key = phenotype_cohort(data.ecg_table, data.diagnoses, data.code_map, min_cases=1)
    by_time = phenotype_cohort(
        data.ecg_table.drop(columns="hadm_id"),
        data.diagnoses,
        data.code_map,
        admissions=data.admissions,
        days_before=0.0,
        min_cases=1,
    )
    pd.testing.assert_frame_equal(
        by_time.admissions.astype("int64"), by_key.admissions.astype("int64")
    )
    np.testing.assert_array_equal(by_time.cases, by_key.cases)


def test_bad_tables_are_named():
    data = make_phenotypes(n_subjects=20, random_state=0)
    tables = data.ecg_table, data.diagnoses, data.code_map
    with pytest.raises(TableError, match="without the column subject_id"):
        phenotype_cohort(data.ecg_table.drop(columns="subject_id"), *tables[1:])
    with pytest.raises(TableError, match="give admissions to link it by time"):
        phenotype_cohort(data.ecg_table.drop(columns="hadm_id"), *tables[1:])
    with pytest.raises(TableError, match="None of"):
        phenotype_cohort(data.ecg_table.assign(hadm_id=np.nan), *tables[1:])
    with pytest.raises(TableError, match="several rows of one subject_id"):
        phenotype_cohort(*tables, pd.concat([data.covariates, data.covariates]))
    with pytest.raises(TableError, match="without a column hadm_id or subject_id"):
        phenotype_cohort(*tables, data.covariates.drop(columns="subject_id"))


@pytest.mark.real_data
def test_mimic_demo_codes_map_to_phecodes(data_folder):
    """100 patients: the mechanics of the mapping, and no association."""
    folder = data_folder / "code_groupers"
    mapping = read_code_map(
        [folder / "phecode_map_v1_2_icd9.csv.gz", folder / "phecode_map_v1_2_icd10_beta.csv.gz"]
    )
    diagnoses = pd.read_csv(
        data_folder / "mimic_iv_demo" / "hosp" / "diagnoses_icd.csv", dtype={"icd_code": str}
    )
    found, share = map_diagnoses(diagnoses, mapping)
    assert share > 0.85
    _, exact = map_diagnoses(diagnoses, mapping, truncate=False)
    assert exact < share - 0.1
    failure = found[found["phecode"].str.startswith("428")]["hadm_id"]
    subjects = diagnoses.drop_duplicates("hadm_id").set_index("hadm_id")["subject_id"]
    assert 20 <= subjects[failure.unique()].nunique() <= 30
    stays = pd.read_csv(data_folder / "mimic_iv_demo" / "hosp" / "admissions.csv")
    people = pd.read_csv(data_folder / "mimic_iv_demo" / "hosp" / "patients.csv")
    covariates = people[["subject_id", "anchor_age", "gender"]]
    cohort = phenotype_cohort(
        stays[["subject_id", "hadm_id"]], diagnoses, mapping, covariates, min_cases=20
    )
    assert len(cohort.admissions) == 275
    assert {"401.1", "427.2"} <= set(cohort.phenotypes["phecode"])
