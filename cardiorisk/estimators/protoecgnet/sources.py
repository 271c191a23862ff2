"""The training windows that the prototypes are."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from cardiorisk.estimators._net_batches import net_outputs
from cardiorisk.estimators.protoecgnet.inputs import RATE

__all__ = ["Sources", "prototype_sources"]

Sources = dict[str, npt.NDArray[Any]]


def _telling_lead(net: Any, signals: npt.NDArray[np.float32], windows: Any) -> Any:
    """Lead without which each prototype's own window is least like it.

    Parameters
    ----------
    net : BranchNet
    signals : ndarray of float32, shape (n_prototypes, n_leads, n_samples)
    windows : ndarray of int, shape (n_prototypes,)

    Returns
    -------
    lead : ndarray of int, shape (n_prototypes,)
    """
    rows = np.arange(len(signals))
    left = []
    for lead in range(signals.shape[1]):
        without = signals.copy()
        without[:, lead] = 0
        cosines = net_outputs(net, without, call=net.cosines)
        left.append(cosines[rows, rows, windows])
    return np.argmin(left, axis=0)


def prototype_sources(
    nets: Mapping[str, Any],
    projections: Mapping[str, Any],
    signals: npt.NDArray[np.float32],
    rows: npt.NDArray[np.intp],
    columns: Mapping[str, Sequence[int]],
) -> Sources:
    """Describe the prototypes of all branches, in one order.

    Parameters
    ----------
    nets : mapping of str to BranchNet
    projections : mapping of str to Projection
    signals : ndarray of float32, shape (n_train, n_leads, n_samples)
        As the network reads them.
    rows : ndarray of int, shape (n_train,)
        Positions of the training records in X.
    columns : mapping of str to sequence of int
        Labels of each branch.

    Returns
    -------
    sources : dict of str to ndarray
        ``branch``, ``label``, ``row``, ``start`` and ``stop`` (s), ``lead``,
        ``projection_similarity``, each of shape (n_prototypes,).
    """
    parts: dict[str, list[Any]] = {}
    for branch, net in nets.items():
        found = projections[branch]
        seconds = net.seconds(found.windows, RATE)
        piece = {
            "branch": np.repeat(branch, len(found.records)),
            "label": np.asarray(columns[branch])[net.plan.prototype_labels],
            "row": rows[found.records],
            "start": seconds[:, 0],
            "stop": seconds[:, 1],
            "lead": _telling_lead(net, signals[found.records], found.windows),
            "projection_similarity": np.asarray(found.similarity, float),
        }
        for name, values in piece.items():
            parts.setdefault(name, []).append(values)
    return {name: np.concatenate(values) for name, values in parts.items()}
