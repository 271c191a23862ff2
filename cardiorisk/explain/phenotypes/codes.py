"""From billing codes to phenotypes: ICD codes in one spelling, and the map that groups them.

No map is part of the package: phecode maps come from their authors (phewascatalog.org) and are read
from the user's own file.
"""

import os
import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from cardiorisk._validation import as_pandas
from cardiorisk.exceptions import TableError

__all__ = ["excluded_by", "map_diagnoses", "normalise_icd", "read_code_map"]

COLUMNS = ("icd_version", "icd_code", "phecode", "phenotype", "category", "sex", "exclude_range")
ALIASES = {
    "icd_code": ("icd_code", "code", "icd9", "icd10", "icd", "icd10cm", "icd9cm"),
    "icd_version": ("icd_version", "vocabulary_id", "vocabulary", "flag", "version"),
    "phecode": ("phecode",),
    "phenotype": ("phenotype", "phecode_str", "phecode_string", "description"),
    "category": ("category_string", "category", "group"),
    "sex": ("sex", "gender"),
    "exclude_range": (
        "exclude_range",
        "excl. phecodes",
        "phecode_exclude_range",
        "exclusion_range",
    ),
}
MIN_STEM = 3  # characters: the shortest ICD category


def normalise_icd(codes: Any) -> pd.Series:
    """Spell ICD codes without dots and blanks, in capitals.

    Examples
    --------
    >>> normalise_icd(["428.0", " i50.20", "V45.81"]).tolist()
    ['4280', 'I5020', 'V4581']
    """
    text = pd.Series(codes).astype("string")
    return text.str.replace(r"[.\s]", "", regex=True).str.upper()


def _normalise_version(versions: Any) -> pd.Series:
    """9 or 10 from 9, "9", "ICD9CM", "ICD-10-CM", ..."""
    text = pd.Series(versions).astype("string")
    found = text.str.extract(r"(10|9)(?!\d)", expand=False)
    if found.isna().any():
        strange = sorted(text[found.isna()].fillna("missing").unique())[:3]
        raise TableError(f"Got ICD versions {', '.join(strange)}, but expected 9 or 10.")
    return found.astype(int)


def read_code_map(source: Any, *, columns: Mapping[str, str] | None = None) -> pd.DataFrame:
    """Read one or several maps from ICD codes to phecodes into one table.

    Parameters
    ----------
    source : path, DataFrame, or several of them
        CSV files, also compressed. The usual headers of phecode maps are known (``ICD9``,
        ``ICD10``, ``code``, ``vocabulary_id``, ``PheCode``, ``Excl. Phecodes``, ...). A file
        with a column named ``ICD9`` or ``ICD10`` needs no column for the version.
    columns : mapping of str to str, optional
        Your header for each of ``icd_code``, ``icd_version``, ``phecode``, ``phenotype``,
        ``category``, ``sex`` and ``exclude_range`` that is named otherwise. The first three are
        needed.

    Returns
    -------
    DataFrame
        These seven columns; phecodes are text without leading zeros. Codes without a phecode are
        left out. ``sex`` is ``"F"``, ``"M"`` or empty, ``exclude_range`` such as
        ``"420-429.99, 440-449"``.

    Raises
    ------
    TableError
        A needed column is missing.

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame({"ICD10": ["I50.0", "I48"], "PheCode": ["428.1", "427.21"]})
    >>> read_code_map(table)[["icd_version", "icd_code", "phecode"]]
       icd_version icd_code phecode
    0           10     I500   428.1
    1           10      I48  427.21
    """
    several = not isinstance(source, str | os.PathLike) and not hasattr(source, "columns")
    sources = list(source) if several else [source]
    tables = [_one_map(one, dict(columns or {})) for one in sources]
    table = pd.concat(tables, ignore_index=True)
    return table.drop_duplicates(["icd_version", "icd_code", "phecode"], ignore_index=True)


def _one_map(source: Any, columns: dict[str, str]) -> pd.DataFrame:
    if isinstance(source, str | os.PathLike):
        raw = pd.read_csv(source, dtype=str)
    else:
        raw = pd.DataFrame(as_pandas(source))
    by_lower = {str(name).strip().lower(): name for name in raw.columns}
    found = {
        target: columns.get(target)
        or next((by_lower[alias] for alias in aliases if alias in by_lower), None)
        for target, aliases in ALIASES.items()
    }
    if found["icd_version"] is None and found["icd_code"] is not None:
        version = re.search(r"10|9", str(found["icd_code"]))
        if version:
            raw = raw.assign(icd_version=version.group())
            found["icd_version"] = "icd_version"
    missing = [name for name in COLUMNS[:3] if found[name] is None or found[name] not in raw]
    if missing:
        raise TableError(
            f"Got a code map with the columns {', '.join(map(str, raw.columns))}, but expected "
            f"{', '.join(missing)} too; name yours with columns={{...}}."
        )
    out = pd.DataFrame({name: raw[key] for name, key in found.items() if key in raw})
    out = out.reindex(columns=list(COLUMNS)).dropna(subset=["icd_code", "phecode"])
    out["icd_version"] = _normalise_version(out["icd_version"])
    out["icd_code"] = normalise_icd(out["icd_code"])
    out["phecode"] = _normalise_phecode(out["phecode"])
    out["sex"] = out["sex"].map(sex_letter).fillna("")
    for name in ("phenotype", "category", "exclude_range"):
        out[name] = out[name].astype("string").fillna("")
    return out


def _normalise_phecode(codes: Any) -> pd.Series:
    text = pd.Series(codes).astype("string").str.strip()
    text = text.str.replace(r"\.0*$", "", regex=True).str.replace(r"(\.\d*?)0+$", r"\1", regex=True)
    return text.str.replace(r"^0+(?=\d)", "", regex=True)


def sex_letter(value: Any) -> str:
    """Return "F" or "M", or nothing for all else.

    Examples
    --------
    >>> sex_letter("Female"), sex_letter("m"), sex_letter("Both")
    ('F', 'M', '')
    """
    letter = str(value).strip()[:1].upper()
    return letter if letter in ("F", "M") else ""


def map_diagnoses(
    diagnoses: pd.DataFrame, code_map: pd.DataFrame, *, truncate: bool = True, rollup: bool = True
) -> tuple[pd.DataFrame, float]:
    """Give each diagnosis its phecodes.

    Parameters
    ----------
    diagnoses : DataFrame
        Columns ``hadm_id``, ``icd_code`` and ``icd_version``.
    code_map : DataFrame
        From :func:`read_code_map`.
    truncate : bool, default=True
        Whether a code that is not in the map takes the phecode of its longest stem that is, down to
        three characters: ``I5020`` that of ``I50``. National extensions such as ICD-10-CM need
        it with a map of the WHO's codes.
    rollup : bool, default=True
        Whether a phecode brings its parents that the map knows: 427.21 also 427.2 and 427.

    Returns
    -------
    found : DataFrame
        Columns ``hadm_id`` and ``phecode``, each pair once.
    share : float
        Share of the diagnoses that have a phecode.
    """
    missing = [name for name in ("hadm_id", "icd_code", "icd_version") if name not in diagnoses]
    if missing:
        raise TableError(f"Got diagnoses without the columns {', '.join(missing)}.")
    rows = diagnoses.dropna(subset=["hadm_id", "icd_code"])
    keys = pd.DataFrame(
        {
            "hadm_id": rows["hadm_id"].to_numpy(),
            "icd_version": _normalise_version(rows["icd_version"]).to_numpy(),
            "icd_code": normalise_icd(rows["icd_code"]).to_numpy(),
        }
    )
    codes = keys[["icd_version", "icd_code"]].drop_duplicates()
    known = set(zip(code_map["icd_version"], code_map["icd_code"], strict=True))
    codes["stem"] = [
        _stem(code, version, known, truncate)
        for version, code in zip(codes["icd_version"], codes["icd_code"], strict=True)
    ]
    stems = code_map[["icd_version", "icd_code", "phecode"]].rename(columns={"icd_code": "stem"})
    keys = keys.merge(codes, on=["icd_version", "icd_code"])
    share = float(keys["stem"].notna().mean()) if len(keys) else 0.0
    found = keys.dropna(subset=["stem"]).merge(stems, on=["icd_version", "stem"])
    found = found[["hadm_id", "phecode"]].drop_duplicates()
    if rollup:
        found = _with_parents(found, set(code_map["phecode"]))
    return found.reset_index(drop=True), share


def _stem(code: str, version: int, known: set[tuple[int, str]], truncate: bool) -> str | None:
    shortest = MIN_STEM if truncate else len(code)
    for length in range(len(code), shortest - 1, -1):
        if (version, code[:length]) in known:
            return code[:length]
    return None


def _with_parents(found: pd.DataFrame, known: set[str]) -> pd.DataFrame:
    parents = {}
    for phecode in found["phecode"].unique():
        whole, _, decimals = phecode.partition(".")
        above = [f"{whole}.{decimals[:n]}" if n else whole for n in range(len(decimals))]
        parents[phecode] = [phecode, *(parent for parent in above if parent in known)]
    lists = found.assign(phecode=found["phecode"].map(parents))
    return lists.explode("phecode").drop_duplicates()


def excluded_by(ranges: str, phecodes: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    """Tell which phecodes lie in a list of ranges.

    Examples
    --------
    >>> excluded_by("420-429.99, 440", np.array(["427.2", "430", "440"])).tolist()
    [True, False, True]
    """
    numbers = pd.to_numeric(pd.Series(phecodes), errors="coerce").to_numpy(dtype=float)
    inside = np.zeros(len(numbers), bool)
    for part in re.split(r"[,;]", ranges):
        limits = re.fullmatch(r"\s*([\d.]+)\s*(?:-\s*([\d.]+))?\s*", part)
        if limits:
            low = float(limits.group(1))
            high = float(limits.group(2) or low)
            inside |= (numbers >= low) & (numbers <= high)
    return inside
