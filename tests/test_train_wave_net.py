import numpy as np
import pytest

from cardiorisk.datasets import make_ecg
from cardiorisk.features._mark_scores import match, score_marks
from cardiorisk.features._wave_augmentation import Example, augmented


def test_training_lowers_the_loss_and_repeats(caplog):
    pytest.importorskip("torch")
    from cardiorisk.features._train_wave_net import ludb_examples, train

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
