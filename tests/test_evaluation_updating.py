"""Updates of risks against statsmodels, judged on rows that they were not fitted to."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from scipy.special import expit, logit
from sklearn.isotonic import IsotonicRegression

from cardiorisk.evaluation import recalibrate
from cardiorisk.evaluation.updating import METHODS


def cohort(n=1200, seed=0):
    """Risks that are too high by one and twice too extreme."""
    rng = np.random.default_rng(seed)
    z = rng.normal(size=n)
    return rng.random(n) < expit(z), expit(2 * z + 1)


EVENTS, RISK = cohort()
FOUND = recalibrate(EVENTS, RISK, n_bootstraps=100)


def test_intercept_and_slope_are_those_of_statsmodels():
    family = sm.families.Binomial()
    line = sm.GLM(EVENTS.astype(float), sm.add_constant(logit(RISK)), family=family).fit()
    np.testing.assert_allclose(FOUND.line, line.params, rtol=1e-6)
    ones = np.ones((len(RISK), 1))
    shift = sm.GLM(EVENTS.astype(float), ones, family=family, offset=logit(RISK)).fit()
    assert FOUND.intercept == pytest.approx(shift.params[0], rel=1e-6)


def test_each_update_repairs_what_it_can():
    table = FOUND.table
    assert table.index.tolist() == list(METHODS)
    assert abs(table.loc["none", "calibration_intercept"]) > 0.5
    assert abs(table.loc["intercept", "calibration_intercept"]) < 0.1
    assert table.loc["intercept", "calibration_slope"] == pytest.approx(0.5, abs=0.1)
    assert table.loc["slope", "calibration_slope"] == pytest.approx(1, abs=0.05)
    assert (table.loc[["slope", "isotonic"], "ici"] < 0.5 * table.loc["none", "ici"]).all()
    assert table.loc["slope", "auroc"] == pytest.approx(table.loc["none", "auroc"], abs=0.005)
    limits = table.loc["none", ["ici_low", "ici", "ici_high"]].to_numpy()
    assert (np.diff(limits) > 0).all()


def test_updates_are_judged_on_rows_that_they_were_not_fitted_to():
    rng = np.random.default_rng(0)
    noise, events = rng.uniform(size=120), rng.random(120) < 0.5
    found = recalibrate(events, noise, n_bootstraps=0).table
    in_sample = IsotonicRegression().fit_transform(noise, events)
    assert np.mean((in_sample - events) ** 2) < 0.25
    assert found.loc["isotonic", "brier"] > 0.25  # what is learnt from noise does harm elsewhere


def test_apply_is_the_fit_to_all_rows():
    a, b = FOUND.line
    np.testing.assert_allclose(FOUND.apply([0.2, 0.7]), expit(a + b * logit([0.2, 0.7])))
    np.testing.assert_allclose(
        FOUND.apply([0.2], "intercept"), expit(FOUND.intercept + logit([0.2]))
    )
    np.testing.assert_array_equal(FOUND.apply([0.0, 0.3, 1.0], "none"), [0, 0.3, 1])
    edge = 0.5 / len(RISK)
    outside = IsotonicRegression(y_min=edge, y_max=1 - edge, out_of_bounds="clip")
    np.testing.assert_allclose(
        FOUND.apply(RISK[:50], "isotonic"), outside.fit(RISK, EVENTS).predict(RISK[:50])
    )
    with pytest.raises(ValueError, match="Got method='platt'"):
        FOUND.apply([0.2], "platt")


def test_patients_are_kept_whole_and_words_are_accepted():
    copies = np.repeat(np.arange(300), 4)
    words = np.where(EVENTS[:300], "ill", "well")[copies]
    found = recalibrate(
        pd.Series(words), RISK[:300][copies], groups=copies, pos_label="ill", n_bootstraps=50
    )
    assert "groups kept whole" in found.protocol
    alone = recalibrate(EVENTS[:300], RISK[:300], n_bootstraps=50).table
    width = [t["brier_high"] - t["brier_low"] for t in (found.table, alone)]
    np.testing.assert_allclose(*width, rtol=0.5)


def test_few_rows_are_no_ground_for_an_isotonic_curve():
    few = recalibrate(EVENTS[:200], RISK[:200], n_bootstraps=0)
    assert "200 rows are few for an isotonic curve" in repr(few)
    assert FOUND.notes == ()


def test_a_slope_that_does_not_exist_is_said():
    with pytest.raises(ValueError, match="'slope' does not exist"):
        recalibrate([0] * 20 + [1] * 20, [0.1] * 20 + [0.9] * 20, cv=2, n_bootstraps=0)
