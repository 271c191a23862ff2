"""Sets for several labels at once, one of them rare: absent, present, or not to be told.

Run with ``python examples/multilabel_sets.py``.
"""

# %%
# Labels of half, a sixth and a seventeenth of the records.
import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.multioutput import MultiOutputClassifier

from cardiorisk.explain import ConformalMultilabelClassifier

rng = np.random.default_rng(0)
X = rng.normal(size=(6000, 6))
risk = 1.5 * X[:, :3] + rng.normal(0, 1.0, (6000, 3))
y = pd.DataFrame(risk > [0.0, 1.8, 2.9], columns=["normal", "bundle branch block", "flutter"])
print(y.mean().round(3).to_string(), "\n")

# %%
# Coverage of each label where it is absent and where it is present.
model = ConformalMultilabelClassifier(
    MultiOutputClassifier(LogisticRegression()), alpha=0.1, control="recall", random_state=0
).fit(X[:4000], y[:4000])
print(model.coverage_report(X[4000:], y[4000:]).round(3).to_string(index=False), "\n")

# %%
# Thresholds that keep nine of ten positives of each label with confidence 0.9, and their price.
print(model.control_report(X[4000:], y[4000:]).round(3).to_string(index=False))
