import numpy as np
import pytest
from scipy.signal import butter, sosfiltfilt

from cardiorisk.datasets import fetch_mitdb, make_ecg
from cardiorisk.exceptions import SignalError
from cardiorisk.features import delineate
from cardiorisk.features._long_records import mark_stretches
from cardiorisk.features._missed_beats import with_missed_beats
from cardiorisk.features._stray_beats import FEWEST, beat_evidence, stray_beats
from cardiorisk.features.beat_detection import band_pass, beat_shapes, find_beats, likeness
from cardiorisk.records import MARKS, Delineation, ECGRecord

RATE = 250.0


@pytest.fixture(scope="module")
def minutes():
    """Three minutes of one lead, and the R peaks."""
    ecg = make_ecg(
        1, rhythms=["sinus rhythm"], duration=180, sampling_rate=RATE, noise=0.02, random_state=1
    )
    return ecg.data[0, 1:2], ecg.marks[0].beats["R_peak"]


def mark(signal, rate=RATE, names=("II",)):
    return delineate(signal, rate, names, engine="native")


def hits(found, truth, rate=RATE):
    gap = np.abs(np.asarray(found)[:, None] - truth).min(axis=0)
    return np.count_nonzero(gap < 0.15 * rate)


@pytest.mark.parametrize("band", [(8.0, 20.0), (1.0, 40.0), (0.5, 30.0)])
def test_band_pass_is_scipys_butterworth_run_both_ways(minutes, band):
    signal = minutes[0][:, :2500].astype(float) + np.linspace(0, 3, 2500)
    sos = butter(2, band, "bandpass", fs=RATE, output="sos")
    expected = sosfiltfilt(sos, signal, axis=-1, padlen=int(RATE))
    (found,) = band_pass(signal, RATE, band)
    np.testing.assert_allclose(found[:, 250:-250], expected[:, 250:-250], atol=0.01)
    (single,) = band_pass(signal.astype(np.float32), RATE, band)
    assert single.dtype == np.float32
    np.testing.assert_allclose(single, found, atol=1e-4)


def test_likeness_is_the_correlation_at_each_lag():
    rng = np.random.default_rng(0)
    signal, positions = rng.normal(size=(3, 400)), np.array([5, 100, 230, 397])
    lags, shapes = np.arange(-6, 8, 2), beat_shapes(signal, positions, 10)
    expected = np.stack(
        [np.sum(shapes * beat_shapes(signal, positions + lag, 10), axis=1) for lag in lags], axis=1
    )
    np.testing.assert_allclose(likeness(signal, positions, lags, 10, shapes), expected, atol=1e-6)
    one = likeness(signal, positions, lags, 10, shapes[1])
    np.testing.assert_allclose(one[1], expected[1], atol=1e-6)


def test_beats_do_not_depend_on_how_many_leads_repeat_them(minutes):
    signal = minutes[0][:, :2500]
    one, many = find_beats(signal, RATE), find_beats(np.repeat(signal, 12, axis=0), RATE)
    np.testing.assert_array_equal(one.positions, many.positions)


def test_every_beat_of_a_long_record_is_found_once(minutes, monkeypatch):
    signal, truth = minutes
    monkeypatch.setattr("cardiorisk.features._long_records.STRETCH", 45.0)
    found = mark(signal).beats["R_peak"]
    assert len(found) == hits(found, truth) == len(truth)
    assert np.all(np.diff(found) > 0)


def test_a_long_gap_costs_only_the_beats_in_it(minutes):
    signal, truth = minutes[0].copy(), minutes[1]
    gap = slice(int(40 * RATE), int(80 * RATE))
    signal[:, gap] = np.nan
    marks = mark(signal)
    outside = truth[(truth < gap.start - 50) | (truth > gap.stop + 50)]
    found = marks.beats["R_peak"]
    assert hits(found, outside) == len(outside)
    assert not np.any((found > gap.start) & (found < gap.stop))
    assert set(marks.leads[0]) == set(MARKS)


def test_a_lead_that_is_lost_for_a_while_is_absent_only_there(monkeypatch):
    monkeypatch.setattr("cardiorisk.features._long_records.STRETCH", 30.0)
    ecg = make_ecg(1, rhythms=["sinus rhythm"], duration=90, random_state=2)
    signal, names = ecg.data[0, :2].copy(), ("I", "II")
    signal[0, 500 * 40 : 500 * 44] = np.inf
    marks = mark(signal, 500.0, names)
    middle = marks.beats["R_peak"] / 500
    with_first = np.isfinite(marks.leads[0]["R_peak"])
    assert with_first[(middle < 30) | (middle > 60)].all()
    assert not with_first[(middle > 31) & (middle < 59)].any()
    assert np.isfinite(marks.leads[1]["R_peak"]).all()


def test_a_stretch_of_noise_has_no_beats(minutes, monkeypatch):
    monkeypatch.setattr("cardiorisk.features._long_records.STRETCH", 60.0)
    monkeypatch.setattr("cardiorisk.features._long_records.MARGIN", 0.0)
    signal, rng = minutes[0].copy(), np.random.default_rng(0)
    signal[:, int(60 * RATE) : int(120 * RATE)] = rng.normal(0, 0.2, int(60 * RATE))
    found = mark(signal).beats["R_peak"] / RATE
    assert not np.any((found > 60) & (found < 120))
    assert np.count_nonzero(found < 60) > 30
    assert np.count_nonzero(found > 120) > 30


@pytest.mark.parametrize("value", [np.nan, 0.0, -32768.0])
def test_a_long_record_without_an_ecg_says_why(value):
    with pytest.raises(SignalError, match=r"not_finite|flat|sentinel"):
        mark(np.full((1, int(100 * RATE)), value, np.float32))


def test_a_short_record_with_a_long_gap_is_still_refused(minutes):
    signal = minutes[0][:, :5000].copy()
    signal[:, 1000:2000] = np.nan
    with pytest.raises(SignalError, match="not_finite"):
        mark(signal)


def test_faint_extra_beats_are_stray_and_true_ones_are_not(minutes):
    signal, truth = minutes
    rng = np.random.default_rng(0)
    ghosts = (truth[:-1] + 0.5 * np.diff(truth))[::9]
    doubles = truth[::11] + 25  # 0.1 s: the heart cannot follow itself so soon
    positions = np.sort(np.concatenate([truth, ghosts, doubles]))
    widths = np.where(np.isin(positions, truth), 22.0, 12.0) + rng.normal(0, 1, len(positions))
    stray = stray_beats(signal, positions, widths, RATE)
    assert not stray[np.isin(positions, truth)].any()
    assert stray[np.isin(positions, ghosts) | np.isin(positions, doubles)].all()


def test_few_beats_are_never_stray(minutes):
    signal, truth = minutes
    positions = np.sort(np.append(truth[: FEWEST - 2], truth[3] + 20))
    assert not stray_beats(signal, positions, np.full(len(positions), 20.0), RATE).any()
    assert stray_beats(signal, np.empty(0), np.empty(0), RATE).shape == (0,)


def test_evidence_is_about_the_usual_beat(minutes):
    signal, truth = minutes
    beats, evidence = beat_evidence(signal, truth, np.full(len(truth), 25.0), RATE)
    assert beats.tolist() == list(range(len(truth)))
    assert np.median(evidence["rhythm"]) == pytest.approx(2, abs=0.1)
    assert np.median(evidence["height"]) == pytest.approx(0, abs=0.05)
    assert np.median(evidence["likeness"]) > 0.95
    assert evidence["width"] == pytest.approx(1)


def test_an_unknown_width_is_usual(minutes):
    signal, truth = minutes
    widths = np.full(len(truth), 25.0)
    widths[::7] = np.nan
    assert beat_evidence(signal, truth, widths, RATE)[1]["width"] == pytest.approx(1)
    assert not stray_beats(signal, truth, widths, RATE).any()


def without(signal, beats):
    """A record, its marks, and the same without some beats and with all others 40 ms late."""
    record = ECGRecord(signal, RATE, ("II",))
    marks = mark(signal)
    kept = np.delete(np.arange(marks.n_beats), beats)
    lead, common = (
        {name: values[kept] + 10 for name, values in one.items()}
        for one in (marks.leads[0], marks.beats)
    )
    return record, marks, Delineation((lead,), common, RATE, ("II",))


def test_beats_that_one_detector_misses_come_from_the_other(minutes):
    missed = [20, 50, 51, 90]
    record, marks, fewer = without(minutes[0], missed)
    found = with_missed_beats(record, fewer)
    assert found.n_beats == marks.n_beats
    assert found.beats["R_peak"] == pytest.approx(marks.beats["R_peak"] + 10, abs=4)
    assert np.flatnonzero(np.isnan(found.beats["QRS_on"])).tolist() == missed
    for name in MARKS:
        assert np.isnan(found.leads[0][name][missed]).all(), name
        kept = np.delete(found.leads[0][name], missed)
        np.testing.assert_array_equal(kept, fewer.leads[0][name])


def test_a_hole_without_a_beat_stays_one(minutes):
    signal, truth = minutes[0].copy(), minutes[1]
    start, end = (truth[[60, 61]] - 0.4 * RATE).astype(int)
    signal[:, start:end] = np.linspace(signal[0, start], signal[0, end], end - start)
    record, marks, _ = without(signal, [])
    assert np.diff(marks.beats["R_peak"]).max() > 1.9 * np.median(np.diff(truth))
    assert with_missed_beats(record, marks).n_beats == marks.n_beats == len(truth) - 1


def test_beats_are_looked_for_in_holes_only(minutes):
    record, marks, fewer = without(minutes[0], list(range(1, len(minutes[1]), 2)))
    assert with_missed_beats(record, fewer).n_beats == fewer.n_beats  # half as fast, no hole
    assert with_missed_beats(record, marks) is marks
    few = Delineation(
        ({name: values[::12] for name, values in marks.leads[0].items()},),
        {name: values[::12] for name, values in marks.beats.items()},
        RATE,
        ("II",),
    )
    assert few.n_beats < FEWEST
    assert with_missed_beats(record, few) is few


def test_missed_beats_of_a_long_record_are_marked(minutes):
    record, marks, fewer = without(minutes[0], [30, 100])
    whole = mark_stretches(record, lambda piece: (piece, fewer))
    assert whole.n_beats == marks.n_beats


@pytest.mark.real_data
@pytest.mark.usefixtures("data_folder")
def test_beats_of_half_hour_records_are_found():
    mitdb = fetch_mitdb()
    for record, truth in zip(mitdb.records[:6:2], mitdb.beats[:6:2], strict=True):
        found = mark(record.signal[:1], 360.0, record.lead_names[:1]).beats["R_peak"]
        hit = hits(found, truth, 360.0)
        assert hit / len(truth) > 0.99, record
        assert hit / len(found) > 0.99, record
