"""What evaluate hands back, and its rows by site."""

import numpy as np
import pytest
from sklearn.datasets import make_classification
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from cardiorisk.evaluation import EvaluationResult, evaluate

X, Y = make_classification(240, 5, weights=[0.65], flip_y=0.15, random_state=0)
MODEL = make_pipeline(StandardScaler(), LogisticRegression())
SITES = np.repeat(["cleveland", "hungary", "switzerland", "va"], [90, 80, 40, 30])


def test_leave_one_site_out_reports_each_site():
    result = evaluate(MODEL, X, Y, groups=SITES, cv="leave-one-site-out", n_bootstraps=300)
    table = result.per_fold.set_index("held_out")
    assert list(table.index) == ["cleveland", "hungary", "switzerland", "va"]
    assert table["n_test"].tolist() == [90, 80, 40, 30]
    assert (table["n_train"] + table["n_test"] == 240).all()
    for site, row in table.iterrows():
        rows = site == SITES
        assert row["auroc"] == pytest.approx(roc_auc_score(Y[rows], result.risk[rows]))
        assert row["auroc_low"] < row["auroc"] < row["auroc_high"]
    # Intervals are narrower where there are more patients.
    widths = table["brier_high"] - table["brier_low"]
    assert widths["cleveland"] < widths["va"]
    assert any("sites" in note for note in result.notes)


def test_leave_one_site_out_with_a_site_of_one_class():
    y = np.where(SITES == "switzerland", 1, Y)
    result = evaluate(MODEL, X, y, groups=SITES, cv="leave-one-site-out", n_bootstraps=50)
    row = result.per_fold.set_index("held_out").loc["switzerland"]
    assert np.isnan(row["auroc"])
    assert "auroc" in row["note"]
    assert "all rows have an event" in row["note"]
    assert np.isfinite(row["brier"])
    assert np.isfinite(result.metrics["auroc"].estimate)


@pytest.fixture(scope="module")
def result():
    return evaluate(MODEL, X, Y, n_bootstraps=100, thresholds=(0.2, 0.5), confidence=0.9)


def test_result_in_words(result):
    text = repr(result)
    assert text.startswith("EvaluationResult: 5-fold cross-validation, stratified by outcome\n240")
    assert "90% intervals" in text
    assert f"AUROC                  {result.metrics['auroc']}" in text


def test_result_as_a_table(result):
    frame = result.to_frame()
    assert list(frame.index) == list(result.metrics)
    assert list(frame.columns) == ["estimate", "low", "high", "fold_sd", "note"]
    assert ((frame["low"] <= frame["estimate"]) & (frame["estimate"] <= frame["high"])).all()
    assert frame.loc["auroc", "fold_sd"] == pytest.approx(result.per_fold["auroc"].std())


def test_thresholds_as_a_table(result):
    table = result.thresholds.set_index("threshold")
    flagged = result.risk >= 0.2
    assert table.loc[0.2, "flagged"] == flagged.mean()
    assert table.loc[0.2, "sensitivity"] == pytest.approx(flagged[Y == 1].mean())
    assert table.loc[0.2, "npv"] == pytest.approx((Y[~flagged] == 0).mean())
    for part in ("sensitivity", "specificity", "ppv", "npv"):
        assert (table[f"{part}_low"] < table[part]).all()
        assert (table[part] < table[f"{part}_high"]).all()


def test_result_is_frozen(result):
    assert isinstance(result, EvaluationResult)
    with pytest.raises(AttributeError, match="cannot assign"):
        result.protocol = "another"
