"""Sets of codes that define a disease."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["HEART_FAILURE", "CodeSet"]


@dataclass(frozen=True)
class CodeSet:
    """Codes that mean one thing.

    Parameters
    ----------
    name : str
        In words, for example ``"heart failure"``.
    codes : tuple of str
        As in the vocabulary of histories; one that ends in ``*`` stands for all codes that begin
        so.
    source : str, default=""
        Where the set comes from.

    Examples
    --------
    >>> import numpy as np
    >>> gout = CodeSet("gout", ("ICD10CM//M10*", "ICD9CM//274.9"))
    >>> gout.matches(np.array(["ICD10CM//M10.9", "ICD9CM//274.91", "ICD9CM//274.9"])).tolist()
    [True, False, True]
    """

    name: str
    codes: tuple[str, ...]
    source: str = ""

    def matches(self, vocabulary: npt.NDArray[np.str_]) -> npt.NDArray[np.bool_]:
        """Which codes of a vocabulary are in the set, shape (n_codes,)."""
        exact = {code for code in self.codes if not code.endswith("*")}
        stems = tuple(code[:-1] for code in self.codes if code.endswith("*"))
        words: Iterable[str] = vocabulary.tolist()
        return np.array([word in exact or word.startswith(stems) for word in words], dtype=bool)


def _prefixed(system: str, *codes: str) -> tuple[str, ...]:
    return tuple(f"{system}//{code}" for code in codes)


HEART_FAILURE = CodeSet(
    "heart failure",
    (
        *_prefixed("ICD9CM", "398.91", "402.01", "402.11", "402.91", "404.01", "404.03"),
        *_prefixed("ICD9CM", "404.11", "404.13", "404.91", "404.93", "428*"),
        *_prefixed("ICD10CM", "I09.81", "I11.0", "I13.0", "I13.2", "I50*"),
        *_prefixed("ICD10", "I11.0", "I13.0", "I13.2", "I50*"),
        *_prefixed("SNOMED", "84114007", "88805009", "42343007", "85232009", "367363000"),
        *_prefixed("SNOMED", "417996009", "418304008", "441481004", "441530006"),
        *_prefixed("OMOP", "316139", "319835", "4229440"),
        "CCS//108",
    ),
    source=(
        "ICD: the heart failure codes of the CMS Chronic Conditions Data Warehouse. SNOMED CT: "
        "heart failure (84114007), chronic congestive (88805009, the one of Synthea), congestive, "
        "left, right, systolic and diastolic. CCS group 108 of AHRQ."
    ),
)
"""Heart failure in ICD-9-CM, ICD-10-CM, SNOMED CT, OMOP's concepts and CCS."""
