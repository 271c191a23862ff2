"""Which label goes to which branch: rhythm, morphology or diffuse."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

__all__ = ["BRANCHES", "PTBXL_BRANCHES", "assign_labels"]

BRANCHES = ("rhythm", "morphology", "diffuse")

PTBXL_BRANCHES: dict[str, tuple[str, ...]] = {
    "rhythm": (
        *("1AVB", "IVCD", "3AVB", "2AVB", "SR", "AFIB", "STACH", "SARRH", "SBRAD", "PACE"),
        *("SVARR", "BIGU", "AFLT", "SVTAC", "PSVT", "TRIGU"),
    ),
    "morphology": (
        *("NDT", "NST_", "LNGQT", "IMI", "ASMI", "LVH", "LAFB", "ISC_", "IRBBB", "ISCAL"),
        *("CRBBB", "CLBBB", "ILMI", "LAO/LAE", "AMI", "ALMI", "ISCIN", "INJAS", "LMI", "ISCIL"),
        *("LPFB", "ISCAS", "INJAL", "ISCLA", "RVH", "ANEUR", "RAO/RAE", "WPW", "ILBBB", "IPLMI"),
        *("ISCAN", "IPMI", "SEHYP", "INJIN", "INJLA", "PMI", "INJIL", "ABQRS", "PVC", "STD_"),
        *("VCLVH", "QWAVE", "LOWT", "NT_", "PAC", "LPR", "INVT", "LVOLT", "HVOLT", "TAB_"),
        *("STE_", "PRC(S)"),
    ),
    "diffuse": ("DIG", "NORM", "EL"),
}
"""The published partition of the 71 statements of PTB-XL, in the published order."""

_PUBLISHED = {label: branch for branch, labels in PTBXL_BRANCHES.items() for label in labels}

# Words of a rhythm and of what shows all over the record; every other label is a shape.
_WORDS = {
    "rhythm": re.compile(
        r"rhythm|sinus|arr?h?ythmia|fibrillation|flutter|tachy|brady|\bafib|\bafl\b|\bafl_|_afl\b"
        r"|paced?\b|pacing|pacemaker|bigemin|trigemin|av.?block|atrioventricular"
    ),
    "diffuse": re.compile(r"\bnorm(al)?\b|digitalis|digoxin|electrolyt|drug|kal[a]?emia"),
}


def _branch_of(label: Any) -> str:
    """Find the branch of a label: a PTB-XL code, else words of a rhythm, else of the diffuse."""
    name = str(label)
    if name in _PUBLISHED:
        return _PUBLISHED[name]
    words = re.sub(r"^c24_", "", name.lower()).replace("_", " ")
    for branch, pattern in _WORDS.items():
        if pattern.search(words):
            return branch
    return "morphology"


def assign_labels(labels: Sequence[Any], branches: Any) -> dict[str, tuple[int, ...]]:
    """Give every label its branch, or branches.

    Parameters
    ----------
    labels : sequence
        Names of the labels.
    branches : {"every", "auto", "ptbxl"} or mapping
        "every": every label has prototypes in all three branches. "ptbxl": the published
        partition; each label must be a statement of PTB-XL. "auto": the published branch of a
        PTB-XL statement; else rhythm if the name holds a word of rhythm (sinus, fibrillation,
        tachy, paced, AV block, ...), diffuse for "normal", drugs and electrolytes, morphology for
        all others. A mapping gives each branch its labels; a label may stand in several.

    Returns
    -------
    columns : dict of str to tuple of int
        Positions of the labels of each branch that has any, in the order of ``BRANCHES``.

    Raises
    ------
    ValueError
        A label is unknown, is left out, or a branch does not exist.

    Examples
    --------
    >>> assign_labels(["NORM", "AFIB", "CLBBB"], "ptbxl")
    {'rhythm': (1,), 'morphology': (2,), 'diffuse': (0,)}
    >>> assign_labels(["sinus bradycardia", "old infarction"], "auto")
    {'rhythm': (0,), 'morphology': (1,)}
    """
    if isinstance(branches, Mapping):
        return _from_mapping(labels, branches)
    if branches == "every":
        return {branch: tuple(range(len(labels))) for branch in BRANCHES}
    if branches == "ptbxl":
        unknown = [str(label) for label in labels if label not in _PUBLISHED]
        if unknown:
            raise ValueError(
                f"Got branches='ptbxl' with {_listed(unknown)}, but expected statements of PTB-XL. "
                "Use branches='auto', or a mapping of branch to labels."
            )
    elif branches != "auto":
        raise ValueError(
            f"Got branches={branches!r}, but expected 'every', 'auto', 'ptbxl' or a mapping."
        )
    found = [_branch_of(label) for label in labels]
    return _without_empty(
        {name: [at for at, branch in enumerate(found) if branch == name] for name in BRANCHES}
    )


def _from_mapping(
    labels: Sequence[Any], branches: Mapping[str, Iterable[Any]]
) -> dict[str, tuple[int, ...]]:
    wrong = sorted(set(branches) - set(BRANCHES))
    if wrong:
        raise ValueError(f"Got branch {wrong[0]!r}, but expected {', '.join(BRANCHES)}.")
    position = {label: at for at, label in enumerate(labels)}
    for branch, members in branches.items():
        if isinstance(members, str):
            raise ValueError(f"Got {branch}={members!r}, but expected a sequence of labels.")
        unknown = [str(label) for label in members if label not in position]
        if unknown:
            raise ValueError(
                f"Got {_listed(unknown)} in branch {branch!r}, but the labels are {list(labels)}."
            )
    columns = {
        name: sorted({position[label] for label in branches.get(name, ())}) for name in BRANCHES
    }
    left_out = set(range(len(labels))) - {at for found in columns.values() for at in found}
    if left_out:
        raise ValueError(
            f"Got no branch for {_listed([str(labels[at]) for at in sorted(left_out)])}; every "
            "label needs one."
        )
    return _without_empty(columns)


def _without_empty(columns: Mapping[str, Sequence[int]]) -> dict[str, tuple[int, ...]]:
    return {name: tuple(found) for name, found in columns.items() if found}


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(names[:5])
    return f"label{'s' * (len(names) > 1)} {shown}" + ", ..." * (len(names) > 5)
