import numpy as np
import pytest
from scipy.stats import binom
from sklearn.metrics import roc_auc_score

from cardiorisk.datasets import make_ehr
from cardiorisk.datasets._ehr_conditions import PROFILE_SHARE, known_conditions
from cardiorisk.datasets._ehr_log import draw_log
from cardiorisk.datasets._ehr_risk import (
    OnsetRisk,
    expected_auroc,
    risk_given_history,
    sum_shares,
)
from cardiorisk.datasets.simulated_ehr import _design


@pytest.fixture(scope="module")
def ehr():
    return make_ehr(n_patients=6000, random_state=3)


def test_risk_given_the_history_is_calibrated(ehr):
    # Against the risk given the conditions, which the history does not tell, in tenths.
    for rows in np.array_split(np.argsort(ehr.true_risk), 10):
        error = ehr.latent_risk[rows].std() / np.sqrt(len(rows))
        assert abs(ehr.true_risk[rows].mean() - ehr.latent_risk[rows].mean()) < 4 * error


def test_no_other_score_of_the_history_ranks_better(ehr):
    codes = ehr.codes.set_index("code")
    group = codes["group"].reindex(ehr.histories.vocabulary).to_numpy()
    who, of_event = ehr.histories.event_patients(), group[ehr.histories.codes]
    conditions = known_conditions()
    score = np.zeros(len(ehr.target))
    for name, steps in zip(conditions.names, conditions.steps, strict=True):
        score += 0.25 * steps * (np.bincount(who[of_event == name], minlength=len(score)) > 1)
    assert expected_auroc(score, ehr.latent_risk) < ehr.optimal_auroc - 0.01
    assert ehr.optimal_auroc < ehr.latent_auroc


def test_the_expected_auroc_is_the_mean_over_drawn_outcomes(ehr):
    rng = np.random.default_rng(0)
    risk = ehr.latent_risk[:500]
    drawn = [roc_auc_score(rng.random(500) < risk, ehr.true_risk[:500]) for _ in range(400)]
    found = expected_auroc(ehr.true_risk[:500], risk)
    assert found == pytest.approx(np.mean(drawn), abs=4 * np.std(drawn) / 20)


def test_prevalence_is_that_asked_for():
    ehr = make_ehr(n_patients=20_000, prevalence=0.2, true_risk=False, random_state=0)
    assert "true_risk" not in ehr
    low, high = binom.interval(0.9999, 20_000, 0.2)
    assert low < ehr.target.sum() < high


def test_sums_over_independent_conditions():
    present = np.array([[0.5, 0.2, 0.9]])
    shares = sum_shares(present, np.array([1, 2, 0]))
    assert shares[0].tolist() == pytest.approx([0.4, 0.4, 0.1, 0.1])


def test_onset_risk_has_the_prevalence_over_the_profiles():
    conditions = known_conditions()
    onset = OnsetRisk(conditions, 0.1)
    mean = sum(
        share * (sum_shares(p[None], conditions.steps)[0] @ onset.by_sum)
        for share, p in zip(PROFILE_SHARE, conditions.prevalence, strict=True)
    )
    assert mean == pytest.approx(0.1)
    assert (np.diff(onset.by_sum) >= 0).all()


def test_risk_does_not_depend_on_the_batch(monkeypatch):
    rng = np.random.default_rng(0)
    conditions = known_conditions()
    design = _design(conditions, (3, 3, 3), 0.3, 10, 2, rng)
    log, onset = draw_log(50, design, rng), OnsetRisk(conditions, 0.1)
    whole = risk_given_history(log, design, onset)
    monkeypatch.setattr("cardiorisk.datasets._ehr_risk.BATCH", 7)
    assert risk_given_history(log, design, onset) == pytest.approx(whole, rel=1e-12)


def test_nothing_after_the_prediction_time_is_visible(ehr):
    histories = ehr.histories
    assert (histories.times <= ehr.prediction_times[histories.event_patients()]).all()
    failure = np.flatnonzero(histories.vocabulary == "diagnosis/heart failure/0")
    assert not np.isin(histories.codes, failure).any()
    later = np.isin(ehr.log.codes, failure)
    who = ehr.log.event_patients()[later]
    assert np.array_equal(np.sort(who), np.flatnonzero(ehr.target))
    days = (ehr.log.times[later] - ehr.prediction_times[who]) / np.timedelta64(1, "D")
    assert ((days > 0) & (days <= 365)).all()


def test_drugs_follow_a_diagnosis_of_the_same_condition(ehr):
    codes = ehr.codes.set_index("code").reindex(ehr.log.vocabulary)
    kind, group = codes["type"].to_numpy(), codes["group"].to_numpy()
    who, numbers, times = ehr.log.event_patients(), ehr.log.codes, ehr.log.times
    is_drug = (kind[numbers] == "drug") & (group[numbers] == "diabetes")
    is_diagnosis = (kind[numbers] == "diagnosis") & (group[numbers] == "diabetes")
    first = np.full(len(ehr.target), np.datetime64("9999-01-01", "us"))
    np.minimum.at(first, who[is_diagnosis], times[is_diagnosis])
    follows = times[is_drug] >= first[who[is_drug]]
    assert follows.mean() > 0.9  # the rest are the few that are coded by mistake


def test_share_of_rare_synonyms(ehr):
    rare = ehr.codes.set_index("code")["rare"].reindex(ehr.log.vocabulary).to_numpy(bool)
    group = ehr.codes.set_index("code")["group"].reindex(ehr.log.vocabulary).to_numpy()
    of_condition = ~np.isin(group, ["other reason", "heart failure"])[ehr.log.codes]
    assert 0.25 < rare[ehr.log.codes[of_condition]].mean() < 0.35


def test_same_seed_same_log():
    one, two = (make_ehr(100, random_state=5) for _ in range(2))
    assert np.array_equal(one.log.codes, two.log.codes)
    assert np.array_equal(one.true_risk, two.true_risk)
    assert not np.array_equal(one.log.codes, make_ehr(100, random_state=6).log.codes)


def test_the_log_goes_to_meds_shards_and_back(tmp_path):
    from cardiorisk.io import read_meds, write_meds

    ehr = make_ehr(120, random_state=0)
    write_meds(ehr.log, tmp_path / "meds", patients_per_shard=50)
    assert len(list((tmp_path / "meds" / "data").glob("**/*.parquet"))) == 3
    back = read_meds(tmp_path / "meds")
    assert len(back.codes) == len(ehr.log.codes)
    assert np.array_equal(back.vocabulary[back.codes], ehr.log.vocabulary[ehr.log.codes])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"n_patients": 0}, "n_patients=0"),
        ({"prevalence": 1.0}, "prevalence=1.0"),
        ({"rare_share": -0.1}, "rare_share=-0.1"),
        ({"synonyms": (3, 2)}, "synonyms"),
        ({"synonyms": (3, 0, 1)}, "synonyms"),
        ({"n_sites": True}, "n_sites=True"),
    ],
)
def test_numbers_out_of_range_are_refused(arguments, words):
    with pytest.raises(ValueError, match=words.replace("(", r"\(")):
        make_ehr(**arguments)
