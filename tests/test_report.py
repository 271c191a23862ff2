import re
from dataclasses import replace
from datetime import date
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import make_classification
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

from cardiorisk.datasets import load_heart_disease, make_ecg
from cardiorisk.evaluation import evaluate
from cardiorisk.exceptions import LeakageWarning
from cardiorisk.explain.report import Outcome, build_report
from cardiorisk.explain.report.inputs import prepare_inputs
from cardiorisk.explain.report.reasons import auroc_difference
from cardiorisk.features import ClinicalTable, ECGFeatures

QUICK = {"n_refits": 3, "n_bootstraps": 40, "random_state": 0, "day": date(2026, 1, 2)}
VOID = {"meta", "br", "img", "input", "hr", "link"}


class Reader(HTMLParser):
    """Collects tags, visible text and the text outside every svg."""

    def __init__(self, html):
        super().__init__()
        self.open, self.tags, self.text, self.outside, self.attributes = [], [], [], [], []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag, f"</{tag}> closes nothing"

    def handle_data(self, data):
        if "style" not in self.open and "title" not in self.open:
            self.text.append(data)
            if "svg" not in self.open:
                self.outside.append(data)


def words(parts):
    return re.sub(r"\s+", " ", " ".join(parts))


def linear():
    return make_pipeline(
        ClinicalTable(load_heart_disease().schema, impute="median"),
        StandardScaler(),
        LogisticRegression(),
    )


@pytest.fixture(scope="module")
def heart():
    return load_heart_disease()


@pytest.fixture(scope="module")
def report(heart):
    return build_report(
        linear(),
        heart.data,
        heart.target,
        sites=heart.groups,
        schema=heart.schema,
        outcome=Outcome("coronary disease", "is present at angiography", "referred adults"),
        title="Four centres",
        **QUICK,
    )


@pytest.fixture(scope="module")
def reader(report):
    return Reader(report.html)


@pytest.fixture(scope="module")
def small():
    X, y = make_classification(160, 5, n_informative=3, random_state=1)
    return pd.DataFrame(X, columns=["a", "b", "c", "d", "e"]), y


def quick(small, **options):
    model = DecisionTreeClassifier(max_depth=3, random_state=0)
    return build_report(model, *small, **{**QUICK, **options})


def test_report_is_one_well_formed_file_without_script_or_request(report, reader):
    assert not reader.open
    assert reader.tags.count("h1") == 1
    assert "script" not in reader.tags
    assert not any(name.startswith("on") or name == "src" for name, _ in reader.attributes)
    assert all(v.startswith("#") for n, v in reader.attributes if n == "href")
    assert "url(" not in report.html
    assert "@import" not in report.html
    assert "default-src 'none'" in report.html


def test_ids_are_unique_and_every_reference_exists(reader):
    ids = [value for name, value in reader.attributes if name == "id"]
    assert len(ids) == len(set(ids))
    named = [v for n, value in reader.attributes if n == "aria-labelledby" for v in value.split()]
    links = [value[1:] for name, value in reader.attributes if name == "href"]
    assert set(named + links) <= set(ids)


def test_every_informative_drawing_has_a_short_title(report):
    drawings = re.findall(r"<svg [^>]*>(?:<title.*?</desc>)?", report.html)
    for drawing in drawings:
        hidden = 'aria-hidden="true"' in drawing
        title = re.search(r"<title[^>]*>(.*?)</title>", drawing)
        assert hidden != bool(title)
        if title:
            assert 10 <= len(title[1]) <= 125
            assert "showing" not in title[1]


def test_size_budget(report):
    patients = len(report.summary.patients)
    pages = re.findall(r'<section class="page" id="patient-.*?</section>', report.html, re.DOTALL)
    assert len(pages) == patients == 3
    assert max(len(page.encode()) for page in pages) <= 40_000
    assert len(report.html.encode()) - sum(len(p.encode()) for p in pages) <= 300_000


def test_front_page_says_research_use_population_and_limits_first(reader):
    text = words(reader.text)
    order = [
        "Research use only. Not a medical device.",
        "Estimates whether coronary disease is present at angiography, in referred adults. "
        "It does not estimate future risk.",
        "920 people, 509 of them (55 in 100) with coronary disease.",
        "Also tested on each of 4 sites",
        "Age under 28 or over 77",
        "Serum total cholesterol is 0 in 172 of 920 people, which is impossible.",
        "152 of those 172 had the outcome",
        "All 172 come from switzerland and va",
        "TRIPOD+AI items are not reported",
        "Patient A",
    ]
    places = [text.index(sentence) for sentence in order]
    assert places == sorted(places)


def test_report_is_still_true_without_drawings(report, reader):
    text = words(reader.outside)
    summary = report.summary
    for patient in summary.patients:
        assert f"About {round(100 * patient.risk)} in 100" in text
        for reason in patient.reasons:
            assert reason.variable.label in text
            assert reason.value in text
    auroc = summary.performance.metrics["auroc"]
    assert f"AUROC {auroc.estimate:.2f} (95% interval {auroc.low:.2f} to {auroc.high:.2f})" in text
    for feature in summary.reasons.features:
        assert feature.variable.label in text
    curve = summary.performance.calibration.table
    assert str(int(curve["n"].iloc[0])) in text


def test_risks_come_from_models_that_did_not_see_the_person(heart, report):
    result = evaluate(linear(), heart.data, heart.target, n_bootstraps=0, random_state=0)
    fitted = linear().fit(heart.data, heart.target).predict_proba(heart.data)[:, 1]
    for patient in report.summary.patients:
        assert patient.risk == pytest.approx(result.risk[patient.row])
        assert patient.risk != pytest.approx(fitted[patient.row], abs=1e-6)
        assert patient.low <= patient.risk <= patient.high


def test_memorising_model_is_reported_as_useless():
    X = np.random.default_rng(0).normal(size=(200, 3))
    y = np.tile([0, 1], 100)
    summary = build_report(DecisionTreeClassifier(), X, y, **{**QUICK, "n_refits": 0}).summary
    assert 0.35 < summary.performance.metrics["auroc"].estimate < 0.65
    assert summary.performance.claim == (0.0, 0.0)


def test_reasons_and_the_rest_add_up_to_the_risk(report):
    for patient in report.summary.patients:
        total = patient.base + sum(reason.points for reason in patient.reasons) + patient.others
        assert total == pytest.approx(100 * patient.risk, abs=0.01)


def test_conformal_coverage_is_near_the_aim_in_both_classes(report):
    coverage = report.summary.performance.coverage
    classes = coverage[coverage["kind"] == "class"]
    assert len(classes) == 2
    assert classes["covered"].between(0.85, 0.96).all()
    assert list(coverage["kind"]).count("site") == 4


def test_missing_values_and_zeros_are_said(heart):
    X, y = heart.data.iloc[::4], heart.target.iloc[::4]
    row = int(np.flatnonzero((X["chol"] == 0) & X["ca"].isna())[0])
    result = build_report(linear(), X, y, schema=heart.schema, patients=[row], **QUICK)
    (patient,) = result.summary.patients
    assert "serum total cholesterol" in patient.missing
    text = words(Reader(result.html).text)
    assert "The model did not know: " in text
    assert re.search(r"(?<!\d)0 mg/dl", text) is None


def test_value_outside_training_is_flagged(small):
    X, y = small
    X = X.copy()
    X.loc[7, "a"] = 1000.0
    html = quick((X, y), patients=[7]).html
    assert "A 1000 is outside" in html
    assert "Do not rely on this estimate." in html


def test_hostile_names_values_and_titles_are_escaped(small):
    attack = "<img src=x onerror=alert(1)>\"'</title></script>"
    X, y = small
    X = X.rename(columns={"a": attack})
    X["kind"] = np.where(y == 1, attack + "1", "]]><svg onload=alert(2)>{{ 7 * 7 }}")
    model = make_pipeline(ClinicalTable(), DecisionTreeClassifier(max_depth=3))
    with pytest.warns(LeakageWarning, match="a rule on kind"):
        html = build_report(
            model,
            X,
            y,
            sites=np.where(np.arange(160) % 2, attack, "b"),
            outcome=Outcome(attack, attack, attack, not_for=(attack,)),
            title=attack,
            methods={5: attack},
            **QUICK,
        ).html
    seen = Reader(html)
    assert not seen.open
    assert "img" not in seen.tags
    assert "script" not in seen.tags
    assert not any(name.startswith("on") for name, _ in seen.attributes)
    assert "49" not in re.findall(r"alert\(2\)(?:&gt;|>)(\S+)", html)


def test_identifiers_are_never_printed(small):
    X, y = small
    X = X.set_index(pd.Index([f"SECRET-{i}" for i in range(160)]))
    groups = np.repeat([f"SECRET-P{i}" for i in range(80)], 2)
    assert "SECRET" not in quick((X, y), groups=groups).html


def test_patients_are_chosen_low_middle_high_or_as_asked(report, small):
    risks = [patient.risk for patient in report.summary.patients]
    assert risks == sorted(risks)
    assert risks[0] < 0.3 < 0.7 < risks[2]
    asked = quick(small, patients=[5, 3]).summary.patients
    assert [(patient.key, patient.row) for patient in asked] == [("A", 5), ("B", 3)]
    assert quick(small, patients=0).summary.patients == ()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"patients": [160]}, "different rows"),
        ({"patients": [1, 1]}, "different rows"),
        ({"patients": -1}, "0 or more"),
        ({"patients": "all"}, "row positions"),
        ({"groups": np.zeros(3)}, "groups of shape"),
        ({"ecgs": [None]}, "1 ecgs for 160 rows"),
        ({"methods": {28: "x"}}, "numbered 1 to 27"),
        ({"pos_label": 7}, "pos_label"),
        ({"n_refits": -1}, "n_refits=-1"),
    ],
)
def test_wrong_arguments_say_what_arrived(small, options, message):
    with pytest.raises(ValueError, match=message):
        quick(small, **options)


def test_wrong_data_say_what_arrived(small):
    X, y = small
    with pytest.raises(ValueError, match="3 classes"):
        quick((X, np.arange(160) % 3))
    with pytest.raises(ValueError, match="but 159 labels"):
        quick((X, y[1:]))
    with pytest.raises(ValueError, match="repeated column names"):
        quick((X.rename(columns={"b": "a"}), y))


def test_given_evaluation_is_used_and_checked(small):
    X, y = small
    model = DecisionTreeClassifier(max_depth=3)
    result = evaluate(model, X, y, cv=4, n_bootstraps=10, return_models=True, random_state=3)
    report = quick(small, evaluation=result)
    assert report.summary.performance.protocol.startswith("4-fold")
    row = report.summary.patients[0].row
    assert report.summary.patients[0].risk == pytest.approx(result.risk[row])
    with pytest.raises(ValueError, match="return_models"):
        quick(small, evaluation=replace(result, models=()))
    with pytest.raises(ValueError, match="other rows"):
        quick((X, 1 - y), evaluation=result)


def test_report_is_the_same_for_the_same_seed_and_other_n_jobs(small):
    first, second = quick(small), quick(small, n_jobs=2)
    assert first.html == second.html


def test_other_label_types_and_positive_class(small):
    X, y = small
    labels = np.where(y == 1, "ill", "well")
    report = quick((X, labels), pos_label="ill")
    assert report.summary.cohort.n_events == int(y.sum())


def test_save_and_notebook_view(report, tmp_path):
    path = tmp_path / "report.html"
    report.save(path)
    assert path.read_text(encoding="utf-8") == report.html
    view = report._repr_html_()
    assert view.startswith("<iframe")
    assert view.count('"') == 6  # the report inside srcdoc cannot end the attribute


def test_auroc_difference_equals_the_difference_of_two_aurocs():
    random = np.random.default_rng(0)
    events = random.uniform(size=300) < 0.4
    first = events + random.normal(size=300)
    second = np.round(0.3 * events + random.normal(size=300), 1)
    drop = auroc_difference(events, first, second[None], np.arange(300))
    expected = roc_auc_score(events, first) - roc_auc_score(events, second)
    assert drop.estimate == pytest.approx(expected)
    resampled = []
    for _ in range(400):
        rows = random.integers(300, size=300)
        pair = roc_auc_score(events[rows], first[rows]), roc_auc_score(events[rows], second[rows])
        resampled.append(pair[0] - pair[1])
    assert (drop.high - drop.low) / 3.92 == pytest.approx(np.std(resampled), rel=0.15)


def test_auroc_difference_widens_where_rows_repeat_a_patient():
    random = np.random.default_rng(1)
    events = random.uniform(size=200) < 0.5
    first, second = events + random.normal(size=200), random.normal(size=200)
    single = auroc_difference(events, first, second[None], np.arange(200))
    doubled = auroc_difference(
        np.tile(events, 2), np.tile(first, 2), np.tile(second, 2)[None], np.tile(np.arange(200), 2)
    )
    assert doubled.low == pytest.approx(single.low, abs=1e-3)


@pytest.fixture(scope="module")
def ecg_report():
    ecgs = make_ecg(
        60, rhythms=("sinus rhythm", "left bundle branch block"), noise=0.02, random_state=0
    )
    records = [
        replace(r, metadata={"simulated": True, "filter": "0.05-150 Hz"}) for r in ecgs.records
    ]
    labels = np.asarray(ecgs.target) == "left bundle branch block"
    tree = DecisionTreeClassifier(max_depth=2, random_state=0)
    engine = ECGFeatures(groups=("rhythm", "intervals"))
    with pytest.warns(LeakageWarning, match="a rule on qrs_duration"):
        return build_report(make_pipeline(engine, tree), records, labels, patients=2, **QUICK)


def test_ecg_records_are_measured_explained_and_drawn(ecg_report):
    for patient in ecg_report.summary.patients:
        assert patient.ecg is not None
        assert all(reason.variable.label != reason.variable.name for reason in patient.reasons)
    html = ecg_report.html
    text = words(Reader(html).text)
    assert text.count("SIMULATED ECG: not a recording of a person.") == 2
    assert "0.05-150 Hz" in text
    assert "Print at 100%" in text
    drawings = re.findall(r'<svg class="ecg".*?</svg>', html, re.DOTALL)
    assert len(drawings) == 2
    assert all('width="270mm"' in drawing for drawing in drawings)
    assert max(len(drawing.encode()) for drawing in drawings) <= 60_000


def test_ecg_records_need_a_pipeline_that_measures_them():
    ecgs = make_ecg(4, random_state=0)
    with pytest.raises(ValueError, match="starts with ECGFeatures"):
        prepare_inputs(DecisionTreeClassifier(), list(ecgs.records), [0, 1, 0, 1])


def test_rows_without_an_ecg_have_a_page_without_one(small):
    record = make_ecg(1, random_state=0).records[0]
    ecgs = [record if row == 4 else None for row in range(160)]
    report = quick(small, ecgs=ecgs, patients=[4, 5])
    assert [patient.ecg is None for patient in report.summary.patients] == [False, True]
    assert report.html.count('<svg class="ecg"') == 1
