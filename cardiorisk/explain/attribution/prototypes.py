"""Contributions of prototypes, for models whose logit is a sum over them."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from cardiorisk.explain.attribution.explanation import Explanation
from cardiorisk.explain.attribution.pipelines import split_model
from cardiorisk.explain.attribution.tables import as_input, run_steps

__all__ = ["explain_by_prototypes"]


def explain_by_prototypes(model: Any, X: Any, target: Any, output: str) -> Explanation:
    """Explain a model that ends in a classifier with an ``explain`` of its own.

    Parameters
    ----------
    model : fitted ProtoECGNetClassifier, or a model that ends in one
    X : as the model reads it
    target : label, or None
        None explains the most probable label of each row; of two classes the second.
    output : {"auto", "margin"}

    Returns
    -------
    Explanation
        One feature a prototype; ``data`` holds the similarities, contributions are in logits.

    Raises
    ------
    TypeError
        The model does not end in a classifier of prototypes.
    ValueError
        The output is "probability", in which contributions of prototypes do not add up, or the
        target is no label of the model.
    """
    steps, classifier = split_model(model)
    if not hasattr(classifier, "prototype_activations"):
        raise TypeError(
            f"Got method='prototype' for {type(classifier).__name__}, but expected a model that "
            "ends in ProtoECGNetClassifier."
        )
    if output == "probability":
        raise ValueError(
            "Got output='probability' with method='prototype', but prototypes add up to logits; "
            "use output='margin'."
        )
    ready = run_steps(steps, as_input(X))[-1]
    reasons = classifier.explain(ready, labels=_labels(target))
    chosen = _one_a_row(reasons.logits, target)
    table = reasons.table.merge(chosen[["row", "label"]], on=["row", "label"])
    table = table.sort_values(["row", "prototype"], kind="stable")
    shape = (len(chosen), -1)
    names = tuple(_names(classifier.prototypes_))
    values = table["contribution"].to_numpy().reshape(shape)
    logits = chosen["logit"].to_numpy()
    base = chosen["base"].to_numpy()
    return Explanation(
        values=values,
        base_values=base,
        data=pd.DataFrame(table["similarity"].to_numpy().reshape(shape), columns=list(names)),
        feature_names=names,
        output="margin",
        method="prototype",
        max_residual=float(np.abs(base + values.sum(axis=1) - logits).max()),
        target=chosen["label"].to_numpy(),
        predictions=logits,
        base_description="a record with the average similarities of the training records",
    )


def _labels(target: Any) -> list[Any] | None:
    """Labels to ask for; None leaves it to the classifier, which explains the most probable."""
    return None if target is None else list(pd.unique(np.atleast_1d(np.asarray(target))))


def _one_a_row(logits: pd.DataFrame, target: Any) -> pd.DataFrame:
    n_rows = logits["row"].nunique()
    if target is None:
        order = logits.sort_values("logit", ascending=False, kind="stable")
        return order.drop_duplicates("row").sort_values("row").reset_index(drop=True)
    wanted: npt.NDArray[Any] = np.asarray(target)
    if wanted.shape not in ((), (n_rows,)):
        raise ValueError(f"Got target of shape {wanted.shape} for {n_rows} rows.")
    asked = pd.DataFrame({"row": np.arange(n_rows), "label": np.broadcast_to(wanted, n_rows)})
    return asked.merge(logits, on=["row", "label"], how="left")


def _names(prototypes: pd.DataFrame) -> list[str]:
    """Name each prototype by its number, class, branch and training window."""
    return [
        f"#{number} {row['class']} ({row['branch']}, record {row['record']}, "
        f"{row['start']:.1f}-{row['stop']:.1f} s)"
        for number, row in prototypes.iterrows()
    ]
