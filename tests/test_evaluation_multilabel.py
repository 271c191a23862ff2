"""Tables of labels: averages and labels against scikit-learn, intervals, and single labels."""

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_matrix
from sklearn.datasets import make_multilabel_classification
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, brier_score_loss, roc_auc_score
from sklearn.model_selection import KFold, RepeatedKFold
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import MultiOutputClassifier

from cardiorisk.evaluation import calibration, compare, evaluate
from cardiorisk.evaluation.pooling import binary_intervals
from cardiorisk.exceptions import LeakageWarning

X, Y = make_multilabel_classification(240, 6, n_classes=3, random_state=1)
NAMES = ["AF", "LBBB", "STEMI"]
MODEL = OneVsRestClassifier(LogisticRegression())


def evaluated(**options):
    y = options.pop("y", pd.DataFrame(Y, columns=NAMES))
    return evaluate(options.pop("model", MODEL), X, y, **{"n_bootstraps": 0, **options})


def test_averages_are_those_of_scikit_learn():
    result = evaluated()
    risk = result.probability[0]
    for average in ("macro", "micro"):
        expected = roc_auc_score(Y, risk, average=average)
        assert result.metrics[f"{average}_auroc"].estimate == pytest.approx(expected)
        expected = average_precision_score(Y, risk, average=average)
        assert result.metrics[f"{average}_auprc"].estimate == pytest.approx(expected)
    brier = np.mean([brier_score_loss(Y[:, k], risk[:, k]) for k in range(3)])
    assert result.metrics["macro_brier"].estimate == pytest.approx(brier)


def test_a_label_is_measured_as_if_it_were_alone():
    result = evaluated(n_bootstraps=100)
    alone = binary_intervals(
        Y[:, 1] == 1, result.probability[0, :, 1], n_bootstraps=100, random_state=0
    )
    for name, interval in alone.items():
        row = result.per_label.loc["LBBB"]
        np.testing.assert_allclose(
            [row[name], row[f"{name}_low"], row[f"{name}_high"]],
            [interval.estimate, interval.low, interval.high],
        )
    assert result.per_label["n_events"].tolist() == Y.sum(axis=0).tolist()


def test_macro_interval_is_narrower_than_that_of_a_label():
    result = evaluated(n_bootstraps=300)
    macro = result.metrics["macro_auroc"]
    width = (result.per_label["auroc_high"] - result.per_label["auroc_low"]).mean()
    assert macro.low < macro.estimate < macro.high
    assert macro.high - macro.low < width


def test_single_label_goes_into_everything_else():
    result = evaluated(n_bootstraps=50)
    one = result.label("AF")
    np.testing.assert_array_equal(one.risk, result.probability[0, :, 0])
    np.testing.assert_array_equal(one.outcome, Y[:, 0] == 1)
    assert one.metrics["auroc"].estimate == result.per_label.loc["AF", "auroc"]
    assert one.thresholds["threshold"].tolist() == [0.1, 0.2, 0.5]
    assert calibration(one.outcome, one.risk, n_bootstraps=10).n == 240
    other = evaluated(model=MultiOutputClassifier(LogisticRegression(C=0.01))).label("AF")
    assert len(compare({"a": one, "b": other}).table) == 1
    assert "AUROC" in repr(one)
    with pytest.raises(ValueError, match="Got label 'VT'"):
        result.label("VT")


@pytest.mark.parametrize(
    "y",
    [Y, Y.astype(bool), csr_matrix(Y), pd.DataFrame(Y, columns=NAMES), Y.tolist()],
    ids=["array", "bool", "sparse", "frame", "list"],
)
def test_every_form_of_labels(y):
    result = evaluated(y=y)
    np.testing.assert_array_equal(result.y, Y)
    assert result.metrics["macro_auroc"].estimate == pytest.approx(
        evaluated().metrics["macro_auroc"].estimate
    )


def test_models_that_give_a_list_of_arrays():
    listed = evaluated(model=MultiOutputClassifier(LogisticRegression()), cv=KFold(4))
    table = evaluated(cv=KFold(4))
    np.testing.assert_allclose(listed.probability, table.probability)


def test_patients_repeats_and_words():
    patients = np.arange(240) // 2
    result = evaluated(groups=patients, n_bootstraps=20)
    assert all(len(set(result.fold[0, patients == p])) == 1 for p in range(120))
    assert "stratified by rarest label, groups kept whole" in result.protocol
    assert "240 rows, 3 labels, 120 groups" in repr(result)
    repeated = evaluated(cv=RepeatedKFold(n_splits=4, n_repeats=2, random_state=0))
    assert repeated.probability.shape == (2, 240, 3)
    areas = [roc_auc_score(Y, risk) for risk in repeated.probability]
    assert repeated.metrics["macro_auroc"].estimate == pytest.approx(np.mean(areas))


def test_rare_label_is_spread_over_folds():
    rare = Y.copy()
    rare[:, 2] = 0
    rare[:10, 2] = 1
    result = evaluated(y=rare)
    counts = [rare[result.fold[0] == k, 2].sum() for k in range(5)]
    assert min(counts) >= 1
    with pytest.raises(ValueError, match="3 labels, but this is of one"):
        _ = result.risk


def test_a_label_that_nobody_has_is_said():
    never = np.column_stack([Y[:, :2], np.zeros(240, int)])
    with pytest.warns(UserWarning, match="Label not 2 is present"):
        result = evaluated(y=never, n_bootstraps=20)
    assert "a label is absent" in str(result.metrics["macro_auroc"])
    assert np.isfinite(result.metrics["micro_auroc"].estimate)
    assert "no row has an event" in result.per_label.loc[2, "note"]


def test_fold_tables_have_the_averages():
    result = evaluated()
    rows = result.fold[0] == 2
    expected = roc_auc_score(Y[rows], result.probability[0, rows])
    assert result.per_fold.loc[2, "macro_auroc"] == pytest.approx(expected)
    assert np.isfinite(result.to_frame()["fold_sd"]).all()


def test_what_belongs_to_one_label_is_refused():
    with pytest.raises(ValueError, match=r"take result\.label"):
        evaluated(pos_label=1)
    with pytest.raises(ValueError, match=r"take result\.label"):
        evaluated(auroc_interval="delong")
    with pytest.raises(TypeError, match="one label at a time"):
        compare({"a": evaluated(), "b": evaluated()})
    with pytest.raises(ValueError, match="240 rows of X, but 100 rows of labels"):
        evaluated(y=Y[:100])


def test_guards_look_at_rows_once_and_at_each_label():
    rng = np.random.default_rng(3)
    features = pd.DataFrame(rng.normal(size=(300, 4)), columns=list("abcd"))
    labels = pd.DataFrame({"rule": features["c"] > 0.2, "noise": rng.random(300) < 0.4})
    copied = np.append(np.arange(300), np.arange(60))  # sixty rows twice
    model = OneVsRestClassifier(LogisticRegression())
    with pytest.warns(LeakageWarning) as caught:
        result = evaluate(model, features.loc[copied], labels.loc[copied], n_bootstraps=0)
    words = [str(one.message) for one in caught]
    assert sum("Label 'rule': The outcome is a rule on c" in word for word in words) == 1
    assert sum("copies_across_folds" in word for word in words) == 1
    assert len(words) == len(result.notes) == 2
    assert not evaluate(model, features.loc[copied], labels.loc[copied], guards=None).notes


def test_sites_of_labels_are_left_out_one_at_a_time_and_patients_are_drawn():
    rng = np.random.default_rng(4)
    features, labels = rng.normal(size=(240, 3)), rng.random((240, 2)) < 0.4
    sites, patients = np.arange(240) // 80, np.arange(240) // 2
    result = evaluate(
        OneVsRestClassifier(LogisticRegression()),
        features,
        labels,
        patients,
        "leave-one-site-out",
        sites=sites,
        n_bootstraps=20,
    )
    assert result.per_fold["held_out"].tolist() == ["0", "1", "2"]
    np.testing.assert_array_equal(result.patients, patients)
