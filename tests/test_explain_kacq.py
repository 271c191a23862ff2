import warnings

import numpy as np
import pytest
from sklearn.pipeline import make_pipeline

pytest.importorskip("torch")

from cardiorisk.datasets import load_heart_disease
from cardiorisk.estimators import KACQDCNNClassifier
from cardiorisk.explain import (
    ConformalClassifier,
    build_report,
    explain,
    spline_curves,
)
from cardiorisk.features import ClinicalTable

COLUMNS = ["age", "sex", "cp", "oldpeak", "chol"]


@pytest.fixture(scope="module")
def heart():
    table = load_heart_disease()
    rows = np.arange(0, 920, 5)
    return table.data.iloc[rows][COLUMNS].reset_index(drop=True), table.target[rows], table.schema


def pipeline(schema):
    quick = {"n_members": 1, "epochs": 8, "use_recurrent": False}
    net = KACQDCNNClassifier(**quick, device="cpu", random_state=0)
    table = ClinicalTable(schema=schema, impute="median").set_output(transform="pandas")
    return make_pipeline(table, net)


@pytest.fixture(scope="module")
def model(heart):
    X, y, schema = heart
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the table's own doubts are not the subject
        return pipeline(schema).fit(X, y)


@pytest.mark.filterwarnings("ignore::cardiorisk.exceptions.TableWarning")
class TestReasons:
    def test_contributions_of_the_columns_add_up_to_the_risk(self, model, heart):
        X = heart[0]
        reasons = explain(model, X[:3], background=X)
        assert (reasons.method, reasons.output) == ("permutation", "probability")
        assert list(reasons.feature_names) == COLUMNS
        total = reasons.base_values + reasons.values.sum(axis=1)
        np.testing.assert_allclose(total, model.predict_proba(X[:3])[:, 1], atol=1e-6)

    def test_rows_are_predicted_in_batches_and_no_recombination_twice(self, model, heart):
        net, calls = model[-1], []
        original = net.predict_proba

        def counted(X):
            calls.append(len(X))
            return original(X)

        net.predict_proba = counted
        try:
            explain(model, heart[0][:2], background=heart[0])
        finally:
            del net.predict_proba
        assert sum(calls) <= 2 * (len(heart[0]) * 2 ** len(COLUMNS) + 2)
        assert len(calls) <= 6

    def test_lime_is_near_the_same_ranking(self, model, heart):
        X = heart[0]
        shapley = explain(model, X[:5], background=X).importance()
        lime = explain(model, X[:5], method="lime", background=X, n_samples=500).importance()
        assert set(shapley.index[:3]) & set(lime.index[:3])

    def test_sets_hold_what_they_promise_on_other_rows(self, heart):
        X, y, schema = heart
        sets = ConformalClassifier(pipeline(schema), alpha=0.2, random_state=0)
        report = sets.fit(X[:120], y[:120]).coverage_report(X[120:], y[120:])
        assert report["coverage"].iloc[0] > 0.65

    def test_the_curves_are_those_of_the_columns_behind_the_table(self, model, heart):
        curves = spline_curves(model, heart[0])
        names = [spline.name for spline in curves.splines]
        assert names == list(model[0].get_feature_names_out())
        assert 0 < curves.fidelity[0] <= 1

    def test_the_report_takes_the_classifier_in_a_pipeline(self, heart):
        X, y, schema = heart
        short = pipeline(schema).set_params(kacqdcnnclassifier__epochs=2)
        report = build_report(
            short, X[COLUMNS[:3]], y, cv=2, schema=schema, patients=1, n_refits=1, n_bootstraps=20
        )
        assert report.summary.reasons.method == "permutation"
        assert len(report.summary.patients) == 1
