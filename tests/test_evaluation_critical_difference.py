"""Mean ranks against Demsar's published example and scipy."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.datasets import make_classification
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB

from cardiorisk.evaluation import (
    compare,
    critical_difference,
    evaluate,
    plot_critical_difference,
)

SCORES = pd.DataFrame(np.random.default_rng(0).normal(size=(12, 4)), columns=list("abcd"))
SCORES["d"] += 3

# Table 5 of Demsar 2006 (doi of the journal: none; jmlr.org/papers/v7/demsar06a.html), alpha 0.05.
NEMENYI = [1.960, 2.343, 2.569, 2.728, 2.850, 2.949, 3.031, 3.102, 3.164]
BONFERRONI_DUNN = [1.960, 2.241, 2.394, 2.498, 2.576, 2.638, 2.690, 2.724, 2.773]


@pytest.mark.parametrize("k", range(2, 11))
def test_critical_values_are_those_published(k):
    scores = pd.DataFrame(np.random.default_rng(0).random((14, k))).rename(columns=str)
    scale = np.sqrt(k * (k + 1) / (6 * 14))
    found = critical_difference(scores)
    assert found.distance / scale == pytest.approx(NEMENYI[k - 2], abs=0.002)
    found = critical_difference(scores, control="0")
    # The published value of nine models, 2.724, is a misprint of 2.734.
    expected = 2.734 if k == 9 else BONFERRONI_DUNN[k - 2]
    assert found.distance / scale == pytest.approx(expected, abs=0.001)


def test_friedman_in_its_f_form():
    chi2 = stats.friedmanchisquare(*SCORES.to_numpy().T).statistic
    found = critical_difference(SCORES)
    f = 11 * chi2 / (12 * 3 - chi2)
    assert found.statistic == pytest.approx(f)
    assert found.p == pytest.approx(stats.f.sf(f, 3, 33))


def test_ties_share_their_ranks_as_in_scipy():
    scores = SCORES.round(0)
    chi2 = stats.friedmanchisquare(*scores.to_numpy().T).statistic
    assert critical_difference(scores).statistic == pytest.approx(11 * chi2 / (36 - chi2))
    same = critical_difference(pd.DataFrame({"a": [1, 2, 3], "b": [1, 2, 3]}))
    assert (same.statistic, same.p, same.ranks["a"]) == (0, 1, 1.5)


def test_cliques_and_control():
    found = critical_difference(SCORES)
    assert found.ranks.index[0] == "d"
    assert found.cliques == (tuple(found.ranks.index[1:]),)
    against = critical_difference(SCORES, control="d")
    assert against.distance < found.distance
    assert against.cliques == ()
    lower = critical_difference(-SCORES, higher_is_better=False)
    pd.testing.assert_series_equal(lower.ranks, found.ranks)


def results():
    X, y = make_classification(200, 4, n_redundant=0, flip_y=0.2, random_state=0)
    models = {"logistic": LogisticRegression(), "bayes": GaussianNB()}
    return {name: evaluate(model, X, y, n_bootstraps=0) for name, model in models.items()}


def test_folds_as_blocks_are_said_to_be_dependent():
    found = critical_difference(compare(results(), metric="brier"))
    assert "share training rows" in found.notes[0]
    assert "Only 5 blocks" in found.notes[1]
    assert "Note: The blocks are folds" in repr(found)
    scores = compare(results(), metric="brier").scores
    expected = scores.rank(axis=1).mean()  # a small Brier score is rank 1
    assert found.ranks.to_dict() == expected.to_dict()
    with pytest.raises(ValueError, match="neither end is better"):
        critical_difference(compare(results(), metric="calibration_slope"))


def test_picture_names_every_model_with_its_rank():
    ax = plot_critical_difference(SCORES)
    words = [text.get_text() for text in ax.texts]
    assert {word.partition(" ")[0] for word in words} >= set("abcd")
    assert any(word.startswith("critical difference") for word in words)
    again = plot_critical_difference(critical_difference(SCORES, control="a"), ax=ax)
    assert again is ax


@pytest.mark.parametrize(
    ("scores", "options", "message"),
    [
        (SCORES.iloc[:1], {}, "1 data sets and 4 models"),
        (SCORES[["a"]], {}, "12 data sets and 1 models"),
        (SCORES.mask(SCORES > 2), {}, "missing entries"),
        (SCORES, {"control": "z"}, "Got control='z'"),
        (SCORES, {"alpha": 5}, "Got alpha=5"),
    ],
    ids=["row", "column", "missing", "control", "alpha"],
)
def test_bad_scores_are_refused(scores, options, message):
    with pytest.raises(ValueError, match=message):
        critical_difference(scores, **options)
