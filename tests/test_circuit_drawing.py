import numpy as np
import pytest

from cardiorisk.backends.ansatz import gate_sequence
from cardiorisk.backends.circuit_drawing import draw_circuit, plot_circuit


def test_text_has_a_line_a_qubit_and_every_gate():
    text = draw_circuit(4, 2, embedding="angle", rotation="Y")
    lines = text.splitlines()
    assert len(lines) == 4
    assert len({len(line) for line in lines}) == 1
    assert text.count("Rot") == 8
    assert text.count("o") - text.count("Rot") == text.count("X") == 8
    assert lines[2].startswith("2: -RY(x2)-Rot")


def test_second_layer_reaches_two_wires_further():
    rings = [wires for gate, layer, wires in gate_sequence(4, 2) if gate == "CNOT" and layer == 1]
    assert rings == [(0, 2), (1, 3), (2, 0), (3, 1)]


def test_angles_are_written():
    weights = np.arange(6).reshape(1, 2, 3) / 10
    assert "Rot(0.30, 0.40, 0.50)" in draw_circuit(2, 1, weights=weights).splitlines()[1]


@pytest.mark.parametrize("n_qubits", [1, 4])
def test_picture_names_qubits_and_gates(n_qubits):
    ax = plot_circuit(n_qubits, 1)
    assert ax.get_yticklabels()[0].get_text() == "qubit 0"
    words = [text.get_text() for text in ax.texts]
    assert words.count("Rot") == words.count("|x>") == words.count("<Z>") == n_qubits
    again = plot_circuit(n_qubits, 1, weights=np.zeros((1, n_qubits, 3)), ax=ax)
    assert again is ax
