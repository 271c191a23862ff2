import re
from xml.etree import ElementTree

import numpy as np
import pytest

from cardiorisk.evaluation import Interval
from cardiorisk.explain.report.summary import FeatureUse
from cardiorisk.explain.report.svg.axes import nice_ticks
from cardiorisk.explain.report.svg.canvas import Canvas
from cardiorisk.explain.report.svg.ecg_paper import draw_ecg, simplify
from cardiorisk.explain.report.svg.icons import icon_array
from cardiorisk.explain.report.svg.reasons import bins_of, effect_bar, shape_picture
from cardiorisk.records import STANDARD_LEADS, ECGRecord, Variable


def beats(rate=500.0, seconds=10.0, noise=0.0, seed=0, n_leads=12):
    time = np.arange(round(rate * seconds)) / rate
    phase = np.mod(time, 0.8)
    lead = 1.2 * np.exp(-(((phase - 0.3) / 0.012) ** 2))
    lead += 0.25 * np.exp(-(((phase - 0.55) / 0.05) ** 2))
    signal = np.linspace(0.4, 1.0, n_leads)[:, None] * lead
    signal = signal + noise * np.random.default_rng(seed).normal(size=signal.shape)
    names = STANDARD_LEADS if n_leads == 12 else tuple(f"E{i}" for i in range(n_leads))
    return ECGRecord(signal.astype(np.float32), rate, names)


@pytest.mark.parametrize("tolerance", [0.01, 0.1, 0.5])
@pytest.mark.parametrize("seed", range(3))
def test_simplified_line_stays_within_the_vertical_tolerance(tolerance, seed):
    random = np.random.default_rng(seed)
    y = np.cumsum(random.normal(size=2000)) * 0.1
    y[1000] += 20.0  # a steep edge, where a perpendicular distance goes wrong
    x = np.arange(2000) * 0.05
    kept = simplify(x, y, tolerance)
    assert kept[0] == 0
    assert kept[-1] == 1999
    assert (np.diff(kept) > 0).all()
    assert np.abs(np.interp(x, x[kept], y[kept]) - y).max() <= tolerance * (1 + 1e-9)


def test_simplify_keeps_a_straight_line_as_two_points():
    assert simplify(np.arange(100.0), 3 * np.arange(100.0), 0.01).tolist() == [0, 99]
    assert simplify(np.arange(2.0), np.ones(2), 0.1).tolist() == [0, 1]


def traced(svg):
    """Points of each trace in mm, from the relative integer paths."""
    traces = []
    for d, scale in re.findall(r'<path d="(M[^"]*)" transform="scale\(([\d.]+)\)"', svg):
        numbers = np.array(re.findall(r"-?\d+", d), dtype=int).reshape(-1, 2)
        traces.append(np.cumsum(numbers, axis=0) * float(scale))
    return traces


@pytest.mark.parametrize("rate", [250.0, 360.0, 500.0, 1000.0, 1024.0])
def test_drawn_trace_is_the_signal_at_25_mm_per_s_and_10_mm_per_mv(rate):
    record = beats(rate, noise=0.005)
    picture = draw_ecg(record, "k", "title", "desc", "footer")
    traces = traced(picture.svg)
    assert len(traces) == 13
    rhythm = traces[-1]
    assert rhythm[0, 0] == pytest.approx(14, abs=0.01)
    assert rhythm[-1, 0] == pytest.approx(14 + 250, abs=25 / rate + 0.01)
    signal = record.lead("II").astype(float)
    time = np.arange(len(signal)) / record.sampling_rate
    drawn = (110 - np.interp(25 * time, rhythm[:, 0] - rhythm[0, 0], rhythm[:, 1])) / 10
    error = np.abs(drawn - (signal - np.median(signal)))
    assert error.max() <= picture.tolerance_uv / 1000 + 0.0015  # and the rounding to 1/100 mm


def test_columns_are_consecutive_in_time():
    record = beats()
    signal = np.tile(np.linspace(0, 1, 5000, dtype=np.float32), (12, 1))
    ramp = ECGRecord(signal, 500.0, record.lead_names)
    heights = [trace[:, 1] for trace in traced(draw_ecg(ramp, "k", "t", "d", "f").svg)]
    first_column, second_column = heights[0], heights[3]
    assert first_column[-1] == pytest.approx(second_column[0], abs=0.05)


def test_noisy_ecg_is_simplified_until_it_fits_and_says_how_far():
    clean, noisy = (draw_ecg(beats(noise=noise), "k", "t", "d", "f") for noise in (0.002, 0.03))
    assert clean.tolerance_uv == pytest.approx(10)
    assert noisy.tolerance_uv > 10
    assert max(len(clean.svg), len(noisy.svg)) <= 60_000


def test_big_deflection_halves_the_gain_and_a_huge_one_is_marked():
    record = beats()
    big = ECGRecord(record.signal * 2.0, 500.0, record.lead_names)
    huge = ECGRecord(record.signal * 8.0, 500.0, record.lead_names)
    assert draw_ecg(record, "k", "t", "d", "f").gain == 10
    half = draw_ecg(big, "k", "t", "d", "f")
    assert (half.gain, half.clipped) == (5, ())
    assert "5 mm/mV" in half.svg
    assert "v-5h5v5" in half.svg
    clipped = draw_ecg(huge, "k", "t", "d", "f")
    assert "V6" in clipped.clipped
    assert "(clipped)" in clipped.svg


def test_lead_names_come_after_every_trace_and_have_a_halo():
    svg = draw_ecg(beats(), "k", "t", "d", "f").svg
    names = svg[svg.rindex("transform=") :]
    assert names.count('paint-order="stroke"') == svg.count('paint-order="stroke"') == 13


def test_gaps_are_gaps_and_a_dead_lead_is_no_error():
    record = beats()
    signal = record.signal.copy()
    signal[1, 1000:1500] = np.nan
    signal[5] = np.nan
    picture = draw_ecg(ECGRecord(signal, 500.0, record.lead_names), "k", "t", "d", "f")
    rhythm = re.findall(r'<path d="(M[^"]*)" transform', picture.svg)[-1]
    assert rhythm.count("M") == 2
    assert "nan" not in picture.svg.lower()


@pytest.mark.parametrize(("n_leads", "seconds"), [(1, 30.0), (2, 10.0), (12, 4.0), (15, 10.0)])
def test_any_number_of_leads_and_any_length_fits_its_paper(n_leads, seconds):
    picture = draw_ecg(beats(seconds=seconds, n_leads=n_leads), "k", "t", "d", "f")
    root = ElementTree.fromstring(picture.svg)
    width, height = map(float, root.get("viewBox").split()[2:])
    assert f'width="{width:g}mm"' in picture.svg
    for trace in traced(picture.svg):
        assert 0 <= trace[:, 0].min() <= trace[:, 0].max() <= width
        assert 0 <= trace[:, 1].min() <= trace[:, 1].max() <= height
    assert f"{min(seconds, 10):g} s" in picture.words


@pytest.mark.parametrize("risk", [0.0, 0.004, 0.37, 0.995, 1.0])
def test_icons_are_one_hundred_and_filled_from_the_top_left(risk):
    root = ElementTree.fromstring(icon_array(risk, "the outcome", "k"))
    filled, empty = (path.get("d").count("M") for path in root.iter("path"))
    assert filled == int(100 * risk + 0.5)
    assert filled + empty == 100


def test_canvas_escapes_every_text_and_keeps_numbers_short():
    canvas = Canvas(10, 10, key="k", title="<b>", desc='"&')
    canvas.text(1.23456, 2, "</text><script>")
    canvas.line(0.00001, 1 / 3, 2, 3, stroke="#000")
    root = ElementTree.fromstring(canvas.markup())
    assert root.find("text").text == "</text><script>"
    assert root.find("title").text == "<b>"
    assert root.find("path").get("d") == "M0 0.3L2 3"


def test_hidden_picture_has_no_title():
    assert 'aria-hidden="true"' in effect_bar(-3.0, 10.0)
    assert "<title" not in effect_bar(-3.0, 10.0)


def use(values, effects):
    values = np.asarray(values)
    return FeatureUse(Variable("x", "x", "mm"), Interval(0, 0, 0), 1.0, values, np.asarray(effects))


def test_bins_count_every_known_value_once():
    values = np.append(np.random.default_rng(0).normal(size=200), np.nan)
    bins = bins_of(use(values, np.ones(201)))
    assert sum(n for _, _, n, _ in bins) == 200
    counts = bins_of(use([0.0, 0.0, 1.0, 3.0], [1.0, 3.0, 5.0, 7.0]))
    assert counts == [(0.0, 0.0, 2, 2.0), (1.0, 1.0, 1, 5.0), (3.0, 3.0, 1, 7.0)]


@pytest.mark.parametrize(
    "values", [[np.nan] * 6, [2.0] * 6, [1.0, np.nan, 3.0, 4.0, 5.0, 1e9], ["a", "b"] * 3]
)
def test_degenerate_measurement_is_drawn_without_error(values):
    svg = shape_picture(use(values, np.arange(6.0) - 3), "k")
    ElementTree.fromstring(svg)
    assert "nan" not in svg.lower().replace("nanm", "")


@pytest.mark.parametrize(("low", "high"), [(0, 1), (-3, 7), (28, 77), (0.001, 0.0013), (5, 5)])
def test_ticks_are_round_and_inside(low, high):
    ticks = nice_ticks(low, high)
    assert 1 <= len(ticks) <= 11
    assert all(low - 1e-9 <= tick <= high + 1e-9 for tick in ticks)


@pytest.mark.real_data
def test_every_recording_of_ludb_is_drawn_within_the_budget(data_folder):
    from cardiorisk.datasets import fetch_ludb

    pictures = [
        draw_ecg(record, "k", "t", "d", "f") for record in fetch_ludb(data_folder).records[::4]
    ]
    assert max(len(picture.svg.encode()) for picture in pictures) <= 60_000
    assert np.mean([picture.gain == 10 for picture in pictures]) >= 0.9
    assert np.mean([picture.tolerance_uv <= 10 for picture in pictures]) >= 0.9
