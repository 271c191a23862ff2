"""Heart failure from codes: which representation, classifier, training size, window and dimension.

On ``make_ehr``, whose optimal AUROC is known: the expected AUROC (over the draw of outcomes, see
``make_ehr``) of 5,000 patients that nothing was fitted on. One training set is the first n
patients of a simulation, about a tenth of them cases; all numbers are means over simulations, with
t intervals where there are three or more. On Synthea (CARDIORISK_DATA): cross-validation by matched
set. How patients are pooled was chosen on the simulations 0, 1 and 2 (2,000 patients) and looked at
on 3 (30,000); no part uses these.

Every linear model has its penalty chosen by 5-fold log loss on the training patients, one grid.

Run: python benchmarks/heart_failure.py [--parts learning rare ...] [--simulations 5]
Writes one table a part below benchmarks/results/heart_failure/.
"""

import argparse
import os
import re
import time
import warnings
from copy import copy
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegressionCV
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import StandardScaler

from cardiorisk.datasets import make_ehr
from cardiorisk.datasets._ehr_risk import expected_auroc
from cardiorisk.estimators import ConceptHFClassifier
from cardiorisk.estimators._concept_heads import PENALTIES
from cardiorisk.evaluation import evaluate
from cardiorisk.features import HEART_FAILURE, ConceptCounts, ConceptEmbedding, build_cohort

RESULTS = Path(__file__).parent / "results" / "heart_failure"
TESTED = 5_000
WIDTH, EPOCHS = 50, 5


def simulation(seed, n_train, **settings):
    ehr = make_ehr(n_train + TESTED, random_state=seed, **settings)
    return ehr, dict(zip(ehr.codes["code"], ehr.codes["group"], strict=True))


def linear():
    warnings.filterwarnings("ignore", category=FutureWarning)
    return LogisticRegressionCV(Cs=PENALTIES, cv=5, scoring="neg_log_loss", max_iter=500)


def counts(kind, mapping=None):
    return scaled(ConceptCounts(kind=kind, mapping=mapping))


def scaled(columns):
    return make_pipeline(columns, StandardScaler(with_mean=False), linear())


def embedded(classifier="logistic", **settings):
    embedding = ConceptEmbedding(**({"vector_size": WIDTH, "epochs": EPOCHS} | settings))
    return ConceptHFClassifier(embedding=embedding, classifier=classifier, random_state=0)


def one_hot():
    kinds = {"counts": "count", "presence": "presence", "events a visit": "rate"}
    both = make_union(ConceptCounts(kind="presence"), ConceptCounts(kind="rate"))
    return {f"one-hot ({words})": counts(kind) for words, kind in kinds.items()} | {
        "one-hot (presence and events a visit)": scaled(both)
    }


def grouped(groups):
    kinds = {"presence": "presence", "log counts": "log", "events a visit": "rate"}
    return {f"true groups ({words})": counts(kind, groups) for words, kind in kinds.items()}


def frozen(fitted, **pooling):
    return ConceptHFClassifier(
        embedding=FrozenEstimator(copy(fitted).set_params(**pooling)), random_state=0
    )


def poolings(ehr, train, epochs=EPOCHS):
    """One set of vectors, pooled in three ways; the CPU seconds of the first hold its training."""
    fitted = ConceptEmbedding(vector_size=WIDTH, epochs=epochs, random_state=0)
    fitted.fit(ehr.histories[train])
    return {
        "embedding": embedded(epochs=epochs),
        "embedding, each code once": frozen(fitted, pooling="sum", binary=True),
        "embedding, all events": frozen(fitted, pooling="sum"),
    }


def score(model, ehr, train):
    """Fit on the patients ``train``; AUROC on the last ``TESTED`` patients, and CPU seconds."""
    start = time.process_time()
    model.fit(ehr.histories[train], ehr.target[train])
    seconds = time.process_time() - start
    risk = model.predict_proba(ehr.histories[-TESTED:])[:, 1]
    return expected_auroc(risk, ehr.latent_risk[-TESTED:]), seconds


def optimum(ehr):
    return expected_auroc(ehr.true_risk[-TESTED:], ehr.latent_risk[-TESTED:])


def interval(values):
    values = np.asarray(values, dtype=float)
    if len(values) < 3:
        return ", ".join(f"{value:.3f}" for value in values)
    half = stats.t.ppf(0.975, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values))
    return f"{values.mean():.3f} ({values.mean() - half:.3f} to {values.mean() + half:.3f})"


def summary(rows, by):
    """Mean and interval by setting; per cent over the best one-hot coding, below the optimum."""
    table = pd.DataFrame(rows)
    lines = []
    for keys, part in table.groupby(by, sort=False):
        wide = part.pivot_table(index="seed", columns="model", values="auroc", sort=False)
        best = wide.filter(like="one-hot").max(axis=1)
        for name in wide.columns:
            line = dict(zip(by, keys, strict=True)) | {"model": name, "AUROC": interval(wide[name])}
            if best.notna().any():
                line["% over the best one-hot"] = percent(wide[name] / best - 1)
            if "optimum" in wide:
                line["% below the optimum"] = percent(1 - wide[name] / wide["optimum"])
            seconds = part.loc[part["model"] == name, "seconds"].mean()
            lines.append(line | {"CPU s to fit": f"{seconds:.1f}"})
    return pd.DataFrame(lines)


def percent(shares):
    return re.sub(r"(\d\.\d)\d\d", r"\1", interval(100 * shares))


def learning(simulations):
    rows, pool = [], 4_000
    for seed in range(210, 210 + simulations):
        ehr, groups = simulation(seed, 2_000 + pool)
        other = ConceptEmbedding(vector_size=WIDTH, epochs=EPOCHS, random_state=0)
        other.fit(ehr.histories[2_000 : 2_000 + pool])
        for n_train in (500, 2_000, 2_000 + pool):
            train = np.arange(n_train)
            models = one_hot() | grouped(groups) | {"random vectors": embedded(algorithm="random")}
            models |= poolings(ehr, train)
            if n_train <= 2_000:
                models["embedding of 4,000 other patients"] = frozen(other)
            rows += run(models, ehr, train, seed, n_train=n_train)
            rows.append(best(ehr, seed, n_train=n_train))
    return summary(rows, ["n_train"])


def best(ehr, seed, **setting):
    return {"model": "optimum", "auroc": optimum(ehr), "seconds": 0, "seed": seed} | setting


def run(models, ehr, train, seed, **setting):
    rows = []
    for name, model in models.items():
        auroc, seconds = score(model, ehr, train)
        rows.append({"model": name, "auroc": auroc, "seconds": seconds, "seed": seed} | setting)
        print(rows[-1], flush=True)
    return rows


def plenty(simulations):
    """Many cases: 30,000 patients twice and 100,000 once, two epochs."""
    rows = []
    for seed, n_train in ((101, 30_000), (102, 30_000), (103, 100_000)):
        ehr, groups = simulation(seed, n_train)
        train = np.arange(n_train)
        models = one_hot() | grouped(groups) | poolings(ehr, train, epochs=2)
        rows += run(models, ehr, train, seed, n_train=n_train)
        rows.append(best(ehr, seed, n_train=n_train))
    return summary(rows, ["n_train"])


def rare(simulations):
    rows = []
    for share in (0.0, 0.3, 0.6):
        for seed in range(200, 200 + simulations):
            ehr, groups = simulation(seed, 2_000, rare_share=share)
            models = one_hot() | grouped(groups) | {"embedding": embedded()}
            rows += run(models, ehr, np.arange(2_000), seed, rare_share=share)
            rows.append(best(ehr, seed, rare_share=share))
    return summary(rows, ["rare_share"])


def classifiers(simulations):
    rows = []
    for seed in range(300, 300 + simulations):
        ehr, _ = simulation(seed, 2_000)
        fitted = ConceptEmbedding(vector_size=WIDTH, epochs=EPOCHS, random_state=0)
        fitted.fit(ehr.histories[:2_000])
        random = ConceptEmbedding(vector_size=WIDTH, algorithm="random", random_state=0)
        codes = ConceptEmbedding(
            vector_size=1, algorithm="random", min_count=1, pooling="sum", binary=True
        )
        codes.fit(ehr.histories[:2_000])
        codes.vectors_ = np.eye(len(codes.vocabulary_), dtype=np.float32)
        for name, embedding in {
            "one-hot (presence)": FrozenEstimator(codes),
            "random vectors": random,
            "embedding": FrozenEstimator(fitted),
        }.items():
            for kind in ("logistic", "mlp", "svm", "knn", "xgboost"):
                model = ConceptHFClassifier(embedding=embedding, classifier=kind, random_state=0)
                rows += run({name: model}, ehr, np.arange(2_000), seed, classifier=kind)
    return summary(rows, ["classifier"])


def windows(simulations):
    rows = []
    for seed in range(400, 400 + simulations):
        ehr, _ = simulation(seed, 2_000)
        whole = ehr.histories
        for days in (90, 270, 540):
            ehr.histories = whole.as_of(ehr.prediction_times, observation_window=days)
            models = one_hot() | {"embedding": embedded()}
            rows += run(models, ehr, np.arange(2_000), seed, observation_days=days)
    return summary(rows, ["observation_days"])


def dimensions(simulations):
    rows = []
    for seed in range(500, 500 + simulations):
        ehr, _ = simulation(seed, 2_000)
        for width in (10, 50, 100):
            models = {"embedding": embedded(vector_size=width)}
            models["random vectors"] = embedded(vector_size=width, algorithm="random")
            rows += run(models, ehr, np.arange(2_000), seed, dimension=width)
    return summary(rows, ["dimension"])


def trap(simulations):
    """Vectors learned from everybody, the tested included, against training patients only."""
    rows = []
    for seed in range(600, 600 + simulations):
        ehr, _ = simulation(seed, 2_000)
        everybody = ConceptEmbedding(vector_size=WIDTH, epochs=EPOCHS, random_state=0)
        everybody.fit(ehr.histories)
        for n_train in (500, 2_000):
            models = {
                "fitted on training patients": embedded(),
                "fitted on all patients (leaks)": frozen(everybody),
            }
            rows += run(models, ehr, np.arange(n_train), seed, n_train=n_train)
    return summary(rows, ["n_train"])


def synthea(simulations):
    from cardiorisk.io import read_synthea

    histories = read_synthea(Path(os.environ["CARDIORISK_DATA"]) / "synthea_fstreet")
    lines = []
    for window in (540, None):
        cohort = build_cohort(histories, HEART_FAILURE, observation_window=window)
        cases = int(cohort.y.sum())
        print(cohort, cohort.flow.to_string(), flush=True)
        small = {"vector_size": 25, "min_count": 2, "epochs": 20}
        once = {"pooling": "sum", "binary": True}
        models = one_hot() | {
            "random vectors": embedded(algorithm="random", **small),
            "embedding": embedded(**small),
            "embedding, each code once": embedded(**small, **once),
        }
        for name, model in models.items():
            start = time.process_time()
            result = evaluate(
                model, cohort.histories, cohort.y, groups=cohort.groups, n_bootstraps=1000
            )
            seconds = time.process_time() - start
            auroc = result.metrics["auroc"]
            lines.append(
                {
                    "days looked back": window or "all",
                    "cases / controls": f"{cases} / {len(cohort) - cases}",
                    "model": name,
                    "AUROC": f"{auroc.estimate:.3f} ({auroc.low:.3f} to {auroc.high:.3f})",
                    "CPU s": f"{seconds:.1f}",
                }
            )
            print(lines[-1], flush=True)
    return pd.DataFrame(lines)


PARTS = {
    part.__name__: part
    for part in (learning, plenty, rare, classifiers, windows, dimensions, trap, synthea)
}


NOTES = {
    "learning": "simulations 210 to 214, a tenth of the patients cases.",
    "plenty": "simulations 101, 102 (30,000 patients) and 103 (100,000), a tenth of the patients "
    "cases; two epochs.",
    "rare": "simulations 200 to 204, 2,000 patients, about 200 cases.",
    "classifiers": "simulations 300 to 304, 2,000 patients; vectors are fitted before, outside the "
    "time.",
    "windows": "simulations 400 to 404, 2,000 patients.",
    "dimensions": "simulations 500 to 504, 2,000 patients.",
    "trap": "simulations 600 to 604. Vectors of everybody, tested patients included, beside "
    "training patients only.",
    "synthea": "1,214 patients with conditions and care plans, no encounters, drugs or procedures. "
    "5-fold cross-validation and intervals by matched set. No code has a CCS group.",
}


def markdown(table):
    head = ["| " + " | ".join(table.columns) + " |", "|" + "---|" * table.shape[1]]
    return "\n".join(
        [*head, *("| " + " | ".join(map(str, row)) + " |" for row in table.to_numpy())]
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--parts", nargs="*", default=list(PARTS), choices=list(PARTS))
    parser.add_argument("--simulations", type=int, default=5)
    arguments = parser.parse_args()
    RESULTS.mkdir(parents=True, exist_ok=True)
    for name in arguments.parts:
        table = PARTS[name](arguments.simulations)
        head = f"`python benchmarks/heart_failure.py --parts {name}`, {NOTES[name]}"
        (RESULTS / f"{name}.md").write_text(f"{head}\n\n{markdown(table)}\n")
        print(markdown(table), flush=True)


if __name__ == "__main__":
    main()
