"""Why conformal sets must be conditional on the class when disease is rare.

At 8 % prevalence a set that is right for 90 of 100 people can be right for few of the sick: the
healthy majority buys the average. Run with ``python examples/class_conditional_sets.py``.
"""

# %%
# A simulated cohort with 8 % disease and moderate separation.
from sklearn.datasets import make_classification
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split

from cardiorisk.explain import ConformalClassifier

X, y = make_classification(
    n_samples=6000, n_features=8, n_informative=4, weights=[0.92], class_sep=0.6, random_state=0
)
X_train, X_test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=0)

# %%
# Marginal: the overall coverage is as promised, and the sick are left out.
for conditional in (None, "class"):
    model = ConformalClassifier(
        LogisticRegression(), alpha=0.1, conditional=conditional, random_state=0
    ).fit(X_train, y_train)
    print(f"conditional={conditional!r}")
    report = model.coverage_report(X_test, y_test).round(3)
    print(report[["level", "class", "n", "coverage", "low", "high"]].to_string(index=False), "\n")
