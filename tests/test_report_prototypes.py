"""The report shows which training windows an ECG resembles, and names nobody."""

import re
import shutil

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

pytest.importorskip("torch")

from cardiorisk.datasets._planted_beats import make_planted_ecg
from cardiorisk.estimators import ProtoECGNetClassifier
from cardiorisk.explain import build_report, explain
from cardiorisk.explain.report.prototypes import match_prototypes
from cardiorisk.features import ECGFilter

SETTINGS = {
    "width": 4,
    "latent_dim": 8,
    "prototypes_per_class": 2,
    "backbone_epochs": 1,
    "prototype_epochs": 1,
    "random_state": 0,
}


@pytest.fixture(scope="module")
def planted():
    return make_planted_ecg(40, sampling_rate=200, random_state=0)


@pytest.fixture(scope="module")
def network(planted):
    names = np.where(planted.target[:20] != "", "PVC <b>", "none")
    steps = ECGFilter(baseline=None, mains=None), ProtoECGNetClassifier(**SETTINGS)
    return make_pipeline(*steps).fit(list(planted.records[:20]), names)


def make_report(planted, prototypes):
    y = (planted.target[20:] != "").astype(int)
    X = np.random.default_rng(0).normal(size=(20, 2))
    return build_report(
        LogisticRegression(),
        X,
        y,
        ecgs=[*planted.records[20:39], None],
        prototypes=prototypes,
        patients=[1, 4, 19],
        n_refits=0,
        n_bootstraps=5,
    )


@pytest.fixture(scope="module")
def report(planted, network):
    return make_report(planted, network)


def test_both_windows_are_drawn_with_words(report):
    first, second, without = report.summary.patients
    assert [match.branch == "morphology" for match in first.matches] == [True, False]
    assert without.matches == ()
    drawings = re.findall(r'<svg class="ecg"[^>]*aria-labelledby="match-.*?</svg>', report.html)
    assert len(drawings) == len(first.matches) + len(second.matches)
    for drawing in drawings:
        assert len(drawing.encode()) <= 60_000
        assert "Training ECG with" in drawing
        assert "This ECG" in drawing
        assert "<title" in drawing
        assert "shaded windows" in drawing


def test_no_record_is_named_and_labels_are_escaped(report, planted):
    assert not any(record.record_id in report.html for record in planted.records)
    assert "PVC <b>" not in report.html
    assert "PVC &lt;b&gt;" in report.html


def test_the_page_says_what_explain_says(report, planted, network):
    match = report.summary.patients[0].matches[0]
    reasons = explain(network, [planted.records[21]], method="prototype")
    values = reasons.values[0]
    assert match.contribution in values
    local = ["(morphology" in name for name in reasons.feature_names]
    assert abs(match.contribution) == np.abs(values[local]).max()
    assert f"{match.contribution:+.2f} in log-odds" in report.html


def test_a_training_ecg_is_not_passed_off_as_unseen(planted, network):
    source = network[-1].prototypes_["record"].iloc[0]
    record = next(one for one in planted.records if one.record_id == source)
    assert all(match.trained_on for match in match_prototypes(network, record))
    assert not any(match.trained_on for match in match_prototypes(network, planted.records[30]))


def test_a_network_without_ecgs_is_shown_in_words(planted):
    model = ProtoECGNetClassifier(**SETTINGS | {"keep_records": False})
    model.fit(planted.records[:20], planted.target[:20] != "")
    html = make_report(planted, model).html
    assert "keeps no training ECGs" in html
    assert 'aria-labelledby="match-' not in html


def test_other_models_are_refused_at_once(planted):
    with pytest.raises(TypeError, match="ProtoECGNetClassifier"):
        make_report(planted, LogisticRegression())


@pytest.mark.browser
def test_no_accessibility_violation_and_no_sideways_scrolling(report, tmp_path):
    executable = shutil.which("chromium") or shutil.which("google-chrome")
    if executable is None:
        pytest.skip("no Chromium on this machine")
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    axe = pytest.importorskip("axe_core_python.sync_playwright", reason="no axe-core-python")
    report.save(tmp_path / "report.html")
    with playwright.sync_playwright() as running:
        browser = running.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 320, "height": 800})
        page.goto((tmp_path / "report.html").as_uri())
        assert axe.Axe().run(page)["violations"] == []
        assert page.evaluate("document.documentElement.scrollWidth") <= 320
        browser.close()
