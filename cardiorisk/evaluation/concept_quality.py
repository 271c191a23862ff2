"""How good vectors of codes are by themselves: against groups, known pairs, and other seeds."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.linalg import orthogonal_procrustes
from sklearn.metrics import roc_auc_score, silhouette_score
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from cardiorisk.features._code_neighbours import unit_vectors

__all__ = ["ConceptQuality", "concept_quality", "concept_stability"]

MAX_SILHOUETTE = 3000  # codes; above, a sample
BATCH = 1000  # rows of the similarity matrix at once

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class ConceptQuality:
    """Agreement of vectors with what is known of the codes.

    Parameters
    ----------
    purity : float
        Mean share of the nearest codes, by cosine, that are of the code's own group.
    chance_purity : float
        The same for neighbours drawn at random.
    silhouette : float
        Mean silhouette by cosine distance, from -1 to 1.
    pair_auroc : float
        How often a known pair is more similar than a random pair; NaN without pairs.
    n_codes, n_groups, n_pairs : int
        Codes that have a vector and share their group with another one, their groups, and the
        pairs of which both codes have a vector.
    by_group : DataFrame
        Columns ``group``, ``n_codes`` and ``purity``.

    Examples
    --------
    >>> ConceptQuality(0.7, 0.04, 0.1, float("nan"), 900, 28, 0, pd.DataFrame())
    ConceptQuality(purity 0.70 (chance 0.04), silhouette 0.10, 900 codes in 28 groups)
    """

    purity: float
    chance_purity: float
    silhouette: float
    pair_auroc: float
    n_codes: int
    n_groups: int
    n_pairs: int
    by_group: pd.DataFrame

    def __repr__(self) -> str:
        pairs = f", {self.n_pairs} pairs {self.pair_auroc:.2f}" if self.n_pairs else ""
        return (
            f"ConceptQuality(purity {self.purity:.2f} (chance {self.chance_purity:.2f}), "
            f"silhouette {self.silhouette:.2f}, {self.n_codes} codes in {self.n_groups} groups"
            f"{pairs})"
        )


def concept_quality(
    embedding: Any,
    groups: Mapping[str, str],
    *,
    n_neighbors: int = 5,
    pairs: Iterable[tuple[str, str]] = (),
    random_state: int | np.random.RandomState | None = 0,
) -> ConceptQuality:
    """Compare vectors with a grouping such as CCS, and with pairs such as drug and indication.

    Parameters
    ----------
    embedding : fitted ConceptEmbedding
    groups : mapping of code to group
        Codes that it lacks, and groups of one code, do not take part.
    n_neighbors : int, default=5
        Of each code, among the codes that take part.
    pairs : iterable of (code, code), optional
    random_state : int, RandomState instance or None, default=0
        Of random pairs, and of the sample for the silhouette of more than 3000 codes.

    Returns
    -------
    ConceptQuality

    Raises
    ------
    ValueError
        Fewer than two groups have two codes with a vector.

    Examples
    --------
    >>> from cardiorisk.datasets import make_ehr
    >>> from cardiorisk.features import ConceptEmbedding
    >>> ehr = make_ehr(n_patients=400, synonyms=(4, 4, 2), n_other_codes=50, random_state=0)
    >>> embedding = ConceptEmbedding(vector_size=20, random_state=0).fit(ehr.histories)
    >>> known = ehr.codes[ehr.codes["group"] != "other reason"]
    >>> found = concept_quality(embedding, dict(zip(known["code"], known["group"])))
    >>> found.purity > 3 * found.chance_purity
    True
    """
    check_is_fitted(embedding)
    random = check_random_state(random_state)
    names = [str(groups.get(code, "")) for code in embedding.vocabulary_.tolist()]
    labels, found = pd.factorize(pd.Series(names).replace("", None), use_na_sentinel=True)
    sizes = np.bincount(labels[labels >= 0], minlength=len(found))
    taking_part = np.flatnonzero((labels >= 0) & (sizes[labels] > 1))
    if len(np.unique(labels[taking_part])) < 2:
        raise ValueError(
            f"Got groups that hold {len(taking_part)} of the {len(names)} codes with a vector, "
            "but expected at least two groups of two codes."
        )
    unit, own = unit_vectors(embedding.vectors_[taking_part]), labels[taking_part]
    near = _neighbours(unit, n_neighbors)
    purity = (own[near] == own[:, None]).mean(axis=1)
    by_group = pd.DataFrame({"group": np.asarray(found)[own], "purity": purity})
    by_group = by_group.groupby("group")["purity"].agg(n_codes="size", purity="mean").reset_index()
    some = random.permutation(len(own))[:MAX_SILHOUETTE]
    auroc, n_pairs = _pair_auroc(embedding, list(pairs), random)
    return ConceptQuality(
        purity=float(purity.mean()),
        chance_purity=float(((sizes[own] - 1) / (len(own) - 1)).mean()),
        silhouette=float(silhouette_score(unit[some], own[some], metric="cosine")),
        pair_auroc=auroc,
        n_codes=len(own),
        n_groups=len(by_group),
        n_pairs=n_pairs,
        by_group=by_group,
    )


def concept_stability(embeddings: Sequence[Any], *, n_neighbors: int = 10) -> pd.DataFrame:
    """Compare embeddings that were fitted with other seeds, or on other patients.

    Parameters
    ----------
    embeddings : sequence of fitted ConceptEmbedding
        At least two, of the same size.
    n_neighbors : int, default=10

    Returns
    -------
    DataFrame
        One row a pair: ``first``, ``second``, ``n_codes`` (those that both know), ``overlap``
        (mean Jaccard index of the nearest codes) and ``agreement`` (mean cosine after the best
        rotation, the orthogonal Procrustes problem, doi:10.1007/BF02289451).

    Raises
    ------
    ValueError
        There are fewer than two embeddings, their sizes differ, or they share too few codes.

    Examples
    --------
    >>> from cardiorisk.datasets import make_ehr
    >>> from cardiorisk.features import ConceptEmbedding
    >>> ehr = make_ehr(n_patients=200, synonyms=(3, 3, 2), n_other_codes=30, random_state=0)
    >>> pair = [ConceptEmbedding(vector_size=10, epochs=3, random_state=k) for k in range(2)]
    >>> found = concept_stability([one.fit(ehr.histories) for one in pair])
    >>> bool(0 < found["overlap"][0] < 1)
    True
    """
    if len(embeddings) < 2:
        raise ValueError(f"Got {len(embeddings)} embedding, but expected at least two.")
    if len({one.vectors_.shape[1] for one in embeddings}) > 1:
        raise ValueError("Got embeddings of different sizes, but expected one vector_size.")
    rows = []
    for one, two in combinations(range(len(embeddings)), 2):
        rows.append((one, two, *_agreement(embeddings[one], embeddings[two], n_neighbors)))
    return pd.DataFrame(rows, columns=["first", "second", "n_codes", "overlap", "agreement"])


def _neighbours(unit: Floats, count: int) -> npt.NDArray[np.intp]:
    """Positions of the nearest rows by cosine, the row itself left out, shape (n, count)."""
    count = min(count, len(unit) - 1)
    near = np.empty((len(unit), count), dtype=np.intp)
    for first in range(0, len(unit), BATCH):
        rows = np.arange(first, min(first + BATCH, len(unit)))
        similarity = unit[rows] @ unit.T
        similarity[np.arange(len(rows)), rows] = -np.inf
        near[rows] = np.argpartition(-similarity, count - 1, axis=1)[:, :count]
    return near


def _pair_auroc(
    embedding: Any, pairs: Sequence[tuple[str, str]], random: np.random.RandomState
) -> tuple[float, int]:
    place = {code: k for k, code in enumerate(embedding.vocabulary_.tolist())}
    known = np.array(
        [(place[a], place[b]) for a, b in pairs if a in place and b in place], dtype=np.intp
    ).reshape(-1, 2)
    if not len(known):
        return float("nan"), 0
    unit = unit_vectors(embedding.vectors_)
    drawn = random.randint(len(unit), size=(max(1000, 10 * len(known)), 2))
    drawn = drawn[drawn[:, 0] != drawn[:, 1]]
    both = np.concatenate([known, drawn])
    similarity = (unit[both[:, 0]] * unit[both[:, 1]]).sum(axis=1)
    return float(roc_auc_score(np.arange(len(both)) < len(known), similarity)), len(known)


def _agreement(one: Any, two: Any, n_neighbors: int) -> tuple[int, float, float]:
    _, left, right = np.intersect1d(one.vocabulary_, two.vocabulary_, return_indices=True)
    if len(left) < n_neighbors + 2:
        raise ValueError(
            f"Got embeddings that share {len(left)} codes, but expected more than "
            f"{n_neighbors + 1}."
        )
    first, second = unit_vectors(one.vectors_[left]), unit_vectors(two.vectors_[right])
    near = _neighbours(first, n_neighbors), _neighbours(second, n_neighbors)
    shared = np.array([len(np.intersect1d(a, b)) for a, b in zip(*near, strict=True)])
    overlap = float((shared / (2 * near[0].shape[1] - shared)).mean())
    rotation, _ = orthogonal_procrustes(first, second)
    return len(left), overlap, float(((first @ rotation) * second).sum(axis=1).mean())
