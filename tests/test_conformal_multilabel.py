import numpy as np
import pandas as pd
import pytest
import sklearn
from conformal_cohorts import several_labels
from mapie.classification import SplitConformalClassifier
from mapie.risk_control import BinaryClassificationController, MultiLabelClassificationController
from scipy.sparse import csr_array
from scipy.stats import binom
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.ensemble import RandomForestClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import ClassifierChain, MultiOutputClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import cardiorisk
from cardiorisk.evaluation.indicators import label_strata
from cardiorisk.exceptions import CoverageWarning
from cardiorisk.explain import ConformalMultilabelClassifier
from cardiorisk.explain.conformal.risk_control import THRESHOLDS, controlled_thresholds
from cardiorisk.records import ECGRecord


def logistic():
    return MultiOutputClassifier(LogisticRegression())


@pytest.fixture(scope="module")
def frozen():
    """A model of 600 rows; 1000 rows to calibrate on and 1000 new ones, common labels only."""
    X, y = several_labels(2600)
    y = y[:, :3]
    model = logistic().fit(X[:600], y[:600])
    return FrozenEstimator(model), X[600:1600], y[600:1600], X[1600:], y[1600:]


def mean_coverage(cv, repeats=40, n=900):
    """Mean over cohorts, by label and class, and the standard error of that mean."""
    found = []
    for seed in range(repeats):
        X, y = several_labels(n + 2000, seed)
        X_new, y_new = X[n:], y[n:, :3]
        model = ConformalMultilabelClassifier(
            logistic(), 0.2, cv=cv, calibration_size=0.5, random_state=seed
        )
        report = model.fit(X[:n], y[:n, :3]).coverage_report(X_new, y_new)
        found.append(report["coverage"].to_numpy())
    return np.mean(found, axis=0), np.std(found, axis=0) / np.sqrt(repeats)


def test_split_covers_each_class_of_each_label_as_promised():
    mean, error = mean_coverage(cv=None)
    # At least 0.8 and at most 0.8 + 1 / (n + 1) of the rarest class (26 calibration rows with it).
    assert (mean > 0.8 - 3.5 * error).all()
    assert (mean < 0.8 + 1 / 27 + 3.5 * error).all()


def test_cross_covers_each_class_of_each_label():
    mean, error = mean_coverage(cv=3, repeats=15)
    assert (mean > 0.8 - 3.5 * error).all()


# MAPIE is given the rows of one class, as it has no class-conditional sets of its own.
@pytest.mark.filterwarnings("ignore:WARNING. your conformalization dataset has less labels")
def test_sets_equal_mapie_within_each_class(frozen):
    model, X, y, X_new, _ = frozen
    sets = ConformalMultilabelClassifier(model).fit(X, y).predict_set(X_new)
    for label in range(3):
        single = model.estimator.estimators_[label]
        for code in (0, 1):
            rows = y[:, label] == code
            by_hand = SplitConformalClassifier(single, confidence_level=0.9)
            by_hand.conformalize(X[rows], y[rows, label])
            expected = by_hand.predict_set(X_new)[1][:, code, 0]
            np.testing.assert_array_equal(sets[:, label, code], expected)


def test_recall_thresholds_equal_mapie_by_hand(frozen):
    model, X, y, *_ = frozen
    conformal = ConformalMultilabelClassifier(model, control="recall").fit(X, y)
    for label, threshold in enumerate(conformal.thresholds_):
        by_hand = BinaryClassificationController(
            model.estimator.estimators_[label].predict_proba,
            "recall",
            0.9,
            confidence_level=0.9,
            list_predict_params=THRESHOLDS,
            fwer_method="fixed_sequence",
        )
        by_hand.calibrate(X, y[:, label])
        assert threshold == by_hand.valid_predict_params.max()


def test_precision_thresholds_equal_mapie_by_hand(frozen):
    model, X, y, *_ = frozen
    conformal = ConformalMultilabelClassifier(model, control="precision", target=0.7).fit(X, y)
    by_hand = BinaryClassificationController(
        model.estimator.estimators_[0].predict_proba,
        "precision",
        0.7,
        confidence_level=0.9,
        list_predict_params=THRESHOLDS[1::4],
        fwer_method="bonferroni",
    )
    by_hand.calibrate(X, y[:, 0])
    assert conformal.thresholds_[0] == by_hand.valid_predict_params.min()


def test_control_over_records_predicts_what_mapie_predicts(frozen):
    model, X, y, X_new, _ = frozen
    labelled = y.any(axis=1)
    for risk, method, target, bound in (
        ("recall", "rcps", 0.8, "hoeffding"),
        ("precision", "ltt", 0.7, None),
    ):
        conformal = ConformalMultilabelClassifier(
            model, control=risk, control_over="record", target=target
        ).fit(X, y)
        by_hand = MultiLabelClassificationController(
            model.estimator.predict_proba,
            risk=risk,
            method=method,
            target_level=target,
            confidence_level=0.9,
            rcps_bound=bound,
            predict_params=np.linspace(0, 0.99, 100),
        ).calibrate(X[labelled], y[labelled])
        np.testing.assert_array_equal(conformal.predict(X_new), by_hand.predict(X_new)[:, :, 0])
        assert 0 < conformal.thresholds_[0] < 1


@pytest.mark.parametrize(("risk", "target"), [("recall", 0.9), ("precision", 0.7)])
def test_control_holds_on_new_rows_at_the_stated_confidence(risk, target):
    X, y = several_labels(60_000, seed=1)
    model = logistic().fit(X[:500], y[:500, :3])
    proba = np.column_stack([p[:, 1] for p in model.predict_proba(X)])
    failures, repeats, n = np.zeros(3, int), 60, 400
    truth = y[30_000:, :3]
    for repeat in range(repeats):
        rows = slice(500 + repeat * n, 500 + (repeat + 1) * n)
        thresholds = controlled_thresholds(proba[rows], y[rows, :3] == 1, risk, target, 0.8)
        flagged = proba[30_000:] >= thresholds
        hits = (flagged & (truth == 1)).sum(axis=0)
        reached = hits / (truth if risk == "recall" else flagged).sum(axis=0).clip(1)
        failures += ~np.isnan(thresholds) & (reached < target)
    assert (failures <= binom.ppf(0.999, repeats, 0.2)).all()
    assert failures.sum() < 3 * repeats * 0.2


def test_a_label_with_too_few_positives_is_named_and_never_told():
    X, y = several_labels(1500)
    frame = pd.DataFrame(y, columns=["norm", "LBBB", "AF", "WPW"])
    model = ConformalMultilabelClassifier(logistic(), random_state=0)
    with pytest.warns(CoverageWarning, match=r"\(WPW: \d with, \d+ without\).*at least 9 rows"):
        model.fit(X, frame)
    sets = model.predict_set(X)
    assert sets[:, 3].all()
    assert not sets[:, :3].all(axis=(0, 2)).any()
    assert model.undecidable_.tolist() == [False, False, False, True]
    report = model.coverage_report(X, frame)
    assert report["label"].tolist() == np.repeat(frame.columns, 2).tolist()
    assert report["undecidable"].tolist() == [False] * 6 + [True] * 2
    assert (report["both"].iloc[6:] == 1).all()


@pytest.mark.parametrize(("control", "always"), [("recall", 1), ("precision", 0)])
def test_a_label_that_cannot_be_controlled_is_predicted_the_safe_way(control, always):
    X, y = several_labels(1500)
    model = ConformalMultilabelClassifier(logistic(), control=control, random_state=0)
    with pytest.warns(CoverageWarning) as caught:
        model.fit(X, y)
    assert any(f"give {control} 0.9" in str(one.message) for one in caught)
    assert np.isnan(model.thresholds_[3])
    assert (model.predict(X)[:, 3] == always).all()


def test_a_label_without_any_positive_is_kept_in_doubt():
    X, y = several_labels(400)
    y[:, 3] = 0
    forest = RandomForestClassifier(5, random_state=0)
    with pytest.warns(CoverageWarning, match="3: 0 with, 80 without"):
        model = ConformalMultilabelClassifier(forest, random_state=0).fit(X, y)
    assert model.predict_set(X)[:, 3].all()
    assert (model.predict_proba(X)[:, 3] == 0).all()


class _Cube(ClassifierMixin, BaseEstimator):
    """Returns probabilities of shape (n, n_labels, 2)."""

    def fit(self, X, y):
        self.model_ = logistic().fit(X, y)
        self.classes_ = self.model_.classes_
        return self

    def predict(self, X):
        return self.model_.predict(X)

    def predict_proba(self, X):
        return np.stack(self.model_.predict_proba(X), axis=1)


def test_every_form_of_probabilities_gives_the_same_sets():
    X, y = several_labels(800)
    y = y[:, :3]
    sets = [
        ConformalMultilabelClassifier(estimator, 0.2, random_state=0).fit(X, y).predict_set(X)
        for estimator in (
            logistic(),
            OneVsRestClassifier(LogisticRegression()),
            _Cube(),
            make_pipeline(StandardScaler(with_mean=False, with_std=False), logistic()),
        )
    ]
    for other in sets[1:]:
        np.testing.assert_array_equal(sets[0], other)
    chain = ConformalMultilabelClassifier(ClassifierChain(LogisticRegression()), 0.2)
    assert chain.fit(X, y).predict_set(X).shape == (800, 3, 2)


class _OnRecords(_Cube):
    """Reads a batch of ECGs in whatever form it comes."""

    def _numbers(self, X):
        return np.array([np.mean(getattr(one, "signal", one), axis=1) for one in X])

    def fit(self, X, y):
        return super().fit(self._numbers(X), y)

    def predict_proba(self, X):
        return super().predict_proba(self._numbers(X))


def test_three_dimensional_arrays_and_lists_of_records():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, (300, 2))
    signals = rng.normal(y[:, :, None], 3, (300, 2, 20)).astype(np.float32)
    records = [ECGRecord(signal, 100.0, ("I", "II")) for signal in signals]
    for cv in (None, 3):
        model = ConformalMultilabelClassifier(_OnRecords(), cv=cv, random_state=0)
        from_arrays = clone(model).fit(signals, y).predict_set(signals)
        from_records = clone(model).fit(records, y).predict_set(records)
        np.testing.assert_array_equal(from_arrays, from_records)
        assert 0.5 < from_arrays.mean() < 1


def test_sample_weight_reaches_the_estimator_and_routing_agrees():
    X, y = several_labels(400)
    y = y[:, :2]
    weight = np.where(y[:, 1] == 1, 20.0, 1.0)
    model = ConformalMultilabelClassifier(logistic(), 0.2, random_state=0)
    plain = clone(model).fit(X, y).predict_proba(X)[:, 1]
    weighted = clone(model).fit(X, y, sample_weight=weight).predict_proba(X)[:, 1]
    assert weighted.mean() > plain.mean() + 0.1
    with sklearn.config_context(enable_metadata_routing=True):
        inner = MultiOutputClassifier(LogisticRegression().set_fit_request(sample_weight=True))
        routed = ConformalMultilabelClassifier(inner, 0.2, random_state=0)
        found = routed.fit(X, y, sample_weight=weight).predict_proba(X)[:, 1]
    np.testing.assert_array_equal(found, weighted)


def test_labels_of_any_two_values_sparse_and_boolean():
    X, y = several_labels(600)
    y = y[:, :2]
    model = ConformalMultilabelClassifier(logistic(), random_state=0, control="recall")
    expected = clone(model).fit(X, y)
    words = np.where(y == 1, "yes", "no")
    for same in (csr_array(y), y.astype(bool), pd.DataFrame(y), words):
        found = clone(model).fit(X, same)
        np.testing.assert_array_equal(found.predict_set(X), expected.predict_set(X))
        assert (found.predict(X) == found.classes_[0][1]).sum() == expected.predict(X).sum()
    assert set(found.predict(X).ravel()) == {"no", "yes"}


def test_patients_are_kept_whole_and_rare_labels_fall_on_both_sides():
    X, y = several_labels(1200)
    patient = np.repeat(np.arange(400), 3)

    class Remembers(_Cube):
        def fit(self, X, y):
            self.seen_ = {row.tobytes() for row in X}
            return super().fit(X, y)

    model = ConformalMultilabelClassifier(Remembers(), 0.3, random_state=0)
    with pytest.warns(CoverageWarning, match="3:"):
        model.fit(X, y, groups=patient)
    seen = np.array([row.tobytes() in model.estimator_.seen_ for row in X])
    assert set(seen.reshape(400, 3).sum(axis=1)) == {0, 3}
    assert 0 < y[seen, 2].sum() < y[:, 2].sum()


def test_strata_are_of_the_rarest_label():
    present = np.array([[1, 0, 0]] * 5 + [[1, 1, 0]] * 3 + [[0, 0, 1]] + [[0, 0, 0]] * 4)
    assert label_strata(present).tolist() == [0] * 5 + [1] * 3 + [2] * 5
    assert label_strata(present, 4).tolist() == [0] * 5 + [1] * 8
    assert label_strata(np.ones((3, 1))).tolist() == [0, 0, 0]


def test_it_can_be_cloned_searched_and_saved(tmp_path):
    X, y = several_labels(600)
    y = y[:, :2]
    model = ConformalMultilabelClassifier(
        logistic(), control="recall", target=0.8, random_state=0
    ).fit(X, y)
    again = clone(model)
    assert again.get_params()["target"] == 0.8
    assert not hasattr(again, "thresholds_")
    cardiorisk.save(model, tmp_path / "m.cardiorisk")
    loaded = cardiorisk.load(tmp_path / "m.cardiorisk")
    np.testing.assert_array_equal(loaded.predict_set(X), model.predict_set(X))
    np.testing.assert_array_equal(loaded.predict(X), model.predict(X))
    search = GridSearchCV(
        ConformalMultilabelClassifier(logistic(), 0.2), {"estimator__estimator__C": [1e-4, 1.0]}
    )
    assert search.fit(X, y).best_params_["estimator__estimator__C"] == 1.0


def test_control_report_counts_recall_and_precision(frozen):
    model, X, y, X_new, y_new = frozen
    conformal = ConformalMultilabelClassifier(model, control="recall").fit(X, y)
    report = conformal.control_report(X_new, y_new)
    flagged = conformal.predict(X_new)
    hits = (flagged & y_new).sum(axis=0)
    np.testing.assert_allclose(report["recall"], hits / y_new.sum(axis=0))
    np.testing.assert_allclose(report["precision"], hits / flagged.sum(axis=0))
    assert (report["recall_low"] < report["recall"]).all()


def test_bad_input_is_named(frozen):
    model, X, y, X_new, y_new = frozen
    with pytest.raises(ValueError, match="Got y of shape"):
        ConformalMultilabelClassifier(logistic()).fit(X, y[:, 0])
    with pytest.raises(ValueError, match=r"Got \[0, 1, 2\] in label 1"):
        ConformalMultilabelClassifier(logistic()).fit(X, y + [0, 1, 0] * (y[:, [0]]))
    with pytest.raises(ValueError, match="missing entries"):
        ConformalMultilabelClassifier(logistic()).fit(X, np.where(y == 1, np.nan, 0.0))
    with pytest.raises(ValueError, match="and a cv"):
        ConformalMultilabelClassifier(logistic(), control="recall", cv=3).fit(X, y)
    with pytest.raises(ValueError, match="cannot be fitted again"):
        ConformalMultilabelClassifier(model, cv=3).fit(X, y)
    with pytest.raises(ValueError, match="expected \\(n, 2\\)"):
        ConformalMultilabelClassifier(model).fit(X, y[:, :2])
    fitted = ConformalMultilabelClassifier(model).fit(X, y)
    with pytest.raises(ValueError, match="with 2 labels, but expected 3"):
        fitted.coverage_report(X_new, y_new[:, :2])
