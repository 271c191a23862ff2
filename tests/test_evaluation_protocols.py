"""Splits: their words, their repeats, and the leaks that they refuse."""

import numpy as np
import pytest
from sklearn.model_selection import (
    GroupKFold,
    KFold,
    LeaveOneOut,
    PredefinedSplit,
    RepeatedStratifiedKFold,
    ShuffleSplit,
    StratifiedGroupKFold,
    StratifiedKFold,
)

from cardiorisk.evaluation.protocols import resolve_protocol

Y = np.tile([0, 1], 30)
X = np.arange(60.0)[:, None]
PATIENTS = np.arange(60) // 3
SITES = np.repeat(["cleveland", "hungary", "va"], [30, 20, 10])


def test_default_is_five_stratified_folds():
    protocol = resolve_protocol(None, X, Y, random_state=0)
    assert protocol.words == "5-fold cross-validation, stratified by outcome"
    assert len(protocol.splits) == 5
    assert all(Y[test].mean() == 0.5 for _, test in protocol.splits)
    assert sorted(np.concatenate([test for _, test in protocol.splits])) == list(range(60))


def test_folds_are_shuffled_by_the_seed():
    tests = [resolve_protocol(3, X, Y, random_state=s).splits[0][1] for s in (0, 0, 1)]
    np.testing.assert_array_equal(tests[0], tests[1])
    assert not np.array_equal(tests[0], tests[2])


@pytest.mark.parametrize("cv", [None, 4, GroupKFold(4), StratifiedGroupKFold(4)])
def test_groups_are_kept_whole(cv):
    protocol = resolve_protocol(cv, X, Y, PATIENTS, random_state=0)
    for train, test in protocol.splits:
        assert not set(PATIENTS[train]) & set(PATIENTS[test])
    if cv is None:
        assert protocol.words.endswith("groups kept whole")


@pytest.mark.parametrize(
    ("cv", "noun"), [("leave-one-site-out", "site"), ("leave-one-group-out", "group")]
)
def test_named_protocols_leave_one_out(cv, noun):
    protocol = resolve_protocol(cv, X, Y, SITES)
    assert protocol.held_out == ("cleveland", "hungary", "va")
    assert f"each of 3 {noun}s" in protocol.words
    assert protocol.by_site == (noun == "site")
    for name, (train, test) in zip(protocol.held_out, protocol.splits, strict=True):
        assert set(SITES[test]) == {name}
        assert name not in SITES[train]


@pytest.mark.parametrize(
    ("cv", "words", "n_repeats"),
    [
        (RepeatedStratifiedKFold(n_splits=5, n_repeats=3, random_state=0), "5-fold", 3),
        (StratifiedKFold(6), "6-fold cross-validation (StratifiedKFold)", 1),
        (LeaveOneOut(), "60-fold cross-validation (LeaveOneOut)", 1),
        (ShuffleSplit(4, test_size=0.5, random_state=0), "4 splits (ShuffleSplit)", 4),
        (PredefinedSplit(np.where(np.arange(60) < 20, 0, -1)), "1 splits", 1),
        ([(np.arange(30), np.arange(30, 60))], "1 splits (given splits)", 1),
        ([(Y == 0, Y == 1), (Y == 1, Y == 0)], "2-fold cross-validation (given splits)", 1),
    ],
)
def test_splitters_in_words_and_repeats(cv, words, n_repeats):
    protocol = resolve_protocol(cv, X, Y)
    assert words in protocol.words
    assert protocol.n_repeats == n_repeats
    for repeat in range(n_repeats):
        tested = [
            t for (_, t), r in zip(protocol.splits, protocol.repeat, strict=True) if r == repeat
        ]
        assert len(np.unique(np.concatenate(tested))) == sum(map(len, tested))


def test_repeats_are_said():
    cv = RepeatedStratifiedKFold(n_splits=5, n_repeats=3, random_state=0)
    assert resolve_protocol(cv, X, Y).words == (
        "5-fold cross-validation (RepeatedStratifiedKFold), repeated 3 times"
    )


def test_splitter_that_ignores_groups_is_fine_where_each_row_is_its_own_group():
    protocol = resolve_protocol(KFold(3), X, Y, np.arange(60))
    assert len(protocol.splits) == 3


@pytest.mark.parametrize(
    ("cv", "groups", "message"),
    [
        ("leave-one-sight-out", SITES, "named protocols are"),
        ("leave-one-site-out", None, "pass the site of each row"),
        ("leave-one-site-out", np.repeat("va", 60), "with 1 site, but expected at least two"),
        (1, None, "at least 2 folds"),
        (31, None, "30 rows of class 0 for 31 folds"),
        (4, SITES, "3 groups for 4 folds"),
        (True, None, "expected None, a number of folds"),
        (KFold(3), PATIENTS[::-1] % 7, "groups in training and in test"),
        ([], None, "without any split"),
        ([(np.arange(30), np.arange(29, 60))], None, "row 29 in training and in test"),
        ([(np.arange(30), [40, 40])], None, "tests a row twice"),
        ([(np.arange(30), [60])], None, "outside 0 to 59"),
        ([(np.arange(30), [-1])], None, "outside 0 to 59"),
        ([(np.arange(30), [])], None, "at least one"),
        ([(np.arange(30), [40.0])], None, "dtype float64"),
    ],
)
def test_bad_protocols_are_refused_with_the_reason(cv, groups, message):
    with pytest.raises(ValueError, match=message):
        resolve_protocol(cv, X, Y, groups)
