import numpy as np
import pytest
from drawn_ecgs import marks_of, record, texts

from cardiorisk.datasets import make_ecg
from cardiorisk.exceptions import SignalError
from cardiorisk.explain.ecg_plot import plot_ecg
from cardiorisk.records import STANDARD_LEADS, ECGRecord


def test_leads_are_found_by_name_in_any_order():
    straight = record()
    order = np.random.default_rng(0).permutation(12)
    mixed = ECGRecord(straight.signal[order], 500.0, tuple(STANDARD_LEADS[i] for i in order))
    for first, second in zip(plot_ecg(straight).lines, plot_ecg(mixed).lines, strict=True):
        np.testing.assert_allclose(first.get_xydata(), second.get_xydata())


def test_trace_is_drawn_at_25_mm_per_s_and_10_mm_per_mv():
    ecg = record(names=("II",))
    ax = plot_ecg(ecg)
    trace = max(ax.lines, key=lambda line: len(line.get_xdata()))
    assert np.ptp(trace.get_xdata()) == pytest.approx(250, abs=0.1)
    assert np.ptp(trace.get_ydata()) == pytest.approx(10 * np.ptp(ecg.signal), rel=1e-5)
    assert ax.get_aspect() == 1.0
    assert ax.figure.get_size_inches() * 25.4 == pytest.approx([270, 35])


def test_calibration_pulse_is_one_millivolt_and_one_large_square():
    ax = plot_ecg(record())
    pulses = [line for line in ax.lines if len(line.get_xdata()) == 6]
    assert len(pulses) == 4
    for pulse in pulses:
        assert np.ptp(pulse.get_ydata()) == pytest.approx(10)
        assert np.diff(pulse.get_xdata()).max() == pytest.approx(5)


def test_big_deflections_are_drawn_at_half_gain_and_said():
    ax = plot_ecg(record(scale=2.5))
    pulse = next(line for line in ax.lines if len(line.get_xdata()) == 6)
    assert np.ptp(pulse.get_ydata()) == pytest.approx(5)
    assert any("5 mm/mV" in text for text in texts(ax))


def test_footer_states_scale_rate_and_arrangement_but_no_identifier():
    said = " ".join(texts(plot_ecg(record())))
    assert "25 mm/s" in said
    assert "10 mm/mV" in said
    assert "500 Hz" in said
    assert "SECRET" not in said


def test_marks_are_brackets_under_their_own_beat():
    ecg = record(names=("II",))
    plain, marked = plot_ecg(ecg), plot_ecg(ecg, marks=marks_of(ecg))
    spans = [line.get_xdata() for line in marked.lines if len(line.get_xdata()) == 4]
    expected = 14 + 25 * np.array([180, 180, 220, 220]) / 500
    assert any(np.allclose(span, expected) for span in spans)
    assert len(marked.lines) == len(plain.lines) + 2 + 3  # wave, interval, three of the legend
    assert {"P", "QRS", "T"} <= set(texts(marked))


def test_marks_outside_the_strip_or_absent_are_left_out():
    ecg = record(names=("II",), seconds=30)
    marks = marks_of(ecg, ((180, 200, 220), (12_000, 12_020, 12_040), (np.nan, 50, 70)))
    assert len(plot_ecg(ecg, marks=marks).lines) == len(plot_ecg(ecg).lines) + 2 + 3


def test_given_axes_are_used():
    from matplotlib.figure import Figure

    ax = Figure().subplots()
    assert plot_ecg(record(), ax=ax) is ax


def test_array_needs_rate_and_names():
    with pytest.raises(SignalError, match="sampling_rate"):
        plot_ecg(np.zeros((12, 5000)))
    with pytest.raises(SignalError, match="lead_names"):
        plot_ecg(np.zeros((2, 5000)), sampling_rate=500)


def test_lead_without_a_value_is_left_blank():
    ecg = record()
    ecg.signal[3] = np.nan
    ax = plot_ecg(ecg)
    assert "aVR" in texts(ax)
    ax.figure.canvas.draw()


def deep_s_wave():
    """Twelve leads of downward spikes, 10 mm deep, one of them on the cut at 2.5 s."""
    time = np.arange(5000) / 500
    spike = np.exp(-(((np.mod(time, 0.5) - 0.0) / 0.02) ** 2))
    spike += np.exp(-(((np.mod(time, 0.5) - 0.5) / 0.02) ** 2))
    signal = np.tile(-1.0 * spike, (12, 1)).astype(np.float32)
    return ECGRecord(signal, 500.0, STANDARD_LEADS)


def test_bracket_lies_below_a_deep_trace():
    marked = plot_ecg(deep_s_wave(), marks=marks_of(deep_s_wave(), ((735, 750, 765),)))
    lead_one = [line.get_xydata() for line in marked.lines if len(line.get_xdata()) == 4]
    bracket = next(xy for xy in lead_one if xy[0, 0] == pytest.approx(14 + 25 * 735 / 500))
    assert bracket[:, 1].min() >= 20 + 10  # the first row's baseline and the depth of its spike


def test_wave_on_the_cut_between_columns_is_bracketed_in_both():
    ecg = deep_s_wave()
    marked = plot_ecg(ecg, marks=marks_of(ecg, ((1235, 1250, 1265),)))
    cut = 14 + 25 * 2.5
    opened = [line.get_xdata() for line in marked.lines if len(line.get_xdata()) == 3]
    assert len(opened) == 6  # three leads before the cut, three after it
    assert sorted({(round(x.min(), 2), round(x.max(), 2)) for x in opened}) == [
        (cut - 0.75, cut),
        (cut, cut + 0.75),
    ]


def test_simulated_record_says_so():
    simulated = ECGRecord(record().signal, 500.0, STANDARD_LEADS, metadata={"simulated": True})
    assert "SIMULATED" in texts(plot_ecg(simulated))
    assert "SIMULATED" not in texts(plot_ecg(record()))


def test_lead_names_are_drawn_over_the_traces_with_a_rim():
    ax = plot_ecg(record())
    names = [text for text in ax.texts if text.get_text() in STANDARD_LEADS]
    assert len(names) == 13
    assert all(name.get_path_effects() for name in names)
    assert min(name.get_zorder() for name in names) > max(line.get_zorder() for line in ax.lines)
    tall = record(scale=1.4)
    heights = {t.get_text(): t.get_position()[1] for t in plot_ecg(tall).texts}
    assert heights["V6"] < 80 - 11  # its trace begins with a tall spike
    assert heights["I"] == 20 - 11


def test_gap_in_a_lead_is_left_blank():
    ecg = record(names=("II",))
    ecg.signal[0, 1000:1100] = np.nan
    trace = max(plot_ecg(ecg).lines, key=lambda line: len(line.get_xdata()))
    assert np.isnan(trace.get_ydata()).sum() == 100


def test_speed_and_gain_are_drawn_and_printed():
    ecg = record(names=("II",), scale=0.4)
    ax = plot_ecg(ecg, speed=50, gain=20)
    trace = max(ax.lines, key=lambda line: len(line.get_xdata()))
    assert np.ptp(trace.get_xdata()) == pytest.approx(500, abs=0.2)
    assert np.ptp(trace.get_ydata()) == pytest.approx(20 * np.ptp(ecg.signal), rel=1e-5)
    pulse = next(line for line in ax.lines if len(line.get_xdata()) == 6)
    assert np.ptp(pulse.get_ydata()) == pytest.approx(20)
    assert np.diff(pulse.get_xdata()).max() == pytest.approx(10)  # 0.2 s
    assert pulse.get_xdata().min() >= 0
    assert any(text.startswith("50 mm/s   20 mm/mV") for text in texts(ax))
    assert ax.get_aspect() == 1.0


def test_trace_that_leaves_its_row_at_the_gain_asked_for_is_cut_and_said():
    ax = plot_ecg(record(names=("II",), scale=5.0), gain=10)
    trace = max(ax.lines, key=lambda line: len(line.get_xdata()))
    assert trace.get_ydata().min() >= 0
    assert "clipped" in texts(ax)
    assert "clipped" not in texts(plot_ecg(record(names=("II",), scale=5.0), gain=5))


@pytest.mark.parametrize("options", [{"speed": 30}, {"gain": 7}, {"gain": True}, {"speed": "25"}])
def test_speed_and_gain_of_no_paper_are_refused(options):
    with pytest.raises(ValueError, match=f"Got {next(iter(options))}"):
        plot_ecg(record(), **options)


def intervals(ax):
    return [text for text in texts(ax) if text.endswith(" ms")]


def test_intervals_of_one_beat_are_measured_out_under_the_rhythm_strip():
    ecg = record()
    marks = marks_of(ecg, ((680, 700, 725),), P_on=[600], P_off=[640], T_on=[780], T_off=[880])
    ax = plot_ecg(ecg, marks=marks)
    assert intervals(ax) == ["PR 160 ms", "QRS 90 ms", "QT 400 ms"]
    baseline = max(t.get_position()[1] for t in ax.texts if t.get_text() == "II") + 11
    drawn = [line.get_xydata() for line in ax.lines if len(line.get_xdata()) == 4]
    pr = 14 + 25 * np.array([600, 600, 680, 680]) / 500
    assert any(np.allclose(xy[:, 0], pr) and xy[:, 1].min() > baseline + 9 for xy in drawn)


def test_interval_that_was_not_measured_is_left_out():
    ecg = record()
    assert intervals(plot_ecg(ecg, marks=marks_of(ecg))) == ["QRS 80 ms"]
    assert intervals(plot_ecg(ecg)) == []


def test_intervals_are_those_of_a_typical_beat_not_of_a_premature_one():
    ecg = record()
    beats = ((500, 540, 590), (980, 1000, 1025), (1380, 1400, 1425), (1780, 1800, 1825))
    assert intervals(plot_ecg(ecg, marks=marks_of(ecg, beats))) == ["QRS 90 ms"]


def test_lead_that_cannot_be_used_gets_no_brackets_and_no_intervals():
    ecg = record(names=("II", "V1"))
    ecg.signal[0] = 0.0
    ax = plot_ecg(ecg, marks=marks_of(ecg))
    brackets = [xy for xy in (line.get_xydata() for line in ax.lines) if len(xy) == 4]
    middle = 20 + 30 / 2  # mm, between the baselines of both leads
    assert all(xy[:, 1].min() > middle for xy in brackets)
    assert intervals(ax) == ["QRS 80 ms"]


def test_engine_marks_what_is_drawn_and_an_unusable_record_is_drawn_without_marks():
    ecg = make_ecg(1, rhythms=["sinus rhythm"], heart_rate=60, duration=30, random_state=0)
    ax = plot_ecg(ecg.records[0], marks="native", leads=["II"], start=15)
    assert len(intervals(ax)) == 3
    assert "10 beats marked" in ax.get_label()
    flat = ECGRecord(np.zeros((12, 5000), np.float32), 500.0, STANDARD_LEADS)
    assert intervals(plot_ecg(flat, marks="native")) == []
    with pytest.raises(ValueError, match="Got engine"):
        plot_ecg(record(), marks="magic")


@pytest.mark.parametrize("suffix", ["svg", "png"])
def test_picture_carries_its_words_into_a_file(tmp_path, suffix):
    ecg = record(names=("II",), seconds=30)
    ax = plot_ecg(ecg, start=20, highlights=[("II", 21, 22, "early beat")])
    said = ax.get_label()
    assert said.startswith("Electrocardiogram, 1 lead (II), 10 s at 500 Hz from 0:20.")
    assert "Highlighted: II 21.00 to 22.00 s: early beat." in said
    path = tmp_path / f"ecg.{suffix}"
    ax.figure.savefig(path, metadata={"Title": said})
    assert said.encode() in path.read_bytes()
    if suffix == "svg":
        assert f"<title>{said}</title>" in path.read_text(encoding="utf-8")
