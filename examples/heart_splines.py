"""What the splines of a network learned on a heart table, and whether they are needed.

Run with ``python examples/heart_splines.py [folder for the picture]``. The packaged heart-disease
table, all four centres.
"""

# %%
# Half of the patients train, half are predicted.
import sys
from pathlib import Path

import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss, roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from cardiorisk.datasets import load_heart_disease
from cardiorisk.estimators import KACQDCNNClassifier
from cardiorisk.explain import plot_splines, spline_curves, suggest_formulas
from cardiorisk.explain.splines import SplineCurves
from cardiorisk.features import ClinicalTable

heart = load_heart_disease()
parts = train_test_split(
    heart.data, heart.target, test_size=0.5, stratify=heart.target, random_state=0
)
X_train, X_test, y_train, y_test = parts


def pipeline(*steps):
    table = ClinicalTable(schema=heart.schema, impute="median").set_output(transform="pandas")
    return make_pipeline(table, *steps)


# %%
# One curve an input. Each member of the classifier held back other rows and started from other
# weights: where the band is as high as the curve, there is nothing to read. An input of two values
# has no shape, so only numbers are drawn.
net = pipeline(KACQDCNNClassifier(n_members=3, epochs=20, random_state=0)).fit(X_train, y_train)
curves = spline_curves(net, X_train)
print(curves)
names = ["age", "trestbps", "chol", "thalach", "oldpeak", "ca"]
folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path()
axes = plot_splines(curves, names)
axes[0].figure.savefig(folder / "heart_splines.png", dpi=110)

# %%
# A formula for each curve: the best one, how well a straight line does, and how many of six
# functions tell the curve equally well. Where they are many, the formula is a way to write the
# curve down and not a discovery.
drawn = SplineCurves(tuple(curves[name] for name in names), curves.fidelity)


def suggested(*functions):
    return suggest_formulas(drawn, functions=functions).set_index("input")


functions = "x", "x^2", "exp", "log", "tanh", "gaussian"
formulas = suggested(*functions)[["size", "formula", "r2"]]
r2 = pd.DataFrame({name: suggested(name)["r2"] for name in functions})
formulas["r2 of a line"] = r2["x"]
formulas["equally good"] = r2.ge(r2.max(axis=1) - 0.01, axis=0).sum(axis=1)
print(formulas.round(2).to_string())

# %%
# Does the bend pay? The same patients predicted with splines, with dense layers in their place,
# and by straight lines alone.
models = {
    "network": net,
    "network without splines": pipeline(
        KACQDCNNClassifier(n_members=3, epochs=20, use_kan=False, random_state=0)
    ).fit(X_train, y_train),
    "logistic regression": pipeline(StandardScaler(), LogisticRegression()).fit(X_train, y_train),
}
risks = {name: model.predict_proba(X_test)[:, 1] for name, model in models.items()}
scores = {
    name: {"AUROC": roc_auc_score(y_test, risk), "log loss": log_loss(y_test, risk)}
    for name, risk in risks.items()
}
print(pd.DataFrame(scores).T.round(3).to_string())
