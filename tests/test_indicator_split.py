"""Splitting multi-label rows by group."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cardiorisk.estimators._inner_splits import early_stopping_split


def cohort(seed=0, n_rows=600, n_labels=12):
    rng = np.random.default_rng(seed)
    y = (rng.random((n_rows, n_labels)) < np.geomspace(0.01, 0.5, n_labels)).astype(int)
    return y, rng.integers(0, 250, n_rows)


def spread(y, part):
    """Mean distance of the labels' shares in a part from those in all rows."""
    return np.abs(y[part].mean(axis=0) / y.mean(axis=0) - 1).mean()


def test_groups_stay_whole_and_every_label_is_shared_out():
    y, groups = cohort()
    train, validation = early_stopping_split(y, groups, 0.2, 0)
    assert not set(groups[train]) & set(groups[validation])
    assert sorted([*train, *validation]) == list(range(len(y)))
    assert 0.18 < len(validation) / len(y) < 0.22
    assert y[train].any(axis=0).all()
    assert y[validation].any(axis=0).all()


def test_labels_are_shared_out_better_than_by_chance():
    y, groups = cohort()
    ours = spread(y, early_stopping_split(y, groups, 0.2, 0)[1])
    chance = []
    for seed in range(20):
        held = np.random.default_rng(seed).permutation(250)[:50]
        chance.append(spread(y, np.isin(groups, held)))
    assert ours < min(chance)


def test_the_seed_decides():
    y, groups = cohort()
    first, again, other = (early_stopping_split(y, groups, 0.2, seed)[1] for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


@given(st.integers(0, 10_000), st.integers(2, 40), st.integers(1, 5), st.floats(0.05, 0.5))
@example(seed=3, n_rows=3, n_labels=3, fraction=0.5)
@settings(max_examples=60, deadline=None)
def test_a_label_that_is_held_back_is_also_trained_on(seed, n_rows, n_labels, fraction):
    rng = np.random.default_rng(seed)
    y = (rng.random((n_rows, n_labels)) < rng.random(n_labels)).astype(int)
    train, validation = early_stopping_split(y, None, fraction, seed)
    assert len(train)
    assert len(validation)
    alone = y.sum(axis=0) == 1
    assert not y[validation][:, alone].any() or y[:, alone].any(axis=1).all()


def test_one_group_cannot_be_split():
    with pytest.raises(ValueError, match="Got 1 group"):
        early_stopping_split(np.eye(3, dtype=int), np.zeros(3), 0.2, 0)
