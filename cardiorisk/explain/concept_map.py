"""Vectors of codes as points on a map."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from cardiorisk._colours import INK, LOWERS, MUTED, RAISES, REFERENCE
from cardiorisk._optional import require
from cardiorisk.features._code_neighbours import code_types, unit_vectors

__all__ = ["plot_concepts"]

STYLES = ((LOWERS, "o"), (RAISES, "s"), (INK, "^"), (REFERENCE, "D"), (MUTED, "v"), (INK, "x"))
"""Colour and marker of each type: types differ in shape too, for grey print."""


def plot_concepts(
    embedding: Any,
    codes: Sequence[str] | None = None,
    *,
    types: Mapping[str, str] | None = None,
    labels: Mapping[str, str] | Sequence[str] = (),
    ax: Any = None,
) -> Any:
    """Draw codes by the first two principal components of their directions.

    Two dimensions of many: near points may be far apart in the others. For what is near, ask
    ``embedding.most_similar``.

    Parameters
    ----------
    embedding : fitted ConceptEmbedding
    codes : sequence of str, optional
        Codes to draw, at least three. None takes the 300 most frequent.
    types : mapping of code to type, optional
        Gives colour and marker; None takes what stands before the first slash of a code. From
        the sixth type on they share one.
    labels : mapping of code to words, or sequence of codes
        Codes to name on the map.
    ax : matplotlib Axes, optional

    Returns
    -------
    ax : matplotlib Axes

    Raises
    ------
    KeyError
        A code has no vector.
    ValueError
        There are fewer than three codes.

    Examples
    --------
    >>> from cardiorisk.datasets import make_ehr
    >>> from cardiorisk.features import ConceptEmbedding
    >>> ehr = make_ehr(n_patients=200, random_state=0)
    >>> embedding = ConceptEmbedding(vector_size=10, epochs=2, random_state=0).fit(ehr.histories)
    >>> ax = plot_concepts(embedding, labels=["diagnosis/diabetes/0"])
    >>> [text.get_text() for text in ax.texts]
    ['diagnosis/diabetes/0']
    """
    check_is_fitted(embedding)
    place = {code: k for k, code in enumerate(embedding.vocabulary_.tolist())}
    if codes is None:
        chosen = np.argsort(-embedding.counts_, kind="stable")[:300]
    else:
        if missing := [code for code in codes if code not in place]:
            raise KeyError(f"Got {missing[0]!r}, which has no vector: it was too rare in training.")
        chosen = np.array([place[code] for code in codes], dtype=np.intp)
    if len(chosen) < 3:
        raise ValueError(f"Got {len(chosen)} codes, but expected at least three for a map.")
    centred = unit_vectors(embedding.vectors_[chosen])
    centred = centred - centred.mean(axis=0)
    left, lengths, _ = np.linalg.svd(centred, full_matrices=False)
    points = np.zeros((len(chosen), 2))
    points[:, : min(2, len(lengths))] = (left * lengths)[:, :2]
    if ax is None:
        ax = require("matplotlib.pyplot").subplots(figsize=(7, 6))[1]
    _draw(ax, points, code_types(embedding.vocabulary_, types)[chosen])
    words = labels if isinstance(labels, Mapping) else {code: code for code in labels}
    row = {int(position): k for k, position in enumerate(chosen)}
    for code, text in words.items():
        if place.get(code) in row:
            ax.annotate(text, points[row[place[code]]], xytext=(4, 4), textcoords="offset points")
    share = 100 * lengths[:2] ** 2 / max(float((lengths**2).sum()), 1e-12)
    words_of = "{} principal component ({:.0f} % of the variance)".format
    ax.set(xlabel=words_of("first", share[0]), ylabel=words_of("second", share[-1]))
    return ax


def _draw(ax: Any, points: Any, kinds: Any) -> None:
    for number, kind in enumerate(np.unique(kinds).tolist()):
        colour, marker = STYLES[min(number, len(STYLES) - 1)]
        rows = kinds == kind
        ax.scatter(*points[rows].T, s=16, c=colour, marker=marker, label=kind or "code")
    ax.legend(title="type", frameon=False)
