"""Sample sizes against the published examples and the pmsampsize packages."""

import pytest

from cardiorisk.evaluation import sample_size_development, sample_size_external
from cardiorisk.evaluation.sample_size import cox_snell_from_auroc


def test_published_example_of_a_diagnostic_model():
    # Riley 2019, Chagas disease: 24 parameters, prevalence 17.4 %, R2 0.288; pmsampsize 0.1.0
    # gives 623, 662 and 221, and 4.8 events a parameter, as the paper does.
    size = sample_size_development(24, 0.174, r2_cox_snell=0.288)
    assert size.table["needed"].tolist() == [623, 662, 221]
    assert (size.needed, size.events) == (662, 116)
    assert size.per_parameter == pytest.approx(4.8, abs=0.005)


@pytest.mark.parametrize(
    ("n_parameters", "prevalence", "auroc", "r2", "needed"),
    [(24, 0.174, 0.89, 0.2908, [615, 660, 221]), (12, 0.05, 0.75, 0.0412, [2561, 712, 73])],
)
def test_from_auroc_as_simulated_by_pmsampsize(n_parameters, prevalence, auroc, r2, needed):
    assert cox_snell_from_auroc(auroc, prevalence) == pytest.approx(r2, abs=2e-4)
    size = sample_size_development(n_parameters, prevalence, auroc=auroc)
    assert size.table["needed"].tolist() == pytest.approx(needed, rel=0.001)


def test_external_validation_as_pmvalsampsize_and_the_paper():
    # pmvalsampsize 0.2.1 (a million simulated log-odds): 876, 1858, 836.
    size = sample_size_external(0.1, 0.8, oe_width=0.4, slope_width=0.3, auroc_width=0.1)
    assert size.table["needed"].tolist() == pytest.approx([876, 1858, 836], rel=0.01)
    # Riley 2021, section 4: 905, 4544 and 4252 with log-odds of mean -5 and sd 2.5.
    size = sample_size_external(0.018, 0.8, log_odds=(-5, 2.5), oe_width=1)
    assert size.table["needed"].tolist() == pytest.approx([905, 4544, 4252], rel=0.005)


def test_people_at_hand_are_judged():
    few = sample_size_development(24, 0.174, r2_cox_snell=0.288, n=640)
    assert few.table["enough"].tolist() == [True, False, True]
    assert few.enough is False
    assert "640 at hand are too few; 4.6 events a parameter" in repr(few)
    assert sample_size_external(0.1, 0.8, n=10_000).enough
    assert sample_size_external(0.1, 0.8).enough is None


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        ((0, 0.1), {"auroc": 0.8}, "Got n_parameters=0"),
        ((5, 1.2), {"auroc": 0.8}, r"Got prevalence=1\.2"),
        ((5, 0.1), {}, "both or neither"),
        ((5, 0.1), {"auroc": 0.8, "r2_cox_snell": 0.1}, "both or neither"),
        ((5, 0.1), {"auroc": 0.5}, r"Got auroc=0\.5"),
        ((5, 0.1), {"r2_cox_snell": 0.9}, r"between 0 and 0\.478"),
    ],
    ids=str,
)
def test_impossible_plans_are_refused(arguments, options, message):
    with pytest.raises(ValueError, match=message):
        sample_size_development(*arguments, **options)


def test_impossible_validations_are_refused():
    with pytest.raises(ValueError, match="Got oe_width=0"):
        sample_size_external(0.1, 0.8, oe_width=0)
    with pytest.raises(ValueError, match="Got prevalence=0"):
        sample_size_external(0, 0.8)
