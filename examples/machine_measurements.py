"""From a table of cart measurements to a model that also predicts on signals.

Run with ``python examples/machine_measurements.py``. The table is simulated in the form of
``machine_measurements.csv`` of MIMIC-IV-ECG (Gow et al. 2023, doi:10.13026/4nqg-sb35), which
needs no account, so the figures say how the steps behave and nothing about patients. With the real
file, begin with ``cardiorisk.io.read_machine_measurements``.
"""

# %%
# Read, and see what cleaning removes: nothing is lost silently.
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline

from cardiorisk.datasets import make_ecg, make_machine_measurements
from cardiorisk.estimators import CardioForestClassifier
from cardiorisk.evaluation import evaluate
from cardiorisk.features import ECGFeatures, MachineMeasurements

simulated = make_machine_measurements(5000, random_state=0)
table = simulated.data
counts = MachineMeasurements().removal_counts(table)
print(counts.loc[:, counts.any()].to_string())

# %%
# QRS above 120 ms is a rule on two columns of the table. A model that sees them only repeats the
# rule; without what depends on the end of QRS it has to predict.
wide = simulated.truth["wide_qrs"].astype(int)
for drop in ((), "qrs_end"):
    model = make_pipeline(
        MachineMeasurements(drop=drop).set_output(transform="pandas"),
        CardioForestClassifier(backend="forest", n_estimators=50, random_state=0),
    )
    result = evaluate(model, table, wide, groups=simulated.groups, cv=3)
    print(f"\nwithout {drop or 'nothing'}:\n{result}")

# %%
# Signals have the same columns, so the forest fitted on the table takes them as they are.
rhythms = ["sinus rhythm", "left bundle branch block", "right bundle branch block"]
ecgs = make_ecg(30, rhythms=rhythms, noise=0.01, random_state=0)
engine = ECGFeatures(groups=["rhythm", "intervals", "axes"], engine="native")
signals = engine.set_output(transform="pandas").fit_transform(ecgs.data)

forest = model.fit(table, wide)[-1]
risk = forest.predict_proba(signals[list(forest.feature_names_in_)])[:, 1]
truth = ecgs.target != "sinus rhythm"
print(f"AUROC on {len(truth)} simulated signals: {roc_auc_score(truth, risk):.2f}")
