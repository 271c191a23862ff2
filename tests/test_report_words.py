import re
from string import Formatter

import numpy as np
import pytest

from cardiorisk.evaluation.checklist import load_items
from cardiorisk.explain.report.pages import ecg_footer
from cardiorisk.explain.report.performance import claim_range, cutoff_counts
from cardiorisk.explain.report.summary import Outcome
from cardiorisk.explain.report.wording import (
    format_value,
    load_table,
    per_100,
    plain_number,
    points,
    risk_words,
    say,
)
from cardiorisk.records import ECGRecord, Variable

FORBIDDEN = (
    r"\bcaus(?:e|es|ed|ing)\b",
    r"\bdue to\b",
    r"\bleads to\b",
    r"\bsafe(?:ly)?\b",
    r"\bproves?\b",
    r"\bpatient will\b",
    r"\babnormal\b",
    r"\d\.\d{3}",
    r"%%",
)
ENTRIES = [
    (f"{section}.{name}", entry)
    for section, entries in load_table("en").items()
    for name, entry in entries.items()
]


@pytest.mark.parametrize(("key", "entry"), ENTRIES, ids=[key for key, _ in ENTRIES])
def test_sentence_is_short_plain_and_for_a_named_reader(key, entry):
    assert entry["audience"] in ("clinician", "lay", "data")
    forms = [entry[form] for form in ("text", "one") if form in entry]
    fields = [{f for _, f, _, _ in Formatter().parse(form) if f} for form in forms]
    assert all(extra <= fields[0] for extra in fields[1:])
    for form in forms:
        assert len(form) <= entry["max"]
        for pattern in FORBIDDEN:
            assert re.search(pattern, form, re.IGNORECASE) is None, pattern


def test_tripod_list_has_27_items_without_forbidden_words():
    table = load_items("tripod_ai")
    assert [int(number) for number in table] == list(range(1, 28))
    for entry in table.values():
        text = entry["item"] + entry.get("auto", "")
        assert not any(re.search(pattern, text, re.IGNORECASE) for pattern in FORBIDDEN)


def test_plural_follows_the_count():
    assert say("reason.up", pts=1, count=1) == "raises 1 point"
    assert say("reason.up", pts=2, count=2) == "raises 2 points"


@pytest.mark.parametrize(
    ("risk", "said"),
    [
        (0.0, "fewer than 1"),
        (0.0099, "fewer than 1"),
        (0.01, "1"),
        (0.125, "13"),
        (0.775, "78"),
        (0.99, "99"),
        (0.991, "more than 99"),
        (1.0, "more than 99"),
    ],
)
def test_risk_is_a_whole_number_of_100_or_words(risk, said):
    assert risk_words(risk) == said


def test_halves_round_up_and_points_symmetrically():
    assert [per_100(p) for p in (0.005, 0.025, 0.035)] == [1, 3, 4]
    assert (points(0.5), points(-0.5), points(-0.4)) == (1, -1, 0)


@pytest.mark.parametrize(
    ("value", "written"),
    [(233, "233"), (0.05, "0.05"), (412.333, "412"), (98.64, "98.6"), (-2.6, "-2.6"),
     (6.2, "6.2"), (1234.5, "1234"), (1e6, "1000000"), (0.0, "0"), (-0.001, "0")],
)  # fmt: skip
def test_number_has_no_digits_that_nobody_measured(value, written):
    assert plain_number(value) == written


def test_value_is_said_in_words_with_its_unit():
    sex = Variable("sex", "sex", categories={0: "female", 1: "male"})
    chol = Variable("chol", "cholesterol", "mg/dl", zero_is_missing=True)
    assert format_value(1.0, sex) == "male"
    assert format_value("1", sex) == "male"
    assert format_value(np.int64(0), sex) == "female"
    assert format_value(7, sex) == "7"
    assert format_value(233.0, chol) == "233 mg/dl"
    assert format_value(0, chol) == format_value(np.nan, chol) == "not recorded"
    assert format_value(None, sex) == "not recorded"
    assert format_value(True, Variable("x", "x")) == "True"
    assert format_value("some words", Variable("x", "x")) == "some words"


@pytest.mark.parametrize("seed", range(5))
def test_cutoff_counts_are_whole_people_that_add_up_to_100(seed):
    random = np.random.default_rng(seed)
    events, risk = random.uniform(size=97) < 0.4, random.uniform(size=97)
    counts = cutoff_counts(events, risk, 0.3)
    parts = (
        counts.with_flagged,
        counts.with_missed,
        counts.without_flagged,
        counts.without_cleared,
    )
    assert sum(parts) == 100
    exact = 100 * np.mean(events & (risk >= 0.3))
    assert abs(counts.with_flagged - exact) < 1


def test_claim_is_the_longest_reasonable_run_with_a_sure_gain():
    import pandas as pd

    from cardiorisk.evaluation import DecisionCurve

    thresholds = np.round(np.arange(0.01, 1.0, 0.01), 2)
    gain = np.where((thresholds > 0.1) & (thresholds < 0.3), 0.01, -0.01)
    gain[thresholds > 0.6] = 0.5  # nobody would wait for such a risk
    curve = DecisionCurve(pd.DataFrame({"threshold": thresholds, "gain_low": gain}), 0.3, 100, 30)
    assert claim_range(curve) == (0.11, 0.29)


def test_outcome_says_name_and_when_unless_a_statement_is_given():
    assert Outcome("disease", "is present").statement == "disease is present"
    assert Outcome("the outcome", statement="the heart failed").statement == "the heart failed"


def test_footer_never_claims_a_filter():
    record = ECGRecord(np.zeros((1, 10), np.float32), 250.0, ("II",))
    assert ecg_footer(record) == "fs 250  filter not stated"
