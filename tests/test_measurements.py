"""The formulas behind the ECG features, against published and drawn examples."""

import neurokit2
import numpy as np
import pytest

from cardiorisk.datasets import make_ecg
from cardiorisk.features.measurements import (
    MEASUREMENTS,
    MedianBeat,
    corrected_qt,
    frontal_axis,
    rhythm,
)
from cardiorisk.features.measurements.median_beat import median_beat
from cardiorisk.records import MARKS, STANDARD_LEADS, Delineation, ECGRecord

RATE = 500.0


def test_corrected_qt_against_published_examples():
    # At 60 beats a minute every correction leaves QT as it is.
    assert set(corrected_qt(400.0, 1000.0).values()) == {400.0}
    at_100 = corrected_qt(350.0, 600.0)
    assert at_100["qtc_bazett"] == pytest.approx(451.8, abs=0.1)
    assert at_100["qtc_fridericia"] == pytest.approx(415.0, abs=0.1)
    assert at_100["qtc_framingham"] == pytest.approx(411.6, abs=0.1)
    assert at_100["qtc_hodges"] == pytest.approx(420.0, abs=0.1)


@pytest.mark.parametrize("angle", [-170, -90, -30, 0, 45, 90, 135, 180])
def test_frontal_axis_of_a_known_vector(angle):
    one = np.cos(np.radians(angle))
    two = np.cos(np.radians(60 - angle))
    assert frontal_axis(one, two - one / 2) == pytest.approx(angle)


def test_variability_agrees_with_neurokit():
    peaks = np.cumsum(np.random.default_rng(0).integers(300, 600, size=40)).astype(float)
    marks = Delineation((), dict.fromkeys(MARKS, peaks), RATE)
    ours = rhythm(ECGRecord(np.empty((12, 0)), RATE), marks, None)
    theirs = neurokit2.hrv_time({"ECG_R_Peaks": peaks.astype(int)}, sampling_rate=500).iloc[0]
    assert ours["rmssd"] == pytest.approx(theirs["HRV_RMSSD"])
    assert ours["rr_sd"] == pytest.approx(theirs["HRV_SDNN"])
    assert ours["rr_mean"] == pytest.approx(theirs["HRV_MeanNN"])
    assert ours["rr_median"] == pytest.approx(theirs["HRV_MedianNN"])


def drawn_beat(lead, **waves):
    """A beat of 1 s at 500 Hz with square waves of known height in one lead."""
    signal = np.zeros((12, 651))
    row = STANDARD_LEADS.index(lead)
    marks = {
        "P_on": 150.0,
        "P_peak": 170.0,
        "P_off": 190.0,
        "QRS_on": 220.0,
        "R_peak": 250.0,
        "QRS_off": 280.0,
        "T_on": 340.0,
        "T_peak": 400.0,
        "T_off": 440.0,
    }
    places = {"p": (160, 180), "q": (224, 232), "r": (240, 256), "s": (262, 274), "st": (300, 325)}
    places |= {"t": (380, 420)}
    for wave, height in waves.items():
        start, end = places[wave]
        signal[row, start:end] = height
    return MedianBeat(signal, marks, RATE)


def test_amplitudes_of_a_drawn_beat():
    heights = {"p": 0.15, "q": -0.1, "r": 1.2, "s": -0.4, "st": 0.2, "t": -0.35}
    values = MEASUREMENTS["amplitudes"](None, None, drawn_beat("V5", **heights))
    for wave in "pqrst":
        assert values[f"{wave}_amplitude_V5"] == pytest.approx(heights[wave])
        assert values[f"{wave}_amplitude_V4"] == 0
    assert values["st_level_V5"] == pytest.approx(0.2)


def test_a_qs_complex_has_no_r_and_counts_as_depth():
    beat = drawn_beat("V1", q=-0.3, s=-1.8)
    values = MEASUREMENTS["amplitudes"](None, None, beat)
    assert values["r_amplitude_V1"] == 0
    assert values["s_amplitude_V1"] == 0
    assert values["q_amplitude_V1"] == pytest.approx(-1.8)
    assert MEASUREMENTS["voltages"](None, None, beat)["sokolow_lyon"] == pytest.approx(1.8)


def test_voltages_of_a_drawn_beat():
    beat = drawn_beat("aVL", r=1.1)
    beat.signal[STANDARD_LEADS.index("V3"), 262:274] = -1.5
    beat.signal[STANDARD_LEADS.index("V3"), 240:256] = 0.4
    values = MEASUREMENTS["voltages"](None, None, beat)
    assert values["cornell_voltage"] == pytest.approx(2.6)
    assert values["cornell_product"] == pytest.approx(2.6 * 120)
    assert values["peguero_lo_presti"] == pytest.approx(1.5)
    assert values["limb_qrs_voltage"] == pytest.approx(1.1)
    assert values["chest_qrs_voltage"] == pytest.approx(1.9)


def test_a_beat_without_a_known_onset_is_levelled_at_the_usual_distance():
    ecg = make_ecg(1, rhythms=["sinus rhythm"], noise=0.0, random_state=0)
    record, marks = ecg.records[0], ecg.marks[0]
    known = median_beat(record, marks)
    onset = marks.beats["QRS_on"].copy()
    onset[[0, 3]] = np.nan
    fewer = Delineation(marks.leads, {**marks.beats, "QRS_on": onset}, marks.sampling_rate)
    beat = median_beat(record, fewer)
    assert beat.beats.shape == known.beats.shape
    np.testing.assert_allclose(beat.beats[:, 3], known.beats[:, 3], atol=0.01)
    assert beat.marks["QRS_on"] == pytest.approx(known.marks["QRS_on"], abs=0.5)
