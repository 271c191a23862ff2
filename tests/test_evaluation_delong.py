"""DeLong's covariance against MLstatkit, brute force over pairs, and resampling of patients."""

import numpy as np
import pytest
from MLstatkit import Delong_test
from scipy.special import expit
from sklearn.metrics import roc_auc_score

from cardiorisk.evaluation.delong import delong, delong_interval
from cardiorisk.evaluation.intervals import bootstrap
from cardiorisk.evaluation.measures import binary_measures


def cohort(n=150, seed=0, ties=False):
    rng = np.random.default_rng(seed)
    z = rng.normal(size=n)
    events = rng.random(n) < expit(z - 0.5)
    risks = expit(np.stack([z + rng.normal(size=n) * s for s in (0.5, 1.5)]))
    return events, risks.round(1) if ties else risks


def brute_force(events, risks):
    """The definition: the matrix of all pairs, its margins, their covariances."""
    cases, others = risks[:, events], risks[:, ~events]
    wins = (cases[:, :, None] > others[:, None]) + 0.5 * (cases[:, :, None] == others[:, None])
    m, n = cases.shape[1], others.shape[1]
    return wins.mean(axis=(1, 2)), np.cov(wins.mean(axis=2)) / m + np.cov(wins.mean(axis=1)) / n


@pytest.mark.parametrize("ties", [False, True])
def test_areas_and_covariance_are_those_of_all_pairs(ties):
    events, risks = cohort(ties=ties)
    found = delong(events, risks)
    area, covariance = brute_force(events, risks)
    np.testing.assert_allclose(found.auroc, area, rtol=1e-12)
    np.testing.assert_allclose(found.covariance, covariance, rtol=1e-10)
    np.testing.assert_allclose(found.auroc, [roc_auc_score(events, risk) for risk in risks])


@pytest.mark.parametrize("ties", [False, True])
def test_z_and_p_are_those_of_mlstatkit(ties):
    events, risks = cohort(n=300, ties=ties)
    z, _, _, _, first, second, info = Delong_test(events, *risks)
    area, covariance = delong(events, risks)
    variance = covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1]
    np.testing.assert_allclose(area, [first, second], rtol=1e-12)
    assert variance == pytest.approx(info["var_diff"], rel=1e-10)
    assert (area[1] - area[0]) / np.sqrt(variance) == pytest.approx(z, rel=1e-10)


def test_groups_of_one_row_change_nothing():
    events, risks = cohort()
    alone, grouped = delong(events, risks), delong(events, risks, np.arange(150)[::-1])
    np.testing.assert_allclose(grouped.covariance, alone.covariance, rtol=1e-12)


def test_copies_of_a_patient_are_no_new_patients():
    events, risks = cohort()
    copies = np.repeat(np.arange(150), 3)
    alone = delong(events, risks).covariance
    grouped = delong(events[copies], risks[:, copies], copies).covariance
    np.testing.assert_allclose(grouped, alone, rtol=1e-10)


def test_variance_with_patients_is_that_of_resampling_them():
    rng = np.random.default_rng(0)
    patient = np.repeat(np.arange(200), rng.integers(1, 5, 200))
    z = rng.normal(size=200)[patient] + 0.5 * rng.normal(size=len(patient))
    events = rng.random(200)[patient] < expit(z)
    risk = expit(z + rng.normal(size=200)[patient])
    area, covariance = delong(events, risk[None], patient)
    draws = bootstrap(
        binary_measures(events, risk), len(risk), groups=patient, n_bootstraps=2000, random_state=0
    )[:, 0]
    assert covariance[0, 0] == pytest.approx(np.var(draws), rel=0.1)
    assert covariance[0, 0] > 1.3 * delong(events, risk[None]).covariance[0, 0]
    assert area[0] == pytest.approx(roc_auc_score(events, risk))


def test_repeats_give_the_mean_area_and_no_new_rows():
    events, risks = cohort()
    twice = np.stack([risks[0], risks[0]])[None]
    once = delong(events, risks[:1])
    np.testing.assert_allclose(delong(events, twice).covariance, once.covariance, rtol=1e-12)
    both = delong(events, risks[None])
    assert both.auroc[0] == pytest.approx(delong(events, risks).auroc.mean())


def test_rows_that_were_not_tested_are_left_out():
    events, risks = cohort()
    holes = risks[:1].copy()
    holes[:, ::3] = np.nan
    kept = np.arange(150) % 3 > 0
    np.testing.assert_allclose(
        delong(events, holes).covariance, delong(events[kept], risks[:1, kept]).covariance
    )


def test_one_case_has_an_area_but_no_variance():
    area, covariance = delong(np.array([True, False, False]), np.array([[0.5, 0.4, 0.6]]))
    assert area[0] == 0.5
    assert np.isnan(covariance[0, 0])
    assert "single row" in delong_interval(0.5, covariance[0, 0]).reason


def test_interval_stays_inside_and_says_when_it_cannot_be():
    interval = delong_interval(0.99, 0.0004)
    assert 0 < interval.low < 0.99 < interval.high < 1
    assert "perfectly" in delong_interval(1.0, 0.0).reason
    assert np.isnan(delong_interval(np.nan, np.nan).estimate)
