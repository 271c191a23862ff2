import numpy as np
import pytest

from cardiorisk.datasets import make_ecg
from cardiorisk.features._mark_scores import match, score_marks
from cardiorisk.features._wave_augmentation import LATENCY, WIDTH, Example, augmented, paced
from cardiorisk.features._wave_examples import UNKNOWN, ludb_examples


def test_training_lowers_the_loss_and_repeats(caplog):
    pytest.importorskip("torch")
    from cardiorisk.features._train_wave_net import train

    ecgs = make_ecg(6, rhythms=["sinus rhythm"], duration=3, random_state=0)
    examples = ludb_examples(ecgs.records, ecgs.marks)
    caplog.set_level("INFO")
    first = train(examples, examples[:2], 12)
    losses = [float(message.rsplit(" ", 1)[1]) for message in caplog.messages]
    assert losses[-1] < 0.8 * losses[0]
    again = train(examples, examples[:2], 12)
    assert all(np.array_equal(first[name], again[name]) for name in first)


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


def test_calm_records_change_less_and_lose_as_many_leads():
    n = 1000
    leads = np.sin(np.arange(12 * n) / 20).reshape(12, n).astype(np.float32)
    example = Example(leads, np.ones((12, n, 3), np.float32), np.ones_like(leads), np.arange(12))
    changed, left = {}, {}
    for calm in (False, True):
        rng = np.random.default_rng(0)
        draws = [augmented(example, 12, rng, calm=calm) for _ in range(100)]
        changed[calm] = np.median([np.abs(drawn.leads - leads).mean() for drawn, _ in draws])
        left[calm] = np.mean([present.sum() for _, present in draws])
    assert changed[True] < 0.7 * changed[False]
    assert abs(left[True] - left[False]) < 1.5


def test_pacing_puts_a_spike_before_each_beat_which_begins_with_it():
    waves = np.zeros((3, 600, 3), np.float32)
    for start in (5, 200, 400):
        waves[:, start : start + 25, 1] = 1
    waves[:, 300:340, 2] = 1
    still = np.zeros((3, 600), np.float32)
    example = Example(still, waves, np.ones_like(still), np.arange(3))
    distances = set()
    for seed in range(100):
        found = paced(example, np.random.default_rng(seed))
        spiked = np.flatnonzero(found.leads[0, :250])
        assert len(spiked) in range(*WIDTH)  # one beat: the first has no room for a spike before it
        first = spiked[0]
        distances.add(200 - first)
        assert found.leads[0, first] != found.leads[2, first]  # each lead sees it in its own way
        np.testing.assert_array_equal(found.leads[:, first : first + 100],
                                      found.leads[:, first + 200 : first + 300])  # fmt: skip
        began = np.flatnonzero(np.diff(found.waves[1, :, 1]) == 1) + 1
        assert began.tolist() == [5, first, first + 200]
        np.testing.assert_array_equal(found.waves[..., [0, 2]], waves[..., [0, 2]])
    assert distances == set(range(LATENCY))
    assert not still.any()  # what was given is as it was


def test_a_wave_with_one_edge_is_unknown_and_not_a_pause():
    ecgs = make_ecg(1, rhythms=["sinus rhythm"], random_state=0)
    (whole,) = ludb_examples(ecgs.records, ecgs.marks)
    lead = ecgs.marks[0].leads[3]
    lead["QRS_on"] = lead["QRS_on"].copy()
    lead["QRS_on"][4] = np.nan
    (lacking,) = ludb_examples(ecgs.records, ecgs.marks)
    middle = int(lead["R_peak"][4] / 2)
    unknown = slice(middle - UNKNOWN, middle + UNKNOWN)
    assert whole.weight[3, unknown].all()
    assert not lacking.weight[3, unknown].any()
    kept = np.ones(whole.weight.shape, bool)
    kept[3, unknown] = False
    np.testing.assert_array_equal(lacking.weight[kept], whole.weight[kept])
    np.testing.assert_array_equal(lacking.waves[kept], whole.waves[kept])
