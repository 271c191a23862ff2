import tracemalloc
from importlib.resources import files

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import butter, correlate, resample_poly, sosfiltfilt

from cardiorisk.datasets import fetch_ludb, make_ecg
from cardiorisk.exceptions import SignalWarning
from cardiorisk.features import ECGFeatures, delineate
from cardiorisk.features._convolution import convolved, kernel, padded
from cardiorisk.features._mark_scores import match, score_marks
from cardiorisk.features._native_engine import AGREEMENT, _agreement, _regular, mark_waves
from cardiorisk.features._net_filters import decimated, filtered_twice
from cardiorisk.features._wave_augmentation import Example, augmented
from cardiorisk.features._wave_decoding import _runs, decode
from cardiorisk.features._wave_net import (
    WaveNet,
    _doubled,
    lead_places,
    load_weights,
    shipped_net,
)
from cardiorisk.features._wave_peaks import common_peaks, lead_peaks
from cardiorisk.features.beat_detection import likeness
from cardiorisk.records import MARKS, STANDARD_LEADS, ECGRecord

RATE = 500.0


def mark(signal, rate=RATE, lead_names=None):
    return delineate(signal, rate, lead_names, engine="native")


def in_time(marks):
    table = np.stack([marks[name] for name in MARKS])
    return all(np.all(np.diff(beat[np.isfinite(beat)]) >= 0) for beat in table.T)


# The network


def convolved_by_scipy(x, weight, bias):
    """(n_leads, channels, n) with (width, channels, outputs), zeros beyond, lead by lead."""
    reach = len(weight) // 2
    wider = np.pad(x.astype(float), ((0, 0), (0, 0), (reach, reach)))
    lines = [
        [
            sum(correlate(lead[i], weight[:, i, o], "valid") for i in range(len(lead))) + bias[o]
            for o in range(weight.shape[2])
        ]
        for lead in wider
    ]
    return np.array(lines)


@pytest.mark.parametrize("rectified", [True, False])
@pytest.mark.parametrize(
    ("stride", "width", "n"), [(1, 7, 40), (1, 5, 1), (1, 3, 97), (2, 5, 46), (4, 17, 128)]
)
def test_convolution_agrees_with_scipy(stride, width, n, rectified):
    rng = np.random.default_rng(0)
    x, weight = rng.normal(size=(3, 2, n)), rng.normal(size=(width, 2, 8))
    bias = rng.normal(size=8)
    expected = convolved_by_scipy(x, weight, bias)[..., ::stride]
    expected = np.maximum(expected, 0) if rectified else expected
    x, weight, bias = (values.astype(np.float32) for values in (x, weight, bias))
    by = kernel(weight, bias, stride)
    found = convolved([padded(x[:, :1]), padded(x[:, 1:])], by, rectified=rectified)
    np.testing.assert_allclose(found.inside, expected, rtol=1e-4, atol=1e-5)
    around = found.values.copy()
    around[..., 16 : 16 + found.n_samples] = 0
    assert not around.any()  # what lies beyond is zero for the next convolution


def test_convolution_is_added_to_what_all_leads_share():
    rng = np.random.default_rng(0)
    x, weight, shared = (
        rng.normal(size=size).astype(np.float32) for size in ((3, 2, 33), (5, 2, 4), (1, 4, 33))
    )
    by = kernel(weight, np.full(4, 100, np.float32))  # a bias would be seen
    found = convolved([padded(x)], by, onto=shared, rectified=False)
    expected = convolved_by_scipy(x, weight, np.zeros(4)) + shared
    np.testing.assert_allclose(found.inside, expected, rtol=1e-4, atol=1e-5)


def test_doubling_is_linear_interpolation_between_middles():
    x = np.random.default_rng(0).normal(size=(1, 9, 2)).astype(np.float32)
    places = (np.arange(18) + 0.5) / 2 - 0.5
    expected = [np.interp(places, np.arange(9), x[0, :, channel]) for channel in range(2)]
    rows = padded(np.ascontiguousarray(x.transpose(0, 2, 1)))
    np.testing.assert_allclose(_doubled(rows).inside[0], expected, rtol=1e-6)


def test_leads_are_numbered_by_name():
    assert lead_places(["V6", "I", "MCL1"]).tolist() == [12, 1, 0]


def test_weights_are_small_plain_and_finite():
    path = files("cardiorisk.features") / "data" / "wave_net.npz"
    assert len(path.read_bytes()) <= 2_000_000
    assert all(np.isfinite(values).all() for values in load_weights().values())


@pytest.mark.parametrize(("n_leads", "n_samples"), [(1, 500), (15, 777)])
def test_probabilities_of_any_shape(n_leads, n_samples):
    leads = np.random.default_rng(0).normal(size=(n_leads, n_samples)).astype(np.float32)
    places = np.arange(n_leads) % 13
    probability = shipped_net().probability(leads, places)
    assert probability.shape == (3, n_leads, n_samples)
    assert np.all((probability > 0) & (probability < 1))
    swapped = shipped_net().probability(leads[::-1], places[::-1])[:, ::-1]
    np.testing.assert_allclose(swapped, probability, atol=1e-4)


def test_numpy_and_torch_agree():
    torch = pytest.importorskip("torch")
    from cardiorisk.features._train_wave_net import build_net, folded

    torch.manual_seed(0)
    net = build_net()
    leads = torch.randn(3, 4, 256)
    places = torch.tensor([[1, 2, 0, 12]])
    net(leads, torch.ones(3, 4), places.expand(3, 4))  # batch normalisation learns to fold
    torch.nn.init.normal_(net.places.weight)
    net.eval()
    with torch.no_grad():
        scores, _ = net(leads[:1], torch.ones(1, 4), places)
    found = WaveNet(folded(net)).probability(leads[0].numpy(), places[0].numpy())
    np.testing.assert_allclose(found, scores[0].sigmoid().transpose(0, 1).numpy(), atol=1e-4)


def test_training_lowers_the_loss_and_repeats(caplog):
    pytest.importorskip("torch")
    from cardiorisk.features._train_wave_net import ludb_examples, train

    ecgs = make_ecg(6, rhythms=["sinus rhythm"], duration=3, random_state=0)
    examples = ludb_examples(ecgs.records, ecgs.marks)
    caplog.set_level("INFO")
    first = train(examples, examples[:2], 6)
    losses = [float(message.rsplit(" ", 1)[1]) for message in caplog.messages]
    assert losses[-1] < 0.8 * losses[0]
    again = train(examples, examples[:2], 6)
    assert all(np.array_equal(first[name], again[name]) for name in first)


# From probabilities to waves


def test_runs_bridge_short_breaks_and_drop_short_runs():
    certain = np.zeros(100, bool)
    certain[10:20] = certain[23:30] = certain[50:53] = certain[90:] = True
    assert _runs(certain, 8).tolist() == [[10, 29], [90, 99]]
    assert _runs(np.zeros(10, bool), 1).shape == (0, 2)


def test_edges_lie_where_a_lead_falls_through_a_half():
    probability = np.zeros((3, 3, 200), np.float32)
    for lead, start in enumerate((48, 50, 52)):
        probability[1, lead, start:80] = 1
    qrs = decode(probability)["QRS"]
    np.testing.assert_allclose(qrs.lead_onset[:, 0], [47.5, 49.5, 51.5])
    np.testing.assert_allclose(qrs.lead_offset[:, 0], 79.5)
    assert 49 <= qrs.onset[0] <= 50


def test_a_lead_that_does_not_see_a_wave_takes_that_of_all():
    probability = np.zeros((3, 3, 200), np.float32)
    probability[0, :2, 50:80] = 1
    p = decode(probability)["P"]
    assert p.lead_onset[2, 0] == p.onset[0]
    assert p.lead_offset[2, 0] == p.offset[0]


def test_lone_p_waves_are_not_believed():
    middle = np.arange(0, 40_000, 250.0)
    present = np.zeros(len(middle), bool)
    present[[3, 30]] = True  # ripples
    present[80:] = True  # sinus rhythm returns
    kept = present & _regular(present, middle)
    assert not kept[:60].any()
    assert kept[90:].all()


@pytest.mark.parametrize(
    ("seen", "gate", "agree"),
    [
        ([100, 300, 500], [110, 290, 505], True),
        ([100, 300, 500], [110, 290], True),
        ([100, 300, 500], [145, 345, 545], True),
        ([100, 300, 500, 700], [110, 390, 590, 820], False),
        ([100, 150, 200, 250, 300], [100, 300], False),
        ([100], [100, 300], False),
        ([], [100, 300], False),
    ],
)
def test_network_and_gate_must_see_the_same_rhythm(seen, gate, agree):
    share = _agreement(np.array(seen, float), np.array(gate, float))
    assert (share >= AGREEMENT) is agree


# The engine


def test_a_periodic_wave_has_no_heart_rate_and_stops_no_batch():
    time = np.arange(5000) / RATE
    waves = [np.sign(np.sin(2 * np.pi * rate * time)) for rate in (1.3, 2.0, 3.0)]
    ecg = make_ecg(1, rhythms=["sinus rhythm"], random_state=0).records[0]
    records = [ECGRecord(wave[None].astype(np.float32), RATE, ("I",)) for wave in waves]
    with pytest.warns(SignalWarning, match="could not be measured"):
        table = ECGFeatures(groups=["rhythm"]).fit_transform([*records, ecg])
    assert np.isnan(table[:3]).all()
    assert np.isfinite(table[3, 0])


def test_form_of_the_result():
    marks = mark(make_ecg(1, rhythms=["sinus rhythm"], random_state=0).data[0])
    assert marks.lead_names == STANDARD_LEADS
    for lead in (*marks.leads, marks.beats):
        assert tuple(lead) == MARKS
        assert all(lead[name].shape == (marks.n_beats,) for name in MARKS)
        assert all(lead[name].dtype == np.float64 for name in MARKS)
        assert in_time(lead)


@pytest.mark.parametrize(
    "rhythm",
    ["sinus rhythm", "sinus tachycardia", "first-degree AV block", "right bundle branch block"],
)
def test_marks_of_simulated_ecgs(rhythm):
    ecgs = make_ecg(12, rhythms=[rhythm], noise=0.01, baseline_wander=0.05, random_state=31)
    scores = score_marks(ecgs.marks, [mark(signal) for signal in ecgs.data])
    assert scores["f1"].min() >= 94  # what the ends of a record cut off is left out
    most = {"P_on": 10, "P_off": 12, "QRS_on": 10, "QRS_off": 10, "T_off": 10}
    for name, bias in most.items():
        assert abs(scores["mean"][name]) <= bias
        assert scores["sd"][name] <= 15


def test_wide_qrs_tachycardia_is_measured():
    ecgs = make_ecg(12, rhythms=["wide-QRS tachycardia"], noise=0.02, random_state=5)
    for signal, truth in zip(ecgs.data, ecgs.marks, strict=True):
        marks = mark(signal)
        assert abs(marks.n_beats - truth.n_beats) <= 1
        assert not np.isfinite(marks.beats["P_peak"]).any()


def test_atrial_fibrillation_has_no_p_waves():
    ecgs = make_ecg(20, rhythms=["atrial fibrillation"], random_state=3)
    has_p = [np.isfinite(mark(signal).beats["P_peak"]).any() for signal in ecgs.data]
    assert np.mean(has_p) <= 0.1


def test_noise_has_no_beats():
    rng = np.random.default_rng(0)
    muscle = butter(2, [20, 150], "bandpass", fs=RATE, output="sos")
    time = np.arange(5000) / RATE
    for n_leads in (1, 12):
        names = STANDARD_LEADS[:n_leads]
        for _ in range(3):
            white = 0.3 * rng.normal(size=(n_leads, 5000))
            hum = np.sin(2 * np.pi * 50 * time + rng.uniform(0, 6, (n_leads, 1))) + 0.02 * white
            walk = np.cumsum(white, axis=1) / 20
            for signal in (white, walk, hum, sosfiltfilt(muscle, white, axis=1)):
                assert mark(signal, RATE, names).n_beats == 0


@pytest.mark.parametrize("bad", [0.0, np.nan])
def test_an_unusable_lead_gets_no_marks_and_disturbs_no_other(bad):
    signal = make_ecg(1, rhythms=["sinus rhythm"], random_state=0).data[0]
    broken = signal.copy()
    broken[7] = bad
    marks = mark(broken)
    without = mark(np.delete(signal, 7, axis=0), RATE, np.delete(STANDARD_LEADS, 7))
    assert all(np.isnan(marks.leads[7][name]).all() for name in MARKS)
    for name in MARKS:
        np.testing.assert_array_equal(marks.beats[name], without.beats[name])


def test_order_of_leads_does_not_matter():
    signal = make_ecg(1, rhythms=["sinus rhythm"], noise=0.05, random_state=0).data[0]
    order = np.random.default_rng(0).permutation(12)
    plain = mark(signal)
    mixed = mark(signal[order], RATE, [STANDARD_LEADS[lead] for lead in order])
    for name in MARKS:
        np.testing.assert_array_equal(plain.beats[name], mixed.beats[name])
        for row, lead in enumerate(order):
            np.testing.assert_array_equal(mixed.leads[row][name], plain.leads[lead][name])


@pytest.mark.parametrize("rate", [100, 250, 360, 1000])
def test_marks_do_not_depend_on_the_sampling_rate(rate):
    signal = make_ecg(1, rhythms=["sinus rhythm"], random_state=0).data[0]
    reference = mark(signal).beats
    found = mark(resample_poly(signal, rate, 500, axis=1, padtype="line"), rate).beats
    for name in MARKS:
        difference = np.nanmedian(found[name] / rate - reference[name] / RATE)
        assert abs(difference) < 0.010


@pytest.mark.parametrize("n_leads", [1, 2, 6])
def test_few_leads_find_the_same_beats(n_leads):
    ecgs = make_ecg(6, rhythms=["sinus rhythm"], noise=0.01, random_state=9)
    for signal, truth in zip(ecgs.data, ecgs.marks, strict=True):
        marks = mark(signal[1 : 1 + n_leads], RATE, STANDARD_LEADS[1 : 1 + n_leads])
        assert abs(marks.n_beats - truth.n_beats) <= 1
        assert np.isfinite(marks.beats["T_off"]).mean() >= 0.8


def test_two_seconds_are_enough():
    ecg = make_ecg(1, rhythms=["sinus rhythm"], heart_rate=90, duration=2, random_state=0)
    assert mark(ecg.data[0]).n_beats >= 2


def test_long_records_are_marked_in_parts(monkeypatch):
    signal = make_ecg(1, rhythms=["sinus rhythm"], duration=40, random_state=0).data[0]
    parts = mark(signal)
    monkeypatch.setattr("cardiorisk.features._native_engine.PART", 100_000)
    whole = mark(signal)
    assert parts.n_beats == whole.n_beats
    for name in MARKS:
        np.testing.assert_allclose(parts.beats[name], whole.beats[name], atol=5)


def test_memory_grows_with_the_signal_only():
    signal = make_ecg(1, rhythms=["sinus rhythm"], duration=300, random_state=0).data[0][:1]
    record = ECGRecord(signal, RATE, ("I",))
    mark_waves(record)
    tracemalloc.start()
    mark_waves(record)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 40 * signal.nbytes


@settings(max_examples=15, deadline=None)
@given(
    n_leads=st.integers(1, 15),
    n_samples=st.integers(1000, 4000),
    period=st.integers(100, 1500),
    width=st.integers(1, 60),
    seed=st.integers(0, 1000),
)
def test_marks_stay_in_the_record_and_in_order(n_leads, n_samples, period, width, seed):
    rng = np.random.default_rng(seed)
    signal = 0.02 * rng.normal(size=(n_leads, n_samples))
    for start in range(seed % period, n_samples - width, period):
        signal[:, start : start + width] += rng.uniform(0.5, 2)
    marks = mark(signal, RATE, [f"lead {number}" for number in range(n_leads)])
    for lead in (*marks.leads, marks.beats):
        assert in_time(lead)
        known = np.concatenate([values[np.isfinite(values)] for values in lead.values()])
        assert np.all((known >= 0) & (known <= n_samples - 1))


def test_features_come_from_the_engine_that_was_asked_for():
    ecgs = make_ecg(2, rhythms=["left bundle branch block"], random_state=0)
    table = {
        engine: ECGFeatures(groups=["intervals"], engine=engine).fit_transform(ecgs.data)
        for engine in ("native", "neurokit")
    }
    assert not np.allclose(table["native"], table["neurokit"], equal_nan=True)


@pytest.mark.real_data
def test_waves_of_real_ecgs(data_folder):
    ludb = fetch_ludb(data_folder, download_if_missing=False)
    rows = range(0, len(ludb.records), 4)
    found = [mark(ludb.records[row].signal) for row in rows]
    scores = score_marks([ludb.marks[row] for row in rows], found)
    # The network has seen these records; cross-validated figures are in the benchmark.
    assert scores["f1"].filter(like="P_").min() >= 98
    assert scores["f1"].filter(like="Q").min() >= 99
    assert scores["f1"].filter(like="T_").min() >= 99


# Scores and augmentation


def test_scores_of_known_errors():
    truth = make_ecg(3, rhythms=["sinus rhythm"], random_state=0).marks
    same = score_marks(truth, truth)
    assert (same[["sensitivity", "ppv", "f1"]] == 100).all(axis=None)
    assert (same[["mean", "sd"]] == 0).all(axis=None)
    for marks in truth:
        for lead in marks.leads:
            lead["P_on"] = lead["P_on"].copy()
    late = [
        type(marks)(
            tuple(
                {**lead, "P_on": lead["P_on"] + 5, "T_peak": lead["T_peak"] * np.nan}
                for lead in marks.leads
            ),
            marks.beats,
            marks.sampling_rate,
            marks.lead_names,
        )
        for marks in truth
    ]
    scores = score_marks(truth, late)
    assert scores.loc["P_on", "mean"] == pytest.approx(10)
    assert scores.loc["T_peak", "sensitivity"] == 0


def test_each_mark_is_matched_once_nearest_first():
    errors, spare = match(np.array([100.0, 130.0]), np.array([118.0, 126.0, 400.0]), 50)
    assert sorted(errors.tolist()) == [-4.0, 18.0]
    assert spare.tolist() == [400.0]


def test_augmentation_keeps_form_and_leaves_missing_leads_out():
    n = 1000
    ones = np.ones((12, n), np.float32)
    example = Example(ones, np.ones((12, n, 3), np.float32), ones, np.arange(12))
    some_missing = False
    for seed in range(20):
        drawn, present = augmented(example, 5, np.random.default_rng(seed))
        again, _ = augmented(example, 5, np.random.default_rng(seed))
        assert drawn.leads.shape == drawn.weight.shape == drawn.waves.shape[:2] == (5, n)
        assert len(drawn.places) == 5
        assert np.isfinite(drawn.leads).all()
        np.testing.assert_array_equal(drawn.leads, again.leads)
        assert not drawn.weight[present == 0].any()
        assert present.any()
        some_missing |= bool((present == 0).any())
    assert some_missing


# Compiled loops against scipy


@pytest.mark.parametrize(("n_leads", "n", "ratio"), [(12, 5000, 2), (1, 1001, 4), (2, 300, 1)])
def test_decimation_is_that_of_scipy(n_leads, n, ratio):
    signal = np.random.default_rng(0).normal(size=(n_leads, n)).cumsum(axis=1)
    expected = resample_poly(signal, 1, ratio, axis=1, padtype="line")
    np.testing.assert_allclose(decimated(signal, ratio), expected, atol=1e-9)
    single = decimated(signal.astype(np.float32), ratio)
    assert single.dtype == np.float64
    np.testing.assert_allclose(single, expected, atol=1e-4)


@pytest.mark.parametrize("n", [2500, 251, 40])
@pytest.mark.parametrize(("cutoff", "kind"), [(0.5, "highpass"), (40.0, "lowpass")])
def test_filter_is_that_of_scipy(n, cutoff, kind):
    signal = np.random.default_rng(0).normal(size=(3, n)).cumsum(axis=1)
    sections = butter(2, cutoff, kind, fs=250, output="sos")
    expected = sosfiltfilt(sections, signal, axis=1, padlen=min(250, n - 1))
    found = filtered_twice(signal, cutoff, kind, 250.0, 250)
    np.testing.assert_allclose(found, expected, atol=1e-10)


def test_likeness_is_a_correlation():
    rng = np.random.default_rng(0)
    signal, positions = rng.normal(size=(2, 300)), np.array([3, 150, 297])
    lags, half = np.arange(-6, 7, 2), 4
    shapes = rng.normal(size=(3, 2 * (2 * half + 1)))
    for kin in (shapes, shapes[0]):
        found = likeness(signal, positions, lags, half, kin)
        for beat, position in enumerate(positions):
            for number, lag in enumerate(lags):
                around = np.clip(position + lag + np.arange(-half, half + 1), 0, 299)
                piece = signal[:, around].ravel()
                against = kin[beat] if kin.ndim == 2 else kin
                expected = np.corrcoef(piece, against)[0, 1] * against.std() * np.sqrt(piece.size)
                assert found[beat, number] == pytest.approx(expected, abs=1e-6)


def test_peaks_lie_where_the_wave_is_highest():
    time = np.arange(100.0)
    hump = np.exp(-(((time - 42) / 8) ** 2))
    signal = np.stack([hump, -hump, hump + time / 20])
    onset, offset = np.full((3, 2), 20.0), np.full((3, 2), 60.0)
    onset[:, 1] = np.nan
    highest, farthest = (lead_peaks(signal, onset, offset, is_qrs=qrs) for qrs in (True, False))
    assert np.isnan([highest[:, 1], farthest[:, 1]]).all()
    assert highest[:, 0] == pytest.approx([42, 42, 43.8], abs=0.7)
    assert farthest[:, 0] == pytest.approx(42, abs=0.7)  # a tilted line is no peak
    both = common_peaks(signal[:2], onset[0], offset[0])
    assert both[0] == pytest.approx(42, abs=0.5)
    assert np.isnan(both[1])
