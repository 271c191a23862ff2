"""A layer of qubits: embedding, strongly entangling layers, <Z> of every wire."""

from typing import Any

import numpy as np

from cardiorisk._optional import require
from cardiorisk.backends.pennylane_circuits import circuit_node
from cardiorisk.backends.simulators import resolve_simulator
from cardiorisk.estimators.kacq.circuit_plan import CircuitPlan
from cardiorisk.estimators.kacq.exact_circuit import ExactCircuit
from cardiorisk.estimators.kacq.pennylane_bridge import NodeCircuit
from cardiorisk.estimators.kacq.torch_circuit import expectations, outcome_probabilities

__all__ = ["QuantumLayer"]

torch = require("torch", extra="nn")
nn = torch.nn

MAX_QUBITS = 20


def _checked_plan(n_qubits: Any, n_layers: Any, embedding: str, rotation: str) -> CircuitPlan:
    for name, value, most in (("n_qubits", n_qubits, MAX_QUBITS), ("n_layers", n_layers, 10**6)):
        if (
            not isinstance(value, int | np.integer)
            or isinstance(value, bool)
            or not 1 <= value <= most
        ):
            raise ValueError(f"Got {name}={value!r}, but expected an integer from 1 to {most}.")
    if embedding not in ("amplitude", "angle"):
        raise ValueError(f"Got embedding={embedding!r}, but expected 'amplitude' or 'angle'.")
    if rotation not in ("X", "Y", "Z"):
        raise ValueError(f"Got rotation={rotation!r}, but expected 'X', 'Y' or 'Z'.")
    return CircuitPlan(int(n_qubits), int(n_layers), embedding, rotation)


def _checked_sampling(shots: Any, noise: Any) -> None:
    if shots is not None and (not isinstance(shots, int | np.integer) or shots < 1):
        raise ValueError(f"Got shots={shots!r}, but expected None or an integer of at least 1.")
    if noise is not None and not (
        isinstance(noise, int | float | np.number) and 0 <= noise <= 0.75
    ):
        raise ValueError(f"Got noise={noise!r}, but expected None or a number from 0 to 0.75.")


class QuantumLayer(nn.Module):  # type: ignore[name-defined]  # torch is imported late
    """Expectations of Pauli Z on every qubit of a simulated circuit.

    The inputs become a state, strongly entangling layers turn it, and each wire is read out. All
    simulators give the same numbers and gradients, to 1e-10, from the same weights.

    Parameters
    ----------
    n_qubits : int, default=4
        At most 20.
    n_layers : int, default=1
    embedding : {"amplitude", "angle"}, default="amplitude"
        "amplitude" takes ``2 ** n_qubits`` numbers, divided by their length. **A row of zeros has
        no direction: it leaves the qubits in their first state, with slope 0.** "angle" takes
        ``n_qubits`` angles in radians.
    rotation : {"X", "Y", "Z"}, default="X"
        Axis of the angles. A turn of the first state about Z is only a phase: the output does not
        depend on the inputs then.
    simulator : {"unitary", "default.qubit", "lightning.qubit", "lightning.gpu"}, default="unitary"
        "unitary" is the package's own, exact and by far the fastest; the others are PennyLane's.
    shots : int, optional
        Measurements of which each prediction is the mean. In training mode expectations are exact.
    noise : float, optional
        Probability ``p`` of a depolarising fault on each wire of each gate after the embedding, in
        evaluation mode. Above 0.75 it is no mixing.
    noisy_training : bool, default=False
        Whether the noise is there in training mode too.

    Attributes
    ----------
    weights : Parameter, shape (n_layers, n_qubits, 3)
        Angles of ``Rot``, first drawn evenly from 0 to 2 pi. The state dict holds nothing else,
        whichever the simulator.

    Raises
    ------
    ValueError
        A parameter is out of its range.
    OptionalDependencyError, DeviceError
        The simulator cannot be used here.

    Notes
    -----
    Computed in float64 and returned in the type of the inputs. Gates and embeddings are those of
    PennyLane's ``AmplitudeEmbedding``, ``AngleEmbedding`` and ``StronglyEntanglingLayers``
    (https://doi.org/10.1103/PhysRevA.101.032308).

    Examples
    --------
    >>> import torch
    >>> layer = QuantumLayer(n_qubits=2, n_layers=1)
    >>> _ = torch.nn.init.zeros_(layer.weights)
    >>> layer(torch.tensor([[1.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0]])).detach().round(decimals=3)
    tensor([[1., 1.],
            [1., 1.]])
    """

    def __init__(
        self,
        n_qubits: int = 4,
        n_layers: int = 1,
        embedding: str = "amplitude",
        simulator: str = "unitary",
        shots: int | None = None,
        noise: float | None = None,
        *,
        rotation: str = "X",
        noisy_training: bool = False,
    ) -> None:
        super().__init__()
        self.plan = _checked_plan(n_qubits, n_layers, embedding, rotation)
        _checked_sampling(shots, noise)
        self.simulator, self.shots, self.noise = simulator, shots, noise
        self.noisy_training = noisy_training
        resolve_simulator(simulator, noise=bool(noise))
        self.weights = nn.Parameter(2 * np.pi * torch.rand(n_layers, n_qubits, 3))

    def forward(self, x: Any) -> Any:
        """Evaluate the circuit.

        Parameters
        ----------
        x : Tensor, shape (..., n_inputs)

        Returns
        -------
        expectations : Tensor, shape (..., n_qubits)
            Between -1 and 1.
        """
        if x.shape[-1] != self.plan.n_inputs:
            raise ValueError(
                f"Got inputs of shape {tuple(x.shape)}, but {self.plan.embedding} embedding on "
                f"{self.plan.n_qubits} qubits expected (..., {self.plan.n_inputs})."
            )
        if not x.is_floating_point():  # expectations of whole numbers are no whole numbers
            x = x.to(torch.get_default_dtype())
        flat = x.reshape(-1, self.plan.n_inputs)
        if flat.dtype not in (torch.float32, torch.float64):
            flat = flat.float()
        out = self._expectations(flat) if len(flat) else self._nothing(flat)
        return out.to(x.dtype).reshape(*x.shape[:-1], self.plan.n_qubits)

    def extra_repr(self) -> str:
        """Return the settings, for the repr."""
        plan = self.plan
        return f"{plan.n_qubits}, {plan.n_layers}, {plan.embedding!r}, {self.simulator!r}"

    def _nothing(self, x: Any) -> Any:
        """No rows, of which the weights have slopes of 0."""
        return x[:, : self.plan.n_qubits] + 0 * self.weights[0, :, 0]

    def _expectations(self, x: Any) -> Any:
        noise = self.noise if self.noisy_training or not self.training else None
        shots = None if self.training else self.shots
        if self.simulator != "unitary":
            return NodeCircuit.apply(x, self.weights, self.plan, self._node(noise or 0.0, shots))
        if noise or shots or x.device.type != "cpu":
            found = outcome_probabilities(x, self.weights, self.plan, noise or 0.0)
            found = found if shots is None else _sampled(found, shots)
            return expectations(found, self.plan.n_qubits)
        return ExactCircuit.apply(x, self.weights, self.plan)

    def _node(self, noise: float, shots: int | None) -> Any:
        plan = self.plan
        return circuit_node(
            resolve_simulator(self.simulator, noise=noise > 0),
            plan.n_qubits,
            plan.n_layers,
            embedding=plan.embedding,
            rotation=plan.rotation,
            noise=noise,
            shots=shots,
            seed=None if shots is None else _seed(),
        )


def _seed() -> int:
    """Draw from torch's generator, so that whoever seeds torch repeats the shots."""
    return int(torch.randint(2**31, ()))


def _sampled(probabilities: Any, shots: int) -> Any:
    """Share of the shots that ended in each basis state."""
    chances = probabilities.detach().cpu().numpy().clip(min=0)
    chances = chances / chances.sum(axis=1, keepdims=True)
    counts = np.random.default_rng(_seed()).multinomial(shots, chances)
    return torch.from_numpy(counts / shots).to(probabilities.device)
