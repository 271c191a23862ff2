import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.utils.estimator_checks import parametrize_with_checks

from cardiorisk.estimators import CardioForestClassifier
from cardiorisk.explain import ConformalClassifier
from cardiorisk.features import ClinicalTable, ECGFeatures

ESTIMATORS = [
    *(
        CardioForestClassifier(backend=backend, n_estimators=10, device="cpu", random_state=0)
        for backend in ("forest", "xgboost", "lightgbm", "ensemble")
    ),
    ClinicalTable(),
    ECGFeatures(lead_names=("II",)),
    ConformalClassifier(LogisticRegression()),
    ConformalClassifier(LogisticRegression(), cv=2),
]


def _expected_failures(estimator):
    """Checks that cannot pass, each with its reason."""
    reasons = {
        "forest": "the bootstrap draws rows, so a weight of 2 is not a row given twice",
        "xgboost": "every tree draws a share of the rows, and gradients are summed in float32",
        "ensemble": "its members draw rows and are calibrated on folds of rows",
    }
    backend = getattr(estimator, "backend", None)
    if backend not in reasons:
        return {}
    return {"check_sample_weight_equivalence_on_dense_data": reasons[backend]}


# The checks use a few dozen rows of noise: too few to calibrate on, and no ECG. Warnings say so.
@pytest.mark.filterwarnings("ignore::cardiorisk.exceptions.CardioRiskWarning")
@parametrize_with_checks(ESTIMATORS, expected_failed_checks=_expected_failures)
def test_estimator_follows_scikit_learn(estimator, check):
    check(estimator)
