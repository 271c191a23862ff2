"""Which codes lie near each other: cosine similarity in tables."""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

__all__ = ["code_types", "nearest", "neighbour_table", "unit_vectors"]

Words = npt.NDArray[np.str_]


def code_types(vocabulary: Words, types: Mapping[str, str] | None = None) -> Words:
    """Type of each code: as given, else what stands before its first slash.

    Examples
    --------
    >>> code_types(np.array(["ICD10CM//I10", "drug/furosemide", "I10"])).tolist()
    ['ICD10CM', 'drug', '']
    """
    if types is not None:
        return np.array([str(types.get(code, "")) for code in vocabulary.tolist()], dtype=np.str_)
    parts = [code.partition("/") for code in vocabulary.tolist()]
    return np.array([head if slash else "" for head, slash, _ in parts], dtype=np.str_)


def unit_vectors(vectors: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Bring rows to length 1; a row of zeros stays."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.where(lengths > 0, lengths, 1))


def nearest(
    vectors: npt.NDArray[np.float32],
    vocabulary: Words,
    plus: Sequence[str],
    minus: Sequence[str],
    types: Words,
    type: str | None,
    topn: int,
) -> pd.DataFrame:
    """Rank codes by cosine similarity to a sum of codes.

    Returns
    -------
    DataFrame
        Columns ``code``, ``similarity`` and ``type``; the index is the position of the code.

    Raises
    ------
    KeyError
        A code is not in the vocabulary.
    ValueError
        No code of the type.
    """
    place = {code: position for position, code in enumerate(vocabulary.tolist())}
    if missing := [code for code in (*plus, *minus) if code not in place]:
        raise KeyError(f"Got {missing[0]!r}, which has no vector: it was too rare in training.")
    asked = np.array([place[code] for code in (*plus, *minus)], dtype=np.intp)
    unit = unit_vectors(vectors)
    sign = np.repeat([1.0, -1.0], [len(plus), len(minus)])
    direction = sign @ unit[asked]
    similarity = unit @ (direction / max(float(np.linalg.norm(direction)), 1e-12))
    allowed = np.ones(len(vocabulary), dtype=bool) if type is None else types == type
    if not allowed.any():
        raise ValueError(f"Got type={type!r}, but the types are {np.unique(types).tolist()}.")
    allowed[asked] = False
    order = np.flatnonzero(allowed)
    order = order[np.argsort(-similarity[order], kind="stable")[:topn]]
    columns = {"code": vocabulary[order], "similarity": similarity[order], "type": types[order]}
    return pd.DataFrame(columns, index=order)


def neighbour_table(
    vectors: npt.NDArray[np.float32],
    vocabulary: Words,
    codes: Sequence[str],
    types: Words,
    topn: int,
) -> pd.DataFrame:
    """Tabulate the nearest codes of each type as text, one row a code."""
    rows = {}
    for code in codes:
        rows[code] = {
            kind or "code": ", ".join(
                nearest(vectors, vocabulary, [code], [], types, kind, topn)["code"]
            )
            for kind in np.unique(types).tolist()
        }
    table = pd.DataFrame.from_dict(rows, orient="index")
    table.index.name = "code"
    return table
