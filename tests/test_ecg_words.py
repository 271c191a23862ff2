import numpy as np
import pytest
from drawn_ecgs import marks_of, record, texts
from matplotlib.figure import Figure

from cardiorisk._signal_problems import PROBLEM_CODES
from cardiorisk.datasets import make_ecg
from cardiorisk.explain import ecg_alt_text, plot_ecg
from cardiorisk.explain.ecg_sheet import Sheet
from cardiorisk.explain.ecg_words import SHORT_WORDS, quality_problems


@pytest.fixture
def ecg():
    return make_ecg(1, rhythms=["sinus rhythm"], heart_rate=70, random_state=0).records[0]


def test_words_tell_measurements_and_doubts_but_no_identifier():
    ecg = record()
    ecg.signal[3] = 0.0
    said = ecg_alt_text(ecg, marks_of(ecg, ((180, 200, 220), (580, 600, 620))))
    assert "12 leads (I, II, III" in said
    assert "2 beats marked, heart rate 75 per minute, QRS duration 80 ms." in said
    assert "PR interval" not in said
    assert "aVR flat" in said
    assert "SECRET" not in said


def test_every_code_of_a_problem_has_short_words():
    assert set(SHORT_WORDS) == set(PROBLEM_CODES)


def test_doubtful_lead_is_named_in_words_where_asked(ecg):
    ecg.signal[3] = 0.0
    assert "flat" in texts(plot_ecg(ecg, quality=True))
    assert "flat" not in texts(plot_ecg(ecg))


def test_noisy_lead_is_named(ecg):
    ecg.signal[9] = np.random.default_rng(0).normal(0, 0.4, 5000)
    assert "noisy" in texts(plot_ecg(ecg, quality=True))
    assert [problem.leads for problem in quality_problems(ecg)] == [("V4",)]


def test_doubt_about_the_whole_record_is_said_once_under_the_title(ecg):
    ecg.signal[2] *= -1
    ax = plot_ecg(ecg, quality=True, title="Title")
    said = [text for text in ax.texts if "limb leads disagree" in text.get_text()]
    assert len(said) == 1
    title = next(text for text in ax.texts if text.get_text() == "Title")
    assert title.get_position()[1] < said[0].get_position()[1] < 20
    assert "III differs from II - I" in ax.get_label()


def test_lead_that_is_not_drawn_is_not_doubted(ecg):
    ecg.signal[3] = 0.0
    ax = plot_ecg(ecg, leads=["II"], quality=True)
    assert "flat" not in texts(ax)
    assert "flat" not in ax.get_label()


def test_box_of_a_doubt_covers_no_trace():
    ecg = record(names=("II", "V1"), scale=3.0)
    ecg.signal[0, 2200:2210] = np.nan
    ax = plot_ecg(ecg, quality=True, start=0.1)  # a tall spike stands beside the name
    ax.figure.canvas.draw()
    (box,) = (text for text in ax.texts if "gaps" in text.get_text())
    extent = box.get_window_extent().transformed(ax.transData.inverted())
    (left, right), (top, bottom) = sorted(extent.intervalx), sorted(extent.intervaly)
    for line in ax.lines:
        x, y = line.get_xydata().T
        assert not ((x > left) & (x < right) & (y > top) & (y < bottom)).any()


def test_words_avoid_lines_and_words_where_there_is_room():
    sheet = Sheet(Figure().add_axes((0, 0, 1, 1)), width=100, height=50)
    sheet.line([10, 12], [5, 25], colour="black", width=0.3)
    sheet.words(40, 20, "taken")
    sheet.words_at_free_place([(8, 20), (42, 20), (70, 20)], "gaps")
    assert sheet.ax.texts[-1].get_position() == (70, 20)
    sheet.words_at_free_place([(98, 20), (40, 20), (9, 20)], "noisy")  # off paper, words, a line
    assert sheet.ax.texts[-1].get_position() == (9, 20)
