"""A pacemaker's spikes are beats only where the heart follows."""

import numpy as np
import pytest

from cardiorisk.datasets import make_ecg
from cardiorisk.features import ECGFeatures, SignalQuality, delineate
from cardiorisk.features._lone_spikes import are_heartbeats, bridged
from cardiorisk.records import STANDARD_LEADS

RATE = 500.0


def add_spikes(signal, starts, height, width):
    """Needles of a width in samples, of another size and sign in each lead."""
    sizes = height * np.linspace(-1, 1.1, len(signal))[:, None]
    for start in np.round(starts).astype(int):
        signal[:, start : start + width] += sizes
    return signal.astype(np.float32)


def noise(size):
    return np.random.default_rng(0).normal(0, size, (12, 5000))


@pytest.mark.parametrize("engine", ["native", "neurokit"])
@pytest.mark.parametrize("first", [200, 201])
@pytest.mark.parametrize(("height", "width"), [(0.5, 1), (2.0, 1), (2.0, 2), (5.0, 4)])
def test_spikes_alone_are_no_beats(height, width, first, engine):
    signal = add_spikes(noise(0.01), np.arange(first, 4900, 430), height, width)
    assert delineate(signal, RATE, engine=engine).n_beats == 0


@pytest.mark.parametrize("rate", [250.0, 360.0, 1000.0])
@pytest.mark.parametrize("n_leads", [1, 12])
@pytest.mark.parametrize("height", [2.0, 8.0])
def test_spikes_alone_are_no_beats_at_other_rates(rate, n_leads, height):
    signal = add_spikes(noise(0.01), np.arange(101, 4900, 0.87 * rate), height, 1)[-n_leads:]
    names = STANDARD_LEADS[-n_leads:]
    assert delineate(signal, rate, names).n_beats == 0


@pytest.mark.parametrize("rhythm", ["left bundle branch block", "right bundle branch block"])
@pytest.mark.parametrize("height", [0.5, 3.0])
def test_spikes_before_beats_leave_them_beats(rhythm, height):
    ecg = make_ecg(1, rhythms=rhythm, random_state=1)
    onset = ecg.marks[0].beats["QRS_on"]
    signal = add_spikes(ecg.data[0].copy(), onset[onset > 10] - 6, height, 2)
    assert delineate(signal, RATE).n_beats == delineate(ecg.data[0], RATE).n_beats > 5


@pytest.mark.parametrize(
    ("rhythm", "delay", "height", "size"),
    [
        ("left bundle branch block", 6, 12.0, 0.0),
        ("left bundle branch block", 6, 8.0, 0.1),  # noise as steep as the complexes
        ("sinus rhythm", 150, 12.0, 0.0),  # of an atrium, 300 ms before QRS
    ],
)
def test_beats_behind_high_spikes_are_beats(rhythm, delay, height, size):
    ecg = make_ecg(1, rhythms=rhythm, random_state=1)
    onset = ecg.marks[0].beats["QRS_on"]
    spikes = np.round(onset[onset > delay] - delay).astype(int)
    for signal, captured in ((ecg.data[0] + noise(size), True), (noise(max(size, 0.01)), False)):
        assert are_heartbeats(add_spikes(signal, spikes, height, 2), spikes, RATE) == captured


def test_a_ventricle_may_follow_its_atrium_late():
    time, spikes = np.arange(5000), np.arange(200, 4700, 430)
    complexes = sum(np.exp(-(((time - spike - 160) / 6) ** 2) / 2) for spike in spikes)
    for size in (0.3, 0.0):  # mV
        signal = add_spikes(noise(0.01) + size * complexes, spikes, 12.0, 1)
        assert are_heartbeats(signal, spikes, RATE) == (size > 0)


def test_what_is_far_below_noise_is_no_beat_however_often_it_repeats():
    time, spikes = np.arange(100_000), np.arange(200, 99_000, 430)
    echo = sum(np.exp(-(((time - spike - 60) / 6) ** 2) / 2) for spike in spikes)
    signal = np.random.default_rng(0).normal(0, 0.02, (12, 100_000)) + 0.008 * echo
    assert not are_heartbeats(add_spikes(signal, spikes, 2.0, 1), spikes, RATE)


def test_a_few_spikes_among_beats_do_not_undo_them():
    time, beats, spikes = np.arange(5000), np.arange(200, 4700, 430), np.arange(400, 1700, 430)
    complexes = sum(np.exp(-(((time - beat) / 8) ** 2) / 2) for beat in beats)
    signal = add_spikes(noise(0.01) + complexes, spikes, 2.0, 1)
    assert are_heartbeats(signal, np.sort(np.append(beats, spikes)), RATE)


def test_spikes_in_silence_are_no_beats():
    spikes = np.arange(201, 4900, 430)
    assert not are_heartbeats(add_spikes(np.zeros((1, 5000)), spikes, 1.0, 1), spikes, RATE)
    assert not are_heartbeats(np.zeros((1, 5000)), spikes[:0], RATE)


def test_spikes_alone_have_no_heart_rate_and_are_told():
    signal = add_spikes(noise(0.01), np.arange(200, 4900, 430), 2.0, 1)[None]
    signal[:, :, 1000:1020] = np.nan  # a short gap does not hide them
    with pytest.warns(match="no_beats"):
        assert np.isnan(ECGFeatures().fit_transform(signal)).all()
    for table in (ECGFeatures().flags(signal), SignalQuality().fit(signal).report(signal)):
        assert {"pacing", "no_beats"} <= set(table["code"])


def test_narrow_complexes_are_no_spikes():
    time = np.arange(5000) / RATE
    beats = np.arange(200, 4900, 250)
    for sd in (0.008, 0.012):  # s: QRS complexes of 45 and 70 ms
        signal = sum(np.exp(-(((time - beat / RATE) / sd) ** 2) / 2) for beat in beats)
        assert are_heartbeats(signal[None] + noise(0.01)[:1], beats, RATE)
    needles = add_spikes(noise(0.01)[:1], beats, 1.0, 1)
    for late in (0, 20):  # a detector may be 40 ms off
        assert not are_heartbeats(needles, beats + late, RATE)


def test_the_sharpest_place_of_each_beat_is_bridged_in_every_lead():
    pieces = np.cumsum(np.random.default_rng(0).normal(size=(2, 3, 31)), axis=2)
    expected = pieces.copy()
    for beat, place in enumerate((12, 20)):
        pieces[beat, :, place] += [30, -40, 50]
        ends = pieces[beat][:, [place - 4, place + 4]]
        expected[beat, :, place - 4 : place + 5] = np.linspace(*ends.T, 9).T
    before = pieces.copy()
    found, places = bridged(pieces, 15, 8, 4)
    assert places.tolist() == [12, 20]
    np.testing.assert_allclose(found, expected)
    np.testing.assert_array_equal(pieces, before)
    assert bridged(pieces, 15, 0, 4)[1].tolist() == [15, 15]


def test_a_beat_that_is_not_finite_leaves_the_others_alone():
    pieces = np.zeros((3, 2, 31))
    pieces[1] = np.nan
    found, places = bridged(pieces, 15, 8, 4)
    np.testing.assert_array_equal(found, pieces)
    assert places[1] == 15
