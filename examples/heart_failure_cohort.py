"""From simulated event logs to a matched cohort, a test and the reasons of one prediction.

The logs stand for a hospital's tables; with your own, begin with a reader of ``cardiorisk.io``,
such as ``read_mimic_iv``. Run with ``python examples/heart_failure_cohort.py``.
"""

# %%
# 600 patients. Diabetes stands for the disease that is to be foreseen, because the simulation's own
# heart failure happens after the logs end.
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from cardiorisk.datasets import make_ehr
from cardiorisk.evaluation import evaluate
from cardiorisk.explain import cohort_flow_text
from cardiorisk.features import CodeSet, ConceptCounts, build_cohort

ehr = make_ehr(n_patients=600, random_state=0)
print(ehr.histories)

# %%
# Cases by their codes, four controls each that were observed at the same time. Nothing of the day
# of the first diabetes code, or later, is visible.
diabetes = CodeSet("diabetes", ("diagnosis/diabetes/*",))
cohort = build_cohort(ehr.histories, diabetes, controls_per_case=4, random_state=0)
print(cohort)
print(cohort_flow_text(cohort.flow))

# %%
# Test by matched set: a case and its controls are never on both sides.
groups = dict(zip(ehr.codes["code"], ehr.codes["group"], strict=True))
for name, counts in {
    "codes": ConceptCounts(kind="log"),
    "groups of codes": ConceptCounts(kind="log", mapping=groups),
}.items():
    model = make_pipeline(counts, LogisticRegression(C=0.1, max_iter=1000))
    result = evaluate(
        model, cohort.histories, cohort.y, groups=cohort.groups, n_bootstraps=200, random_state=0
    )
    auroc = result.metrics["auroc"]
    print(f"{name}: AUROC {auroc.estimate:.2f} ({auroc.low:.2f} to {auroc.high:.2f})")

# %%
# What was known of one case, in days before the prediction.
case = cohort.histories[[0]]
days = (case.prediction_times[0] - case.times).astype("timedelta64[D]").astype(int)
for code, before in zip(case.vocabulary[case.codes], days, strict=True):
    print(f"{before:>6} days before: {code}")
