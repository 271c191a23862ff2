"""ProtoECGNet on 1,625 PTB-XL records: branches, fusion, black box, baseline and ablations.

``python benchmarks/protoecgnet.py VARIANT`` with CARDIORISK_DATA set. Trains on the split "train"
and tests on "val". Patient identifiers are not in these files, so patient overlap between the
splits cannot be checked. Labels: the ten ``c24_*`` classes that are left when acute (9 records)
and old infarction are merged. The waveforms are z-scored per lead: voltages are lost.
"""

import argparse
import os
import time
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from cardiorisk.estimators import ProtoECGNetClassifier
from cardiorisk.estimators._net_batches import net_outputs
from cardiorisk.estimators._schedule import Schedule
from cardiorisk.estimators.protoecgnet.branch_net import BranchNet
from cardiorisk.estimators.protoecgnet.branch_training import Examples, train_branch
from cardiorisk.estimators.protoecgnet.inputs import network_input
from cardiorisk.estimators.protoecgnet.settings import branch_plan, objective_of
from cardiorisk.estimators.protoecgnet.validation import macro_auroc

N_BOOTSTRAPS = 1000
VARIANTS = {
    "default": {},
    "no contrast": {"contrast": 0.0},
    "no diversity": {"diversity": 0.0},
    "published projection": {"projection": "nearest"},
    "partitioned labels": {"branches": "auto"},
}


def load():
    """Signals (n, 12, 1000), table of ten labels, masks of train and val."""
    folder = Path(os.environ["CARDIORISK_DATA"]) / "ptbxl"
    with np.load(folder / "ptbxl1625_zscored_100hz.npz") as stored:
        x = (stored["x"] / stored["scale"]).astype(np.float32).transpose(0, 2, 1)
    table = pd.read_csv(folder / "ptbxl1625_labels.csv")
    infarctions = ["c24_Acute_MI", "c24_Old_MI"]
    y = table.filter(like="c24_").drop(columns=infarctions)
    y["c24_MI"] = table[infarctions].max(axis=1)
    y.columns = y.columns.str.removeprefix("c24_")
    return np.ascontiguousarray(x), y, table["split"].eq("train"), table["split"].eq("val")


def interval(y, score, seed=0):
    """Macro-AUROC with its 95 % interval over resampled records."""
    rng = np.random.default_rng(seed)
    draws = []
    for _ in range(N_BOOTSTRAPS):
        rows = rng.integers(len(y), size=len(y))
        draws.append(macro_auroc(y[rows], score[rows]))
    low, high = np.quantile(draws, [0.025, 0.975])
    return f"{macro_auroc(y, score):.3f} ({low:.3f}-{high:.3f})"


def black_box(x, y, train, test, seed):
    """Train the same backbones for as long, a linear layer on each, and average the logits."""
    model = ProtoECGNetClassifier()
    signals = network_input(x, model.highpass)
    labels = y.to_numpy(np.float32)
    examples, logits, start = Examples(signals, labels, labels), [], time.perf_counter()
    schedule = Schedule(
        epochs=model.backbone_epochs + model.joint_epochs,
        learning_rate=model.learning_rate,
        weight_decay=model.weight_decay,
    )
    shape = (*x.shape[1:], np.arange(labels.shape[1]), labels.shape[1], labels.shape[1])
    for branch in ("rhythm", "morphology", "diffuse"):
        net = BranchNet(branch_plan(model, branch, *shape))
        rows = np.flatnonzero(train)
        stages = {"backbone": schedule}
        train_branch(net, examples[rows], examples[rows[:0]], objective_of(model), stages, seed)
        found = net_outputs(
            net,
            signals[test],
            call=lambda batch, net=net: net.features(net.backbone(batch).mean(-1)),
        )
        print(f"black box, {branch}: {interval(labels[test], found)}", flush=True)
        logits.append(found)
    minutes = (time.perf_counter() - start) / 60
    found = interval(labels[test], np.mean(logits, axis=0))
    print(f"black box, mean of three: {found}, {minutes:.1f} min", flush=True)


def baseline(x, y, train, test):
    """Principal components of the waveform and of its spectrum, and a logistic regression."""
    spectrum = np.log(np.abs(np.fft.rfft(x))[:, :, 1:200] + 1e-3)
    columns = np.concatenate([x.reshape(len(x), -1), spectrum.reshape(len(x), -1)], axis=1)
    model = make_pipeline(
        StandardScaler(),
        PCA(100, random_state=0),
        OneVsRestClassifier(LogisticRegression(C=0.01, max_iter=2000, class_weight="balanced")),
    )
    model.fit(columns[train], y[train])
    found = interval(y[test].to_numpy(), model.decision_function(columns[test]))
    print(f"principal components, logistic regression: {found}", flush=True)


def prototypes(name, x, y, train, test, seed):
    """Print everything about one variant of ProtoECGNet."""
    model = ProtoECGNetClassifier(sampling_rate=100, random_state=seed, **VARIANTS[name])
    start = time.perf_counter()
    model.fit(x[train], y[train])
    minutes = (time.perf_counter() - start) / 60
    truth = y[test].to_numpy()
    for branch in ("rhythm", "morphology", "diffuse", "fusion"):
        found = interval(truth, model.predict_proba(x[test], branch=branch))
        print(f"{name}, {branch}: {found}", flush=True)
    table = model.prototypes_
    share = table.groupby("branch")["row"].agg(lambda rows: rows.nunique() / len(rows)).mean()
    start = time.perf_counter()
    model.predict_proba(x[:1000])
    seconds = time.perf_counter() - start
    reasons = model.explain(x[test][:50])
    print(
        f"{name}: {minutes:.1f} min training, {seconds:.1f} s for 1000 records, "
        f"{len(table)} prototypes, {share:.0%} distinct records in a branch, "
        f"largest residual {reasons.max_residual:.1e}",
        flush=True,
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("variants", nargs="*", default=["default", "black box", "baseline"])
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    data = load()
    for name in chosen.variants:
        if name == "black box":
            black_box(*data, chosen.seed)
        elif name == "baseline":
            baseline(*data)
        else:
            prototypes(name, *data, chosen.seed)


if __name__ == "__main__":
    main()
