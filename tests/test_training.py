"""The loop: what it gives, what it restores, and what it refuses."""

import logging
import re

import numpy as np
import pytest
import torch
from small_nets import SmallNet, same_weights, small_data, small_net, squared

from cardiorisk.backends.devices import count_cuda_devices
from cardiorisk.estimators._training import Schedule, Training, train_net, weights_of
from cardiorisk.exceptions import DeviceError

QUICK = Schedule(epochs=4, batch_size=16, learning_rate=0.02)


def train(module=None, loss=squared, schedule=QUICK, data=None, **options):
    X, y = small_data() if data is None else data
    options = {"random_state": 0} | options
    return train_net(module or small_net(), loss, X, y, schedule=schedule, **options)


def test_the_weights_are_those_of_a_plain_loop():
    plain, schedule = small_net(), Schedule(6, 16, 0.02, weight_decay=0.1, clip_norm=1.0)
    training = train(loss=squared, schedule=schedule)
    X, y = map(torch.from_numpy, small_data())
    optimizer = torch.optim.AdamW(plain.parameters(), 0.02, weight_decay=0.1)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=6)
    before = torch.get_rng_state()
    for epoch in range(1, 7):
        sequence = np.random.SeedSequence([0, epoch])
        torch.manual_seed(int(sequence.generate_state(1)[0]))
        order = np.random.default_rng(sequence).permutation(len(X))
        plain.train()
        for rows in np.array_split(order, 5):
            loss = sum(squared(plain, X[rows], y[rows], None).values())
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(plain.parameters(), 1.0)
            optimizer.step()
        scheduler.step()
    torch.set_rng_state(before)
    assert training.history["learning_rate"].iloc[0] == 0.02
    for name, values in weights_of(plain).items():
        # torch's scheduler multiplies step by step, so its rates differ in the last digits.
        np.testing.assert_allclose(training.weights[name], values, rtol=1e-4, atol=1e-6)


def test_the_loss_falls_and_the_history_has_a_row_an_epoch(caplog):
    caplog.set_level(logging.INFO, "cardiorisk")
    training = train(schedule=Schedule(epochs=25, batch_size=16, learning_rate=0.05))
    history = training.history
    assert list(history) == ["error", "penalty", "loss", "learning_rate", "seconds"]
    assert history.index.name == "epoch"
    assert list(history.index) == list(range(1, 26))
    np.testing.assert_allclose(history["loss"], history["error"] + history["penalty"])
    assert history["loss"].iloc[-1] < history["loss"].iloc[0] / 2
    assert (training.best_epoch, training.stopped_early) == (25, False)
    assert repr(training) == "Training(best_epoch=25, device_used='cpu', stopped_early=False)"
    assert re.match(r"epoch 1 of 25: error .*, seconds", caplog.messages[0])


def test_equal_seeds_give_equal_bits_and_others_do_not():
    first, again, other = train(), train(), train(random_state=1)
    assert same_weights(first.weights, again.weights)
    assert not same_weights(first.weights, other.weights)
    given = [train(random_state=np.random.RandomState(3)) for _ in range(2)]
    assert same_weights(given[0].weights, given[1].weights)


def test_what_validation_draws_does_not_change_the_weights():
    def noisy(module):
        return {"score": len(module.state_dict()) + 0 * float(torch.rand(3).sum())}

    kept = train(validate=lambda module: {"score": 0.0}, schedule=QUICK)
    drawn = train(validate=noisy, schedule=QUICK)
    assert same_weights(kept.weights, drawn.weights)


def test_the_weights_of_the_best_epoch_are_returned_and_put_into_the_module():
    scores = iter([0.1, 0.7, 0.7, 0.2])
    seen, module = [], small_net()

    def validate(module):
        assert not module.training
        assert not torch.is_grad_enabled()
        seen.append(weights_of(module))
        return {"score": next(scores), "other": 9.0}

    training = train(module, validate=validate)
    assert training.best_epoch == 2
    assert same_weights(training.weights, seen[1])
    assert same_weights(weights_of(module), seen[1])
    assert not same_weights(seen[1], seen[2])
    assert list(training.history["score"]) == [0.1, 0.7, 0.7, 0.2]


def test_patience_stops_after_epochs_without_a_better_score():
    scores = iter([0.1, 0.5, 0.5, 0.4, 0.9])
    schedule = Schedule(epochs=9, patience=2)
    training = train(schedule=schedule, validate=lambda module: {"score": next(scores)})
    assert (len(training.history), training.best_epoch, training.stopped_early) == (4, 2, True)
    assert len(train(schedule=schedule).history) == 9


def switches():
    return (
        torch.get_num_threads(),
        torch.get_default_dtype(),
        torch.are_deterministic_algorithms_enabled(),
        torch.is_deterministic_algorithms_warn_only_enabled(),
        torch.utils.deterministic.fill_uninitialized_memory,
        torch.backends.cudnn.deterministic,
        torch.backends.cudnn.benchmark,
        torch.is_grad_enabled(),
        torch.get_rng_state().numpy().tobytes(),
    )


@pytest.mark.parametrize("fails", [False, True])
def test_global_switches_are_as_before_also_after_an_error(fails):
    inside = []

    def meddling(module, xb, yb, wb):
        inside.append(switches())
        torch.set_default_dtype(torch.float64)
        torch.set_num_threads(1)
        torch.use_deterministic_algorithms(False)
        torch.set_grad_enabled(True)
        if fails:
            raise RuntimeError("on purpose")
        return squared(module, xb, yb, wb)

    before = torch.get_num_threads()
    torch.set_num_threads(2)
    torch.manual_seed(5)
    expected, numpy_state = switches(), np.random.get_state()[1].tobytes()  # noqa: NPY002
    try:
        if fails:
            with pytest.raises(RuntimeError, match="on purpose"):
                train(loss=meddling, n_threads=1)
        else:
            train(loss=meddling, n_threads=1)
        assert switches() == expected
    finally:
        torch.set_num_threads(before)
    assert inside[0][:3] == (1, torch.float32, True)
    assert np.random.get_state()[1].tobytes() == numpy_state  # noqa: NPY002


def test_small_nets_train_on_one_thread():
    seen = set()

    def spy(module, xb, yb, wb):
        seen.add(torch.get_num_threads())
        return squared(module, xb, yb, wb)

    train(loss=spy)
    assert seen == {1}


@pytest.mark.parametrize("where", ["term", "weights"])
def test_a_loss_that_is_not_finite_names_term_batch_and_epoch(where):
    calls = []

    def broken(module, xb, yb, wb):
        calls.append(1)
        terms = squared(module, xb, yb, wb)
        last = len(calls) == 8
        if where == "weights":
            # The square root at 0 has a finite value and an infinite slope.
            return terms | {"root": (module.head.weight * 0).sum().sqrt() * float(len(calls) == 10)}
        return terms | {"root": terms["error"] * (float("nan") if last else 1.0)}

    expected = {
        "term": r"Got loss term 'root'=nan in batch 3 of epoch 2.*learning_rate=0.02",
        "weights": r"(loss term 'error'=nan in batch 2 of epoch 1|non-finite weights)",
    }
    with pytest.raises(FloatingPointError, match=expected[where]):
        train(loss=broken)


def test_an_interrupt_is_raised_on_and_leaves_the_best_weights_in_the_module():
    scores, seen, module = iter([0.5, 0.1]), [], small_net()

    def validate(module):
        seen.append(weights_of(module))
        try:
            return {"score": next(scores)}
        except StopIteration:
            raise KeyboardInterrupt from None

    with pytest.raises(KeyboardInterrupt):
        train(module, validate=validate)
    assert same_weights(weights_of(module), seen[0])


def test_tuples_mappings_and_memory_maps_train_like_one_array(tmp_path):
    X, y = small_data()
    np.save(tmp_path / "X.npy", X)
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")

    def joined(module, xb, yb, wb):
        left, right = xb if isinstance(xb, tuple) else (xb["left"], xb["right"])
        return squared(module, torch.cat([left, right], 1), yb["risk"], wb)

    plain = train()
    assert same_weights(plain.weights, train(data=(mapped, y)).weights)
    for parts in ((X[:, :2], X[:, 2:]), {"left": X[:, :2], "right": X[:, 2:].astype(float)}):
        training = train(loss=joined, data=(parts, {"risk": y}))
        assert same_weights(plain.weights, training.weights)


def test_batches_hold_all_rows_once_and_the_types_of_the_net():
    seen = []

    def spy(module, xb, yb, wb):
        seen.append((len(xb), xb.dtype, yb["class"].dtype, wb.dtype, yb["class"]))
        return squared(module, xb, yb["class"] * 1.0, wb)

    X, _ = small_data(65)
    weight = np.ones(65)
    labels = {"class": np.arange(65)}
    train(SmallNet().double(), spy, Schedule(1, 32), (X, labels), sample_weight=weight)
    assert [one[0] for one in seen] == [22, 22, 21]
    assert set(torch.cat([one[4] for one in seen]).tolist()) == set(range(65))
    assert seen[0][1:4] == (torch.float64, torch.int64, torch.float64)


def test_rows_of_weight_zero_do_not_count():
    X, y = small_data()
    weight = (np.arange(len(y)) % 2).astype(float)
    spoiled = np.where(weight == 0, 99.0, y)
    body_frozen = {"trainable": ["head"], "sample_weight": weight}
    first = train(data=(X, y), **body_frozen)
    assert same_weights(first.weights, train(data=(X, spoiled), **body_frozen).weights)


def test_bfloat16_runs_on_the_cpu_and_keeps_weights_in_float32():
    seen = []

    def spy(module, xb, yb, wb):
        seen.append(module(xb).dtype)
        return {"error": ((module(xb).float() - yb) ** 2).mean()}

    training = train(loss=spy, mixed_precision="bfloat16")
    assert set(seen) == {torch.bfloat16}
    assert training.weights["head.weight"].dtype == np.float32
    train(loss=spy)
    assert seen[-1] == torch.float32


def test_precision_and_device_that_cannot_be_had_are_errors(monkeypatch):
    monkeypatch.setattr("cardiorisk.backends.devices.count_cuda_devices", lambda: 0)
    with pytest.raises(DeviceError, match="device='cuda' for backend='torch', but this machine"):
        train(device="cuda")
    with pytest.raises(DeviceError, match="'float16' on the CPU, but it needs CUDA"):
        train(mixed_precision="float16")
    with pytest.raises(ValueError, match="mixed_precision='half', but expected one of auto"):
        train(mixed_precision="half")
    assert train(device="auto").device_used == "cpu"


@pytest.mark.skipif(count_cuda_devices() == 0, reason="this machine has no CUDA GPU")
@pytest.mark.parametrize("precision", ["float32", "bfloat16", "float16"])
def test_a_gpu_gives_equal_bits_twice_and_the_module_comes_home(precision):
    module = small_net()
    schedule = Schedule(epochs=25, batch_size=16, learning_rate=0.05)
    options = {"schedule": schedule, "device": "cuda", "mixed_precision": precision}
    first, again = train(module, **options), train(**options)
    assert first.device_used == "cuda"
    assert same_weights(first.weights, again.weights)
    assert first.history["loss"].iloc[-1] < first.history["loss"].iloc[0] / 2
    assert module.head.weight.device.type == "cpu"
    assert module.head.weight.dtype == torch.float32


def test_a_progress_bar_shows_the_terms_and_silence_is_the_default(capsys):
    train(validate=lambda module: {"score": 0.25})
    assert capsys.readouterr() == ("", "")
    train(validate=lambda module: {"score": 0.25}, verbose=1)
    out, err = capsys.readouterr()
    assert out == ""
    assert "epoch 4/4: 100%" in err
    assert "20/20" in err
    assert "error" in err
    assert "score 0.25" in err


X, Y = small_data()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"data": (X, Y[:3])}, r"shapes \[\(70, 4\), \(3,\)\], but expected the same number"),
        ({"data": (X[:0], Y[:0])}, "but expected the same number of rows"),
        ({"sample_weight": np.full(70, -1.0)}, "Got sample_weight"),
        ({"sample_weight": np.zeros(70)}, "Got sample_weight"),
        ({"sample_weight": np.ones(3)}, "same number of rows"),
        ({"validate": lambda module: {"auroc": np.nan}}, "expected the first to be a finite"),
        ({"validate": lambda module: {}}, r"Got validation metrics \{\}"),
        ({"validate": lambda module: {"error": 1.0}}, "Got 'error' from validate"),
        (
            {"loss": lambda *a: squared(*a) | {"loss": squared(*a)["error"]}},
            "Got a loss term 'loss'",
        ),
        ({"loss": lambda *a: {}}, r"loss terms of shapes \{\}, but"),
        (
            {"loss": lambda m, x, y, w: {"error": (m(x) - y) ** 2}},
            r"of shapes \{'error': \(14,\)\}, but",
        ),
        ({"module": torch.nn.Flatten()}, "without parameters"),
        ({"n_threads": 0}, "Got n_threads=0, but expected"),
    ],
)
def test_wrong_input_says_what_is_wrong(change, message):
    with pytest.raises(ValueError, match=message):
        train(**change)


def test_a_lone_term_may_be_called_loss():
    training = train(loss=lambda *batch: {"loss": sum(squared(*batch).values())})
    assert list(training.history) == ["loss", "learning_rate", "seconds"]
    assert isinstance(training, Training)
    assert same_weights(training.weights, train().weights)
