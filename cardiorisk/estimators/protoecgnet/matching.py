"""What a prediction is made of: prototypes, where they matched, and what each adds."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from cardiorisk.estimators._net_batches import net_outputs
from cardiorisk.estimators.protoecgnet.fusion import Head
from cardiorisk.estimators.protoecgnet.inputs import RATE

__all__ = [
    "Matches",
    "PrototypeExplanation",
    "chosen_outputs",
    "explained",
    "explanation_table",
    "match",
]

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class PrototypeExplanation:
    """The computation of some predictions, prototype by prototype.

    Parameters
    ----------
    table : DataFrame
        One line a row, explained label and prototype, the largest contribution first:
        ``row`` (position in X), ``label``, ``prototype`` (position in ``prototypes_``),
        ``class`` and ``branch`` of the prototype, ``record`` (its training record) with
        ``source_start`` and ``source_stop`` (s), ``similarity`` (pooled cosine),
        ``average`` (of the training records), ``weight`` (logit for each unit of similarity),
        ``contribution`` = weight * (similarity - average), and where the new record matched best,
        ``match_start`` and ``match_stop`` (s).
    logits : DataFrame
        One line a row and explained label: ``row``, ``label``, ``base`` (logit at average
        similarities), ``logit``, ``probability``.
    max_residual : float
        Largest difference between base plus contributions and the logit of the model.
    pooling : str
        How the windows of the morphology branch make one similarity. With "max" the matched
        window is all that counts; with "topk" and "mean" it is the best of those that count.

    Examples
    --------
    >>> table = pd.DataFrame(
    ...     {"row": 0, "label": "AFIB", "prototype": 3, "class": "AFIB", "branch": "rhythm",
    ...      "contribution": [1.5], "match_start": 0.0, "match_stop": 10.0})
    >>> logits = pd.DataFrame({"row": [0], "label": ["AFIB"], "base": [-1.0], "logit": [0.5]})
    >>> PrototypeExplanation(table, logits, 0.0, "max")
    PrototypeExplanation(1 row, 1 logit, largest residual 0)
      row 0, AFIB: +1.50 by prototype 3 of AFIB (rhythm), at 0.0-10.0 s
    """

    table: pd.DataFrame
    logits: pd.DataFrame
    max_residual: float
    pooling: str

    def top(self, n: int = 3) -> pd.DataFrame:
        """Return the ``n`` strongest contributions to each explained logit."""
        strength = self.table["contribution"].abs()
        order = strength.sort_values(ascending=False, kind="stable").index
        ranked = self.table.loc[order].groupby(["row", "label"], sort=False).head(n)
        return ranked.sort_values(["row", "label"], kind="stable").reset_index(drop=True)

    def __repr__(self) -> str:
        n_rows, n_logits = self.logits["row"].nunique(), len(self.logits)
        lines = [
            f"PrototypeExplanation({n_rows} row{'s' * (n_rows != 1)}, {n_logits} logit"
            f"{'s' * (n_logits != 1)}, largest residual {self.max_residual:.1g})"
        ]
        for _, best in self.top(1).head(5).iterrows():
            lines.append(
                f"  row {best['row']}, {best['label']}: {best['contribution']:+.2f} by prototype "
                f"{best['prototype']} of {best['class']} ({best['branch']}), at "
                f"{best['match_start']:.1f}-{best['match_stop']:.1f} s"
            )
        return "\n".join(lines)


class Matches(NamedTuple):
    """Pooled cosines (n, n_prototypes) and begin and end of the best window (..., 2) in s."""

    similarity: Floats
    seconds: Floats


def match(nets: Mapping[str, Any], signals: npt.NDArray[np.float32]) -> Matches:
    """Compare ECGs with the prototypes of all branches, in one order.

    Parameters
    ----------
    nets : mapping of str to BranchNet
    signals : ndarray of float32, shape (n, n_leads, n_samples)
        As the network reads them.
    """
    similarity, seconds = [], []
    for net in nets.values():
        pooled, window = net_outputs(net, signals, call=net.compared)
        similarity.append(np.asarray(pooled, float))
        seconds.append(net.seconds(window, RATE))
    return Matches(np.concatenate(similarity, axis=1), np.concatenate(seconds, axis=1))


def explanation_table(
    matches: Matches,
    prototypes: pd.DataFrame,
    head: Head,
    chosen: npt.NDArray[np.bool_],
    names: npt.NDArray[Any],
) -> pd.DataFrame:
    """List the contributions to the chosen logits.

    Parameters
    ----------
    matches : Matches
    prototypes : DataFrame
        ``prototypes_`` of the classifier.
    head : Head
    chosen : ndarray of bool, shape (n, n_outputs)
    names : ndarray, shape (n_outputs,)

    Returns
    -------
    DataFrame
        As in :class:`PrototypeExplanation`.
    """
    rows, outputs = np.nonzero(chosen)
    n_prototypes = len(prototypes)
    distance = matches.similarity[rows] - head.average
    contribution = distance * head.weights.T[outputs]  # (n_logits, n_prototypes)
    order = np.argsort(-np.abs(contribution), axis=1, kind="stable")
    line = np.arange(len(rows))[:, None]
    flat = order.ravel()
    columns = {
        "row": np.repeat(rows, n_prototypes),
        "label": np.repeat(names[outputs], n_prototypes),
        "prototype": flat,
    }
    for column, source in (
        *(("class", "class"), ("branch", "branch"), ("record", "record")),
        *(("source_start", "start"), ("source_stop", "stop")),
    ):
        columns[column] = prototypes[source].to_numpy()[flat]
    columns |= {
        "similarity": matches.similarity[rows[:, None], order].ravel(),
        "average": head.average[flat],
        "weight": head.weights.T[outputs[:, None], order].ravel(),
        "contribution": contribution[line, order].ravel(),
        "match_start": matches.seconds[rows[:, None], order, 0].ravel(),
        "match_stop": matches.seconds[rows[:, None], order, 1].ravel(),
    }
    return pd.DataFrame(columns)


def chosen_outputs(
    logits: Floats, names: npt.NDArray[Any], labels: Sequence[Any] | None, is_multilabel: bool
) -> npt.NDArray[np.bool_]:
    """Logits to explain: those asked for, or what is predicted, one a row at least."""
    if labels is not None:
        wanted = np.isin(names, np.asarray(labels))
        if wanted.sum() != len(set(labels)):
            raise ValueError(f"Got labels={list(labels)}, but expected some of {names.tolist()}.")
        return np.broadcast_to(wanted, logits.shape)
    best = np.arange(logits.shape[1]) == logits.argmax(axis=1)[:, None]
    return best | (logits >= 0) if is_multilabel else best


def explained(
    table: pd.DataFrame,
    logits: Floats,
    chosen: npt.NDArray[np.bool_],
    head: Head,
    names: npt.NDArray[Any],
    link: Callable[[Floats], Floats],
    pooling: str,
) -> PrototypeExplanation:
    """Put table and logits together, after adding up."""
    rows, outputs = np.nonzero(chosen)
    sums = table["contribution"].to_numpy().reshape(len(rows), -1).sum(axis=1)
    found = pd.DataFrame(
        {
            "row": rows,
            "label": names[outputs],
            "base": head.bias[outputs],
            "logit": logits[rows, outputs],
            "probability": link(logits)[rows, outputs],
        }
    )
    residual = np.abs(found["base"] + sums - found["logit"])
    return PrototypeExplanation(table, found, float(residual.max()), pooling)
