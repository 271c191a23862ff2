"""From a clinical table to an explained, uncertainty-bounded report.

Run with ``python examples/heart_disease_report.py [FOLDER]``; it writes ``heart_disease.html``
there.
"""

# %%
# The table: 920 patients of four centres. ``groups`` holds the centre of each patient.
import sys
from pathlib import Path

from sklearn.pipeline import make_pipeline

from cardiorisk.datasets import load_heart_disease
from cardiorisk.estimators import CardioForestClassifier
from cardiorisk.evaluation import evaluate
from cardiorisk.explain import ConformalClassifier, Outcome, build_report, explain
from cardiorisk.features import ClinicalTable

heart = load_heart_disease()
model = make_pipeline(
    ClinicalTable(schema=heart.schema), CardioForestClassifier(backend="forest", random_state=0)
)

# %%
# How good is it for patients of a centre that it knows, and for those of one that it does not?
known_centre = evaluate(model, heart.data, heart.target, cv=10)
new_centre = evaluate(model, heart.data, heart.target, groups=heart.groups, cv="leave-one-site-out")
print(known_centre)
print(new_centre)
print(new_centre.per_fold)

# %%
# Reasons for the first three patients, summed back to the columns of the table, in probability.
model.fit(heart.data, heart.target)
reasons = explain(
    model,
    heart.data.iloc[:3],
    background=heart.data.sample(100, random_state=0),
    output="probability",
)
print(reasons.to_frame().round(3))

# %%
# Sets that contain the true class in 90 of 100 people *of each class*.
conformal = ConformalClassifier(model, alpha=0.1, cv=5, random_state=0)
conformal.fit(heart.data, heart.target)
print(conformal.predict_set(heart.data.iloc[:3]))

# %%
# Everything in one file that a clinician can read, print and archive.
folder = Path(sys.argv[1] if len(sys.argv) > 1 else ".")
report = build_report(
    model,
    heart.data,
    heart.target,
    sites=heart.groups,
    schema=heart.schema,
    outcome=Outcome(
        "coronary disease",
        "is present at angiography",
        population="adults referred for coronary angiography",
    ),
    random_state=0,
)
report.save(folder / "heart_disease.html")
