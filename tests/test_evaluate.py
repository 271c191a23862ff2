"""The evaluation of a model: what is fitted on what, and what comes back."""

import warnings

import numpy as np
import pandas as pd
import pytest
from joblib import parallel_config
from sklearn.datasets import make_classification
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss, roc_auc_score
from sklearn.model_selection import (
    GridSearchCV,
    KFold,
    RepeatedStratifiedKFold,
    ShuffleSplit,
    StratifiedKFold,
    cross_val_predict,
)
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC
from spy_model import Spy

from cardiorisk.evaluation import evaluate
from cardiorisk.exceptions import LeakageWarning
from cardiorisk.records import ECGRecord

X, Y = make_classification(240, 5, weights=[0.65], flip_y=0.15, random_state=0)
MODEL = make_pipeline(StandardScaler(), LogisticRegression())


def test_out_of_fold_risk_is_that_of_scikit_learn():
    cv = StratifiedKFold(4)
    result = evaluate(MODEL, X, Y, cv=cv, n_bootstraps=0)
    expected = cross_val_predict(MODEL, X, Y, cv=cv, method="predict_proba")
    np.testing.assert_array_equal(result.probability[0], expected)
    np.testing.assert_array_equal(result.risk, expected[:, 1])
    assert result.metrics["auroc"].estimate == pytest.approx(roc_auc_score(Y, expected[:, 1]))


def test_every_row_is_predicted_by_the_model_that_fold_names():
    result = evaluate(MODEL, X, Y, return_models=True, n_bootstraps=0)
    assert len(result.models) == len(result.per_fold) == 5
    for number, model in enumerate(result.models):
        rows = result.fold[0] == number
        assert rows.sum() == result.per_fold.loc[number, "n_test"]
        np.testing.assert_array_equal(model.predict_proba(X[rows]), result.probability[0, rows])


def test_the_given_model_is_not_touched():
    model = Spy()
    result = evaluate(model, X, Y, n_bootstraps=0, return_models=True)
    assert not hasattr(model, "classes_")
    assert result.models[0] is not model


def test_repeats_are_averaged_and_resampled_together():
    cv = RepeatedStratifiedKFold(n_splits=5, n_repeats=3, random_state=0)
    result = evaluate(MODEL, X, Y, cv=cv, n_bootstraps=200)
    assert result.probability.shape == (3, 240, 2)
    assert result.n_repeats == 3
    areas = [roc_auc_score(Y, result.probability[r, :, 1]) for r in range(3)]
    auroc = result.metrics["auroc"]
    assert auroc.estimate == pytest.approx(np.mean(areas))
    once = evaluate(MODEL, X, Y, cv=5, n_bootstraps=200).metrics["auroc"]
    # Repeats are not new patients: the interval must not shrink with them.
    assert auroc.high - auroc.low == pytest.approx(once.high - once.low, rel=0.25)


def test_rows_left_out_of_every_test_part_are_missing():
    cv = ShuffleSplit(2, test_size=0.25, random_state=0)
    result = evaluate(MODEL, X, Y, cv=cv, n_bootstraps=0)
    untested = (result.fold < 0).all(axis=0)
    assert untested.any()
    np.testing.assert_array_equal(np.isnan(result.risk), untested)
    np.testing.assert_array_equal(result.tested, ~untested)
    assert result.notes == (f"{untested.sum()} of 240 rows were never tested.",)
    twice = (result.fold >= 0).all(axis=0)
    np.testing.assert_allclose(
        result.risk[twice], result.probability[:, twice, 1].mean(axis=0), rtol=1e-15
    )


@pytest.mark.parametrize(
    ("labels", "positive"),
    [
        (np.array(["well", "ill"]), "well"),
        (np.array([1, 2]), 2),
        (np.array([False, True]), True),
        (np.array([-1.0, 1.0]), 1.0),
        (np.array(["a", "b"], dtype=object), "b"),
    ],
    ids=str,
)
def test_labels_of_every_type(labels, positive):
    result = evaluate(MODEL, X, labels[Y], n_bootstraps=0)
    assert result.pos_label == positive
    assert type(result.pos_label) is type(positive)
    direct = evaluate(MODEL, X, (labels[Y] == positive).astype(int), n_bootstraps=0)
    assert result.metrics["auroc"].estimate == pytest.approx(direct.metrics["auroc"].estimate)


def test_pandas_nullable_labels_are_read_as_numbers():
    result = evaluate(MODEL, X, pd.Series(Y, dtype="Int64"), n_bootstraps=0)
    assert result.y.dtype.kind == "i"


def test_pos_label_chooses_the_risk():
    first, second = (evaluate(MODEL, X, Y, pos_label=label, n_bootstraps=0) for label in (0, 1))
    np.testing.assert_allclose(first.risk, 1 - second.risk)
    np.testing.assert_array_equal(first.outcome, ~second.outcome)
    assert first.metrics["brier"].estimate == pytest.approx(second.metrics["brier"].estimate)


@pytest.fixture(scope="module")
def three_classes():
    return make_classification(300, 6, n_informative=4, n_classes=3, random_state=0)


def test_three_classes_without_a_chosen_one(three_classes):
    features, y = three_classes
    result = evaluate(MODEL, features, y, n_bootstraps=100)
    assert list(result.metrics) == ["auroc", "brier", "log_loss"]
    macro = roc_auc_score(y, result.probability[0], multi_class="ovr")
    assert result.metrics["auroc"].estimate == pytest.approx(macro)
    assert result.metrics["log_loss"].estimate == pytest.approx(log_loss(y, result.probability[0]))
    assert result.thresholds.empty
    assert "n_events" not in result.per_fold
    with pytest.raises(ValueError, match="name the class whose probability is the risk"):
        _ = result.risk
    with pytest.raises(ValueError, match="name pos_label"):
        evaluate(MODEL, features, y, auroc_interval="delong")
    assert "AUROC" in repr(result)


def test_three_classes_one_against_the_rest(three_classes):
    features, y = three_classes
    result = evaluate(MODEL, features, y, pos_label=2, n_bootstraps=0)
    expected = roc_auc_score(y == 2, result.probability[0, :, 2])
    assert result.metrics["auroc"].estimate == pytest.approx(expected)


def signals(n_rows):
    return np.random.default_rng(0).normal(size=(n_rows, 2, 50)).astype(np.float32)


@pytest.mark.parametrize(
    "form",
    [
        lambda s: pd.DataFrame(s[:, 0, :3], columns=["age", "sex", "chol"]),
        lambda s: s,
        lambda s: s[:, 0],
        lambda s: [ECGRecord(x, 100, ("I", "II")) for x in s],
        lambda s: tuple(ECGRecord(x, 100, ("I", "II")) for x in s),
        lambda s: np.array([ECGRecord(x, 100, ("I", "II")) for x in s] + [None])[:-1],
    ],
    ids=["DataFrame", "3-D", "2-D", "list", "tuple", "object array"],
)
def test_every_form_of_input(form):
    data = form(signals(40))
    result = evaluate(Spy(), data, np.tile([0, 1], 20), n_bootstraps=0, return_models=True)
    np.testing.assert_array_equal(result.risk, 0.3)
    seen = result.models[0].seen_[0]
    assert type(seen) is (list if isinstance(data, tuple) else type(data))
    assert len(seen) == 32
    if isinstance(data, pd.DataFrame):
        assert list(seen.columns) == ["age", "sex", "chol"]


def test_a_fold_of_one_class_is_fine():
    result = evaluate(
        MODEL,
        X,
        Y,
        cv=[
            (np.arange(120), np.flatnonzero(Y[120:] == 1) + 120),
            (np.arange(120), np.flatnonzero(Y[120:] == 0) + 120),
        ],
    )
    assert result.per_fold["auroc"].isna().all()
    assert 0.5 < result.metrics["auroc"].estimate < 1


def test_result_does_not_depend_on_jobs():
    with parallel_config(backend="threading"):
        one, two = (evaluate(MODEL, X, Y, n_jobs=k, n_bootstraps=200) for k in (1, 2))
    np.testing.assert_array_equal(one.probability, two.probability)
    pd.testing.assert_frame_equal(one.to_frame(), two.to_frame(), check_exact=True)
    pd.testing.assert_frame_equal(one.thresholds, two.thresholds, check_exact=True)


def test_result_is_reproducible_and_follows_the_seed():
    frames = [evaluate(MODEL, X, Y, random_state=s, n_bootstraps=50).to_frame() for s in (4, 4, 5)]
    pd.testing.assert_frame_equal(frames[0], frames[1], check_exact=True)
    assert not frames[0].equals(frames[2])


def test_the_global_random_state_is_left_alone():
    np.random.seed(0)  # noqa: NPY002 - the state under test
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    evaluate(MODEL, X, Y, n_bootstraps=10)
    np.testing.assert_array_equal(before, np.random.get_state()[1])  # noqa: NPY002


def test_constant_and_certain_predictions_are_measured_where_possible():
    constant = evaluate(DummyClassifier(), X, Y, cv=StratifiedKFold(2), n_bootstraps=50)
    assert constant.metrics["observed_expected_ratio"].estimate == pytest.approx(1)
    fixed = evaluate(Spy(), X, Y, n_bootstraps=50).metrics
    assert fixed["auroc"].estimate == 0.5
    assert fixed["calibration_slope"].reason == "all risks are equal"
    certain = evaluate(KNeighborsClassifier(1), X, Y, n_bootstraps=50)
    assert set(np.unique(certain.risk)) == {0.0, 1.0}
    assert np.isfinite(certain.to_frame()["estimate"]).all()


def test_perfect_prediction_says_that_its_intervals_say_nothing():
    features = np.where(Y == 1, 5.0, -5.0)[:, None]
    with pytest.warns(LeakageWarning, match="a rule on column 0"):
        result = evaluate(LogisticRegression(), features, Y, n_bootstraps=50)
    assert "Leakage, rule_labels" in repr(result)
    assert result.metrics["auroc"].estimate == 1
    assert "too narrow" in result.metrics["auroc"].reason
    assert "separate the classes" in result.metrics["calibration_slope"].reason
    sensitivity = result.thresholds.loc[2, ["sensitivity_low", "sensitivity", "sensitivity_high"]]
    assert sensitivity.iloc[0] < sensitivity.iloc[1] == 1  # Wilson stays open


def test_search_inside_evaluation():
    search = GridSearchCV(LogisticRegression(), {"C": [0.1, 1]}, cv=2)
    assert evaluate(search, X, Y, cv=2, n_bootstraps=0).metrics["auroc"].estimate > 0.7


def test_noise_is_not_rewarded():
    rng = np.random.default_rng(0)
    areas = [
        evaluate(MODEL, rng.normal(size=(240, 20)), Y, n_bootstraps=0).metrics["auroc"].estimate
        for _ in range(10)
    ]
    assert np.mean(areas) == pytest.approx(0.5, abs=0.04)  # a fit on all rows would reach 0.7


def test_progress_bar_only_when_asked(capsys):
    evaluate(MODEL, X, Y, n_bootstraps=0)
    assert capsys.readouterr() == ("", "")
    evaluate(MODEL, X, Y, n_bootstraps=0, verbose=1)
    assert "folds" in capsys.readouterr().err


def test_no_warning_comes_from_splitters_that_ignore_groups():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        evaluate(MODEL, X, Y, groups=np.arange(240), cv=KFold(3), n_bootstraps=0)


class NotProbabilities(Spy):
    def predict_proba(self, X):
        return np.full((len(X), 2), self.risk)


@pytest.mark.parametrize(
    ("model", "error", "message"),
    [
        (LinearSVC(), TypeError, "LinearSVC, which has no predict_proba"),
        (NotProbabilities(np.nan), ValueError, "not probabilities"),
        (NotProbabilities(-0.1), ValueError, "not probabilities"),
        (NotProbabilities(77), ValueError, "not probabilities"),
    ],
    ids=str,
)
def test_models_that_give_no_risk(model, error, message):
    with pytest.raises(error, match=message):
        evaluate(model, X, Y, n_bootstraps=0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"y": np.append(Y[:-1].astype(float), np.nan)}, r"1 missing entries \(first in row 239\)"),
        ({"y": np.append(Y[:-1].astype(object), None)}, "1 missing entries"),
        ({"y": ["no", "yes"] * 119 + ["no", np.nan]}, r"1 missing entries \(first in row 239\)"),
        ({"groups": ["a", "b"] * 119 + ["a", np.nan]}, "groups with missing entries"),
        ({"groups": np.arange(240) % 3}, "3 groups for 5 folds; use fewer folds, or cv="),
        ({"y": np.zeros(240)}, "single class 0.0"),
        ({"y": Y[:, None]}, r"y of shape \(240, 1\)"),
        ({"y": np.linspace(0, 1, 240)}, "Got a continuous y"),
        ({"y": Y[:-1]}, "240 rows of X, but 239 labels"),
        ({"groups": np.arange(10)}, r"groups of shape \(10,\)"),
        ({"pos_label": 7}, "Got pos_label=7"),
        ({"thresholds": [10, 20]}, "expected risks from 0 to 1"),
        ({"confidence": 95}, "Got confidence=95"),
        ({"auroc_interval": "hanley"}, "Got auroc_interval='hanley'"),
        ({"n_bootstraps": -1}, "Got n_bootstraps=-1"),
        ({"sample_weight": np.ones(3)}, r"sample_weight of shape \(3,\)"),
        ({"cv": [(np.flatnonzero(Y == 0), np.flatnonzero(Y == 1))]}, "no row of class 1"),
        ({"cv": "loso"}, "named protocols"),
    ],
)
def test_bad_input_is_refused_with_the_reason(change, message):
    arguments = {"X": X, "y": Y, "n_bootstraps": 10, **change}
    with pytest.raises(ValueError, match=message):
        evaluate(MODEL, **arguments)


def test_limited_risks_are_counted_for_the_reader():
    certain = evaluate(KNeighborsClassifier(3), X, Y, n_bootstraps=50)
    n_limited = np.isin(certain.risk, [0, 1]).sum()
    words = f"{n_limited} of 240 risks are within 1e-06 of 0 or 1"
    assert n_limited > 0
    assert f"Note: {words}" in repr(certain)
    notes = certain.to_frame()["note"]
    assert words in notes["calibration_slope"]
    assert words in notes["calibration_intercept"]
    assert notes["auroc"] == ""
    unsure = evaluate(Spy(), X, Y, n_bootstraps=0)
    assert "limited" not in repr(unsure)
