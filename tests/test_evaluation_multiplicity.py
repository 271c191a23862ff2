"""Corrections of p-values against statsmodels."""

import numpy as np
import pytest
from statsmodels.stats.multitest import multipletests

from cardiorisk.evaluation.multiplicity import adjust_p_values


@pytest.mark.parametrize(
    ("ours", "theirs"), [("bonferroni", "bonferroni"), ("holm", "holm"), ("bh", "fdr_bh")]
)
def test_correction_equals_statsmodels(ours, theirs):
    p = np.random.default_rng(0).random(60) ** 3
    p[7] = p[8]
    np.testing.assert_allclose(adjust_p_values(p, ours), multipletests(p, method=theirs)[1])
    with_gap = np.insert(p, 5, np.nan)
    np.testing.assert_allclose(
        np.delete(adjust_p_values(with_gap, ours), 5), multipletests(p, method=theirs)[1]
    )


def test_nothing_to_correct():
    assert adjust_p_values([], "holm").size == 0
    assert np.isnan(adjust_p_values([np.nan], "holm")).all()


def test_unknown_correction_is_refused():
    with pytest.raises(ValueError, match="Got correction='sidak'"):
        adjust_p_values([0.1], "sidak")
