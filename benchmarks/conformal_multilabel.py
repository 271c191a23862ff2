"""Coverage of multi-label sets at 90 % and recall held at 0.9, for common and for rare labels.

Each repeat draws a new cohort with labels of 50, 15, 5 and 1.5 % prevalence, fits one model of
2000 rows, calibrates on 2000 others and counts on 20,000 new ones. Sets: those of
``ConformalMultilabelClassifier``, and sets that hold over all rows of a label together (MAPIE).
Control: how often, over the repeats, the recall or precision on new rows is below its target,
which shall be at most 10 % at confidence 0.9; beside it the threshold 0.5.

Run: python benchmarks/conformal_multilabel.py [--repeats 200]
Writes benchmarks/results/conformal_multilabel.md.
"""

import argparse
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from mapie.classification import SplitConformalClassifier
from scipy.stats import norm
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.multioutput import MultiOutputClassifier
from tqdm import tqdm

from cardiorisk.exceptions import CoverageWarning
from cardiorisk.explain import ConformalMultilabelClassifier

RESULT = Path(__file__).parent / "results" / "conformal_multilabel.md"
PREVALENCE = (0.5, 0.15, 0.05, 0.015)
N_TRAIN, N_CALIBRATE, N_NEW = 2000, 2000, 20_000
TARGETS = {"recall": 0.9, "precision": 0.6}


def cohort(seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(N_TRAIN + N_CALIBRATE + N_NEW, 8))
    risk = 1.5 * X[:, :4] + 0.5 * X[:, 4:] + rng.normal(size=(len(X), 4))
    spread = np.sqrt(1.5**2 + 0.5**2 + 1)
    return X, (risk > spread * norm.isf(PREVALENCE)).astype(int)


def one_repeat(seed: int) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    X, y = cohort(seed)
    known, new = slice(N_TRAIN, N_TRAIN + N_CALIBRATE), slice(N_TRAIN + N_CALIBRATE, None)
    model = MultiOutputClassifier(LogisticRegression()).fit(X[:N_TRAIN], y[:N_TRAIN])
    frozen = FrozenEstimator(model)
    conformal = ConformalMultilabelClassifier(frozen).fit(X[known], y[known])
    sets = {"by class": conformal.predict_set(X[new]), "over all rows (MAPIE)": []}
    for label, single in enumerate(model.estimators_):
        marginal = SplitConformalClassifier(single, confidence_level=0.9)
        marginal.conformalize(X[known], y[known, label])
        sets["over all rows (MAPIE)"].append(marginal.predict_set(X[new])[1][:, :, 0])
    sets["over all rows (MAPIE)"] = np.stack(sets["over all rows (MAPIE)"], axis=1)
    covered = [
        {"sets": name, "label": label, "present": code}
        | {"coverage": found[y[new][:, label] == code, label, code].mean()}
        | {"both": found[:, label].all(axis=1).mean()}
        for name, found in sets.items()
        for label in range(len(PREVALENCE))
        for code in (0, 1)
    ]
    controlled = []
    for risk, target in TARGETS.items():
        conformal = ConformalMultilabelClassifier(frozen, control=risk, target=target)
        conformal.fit(X[known], y[known])
        half = (model.predict(X[new]), np.full(len(PREVALENCE), 0.5))
        for name, (flagged, thresholds) in {
            "controlled": (conformal.predict(X[new]), conformal.thresholds_),
            "threshold 0.5": half,
        }.items():
            hits = (flagged & y[new]).sum(axis=0)
            recall = hits / y[new].sum(axis=0)
            precision = hits / flagged.sum(axis=0).clip(1)
            reached = recall if risk == "recall" else precision
            controlled += [
                {"control": risk, "how": name, "label": label}
                | {"below": float(found and reached[label] < target), "found": float(found)}
                | {"recall": recall[label], "precision": precision[label] if found else np.nan}
                for label, found in enumerate(~np.isnan(thresholds))
            ]
    return covered, controlled


def report(covered: pd.DataFrame, controlled: pd.DataFrame, repeats: int) -> str:
    lines = [
        f"# Multi-label sets at 90 % and controlled recall and precision, {repeats} repeats",
        "",
        "Mean coverage over the repeats ± its standard error, and the share of records whose set "
        "holds both values.",
        "",
        "| sets | prevalence | where present | where absent | both |",
        "|---|---|---|---|---|",
    ]
    for (name, label), rows in covered.groupby(["sets", "label"], sort=False):
        shown = []
        for code in (1, 0):
            of_class = rows.loc[rows["present"] == code, "coverage"]
            shown.append(f"{of_class.mean():.3f} ± {of_class.sem():.3f}")
        both = f"{rows['both'].mean():.1%}"
        lines.append(f"| {name} | {PREVALENCE[label]:.1%} | {' | '.join(shown)} | {both} |")
    lines += [
        "",
        "Share of the repeats in which the target was missed on new rows (at most 10 % is "
        "promised), and in which a threshold was found; mean recall and precision.",
        "",
        "| target | how | prevalence | missed | threshold found | recall | precision |",
        "|---|---|---|---|---|---|---|",
    ]
    for (risk, how, label), rows in controlled.groupby(["control", "how", "label"], sort=False):
        mean = rows.mean(numeric_only=True)
        lines.append(
            f"| {risk} {TARGETS[risk]:g} | {how} | {PREVALENCE[label]:.1%} | {mean['below']:.1%} | "
            f"{mean['found']:.0%} | {mean['recall']:.3f} | {mean['precision']:.3f} |"
        )
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=200)
    repeats = parser.parse_args().repeats
    covered, controlled = [], []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CoverageWarning)
        for seed in tqdm(range(repeats)):
            sets, risks = one_repeat(seed)
            covered += sets
            controlled += risks
    text = report(pd.DataFrame(covered), pd.DataFrame(controlled), repeats)
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(text)
    print(text)


if __name__ == "__main__":
    main()
