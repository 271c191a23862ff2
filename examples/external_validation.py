"""Test a model of one hospital in another: performance, drift, recalibration, and a comparison.

    python examples/external_validation.py [folder]

Writes external_calibration.png.
"""

import sys
from pathlib import Path

from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from cardiorisk.datasets import load_heart_disease
from cardiorisk.evaluation import (
    calibration,
    compare,
    drift,
    evaluate,
    plot_calibration,
    recalibrate,
)
from cardiorisk.features import ClinicalTable

folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path()
heart = load_heart_disease()
home, away = heart.groups == "cleveland", heart.groups == "va"


def recipe(columns):
    table = ClinicalTable(schema=heart.schema, impute="median", indicators="none")
    model = make_pipeline(table, StandardScaler(), LogisticRegression(max_iter=1000))
    return model.fit(heart.data.loc[home, columns], heart.target[home])


# %% The recipe at home, by cross-validation, and the fitted model abroad
everything, simple = list(heart.data), ["age", "sex", "cp", "exang", "oldpeak"]
models = {"all": recipe(everything), "simple": recipe(simple)}
at_home = evaluate(models["all"], heart.data[home], heart.target[home], cv=5, n_bootstraps=200)
print(at_home, "\n")
abroad = {
    name: evaluate(
        model,
        heart.data.loc[away, everything if name == "all" else simple],
        heart.target[away],
        cv="external",
        n_bootstraps=200,
    )
    for name, model in models.items()
}
print(abroad["all"], "\n")
print(compare(abroad, test="delong"), "\n")

# %% Why: who is different there
print(drift(heart.data[home], heart.data[away]), "\n")

# %% What an update would be worth on others of the same hospital
found = recalibrate(abroad["all"].outcome, abroad["all"].risk, n_bootstraps=100)
print(found)
ax = plot_calibration(calibration(abroad["all"].outcome, abroad["all"].risk))
ax.figure.savefig(folder / "external_calibration.png")
