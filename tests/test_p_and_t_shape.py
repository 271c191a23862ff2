"""Drawn P and T waves whose shape is known, and the flags of a single lead."""

import numpy as np
import pytest

from cardiorisk.features.measurements import MEASUREMENTS, MedianBeat
from cardiorisk.features.measurements.repolarisation import t_shape
from cardiorisk.records import MARKS, STANDARD_LEADS, Delineation, ECGRecord

RATE = 500.0
V1 = STANDARD_LEADS.index("V1")
INFERIOR = [STANDARD_LEADS.index(lead) for lead in ("II", "III", "aVF")]


def beat_with_p(width=100, **waves):
    """A flat beat with a P of ``width`` ms; each lead's wave is an array over it."""
    places = (100, 120, 100 + width / 2, 200, 230, 250, 300, 360, 400)
    signal = np.zeros((12, 651))
    for lead, wave in waves.items():
        signal[STANDARD_LEADS.index(lead), 100 : 100 + len(wave)] = wave
    return MedianBeat(signal, dict(zip(MARKS, places, strict=True)), RATE)


def atrial(beat):
    return MEASUREMENTS["atrial"](None, None, beat)


def test_p_terminal_force():
    wave = np.r_[np.full(21, 0.1), np.full(30, -0.12)]  # 60 ms below zero
    values = atrial(beat_with_p(V1=wave))
    assert values["p_terminal_duration_V1"] == pytest.approx(60)
    assert values["p_terminal_depth_V1"] == pytest.approx(0.12)
    assert values["p_terminal_force_V1"] == pytest.approx(7.2)
    assert values["p_initial_amplitude_V1"] == pytest.approx(0.1)


@pytest.mark.parametrize("wave", [np.full(51, 0.1), np.r_[np.full(20, -0.1), np.full(31, 0.1)]])
def test_p_without_a_negative_end_has_no_terminal_force(wave):
    assert atrial(beat_with_p(V1=wave))["p_terminal_force_V1"] == 0


def test_interatrial_block():
    biphasic = np.r_[np.full(40, 0.1), np.full(26, -0.1)]
    inferior = dict.fromkeys(("II", "III", "aVF"), biphasic)
    assert atrial(beat_with_p(130, **inferior))["interatrial_block"] == 2
    assert atrial(beat_with_p(130, II=biphasic))["interatrial_block"] == 1
    assert atrial(beat_with_p(130, II=biphasic))["p_biphasic_inferior_leads"] == 1
    narrow = atrial(beat_with_p(110, **inferior))
    assert (narrow["interatrial_block"], narrow["p_wide"]) == (0, 0)


def test_tall_p():
    assert atrial(beat_with_p(III=np.full(51, 0.3)))["p_tall"] == 1
    assert atrial(beat_with_p(III=np.full(51, 0.2)))["p_tall"] == 0


def test_without_p_nothing_is_said_about_the_atria():
    beat = beat_with_p()
    beat.marks.update(dict.fromkeys(("P_on", "P_peak", "P_off"), np.nan))
    assert np.isnan(list(atrial(beat).values())).all()


def test_shape_of_known_t_waves():
    x = np.arange(201)
    symmetric = np.sin(np.pi * x / 200)
    assert t_shape(symmetric) == pytest.approx((1.0, 2 / np.pi), abs=0.01)
    assert t_shape(-symmetric) == pytest.approx(t_shape(symmetric))
    skewed = np.interp(x, [0, 150, 200], [0.0, 0.6, 0.0])  # slow up, fast down
    assert t_shape(skewed) == pytest.approx((1 / 3, 0.5), abs=0.01)
    assert t_shape(skewed + 0.1 + x / 1000) == pytest.approx(t_shape(skewed), abs=0.01)
    assert np.isnan(t_shape(symmetric * 0.02)).all()
    assert np.isnan(t_shape(np.zeros(0))).all()


def test_leads_with_remarkable_st_and_t_are_counted():
    beat = beat_with_p()
    for lead, level in {"V2": 0.15, "II": 0.15, "V5": -0.12, "V3": -0.06}.items():
        beat.signal[STANDARD_LEADS.index(lead), 245:258] = level
    for lead, height in {"I": 0.3, "II": -0.2, "V4": 0.05, "V5": -0.1}.items():
        beat.signal[STANDARD_LEADS.index(lead), 350:370] = height
    values = MEASUREMENTS["repolarisation"](None, None, beat)
    assert values["st_elevated_leads"] == 1  # II; 0.15 mV is usual in V2
    assert values["st_depressed_leads"] == 2
    assert values["t_inverted_leads"] == 2
    assert values["t_flat_leads"] == 3  # V4, and V3 and V6, which have none
    beat.signal[:] = np.nan
    assert np.isnan(list(MEASUREMENTS["repolarisation"](None, None, beat).values())).all()


def one_lead(pr, qt, names=("I", "II"), rr=1000.0):
    """Marks in ms of three beats: the last lead named has the intervals asked for."""
    onset = 1000.0 + rr * np.arange(3)
    offsets = dict(zip(MARKS, (-pr, -pr + 40, -60, 0, 40, 90, 200, 300, qt), strict=True))
    wanted = {name: (onset + offset) / 2 for name, offset in offsets.items()}
    nothing = dict.fromkeys(MARKS, np.full(3, np.nan))
    signal = np.tile(np.sin(np.arange(2500.0)), (len(names), 1)).astype(np.float32)
    if len(names) > 1:
        signal[0] = 0  # off: the next one serves
    record = ECGRecord(signal, RATE, names)
    marks = Delineation((*[nothing] * (len(names) - 1), wanted), wanted, RATE, names)
    return MEASUREMENTS["single_lead"](record, marks, None)


def test_single_lead_intervals_and_flags():
    values = one_lead(pr=160, qt=400, names=("I",))
    assert values["lead_i_pr"] == pytest.approx(160)
    assert values["lead_i_qrs"] == pytest.approx(90)
    assert values["lead_i_qtc"] == values["lead_i_qt"] == pytest.approx(400)
    flags = ("first_degree_av_block", "long_qt", "very_long_qt")
    assert [values[name] for name in flags] == [0, 0, 0]
    assert [one_lead(pr=220, qt=480)[name] for name in flags] == [1, 1, 0]
    assert [one_lead(pr=200, qt=510)[name] for name in flags] == [0, 1, 1]


def test_single_lead_without_marks_is_nan_and_so_are_its_flags():
    values = one_lead(pr=np.nan, qt=np.nan)
    del values["lead_i_qrs"]
    assert np.isnan(list(values.values())).all()
    assert np.isnan(list(one_lead(160, 400, names=("X",)).values())).all()
