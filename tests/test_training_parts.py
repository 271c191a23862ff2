"""What learns and what stands still, and the schedule of the learning rate."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from small_nets import same_weights, small_data, small_net, squared

from cardiorisk.estimators._schedule import (
    Schedule,
    best_position,
    learning_rate_after,
    ran_out_of_patience,
)
from cardiorisk.estimators._training import train_net, weights_of

QUICK = Schedule(epochs=3, batch_size=16, learning_rate=0.02)


def train(module, loss=squared, **options):
    return train_net(module, loss, *small_data(), schedule=QUICK, random_state=0, **options)


def moved(before, after):
    return {name for name in before if before[name].tobytes() != after[name].tobytes()}


BODY = {"body.0.weight", "body.0.bias", "body.1.weight", "body.1.bias"}
STATISTICS = {"body.1.running_mean", "body.1.running_var", "body.1.num_batches_tracked"}
HEAD = {"head.weight", "head.bias"}


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, BODY | STATISTICS | HEAD),
        ({"trainable": ["head"]}, HEAD),
        ({"trainable": ["head.bias"]}, {"head.bias"}),
        ({"trainable": ["body"]}, BODY | STATISTICS),
        ({"trainable": ["body"], "frozen_statistics": ["body.1"]}, BODY),
        ({"frozen_statistics": ["body"]}, BODY | HEAD),
    ],
)
def test_only_what_is_named_moves(options, expected):
    module = small_net()
    before = weights_of(module)
    train(module, **options)
    # The bias before a batch normalisation has no slope, up to rounding.
    found = moved(before, weights_of(module)) - {"body.0.bias"}
    assert found == expected - {"body.0.bias"}


def test_frozen_parts_are_in_evaluation_mode_and_dropout_passes_everything():
    modes, outputs = [], []

    def spy(module, xb, yb, wb):
        modes.append((module.training, module.body[1].training, module.head.training))
        outputs.append(torch.equal(module.body(xb), module.body(xb)))
        return squared(module, xb, yb, wb)

    train(small_net(), spy, trainable=["head"])
    assert set(modes) == {(False, False, True)}
    assert all(outputs)
    modes.clear()
    outputs.clear()
    train(small_net(), spy)
    assert set(modes) == {(True, True, True)}
    assert not any(outputs)


def test_validation_does_not_leave_frozen_parts_in_training_mode():
    seen = []

    def validate(module):
        module.train()  # a careless caller
        return {"score": 0.0}

    def spy(module, xb, yb, wb):
        seen.append(module.body[1].training)
        return squared(module, xb, yb, wb)

    train(small_net(), spy, validate=validate, trainable=["head"])
    assert not any(seen)


@pytest.mark.parametrize("fails", [False, True])
def test_gradients_are_given_back_and_parameters_frozen_before_stay_so(fails):
    module = small_net()
    module.body[0].bias.requires_grad_(False)
    before = module.body[0].bias.clone()

    def loss(*batch):
        assert not module.body[1].weight.requires_grad
        if fails:
            raise RuntimeError("on purpose")
        return squared(*batch)

    if fails:
        with pytest.raises(RuntimeError, match="on purpose"):
            train(module, loss, trainable=["head"])
    else:
        train(module, loss, trainable=["head"])
    frozen = [name for name, part in module.named_parameters() if not part.requires_grad]
    assert frozen == ["body.0.bias"]
    assert torch.equal(before, module.body[0].bias)
    assert not module.training


def test_a_name_is_a_part_and_not_the_beginning_of_a_word():
    module = small_net()
    module.head2 = torch.nn.Linear(8, 1)
    before = weights_of(module)

    def loss(net, xb, yb, wb):
        return squared(net, xb, yb, wb) | {"second": net.head2(net.body(xb)).square().mean()}

    train(module, loss, trainable=["head"])
    assert moved(before, weights_of(module)) == HEAD


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"trainable": ["tail"]}, ValueError, "trainable name 'tail', which is no part of the net"),
        ({"frozen_statistics": ["x"]}, ValueError, "frozen_statistics name 'x'"),
        ({"trainable": []}, ValueError, "no parameter of the net can learn"),
        ({"trainable": "head"}, TypeError, "trainable='head', but expected a sequence of names"),
    ],
)
def test_names_that_fit_nothing_are_errors(options, error, message):
    with pytest.raises(error, match=message):
        train(small_net(), **options)


def optimizer_with(rate):
    return torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], rate)


def test_the_cosine_is_that_of_torch():
    optimizer = optimizer_with(0.3)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=9)
    for epoch in range(9):
        ours = learning_rate_after(Schedule(epochs=9, learning_rate=0.3), [0.0] * epoch)
        np.testing.assert_allclose(ours, optimizer.param_groups[0]["lr"], rtol=1e-9)
        optimizer.step()
        scheduler.step()


@given(st.lists(st.sampled_from([0.0, 0.1, 0.2, 0.3]), max_size=25), st.integers(0, 3))
@settings(max_examples=50, deadline=None)
def test_the_plateau_is_that_of_torch(watched, patience):
    optimizer = optimizer_with(1.0)
    scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(
        optimizer, mode="max", factor=0.5, patience=patience, threshold=0, eps=0
    )
    for value in watched:
        scheduler.step(value)
    schedule = Schedule(scheduler="plateau", learning_rate=1.0, plateau_patience=patience)
    assert learning_rate_after(schedule, watched) == optimizer.param_groups[0]["lr"]


def test_a_constant_rate_and_patience_follow_from_the_history():
    assert learning_rate_after(Schedule(scheduler="constant"), [1.0] * 50) == 1e-3
    assert best_position([0.1, 0.3, 0.3]) == 1
    assert not ran_out_of_patience(Schedule(patience=2), [0.3, 0.1])
    assert ran_out_of_patience(Schedule(patience=2), [0.3, 0.1, 0.3])
    assert not ran_out_of_patience(Schedule(patience=1), [])
    assert not ran_out_of_patience(Schedule(), [0.3] * 99)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"epochs": 0}, "Got epochs=0, but expected an integer of at least 1"),
        ({"epochs": 2.5}, "Got epochs=2.5"),
        ({"batch_size": True}, "Got batch_size=True"),
        ({"learning_rate": -1}, "Got learning_rate=-1, but expected a finite number of at least 0"),
        ({"learning_rate": float("nan")}, "Got learning_rate=nan"),
        ({"learning_rate": None}, "Got learning_rate=None"),
        ({"patience": 0}, "Got patience=0"),
        ({"scheduler": "step"}, "Got scheduler='step', but expected one of cosine, plateau"),
        ({"optimizer": "sgd"}, "Got optimizer='sgd', but expected one of adamw, adam"),
    ],
)
def test_settings_out_of_range_are_errors(setting, message):
    with pytest.raises(ValueError, match=message):
        Schedule(**setting)


def test_adam_and_adamw_differ_by_the_decay_only():
    def final(optimizer, decay):
        schedule = Schedule(epochs=2, weight_decay=decay, optimizer=optimizer)
        data = small_data()
        return train_net(small_net(), squared, *data, schedule=schedule, random_state=0).weights

    assert same_weights(final("adam", 0.0), final("adamw", 0.0))
    assert not same_weights(final("adam", 0.1), final("adamw", 0.1))
