"""Speed of explanations against shap, on the packaged heart-disease table, with equal results.

    python benchmarks/explain_speed.py [--rows 200] [--trees 500]

Exact routes: ``explain`` against the transformer and a ``shap.TreeExplainer`` built before it,
both warm, in CPU time; the largest difference is printed. Sampling: CPU time and error of a row
against ``shap.PermutationExplainer`` with its default effort, and the standard error that the
explanation states; the truth is the enumeration of all 2**13 coalitions against the same 100
background rows. Another seed: how much explanations of the ensemble differ between two seeds, by
the number of background rows drawn from the whole table, and by that of column orders.

Writes benchmarks/results/explain_speed.md.
"""

import argparse
import time
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import shap
from sklearn.pipeline import make_pipeline

from cardiorisk.datasets import load_heart_disease
from cardiorisk.estimators import CardioForestClassifier
from cardiorisk.explain import explain
from cardiorisk.explain.attribution import permutation
from cardiorisk.features import ClinicalTable

RESULT = Path(__file__).parent / "results" / "explain_speed.md"
BACKENDS = ("forest", "xgboost", "lightgbm")


def fastest(function, repeats=3):
    """Return the result and the least CPU seconds of some calls, after one to warm up."""
    result, seconds = function(), []
    for _ in range(repeats):
        start = time.process_time()
        result = function()
        seconds.append(time.process_time() - start)
    return result, min(seconds)


def fit(backend, heart, n_trees):
    model = CardioForestClassifier(backend=backend, n_estimators=n_trees, random_state=0)
    return make_pipeline(ClinicalTable(heart.schema), model).fit(heart.data, heart.target)


def exact_routes(heart, n_rows, n_trees):
    rows = heart.data[:n_rows]
    for backend in BACKENDS:
        pipeline = fit(backend, heart, n_trees)
        ours, our_time = fastest(lambda model=pipeline: explain(model, rows, "tree"))
        oracle = shap.TreeExplainer(pipeline[-1].model_)

        def theirs_of_table(encode=pipeline[0].transform, oracle=oracle):
            return oracle.shap_values(encode(rows), check_additivity=False)

        theirs, their_time = fastest(theirs_of_table)
        theirs = theirs[..., 1] if np.ndim(theirs) == 3 else theirs
        parents = pd.Index(list(pipeline[0].feature_parents_.values()))
        summed = pd.DataFrame(theirs, columns=parents).T.groupby(level=0).sum().T
        difference = np.abs(ours.values - summed[list(ours.feature_names)].to_numpy()).max()
        yield {
            "backend": backend,
            "rows": n_rows,
            "ours, ms a row": 1e3 * our_time / n_rows,
            "shap, ms a row": 1e3 * their_time / n_rows,
            "ratio": our_time / their_time,
            "largest difference": difference,
            "residual": ours.max_residual,
        }


def sampling(heart, n_trees):
    rows, background = heart.data.iloc[[5, 400, 800]], heart.data.sample(100, random_state=0)
    for backend in (*BACKENDS, "ensemble"):
        pipeline = fit(backend, heart, n_trees)

        def ours(model=pipeline, **options):
            return explain(model, rows, "permutation", background, output="probability", **options)

        def risk(table, model=pipeline):
            frame = pd.DataFrame(table, columns=heart.data.columns)
            return model.predict_proba(frame)[:, 1]

        masker = shap.maskers.Independent(background.to_numpy(), max_samples=100)
        oracle = shap.PermutationExplainer(risk, masker, seed=0)
        sampled, our_time = fastest(ours, 1)
        theirs, their_time = fastest(lambda o=oracle: o(rows.to_numpy(), silent=True), 1)
        row = {
            "backend": backend,
            "ours, ms a row": 1e3 * our_time / len(rows),
            "shap, ms a row": 1e3 * their_time / len(rows),
            "ratio": our_time / their_time,
        }
        row |= dict.fromkeys(
            ["our error, points", "stated error, points", "shap error, points"], "not measured"
        )
        if backend in ("xgboost", "lightgbm"):  # all coalitions of the others take minutes
            settings = permutation.EXACT_UP_TO, permutation.MAX_COALITIONS
            permutation.EXACT_UP_TO, permutation.MAX_COALITIONS = 13, 2**13 * len(background)
            truth = ours().values
            permutation.EXACT_UP_TO, permutation.MAX_COALITIONS = settings
            row["stated error, points"] = 100 * np.sqrt(np.mean(sampled.standard_error**2))
            row["our error, points"] = 100 * np.sqrt(np.mean((sampled.values - truth) ** 2))
            row["shap error, points"] = 100 * np.sqrt(np.mean((theirs.values - truth) ** 2))
        yield row


def stability(heart, n_trees=300, n_rows=10):
    """Compare the explanations of two seeds, with the whole table as the background."""
    pipeline = fit("ensemble", heart, n_trees)
    rows = heart.data.iloc[:: len(heart.data) // n_rows][:n_rows]
    for n_background, n_permutations in ((100, 2), (100, 8), (400, 2), (1000, None)):
        start, runs = time.process_time(), []
        for seed in (0, 1):
            options = {"n_background": n_background, "n_permutations": n_permutations}
            options |= {"output": "probability", "random_state": seed}
            runs.append(explain(pipeline, rows, "permutation", heart.data, **options))
        seconds = (time.process_time() - start) / (2 * n_rows)
        top = [np.sort(np.argsort(-np.abs(run.values))[:, :3]) for run in runs]
        yield {
            "n_background": n_background,
            "n_permutations": n_permutations,
            "ms a row": 1e3 * seconds,
            "mean difference, points": 100 * np.abs(runs[0].values - runs[1].values).mean(),
            "mean stated error, points": 100 * runs[0].standard_error.mean(),
            "mean contribution, points": 100 * np.abs(runs[0].values).mean(),
            "same top 3, rows": int((top[0] == top[1]).all(axis=1).sum()),
        }


def markdown(rows):
    """Write rows as a table, numbers with two digits."""
    cells = [[f"{v:.2g}" if isinstance(v, float) else str(v) for v in row.values()] for row in rows]
    lines = [list(rows[0]), ["---"] * len(rows[0]), *cells]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=200)
    parser.add_argument("--trees", type=int, default=500)
    options = parser.parse_args()
    heart = load_heart_disease()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # shap on LightGBM's output, and its progress bar
        exact = list(exact_routes(heart, options.rows, options.trees))
        sampled = list(sampling(heart, options.trees))
    title = f"# Explanations of {options.trees} trees, heart-disease table, one thread"
    parts = [title, "Exact routes:", markdown(exact), "Sampling:", markdown(sampled)]
    parts += ["Another seed, ensemble of 300 trees:", markdown(list(stability(heart)))]
    text = "\n\n".join(parts)
    RESULT.write_text(text + "\n")
    print(text)


if __name__ == "__main__":
    main()
