import subprocess
import sys

import numpy as np
import pytest
import torch

from cardiorisk.backends.simulators import SIMULATORS, list_simulators, resolve_simulator
from cardiorisk.estimators.kacq import QuantumLayer
from cardiorisk.estimators.kacq.circuit_plan import CircuitPlan
from cardiorisk.estimators.kacq.exact_circuit import ExactCircuit
from cardiorisk.estimators.kacq.torch_circuit import exact_expectations
from cardiorisk.exceptions import DeviceError, OptionalDependencyError


def _layer(n_qubits=4, n_layers=1, **settings):
    torch.manual_seed(0)
    return QuantumLayer(n_qubits, n_layers, **settings).double()


def _inputs(layer, n_rows, seed=0):
    return torch.from_numpy(np.random.default_rng(seed).normal(size=(n_rows, layer.plan.n_inputs)))


def _slopes(function, x, weights):
    """Outputs and slopes of a mixture of them, by inputs and weights."""
    x, weights = x.clone().requires_grad_(), weights.detach().clone().requires_grad_()
    y = function(x, weights)
    factor = torch.linspace(-1, 2, y.numel()).double().reshape(y.shape)
    found = torch.autograd.grad((y * factor).sum(), [x, weights], allow_unused=True)
    return [y.detach(), *(torch.zeros_like(t) if t is None else t for t in found)]


def _with_layer(layer):
    def function(x, weights):
        return torch.func.functional_call(layer, {"weights": weights}, (x,))

    return function


def _close(first, second, atol=1e-10):
    for one, other in zip(first, second, strict=True):
        torch.testing.assert_close(one, other, atol=atol, rtol=0)


EMBEDDINGS = [("amplitude", "X"), ("angle", "X"), ("angle", "Y"), ("angle", "Z")]
CASES = [
    *((2, 1, 3), (2, 3, 40), (3, 2, 5), (4, 1, 50), (4, 4, 40), (5, 5, 3)),
    *((6, 2, 4), (7, 1, 3), (8, 2, 3)),
]


@pytest.mark.parametrize(("embedding", "rotation"), EMBEDDINGS)
@pytest.mark.parametrize(("n_qubits", "n_layers", "n_rows"), CASES)
def test_values_and_slopes_equal_those_of_pennylane(
    n_qubits, n_layers, n_rows, embedding, rotation
):
    settings = {"embedding": embedding, "rotation": rotation}
    layer = _layer(n_qubits, n_layers, **settings)
    reference = _layer(n_qubits, n_layers, simulator="default.qubit", **settings)
    x = _inputs(layer, n_rows)
    expected = _slopes(_with_layer(reference), x, layer.weights)
    _close(_slopes(_with_layer(layer), x, layer.weights), expected)


@pytest.mark.parametrize("embedding", ["amplitude", "angle"])
@pytest.mark.parametrize("dense", [True, False])
def test_both_ways_of_evolving_equal_torch_operations(monkeypatch, embedding, dense):
    module = sys.modules[ExactCircuit.__module__]
    monkeypatch.setattr(module, "_is_dense", lambda *_: dense)
    plan = CircuitPlan(3, 4, embedding, "X")
    weights = torch.rand(4, 3, 3).double()
    x = torch.randn(20, plan.n_inputs).double()
    exact = _slopes(lambda x, w: ExactCircuit.apply(x, w, plan), x, weights)
    slow = _slopes(lambda x, w: exact_expectations(x, w, plan), x, weights)
    _close(exact, slow, atol=1e-12)


@pytest.mark.parametrize("embedding", ["amplitude", "angle"])
def test_second_derivatives(embedding):
    layer = _layer(2, 2, embedding=embedding)
    x = _inputs(layer, 3).requires_grad_()
    assert torch.autograd.gradgradcheck(_with_layer(layer), (x, layer.weights))


@pytest.mark.parametrize("embedding", ["amplitude", "angle"])
def test_one_state_dict_serves_lightning_too(embedding):
    layer = _layer(3, 2, embedding=embedding)
    lightning = QuantumLayer(3, 2, embedding, "lightning.qubit").double()
    lightning.load_state_dict(layer.state_dict())
    x = _inputs(layer, 3)
    expected = _slopes(_with_layer(layer), x, layer.weights)
    _close(_slopes(_with_layer(lightning), x, lightning.weights), expected)
    assert torch.get_default_dtype() == torch.float32


@pytest.mark.parametrize("simulator", ["unitary", "default.qubit", "lightning.qubit"])
def test_a_row_of_zeros_is_the_first_state(simulator):
    layer = _layer(2, 1, simulator=simulator)
    x = torch.tensor([[0.0] * 4, [0.5, 0.0, 0.0, 0.0], [3.0, 1.0, 0.0, 2.0]]).double()
    y, of_x, of_weights = _slopes(_with_layer(layer), x, layer.weights)
    torch.testing.assert_close(y[0], y[1], atol=1e-12, rtol=0)
    assert torch.equal(of_x[0], torch.zeros(4).double())
    assert of_weights.isfinite().all()


@pytest.mark.parametrize("embedding", ["amplitude", "angle"])
def test_single_qubit(embedding):
    layer = _layer(1, 2, embedding=embedding)
    reference = _layer(1, 2, embedding=embedding, simulator="default.qubit")
    x = _inputs(layer, 6)
    expected = _slopes(_with_layer(reference), x, layer.weights)
    _close(_slopes(_with_layer(layer), x, layer.weights), expected)


@pytest.mark.parametrize("noise", [0.05, 0.75])
def test_noise_equals_that_of_default_mixed_and_only_predictions_have_it(noise):
    clean, noisy = _layer(3, 2), _layer(3, 2, noise=noise)
    mixed = _layer(3, 2, noise=noise, simulator="default.qubit")
    x = _inputs(clean, 4)
    assert torch.equal(noisy.train()(x), clean(x))
    found = _slopes(_with_layer(noisy.eval()), x, clean.weights)
    _close(found, _slopes(_with_layer(mixed.eval()), x, clean.weights))
    assert found[0].abs().max() < clean(x).abs().max()
    asked = _layer(3, 2, noise=noise, noisy_training=True).train()
    torch.testing.assert_close(asked(x).detach(), found[0])


@pytest.mark.parametrize("simulator", ["unitary", "default.qubit"])
@pytest.mark.parametrize("noise", [None, 0.02])
def test_shots_scatter_around_the_expectation_and_repeat(simulator, noise):
    exact = _layer(2, 1, noise=noise).eval()
    sampled = _layer(2, 1, noise=noise, shots=2000, simulator=simulator).eval()
    x = _inputs(exact, 5)
    with torch.no_grad():
        torch.manual_seed(3)
        first = sampled(x)
        torch.manual_seed(3)
        again = sampled(x)
        expected = exact(x)
    assert torch.equal(first, again)
    error = ((1 - expected**2) / 2000).sqrt() + 1e-9
    assert float(((first - expected).abs() / error).max()) < 5
    assert not torch.equal(first, expected)
    torch.testing.assert_close(sampled.train()(x), _layer(2, 1).train()(x))


def test_shapes_and_types_follow_the_inputs():
    layer = QuantumLayer(3, 2)
    y = layer(torch.ones(4, 5, 8))
    assert y.shape == (4, 5, 3)
    assert y.dtype == torch.float32
    assert layer(torch.empty(0, 8)).shape == (0, 3)
    assert layer(torch.full((1, 8), float("nan"))).isnan().all()
    layer(torch.ones(2, 8)).sum().backward()
    assert layer.weights.grad.dtype == torch.float32
    with pytest.raises(ValueError, match=r"amplitude embedding on 3 qubits expected \(..., 8\)"):
        layer(torch.ones(2, 3))


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"n_qubits": 0}, "Got n_qubits=0"),
        ({"n_layers": 1.5}, "Got n_layers=1.5"),
        ({"embedding": "basis"}, "Got embedding='basis'"),
        ({"rotation": "H"}, "Got rotation='H'"),
        ({"shots": 0}, "Got shots=0"),
        ({"noise": 0.8}, "Got noise=0.8"),
        ({"simulator": "qpu"}, "Got simulator='qpu', but expected one of unitary, default.qubit"),
    ],
)
def test_bad_settings_are_named(settings, words):
    with pytest.raises(ValueError, match=words):
        QuantumLayer(**settings)


def test_registry_tells_what_is_missing(monkeypatch):
    assert {"unitary", "default.qubit"} <= {found.name for found in list_simulators()}
    assert resolve_simulator("default.qubit", noise=True).name == "default.mixed"
    monkeypatch.setattr(type(SIMULATORS["unitary"]), "installed", property(lambda _: None))
    with pytest.raises(OptionalDependencyError, match=r"\[quantum\].*Installed here: none"):
        resolve_simulator("lightning.qubit")
    monkeypatch.setattr(type(SIMULATORS["unitary"]), "installed", property(lambda _: "1"))
    monkeypatch.setattr("cardiorisk.backends.devices.count_cuda_devices", lambda: 0)
    with pytest.raises(DeviceError, match=r"lightning\.gpu"):
        resolve_simulator("lightning.gpu")


def test_importing_the_package_needs_no_torch():
    code = (
        "import sys\n"
        "class NoTorch:\n"
        "    def find_spec(self, name, *_):\n"
        "        if name == 'torch':\n            raise ImportError('no torch here')\n"
        "sys.meta_path.insert(0, NoTorch())\n"
        "import cardiorisk.estimators, cardiorisk.estimators.kacq\n"
        "from cardiorisk.exceptions import OptionalDependencyError\n"
        "try:\n    from cardiorisk.estimators.kacq import KANLayer\n"
        "except OptionalDependencyError as error:\n    print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "cardiorisk[nn]" in done.stdout


@pytest.mark.parametrize("dtype", [torch.int64, torch.bool, torch.float16, torch.bfloat16])
def test_inputs_of_other_types(dtype):
    layer = QuantumLayer(2, 1)
    rows = torch.tensor([[1, 0, 0, 0], [1, 1, 0, 1]])
    out = layer(rows.to(dtype))
    assert out.is_floating_point()
    torch.testing.assert_close(out.float(), layer(rows.float()), atol=5e-3, rtol=0)


@pytest.mark.parametrize("simulator", ["unitary", "default.qubit", "lightning.qubit"])
def test_no_rows(simulator):
    layer = QuantumLayer(2, 1, simulator=simulator, shots=10)
    for module in (layer.train(), layer.eval()):
        out = module(torch.empty(0, 4))
        assert out.shape == (0, 2)
        out.sum().backward()
    assert not layer.weights.grad.any()
