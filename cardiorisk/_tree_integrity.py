"""Check that the trees of a loaded forest only point at places that exist."""

from collections.abc import Iterator
from typing import Any

import numpy as np

__all__ = ["tree_problem"]


def _objects(root: Any) -> Iterator[Any]:
    """Every object that is reachable from the root through attributes and containers."""
    seen: set[int] = set()
    waiting = [root]
    while waiting:
        one = waiting.pop()
        if id(one) in seen or isinstance(one, str | bytes | bytearray | int | float | type(None)):
            continue
        seen.add(id(one))
        yield one
        if isinstance(one, dict):
            waiting += one.values()
        elif isinstance(one, list | tuple | set | frozenset):
            waiting += one
        elif isinstance(one, np.ndarray):
            waiting += one.ravel().tolist() if one.dtype == object else []
        elif not isinstance(one, type):
            waiting += getattr(one, "__dict__", {}).values()


def _node_problem(tree: Any) -> str | None:
    count = int(tree.node_count)
    if not 0 < count <= int(tree.capacity):  # beyond it, even looking reads foreign memory
        return f"it claims {count} nodes and holds {int(tree.capacity)}"
    left, right = tree.children_left, tree.children_right
    inner = left != -1
    own = np.arange(count)[inner]
    if np.any(right[~inner] != -1):
        return "a node has one child"
    children = np.concatenate([left[inner], right[inner]])
    # A child stands after its parent in every tree that scikit-learn grows, so there is no loop.
    if np.any(children <= np.concatenate([own, own])) or np.any(children >= count):
        return "a child lies outside the tree or before its parent"
    if np.any((tree.feature[inner] < 0) | (tree.feature[inner] >= tree.n_features)):
        return f"a split asks for a feature beyond the {tree.n_features}"
    depth, level = 0, np.zeros(1, np.intp)
    while len(level := level[inner[level]]):
        level = np.unique(np.concatenate([left[level], right[level]]))
        depth += 1
    return None if depth <= tree.max_depth else f"it is deeper than the {tree.max_depth} it claims"


def tree_problem(model: Any) -> str | None:
    """Say what is wrong with the scikit-learn trees inside a model, or None.

    scikit-learn follows the node indices of a tree without looking at them, so a forged file could
    make it read memory that is not its own (scikit-learn pull request 34558).

    Parameters
    ----------
    model : object
        Any estimator; every attribute is searched.

    Returns
    -------
    str or None
        The first problem that was found.

    Examples
    --------
    >>> from sklearn.tree import DecisionTreeClassifier
    >>> model = DecisionTreeClassifier().fit([[0.0], [1.0]], [0, 1])
    >>> tree_problem(model) is None
    True
    >>> model.tree_.feature[0] = 7
    >>> tree_problem(model)
    'a split asks for a feature beyond the 1'
    """
    for one in _objects(model):
        attributes = getattr(one, "__dict__", {})
        tree, width = attributes.get("tree_"), attributes.get("n_features_in_")
        if tree is not None:
            if (problem := _node_problem(tree)) is not None:
                return problem
            if width != tree.n_features:
                return f"it splits {tree.n_features} features and its estimator has {width}"
        for member, expected in _unchecked_members(one):
            if member.__dict__.get("n_features_in_") != expected:
                return f"a tree does not split the {expected} features that its forest gives it"
    return None


def _unchecked_members(one: Any) -> Iterator[tuple[Any, int]]:
    """Trees that are handed rows without another look, and how wide those rows are."""
    from sklearn.ensemble import IsolationForest
    from sklearn.ensemble._forest import BaseForest

    members = (
        getattr(one, "estimators_", []) if isinstance(one, BaseForest | IsolationForest) else []
    )
    widths = [one.n_features_in_] * len(members) if len(members) else []
    if isinstance(one, IsolationForest) and len(members):
        widths = [len(features) for features in one.estimators_features_]
    yield from zip(members, widths, strict=True)
