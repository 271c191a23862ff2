"""What the report warns of: leakage, a site among the inputs, far values, miscalibration."""

from dataclasses import replace
from datetime import date
from importlib.metadata import PackageNotFoundError

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import make_classification
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.tree import DecisionTreeClassifier

from cardiorisk.datasets import make_ecg
from cardiorisk.evaluation import Interval
from cardiorisk.exceptions import LeakageWarning
from cardiorisk.explain.report import build_report, methods
from cardiorisk.explain.report.front_page import front_words
from cardiorisk.explain.report.html import to_html
from cardiorisk.explain.report.patients import MAX_FLAGS
from cardiorisk.explain.report.performance_page import performance_words
from cardiorisk.features import ClinicalTable
from cardiorisk.records import Variable

QUICK = {"n_refits": 3, "n_bootstraps": 40, "random_state": 0, "day": date(2026, 1, 2)}


@pytest.fixture(scope="module")
def small():
    X, y = make_classification(160, 5, n_informative=3, random_state=1)
    return pd.DataFrame(X, columns=["a", "b", "c", "d", "e"]), y


def quick(data, **options):
    model = DecisionTreeClassifier(max_depth=3, random_state=0)
    return build_report(model, *data, **{**QUICK, **options})


@pytest.fixture(scope="module")
def report(small):
    return quick(small, patients=1)


def with_performance(report, **changes):
    performance = replace(report.summary.performance, **changes)
    return replace(report.summary, performance=performance)


def test_package_that_is_not_installed_is_left_out_and_fails_nothing(report, monkeypatch):
    def version(name):
        if name == "xgboost":
            raise PackageNotFoundError(name)
        return "1.0"

    monkeypatch.setattr(methods, "version", version)
    names = [name for name, _ in methods._installed()]
    assert "numpy" in names
    assert "xgboost" not in names
    assert "shap" not in dict(report.summary.provenance.packages)


def test_stability_counts_refits(small):
    report = quick(small, patients=1, n_refits=4)
    (patient,) = report.summary.patients
    assert f"the same three in {round(4 * patient.stability)} of 4 refits." in report.html
    assert "Fitted 4 more times" in report.html
    X, y = small
    few = quick((X[["a", "b"]], y), patients=1)
    assert "three strongest" not in few.html


def test_no_answer_is_counted_on_the_front_card_and_explained(report):
    coverage = report.summary.performance.coverage
    said = "of people with the outcome and of people without it. Do not read it as either."
    for share, words in ((0.0, None), (0.004, "fewer than 1"), (0.07, "7")):
        summary = with_performance(report, coverage=coverage.assign(empty=share))
        fact = front_words(summary)["coverage_fact"]
        assert (f"{words} in 100 'no answer'" in fact) == (words is not None)
        assert (said in to_html(summary)) == (words is not None)


def test_patient_page_says_the_coverage_that_was_measured(report):
    coverage = report.summary.performance.coverage.set_index("level")["covered"]
    found = [round(100 * coverage[f"{word} the outcome"]) for word in ("with", "without")]
    assert f"it did for {found[0]} and {found[1]} of 100." in report.html


@pytest.mark.parametrize(
    ("slope", "ratio", "said", "unsaid"),
    [
        (Interval(0.7, 0.5, 0.9), Interval(1, 0.9, 1.1), ["too extreme"], ["too close", "Overall"]),
        (Interval(1.4, 1.2, 1.6), Interval(0.8, 0.7, 0.9), ["too close", "too high:"], ["extreme"]),
        (Interval(1, 0.9, 1.1), Interval(1.3, 1.1, 1.5), ["Overall they are too low"], ["slope"]),
        (Interval(0.7, np.nan, np.nan), Interval(1, 0.9, 1.1), [], ["slope", "Overall"]),
    ],
)
def test_miscalibration_is_said_where_the_interval_leaves_out_one(
    report, slope, ratio, said, unsaid
):
    metrics = {**report.summary.performance.metrics, "calibration_slope": slope}
    metrics["observed_expected_ratio"] = ratio
    sentence = performance_words(with_performance(report, metrics=metrics))["calibration_sentence"]
    assert all(words in sentence for words in said)
    assert not any(words in sentence for words in unsaid)


def test_left_out_site_with_a_clear_difference_is_said_in_people(report):
    table = pd.DataFrame(
        {
            "held_out": ["far", "near", "tiny"],
            "n_test": [100, 100, 30],
            "n_events": [40, 40, 3],
            "observed_expected_ratio": [0.5, 1.0, 0.1],
            "observed_expected_ratio_low": [0.4, 0.9, 0.05],
            "observed_expected_ratio_high": [0.6, 1.1, 0.2],
        }
    )
    said = performance_words(with_performance(report, left_out_sites=table))["left_out_sentences"]
    assert said == [
        "In far the model expected 80 of 100 people to have the outcome, and 40 had it."
    ]


@pytest.mark.filterwarnings("ignore::cardiorisk.exceptions.TableWarning")
@pytest.mark.parametrize("coded", [False, True])
def test_site_that_is_an_input_is_said_under_any_coding(small, coded):
    X, y = small
    sites = np.array(["north", "south", "west"])[np.arange(160) % 3]
    column = pd.Series(sites).map({"north": 7, "south": 1, "west": 4}) if coded else sites
    X = X.assign(place=column)
    model = make_pipeline(ClinicalTable(), DecisionTreeClassifier(max_depth=3))
    options = {**QUICK, "sites": sites, "patients": 0, "n_refits": 0}
    doubts = front_words(build_report(model, X, y, **options).summary)["doubts"]
    assert sum("The hospital itself is an input (place)" in line for line in doubts) == 1
    mixed = X.assign(place=X["place"].sample(frac=1, random_state=0).to_numpy())
    doubts = front_words(build_report(model, mixed, y, **options).summary)["doubts"]
    assert not any("itself is an input" in line for line in doubts)


def test_value_just_beyond_the_range_is_not_flagged(small):
    X, y = small
    X = X.copy()
    width = np.ptp(X["a"])
    for step, flagged in ((0.02, False), (0.5, True)):
        X.loc[7, "a"] = X["a"].drop(7).max() + step * width
        (patient,) = quick((X, y), patients=[7], n_refits=0).summary.patients
        assert [note.key for note in patient.flags] == ["warn.oor"] * flagged


def test_wide_table_lists_far_values_by_size_and_weakly_where_they_do_nothing():
    random = np.random.default_rng(0)
    X = pd.DataFrame(random.normal(size=(160, 40)), columns=[f"x{k}" for k in range(40)])
    y = (X["x0"] + random.normal(size=160) > 0).to_numpy().astype(int)
    X.loc[5, ["x0", "x20", "x21", "x22", "x23"]] = [50.0, 60.0, 90.0, 70.0, 40.0]
    model = DecisionTreeClassifier(max_depth=1, random_state=0)
    report = build_report(model, X, y, patients=[5], **QUICK)
    flags = report.summary.patients[0].flags
    assert [note.fields["name"] for note in flags[:MAX_FLAGS]] == ["X21", "X22", "X20"]
    assert {note.key for note in flags[:MAX_FLAGS]} == {"warn.oor_weak"}
    assert flags[MAX_FLAGS].fields["names"].startswith("X0; X23")
    assert flags[-1].key == "warn.oor_unlike"
    X.loc[5, ["x0", "x20", "x21", "x22", "x23"]] = 0.1
    report = build_report(model, X, y, patients=[5], **QUICK)
    assert report.summary.patients[0].flags[-1].key == "warn.oor_wide"
    assert "Do not rely on this estimate." not in report.html
    X.loc[5, "x0"] = 500.0
    flags = build_report(model, X, y, patients=[5], **QUICK).summary.patients[0].flags
    assert flags[0].key == "warn.oor"


def test_wide_table_lists_the_strongest_thirty_measurements():
    random = np.random.default_rng(0)
    X = pd.DataFrame(random.normal(size=(160, 40)), columns=[f"x{k}" for k in range(40)])
    y = (X["x37"] + random.normal(size=160) > 0).to_numpy().astype(int)
    model = DecisionTreeClassifier(max_depth=2, random_state=0)
    report = build_report(model, X, y, patients=0, **QUICK)
    cohort = report.html.split('id="cohort"')[1].split("</section>")[0]
    assert cohort.count('<th scope="row">') == 30
    assert cohort.index(">x37<") < min(
        cohort.index(f">x{k}<") for k in (1, 2) if f">x{k}<" in cohort
    )
    assert "10 further ones are not listed" in cohort


def test_perfect_separation_is_suspected_of_leakage_and_still_explained():
    random = np.random.default_rng(0)
    y = np.arange(160) % 2
    X = pd.DataFrame({name: y + 0.01 * random.normal(size=160) for name in "abc"})
    with pytest.warns(LeakageWarning, match="a rule on a"):
        report = build_report(LogisticRegression(), X, y, patients=0, **QUICK)
    assert report.summary.reasons.by_drop is False
    assert front_words(report.summary)["doubts"][0].startswith("An AUROC of 1.00 usually means")
    assert "No single measurement is needed to rank people" in report.html
    assert "lowers the AUROC by" not in report.html
    assert "mean change of the estimate, points per 100" in report.html


def test_simulated_records_are_not_called_patients_of_a_hospital(small):
    record = make_ecg(1, random_state=0).records[0]
    assert record.metadata["simulated"]
    X, y = small
    X = X.assign(a=X["a"].where(X.index % 2 == 0))
    report = quick((X, y), ecgs=[record] * 160, patients=1)
    assert "160 simulated records, no patients;" in report.html
    assert "A is missing in 80 of 160 simulated records (50 in 100)" in report.html
    assert "hospital" not in report.html
    one_real = [replace(record, metadata={}), *[record] * 159]
    real = quick((X, y), ecgs=one_real, patients=1).html
    assert "no patients" not in real
    assert "A is missing in 80 of 160 people (50 in 100)" in real


def test_columns_may_have_numbers_as_names(small):
    X, y = small
    X = X.set_axis(range(5), axis=1)
    report = quick((X, y), patients=1)
    assert {reason.variable.label for reason in report.summary.patients[0].reasons} <= set("01234")


def test_name_that_ends_in_a_bracket_is_not_followed_by_another(small):
    X, y = small
    schema = {name: Variable(name, f"wave {name} (negative)", "mV") for name in X.columns}
    html = quick((X, y), schema=schema, patients=1).html
    assert " mV, raises the estimate" in html or " mV, lowers the estimate" in html
    assert ") (" not in html.split("Why: what moves")[1].split("<table")[0]


@pytest.mark.parametrize(("first", "said"), [(ClinicalTable, True), (FunctionTransformer, False)])
def test_zeros_that_are_treated_as_missing_are_no_reason_to_refuse_a_person(first, said):
    chol = np.r_[np.zeros(20), np.linspace(150, 300, 140)]
    X = pd.DataFrame({"chol": chol, "b": np.random.default_rng(0).normal(size=160)})
    schema = {"chol": Variable("chol", "cholesterol", "mg/dl", 50, 700, zero_is_missing=True)}
    model = make_pipeline(
        ClinicalTable(schema) if said else FunctionTransformer(),
        DecisionTreeClassifier(max_depth=2, random_state=0),
    )
    report = build_report(model, X, np.tile([0, 1], 80), schema=schema, patients=0, **QUICK)
    lines = [line for line in front_words(report.summary)["not_for"] if "recorded as 0" in line]
    assert len(lines) == 1
    assert ("rests on the other measurements" in lines[0]) == said


def test_category_plot_is_explained_by_side_and_not_by_height(report):
    assert "to the right or left for a category" in report.html
    assert "Height:" not in report.html


def test_wide_boxes_show_a_shade_where_more_is_beyond(report):
    style = report.html.split("<style>")[1].split("</style>")[0]
    scroll = style.split(".scroll {")[1].split("}")[0]
    assert "local" in scroll
    assert "scroll" in scroll.split("background:")[1]
    assert "thead .num { white-space: normal; }" in style


def test_zero_is_not_said_to_be_treated_without_clinical_table():
    chol = np.r_[np.zeros(20), np.linspace(150, 300, 140)]
    X = pd.DataFrame({"chol": chol, "b": np.random.default_rng(0).normal(size=160)})
    schema = {"chol": Variable("chol", "cholesterol", "mg/dl", 50, 700, zero_is_missing=True)}
    y = np.tile([0, 1], 80)
    text = quick((X, y), schema=schema).html
    assert "is not known: its first step is not a ClinicalTable" in text
