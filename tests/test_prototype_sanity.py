"""Prototypes point at what was planted, and not where labels or weights are random."""

import numpy as np
import pytest

pytest.importorskip("torch")

from cardiorisk.datasets._planted_beats import make_planted_ecg
from cardiorisk.estimators import ProtoECGNetClassifier
from cardiorisk.estimators.protoecgnet.validation import macro_auroc

OPTIONS = {"distractor": "right bundle branch block", "sampling_rate": 100}


@pytest.mark.parametrize(
    "abnormality", ["premature ventricular complexes", "left bundle branch block"]
)
def test_planted_beats_are_where_they_are_said_to_be(abnormality):
    planted = make_planted_ecg(20, abnormality=abnormality, noise=0, random_state=0, **OPTIONS)
    plain = make_planted_ecg(20, abnormality=abnormality, noise=0, random_state=0)
    assert [len(w) > 0 for w in planted.windows] == (planted.target != "").tolist()
    assert np.mean([len(w) == 2 for w in planted.distractors]) > 0.8
    assert not any(len(w) for w in plain.distractors)
    for windows, record in zip(planted.windows, planted.records, strict=True):
        assert ((windows >= 0) & (windows <= record.duration)).all()
        assert (np.diff(windows, axis=1) > 0.25).all()
    # What is inserted begins and ends where nothing is going on: no jump.
    steps = [np.abs(np.diff(record.signal)).max() for record in planted.records]
    whole = [np.abs(np.diff(record.signal)).max() for record in plain.records[::2]]
    assert max(steps) < 2 * 5 * max(whole)  # a fifth of the sampling rate


def overlap(model, planted):
    """Share of true positives whose strongest window overlaps a planted beat, and AUROC."""
    present = planted.target != ""
    probability = model.predict_proba(planted.records)[:, 1]
    rows = np.flatnonzero((probability > 0.5) & present)
    table = model.explain([planted.records[row] for row in rows], labels=[1]).table
    own = table[table["class"] == 1]
    found = []
    for row, line in zip(
        rows, own.loc[own.groupby("row")["contribution"].idxmax()].iloc, strict=True
    ):
        windows = planted.windows[row]
        inside = (windows[:, 0] < line["match_stop"]) & (windows[:, 1] > line["match_start"])
        found.append(inside.any())
    return np.mean(found), macro_auroc(present[:, None].astype(int), probability[:, None])


def test_the_matched_window_is_the_planted_one():
    learn = make_planted_ecg(120, random_state=0, **OPTIONS)
    fresh = make_planted_ecg(60, random_state=1, **OPTIONS)
    model = ProtoECGNetClassifier(
        branches={"morphology": [0, 1]}, width=8, latent_dim=16, batch_size=16,
        backbone_epochs=25, prototype_epochs=8, learning_rate=4e-3, random_state=0,
    )  # fmt: skip
    model.fit(learn.records, (learn.target != "").astype(int))
    share, auroc = overlap(model, fresh)
    assert auroc > 0.95
    assert share >= 0.9
