"""Reporting lists: what is filled, what is left to a person, and what worries."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import make_classification
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from cardiorisk.evaluation import (
    calibration,
    checklist,
    decision_curve,
    drift,
    evaluate,
    recalibrate,
    subgroup_report,
)
from cardiorisk.evaluation.checklist import leakage_words, load_items

ARRAY, Y = make_classification(300, 4, weights=[0.7], flip_y=0.1, random_state=0)
X = pd.DataFrame(ARRAY, columns=list("abcd"))
X.loc[::10, "b"] = np.nan
MODEL = make_pipeline(StandardScaler(), LogisticRegression())
SEX = np.where(X["c"] > 0, "f", "m")
RESULT = evaluate(MODEL, X.fillna(0), Y, np.arange(300) // 2, n_bootstraps=50)


def everything():
    outcome, risk = RESULT.outcome, RESULT.risk
    options = {"n_bootstraps": 20}
    return checklist(
        RESULT,
        X=X,
        model=MODEL,
        n_parameters=4,
        subgroups=subgroup_report(outcome, risk, {"sex": SEX}, **options),
        calibration=calibration(outcome, risk, **options),
        decision=decision_curve(outcome, risk, **options),
        recalibration=recalibrate(outcome, risk, cv=3, n_bootstraps=0),
        drift=drift(X[:150], X[150:]),
        leakage="",
        given={"17": "Open data.", "2.2": "Measured first."},
    )


FULL = everything()


def texts(items):
    return {item.number: item.text for item in items}


def test_counts_are_those_of_the_result():
    tripod = texts(FULL.tripod_ai)
    events = int(Y.sum())
    assert f"300 rows of 150 patients or groups, {events} with the outcome" in tripod["10"]
    assert f"{events / 4:.1f} events a candidate parameter; by Riley's criteria" in tripod["10"]
    assert "1 of 4 columns have missing values, b the most (10 %)" in tripod["11"]
    assert "StandardScaler, LogisticRegression" in tripod["7"]
    assert str(RESULT.metrics["auroc"]) in tripod["23"]
    assert tripod["21"].startswith("5 models, trained on 238 to 242 ")
    assert "sex f" in tripod["14"]
    assert "O:E" in tripod["24"]


def test_what_only_a_person_knows_stays_a_todo():
    by_number = {item.number: item for item in FULL.tripod_ai}
    for number in ("3", "5", "6", "8", "18", "19", "25", "27"):
        assert by_number[number].status == "todo"
        assert by_number[number].text.startswith("TODO")
    assert (by_number["17"].status, by_number["17"].text) == ("given", "Open data.")
    assert texts(FULL.probast_ai)["2.2"] == "Measured first."
    waiting = [i for i in FULL.tripod_ai + FULL.probast_ai if i.status == "todo"]
    assert FULL.n_todo == len(waiting) > 10


def test_less_is_filled_where_less_is_known():
    bare = checklist(RESULT)
    assert bare.n_todo > FULL.n_todo
    assert "columns" not in texts(bare.tripod_ai)["10"]
    assert {i.number for i in bare.probast_ai if i.concern} >= {"4.6", "4.9"}


def test_concerns_are_raised_and_never_dismissed():
    assert {item.number for item in FULL.probast_ai if item.concern} <= {"4.1", "4.8"}
    rows = checklist(evaluate(MODEL, X.fillna(0), Y, n_bootstraps=0), n_parameters=40)
    concerns = {item.number: item.concern for item in rows.probast_ai}
    assert "without groups" in concerns["4.7"]
    assert "Riley" in concerns["4.1"]
    assert checklist(RESULT, leakage="cholesterol = 0 marks the site").probast_ai[7].concern
    assert "concern 4.7" in repr(rows)
    assert "low" not in " ".join(item.concern for item in FULL.probast_ai)


def test_external_results_say_so():
    fitted = MODEL.fit(X.fillna(0)[:150], Y[:150])
    external = evaluate(fitted, X.fillna(0)[150:], Y[150:], cv="external", n_bootstraps=20)
    filled = checklist(external)
    assert "not those of development" in texts(filled.tripod_ai)["16"]
    assert "for you to check" in texts(filled.probast_ai)["4.7"]
    assert filled.tripod_ai[20].status == "todo"


def test_json_and_table_hold_every_item(tmp_path):
    FULL.save(tmp_path / "checklist.json")
    content = json.loads((tmp_path / "checklist.json").read_text(encoding="utf-8"))
    assert len(content["tripod_ai"]) == 27
    assert content["n_todo"] == FULL.n_todo
    assert {"number", "item", "text", "status", "concern"} <= set(content["probast_ai"][0])
    assert len(FULL.to_frame()) == 27 + len(load_items("probast_ai"))


def test_sentences_use_known_fields_only():
    facts = {item.number for item in FULL.tripod_ai if item.status == "computed"}
    written = {number for number, entry in load_items("tripod_ai").items() if "computed" in entry}
    # 26 repeats the notes of the result, of which this one has none.
    assert written - facts == ({"26"} if not RESULT.notes else set())
    probast = load_items("probast_ai")
    done = {item.number for item in FULL.probast_ai if item.status == "computed"}
    assert {number for number, entry in probast.items() if "computed" in entry} == done


def test_unknown_numbers_are_refused():
    with pytest.raises(ValueError, match=r"items \['28'\]"):
        checklist(RESULT, given={"28": "x"})


def test_several_classes_and_labels_are_counted_one_by_one():
    three = evaluate(MODEL, X.fillna(0), np.arange(300) % 3, cv=5, n_bootstraps=0)
    text = checklist(three).tripod_ai[12].text
    assert text == "Of the rows, by classes: 0 100 (33 %), 1 100 (33 %), 2 100 (33 %)."
    with pytest.raises(ValueError, match="without pos_label"):
        checklist(three, n_parameters=5)
    labels = pd.DataFrame({"AF": np.arange(300) % 5 == 0, "LBBB": np.arange(300) % 10 == 1})
    several = evaluate(OneVsRestClassifier(MODEL), X.fillna(0), labels, cv=5, n_bootstraps=0)
    filled = checklist(several)
    assert "labels: AF 60 (20 %), LBBB 30 (10 %)" in filled.tripod_ai[12].text
    assert any("macro_auroc" in item.text for item in filled.tripod_ai)


def test_findings_of_the_guards_become_words():
    leaky = replace(RESULT, notes=("Leakage, rule_labels: a rule.", "Only 8 groups."))
    assert leakage_words(leaky, guarded=False) == "rule_labels: a rule."
    clean = replace(RESULT, notes=())
    assert leakage_words(clean, guarded=True) == ""
    assert leakage_words(clean, guarded=False) is None


def test_what_is_no_result_is_refused():
    with pytest.raises(TypeError, match="Got a int, but expected what evaluate returns"):
        checklist(3)
