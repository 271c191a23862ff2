"""The range of a patient page: who is refitted on, and when there is none."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from cardiorisk.explain import build_report
from cardiorisk.explain.report.inputs import Effort, prepare_inputs
from cardiorisk.explain.report.refits import refit_resampled


@pytest.fixture(scope="module")
def cohort():
    rng = np.random.RandomState(0)
    X = rng.normal(size=(60, 3))
    y = (X[:, 0] + rng.normal(size=60) > 0).astype(int)
    return X, y


def report(X, y, patients, **options):
    options = {"n_refits": 6, "n_bootstraps": 20} | options
    return build_report(LogisticRegression(), X, y, patients=patients, **options)


def test_more_pages_do_not_widen_a_range(cohort):
    few = report(*cohort, [0, 1, 2]).summary.patients
    many = report(*cohort, list(range(30))).summary.patients
    for one, other in zip(few, many[:3], strict=True):
        assert (one.low, one.high) == (other.low, other.high)


def test_no_range_where_only_one_class_is_left():
    X, y = np.random.RandomState(0).normal(size=(40, 2)), np.zeros(40, dtype=int)
    y[:5] = 1
    patient = np.r_[np.zeros(5), np.arange(1, 36)]  # all five with the outcome are one patient
    none = {"sites": None, "schema": None, "ecgs": None, "pos_label": None}
    inputs = prepare_inputs(LogisticRegression(), X, y, groups=patient, **none)
    refits = refit_resampled(inputs, np.array([0, 20]), Effort(20, 4, None, 0, False))
    assert [refits.known(0), refits.known(1)] == [False, True]
    assert np.isnan(refits.middle(0, 0.3)).all()
    assert np.isfinite(refits.middle(1, 0.3)).all()


def test_pages_of_everyone_with_the_outcome_end(cohort):
    X = cohort[0][:30]
    y = np.zeros(30, dtype=int)
    y[:5] = 1
    assert len(report(X, y, [0, 1, 2, 3, 4]).summary.patients) == 5
