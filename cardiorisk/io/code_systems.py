"""Names of coding systems, and ICD codes in one spelling.

Prefixes are the names that OMOP gives its vocabularies (``ICD10CM``, ``SNOMED``, ``RxNorm``), so
that a code means the same whichever hospital's table it comes from.
"""

import re
from collections.abc import Callable

__all__ = ["dotted_icd", "join_code", "respelled", "system_name"]

SEPARATOR = "//"
SYSTEMS = {
    "http://snomed.info/sct": "SNOMED",
    "snomed-ct": "SNOMED",
    "snomed": "SNOMED",
    "http://www.nlm.nih.gov/research/umls/rxnorm": "RxNorm",
    "rxnorm": "RxNorm",
    "http://hl7.org/fhir/sid/cvx": "CVX",
    "cvx": "CVX",
    "http://hl7.org/fhir/sid/icd-10-cm": "ICD10CM",
    "http://hl7.org/fhir/sid/icd-10": "ICD10",
    "http://hl7.org/fhir/sid/icd-9-cm": "ICD9CM",
    "http://www.cms.gov/medicare/coding/icd10": "ICD10PCS",
    "http://www.ama-assn.org/go/cpt": "CPT4",
    "http://hl7.org/fhir/sid/ndc": "NDC",
    "http://www.whocc.no/atc": "ATC",
    "http://loinc.org": "LOINC",
    "urn:oid:2.16.840.1.113883.6.96": "SNOMED",
    "urn:oid:2.16.840.1.113883.6.90": "ICD10CM",
    "urn:oid:2.16.840.1.113883.6.103": "ICD9CM",
    "urn:oid:2.16.840.1.113883.6.88": "RxNorm",
}
NUMBERED = ("SNOMED", "RxNorm", "CVX", "OMOP")
_VERSIONED = {
    ("DIAGNOSIS", "9"): "ICD9CM",
    ("DIAGNOSIS", "10"): "ICD10CM",
    ("PROCEDURE", "9"): "ICD9Proc",
    ("PROCEDURE", "10"): "ICD10PCS",
}
_VERSIONED_CODE = re.compile(r"(DIAGNOSIS|PROCEDURE)//ICD//(9|10)//(.+)")
_PREFIXED_CODE = re.compile(
    r"(ICD9CM|ICD9Proc|ICD10CM|ICD10|ICD10PCS|SNOMED|RxNorm|CVX|CPT4|NDC|ATC|LOINC)//?([^/].*)"
)
_ICD9_STEM: dict[str, Callable[[str], int]] = {
    "ICD9CM": lambda code: 4 if code.startswith("E") else 3,
    "ICD9Proc": lambda code: 2,
    "ICD10CM": lambda code: 3,
    "ICD10": lambda code: 3,
}


def system_name(system: str | None, default: str = "SNOMED") -> str:
    """Name of a coding system from the address or word that a table gives.

    Examples
    --------
    >>> system_name("http://snomed.info/sct"), system_name("SNOMED-CT"), system_name(None)
    ('SNOMED', 'SNOMED', 'SNOMED')
    >>> system_name("http://example.org/our-codes/")
    'our-codes'
    """
    if not system:
        return default
    text = system.strip()
    found = SYSTEMS.get(text.lower().rstrip("/"))
    return found or re.split(r"[/:]", text.rstrip("/"))[-1]


def dotted_icd(code: str, system: str) -> str:
    """Spell an ICD code in capitals with its dot.

    Parameters
    ----------
    code : str
        With or without dot and blanks. Zeros that a spreadsheet took away are put back where a
        dot tells how many (``38.9`` of ICD-9-CM is ``038.9``), else they are not guessed.
    system : {"ICD9CM", "ICD9Proc", "ICD10CM", "ICD10", "ICD10PCS"}
        ICD-10-PCS has no dots. Any other system leaves the code as it is.

    Examples
    --------
    >>> dotted_icd("4280", "ICD9CM"), dotted_icd("E8889", "ICD9CM"), dotted_icd("3722", "ICD9Proc")
    ('428.0', 'E888.9', '37.22')
    >>> dotted_icd("i50.22", "ICD10CM"), dotted_icd("02HV33Z", "ICD10PCS")
    ('I50.22', '02HV33Z')
    """
    if system not in _ICD9_STEM and system != "ICD10PCS":
        return code
    plain = "".join(code.replace(".", "").split()).upper()
    if system == "ICD10PCS":
        return plain
    stem = _ICD9_STEM[system](plain)
    before, dot, _ = code.strip().partition(".")
    if dot and before.isdigit() and system.startswith("ICD9"):
        plain = "0" * (stem - len(before)) + plain
    return plain if len(plain) <= stem else f"{plain[:stem]}.{plain[stem:]}"


def join_code(system: str, code: str) -> str:
    """Prefix and code as one word of a vocabulary.

    Examples
    --------
    >>> join_code("ICD10CM", "I509")
    'ICD10CM//I50.9'
    """
    if system in NUMBERED and re.fullmatch(r"\d+\.0", code):
        code = code[:-2]  # a whole number that a program wrote with a fraction
    return f"{system}{SEPARATOR}{dotted_icd(code, system)}"


def respelled(word: str) -> str:
    """Bring a code of another conversion to MEDS to the spelling of this package.

    Understood are the forms of the MIMIC-IV conversion (``DIAGNOSIS//ICD//10//I5022``), of the OMOP
    conversion (``ICD10CM/I50.22``) and codes without a dot. Any other word stays as it is.

    References
    ----------
    https://github.com/Medical-Event-Data-Standard/MIMIC_IV_MEDS,
    https://github.com/Medical-Event-Data-Standard/meds_etl

    Examples
    --------
    >>> respelled("DIAGNOSIS//ICD//10//I5022"), respelled("SNOMED/84114007")
    ('ICD10CM//I50.22', 'SNOMED//84114007')
    >>> respelled("ICD9CM//4280"), respelled("LAB//50912//mg/dL")
    ('ICD9CM//428.0', 'LAB//50912//mg/dL')
    """
    if found := _VERSIONED_CODE.fullmatch(word):
        kind, version, code = found.groups()
        return join_code(_VERSIONED[kind, version], code)
    if found := _PREFIXED_CODE.fullmatch(word):
        return join_code(*found.groups())
    return word
