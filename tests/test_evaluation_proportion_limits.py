"""Limits of proportions against statsmodels, and what groups of rows are worth."""

import numpy as np
import pytest
from statsmodels.stats.proportion import proportion_confint

from cardiorisk.evaluation.proportion_limits import clopper_pearson, jeffreys, share_of

HITS = np.arange(8)


def of_statsmodels(method):
    return np.transpose([proportion_confint(k, 7, 0.1, method) for k in HITS])


def test_clopper_pearson_limits_are_those_of_statsmodels():
    limits = clopper_pearson(HITS / 7, np.full(8, 7), 0.9)
    np.testing.assert_allclose(limits, of_statsmodels("beta"))


def test_jeffreys_limits_are_those_of_statsmodels_and_closed_at_the_ends():
    low, high = jeffreys(HITS / 7, np.full(8, 7), 0.9)
    expected = of_statsmodels("jeffreys")
    np.testing.assert_allclose([low[1:], high[:-1]], [expected[0][1:], expected[1][:-1]])
    assert (low[0], high[-1]) == (0, 1)


def test_rows_of_a_group_that_agree_are_worth_one():
    hit = np.repeat([True, False], [300, 600])
    everyone, unit = np.ones(900, dtype=bool), np.repeat(np.arange(90), 10)
    assert share_of(everyone, hit).n_effective == 900
    assert share_of(everyone, hit, unit).n_effective == pytest.approx(90, rel=0.05)
    assert share_of(everyone, everyone, unit).n_effective == pytest.approx(90, rel=0.05)


@pytest.mark.parametrize(("n_groups", "size"), [(20, 2), (20, 3), (50, 10), (1, 30)])
def test_groups_that_do_not_differ_are_worth_no_more_than_their_number(n_groups, size):
    hit = np.tile(np.arange(size) == 0, n_groups)
    share = share_of(np.ones(hit.size, dtype=bool), hit, np.repeat(np.arange(n_groups), size))
    assert 0 < share.n_effective <= n_groups


def test_few_groups_are_worth_less_than_their_number():
    hit = np.tile([True, False], 6)
    share = share_of(np.ones(12, dtype=bool), hit, np.repeat(np.arange(4), 3))
    assert share.value == 0.5
    assert share.n_effective < 12
