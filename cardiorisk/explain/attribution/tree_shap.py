"""Path-dependent Shapley values of decision trees, for many rows at once.

For one leaf whose path splits on d features, feature j contributes

    v (o_j - z_j) * integral over t in (0, 1) of prod_{i != j} (z_i (1 - t) + o_i t)

where v is the leaf's value, z_i the share of the training rows that feature i lets through, and
o_i whether it lets the explained row through: the Shapley weights s! (d - 1 - s)! / d! are the
integrals of t**s (1 - t)**(d - 1 - s). The integrand is a polynomial of degree d - 1, so
Gauss-Legendre quadrature with ceil(d / 2) nodes is exact, and all leaves below a split share
their products. The values are those of TreeSHAP (Lundberg et al. 2020,
doi:10.1038/s42256-019-0138-9, algorithm 2); to share work between leaves by evaluating
polynomials is the idea of Linear TreeSHAP (Yu et al. 2022, doi:10.48550/arXiv.2209.08192).
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from cardiorisk._compiled import compiled

__all__ = ["Tree", "tree_shap"]

TINY = 1e-12  # share of a branch that no training row took
BLOCK = 16  # rows side by side, which the compiler turns into vector instructions

_Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Tree:
    """One binary decision tree as arrays with one entry a node; node 0 is the root.

    Children have larger numbers than their parent, as in every library that grows trees downwards.

    Parameters
    ----------
    left, right : ndarray of int, shape (n_nodes,)
        Children; negative for a leaf.
    feature : ndarray of int, shape (n_nodes,)
        Column that the node splits on.
    threshold : ndarray of float, shape (n_nodes,)
        A row goes left if its value is at most this.
    missing_left : ndarray of bool, shape (n_nodes,)
        Whether a row without a value goes left.
    cover : ndarray of float, shape (n_nodes,)
        Weight of the training rows that reached the node.
    value : ndarray of float, shape (n_nodes, n_outputs)
        What the tree answers at the node, if it is a leaf.
    """

    left: npt.NDArray[np.intp]
    right: npt.NDArray[np.intp]
    feature: npt.NDArray[np.intp]
    threshold: _Floats
    missing_left: npt.NDArray[np.bool_]
    cover: _Floats
    value: _Floats

    @property
    def expected_value(self) -> _Floats:
        """Mean answer over the training rows, shape (n_outputs,)."""
        leaves = self.left < 0
        return self.cover[leaves] @ self.value[leaves] / self.cover[0]


@dataclass(frozen=True, eq=False)
class _Edges:
    """The way into each node: what its parent's split lets through on the whole path.

    Parameters
    ----------
    parent : ndarray of int, shape (n_nodes,)
    earlier : ndarray of int, shape (n_nodes,)
        Nearest node above whose edge is about the same feature; 0 if there is none.
    share : ndarray of float, shape (n_nodes,)
        Share of the training rows that the feature's splits on the path let through.
    n_points : int
        Quadrature nodes that the deepest path needs.
    """

    parent: npt.NDArray[np.intp]
    earlier: npt.NDArray[np.intp]
    share: _Floats
    n_points: int


def _edges(tree: Tree, n_features: int) -> _Edges:
    n_nodes = len(tree.left)
    parent, earlier = np.zeros(n_nodes, np.intp), np.zeros(n_nodes, np.intp)
    share, n_distinct = np.ones(n_nodes), np.zeros(n_nodes, np.intp)
    latest = np.zeros((n_nodes, n_features), np.intp)  # the last edge of each feature
    cover = np.maximum(tree.cover, TINY)
    splits = np.array([0])
    while len(splits := splits[tree.left[splits] >= 0]):
        column = tree.feature[splits]
        before = latest[splits, column]
        for children in (tree.left[splits], tree.right[splits]):
            parent[children], earlier[children] = splits, before
            share[children] = cover[children] / cover[splits] * share[before]
            n_distinct[children] = n_distinct[splits] + (before == 0)
            latest[children] = latest[splits]
            latest[children, column] = children
        splits = np.concatenate([tree.left[splits], tree.right[splits]])
    return _Edges(parent, earlier, share, int(-(-n_distinct.max() // 2)))


def tree_shap(tree: Tree, X: _Floats) -> _Floats:
    """Compute the contributions of every column to every output of one tree.

    Parameters
    ----------
    tree : Tree
    X : ndarray of float, shape (n, n_features)
        NaN where missing.

    Returns
    -------
    values : ndarray of float, shape (n, n_features, n_outputs)
        Sum to the tree's answer minus ``tree.expected_value``.

    Examples
    --------
    >>> stump = Tree(np.array([1, -1, -1]), np.array([2, -1, -1]), np.array([0, -1, -1]),
    ...              np.array([50.0, 0, 0]), np.array([True, False, False]),
    ...              np.array([4.0, 1, 3]), np.array([[0.25], [1.0], [0.0]]))
    >>> tree_shap(stump, np.array([[40.0], [60.0], [np.nan]]))[:, 0, 0].round(9).tolist()
    [0.75, -0.25, 0.75]
    """
    n_padded = -(-len(X) // BLOCK) * BLOCK
    values = np.zeros((n_padded, X.shape[1], tree.value.shape[1]))
    if len(tree.left) > 1:
        edges = _edges(tree, X.shape[1])
        through = np.zeros((len(tree.left), n_padded), dtype=bool)
        through[:, : len(X)] = _lets_through(tree, edges, X)
        points, weights = _quadrature(edges.n_points)
        answers = np.where(tree.left[:, None] < 0, tree.value, 0.0)
        columns = tree.feature[edges.parent]
        _compiled()(
            values,
            through,
            points,
            weights,
            edges.share,
            edges.parent,
            edges.earlier,
            columns,
            answers,
        )
    return values[: len(X)]


def _lets_through(tree: Tree, edges: _Edges, X: _Floats) -> npt.NDArray[np.bool_]:
    """Tell whether the split above each node sends each row there, shape (n_nodes, n)."""
    parent = edges.parent
    seen = X[:, tree.feature[parent]].T
    goes_left = np.where(
        np.isnan(seen), tree.missing_left[parent, None], seen <= tree.threshold[parent, None]
    )
    is_left = tree.left[parent] == np.arange(len(parent))
    return goes_left == is_left[:, None]


@cache
def _quadrature(n_points: int) -> tuple[_Floats, _Floats]:
    """Nodes and weights on (0, 1)."""
    points, weights = np.polynomial.legendre.leggauss(n_points)
    return (1 + points) / 2, weights / 2


@cache
def _compiled() -> Callable[..., None]:
    return compiled(_walk)


def _walk(
    values: Any, through: Any, points: Any, weights: Any, share: Any,
    parent: Any, earlier: Any, columns: Any, answers: Any,
) -> None:  # fmt: skip
    """Fill ``values``: down the tree for the products of a row, up for the sums below a node."""
    n_nodes, n_points = len(parent), len(points)
    closed = np.outer(share, 1 - points)  # factor of a feature that stops the row
    inverse = 1 / closed
    opened = 1 / (closed + points) - inverse  # what passing adds to the reciprocal
    shape = (n_nodes, n_points, BLOCK)
    products, below, covered = np.ones(shape), np.empty(shape), np.empty(shape)
    passes, gains = np.ones((n_nodes, BLOCK)), np.empty(BLOCK)
    for start in range(0, len(values), BLOCK):
        for node in range(1, n_nodes):
            above, before = parent[node], earlier[node]
            passes[node] = passes[before] * through[node, start : start + BLOCK]
            for q in range(n_points):
                for r in range(BLOCK):
                    factor = closed[node, q] + points[q] * passes[node, r]
                    undone = inverse[before, q] + opened[before, q] * passes[before, r]
                    products[node, q, r] = products[above, q, r] * factor * undone
        for output in range(answers.shape[1]):
            below[:], covered[:] = 0.0, 0.0
            for node in range(n_nodes - 1, 0, -1):
                above, before = parent[node], earlier[node]
                gains[:] = 0.0
                for q in range(n_points):
                    for r in range(BLOCK):
                        total = below[node, q, r] + answers[node, output] * products[node, q, r]
                        # An edge further down about the same feature has its leaves already.
                        own = total - covered[node, q, r]
                        without = inverse[node, q] + opened[node, q] * passes[node, r]
                        gains[r] += weights[q] * own * without
                        below[above, q, r] += total
                        covered[before, q, r] += total
                for r in range(BLOCK):
                    gain = (passes[node, r] - share[node]) * gains[r]
                    values[start + r, columns[node], output] += gain
