"""The 71 statements of PTB-XL: train on folds 1 to 8, watch 9, test on 10.

``CARDIORISK_DATA=... python benchmarks/ptbxl71.py --models default published "black box"``. Needs
the published files of PTB-XL 1.0.3 (:func:`cardiorisk.datasets.fetch_ptbxl` finds or downloads
them). Labels go to the branches by the published partition of 16, 52 and 3. Macro-AUROC is over
the statements that the fold holds, over the whole fold at once, with 95 % intervals over patients.
Fold 9 is for choosing settings and reported beside fold 10. Early stopping, where a model has it,
watches a tenth of the patients of folds 1 to 8.
"""

import argparse
import time

import numpy as np
import pandas as pd
from prototype_study import black_box, macro_intervals

from cardiorisk.datasets import fetch_ptbxl
from cardiorisk.estimators import ProtoECGNetClassifier
from cardiorisk.estimators.protoecgnet.branches import BRANCHES
from cardiorisk.estimators.protoecgnet.inputs import network_input

MODELS = ("default", "published", "black box")
FOLDS = {"validation": 9, "test": 10}


def classifier(name, seed, settings):
    """Make the classifier of a name, with the published partition of labels."""
    model = ProtoECGNetClassifier() if name == "default" else ProtoECGNetClassifier.published()
    model.set_params(sampling_rate=100, branches="ptbxl", random_state=seed)
    return model.set_params(**settings)


def train_rows(folds):
    """Rows of folds 1 to 8, and of the validation and test folds."""
    rows = {name: np.flatnonzero(folds == fold) for name, fold in FOLDS.items()}
    return {"train": np.flatnonzero(folds <= 8)} | rows


def prototype_scores(model, data, rows):
    """Probabilities of fusion and branches (of their own statements) on both folds."""
    train = rows["train"]
    model.fit(data.data[train], data.target.iloc[train], groups=data.groups[train])
    return {
        fold: {
            branch: model.predict_proba(data.data[rows[fold]], branch=branch)
            for branch in ("fusion", *(b for b in BRANCHES if b in model.heads_))
        }
        for fold in FOLDS
    }


def black_box_scores(model, data, rows, seed):
    """Logits of black boxes with the backbones and the budget of a model."""
    signals = network_input(data.data, model.highpass)
    labels = data.target.to_numpy(np.float32)
    both = np.concatenate([rows[fold] for fold in FOLDS])
    found = black_box(model, signals, labels, rows["train"], both, seed)
    first = len(rows["validation"])
    parts = {"validation": slice(None, first), "test": slice(first, None)}
    return {fold: {name: logits[part] for name, logits in found.items()}
            for fold, part in parts.items()}  # fmt: skip


def study(data, models=MODELS, seed=0, n_bootstraps=1000, **settings):
    """Train each model and score it on folds 9 and 10.

    Returns
    -------
    table : DataFrame
        ``model``, ``part``, ``fold``, ``macro_auroc``, ``low``, ``high``, ``n_labels``,
        ``minutes``.
    """
    rows = train_rows(data.folds)
    lines = []
    for name in models:
        start = time.perf_counter()
        if name == "black box":
            scores = black_box_scores(classifier("default", seed, settings), data, rows, seed)
        else:
            scores = prototype_scores(classifier(name, seed, settings), data, rows)
        minutes = (time.perf_counter() - start) / 60
        for fold, found in scores.items():
            y = data.target.to_numpy()[rows[fold]]
            groups = data.groups[rows[fold]]
            n_labels = int((y.min(axis=0) != y.max(axis=0)).sum())
            for part, (value, _) in macro_intervals(y, found, groups, n_bootstraps).items():
                line = (name, part, FOLDS[fold], value.estimate, value.low, value.high)
                lines.append((*line, n_labels, minutes))
    columns = ["model", "part", "fold", "macro_auroc", "low", "high", "n_labels", "minutes"]
    return pd.DataFrame(lines, columns=columns)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", nargs="+", choices=MODELS, default=list(MODELS))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="auto")
    chosen = parser.parse_args()
    data = fetch_ptbxl(part="full", verbose=True)
    print(
        study(data, chosen.models, chosen.seed, device=chosen.device)
        .round(3)
        .to_string(index=False)
    )


if __name__ == "__main__":
    main()
