"""Opens reports in headless Chromium: access, network, layout on phones, scale on paper."""

import re
import shutil
import zlib
from dataclasses import replace

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from cardiorisk.datasets import load_heart_disease, make_ecg
from cardiorisk.explain.report import Outcome, build_report
from cardiorisk.features import ClinicalTable

pytestmark = pytest.mark.browser

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
MM = 96 / 25.4  # CSS pixels


@pytest.fixture(scope="module")
def browser():
    executable = shutil.which("chromium") or shutil.which("google-chrome")
    if executable is None:
        pytest.skip("no Chromium on this machine")
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with playwright.sync_playwright() as running:
        opened = running.chromium.launch(executable_path=executable, args=FLAGS)
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    """Report of a clinical table in which every person also has a simulated ECG."""
    heart = load_heart_disease()
    rows = np.arange(0, 920, 3)
    ecgs = make_ecg(1, noise=0.01, random_state=0).records
    ecg = replace(ecgs[0], metadata={"simulated": True})
    steps = ClinicalTable(heart.schema, impute="median"), StandardScaler(), LogisticRegression()
    model = make_pipeline(*steps)
    report = build_report(
        model,
        heart.data.iloc[rows],
        heart.target.iloc[rows],
        sites=heart.groups.iloc[rows],
        schema=heart.schema,
        outcome=Outcome("coronary disease", "is present at angiography", "referred adults"),
        ecgs=[ecg] * len(rows),
        patients=2,
        n_refits=2,
        n_bootstraps=30,
    )
    saved = tmp_path_factory.mktemp("report") / "report.html"
    report.save(saved)
    return saved


@pytest.fixture
def page(browser, path):
    opened = browser.new_page(viewport={"width": 1200, "height": 900})
    opened.goto(path.as_uri())
    yield opened
    opened.close()


def test_no_accessibility_violation(page):
    axe = pytest.importorskip("axe_core_python.sync_playwright", reason="no axe-core-python")
    found = axe.Axe().run(page)
    problems = [(v["id"], v["nodes"][0]["html"][:120]) for v in found["violations"]]
    assert problems == []
    assert len(found["passes"]) > 20  # axe did look


def test_one_file_no_request_no_message(browser, path):
    opened = browser.new_page()
    requests, messages = [], []
    opened.on("request", lambda request: requests.append(request.url))
    opened.on("console", lambda message: messages.append(message.text))
    opened.on("pageerror", lambda error: messages.append(str(error)))
    opened.goto(path.as_uri(), wait_until="networkidle")
    opened.close()
    assert requests == [path.as_uri()]
    assert messages == []


@pytest.mark.parametrize("width", [320, 390, 768, 1200])
def test_page_never_scrolls_sideways(page, width):
    page.set_viewport_size({"width": width, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_text_in_drawings_is_readable_on_a_phone(page):
    page.set_viewport_size({"width": 390, "height": 800})
    sizes = page.eval_on_selector_all(
        "svg.chart text",
        "all => all.map(t => parseFloat(getComputedStyle(t).fontSize) * t.getScreenCTM().a)",
    )
    assert len(sizes) > 50
    assert min(sizes) >= 11


def test_ecg_keeps_its_millimetres_on_every_screen(page):
    for width in (320, 1200):
        page.set_viewport_size({"width": width, "height": 800})
        box = page.locator("svg.ecg").first.bounding_box()
        assert box["width"] == pytest.approx(270 * MM, abs=1)
        assert box["height"] == pytest.approx(125 * MM, abs=1)


def test_every_scroll_box_and_link_is_reached_by_keyboard(page):
    boxes = page.eval_on_selector_all(".scroll", "all => all.every(e => e.tabIndex === 0)")
    assert boxes
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement !== document.body")


def streams(pdf):
    for match in re.finditer(rb"stream\r?\n(.*?)endstream", pdf, re.DOTALL):
        try:
            yield zlib.decompress(match[1]).decode("latin-1")
        except zlib.error:
            continue


def test_pdf_prints_every_page_and_the_ecg_in_true_millimetres(page):
    pdf = page.pdf(prefer_css_page_size=True)
    landscape = re.findall(rb"/MediaBox\s*\[0 0 841\.\d+ 594\.\d+\]", pdf)
    assert len(landscape) == 2
    sheets = [s for s in streams(pdf) if "1 .9686 .9608 rg" in s]  # the paper's colour
    assert len(sheets) == 2
    for sheet in sheets:
        # The first two factors bring CSS pixels to points; the ECG is then drawn in mm.
        scales = [float(s) for s in re.findall(r"^([\d.]+) 0 0 -?[\d.]+ \S+ \S+ cm", sheet, re.M)]
        per_mm = scales[0] * max(scales[1:])
        assert per_mm == pytest.approx(72 / 25.4, rel=1e-3)


def test_nothing_is_wider_than_the_printed_page(page):
    page.emulate_media(media="print")
    page.set_viewport_size({"width": round(182 * MM), "height": 1000})
    wide = page.evaluate(
        """limit => [...document.querySelectorAll("main *")]
            .filter(e => !e.closest(".ecg-sheet") && e.getBoundingClientRect().right > limit)
            .map(e => e.outerHTML.slice(0, 80))""",
        182 * MM + 1,
    )
    assert wide == []


def test_details_are_open_on_paper(page):
    closed = page.locator("details table").first
    assert not closed.is_visible()
    page.emulate_media(media="print")
    assert closed.is_visible()
