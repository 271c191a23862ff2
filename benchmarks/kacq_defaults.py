"""Choose the default of KACQDCNNClassifier inside training rows, and measure it on other rows.

Run: ``CARDIORISK_DATA=folder python benchmarks/kacq_defaults.py``, about ten minutes of one core.
The Kaggle re-release of the UCI heart-disease table, 918 rows. Five outer folds. In the training
rows of each, three inner folds try the candidates with two members; the one with the smallest log
loss is trained on all training rows with five members and predicts the outer fold, whose rows took
no part in its choice. The default is the candidate with the smallest mean inner log loss among
those that hold no second model: what a boosted forest inside adds is not the network's.

``--fold`` measures one outer fold and keeps it in ``--cache``; without it all missing folds are
measured and benchmarks/results/kacq_defaults.md is written, with the processor time of a fit on all
rows and of an epoch of the published network, and a study of noise and shots.
"""

import argparse
import os
import tempfile
import time
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss, roc_auc_score
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OrdinalEncoder, StandardScaler

from cardiorisk.estimators import CardioForestClassifier, KACQDCNNClassifier
from cardiorisk.estimators.kacq import noise_study
from cardiorisk.features import ClinicalTable

KAGGLE_FILE = "heart_tabular/kaggle_fedesoriano_heart.csv"
RESULTS = Path(__file__).parent / "results" / "kacq_defaults.md"
N_FOLDS = 5
CANDIDATES: dict[str, dict[str, Any]] = {
    "dropout 0.1": {"dropout": 0.1},
    "dropout 0.3": {"dropout": 0.3},
    "dropout 0.5": {"dropout": 0.5},
    "dropout 0.3, out-of-fold XGBoost": {"dropout": 0.3, "augment": "oof"},
}
CAVEAT = (
    "The first row is nested: each fold chose in its own training rows. The default was",
    "chosen by the mean of all inner losses among the candidates without a second model, so",
    "rows of the table took part in that one choice of three; sizes, scale and the range of",
    "dropout had a first look at 642 of the 918 rows, which is not in the script.",
)


def read_rows() -> tuple[pd.DataFrame, np.ndarray]:
    folder = os.environ.get("CARDIORISK_DATA")
    if not folder:
        raise SystemExit("Set CARDIORISK_DATA to the folder that holds heart_tabular/.")
    table = pd.read_csv(Path(folder) / KAGGLE_FILE)
    return table.drop(columns="HeartDisease"), table["HeartDisease"].to_numpy()


def piped(*steps: Any) -> Any:
    table = ClinicalTable(zero_as_missing=("Cholesterol", "RestingBP"), impute="median")
    return make_pipeline(table, *steps)


def network(n_members: int = 5, **settings: Any) -> Any:
    return piped(KACQDCNNClassifier(n_members=n_members, random_state=0, device="cpu", **settings))


def measure(X: pd.DataFrame, y: np.ndarray, fold: int) -> dict[str, Any]:
    """Choose in the training rows of one outer fold, and predict that fold."""
    outer = StratifiedKFold(N_FOLDS, shuffle=True, random_state=0)
    train, test = list(outer.split(X, y))[fold]
    inner = list(StratifiedKFold(3, shuffle=True, random_state=1).split(X.iloc[train], y[train]))
    losses: dict[str, float] = {}
    for name, settings in CANDIDATES.items():
        found = []
        for fit, held in inner:
            model = network(2, **settings).fit(X.iloc[train[fit]], y[train[fit]])
            found.append(log_loss(y[train[held]], model.predict_proba(X.iloc[train[held]])))
        losses[name] = float(np.mean(found))
        print(fold, name, round(losses[name], 4), flush=True)
    chosen = min(losses, key=losses.__getitem__)
    models = {"chosen in each fold": network(**CANDIDATES[chosen])}
    return {"test": test, "losses": losses, "chosen": chosen} | predicted(models, X, y, fold)


def predicted(models: dict[str, Any], X: pd.DataFrame, y: np.ndarray, fold: int) -> dict[str, Any]:
    """Probabilities of the rows of one outer fold."""
    outer = StratifiedKFold(N_FOLDS, shuffle=True, random_state=0)
    train, test = list(outer.split(X, y))[fold]
    return {
        name: model.fit(X.iloc[train], y[train]).predict_proba(X.iloc[test])[:, 1]
        for name, model in models.items()
    }


def others() -> dict[str, Any]:
    return {
        "logistic regression": piped(StandardScaler(), LogisticRegression(max_iter=1000)),
        "CardioForest, forest": piped(CardioForestClassifier(random_state=0)),
        "default": network(),
    }


def kept(cache: Path, name: str, make: Any) -> Any:
    """Read a result, or make and keep it."""
    path = cache / f"{name}.joblib"
    if not path.exists():
        cache.mkdir(parents=True, exist_ok=True)
        joblib.dump(make(), path)
    return joblib.load(path)


def score_lines(folds: list[dict[str, Any]], y: np.ndarray) -> list[str]:
    lines = [
        "| model | AUROC, mean of folds | log loss | accuracy at 0.5 |",
        "|---|---|---|---|",
    ]
    names = [name for name in folds[0] if name not in ("test", "losses", "chosen")]
    for name in names:
        auroc = np.mean([roc_auc_score(y[fold["test"]], fold[name]) for fold in folds])
        truth = np.concatenate([y[fold["test"]] for fold in folds])
        chance = np.concatenate([fold[name] for fold in folds])
        right = np.mean((chance >= 0.5) == truth)
        lines.append(f"| {name} | {auroc:.4f} | {log_loss(truth, chance):.4f} | {right:.3f} |")
    return lines


def choice_lines(folds: list[dict[str, Any]]) -> list[str]:
    lines = ["| candidate | mean inner log loss | chosen in folds |", "|---|---|---|"]
    for name in CANDIDATES:
        mean = np.mean([fold["losses"][name] for fold in folds])
        times = sum(fold["chosen"] == name for fold in folds)
        lines.append(f"| {name} | {mean:.4f} | {times} of {len(folds)} |")
    return lines


def time_lines(X: pd.DataFrame, y: np.ndarray) -> list[str]:
    start = time.process_time()
    model = network().fit(X, y)
    seconds = time.process_time() - start
    words = X.select_dtypes(exclude="number").columns
    codes = X.copy()
    codes[words] = OrdinalEncoder().fit_transform(X[words])
    big = KACQDCNNClassifier.published().set_params(epochs=1, random_state=0, device="cpu")
    start = time.process_time()
    big.set_params(augment=None).fit(codes.assign(opinion=0.5), y)
    epoch = time.process_time() - start
    return [
        f"A fit of the default on 918 rows: {seconds:.1f} s of processor time, "
        f"{model[-1].n_parameters_:,} parameters in each of {model[-1].n_members} members.",
        "",
        f"A fit of one epoch of the published network, {big.n_parameters_:,} parameters: "
        f"{epoch:.1f} s of processor time.",
    ]


def noise_lines(X: pd.DataFrame, y: np.ndarray) -> list[str]:
    outer = StratifiedKFold(N_FOLDS, shuffle=True, random_state=0)
    train, test = next(outer.split(X, y))
    model = network().fit(X.iloc[train], y[train])
    strengths = (0.0, 0.01, 0.05, 0.2)
    table = noise_study(model, X.iloc[test], y[test], noise=strengths, shots=(None, 1000, 100, 10))
    means = table.groupby(["noise", "shots"], dropna=False)[["auroc", "log_loss", "shift"]].mean()
    lines = ["| noise | shots | AUROC | log loss | mean shift |", "|---|---|---|---|---|"]
    for (strength, shots), row in means.iterrows():
        number = "exact" if pd.isna(shots) else int(shots)
        values = f"{row.auroc:.4f} | {row.log_loss:.4f} | {row['shift']:.4f}"
        lines.append(f"| {strength} | {number} | {values} |")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    folder = Path(tempfile.gettempdir()) / "cardiorisk_kacq_defaults"
    parser.add_argument("--cache", type=Path, default=folder)
    parser.add_argument("--fold", type=int, choices=range(N_FOLDS))
    parser.add_argument("--choose", action="store_true", help="only the choice, no comparison")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    X, y = read_rows()
    wanted = range(N_FOLDS) if asked.fold is None else [asked.fold]
    folds = []
    for fold in wanted:
        found = kept(asked.cache, f"choice {fold}", lambda k=fold: measure(X, y, k))
        if not asked.choose:
            for name, model in others().items():
                one = {name: model}
                found |= kept(asked.cache, f"{name[:40]} {fold}".replace("`", ""),
                              lambda m=one, k=fold: predicted(m, X, y, k))  # fmt: skip
        folds.append(found)
    if asked.fold is not None or asked.choose:
        return
    text = [
        "# The default of KACQDCNNClassifier",
        "",
        "`CARDIORISK_DATA=folder python benchmarks/kacq_defaults.py`. Kaggle re-release of the UCI",
        "heart-disease table, 918 rows, five outer folds. The candidates are compared by three",
        "folds inside the training rows:",
        "",
        *choice_lines(folds),
        "",
        "The outer folds:",
        "",
        *score_lines(folds, y),
        "",
        *CAVEAT,
        "",
        *kept(asked.cache, "times", lambda: time_lines(X, y)),
        "",
        "Noise and shots at prediction, the default trained on four folds, the fifth predicted:",
        "",
        *kept(asked.cache, "noise", lambda: noise_lines(X, y)),
    ]
    RESULTS.write_text("\n".join(text).rstrip() + "\n", encoding="utf-8")
    print(*text, sep="\n")


if __name__ == "__main__":
    main()
