"""From real ECG files to a report: conduction disorders in LUDB.

Run with ``python examples/ludb_conduction.py [FOLDER]``. The recordings are found through the
environment variable ``CARDIORISK_DATA``, in the cache, or downloaded (Kalyakulina et al. 2020,
ODC-BY, doi:10.13026/eegm-h675). The same steps from a shell: ``cardiorisk features``,
``cardiorisk fit``, ``cardiorisk report``.
"""

# %%
# Read the recordings and measure them: one row a record, one named column a measurement.
import sys
from pathlib import Path

from cardiorisk.datasets import fetch_ludb
from cardiorisk.estimators import CardioForestClassifier
from cardiorisk.evaluation import evaluate
from cardiorisk.explain import Outcome, build_report
from cardiorisk.features import ECGFeatures

ludb = fetch_ludb(amplitudes="counts")  # the headers scale every lead to 1 mV: see the data guide
records = list(ludb.records)
groups = ["rhythm", "intervals", "axes", "amplitudes"]
engine = ECGFeatures(groups=groups, n_jobs=2).set_output(transform="pandas")
measured = engine.fit_transform(records)

# %%
# Conduction shows in few measurements (Surawicz 2009, doi:10.1161/CIRCULATIONAHA.108.191095):
# how long PR and QRS take, where the axis points, and what QRS looks like in I, V1 and V6.
shape = [f"{wave}_amplitude_{lead}" for wave in "rs" for lead in ("I", "V1", "V6")]
features = measured[["heart_rate", "pr_interval", "p_duration", "qrs_duration", "qrs_axis", *shape]]
print(features.describe().T)

# %%
# One record a patient, and groups keep it so. A hundred records with 30 disorders, most of them an
# incomplete right bundle branch block, teach little: look at the interval, not only at the number.
model = CardioForestClassifier(backend="forest", random_state=0)
result = evaluate(model, features, ludb.target, groups=ludb.groups, cv=10)
print(result)

# %%
# The report shows the trace of each chosen patient beside the reasons.
folder = Path(sys.argv[1] if len(sys.argv) > 1 else ".")
report = build_report(
    model,
    features,
    ludb.target,
    groups=ludb.groups,
    ecgs=records,
    outcome=Outcome(
        "a conduction disorder",
        "was noted by the cardiologists of LUDB",
        population="patients and volunteers of Nizhny Novgorod",
    ),
    title="Conduction disorders in LUDB",
    random_state=0,
)
report.save(folder / "ludb_conduction.html")
