"""ProtoECGNet on 1,625 PTB-XL records: branches, fusion, black box, ablations, baseline.

``CARDIORISK_DATA=... python benchmarks/protoecgnet.py default "no contrast" "no diversity"
"published projection" "black box" baseline --seeds 0 1``. Trains on the split "train", scores on
"val". The variants start from the same trained backbones (their checkpoints are shared), so that
they differ by what is ablated alone. "black box" is the same backbones with a linear layer, trained
alone for as much computing as the default; "backbones" are those under the prototypes themselves.
Patient identifiers are not in these files, so patient overlap of the splits cannot be checked.
Labels: the ten classes that are left when acute (9 records) and old infarction are merged; no other
class has fewer than 20. The waveforms are z-scored per lead: voltages are lost.
"""

import argparse
import shutil
import tempfile
import time
from pathlib import Path

import numpy as np
from prototype_study import black_box, black_box_logits, macro_intervals
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from cardiorisk.datasets import fetch_ptbxl
from cardiorisk.estimators import ProtoECGNetClassifier
from cardiorisk.estimators._net_batches import net_outputs
from cardiorisk.estimators.protoecgnet.branches import BRANCHES
from cardiorisk.estimators.protoecgnet.inputs import network_input

VARIANTS = {
    "default": {},
    "no contrast": {"contrast": 0.0},
    "no diversity": {"diversity": 0.0},
    "published projection": {"projection": "nearest"},
}
SHARED = {"published projection": ("backbone", "prototypes", "joint")}  # else the backbone alone
LEAST_CASES = 20


def load():
    """Signals (n, 12, 1000), table of ten labels, positions of train and val."""
    data = fetch_ptbxl(part="arrays")
    infarctions = ["Acute_MI", "Old_MI"]
    y = data.target.drop(columns=infarctions)
    y["MI"] = data.target[infarctions].max(axis=1)
    assert (y.sum() >= LEAST_CASES).all()
    split = data.metadata["split"].to_numpy()
    return data.data, y, np.flatnonzero(split == "train"), np.flatnonzero(split == "val")


def tell(name, y, scores):
    """Print macro-AUROC and the difference from the last score."""
    for part, (value, less) in macro_intervals(y, scores).items():
        print(f"{name} | {part} | {value:.3f} | {less:+.3f}", flush=True)


def largest_drift(model, x):
    """Largest difference of a prototype from the latent of its training window, in eval mode."""
    table, worst = model.prototypes_, 0.0
    for branch, net in model.module_.items():
        found = table[table["branch"] == branch]
        latent = net_outputs(net, network_input(x[found["row"]], model.highpass), call=net.latent)
        begins = net.seconds(np.arange(net.n_windows), 100)[:, 0]
        for place, start in enumerate(found["start"]):
            window = int(np.argmin(np.abs(begins - start)))
            piece = latent[place, :, window : window + net.span]
            worst = max(worst, float(np.abs(piece - net.prototypes[place].numpy()).max()))
    return worst


def facts(name, model, x, seconds):
    """Print what holds beside the AUROC: distinct windows, exactness, time."""
    table = model.prototypes_
    distinct = len(table.drop_duplicates(["branch", "row", "start"]))
    start = time.process_time()
    model.predict_proba(x[:1000])
    predicting = time.process_time() - start
    print(
        f"{name}: {len(table)} prototypes, {distinct} distinct windows, "
        f"largest drift {largest_drift(model, x):.1e}, "
        f"largest residual {model.explain(x[:50]).max_residual:.1e}, "
        f"{seconds / 60:.1f} min of CPU for training, {predicting:.1f} s for 1,000 records",
        flush=True,
    )


def prototypes(name, data, seed, folder):
    """Train one variant, from the backbones of the default where there are any."""
    x, y, train, test = data
    own = folder / name
    for branch in BRANCHES:
        for stage in SHARED.get(name, ("backbone",)):
            source = folder / "default" / branch / f"{stage}.checkpoint"
            if source.exists() and name != "default":
                (own / branch).mkdir(parents=True, exist_ok=True)
                shutil.copy(source, own / branch)
    model = ProtoECGNetClassifier(
        sampling_rate=100, random_state=seed, checkpoint=own, **VARIANTS[name]
    )
    start = time.process_time()
    model.fit(x[train], y.iloc[train])
    seconds = time.process_time() - start
    scores = {part: model.predict_proba(x[test], branch=part) for part in (*BRANCHES, "fusion")}
    signals = network_input(x[test], model.highpass)
    boxes = {f"backbone, {b}": black_box_logits(model.module_[b], signals) for b in BRANCHES}
    boxes["backbones, mean"] = np.mean(list(boxes.values()), axis=0)
    tell(f"{name}, seed {seed}", y.to_numpy()[test], scores | boxes)
    facts(f"{name}, seed {seed}", model, x[train], seconds)


def baseline(x, y, train, test):
    """Principal components of the waveform and of its spectrum, and a logistic regression."""
    spectrum = np.log(np.abs(np.fft.rfft(x))[:, :, 1:200] + 1e-3)
    columns = np.concatenate([x.reshape(len(x), -1), spectrum.reshape(len(x), -1)], axis=1)
    model = make_pipeline(
        StandardScaler(),
        PCA(100, random_state=0),
        OneVsRestClassifier(LogisticRegression(C=0.01, max_iter=2000, class_weight="balanced")),
    )
    model.fit(columns[train], y.iloc[train])
    found = {"all": model.decision_function(columns[test])}
    tell("principal components, logistic regression", y.to_numpy()[test], found)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("variants", nargs="*", default=[*VARIANTS])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    chosen = parser.parse_args()
    x, y, train, test = data = load()
    if "baseline" in chosen.variants:
        baseline(*data)
    for seed in chosen.seeds:
        with tempfile.TemporaryDirectory() as folder:
            for name in (name for name in chosen.variants if name in VARIANTS):
                prototypes(name, data, seed, Path(folder))
        if "black box" in chosen.variants:
            model, labels = ProtoECGNetClassifier(), y.to_numpy(np.float32)
            signals = network_input(x, model.highpass)
            found = black_box(model, signals, labels, train, test, seed)
            tell(f"black box, seed {seed}", labels[test], found)


if __name__ == "__main__":
    main()
