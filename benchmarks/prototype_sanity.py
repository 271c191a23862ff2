"""Whether prototypes point at what was planted, also with random labels or weights.

``python benchmarks/prototype_sanity.py``: sinus rhythm, in half of the records with a few abnormal
beats at known places, in all of them with two beats of another kind that tell nothing. The
morphology branch, whose prototypes are windows, is trained alone. In each true positive, the window
that its strongest prototype matched is compared with the planted beats: does it overlap one of
them, does it overlap a beat of the other kind, and how often would a window at a random place
("chance")? Last, what all matches on planted beats add to the logit. A network may well look at the
beats that stand out after learning random labels; but it has nothing to say about them.
"""

import argparse

import numpy as np

from cardiorisk.datasets._planted_beats import make_planted_ecg
from cardiorisk.estimators import ProtoECGNetClassifier
from cardiorisk.estimators._torch_session import seeded
from cardiorisk.estimators._weights import weights_of
from cardiorisk.estimators.protoecgnet.validation import macro_auroc

DISTRACTORS = {
    "premature ventricular complexes": "right bundle branch block",
    "left bundle branch block": "right bundle branch block",
    "right bundle branch block": "left bundle branch block",
}
N_CHANCE = 200


def overlaps(start, stop, windows):
    """Whether a window overlaps one of the planted ones."""
    return bool(((windows[:, 0] < stop) & (windows[:, 1] > start)).any())


def chance(windows, seconds, rng, duration=10.0):
    """Share of random windows of some length that overlap a planted one."""
    starts = rng.uniform(0, duration - seconds, N_CHANCE)
    return float(np.mean([overlaps(at, at + seconds, windows) for at in starts]))


def hits(model, planted, rng):
    """Of the true positives: their number, shares of hits and of distracted ones, chance."""
    present = planted.target != ""
    rows = np.flatnonzero((model.predict(planted.records) == 1) & present)
    if not len(rows):
        return 0, float("nan"), float("nan"), float("nan")
    table = model.explain([planted.records[row] for row in rows], labels=[1]).table
    local = table[(table["branch"] == "morphology") & (table["class"] == 1)]
    best = local.loc[local.groupby("row")["contribution"].idxmax()]
    found, other, random = [], [], []
    for row, (_, line) in zip(rows, best.iterrows(), strict=True):
        start, stop = line["match_start"], line["match_stop"]
        found.append(overlaps(start, stop, planted.windows[row]))
        other.append(overlaps(start, stop, planted.distractors[row]))
        random.append(chance(planted.windows[row], stop - start, rng))
    return len(rows), np.mean(found), np.mean(other), np.mean(random)


def evidence(model, planted):
    """Logit that matches on planted beats add, a mean over the records that have any."""
    rows = np.flatnonzero(planted.target != "")
    table = model.explain([planted.records[row] for row in rows], labels=[1]).table
    on_beats = [
        overlaps(start, stop, planted.windows[rows[row]])
        for row, start, stop in zip(
            table["row"], table["match_start"], table["match_stop"], strict=True
        )
    ]
    return float(table["contribution"].where(on_beats, 0.0).sum()) / len(rows)


def randomised_weights(model, seed):
    """Draw the networks anew, with the heads as they were."""
    with seeded(seed):
        model.weights_ = weights_of(model._build_module())
    return model


def line(name, what, model, planted, rng):
    """Print one line of the table."""
    present = (planted.target != "").astype(int)
    auroc = macro_auroc(present[:, None], model.predict_proba(planted.records)[:, 1:])
    count, share, other, random = hits(model, planted, rng)
    print(
        f"| {name} | {what} | {auroc:.3f} | {count} of {present.sum()} | {share:.0%} | "
        f"{other:.0%} | {random:.0%} | {evidence(model, planted):+.2f} |",
        flush=True,
    )


def study(name, n_train, n_test, seed, **settings):
    """Train on planted beats; then on shuffled labels; then without what was learned."""
    rng = np.random.default_rng(seed)
    options = {"abnormality": name, "distractor": DISTRACTORS[name]}
    learn = make_planted_ecg(n_train, random_state=seed, **options)
    test = make_planted_ecg(n_test, random_state=seed + 1000, **options)
    y = (learn.target != "").astype(int)
    settings = {"branches": {"morphology": [0, 1]}, "random_state": seed} | settings
    model = ProtoECGNetClassifier(**settings).fit(learn.records, y)
    line(name, "trained", model, test, rng)
    shuffled = ProtoECGNetClassifier(**settings)
    line(name, "labels shuffled", shuffled.fit(learn.records, rng.permutation(y)), test, rng)
    line(name, "weights drawn anew", randomised_weights(model, seed), test, rng)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--train", type=int, default=400)
    parser.add_argument("--test", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    print(
        "| planted | model | AUROC | true positives | overlap | of the other kind | chance "
        "| logit on planted beats |\n|---|---|---|---|---|---|---|---|",
        flush=True,
    )
    for name in DISTRACTORS:
        study(name, chosen.train, chosen.test, chosen.seed)


if __name__ == "__main__":
    main()
