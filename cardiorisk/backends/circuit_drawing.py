"""A circuit as text, and as a picture."""

from typing import Any

import numpy as np
import numpy.typing as npt

from cardiorisk._colours import INK, LOWERS, MUTED
from cardiorisk._optional import require
from cardiorisk.backends.ansatz import gate_sequence

__all__ = ["draw_circuit", "plot_circuit"]


def _embedding_words(n_qubits: int, embedding: str, rotation: str) -> list[str]:
    if embedding == "amplitude":
        return ["|x>"] * n_qubits
    return [f"R{rotation}(x{wire})" for wire in range(n_qubits)]


def _rotation_words(weights: npt.NDArray[Any] | None, layer: int, wire: int) -> str:
    if weights is None:
        return "Rot"
    return "Rot({:.2f}, {:.2f}, {:.2f})".format(*np.asarray(weights)[layer, wire])


def _columns(n_qubits: int, n_layers: int, weights: npt.NDArray[Any] | None) -> list[list[str]]:
    """List what stands on each wire: rotations of a layer together, each CNOT alone."""
    columns: list[list[str]] = []
    for gate, layer, wires in gate_sequence(n_qubits, n_layers):
        if gate == "CNOT":
            between = range(min(wires), max(wires))
            column = ["|" if wire in between else "-" for wire in range(n_qubits)]
            column[wires[0]], column[wires[1]] = "o", "X"
            columns.append(column)
        else:
            if wires[0] == 0:
                columns.append([""] * n_qubits)
            columns[-1][wires[0]] = _rotation_words(weights, layer, wires[0])
    return columns


def draw_circuit(
    n_qubits: int,
    n_layers: int = 1,
    *,
    embedding: str = "amplitude",
    rotation: str = "X",
    weights: npt.ArrayLike | None = None,
) -> str:
    """Write a circuit as text, one line a qubit.

    Parameters
    ----------
    n_qubits, n_layers : int
    embedding : {"amplitude", "angle"}, default="amplitude"
        ``|x>`` is the state of the inputs over all wires.
    rotation : {"X", "Y", "Z"}, default="X"
    weights : array of shape (n_layers, n_qubits, 3), optional
        Angles to write into the rotations.

    Returns
    -------
    text : str
        ``o`` is the control of a CNOT, ``X`` its target, ``|`` a wire that it crosses.

    Examples
    --------
    >>> print(draw_circuit(3))
    0: -|x>-Rot-o---X-<Z>
    1: -|x>-Rot-X-o-|-<Z>
    2: -|x>-Rot---X-o-<Z>
    """
    found = None if weights is None else np.asarray(weights, float)
    columns = [_embedding_words(n_qubits, embedding, rotation)]
    columns += _columns(n_qubits, n_layers, found)
    columns.append(["<Z>"] * n_qubits)
    lines = []
    for wire in range(n_qubits):
        cells = [column[wire].ljust(max(map(len, column)), "-") for column in columns]
        lines.append(f"{wire}: -" + "-".join(cells))
    return "\n".join(lines)


def plot_circuit(
    n_qubits: int,
    n_layers: int = 1,
    *,
    embedding: str = "amplitude",
    rotation: str = "X",
    weights: npt.ArrayLike | None = None,
    ax: Any = None,
) -> Any:
    """Draw a circuit.

    Parameters
    ----------
    n_qubits, n_layers, embedding, rotation, weights
        As in :func:`draw_circuit`.
    ax : matplotlib Axes, optional
        A new figure by default.

    Returns
    -------
    ax : matplotlib Axes

    Examples
    --------
    >>> ax = plot_circuit(4, 2)
    >>> len(ax.texts) >= 4
    True
    """
    found = None if weights is None else np.asarray(weights, float)
    columns = _columns(n_qubits, n_layers, found)
    if ax is None:
        size = (1.6 + 0.6 * len(columns), 0.4 + 0.6 * n_qubits)
        ax = require("matplotlib.figure").Figure(figsize=size, layout="constrained").subplots()
    last = len(columns) + 1
    box = {"boxstyle": "round", "facecolor": "white", "edgecolor": LOWERS}
    words = {"ha": "center", "va": "center", "fontsize": 9, "color": INK, "bbox": box}
    for wire, word in enumerate(_embedding_words(n_qubits, embedding, rotation)):
        ax.plot([-0.5, last + 0.5], [wire, wire], color=MUTED, linewidth=1, zorder=0)
        ax.text(0, wire, word, **words)
        ax.text(last, wire, "<Z>", **words)
    for x, column in enumerate(columns, 1):
        _plot_column(ax, x, column, words)
    ax.set(xlim=(-0.8, last + 0.8), ylim=(n_qubits - 0.4, -0.6), yticks=range(n_qubits))
    ax.set_yticklabels([f"qubit {wire}" for wire in range(n_qubits)])
    ax.set_xticks([])
    ax.spines[:].set_visible(False)
    ax.tick_params(length=0)
    return ax


def _plot_column(ax: Any, x: int, column: list[str], words: dict[str, Any]) -> None:
    if "o" not in column:
        for wire, word in enumerate(column):
            ax.text(x, wire, word.replace("Rot(", "Rot\n(").replace(", ", "\n"), **words)
        return
    control, target = column.index("o"), column.index("X")
    ax.plot([x, x], [control, target], color=INK, linewidth=1.2)
    ax.plot(x, control, "o", color=INK, markersize=6)
    ax.plot(x, target, "o", color=INK, markersize=13, markerfacecolor="white")
    ax.plot(x, target, "+", color=INK, markersize=13)
