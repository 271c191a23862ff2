"""Read histories from FHIR bundles (R4 and R5) in plain JSON."""

import json
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from cardiorisk._histories.collect import collect
from cardiorisk._histories.columns import EventColumns, as_times
from cardiorisk._histories.labels import label
from cardiorisk._histories.reading import Finding
from cardiorisk.exceptions import ReadError
from cardiorisk.io.code_systems import join_code, system_name
from cardiorisk.records import PatientHistories

__all__ = ["read_fhir"]

TIMES = {
    "Condition": ("onsetDateTime", "onsetPeriod", "recordedDate"),
    "MedicationRequest": ("authoredOn",),
    "MedicationStatement": ("effectiveDateTime", "effectivePeriod", "dateAsserted"),
    "MedicationAdministration": ("effectiveDateTime", "effectivePeriod", "occurenceDateTime"),
    "Procedure": (
        *("performedDateTime", "performedPeriod", "occurrenceDateTime", "occurrencePeriod"),
    ),
    "Immunization": ("occurrenceDateTime",),
}
CODES = {
    "MedicationRequest": ("medicationCodeableConcept", "medication"),
    "MedicationStatement": ("medicationCodeableConcept", "medication"),
    "MedicationAdministration": ("medicationCodeableConcept", "medication"),
    "Immunization": ("vaccineCode",),
}
NOT_SO = {"refuted", "entered-in-error", "not-done", "not-taken"}
SEX = {"male": "M", "female": "F"}

FULL_URL = "_full_url"  # what other resources of a bundle may call this one

Resource = dict[str, Any]


def read_fhir(path: str | os.PathLike[str]) -> PatientHistories:
    """Read conditions, medications, procedures and immunisations from FHIR.

    Parameters
    ----------
    path : path-like
        A bundle (``.json``), a bulk export (``.ndjson``), or a folder of them.

    Returns
    -------
    PatientHistories
        Codes such as ``"SNOMED//84114007"`` from the first coding of a resource, with
        ``descriptions``. A visit is an encounter. ``static`` has ``sex``, ``birth_date`` and
        ``death_date``. What is refuted, entered in error or not done is left out and counted.

    Raises
    ------
    ReadError
        There is no file, a file is not JSON, or no patient is in it.

    References
    ----------
    https://hl7.org/fhir/R4, https://hl7.org/fhir/R5

    Examples
    --------
    >>> read_fhir("bundles")  # doctest: +SKIP
    """
    patients: list[Resource] = []
    events: list[tuple[str, str | None, str, str, str, str | None]] = []
    not_so: Counter[str] = Counter()
    medications: dict[str, Resource] = {}
    alias: dict[str, str] = {}
    pending: list[Resource] = []
    for resource in _resources(Path(path)):
        kind = resource.get("resourceType", "")
        names = [str(name) for name in (resource.get("id"), resource.get(FULL_URL)) if name]
        if kind == "Patient":
            own = names[0] if names else ""
            patients.append({**resource, "id": own})
            alias |= dict.fromkeys(names, own)
        elif kind == "Medication":
            medications |= dict.fromkeys(names, _as_dict(resource.get("code")))
        elif kind in TIMES and _is_not_so(resource):
            not_so[kind] += 1
        elif kind in TIMES:
            pending.append(resource)
    if not patients:
        raise ReadError(f"Got {path}, but no Patient is in it.")
    events = [_event(resource, medications) for resource in pending]
    frame = pd.DataFrame(events, columns=["kind", "subject", "time", "code", "words", "visit"])
    frame["subject"] = [alias.get(who, who) for who in frame["subject"]]
    people = _people(patients)
    findings: list[Finding] = [("Patient", "read", len(patients), "")]
    n_rest = len(patients) - len(people)
    findings.append(("Patient", "patient again, or without identifier", n_rest, "left out"))
    findings += [
        (kind, "refuted, in error or not done", n, "left out") for kind, n in not_so.items()
    ]
    parts = [_columns(group, str(kind)) for kind, group in frame.groupby("kind", sort=False)]
    found = collect(parts or [_columns(frame, "events")], people, findings=findings)
    return PatientHistories._from_collected(found)


def _resources(path: Path) -> Iterator[Resource]:
    """Yield every resource of the files, also those inside bundles."""
    names = ("*.json", "*.ndjson")
    files = [path] if path.is_file() else sorted(f for name in names for f in path.rglob(name))
    if not files:
        raise ReadError(f"Got {path}, but expected FHIR bundles: *.json or *.ndjson.")
    for file in files:
        text = file.read_text(encoding="utf-8-sig")
        lines = text.split("\n") if file.suffix == ".ndjson" else [text]
        for line in filter(str.strip, lines):
            try:
                resource = json.loads(line)
            except ValueError as error:
                raise ReadError(f"{file} is not JSON: {error}") from error
            if not isinstance(resource, dict):
                raise ReadError(f"{file} holds no FHIR resource.")
            if resource.get("resourceType") == "Bundle":
                for entry in filter(None, map(_as_dict, resource.get("entry") or [])):
                    url = _id({"reference": entry.get("fullUrl")})
                    yield {**_as_dict(entry.get("resource")), FULL_URL: url}
            else:
                yield resource


def _as_dict(value: Any) -> Resource:
    """Give the value, or an empty one where the file has another type at its place."""
    return value if isinstance(value, dict) else {}


def _codings(concept: Resource) -> list[Resource]:
    given = concept.get("coding")
    return [_as_dict(coding) for coding in given] if isinstance(given, list) else []


def _is_not_so(resource: Resource) -> bool:
    said = {coding.get("code") for coding in _codings(_as_dict(resource.get("verificationStatus")))}
    return bool((said | {resource.get("status")}) & NOT_SO)


def _event(resource: Resource, medications: dict[str, Resource]) -> tuple[Any, ...]:
    kind = str(resource["resourceType"])
    concept = _concept(resource, medications)
    coding: Resource = next((c for c in _codings(concept) if c.get("code")), {})
    code = str(coding["code"]) if coding else ""
    spelled = join_code(system_name(coding.get("system"), "FHIR"), code) if code else ""
    words = coding.get("display") or concept.get("text") or ""
    who = _as_dict(resource.get("subject") or resource.get("patient"))
    visit = _as_dict(resource.get("encounter") or resource.get("context"))
    return kind, _id(who), _time(resource, TIMES[kind]), spelled, words, _id(visit)


def _concept(resource: Resource, medications: dict[str, Resource]) -> Resource:
    for name in CODES.get(str(resource["resourceType"]), ("code",)):
        given = _as_dict(resource.get(name))
        given = _as_dict(given.get("reference")) or given  # R5
        if "reference" in given:
            return _medication(resource, given, medications)
        if given:
            return dict(_as_dict(given.get("concept")) or given)
    return _medication(resource, _as_dict(resource.get("medicationReference")), medications)


def _medication(
    resource: Resource, reference: Resource, medications: dict[str, Resource]
) -> Resource:
    """Code of a medication of its own, or of one that the resource contains."""
    name = _id(reference) or ""
    inside = map(_as_dict, resource.get("contained") or [])
    contained = {f"#{one.get('id')}": _as_dict(one.get("code")) for one in inside}
    return contained.get(name) or medications.get(name, {})


def _time(resource: Resource, names: tuple[str, ...]) -> str | None:
    for name in names:
        given = resource.get(name)
        if isinstance(given, dict):
            given = given.get("start")
        if given:
            return str(given)
    return None


def _id(reference: Resource) -> str | None:
    text = str(reference.get("reference") or "")
    text = text.partition("/_history/")[0].removeprefix("urn:uuid:").removeprefix("urn:oid:")
    return text.rpartition("/")[2] or None


def _columns(frame: pd.DataFrame, source: str) -> EventColumns:
    frame = frame.reset_index(drop=True).astype(object)
    code = label(frame["code"])
    words = dict(zip(frame["code"].str.strip(), frame["words"], strict=True))
    return EventColumns(
        subject=label(frame["subject"]),
        times=as_times(frame["time"], "time"),
        code=code,
        visit=label(frame["visit"]),
        source=source,
        names=code.values.astype(object) if not words else _named(code.values, words),
    )


def _named(codes: Any, words: dict[str, str]) -> Any:
    return pd.Series([words.get(code, "") for code in codes], dtype=object).to_numpy()


def _people(patients: list[Resource]) -> pd.DataFrame:
    people = pd.DataFrame(
        {
            "subject_id": [str(patient.get("id") or "") for patient in patients],
            "sex": [SEX.get(str(patient.get("gender")).lower()) for patient in patients],
        }
    )
    for name, key in (("birth_date", "birthDate"), ("death_date", "deceasedDateTime")):
        given = pd.Series([patient.get(key) for patient in patients], dtype=object)
        people[name] = as_times(given, name)
    return people[people["subject_id"] != ""].drop_duplicates("subject_id")
