"""A small network whose epoch is chosen by its test score, as in the published heart study."""

import warnings

import numpy as np
import pandas as pd
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import StandardScaler

from cardiorisk.evaluation import Finding, LeakageReport, check_leakage

EPOCHS, SPLITS = 40, 10


def histories(X: pd.DataFrame, y: np.ndarray, seed: int) -> dict[str, list[float]]:
    """Accuracy of each epoch on a tenth of the training rows and on the test rows (70/30)."""
    split = train_test_split(X, y, test_size=0.3, stratify=y, random_state=seed)
    train, test, y_train, y_test = split
    part = train_test_split(train, y_train, test_size=0.1, stratify=y_train, random_state=seed)
    fit, held, y_fit, y_held = part
    scaler = StandardScaler().fit(fit)
    net = MLPClassifier((32,), learning_rate_init=3e-3, batch_size=32, random_state=seed)
    scores: dict[str, list[float]] = {"validation": [], "test": []}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        for _ in range(EPOCHS):
            net.partial_fit(scaler.transform(fit), y_fit, classes=[0, 1])
            scores["validation"].append(net.score(scaler.transform(held), y_held))
            scores["test"].append(net.score(scaler.transform(test), y_test))
    return scores


def epoch_case(X: pd.DataFrame, y: np.ndarray) -> tuple[LeakageReport, LeakageReport, str]:
    """Gather all splits: the epoch by test score, by validation, and the gain."""
    curves = [histories(X, y, seed) for seed in range(SPLITS)]
    guard = {"guards": "best_test_epoch"}
    by_test = [
        check_leakage(X, y, history=curve, chosen_epoch=int(np.argmax(curve["test"])), **guard)
        for curve in curves
    ]
    proper = [check_leakage(X, y, history=curve, **guard) for curve in curves]
    same = [
        check_leakage(X, y, history={"validation": c["test"], "test": c["test"]}, **guard)
        for c in curves
    ]
    gain = np.mean([max(c["test"]) - c["test"][int(np.argmax(c["validation"]))] for c in curves])
    what = (
        f"found in {sum(map(len, by_test))} of {SPLITS} splits, and in {sum(map(len, same))} where "
        "the test rows were the validation rows"
    )
    found = LeakageReport((Finding("best_test_epoch", what, ""),), (), {})
    quiet = LeakageReport(tuple(one for report in proper for one in report), (), {})
    return found, quiet, f"accuracy {gain:+.3f} by the choice alone"
