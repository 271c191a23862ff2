"""A model that came fitted is tested as it is, and never by accident."""

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import make_classification
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from cardiorisk.evaluation import compare, evaluate
from cardiorisk.exceptions import LeakageWarning, RefitWarning

X, Y = make_classification(400, 5, flip_y=0.2, random_state=0)
DEVELOPED = make_pipeline(StandardScaler(), LogisticRegression()).fit(X[:200], Y[:200])
NEW, OUTCOME = X[200:], Y[200:]


def external(model=DEVELOPED, X=NEW, y=OUTCOME, **options):
    return evaluate(model, X, y, cv="external", **{"n_bootstraps": 0, **options})


def test_the_fitted_model_predicts_and_is_not_fitted():
    result = external()
    np.testing.assert_array_equal(result.risk, DEVELOPED.predict_proba(NEW)[:, 1])
    assert result.metrics["auroc"].estimate == pytest.approx(roc_auc_score(OUTCOME, result.risk))
    assert result.external
    assert result.protocol.startswith("external validation")
    assert result.per_fold[["n_train", "n_test"]].to_numpy().tolist() == [[0, 200]]
    assert result.tested.all()


@pytest.mark.parametrize(
    "model",
    [
        FrozenEstimator(DEVELOPED),
        make_pipeline(FrozenEstimator(DEVELOPED[0]), FrozenEstimator(DEVELOPED[1])),
    ],
    ids=["frozen", "pipeline of frozen steps"],
)
def test_a_frozen_model_needs_no_word(model):
    result = evaluate(model, NEW, OUTCOME, n_bootstraps=0, return_models=True)
    assert result.external
    assert result.models == (model,)
    np.testing.assert_array_equal(result.risk, external().risk)


def test_a_frozen_step_before_a_free_one_is_fitted_in_folds():
    model = make_pipeline(FrozenEstimator(DEVELOPED[0]), LogisticRegression())
    assert not evaluate(model, NEW, OUTCOME, n_bootstraps=0).external


def test_a_fitted_model_without_a_word_is_cross_validated_and_warned_of():
    with pytest.warns(RefitWarning, match="Say cv='external' to test it as it is") as caught:
        result = evaluate(DEVELOPED, NEW, OUTCOME, n_bootstraps=0)
    assert caught[0].filename == __file__
    assert not result.external
    assert "5-fold" in result.protocol
    assert "came fitted, and clones of it were fitted anew" in repr(result)


def test_folds_that_were_asked_for_are_only_noted():
    result = evaluate(DEVELOPED, NEW, OUTCOME, cv=5, n_bootstraps=0)
    assert "came fitted" in repr(result)
    unfitted = make_pipeline(StandardScaler(), LogisticRegression())
    assert evaluate(unfitted, NEW, OUTCOME, n_bootstraps=0).notes == ()


@pytest.mark.parametrize("value", [0, 1])
def test_new_rows_of_one_class_get_what_exists(value):
    result = external(y=np.full(200, value), n_bootstraps=200)
    assert result.classes.tolist() == [0, 1]
    assert "row" in str(result.metrics["auroc"])
    assert np.isnan(result.metrics["calibration_slope"].estimate)
    expected = np.mean((result.risk - value) ** 2)
    assert result.metrics["brier"].estimate == pytest.approx(expected)
    ratio = result.metrics["observed_expected_ratio"]
    assert ratio.estimate == pytest.approx(value * 200 / result.risk.sum())
    assert ratio.low <= ratio.estimate < ratio.high
    if not value:  # three events are the most that none may hide, with 5 % error on one side
        assert ratio.high == pytest.approx(3.689 / result.risk.sum(), rel=1e-3)
        halves = external(y=np.zeros(200), groups=np.arange(200) // 2, n_bootstraps=10)
        assert halves.metrics["observed_expected_ratio"].high == pytest.approx(2 * ratio.high)


def test_weights_are_refused_where_nothing_is_fitted():
    with pytest.raises(ValueError, match="weights are for training"):
        external(sample_weight=np.ones(200))


def test_patients_are_resampled_whole():
    copies = np.repeat(np.arange(200), 3)
    options = {"n_bootstraps": 400, "groups": copies}
    many = external(X=NEW[copies], y=OUTCOME[copies], **options).metrics["brier"]
    once = external(n_bootstraps=400).metrics["brier"]
    assert many.high - many.low == pytest.approx(once.high - once.low, rel=0.15)


def test_classes_are_those_of_the_model():
    y = np.digitize(X[:, 0], [-1, 1])
    model = LogisticRegression().fit(X, y)
    result = external(model, X[y > 0], y[y > 0])  # nobody of class 0 among the new rows
    assert result.classes.tolist() == [0, 1, 2]
    assert result.probability.shape[2] == 3
    words = LogisticRegression().fit(X, np.array(["no", "yes"])[Y])
    assert external(words, X, np.array(["no", "yes"])[Y]).pos_label == "yes"
    boolean = external(y=OUTCOME.astype(bool)).metrics["auroc"].estimate
    assert boolean == external().metrics["auroc"].estimate


def test_two_external_models_are_compared_on_rows_but_not_over_folds():
    other = LogisticRegression().fit(X[:200, :2], Y[:200])
    results = {"all": external(), "two": external(other, NEW[:, :2])}
    assert np.isfinite(compare(results, test="delong").table["p"]).all()
    with pytest.raises(ValueError, match="tests over folds need training rows"):
        compare(results)


def test_external_tables_of_labels():
    table = pd.DataFrame({"a": Y, "b": X[:, 1] > 0}).astype(int)
    model = OneVsRestClassifier(LogisticRegression()).fit(X[:200], table[:200])
    with pytest.warns(LeakageWarning, match="Label 'b': The outcome is a rule on column 1"):
        result = external(model, NEW, table[200:])
    assert any("Label 'b'" in note for note in result.notes)
    np.testing.assert_array_equal(result.probability[0], model.predict_proba(NEW))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"model": LogisticRegression()}, "LogisticRegression that is not fitted"),
        ({"y": OUTCOME + 1}, r"the label 2, but the model knows \[0, 1\]"),
        ({"X": NEW[:5]}, "5 rows of X"),
    ],
    ids=["unfitted", "strange label", "lengths"],
)
def test_bad_input_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        external(**options)


def test_a_frozen_model_in_folds_is_refused():
    with pytest.raises(ValueError, match="frozen model is not fitted in folds"):
        evaluate(FrozenEstimator(DEVELOPED), NEW, OUTCOME, cv=5)
