"""What leakage guards find, and what they cannot.

Run with ``python examples/leakage_guards.py``. Everything here is packaged or simulated.
"""

# %%
# The four-centre heart table: in Switzerland every cholesterol is missing and 93 % are ill. A split
# that mixes centres rewards a model for telling the centre.
import warnings

import numpy as np
from sklearn.feature_selection import SelectKBest
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import KFold

from cardiorisk.datasets import load_heart_disease, make_machine_measurements
from cardiorisk.evaluation import check_leakage, evaluate
from cardiorisk.exceptions import LeakageWarning
from cardiorisk.features import MachineMeasurements, wide_qrs_label

heart = load_heart_disease()
report = check_leakage(heart.data, heart.target, sites=heart.groups)
for finding in report:
    print(f"{finding.guard}: {finding.what}\n  remedy: {finding.remedy}")
    print("  " + ", ".join(f"{name} {value:.3g}" for name, value in finding.evidence.items()))

# %%
# The same table, each centre tested by models of the others: nothing to find.
apart = check_leakage(
    heart.data, heart.target, groups=heart.groups, sites=heart.groups, cv="leave-one-site-out"
)
print(f"\nLeave one site out: {len(apart)} findings")

# %%
# A label that is a rule on its own columns, with one label in twenty wrong. ``evaluate`` warns
# before anything is fitted and keeps the finding among the notes of its result.
cart = make_machine_measurements(3000, random_state=0)
label = wide_qrs_label(cart.data, "paper").to_numpy(dtype=bool)
label ^= np.random.default_rng(0).random(3000) < 0.05
engine = MachineMeasurements(groups="intervals").set_output(transform="pandas")
features = engine.fit_transform(cart.data)
features = features.fillna(features.median())
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always", LeakageWarning)
    model = LogisticRegression(max_iter=5000)
    evaluate(model, features, label, groups=cart.groups, n_bootstraps=0)
print(f"\n{caught[0].category.__name__}: {caught[0].message}")

# %%
# Features chosen on all rows leave no trace in the table, but the fitted selector tells.
rng = np.random.default_rng(0)
noise, coin = rng.normal(size=(200, 500)), rng.integers(2, size=200)
selector = SelectKBest(k=10).fit(noise, coin)
chosen = evaluate(LogisticRegression(), selector.transform(noise), coin, n_bootstraps=0)
print(f"\nAUROC in pure noise: {chosen.metrics['auroc'].estimate:.2f}")
print(check_leakage(noise, coin, fitted=selector, cv=KFold(5), guards="fitted_outside"))
