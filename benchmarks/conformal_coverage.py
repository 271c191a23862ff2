"""Coverage of prediction sets at 90 %, in each class, where 8 % are sick.

Each repeat draws a new cohort, fits one model on 2000 rows, and makes sets for 10,000 new rows from
2000 calibration rows: marginal sets of MAPIE, class-conditional sets of crepes, and those of
``ConformalClassifier`` (split by each method, and cross over all 4000 rows). The time is that of
calibrating and making the sets, without the fit. A second table has 2 to 10 balanced classes.

Run: python benchmarks/conformal_coverage.py [--repeats 40]
Writes benchmarks/results/conformal_coverage.md.
"""

import argparse
import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from crepes import WrapClassifier
from mapie.classification import SplitConformalClassifier
from sklearn.base import clone
from sklearn.datasets import make_classification
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from tqdm import tqdm

from cardiorisk.estimators import CardioForestClassifier
from cardiorisk.explain import ConformalClassifier

RESULT = Path(__file__).parent / "results" / "conformal_coverage.md"
N_TRAIN, N_CALIBRATE, N_NEW = 2000, 2000, 10_000
ALPHA, PREVALENCE = 0.1, 0.08
N_CLASSES, SCORES = (2, 3, 5, 10), ("lac", "aps", "raps")
MODELS = {
    "logistic regression": LogisticRegression(max_iter=1000),
    "CardioForest": CardioForestClassifier(n_estimators=100, device="cpu", random_state=0),
}


def cohort(seed: int) -> tuple[np.ndarray, np.ndarray]:
    return make_classification(
        N_TRAIN + N_CALIBRATE + N_NEW,
        n_features=12,
        n_informative=6,
        n_redundant=2,
        weights=[1 - PREVALENCE],
        flip_y=0.02,
        class_sep=0.8,
        random_state=seed,
    )


def mapie_marginal(model: Any, X: np.ndarray, y: np.ndarray, X_new: np.ndarray) -> np.ndarray:
    mapie = SplitConformalClassifier(model, confidence_level=1 - ALPHA)
    return np.asarray(mapie.conformalize(X, y).predict_set(X_new)[1][:, :, 0])


def crepes_by_class(model: Any, X: np.ndarray, y: np.ndarray, X_new: np.ndarray) -> np.ndarray:
    crepes = WrapClassifier(model)
    crepes.calibrate(X, y, class_cond=True)
    labels = crepes.predict_set(X_new, confidence=1 - ALPHA, smoothing=False)
    return np.array([[0 in row, 1 in row] for row in labels])


def ours_split(
    model: Any, X: np.ndarray, y: np.ndarray, X_new: np.ndarray, score: str = "lac"
) -> np.ndarray:
    frozen = FrozenEstimator(model)
    conformal = ConformalClassifier(frozen, ALPHA, method=score, random_state=0)
    return conformal.fit(X, y).predict_set(X_new)


METHODS = {
    "MAPIE, marginal": mapie_marginal,
    "crepes, class-conditional": crepes_by_class,
    "cardiorisk, split": ours_split,
    "cardiorisk, split, APS": partial(ours_split, score="aps"),
    "cardiorisk, split, RAPS": partial(ours_split, score="raps"),
}


def one_repeat(seed: int) -> list[dict[str, Any]]:
    X, y = cohort(seed)
    known, new = slice(N_TRAIN, N_TRAIN + N_CALIBRATE), slice(N_TRAIN + N_CALIBRATE, None)
    rows = []
    for name, estimator in MODELS.items():
        model = clone(estimator).fit(X[:N_TRAIN], y[:N_TRAIN])
        for method, make_sets in METHODS.items():
            start = time.perf_counter()
            sets = make_sets(model, X[known], y[known], X[new])
            rows.append(summary(name, method, sets, y[new], time.perf_counter() - start))
        cross = ConformalClassifier(clone(estimator), ALPHA, cv=5, random_state=seed)
        both = slice(0, N_TRAIN + N_CALIBRATE)
        sets = cross.fit(X[both], y[both]).predict_set(X[new])
        rows.append(summary(name, "cardiorisk, cross (5 folds)", sets, y[new], np.nan))
    return rows


def one_repeat_of_several_classes(seed: int) -> list[dict[str, Any]]:
    rows = []
    for n_classes in N_CLASSES:
        X, y = make_classification(
            N_TRAIN + N_CALIBRATE + N_NEW,
            n_features=12,
            n_informative=8,
            n_classes=n_classes,
            n_clusters_per_class=1,
            class_sep=0.8,
            flip_y=0.02,
            random_state=seed,
        )
        known, new = slice(N_TRAIN, N_TRAIN + N_CALIBRATE), slice(N_TRAIN + N_CALIBRATE, None)
        model = clone(MODELS["logistic regression"]).fit(X[:N_TRAIN], y[:N_TRAIN])
        for score in SCORES:
            sets = ours_split(model, X[known], y[known], X[new], score)
            covered = sets[np.arange(N_NEW), y[new]]
            of_class = [covered[y[new] == label].mean() for label in range(n_classes)]
            rows.append(
                {
                    "classes": n_classes,
                    "score": score.upper(),
                    "coverage": covered.mean(),
                    "lowest": min(of_class),
                    "highest": max(of_class),
                    "size": sets.sum(axis=1).mean(),
                    "empty": (~sets.any(axis=1)).mean(),
                }
            )
    return rows


def report_of_several_classes(table: pd.DataFrame, repeats: int) -> str:
    keys = ["classes", "score"]
    mean = table.groupby(keys, sort=False).mean()
    error = table.groupby(keys, sort=False)["coverage"].std() / np.sqrt(repeats)
    lines = [
        "",
        f"Balanced classes, logistic regression, split, {repeats} repeats; lowest and highest are "
        "the mean over the repeats of the extreme class:",
        "",
        "| classes | score | coverage | lowest class | highest class | set size | empty |",
        "|---|---|---|---|---|---|---|",
    ]
    for (n_classes, score), row in mean.iterrows():
        lines.append(
            f"| {n_classes} | {score} | {row['coverage']:.3f} ± {error[(n_classes, score)]:.3f} | "
            f"{row['lowest']:.3f} | {row['highest']:.3f} | {row['size']:.2f} | {row['empty']:.1%} |"
        )
    return "\n".join(lines) + "\n"


def summary(
    model: str, method: str, sets: np.ndarray, truth: np.ndarray, seconds: float
) -> dict[str, Any]:
    return {
        "model": model,
        "method": method,
        "coverage of the sick": sets[truth == 1, 1].mean(),
        "coverage of the healthy": sets[truth == 0, 0].mean(),
        "overall": sets[np.arange(len(truth)), truth].mean(),
        "mean set size": sets.sum(axis=1).mean(),
        "empty": (~sets.any(axis=1)).mean(),
        "ms": 1000 * seconds,
    }


def report(table: pd.DataFrame, repeats: int) -> str:
    keys = ["model", "method"]
    mean = table.groupby(keys, sort=False).mean()
    error = table.groupby(keys, sort=False).std() / np.sqrt(repeats)
    lines = [
        f"# Coverage by class at {1 - ALPHA:.0%}, {PREVALENCE:.0%} sick, {repeats} repeats",
        "",
        "Mean over the repeats ± its standard error. Time: median ms to calibrate on "
        f"{N_CALIBRATE} rows and make sets for {N_NEW}, of which the model's own predictions are "
        "part, and its ratio to MAPIE.",
        "",
        "| model | method | sick | healthy | overall | set size | empty | ms | ratio |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    median = table.groupby(keys, sort=False)["ms"].median()
    for (model, method), row in mean.iterrows():
        spread = error.loc[(model, method)]
        shown = [
            f"{row[column]:.3f} ± {spread[column]:.3f}"
            for column in ("coverage of the sick", "coverage of the healthy", "overall")
        ]
        ms, base = median[(model, method)], median[(model, "MAPIE, marginal")]
        timing = ["", ""] if np.isnan(ms) else [f"{ms:.0f}", f"{ms / base:.2f}"]
        shown += [f"{row['mean set size']:.2f}", f"{row['empty']:.1%}", *timing]
        lines.append(f"| {model} | {method} | {' | '.join(shown)} |")
    ours = mean[mean.index.get_level_values("method").str.startswith("cardiorisk")]
    by_class = ours[["coverage of the sick", "coverage of the healthy"]].to_numpy()
    inside = bool(((by_class >= 0.885) & (by_class <= 0.93)).all())
    lines += ["", f"Every class of every cardiorisk row within [0.885, 0.93]: {inside}."]
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=40)
    repeats = parser.parse_args().repeats
    rows = [row for seed in tqdm(range(repeats)) for row in one_repeat(seed)]
    several = [row for seed in range(repeats) for row in one_repeat_of_several_classes(seed)]
    text = report(pd.DataFrame(rows), repeats)
    text += report_of_several_classes(pd.DataFrame(several), repeats)
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(text)
    print(text)


if __name__ == "__main__":
    main()
