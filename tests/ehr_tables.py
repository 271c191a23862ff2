"""Small tables in the forms of hospital data sets, all made up."""

import gzip
import json

import pandas as pd

MIMIC_IV = {
    "patients": "subject_id,gender,anchor_age,anchor_year,dod\n"
    "10,F,60,2150,\n11,M,70,2160,2161-02-03\n",
    "admissions": "subject_id,hadm_id,admittime,dischtime\n"
    "10,100,2151-01-01 08:00:00,2151-01-09 12:00:00\n"
    "11,101,2160-05-01 08:00:00,2160-05-03 09:30:00\n",
    "diagnoses_icd": "subject_id,hadm_id,seq_num,icd_code,icd_version\n"
    "10,100,1,4280,9\n10,100,2,I5022,10\n10,100,3,,9\n11,101,1,V4581,9\n11,999,1,4019,9\n"
    "12,101,1,4019,9\n",
    "procedures_icd": "subject_id,hadm_id,seq_num,chartdate,icd_code,icd_version\n"
    "10,100,1,2151-01-03,3722,9\n10,100,2,2151-01-04,02HV33Z,10\n",
    "prescriptions": "subject_id,hadm_id,starttime,drug\n"
    "10,100,2151-01-02 10:00:00,Furosemide\n10,100,2151-01-02 10:00:00, furosemide \n"
    '11,101,2160-05-02 10:00:00,"Call Dr Jane Doe, ext. 555,\nbefore giving anything"\n',
}
SYNTHEA_OLD = {
    "patients": "Id,BIRTHDATE,DEATHDATE,FIRST,GENDER,RACE\n"
    "aa-1,1950-02-28,,Jane,F,white\nbb-2,1960-01-22,2019-06-01,John,M,black\n",
    "conditions": "START,STOP,PATIENT,ENCOUNTER,CODE,DESCRIPTION\n"
    "2010-03-05,,aa-1,e1,59621000,Hypertension\n2012-03-05,,aa-1,e2,88805009,Heart failure\n",
    "procedures": "DATE,PATIENT,ENCOUNTER,CODE,DESCRIPTION\n2010-03-05,aa-1,e1,430193006,Review\n",
}
SYNTHEA_NEW = {
    "patients": SYNTHEA_OLD["patients"],
    "encounters": "Id,START,STOP,PATIENT,ENCOUNTERCLASS,CODE,DESCRIPTION\n"
    "e1,2010-03-05T10:00:00Z,2010-03-05T11:00:00Z,aa-1,ambulatory,1,Visit\n",
    "conditions": "START,STOP,PATIENT,ENCOUNTER,SYSTEM,CODE,DESCRIPTION\n"
    "2010-03-05,,aa-1,e1,http://snomed.info/sct,59621000,Hypertension\n"
    "2012-03-05,,aa-1,e2,http://snomed.info/sct,88805009,Heart failure\n",
    "medications": "START,STOP,PATIENT,PAYER,ENCOUNTER,CODE,DESCRIPTION\n"
    "2010-03-05T10:30:00Z,,aa-1,p,e1,313782,Acetaminophen\n",
    "procedures": "START,STOP,PATIENT,ENCOUNTER,SYSTEM,CODE,DESCRIPTION\n"
    "2010-03-05T10:10:00Z,,aa-1,e1,http://snomed.info/sct,430193006,Review\n",
}
OMOP = {
    "person": "person_id,gender_concept_id,year_of_birth,month_of_birth,day_of_birth,care_site_id\n"
    "1,8532,1950,2,,7\n2,8507,1960,,,8\n",
    "visit_occurrence": "visit_occurrence_id,person_id,visit_start_date\n50,1,2020-03-01\n",
    "condition_occurrence": "condition_occurrence_id,person_id,condition_concept_id,"
    "condition_start_date,condition_start_datetime,visit_occurrence_id,condition_source_concept_id\n"
    "1,1,316139,2020-03-01,2020-03-01 09:00:00,50,44\n2,1,0,2020-03-01,,50,0\n"
    "3,2,320128,2019-01-01,,,45\n4,1,320128,,,50,45\n",
    "drug_exposure": "drug_exposure_id,person_id,drug_concept_id,drug_exposure_start_date\n"
    "1,1,956874,2020-03-02\n",
    "death": "person_id,death_date\n2,2021-01-01\n",
}
CONCEPT = (
    "concept_id\tconcept_name\tvocabulary_id\tconcept_code\n"
    "316139\tHeart failure\tSNOMED\t84114007\n320128\tHypertension\tSNOMED\t59621000\n"
    "44\tHeart failure, unspecified\tICD10CM\tI50.9\n956874\tfurosemide\tRxNorm\t4603\n"
)


def write_tables(folder, tables, form="csv"):
    """Write tables as csv, csv.gz or parquet, the gzipped ones with names in capitals."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in tables.items():
        if form == "csv":
            (folder / f"{name}.csv").write_text(text)
        elif form == "csv.gz":
            (folder / f"{name.upper()}.csv.gz").write_bytes(gzip.compress(text.encode()))
        else:
            (folder / f"{name}.csv").write_text(text)
            table = pd.read_csv(folder / f"{name}.csv", dtype=str)
            table.to_parquet(folder / f"{name}.parquet")
            (folder / f"{name}.csv").unlink()
    return folder


def _resource(kind, **content):
    who = {"reference": "urn:uuid:p1"}
    return {"resource": {"resourceType": kind, "subject": who, **content}}


def _coded(code, system="http://snomed.info/sct", display="words"):
    return {"coding": [{"system": system, "code": code, "display": display}]}


def fhir_bundle():
    """Return a bundle of one patient as JSON text."""
    rxnorm = "http://www.nlm.nih.gov/research/umls/rxnorm"
    entries = [
        {
            "resource": {
                "resourceType": "Patient",
                "id": "p1",
                "gender": "female",
                "birthDate": "1950-02-28",
                "name": [{"family": "Doe"}],
            }
        },
        _resource(
            "Condition",
            code=_coded("84114007", display="Heart failure"),
            onsetDateTime="2020-03-01T09:00:00+01:00",
            encounter={"reference": "Encounter/e1"},
        ),
        _resource(
            "Condition",
            code=_coded("1"),
            onsetDateTime="2020-03-01",
            verificationStatus=_coded("refuted", "x"),
        ),
        _resource("Condition", code={"text": "feels unwell"}, onsetDateTime="2020-03-01"),
        {"resource": {"resourceType": "Medication", "id": "m1", "code": _coded("4603", rxnorm)}},
        _resource(
            "MedicationRequest",
            medicationReference={"reference": "Medication/m1"},
            authoredOn="2020-03-02",
        ),
        _resource(
            "MedicationStatement",
            medicationCodeableConcept=_coded("29046", rxnorm),
            effectivePeriod={"start": "2020-04"},
        ),
        _resource(
            "Procedure",
            code=_coded("I50.9", "http://hl7.org/fhir/sid/icd-10-cm"),
            performedPeriod={"start": "2019-01-01"},
        ),
        {"resource": {"resourceType": "Observation"}},
    ]
    return json.dumps({"resourceType": "Bundle", "entry": entries})
