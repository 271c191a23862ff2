"""Whether the prototypes of a class agree on a phenotype, and how far apart they lie."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import mannwhitneyu
from sklearn.metrics import pairwise_distances
from sklearn.utils import check_random_state

from cardiorisk.explain.phenotypes.result import PhenotypeAssociations

__all__ = ["ClassPatterns", "class_patterns"]

DISTANCES = {"cosine": "cosine", "l2": "euclidean"}

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class ClassPatterns:
    """How the prototypes of a class share out its associations.

    Parameters
    ----------
    pairs : DataFrame
        One row for a class and a phenotype: ``class``, ``phecode``, ``n_prototypes``,
        ``n_significant``, ``fraction``, ``pattern`` ("all", "none" or "mixed").
    classes : DataFrame
        One row a class: ``n_prototypes``, ``fraction`` of its pairs that are significant, numbers
        ``all``, ``none`` and ``mixed`` of phenotypes, ``pattern`` ("mixed" where any phenotype
        is), and the mean distances ``cosine`` and ``l2`` between its prototypes.
    tests : DataFrame
        One-sided comparisons of the distances of mixed and concordant classes: ``distance``,
        ``unit`` ("class", or "class x phenotype"), ``n_mixed``, ``n_concordant``, ``auroc``
        (chance that the mixed one is farther apart), ``p`` (Mann-Whitney) and ``p_permutation``.
    """

    pairs: pd.DataFrame
    classes: pd.DataFrame
    tests: pd.DataFrame

    def __repr__(self) -> str:
        counts = self.pairs["pattern"].value_counts()
        words = ", ".join(f"{counts.get(name, 0)} {name}" for name in ("all", "none", "mixed"))
        return f"ClassPatterns({len(self.classes)} classes; class x phenotype: {words})"


def class_patterns(
    found: PhenotypeAssociations,
    prototype_vectors: Any = None,
    *,
    n_permutations: int = 2000,
    random_state: Any = None,
) -> ClassPatterns:
    """Describe for each class whether all, none or some of its prototypes are associated.

    Parameters
    ----------
    found : PhenotypeAssociations
        With ``prototype_class``. Classes of a single prototype are left out, and so are pairs
        without an estimate.
    prototype_vectors : array-like of shape (n_prototypes, n_dimensions), optional
        Latent vectors of the prototypes, for the distances.
    n_permutations : int, default=2000
    random_state : int, RandomState instance or None, default=None

    Returns
    -------
    ClassPatterns

    Notes
    -----
    A published finding is that classes with a mixed pattern have prototypes that lie farther
    apart (doi:10.48550/arXiv.2508.01521). A pair of class and phenotype is not one observation,
    as all pairs of a class have its distance: the Mann-Whitney p-value of that unit is too
    small. ``p_permutation`` shuffles the distances among the classes instead.

    Examples
    --------
    >>> from cardiorisk.datasets import make_phenotypes
    >>> from cardiorisk.explain import phenotype_associations
    >>> data = make_phenotypes(random_state=0)
    >>> found = phenotype_associations(
    ...     data.activations, data.ecg_table, data.diagnoses, data.code_map, data.covariates,
    ...     prototype_class=data.prototype_class, intervals="none",
    ... )
    >>> class_patterns(found, data.prototype_vectors, random_state=0)
    ClassPatterns(4 classes; class x phenotype: 0 all, 21 none, 3 mixed)
    """
    table = found.table[found.table["status"] == "ok"]
    if (table["class"] == "").all():
        raise ValueError("Got associations without prototype_class, which patterns are made of.")
    grouped = table.groupby(["class", "phecode"], sort=False)["significant"]
    pairs = grouped.agg(n_prototypes="size", n_significant="sum").reset_index()
    pairs = pairs[pairs["n_prototypes"] > 1].reset_index(drop=True)
    pairs["fraction"] = pairs["n_significant"] / pairs["n_prototypes"]
    pairs["pattern"] = np.select(
        [pairs["fraction"] == 1, pairs["fraction"] == 0], ["all", "none"], "mixed"
    )
    classes = _by_class(pairs)
    tests = pd.DataFrame()
    if prototype_vectors is not None:
        first = found.table.drop_duplicates("prototype")
        labels = first["class"].to_numpy()
        distances = _intra_class_distances(prototype_vectors, labels, classes["class"])
        classes = classes.assign(**distances)
        rng = check_random_state(random_state)
        tests = pd.DataFrame(
            [
                {"distance": name, "unit": unit} | row
                for name in DISTANCES
                for unit, row in _compare(pairs, classes, name, n_permutations, rng).items()
            ]
        )
    return ClassPatterns(pairs, classes, tests)


def _by_class(pairs: pd.DataFrame) -> pd.DataFrame:
    grouped = pairs.groupby("class", sort=False)
    counts = pd.crosstab(pairs["class"], pairs["pattern"])
    counts = counts.reindex(columns=["all", "none", "mixed"], fill_value=0)
    table = grouped.agg(n_prototypes=("n_prototypes", "max"), fraction=("fraction", "mean"))
    table = table.join(counts).reset_index()
    agreed = np.where(table["all"] > 0, np.where(table["none"] > 0, "concordant", "all"), "none")
    table["pattern"] = np.where(table["mixed"] > 0, "mixed", agreed)
    return table


def _intra_class_distances(
    vectors: Any, labels: npt.NDArray[Any], names: pd.Series
) -> dict[str, Floats]:
    """Mean distance between the prototypes of each class."""
    points = np.asarray(vectors, dtype=float)
    if points.ndim != 2 or len(points) != len(labels):
        raise ValueError(
            f"Got prototype_vectors of shape {points.shape}, but expected ({len(labels)}, d)."
        )
    found: dict[str, list[float]] = {name: [] for name in DISTANCES}
    for label in names:
        members = points[labels == label]
        upper = np.triu_indices(len(members), 1)
        for name, metric in DISTANCES.items():
            found[name].append(float(pairwise_distances(members, metric=metric)[upper].mean()))
    return {name: np.array(values) for name, values in found.items()}


def _compare(
    pairs: pd.DataFrame,
    classes: pd.DataFrame,
    distance: str,
    n_permutations: int,
    rng: np.random.RandomState,
) -> dict[str, dict[str, float]]:
    """Mixed against concordant, by class and by class and phenotype."""
    of_class = classes[distance].to_numpy()
    owner = pd.Index(classes["class"]).get_indexer(pairs["class"])
    units = {
        "class": (np.arange(len(classes)), (classes["pattern"] == "mixed").to_numpy()),
        "class x phenotype": (owner, (pairs["pattern"] == "mixed").to_numpy()),
    }
    orders = [rng.permutation(len(of_class)) for _ in range(n_permutations)]
    rows = {}
    for unit, (member, mixed) in units.items():
        n_mixed, n_concordant = int(mixed.sum()), int((~mixed).sum())
        row: dict[str, float] = {"n_mixed": n_mixed, "n_concordant": n_concordant}
        row |= {"auroc": np.nan, "p": np.nan, "p_permutation": np.nan}
        if n_mixed and n_concordant:
            values = of_class[member]
            test = mannwhitneyu(values[mixed], values[~mixed], alternative="greater")
            shuffled = [_rank_sum(of_class[order][member], mixed) for order in orders]
            reached = np.sum(np.array(shuffled) >= _rank_sum(values, mixed) - 1e-9)
            row["auroc"] = float(test.statistic) / (n_mixed * n_concordant)
            row["p"] = float(test.pvalue)
            row["p_permutation"] = float((1 + reached) / (1 + n_permutations))
        rows[unit] = row
    return rows


def _rank_sum(values: Floats, chosen: npt.NDArray[np.bool_]) -> float:
    return float(pd.Series(values).rank().to_numpy()[chosen].sum())
