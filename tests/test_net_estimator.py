"""Weights as arrays, modules rebuilt from them, and batches of rows."""

import copy
import pickle

import joblib
import numpy as np
import pytest
import torch
from sklearn.base import BaseEstimator, clone
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from small_nets import SmallNet, same_weights, small_data, small_net

import cardiorisk
from cardiorisk.estimators._net_batches import net_outputs
from cardiorisk.estimators._net_estimator import NetEstimator
from cardiorisk.estimators._weights import put_weights, weights_of


class Regressor(NetEstimator, BaseEstimator):
    def fit(self, X=None, y=None):
        self.weights_ = weights_of(small_net())
        return self

    def _build_module(self):
        return SmallNet()

    def predict(self, X):
        return net_outputs(self.module_, X)


X, _ = small_data()


def copies(model, folder):
    joblib.dump(model, folder / "model.joblib")
    yield copy.copy(model)
    yield copy.deepcopy(model)
    yield pickle.loads(pickle.dumps(model))
    yield joblib.load(folder / "model.joblib")
    yield joblib.load(folder / "model.joblib", mmap_mode="r")


def test_copies_pickles_and_files_predict_the_same_and_carry_no_module(tmp_path):
    model = Regressor().fit()
    expected = model.predict(X)
    assert list(vars(model)) == ["weights_"]
    for again in copies(model, tmp_path):
        assert list(vars(again)) == ["weights_"]
        assert again.module_ is not model.module_
        np.testing.assert_array_equal(again.predict(X), expected)


def test_a_file_of_cardiorisk_keeps_every_weight(tmp_path):
    model = LogisticRegression().fit([[0.0], [1.0]], [0, 1])
    model.weights_ = weights_of(small_net())
    cardiorisk.save(model, tmp_path / "m.cardiorisk")
    again = cardiorisk.load(tmp_path / "m.cardiorisk").weights_
    assert same_weights(model.weights_, again)
    assert again["body.1.num_batches_tracked"].shape == ()
    put_weights(small_net(1), again)


def test_the_module_is_built_once_and_again_for_new_weights():
    model = Regressor().fit()
    first = model.module_
    assert model.module_ is first
    assert not first.training
    assert not any(parameter.requires_grad for parameter in first.parameters())
    model.weights_ = weights_of(small_net(1))
    assert same_weights(weights_of(model.module_), model.weights_)
    assert model.module_ is not first


def test_building_costs_no_random_numbers():
    model = Regressor().fit()
    torch.manual_seed(0)
    before = torch.get_rng_state()
    assert model.module_ is not None
    assert torch.equal(before, torch.get_rng_state())


def test_an_estimator_that_is_not_fitted_has_no_module():
    with pytest.raises(NotFittedError):
        _ = Regressor().module_
    with pytest.raises(NotFittedError):
        _ = clone(Regressor().fit()).module_


def test_weights_are_copies():
    module = small_net()
    weights = weights_of(module)
    kept = {name: values.copy() for name, values in weights.items()}
    with torch.no_grad():
        for parameter in module.parameters():
            parameter += 1
    assert same_weights(weights, kept)
    put_weights(module, weights)
    module.head.weight.data += 1
    assert same_weights(weights, kept)


def test_bfloat16_weights_come_back_exactly():
    module = small_net().to(torch.bfloat16)
    weights = weights_of(module)
    assert weights["head.weight"].dtype == np.float32
    again = put_weights(small_net(1).to(torch.bfloat16), weights)
    assert torch.equal(again.head.weight, module.head.weight)


def test_weights_that_do_not_fit_are_named():
    weights = weights_of(small_net())
    for change, message in [
        (
            {"head.bias": np.zeros(3)},
            r"'head.bias' of shape \(3,\), but this SmallNet expected \(1",
        ),
        ({"tail": np.zeros(3)}, r"'tail' of shape \(3,\), but this SmallNet expected none"),
    ]:
        with pytest.raises(ValueError, match=message):
            put_weights(small_net(), weights | change)
    del weights["head.bias"]
    with pytest.raises(ValueError, match=r"'head.bias' of shape none, but"):
        put_weights(small_net(), weights)


def test_a_state_that_is_no_tensor_is_named():
    class Odd(torch.nn.Linear):
        def get_extra_state(self):
            return {"a": 1}

    with pytest.raises(TypeError, match="Got dict as '_extra_state', but expected a tensor"):
        weights_of(Odd(1, 1))


def test_outputs_do_not_depend_on_batches_and_leave_the_modes(tmp_path):
    module = small_net().train()
    module.head.eval()
    whole = net_outputs(module, X.astype(float))
    assert whole.dtype == np.float32
    np.testing.assert_allclose(net_outputs(module, X[::-1], batch_size=7)[::-1], whole, rtol=1e-5)
    assert (module.training, module.body[1].training, module.head.training) == (True, True, False)
    np.save(tmp_path / "X.npy", X)
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
    np.testing.assert_array_equal(net_outputs(module, mapped), whole)
    both = net_outputs(module, (X, X), call=lambda batch: (module(batch[0]), batch[1]))
    np.testing.assert_array_equal(both[0], whole)
    np.testing.assert_array_equal(both[1], X)


def test_no_rows_have_no_outputs_to_join():
    with pytest.raises(ValueError, match="same number of rows"):
        net_outputs(small_net(), X[:0])
