"""A pacemaker's spikes are beats only where the heart follows."""

import numpy as np
import pytest

from cardiorisk.datasets import make_ecg
from cardiorisk.features import ECGFeatures, SignalQuality, delineate
from cardiorisk.features._lone_spikes import are_lone_spikes, bridged

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
@pytest.mark.parametrize(("height", "width"), [(0.5, 1), (2.0, 1), (2.0, 2), (5.0, 4)])
def test_spikes_alone_are_no_beats(height, width, engine):
    signal = add_spikes(noise(0.01), np.arange(200, 4900, 430), height, width)
    assert delineate(signal, RATE, engine=engine).n_beats == 0


@pytest.mark.parametrize("rhythm", ["left bundle branch block", "right bundle branch block"])
@pytest.mark.parametrize("height", [0.5, 3.0])
def test_spikes_before_beats_leave_them_beats(rhythm, height):
    ecg = make_ecg(1, rhythms=rhythm, random_state=1)
    onset = ecg.marks[0].beats["QRS_on"]
    signal = add_spikes(ecg.data[0].copy(), onset[onset > 10] - 6, height, 2)
    assert delineate(signal, RATE).n_beats == delineate(ecg.data[0], RATE).n_beats > 5


def test_a_spike_may_be_far_higher_than_the_beat_behind_it():
    ecg = make_ecg(1, rhythms="left bundle branch block", random_state=1)
    onset = ecg.marks[0].beats["QRS_on"]
    spikes = np.round(onset[onset > 10] - 6).astype(int)
    for signal, alone in ((ecg.data[0].copy(), False), (noise(0.01), True)):
        assert are_lone_spikes(add_spikes(signal, spikes, 12.0, 2), spikes, RATE) == alone


def test_spikes_alone_have_no_heart_rate_and_are_told():
    signal = add_spikes(noise(0.01), np.arange(200, 4900, 430), 2.0, 1)
    with pytest.warns(match="no_beats"):
        assert np.isnan(ECGFeatures().fit_transform(signal[None])).all()
    flags = (
        ECGFeatures().flags(signal[None]),
        SignalQuality().fit(signal[None]).report(signal[None]),
    )
    for table in flags:
        assert {"pacing", "no_beats"} <= set(table["code"])


def test_narrow_complexes_are_no_spikes():
    time = np.arange(5000) / RATE
    beats = np.arange(200, 4900, 250)
    for sd in (0.008, 0.012):  # s: QRS complexes of 45 and 70 ms
        signal = sum(np.exp(-(((time - beat / RATE) / sd) ** 2) / 2) for beat in beats)
        assert not are_lone_spikes(signal[None] + noise(0.01)[:1], beats, RATE)
    needles = add_spikes(noise(0.01)[:1], beats, 1.0, 1)
    assert are_lone_spikes(needles, beats, RATE)
    assert are_lone_spikes(needles, beats + 20, RATE)  # a detector may be 40 ms off


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
