import itertools

import numpy as np
import pytest

torch = pytest.importorskip("torch")
qml = pytest.importorskip("pennylane")

from cardiorisk.estimators.kacq.tensor_networks import TensorNetwork, network_blocks  # noqa: E402

TEMPLATES = {"mps": qml.MPS, "ttn": qml.TTN, "mera": qml.MERA}
CASES = [
    *itertools.product(("mps", "ttn", "mera"), (2, 4, 8), (1, 3), ("angle", "amplitude")),
    *itertools.product(("mps",), (3, 5), (1, 3), ("angle", "amplitude")),
]


def block(weights, wires):
    qml.StronglyEntanglingLayers(weights.reshape(-1, 2, 3), wires=wires)


def pennylane_circuit(kind, network):
    wires = range(network.n_qubits)

    @qml.qnode(qml.device("default.qubit", wires=wires))
    def circuit(values, weights):
        if network.embedding == "angle":
            qml.AngleEmbedding(torch.pi * values, wires=wires, rotation="Y")
        else:
            qml.AmplitudeEmbedding(values, wires=wires, pad_with=0.0, normalize=True)
        flat = weights.flatten(1)
        TEMPLATES[kind](wires, 2, block, flat.shape[1], template_weights=flat)
        return qml.expval(qml.Z(network.read))

    return circuit


@pytest.mark.parametrize(("kind", "n_qubits", "n_layers", "embedding"), CASES)
def test_values_and_gradients_are_those_of_pennylane(kind, n_qubits, n_layers, embedding):
    torch.manual_seed(0)
    network = TensorNetwork(kind, n_qubits, n_layers, embedding)
    n_values = n_qubits if embedding == "angle" else 2**n_qubits - 1
    values = torch.randn(3, n_values, dtype=torch.float64, requires_grad=True)
    inputs = (values, network.weights)
    ours = network(values)
    theirs = pennylane_circuit(kind, network)(*inputs)
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-10)
    for mine, its in zip(
        torch.autograd.grad(ours.sum(), inputs),
        torch.autograd.grad(theirs.sum(), inputs),
        strict=True,
    ):
        torch.testing.assert_close(mine, its, rtol=0, atol=1e-10)


@pytest.mark.parametrize(("kind", "n_qubits"), [("ttn", 8), ("mera", 8), ("ttn", 2), ("mera", 2)])
def test_every_qubit_takes_part_and_the_last_block_holds_the_read_one(kind, n_qubits):
    blocks = network_blocks(kind, n_qubits)
    assert set(itertools.chain(*blocks)) == set(range(n_qubits))
    assert TensorNetwork(kind, n_qubits).read in blocks[-1]


def test_zero_rows_leave_the_first_state_without_slope():
    network = TensorNetwork("mps", 3, embedding="amplitude")
    values = torch.zeros(2, 8, dtype=torch.float64)
    values[0, 0] = 1.0
    values.requires_grad_(True)
    answers = network(values)
    np.testing.assert_allclose(*answers.detach().numpy()[:, None], atol=1e-12)
    assert torch.autograd.grad(answers.sum(), values)[0][1].abs().max() == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("tree", 4), "expected one of mps, ttn, mera"),
        (("ttn", 6), "a power of two"),
        (("mps", 1), "at least 2"),
        (("mps", 4, 0), "n_layers=0"),
        (("mps", 4, 1, "basis"), "embedding='basis'"),
    ],
)
def test_what_cannot_be_built_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        TensorNetwork(*arguments)


@pytest.mark.parametrize(("embedding", "n_values"), [("angle", 3), ("amplitude", 17)])
def test_wrong_widths_are_refused(embedding, n_values):
    network = TensorNetwork("ttn", 4, embedding=embedding)
    with pytest.raises(ValueError, match="columns"):
        network(torch.zeros(1, n_values, dtype=torch.float64))
