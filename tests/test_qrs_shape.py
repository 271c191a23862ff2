"""Drawn complexes whose deflections, notches and patterns are known."""

import numpy as np
import pytest
from scipy.interpolate import PchipInterpolator

from cardiorisk.features.measurements import MEASUREMENTS, MedianBeat
from cardiorisk.features.measurements.deflections import qrs_waves, turning_points
from cardiorisk.records import MARKS, STANDARD_LEADS

RATE = 500.0
ON, OFF = 200, 260  # samples: QRS of 120 ms
PLACES = dict(zip(MARKS, (120, 145, 170, ON, 230, OFF, 300, 360, 400), strict=True))


def drawn(shapes, width=1.0):
    """A median beat; ``shapes`` gives {lead: [(ms after QRS onset, mV), ...]}, the rest is flat."""
    signal = np.zeros((12, 651))
    marks = {name: float(place) for name, place in PLACES.items()}
    marks["QRS_off"] = ON + width * (OFF - ON)
    time = (np.arange(651) - ON) / RATE * 1000
    for lead, points in shapes.items():
        x, y = np.array([(-1, 0.0), *points, (width * 120, 0.0)]).T
        inside = (time >= 0) & (time <= width * 120)
        signal[STANDARD_LEADS.index(lead), inside] = PchipInterpolator(x, y)(time[inside])
    return MedianBeat(signal, marks, RATE)


def conduction(beat):
    return MEASUREMENTS["conduction"](None, None, beat)


RSR = [(20, 0.3), (50, -0.6), (90, 0.8)]
QRS = [(10, -0.1), (40, 1.2), (90, -0.3)]
LATE_R = [(40, 0.9), (60, 0.7), (90, 1.0)]


def test_turning_points_of_a_known_curve():
    curve = np.array([0, 0, -0.1, 1.0, 0.9, 0.97, -0.3, 0, 0])
    assert turning_points(curve, 0.05) == [(2, False), (3, True), (4, False), (5, True), (6, False)]
    assert turning_points(curve, 0.2) == [(3, True), (6, False)]
    assert turning_points(np.zeros(5), 0.05) == []
    assert turning_points(np.array([0.0]), 0.05) == []


def test_a_wandering_start_is_no_peak():
    assert turning_points(np.array([0.0, 0.01, -0.1, 1.0, 0.0]), 0.05) == [(2, False), (3, True)]


def test_r_prime_and_its_time():
    values = conduction(drawn({"V1": RSR}))
    assert values["r_prime_amplitude_V1"] == pytest.approx(0.8)
    assert values["r_peak_time_V1"] == pytest.approx(90, abs=2)
    assert values["r_prime_amplitude_V2"] == 0


def test_a_notch_above_zero_is_no_r_prime():
    values = conduction(drawn({"V1": LATE_R}))
    assert values["r_prime_amplitude_V1"] == 0
    assert values["r_peak_time_V1"] == pytest.approx(90, abs=2)


def test_duration_of_s():
    values = conduction(drawn({"V6": [(40, 1.0), (60, 0.0), (80, -0.4), (110, 0.0)]}))
    assert values["s_duration_V6"] == pytest.approx(50, abs=4)
    assert values["s_duration_I"] == 0


@pytest.mark.parametrize("lead", ["I", "aVL", "V5", "V6"])
def test_notched_leads_are_counted(lead):
    values = conduction(drawn({lead: LATE_R}))
    assert values["notched_lateral_leads"] == 1
    assert values["fragmented_qrs_leads"] == 1
    assert conduction(drawn({lead: QRS}))["fragmented_qrs_leads"] == 0


def test_a_notch_in_s_is_fragmented_and_avr_is_left_out():
    notch = [(30, -0.8), (50, -0.4), (70, -0.9)]
    assert conduction(drawn({"V2": notch}))["fragmented_qrs_leads"] == 1
    assert conduction(drawn({"aVR": notch}))["fragmented_qrs_leads"] == 0


def test_right_bundle_branch_block_meets_its_criteria():
    s_late = [(35, 1.0), (60, 0.0), (85, -0.4)]
    shapes = {"V1": RSR, "I": s_late, "V5": s_late, "V6": s_late}
    assert conduction(drawn(shapes))["rbbb_score"] == 4
    assert conduction(drawn(shapes, width=0.9))["rbbb_score"] == 3  # 108 ms: incomplete
    assert conduction(drawn(shapes))["lbbb_score"] <= 2


def test_left_bundle_branch_block_meets_its_criteria():
    shapes = {"V1": [(20, 0.1), (70, -1.8)], **dict.fromkeys(("I", "aVL", "V5", "V6"), LATE_R)}
    beat = drawn(shapes)
    for lead in ("I", "V6"):
        beat.signal[STANDARD_LEADS.index(lead), 340:380] = -0.3
    values = conduction(beat)
    assert values["lbbb_score"] == 6
    assert values["rbbb_score"] == 1


def test_left_anterior_fascicular_block():
    r_s = [(25, 0.2), (60, -0.9)]
    shapes = {"I": [(12, -0.1), (50, 0.4)], "aVL": [(12, -0.1), (50, 0.9)]}
    values = conduction(drawn(shapes | dict.fromkeys(("II", "III", "aVF"), r_s), width=0.9))
    assert values["anterior_fascicle_score"] == 4
    assert values["qr_lateral_leads"] == 2
    assert values["rs_inferior_leads"] == 3
    assert values["posterior_fascicle_score"] == 1


def test_left_posterior_fascicular_block():
    q_r = [(12, -0.1), (50, 0.9)]
    r_s = [(25, 0.2), (60, -0.6)]
    shapes = {"I": r_s, "aVL": r_s, "II": q_r, "III": q_r, "aVF": q_r}
    assert conduction(drawn(shapes, width=0.9))["posterior_fascicle_score"] == 4


def test_a_score_without_its_leads_is_nan():
    beat = drawn({"V1": RSR})
    beat.signal[STANDARD_LEADS.index("V6")] = np.nan
    values = conduction(beat)
    assert np.isnan(values["rbbb_score"])
    assert np.isnan(values["lbbb_score"])
    assert np.isnan(values["notched_lateral_leads"])
    assert values["r_prime_amplitude_V1"] > 0
    assert np.isfinite(values["fragmented_qrs_leads"])


def test_no_complex_has_no_waves():
    assert np.isnan(np.array(qrs_waves(np.zeros((12, 0)), RATE))).all()


def test_transition_zone_between_leads():
    depths = {"V1": (0.2, -1.0), "V2": (0.4, -0.8), "V3": (0.5, -0.7), "V4": (0.9, -0.3)}
    depths |= {"V5": (1.0, -0.1), "V6": (1.0, 0.0)}
    shapes = {lead: [(30, r), (80, s)] for lead, (r, s) in depths.items()}
    values = MEASUREMENTS["progression"](None, None, drawn(shapes))
    assert values["r_s_ratio_V1"] == pytest.approx(0.2)
    assert values["r_s_ratio_V6"] == pytest.approx(1.0 / 0.02)
    assert values["transition_lead"] == pytest.approx(3 + 0.2 / 0.8)  # -0.2 in V3, 0.6 in V4


@pytest.mark.parametrize(("r", "s", "zone"), [(1.0, -0.5, 1), (0.1, -1.0, 7)])
def test_transition_zone_beyond_the_chest_leads(r, s, zone):
    shapes = {lead: [(30, r), (80, s)] for lead in STANDARD_LEADS[6:]}
    assert MEASUREMENTS["progression"](None, None, drawn(shapes))["transition_lead"] == zone


def test_net_area_of_a_triangle():
    beat = drawn({})
    beat.signal[0, ON : OFF + 1] = np.interp(np.arange(61), [0, 30, 60], [0, 1, 0])
    area = MEASUREMENTS["areas"](None, None, beat)["qrs_area_I"]
    assert area == pytest.approx(60.0)  # 120 ms times 1 mV, by two


def romhilt_estes(shapes, width=0.7, strain=0.0, terminal_p=0.0, absent=()):
    beat = drawn(shapes, width)
    beat.signal[STANDARD_LEADS.index("V6"), 340:380] = strain
    beat.signal[STANDARD_LEADS.index("V1"), 145:171] = terminal_p
    beat.signal[[STANDARD_LEADS.index(lead) for lead in absent]] = np.nan
    return MEASUREMENTS["hypertrophy"](None, None, beat)["romhilt_estes"]


def test_romhilt_estes_counts_each_part():
    tall = {"V5": [(40, 3.2)], "V6": [(40, 1.0)], "I": [(40, 1.0)], "aVF": [(40, 0.8)]}
    assert romhilt_estes(tall) == 3  # voltage, in 84 ms
    assert romhilt_estes(tall, strain=-0.3) == 6
    assert romhilt_estes(tall, strain=0.3) == 3
    assert romhilt_estes(tall, terminal_p=-0.15) == 6
    assert romhilt_estes(tall, terminal_p=-0.05) == 3
    assert romhilt_estes(tall, width=0.9) == 4
    late = {lead: [(60, height) for _, height in points] for lead, points in tall.items()}
    assert romhilt_estes(late) == 4
    assert romhilt_estes(tall | {"aVF": [(40, -0.9)]}) == 5  # axis
    assert romhilt_estes({lead: [(40, 1.0)] for lead in ("V5", "V6", "I", "aVF")}) == 0
    assert np.isnan(romhilt_estes(tall, absent=["aVL"]))
