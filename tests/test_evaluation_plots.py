"""Pictures hold what the tables hold."""

import numpy as np
import pytest

from cardiorisk.evaluation import calibration, decision_curve, plot_calibration, plot_decision_curve

RNG = np.random.default_rng(0)
RISK = RNG.uniform(size=200)
EVENTS = RNG.random(200) < RISK


@pytest.fixture
def ax():
    pyplot = pytest.importorskip("matplotlib.pyplot")
    figure, axes = pyplot.subplots()
    yield axes
    pyplot.close(figure)


def line(ax, label):
    return next(one for one in ax.get_lines() if one.get_label().startswith(label))


def test_calibration_plot(ax):
    curve = calibration(EVENTS, RISK, n_bootstraps=20)
    assert plot_calibration(curve, ax) is ax
    np.testing.assert_array_equal(line(ax, "smooth curve").get_ydata(), curve.curve["observed"])
    np.testing.assert_array_equal(line(ax, "ideal").get_xydata(), [[0, 0], [1, 1]])
    bars = [patch.get_height() for patch in ax.patches]
    assert len(bars) == 40
    with_outcome = np.array(bars[:20]) / max(np.abs(bars))
    tallest = curve.histogram[["events", "non_events"]].to_numpy().max()
    np.testing.assert_allclose(with_outcome, curve.histogram["events"] / tallest)
    assert [text.get_text() for text in ax.texts] == ["with", "without"]


def test_decision_plot(ax):
    curve = decision_curve(EVENTS, RISK, n_bootstraps=20)
    assert plot_decision_curve(curve, ax, preferences=(0.1, 0.4)) is ax
    table = curve.table
    for label, column in (("model", "net_benefit"), ("treat all", "treat_all")):
        np.testing.assert_array_equal(line(ax, label).get_ydata(), table[column])
    low, high = ax.get_ylim()
    assert low < 0 < table["net_benefit"].max() < high
    styles = {one.get_linestyle() for one in ax.get_lines()}
    assert len(styles) > 1  # told apart in grey print too


def test_new_figure_where_none_is_given():
    pyplot = pytest.importorskip("matplotlib.pyplot")
    axes = plot_calibration(calibration(EVENTS, RISK, n_bootstraps=0))
    assert axes.figure.number in pyplot.get_fignums()
    pyplot.close(axes.figure)
