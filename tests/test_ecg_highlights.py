import numpy as np
import pytest
from drawn_ecgs import record, texts
from matplotlib.patches import Rectangle

from cardiorisk.explain import plot_ecg


def boxes(ax):
    return [patch for patch in ax.patches if isinstance(patch, Rectangle)]


def edges(ax):
    return [line.get_xydata() for line in ax.lines if line.get_linestyle() == "--"]


def test_window_is_shaded_edged_and_named():
    ecg = record(names=("V1", "V2"))
    ax = plot_ecg(ecg, highlights=[("v2", 2.0, 3.0, "prototype 7")])
    (box,) = boxes(ax)
    assert (box.get_x(), box.get_width()) == (14 + 50, 25)
    trace = [line for line in ax.lines if len(line.get_xdata()) > 1000][1].get_xydata()
    inside = trace[(trace[:, 0] >= 64) & (trace[:, 0] <= 89), 1]
    assert box.get_y() < inside.min()
    assert box.get_y() + box.get_height() > inside.max()
    assert len(edges(ax)) == 4
    assert "prototype 7" in texts(ax)


def test_window_that_runs_over_a_lead_change_is_open_there():
    ax = plot_ecg(record(), highlights=[("I", 2.0, 3.0, "")])
    (box,) = boxes(ax)
    assert box.get_width() == pytest.approx(12.5)
    assert len(edges(ax)) == 3


def test_window_of_all_leads_is_drawn_wherever_its_time_is():
    ax = plot_ecg(record(), highlights=[(None, 0.5, 1.0, "x")])
    assert len(boxes(ax)) == 4  # I, II, III and the rhythm strip


def test_window_that_is_not_shown_is_said():
    ax = plot_ecg(record(), highlights=[("V6", 1.0, 2.0, "early")])
    assert boxes(ax) == []
    assert "Not on this page: V6 1.00 to 2.00 s: early" in texts(ax)
    assert "Highlighted" not in ax.get_label()


def test_labels_of_neighbouring_windows_do_not_overlap():
    windows = [("II", 2.0, 2.4, "first window"), ("II", 2.2, 2.6, "second window")]
    ax = plot_ecg(record(names=("II",)), highlights=windows)
    ax.figure.canvas.draw()
    first, second = (t.get_window_extent() for t in ax.texts if "window" in t.get_text())
    assert not first.overlaps(second)


@pytest.mark.parametrize(
    "window",
    [
        ("V9", 1.0, 2.0, "lead"),
        ("II", 2.0, 1.0, "order"),
        ("II", 11.0, 12.0, "after the end"),
        ("II", -1.0, 2.0, "before the start"),
        ("II", np.nan, 2.0, "nan"),
        ("II", "1", 2.0, "word"),
        ("II", 1.0),
        "II",
    ],
)
def test_window_that_does_not_fit_is_refused(window):
    with pytest.raises(ValueError, match="Got highlight"):
        plot_ecg(record(), highlights=[window])
