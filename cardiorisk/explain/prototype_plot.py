"""A prototype's training window and the window that matched it, on ECG paper."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from cardiorisk._optional import require
from cardiorisk.explain.ecg_plot import plot_ecg
from cardiorisk.records import ECGRecord

__all__ = ["plot_prototype_match"]

LEAST_SECONDS = 2.5  # of paper around a window
MARGIN = 1.0  # s before and after it


def plot_prototype_match(
    model: Any,
    X: Any,
    *,
    row: int = 0,
    label: Any = None,
    prototype: int | None = None,
    leads: Sequence[str] | None = None,
) -> Any:
    """Draw the training window that a prototype is above the window of a record that matched it.

    Both windows begin at the same place of the paper and are shaded.

    Parameters
    ----------
    model : fitted ProtoECGNetClassifier
        Fitted with ``keep_records=True``.
    X : as the model reads it
    row : int, default=0
        Record of X to draw.
    label : object, optional
        Label that is explained; the most probable one by default.
    prototype : int, optional
        Position in ``prototypes_``; the one that raises the logit most by default.
    leads : sequence of str, optional
        Leads to draw; the lead that tells the prototype, and lead II, by default.

    Returns
    -------
    figure : matplotlib Figure
        Two axes: the prototype and the record.

    Raises
    ------
    ValueError
        The row does not exist, the label or prototype neither, or the model keeps no ECGs.

    Examples
    --------
    >>> from cardiorisk.datasets import make_ecg
    >>> from cardiorisk.estimators import ProtoECGNetClassifier
    >>> ecgs = make_ecg(16, rhythms=["sinus rhythm", "atrial fibrillation"], random_state=0)
    >>> model = ProtoECGNetClassifier(
    ...     width=4, latent_dim=8, prototypes_per_class=2, backbone_epochs=1, prototype_epochs=1,
    ...     random_state=0).fit(ecgs.records, ecgs.target)
    >>> len(plot_prototype_match(model, ecgs.records[:1]).axes)
    2
    """
    n_rows = len(X)
    if not 0 <= row < n_rows:
        raise ValueError(f"Got row={row}, but expected one of the {n_rows} records.")
    one = X[row : row + 1]
    best = _match(model.explain(one, None if label is None else [label]), prototype)
    source = model.prototype_record(int(best["prototype"]))
    record = model.paper_record(one)
    if leads is None:
        telling = model.prototypes_["lead"].iloc[int(best["prototype"])]
        leads = [telling, *(["II"] if "II" in record.lead_names and telling != "II" else [])]
    said = f"{best['class']}, {best['branch']}"
    windows = (
        (source, best["source_start"], best["source_stop"], f"Prototype: {said}"),
        (
            record,
            best["match_start"],
            best["match_stop"],
            f"This record: similarity {best['similarity']:.2f}, "
            f"{best['contribution']:+.2f} to the logit of {best['label']}",
        ),
    )
    return _drawn(windows, leads)


def _match(reasons: Any, prototype: int | None) -> Any:
    first = reasons.logits.sort_values("logit", ascending=False)["label"].iloc[0]
    lines = reasons.table[reasons.table["label"] == first]
    if prototype is None:
        return lines.loc[lines["contribution"].idxmax()]
    if prototype not in set(lines["prototype"]):
        raise ValueError(f"Got prototype={prototype}, but expected one of the {len(lines)}.")
    return lines.set_index("prototype", drop=False).loc[prototype]


def _drawn(windows: Sequence[tuple[ECGRecord, float, float, str]], leads: Sequence[str]) -> Any:
    """Draw stretches of one length whose windows begin at one place of the paper."""
    before = min(MARGIN, *(start for _, start, _, _ in windows))
    longest = max(stop - start for _, start, stop, _ in windows)
    shortest = min(record.duration - (start - before) for record, start, _, _ in windows)
    seconds = min(max(before + longest + MARGIN, LEAST_SECONDS), shortest)
    figure = require("matplotlib.figure").Figure(figsize=(max(3.0, seconds) * 1.1 + 1.5, 5.0))
    for axes, (record, start, stop, title) in zip(
        np.ravel(figure.subplots(2, 1)), windows, strict=True
    ):
        plot_ecg(
            record,
            leads=leads,
            layout="rows",
            start=start - before,
            seconds=seconds,
            highlights=[(None, start, stop, "")],
            title=title,
            ax=axes,
        )
    return figure
