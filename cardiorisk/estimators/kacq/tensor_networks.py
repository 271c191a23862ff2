"""Quantum circuits in the form of a tensor network: MPS, TTN and MERA."""

from collections.abc import Callable
from math import pi
from typing import Any

from cardiorisk._optional import require
from cardiorisk.estimators.kacq.torch_circuit import rotations

__all__ = ["TensorNetwork", "network_blocks"]

torch = require("torch", extra="nn")
nn = torch.nn

Pair = tuple[int, int]


def network_blocks(kind: str, n_qubits: int) -> tuple[Pair, ...]:
    """Pairs of qubits that a block acts on, in order; the last block holds the qubit that is read.

    Parameters
    ----------
    kind : {"mps", "ttn", "mera"}
    n_qubits : int
        At least 2; a power of two for "ttn" and "mera".

    Returns
    -------
    tuple of (int, int)
        As ``qml.MPS``, ``qml.TTN`` and ``qml.MERA`` with two wires a block.

    Raises
    ------
    ValueError
        The kind is unknown, or the number of qubits does not fit it.

    References
    ----------
    Grant et al. 2018, doi:10.1038/s41534-018-0116-9 (TTN, MERA); Bhatia et al. 2019,
    doi:10.48550/arXiv.1905.01426 (MPS).

    Examples
    --------
    >>> network_blocks("ttn", 4)
    ((0, 1), (2, 3), (1, 3))
    """
    makers: dict[str, Callable[[int], list[Pair]]] = {"mps": _mps, "ttn": _ttn, "mera": _mera}
    if kind not in makers:
        raise ValueError(f"Got kind={kind!r}, but expected one of {', '.join(makers)}.")
    fits = n_qubits >= 2 and (kind == "mps" or n_qubits & (n_qubits - 1) == 0)
    if not fits:
        wanted = "at least 2" if kind == "mps" else "a power of two, at least 2"
        raise ValueError(f"Got n_qubits={n_qubits}, but {kind} expects {wanted}.")
    return tuple(makers[kind](n_qubits))


def _mps(n_qubits: int) -> list[Pair]:
    return [(first, first + 1) for first in range(n_qubits - 1)]


def _ttn(n_qubits: int) -> list[Pair]:
    blocks, left = [], list(range(n_qubits))
    while len(left) > 1:
        pairs = list(zip(left[::2], left[1::2], strict=True))
        blocks += pairs
        left = [second for _, second in pairs]
    return blocks


def _mera(n_qubits: int) -> list[Pair]:
    """From the qubit that is read outwards, each finer scale with its own disentanglers."""
    scale = [(0, 1)]
    outwards, used = list(scale), 2
    while used < n_qubits:
        finer: list[Pair] = []
        for first, second in scale:
            finer += [(first, used), (used + 1, second)]
            used += 2
        outwards += finer
        following = finer[1:] + finer[:1]
        scale = [(one[1], other[0]) for one, other in zip(finer, following, strict=True)]
        outwards += scale
    return outwards[::-1]


def _block_gates(weights: Any) -> Any:
    """One 4 x 4 gate a block of weights (n_blocks, n_layers, 2, 3).

    A layer turns both qubits and then applies CNOT from the first to the second and back: the
    strongly entangling layer of two qubits (Schuld et al. 2020, doi:10.1103/PhysRevA.101.032308).
    """
    turned = rotations(weights)  # (n_blocks, n_layers, 2, 2, 2)
    # There and back, CNOTs send |00>, |01>, |10>, |11> to |00>, |11>, |01>, |10>.
    order = torch.tensor([0, 2, 3, 1])
    gate = torch.eye(4, dtype=turned.dtype)
    for layer in range(turned.shape[1]):
        both = torch.einsum("nab,ncd->nacbd", turned[:, layer, 0], turned[:, layer, 1])
        gate = both.reshape(-1, 4, 4)[:, order] @ gate
    return gate


class TensorNetwork(nn.Module):  # type: ignore[name-defined]  # torch is imported late
    """Expectation of Z after a circuit whose blocks form a tensor network.

    Parameters
    ----------
    kind : {"mps", "ttn", "mera"}
    n_qubits : int, default=4
    n_layers : int, default=1
        Strongly entangling layers in each block.
    embedding : {"angle", "amplitude"}, default="angle"
        "angle" takes one value a qubit and turns the qubit about Y by pi times the value, so that
        values from -1 to 1 stay apart. "amplitude" takes up to ``2**n_qubits`` values as the
        state, scaled to length 1: what the length says is lost unless one value is constant. A row
        of zeros has no direction: it leaves the qubits in their first state, with slope 0.

    Raises
    ------
    ValueError
        The kind, embedding or number of qubits or layers cannot be.

    Examples
    --------
    >>> circuit = TensorNetwork("ttn", n_qubits=4, n_layers=2)
    >>> circuit(torch.zeros(5, 4, dtype=torch.float64)).shape
    torch.Size([5])
    >>> sum(weight.numel() for weight in circuit.parameters())
    36
    """

    def __init__(
        self, kind: str, n_qubits: int = 4, n_layers: int = 1, embedding: str = "angle"
    ) -> None:
        super().__init__()
        if n_layers < 1:
            raise ValueError(f"Got n_layers={n_layers}, but expected at least 1.")
        if embedding not in ("angle", "amplitude"):
            raise ValueError(f"Got embedding={embedding!r}, but expected 'angle' or 'amplitude'.")
        self.n_qubits, self.embedding = n_qubits, embedding
        self.blocks = network_blocks(kind, n_qubits)
        angles = torch.rand(len(self.blocks), n_layers, 2, 3, dtype=torch.float64)
        self.weights = nn.Parameter(2 * pi * angles)

    @property
    def read(self) -> int:
        """Qubit that is measured: the second of the last block."""
        return self.blocks[-1][1]

    def forward(self, values: Any) -> Any:
        """Return expectations in [-1, 1], shape (n,), of values (n, n_values)."""
        state = self._embed(values.to(torch.float64))  # (n, 2, ..., 2), one axis a qubit
        for gate, (first, second) in zip(_block_gates(self.weights), self.blocks, strict=True):
            axes = [1 + first, 1 + second]
            acted = torch.tensordot(gate.reshape(2, 2, 2, 2), state, dims=([2, 3], axes))
            state = acted.movedim([0, 1], axes)
        chance = (state.real**2 + state.imag**2).movedim(1 + self.read, 1).flatten(2).sum(2)
        return chance[:, 0] - chance[:, 1]

    def _embed(self, values: Any) -> Any:
        largest = self.n_qubits if self.embedding == "angle" else 2**self.n_qubits
        fits = values.shape[1] == largest or self.embedding == "amplitude"
        if values.ndim != 2 or not fits or values.shape[1] > largest:
            raise ValueError(
                f"Got values of shape {tuple(values.shape)}, but {self.embedding} embedding on "
                f"{self.n_qubits} qubits expects {largest} columns."
            )
        state = self._turned(values) if self.embedding == "angle" else _normalised(values, largest)
        shape = (len(values),) + (2,) * self.n_qubits
        return state.reshape(shape).to(torch.complex128)

    def _turned(self, values: Any) -> Any:
        half = pi / 2 * values
        qubits = torch.stack([torch.cos(half), torch.sin(half)], dim=-1)  # (n, n_qubits, 2)
        state = qubits[:, 0]
        for qubit in range(1, self.n_qubits):
            state = (state[:, :, None] * qubits[:, qubit, None, :]).flatten(1)
        return state


def _normalised(values: Any, length: int) -> Any:
    padded = nn.functional.pad(values, (0, length - values.shape[1]))
    first = torch.zeros(length, dtype=values.dtype)
    first[0] = 1.0
    padded = torch.where((padded == 0).all(dim=1, keepdim=True), first, padded)
    return padded / padded.norm(dim=1, keepdim=True)
