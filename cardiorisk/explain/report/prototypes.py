"""Which training windows a person's ECG resembles, by a network that holds prototypes."""

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from cardiorisk.explain.attribution.pipelines import split_model
from cardiorisk.explain.attribution.tables import run_steps
from cardiorisk.records import ECGRecord

__all__ = ["PrototypeMatch", "check_prototypes", "match_prototypes"]


@dataclass(frozen=True, eq=False)
class PrototypeMatch:
    """One prototype and the window of a person's ECG that is most like it.

    Parameters
    ----------
    label : str
        What the network estimates, and whose logit is explained.
    probability : float
        Of ``label``.
    prototype_class, branch : str
    similarity, average : float
        Pooled cosine, between -1 and 1: of this record, and of the training records.
    contribution : float
        To the logit of ``label``.
    lead : str
        Lead that tells the prototype from other windows.
    source, match : tuple of float
        Begin and end in s, in the training record and in this one.
    source_record : ECGRecord or None
        The training record; None where the network keeps none. Its name is not kept.
    record : ECGRecord
        This person's, as the network reads it.
    trained_on : bool
        Whether this very record stands behind a prototype, so that it is no unseen one.
    """

    label: str
    probability: float
    prototype_class: str
    branch: str
    similarity: float
    average: float
    contribution: float
    lead: str
    source: tuple[float, float]
    match: tuple[float, float]
    source_record: ECGRecord | None = field(repr=False)
    record: ECGRecord = field(repr=False)
    trained_on: bool


def check_prototypes(model: Any) -> None:
    """Raise TypeError unless the model ends in a classifier of prototypes."""
    if model is None:
        return
    if not hasattr(split_model(model)[1], "prototype_activations"):
        raise TypeError(
            f"Got prototypes={type(model).__name__}, but expected a fitted ProtoECGNetClassifier, "
            "or a model that ends in one."
        )


def match_prototypes(model: Any, record: ECGRecord | None) -> tuple[PrototypeMatch, ...]:
    """Find the prototypes that move the most probable label of one ECG most.

    Parameters
    ----------
    model : fitted ProtoECGNetClassifier, or a model that ends in one; or None
    record : ECGRecord or None

    Returns
    -------
    matches : tuple of PrototypeMatch
        The largest contribution to the logit, either way, of a prototype that is a window, and of
        one that is a whole record; none without model or record.
    """
    if model is None or record is None:
        return ()
    steps, classifier = split_model(model)
    ready = run_steps(steps, [record])[-1]
    reasons = classifier.explain(ready)
    best = reasons.logits.sort_values("logit", ascending=False, kind="stable").iloc[0]
    lines = reasons.table[reasons.table["label"] == best["label"]]
    strength = lines["contribution"].abs()
    is_window = lines["branch"] == "morphology"
    strongest = [strength[kind].idxmax() for kind in (is_window, ~is_window) if kind.any()]
    paper, prototypes = _without_names(classifier.paper_record(ready)), classifier.prototypes_
    own = record.record_id is not None and record.record_id in set(map(str, prototypes["record"]))
    return tuple(
        PrototypeMatch(
            label=str(best["label"]),
            probability=float(best["probability"]),
            prototype_class=str(line["class"]),
            branch=str(line["branch"]),
            similarity=float(line["similarity"]),
            average=float(line["average"]),
            contribution=float(line["contribution"]),
            lead=str(prototypes["lead"].iloc[int(line["prototype"])]),
            source=(float(line["source_start"]), float(line["source_stop"])),
            match=(float(line["match_start"]), float(line["match_stop"])),
            source_record=_source(classifier, int(line["prototype"])),
            record=replace(paper, metadata=dict(record.metadata)),
            trained_on=own,
        )
        for _, line in lines.loc[strongest].iterrows()
    )


def _source(classifier: Any, prototype: int) -> ECGRecord | None:
    try:
        return _without_names(classifier.prototype_record(prototype))
    except ValueError:  # the network was fitted with keep_records=False
        return None


def _without_names(record: ECGRecord) -> ECGRecord:
    return ECGRecord(np.asarray(record.signal), record.sampling_rate, record.lead_names)
