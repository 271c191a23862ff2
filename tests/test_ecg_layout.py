import numpy as np
import pytest
from drawn_ecgs import fifteen_leads, record, texts

from cardiorisk.explain import plot_ecg
from cardiorisk.explain.ecg_layout import paper_layout
from cardiorisk.records import STANDARD_LEADS


def rows_of(paper):
    rows = {}
    for strip in paper.strips:
        rows.setdefault(strip.y, []).append(strip.lead)
    return list(rows.values())


def test_twelve_leads_lie_three_by_four_over_a_rhythm_strip():
    paper = paper_layout(record())
    assert (paper.width, paper.height) == (270, 125)
    assert rows_of(paper) == [
        ["I", "aVR", "V1", "V4"],
        ["II", "aVL", "V2", "V5"],
        ["III", "aVF", "V3", "V6"],
        ["II"],
    ]
    assert sorted({strip.start for strip in paper.strips}) == [0, 2.5, 5, 7.5]
    assert {strip.y for strip in paper.strips} == {20, 50, 80, 110}


def test_six_by_two_shows_limb_leads_beside_chest_leads():
    paper = paper_layout(record(), "6x2")
    assert rows_of(paper) == [
        list(pair) for pair in zip(STANDARD_LEADS[:6], STANDARD_LEADS[6:], strict=True)
    ]
    assert {(strip.start, strip.stop) for strip in paper.strips} == {(0, 5), (5, 10)}


def test_twelve_by_one_puts_the_standard_leads_first():
    names = ("V7", *reversed(STANDARD_LEADS))
    assert rows_of(paper_layout(record(names=names), "12x1")) == [
        [lead] for lead in (*STANDARD_LEADS, "V7")
    ]
    assert rows_of(paper_layout(record(names=names), "rows")) == [[lead] for lead in names]


@pytest.mark.parametrize(("layout", "row"), [("3x4", 3), ("6x2", 6)])
def test_leads_beside_the_twelve_have_a_row_of_their_own(layout, row):
    rows = rows_of(paper_layout(fifteen_leads(), layout))
    extra = [lead for leads in rows[row:] for lead in leads if lead != "II"]
    assert extra == ["V7", "V8", "V9"]
    assert {"V7", "V8", "V9"} <= set(texts(plot_ecg(fifteen_leads(), layout=layout)))


@pytest.mark.parametrize(
    ("ecg", "words"),
    [
        (record(names=("MLII",), seconds=1800, rate=360), "1 lead of 10 s"),
        (record(seconds=4), "12 leads of 4 s"),
        (record(names=[*STANDARD_LEADS, "vx", "vy", "vz"]), "3 x 4 leads and vx, vy, vz of 2.5 s"),
        (record(names=("I", "II", "III"), rate=128), "3 leads of 10 s"),
    ],
)
def test_any_leads_length_and_rate(ecg, words):
    assert any(words in text for text in texts(plot_ecg(ecg)))


def test_chosen_leads_are_drawn_in_the_order_asked_for():
    ax = plot_ecg(record(), leads=["v5", "II"])
    assert [text for text in texts(ax) if text in STANDARD_LEADS] == ["V5", "II"]
    for leads in (["V8"], [], ["II", "II"]):
        with pytest.raises(ValueError, match="Got leads"):
            plot_ecg(record(), leads=leads)


def test_long_lead_is_drawn_line_after_line_with_its_times():
    ecg = record(names=("II",), seconds=3700)
    paper = paper_layout(ecg, "lines", start=3590, seconds=25)
    assert [(strip.start, strip.stop) for strip in paper.strips] == [
        (3590, 3600),
        (3600, 3610),
        (3610, 3615),
    ]
    ax = plot_ecg(ecg, layout="lines", start=3590, seconds=25)
    assert [t for t in texts(ax) if t.startswith("II ")] == [
        "II  59:50",
        "II  1:00:00",
        "II  1:00:10",
    ]
    assert "lead II in 3 lines of 10 s" in texts(ax)[0]
    assert len(paper_layout(ecg, "lines").strips) == 6


def test_every_line_shows_its_own_part_of_the_recording():
    ecg = record(names=("II",), seconds=30)
    ecg.signal[0, 12 * 500] = 1.9
    ax = plot_ecg(ecg, layout="lines")
    traces = [line for line in ax.lines if len(line.get_xdata()) > 1000]
    highest = [round(float(np.ptp(line.get_ydata()))) for line in traces]
    assert highest == [5, 19, 5]
    assert traces[1].get_xdata()[np.argmin(traces[1].get_ydata())] == pytest.approx(14 + 25 * 2)


def test_start_moves_the_page():
    ecg = record(names=("II",), seconds=30)
    assert paper_layout(ecg, start=12).strips[0].stop == 22
    with pytest.raises(ValueError, match="lasts from 0 to 30 s"):
        plot_ecg(ecg, start=30)


@pytest.mark.parametrize(
    ("ecg", "options", "words"),
    [
        (record(names=("I",)), {"layout": "3x4"}, "layout='3x4'"),
        (record(seconds=5), {"layout": "6x2"}, "twelve standard leads and 10 s"),
        (record(names=("I", "II")), {"layout": "12x1"}, "twelve standard leads."),
        (record(), {"layout": "4x3"}, "but expected one of 'auto'"),
        (record(), {"layout": "lines"}, "shows one lead"),
        (record(), {"layout": "3x4", "seconds": 5}, "expected 10 for"),
        (record(), {"layout": "rows", "seconds": 60}, "at most 10"),
        (record(names=("I",)), {"layout": "lines", "seconds": 6000}, "at most 600"),
        (record(), {"seconds": 0}, "more than 0"),
    ],
)
def test_layout_that_does_not_fit_is_refused(ecg, options, words):
    with pytest.raises(ValueError, match=words):
        plot_ecg(ecg, **options)


@pytest.mark.parametrize("layout", ["3x4", "6x2", "12x1", "rows"])
@pytest.mark.parametrize("speed", [25, 50])
def test_nothing_is_drawn_outside_the_paper(layout, speed):
    ax = plot_ecg(record(), layout=layout, speed=speed, gain=20)
    (_, width), (height, _) = ax.get_xlim(), ax.get_ylim()
    assert ax.figure.get_size_inches() * 25.4 == pytest.approx([width, height])
    for line in ax.lines:
        x, y = line.get_xydata().T
        assert x.min() >= 0
        assert x.max() <= width
        assert y.min() >= 0
        assert y.max() <= height
