import numpy as np
import pytest

from cardiorisk.exceptions import SignalError
from cardiorisk.explain.ecg_layout import paper_layout
from cardiorisk.explain.ecg_plot import plot_ecg
from cardiorisk.records import MARKS, STANDARD_LEADS, Delineation, ECGRecord


def record(seconds=10.0, rate=500.0, names=STANDARD_LEADS, scale=1.0):
    time = np.arange(round(seconds * rate)) / rate
    spike = np.exp(-(((np.mod(time, 0.8) - 0.4) / 0.015) ** 2))
    signal = scale * np.linspace(0.5, 1.2, len(names))[:, None] * spike
    return ECGRecord(signal.astype(np.float32), rate, tuple(names), record_id="SECRET-9")


def texts(ax):
    return [text.get_text() for text in ax.texts]


def marks_of(ecg, beats=((180.0, 200.0, 220.0),)):
    one = {mark: np.full(len(beats), np.nan) for mark in MARKS}
    for row, (on, peak, off) in enumerate(beats):
        one["QRS_on"][row], one["R_peak"][row], one["QRS_off"][row] = on, peak, off
    leads = tuple(one for _ in ecg.lead_names)
    return Delineation(leads, one, ecg.sampling_rate, ecg.lead_names)


def test_twelve_leads_lie_three_by_four_over_a_rhythm_strip():
    paper = paper_layout(record())
    assert (paper.width, paper.height) == (270, 125)
    assert [strip.lead for strip in paper.strips] == [
        "I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6", "II",
    ]  # fmt: skip
    assert sorted({strip.start for strip in paper.strips}) == [0, 2.5, 5, 7.5]
    assert {strip.y for strip in paper.strips} == {20, 50, 80, 110}


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


@pytest.mark.parametrize(
    ("ecg", "words"),
    [
        (record(names=("MLII",), seconds=1800, rate=360), "1 lead of 10 s"),
        (record(seconds=4), "12 leads of 4 s"),
        (record(names=[*STANDARD_LEADS, "vx", "vy", "vz"]), "3 x 4 leads"),
        (record(names=("I", "II", "III"), rate=128), "3 leads of 10 s"),
    ],
)
def test_any_leads_length_and_rate(ecg, words):
    assert any(words in text for text in texts(plot_ecg(ecg)))


def test_marks_are_brackets_under_their_own_beat():
    ecg = record(names=("II",))
    plain, marked = plot_ecg(ecg), plot_ecg(ecg, marks=marks_of(ecg))
    spans = [line.get_xdata() for line in marked.lines if len(line.get_xdata()) == 4]
    expected = 14 + 25 * np.array([180, 180, 220, 220]) / 500
    assert any(np.allclose(span, expected) for span in spans)
    assert len(marked.lines) == len(plain.lines) + 1 + 3  # one beat and the three of the legend
    assert {"P", "QRS", "T"} <= set(texts(marked))


def test_marks_outside_the_strip_or_absent_are_left_out():
    ecg = record(names=("II",), seconds=30)
    marks = marks_of(ecg, ((180, 200, 220), (12_000, 12_020, 12_040), (np.nan, 50, 70)))
    assert len(plot_ecg(ecg, marks=marks).lines) == len(plot_ecg(ecg).lines) + 1 + 3


def test_start_moves_the_page():
    ecg = record(names=("II",), seconds=30)
    assert paper_layout(ecg, start=12).strips[0].stop == 22
    with pytest.raises(ValueError, match="lasts from 0 to 30 s"):
        plot_ecg(ecg, start=30)


def test_given_axes_are_used():
    from matplotlib.figure import Figure

    ax = Figure().subplots()
    assert plot_ecg(record(), ax=ax) is ax


def test_array_needs_rate_and_names():
    with pytest.raises(SignalError, match="sampling_rate"):
        plot_ecg(np.zeros((12, 5000)))
    with pytest.raises(SignalError, match="lead_names"):
        plot_ecg(np.zeros((2, 5000)), sampling_rate=500)
    with pytest.raises(ValueError, match="layout='3x4'"):
        plot_ecg(record(names=("I",)), layout="3x4")
    with pytest.raises(ValueError, match="but expected 'auto'"):
        plot_ecg(record(), layout="4x3")


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
