import warnings

import joblib
import numpy as np
import pandas as pd
import pytest
import sklearn
from conformal_cohorts import four_classes, patients, two_classes
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.frozen import FrozenEstimator
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, PredefinedSplit, cross_val_score
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from cardiorisk.exceptions import CoverageWarning
from cardiorisk.explain.conformal.classifier import ConformalClassifier
from cardiorisk.records import ECGRecord


@pytest.fixture(scope="module")
def binary():
    return two_classes()


@pytest.fixture(scope="module")
def several():
    return four_classes()


def test_cross_predicts_with_a_model_of_all_rows():
    X, y = patients(200)
    model = ConformalClassifier(LogisticRegression(), cv=4, random_state=0).fit(X, y)
    np.testing.assert_array_equal(
        model.predict_proba(X), LogisticRegression().fit(X, y).predict_proba(X)
    )
    assert len(model.estimators_) == 4


def test_patients_are_kept_whole_in_split_and_folds():
    X, y = patients(400)
    patient = np.repeat(np.arange(100), 4)

    class Remembers(GaussianNB):
        def fit(self, X, y):
            self.seen_ = {row.tobytes() for row in X}
            return super().fit(X, y)

    for cv in (None, 5):
        model = ConformalClassifier(Remembers(), cv=cv, random_state=0).fit(X, y, groups=patient)
        for fitted in model.estimators_:
            seen = np.array([row.tobytes() in fitted.seen_ for row in X])
            assert 0 < seen.sum() < 400
            assert (seen.reshape(100, 4).sum(axis=1) % 4 == 0).all()


def test_split_holds_back_the_asked_share():
    X, y = patients(1000, sick=0.1)
    patient = np.arange(1000) // 2
    for groups in (None, patient):
        model = ConformalClassifier(GaussianNB(), calibration_size=0.3, random_state=0)
        model.fit(X, y, groups=groups)
        labels = model.calibration_.labels
        assert abs(len(labels) / 1000 - 0.3) < 0.02
        assert abs(labels.mean() - y.mean()) < 0.02


def test_split_groups_are_the_patients_where_groups_are_the_condition():
    X, y = patients(400)
    patient, sex = np.repeat(np.arange(100), 4), np.tile(["f", "m"], 200)
    model = ConformalClassifier(GaussianNB(), 0.2, "group", random_state=0)
    model.fit(X, y, groups=sex, split_groups=patient)
    assert len(model.calibration_.labels) % 4 == 0
    assert model.calibration_.group_names.tolist() == ["f", "m"]


def test_single_fold_cv_is_a_split_of_ones_own():
    X, y = patients(300)
    later = np.arange(300) >= 200
    model = ConformalClassifier(GaussianNB(), cv=PredefinedSplit(np.where(later, 0, -1))).fit(X, y)
    assert model.estimator_ is model.estimators_[0]
    assert len(model.calibration_.labels) == 100
    np.testing.assert_array_equal(
        model.predict_proba(X), GaussianNB().fit(X[:200], y[:200]).predict_proba(X)
    )


def test_a_row_may_calibrate_only_once():
    X, y = patients(60)
    folds = [(np.arange(30), np.arange(30, 60)), (np.arange(20), np.arange(50, 60))]
    with pytest.raises(ValueError, match="tests 10 rows more than once"):
        ConformalClassifier(GaussianNB(), cv=folds).fit(X, y)


def test_unknown_group_gets_every_class_with_a_warning(several):
    model, X, y, X_new, _ = several
    conformal = ConformalClassifier(FrozenEstimator(model), conditional="group")
    conformal.fit(X, y, groups=np.repeat(["a", "b"], 300))
    groups = np.repeat(["a", "c"], 300)
    with pytest.warns(CoverageWarning, match=r"not there at calibration \(c\).*300 sets"):
        sets = conformal.predict_set(X_new, groups=groups)
    assert sets[300:].all()
    assert not sets[:300].all()


def test_groups_are_asked_for_or_refused(binary):
    model, X, y, X_new, _ = binary
    frozen = FrozenEstimator(model)
    with pytest.raises(ValueError, match="conditional='both' needs groups"):
        ConformalClassifier(frozen, conditional="both").fit(X, y)
    by_class = ConformalClassifier(frozen).fit(X, y)
    with pytest.raises(ValueError, match="sets do not depend on them"):
        by_class.predict_set(X_new, groups=np.zeros(len(X_new)))
    with pytest.raises(ValueError, match="both are the patients"):
        ConformalClassifier(frozen).fit(X, y, groups=y, split_groups=y)
    by_group = ConformalClassifier(frozen, conditional="group").fit(X, y, groups=X[:, 0] > 0)
    with pytest.raises(ValueError, match="conditional='group' needs groups"):
        by_group.predict_set(X_new)


def test_frozen_estimator_is_not_fitted_and_every_row_calibrates(binary):
    model, X, y, X_new, _ = binary
    before = model.coef_.copy()
    conformal = ConformalClassifier(FrozenEstimator(model)).fit(X, y)
    assert len(conformal.calibration_.scores) == len(y)
    np.testing.assert_array_equal(model.coef_, before)
    np.testing.assert_array_equal(conformal.predict_proba(X_new), model.predict_proba(X_new))
    with pytest.raises(ValueError, match="cannot be fitted again"):
        ConformalClassifier(FrozenEstimator(model), cv=3).fit(X, y)


def test_frozen_estimator_with_a_class_that_calibration_lacks(several):
    model, X, y, X_new, _ = several
    rows = y != 2
    with pytest.warns(CoverageWarning, match="class 2: 0"):
        conformal = ConformalClassifier(FrozenEstimator(model)).fit(X[rows], y[rows])
    assert conformal.predict_set(X_new)[:, 2].all()
    with pytest.raises(ValueError, match=r"Got classes .*7.* does not know"):
        ConformalClassifier(FrozenEstimator(model)).fit(X, np.where(y == 0, 7, y))


def test_a_fold_without_a_class_still_calibrates():
    X, y = patients(90)
    y = y.astype(str)
    y[:3] = "rare"
    folds = [(np.arange(3, 90), np.arange(3)), (np.arange(45), np.arange(45, 90))]
    with pytest.warns(CoverageWarning, match="class rare: 3"):
        model = ConformalClassifier(GaussianNB(), cv=folds).fit(X, y)
    assert model.predict_set(X)[:, list(model.classes_).index("rare")].all()


@pytest.mark.parametrize(
    "labels", [("healthy", "sick"), (1, 2), (False, True), (np.int8(-1), np.int8(1))]
)
def test_labels_of_any_kind(labels):
    X, y = patients(400)
    named = np.asarray(labels)[y]
    model = ConformalClassifier(LogisticRegression(), random_state=0).fit(X[:300], named[:300])
    plain = ConformalClassifier(LogisticRegression(), random_state=0).fit(X[:300], y[:300])
    assert list(model.classes_) == list(labels)
    np.testing.assert_array_equal(model.predict_set(X[300:]), plain.predict_set(X[300:]))
    report = model.coverage_report(X[300:], named[300:])
    assert list(report["class"]) == ["all", *labels]


class _OnRecords(ClassifierMixin, BaseEstimator):
    """Reads a batch of ECGs in whatever form it comes."""

    def _numbers(self, X):
        return np.array([[np.mean(getattr(one, "signal", one))] for one in X])

    def fit(self, X, y):
        self.model_ = GaussianNB().fit(self._numbers(X), y)
        self.classes_ = self.model_.classes_
        return self

    def predict(self, X):
        return self.model_.predict(self._numbers(X))

    def predict_proba(self, X):
        return self.model_.predict_proba(self._numbers(X))


@pytest.mark.parametrize("cv", [None, 3])
def test_three_dimensional_arrays_and_lists_of_records(cv):
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 200)
    signals = rng.normal(y[:, None, None], 3, (200, 2, 20)).astype(np.float32)
    records = [ECGRecord(signal, 100.0, ("I", "II")) for signal in signals]
    conformal = ConformalClassifier(_OnRecords(), cv=cv, random_state=0)
    from_arrays = clone(conformal).fit(signals, y).predict_set(signals)
    from_records = clone(conformal).fit(records, y).predict_set(records)
    np.testing.assert_array_equal(from_arrays, from_records)
    assert 0 < from_arrays.mean() < 1


def test_data_frames_with_missing_values_through_a_pipeline():
    X, y = patients(600)
    X[::7, 2] = np.nan
    frame = pd.DataFrame(X, columns=[f"v{i}" for i in range(6)])
    pipe = make_pipeline(SimpleImputer(), StandardScaler(), LogisticRegression())
    model = ConformalClassifier(pipe, cv=3, random_state=0).fit(frame, pd.Series(y))
    assert list(model.feature_names_in_) == list(frame.columns)
    assert model.n_features_in_ == 6
    with pytest.raises(ValueError, match="feature names"):
        model.predict_set(frame[frame.columns[::-1]])


def test_sample_weight_reaches_the_estimator_and_the_last_step_of_a_pipeline():
    X, y = patients(300)
    weight = np.where(y == 1, 20.0, 1.0)
    for estimator in (LogisticRegression(), make_pipeline(StandardScaler(), LogisticRegression())):
        conformal = ConformalClassifier(estimator, random_state=0)
        plain = clone(conformal).fit(X, y).predict_proba(X)[:, 1]
        weighted = clone(conformal).fit(X, y, sample_weight=weight).predict_proba(X)[:, 1]
        assert weighted.mean() > plain.mean() + 0.1
    with pytest.raises(TypeError, match=r"KNeighborsClassifier\.fit has none"):
        ConformalClassifier(KNeighborsClassifier()).fit(X, y, sample_weight=weight)


def test_metadata_routing_gives_the_same_weights():
    X, y = patients(300)
    weight = np.where(y == 1, 20.0, 1.0)
    plain = ConformalClassifier(LogisticRegression(), random_state=0)
    expected = plain.fit(X, y, sample_weight=weight).predict_proba(X)
    with sklearn.config_context(enable_metadata_routing=True):
        inner = LogisticRegression().set_fit_request(sample_weight=True)
        routed = ConformalClassifier(inner, random_state=0).fit(X, y, sample_weight=weight)
        np.testing.assert_array_equal(routed.predict_proba(X), expected)
        silent = LogisticRegression().set_fit_request(sample_weight=False)
        unweighted = ConformalClassifier(silent, random_state=0).fit(X, y, sample_weight=weight)
        assert not np.allclose(unweighted.predict_proba(X), expected)


def test_clone_parameters_and_nested_search():
    X, y = patients(300)
    model = ConformalClassifier(LogisticRegression(C=0.1), alpha=0.2, cv=3, random_state=1)
    copy = clone(model)
    assert copy.get_params()["estimator__C"] == 0.1
    assert copy.set_params(estimator__C=5, alpha=0.05).estimator.C == 5
    assert not hasattr(clone(model.fit(X, y)), "calibration_")
    search = GridSearchCV(
        ConformalClassifier(LogisticRegression(), calibration_size=0.3, random_state=0),
        {"estimator__C": [1e-4, 1.0], "alpha": [0.1, 0.2]},
        scoring="neg_log_loss",
        cv=3,
    ).fit(X, y)
    assert search.best_params_["estimator__C"] == 1.0
    assert search.best_estimator_.predict_set(X).shape == (300, 2)
    assert cross_val_score(model, X, y, cv=3, scoring="roc_auc").mean() > 0.8


def test_parameters_set_after_fit_wait_for_the_next_fit(binary):
    model, X, y, X_new, _ = binary
    conformal = ConformalClassifier(FrozenEstimator(model)).fit(X, y)
    before = conformal.predict_set(X_new)
    conformal.set_params(alpha=0.5, method="aps", conditional=None)
    np.testing.assert_array_equal(conformal.predict_set(X_new), before)
    assert not np.array_equal(conformal.fit(X, y).predict_set(X_new), before)


def test_same_seed_same_sets_and_any_number_of_jobs():
    X, y = patients(400, n_classes=3)
    for method in ("lac", "aps"):
        with joblib.parallel_backend("threading"):  # starting processes would take seconds
            fits = [
                ConformalClassifier(GaussianNB(), method=method, cv=3, n_jobs=jobs, random_state=7)
                .fit(X, y)
                .predict_set(X)
                for jobs in (1, 1, 2)
            ]
        np.testing.assert_array_equal(fits[0], fits[1])
        np.testing.assert_array_equal(fits[0], fits[2])


def test_coverage_report_refuses_what_it_cannot_count(binary):
    model, X, y, X_new, y_new = binary
    conformal = ConformalClassifier(FrozenEstimator(model)).fit(X, y)
    with pytest.raises(ValueError, match=r"Got classes .*5"):
        conformal.coverage_report(X_new, np.where(y_new == 0, 5, 1))
    by_site = conformal.coverage_report(X_new, y_new, groups=X_new[:, 0] > 0)
    assert len(by_site) == 1 + 2 + 2 + 4


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"alpha": 0}, "'alpha' parameter"),
        ({"alpha": [0.1]}, "'alpha' parameter"),
        ({"conditional": "sex"}, "'conditional' parameter"),
        ({"method": "naive"}, "'method' parameter"),
        ({"calibration_size": 1.0}, "'calibration_size' parameter"),
    ],
)
def test_bad_parameters_are_named(parameters, message):
    X, y = patients(60)
    with pytest.raises(ValueError, match=message):
        ConformalClassifier(GaussianNB(), **parameters).fit(X, y)


def test_bad_input_is_named():
    X, y = patients(60)
    with pytest.raises(TypeError, match="LinearSVC, which has no predict_proba"):
        ConformalClassifier(LinearSVC()).fit(X, y)
    with pytest.raises(ValueError, match="Got 1 class in 60 rows"):
        ConformalClassifier(GaussianNB()).fit(X, np.ones(60))
    with pytest.raises(ValueError, match="Unknown label type"):
        ConformalClassifier(GaussianNB()).fit(X, X[:, 0])
    with pytest.raises(ValueError, match="cannot be divided"):
        ConformalClassifier(GaussianNB()).fit(X, y, groups=np.zeros(60))
    with pytest.raises(ValueError, match="missing entries"):
        ConformalClassifier(GaussianNB()).fit(X, y, groups=[None, *range(59)])

    class Broken(GaussianNB):
        def predict_proba(self, X):
            return super().predict_proba(X) * np.nan

    with pytest.raises(ValueError, match="not finite for 12 rows"):
        ConformalClassifier(Broken()).fit(X, y)


def test_too_few_rows_to_divide_are_named():
    X, _ = patients(60)
    few = r"Got 2 rows \(class ill: 1, class well: 1\), but a split needs at least 2 rows of each"
    with pytest.raises(ValueError, match=few):
        ConformalClassifier(GaussianNB()).fit(X[:2], ["well", "ill"])
    with pytest.raises(ValueError, match=r"class 1: 1.*at least 2 rows of each class"):
        ConformalClassifier(GaussianNB()).fit(X, np.eye(60, dtype=int)[0], groups=np.arange(60))


def test_two_rows_of_each_class_can_be_divided():
    X, _ = patients(6)
    with pytest.warns(CoverageWarning, match="class 0: 1; class 1: 1; class 2: 1"):
        model = ConformalClassifier(KNeighborsClassifier(1)).fit(X, [0, 0, 1, 1, 2, 2])
    assert model.predict_set(X).all()


def test_default_says_nothing_on_ordinary_data():
    X, y = patients(500)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ConformalClassifier(LogisticRegression()).fit(X, y).predict_set(X)
