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

ludb = fetch_ludb()
records = list(ludb.records)
engine = ECGFeatures(groups=["rhythm", "intervals"], n_jobs=2).set_output(transform="pandas")
features = engine.fit_transform(records)
print(features.describe().T)

# %%
# The headers of LUDB scale every lead to 1 mV, so amplitudes mean nothing there (see the data
# guide); intervals and rhythm do. There is one record a patient, and groups keep it so.
model = CardioForestClassifier(backend="forest", random_state=0)
result = evaluate(model, features, ludb.target, groups=ludb.groups, cv=5)
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
