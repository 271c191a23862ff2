"""Simulators of quantum circuits: which are installed, and what each can do."""

from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

from cardiorisk.exceptions import DeviceError, OptionalDependencyError

__all__ = ["SIMULATORS", "Simulator", "list_simulators", "resolve_simulator"]


@dataclass(frozen=True)
class Simulator:
    """What a simulator can do.

    Parameters
    ----------
    name : str
    package : str
        Distribution that brings it; its import name has underscores.
    gradients : str
        How gradients are computed, in PennyLane's words.
    batching : bool
        Whether one call serves a whole batch, with gradients. Otherwise each row is a circuit of
        its own.
    noise : bool
        Whether it knows mixed states, which depolarising noise needs.
    shots : bool
        Whether it can sample instead of giving exact expectations.
    needs_gpu : bool
    """

    name: str
    package: str
    gradients: str
    batching: bool
    noise: bool
    shots: bool = True
    needs_gpu: bool = False

    @property
    def installed(self) -> str | None:
        """Version of the package, None where it is not installed."""
        try:
            return version(self.package)
        except PackageNotFoundError:
            return None


SIMULATORS = {
    simulator.name: simulator
    for simulator in (
        Simulator("unitary", "torch", "adjoint, whole batch", batching=True, noise=True),
        Simulator("default.qubit", "pennylane", "backprop", batching=True, noise=False),
        Simulator("default.mixed", "pennylane", "backprop", batching=True, noise=True),
        Simulator("lightning.qubit", "pennylane-lightning", "adjoint", batching=False, noise=False),
        Simulator(
            "lightning.gpu",
            "pennylane-lightning-gpu",
            "adjoint",
            batching=False,
            noise=False,
            needs_gpu=True,
        ),
    )
}
"""Every simulator that the package can use, by name."""


def list_simulators() -> list[Simulator]:
    """Return the simulators that are installed here.

    Returns
    -------
    simulators : list of Simulator
        Installed is not usable yet: ``lightning.gpu`` also needs a GPU, which
        :func:`resolve_simulator` checks.

    Examples
    --------
    >>> for simulator in list_simulators():
    ...     assert simulator.installed
    """
    return [simulator for simulator in SIMULATORS.values() if simulator.installed]


def resolve_simulator(name: str, *, noise: bool = False) -> Simulator:
    """Return a simulator that can be used, or say why not.

    Parameters
    ----------
    name : str
    noise : bool, default=False
        Whether depolarising noise is wanted. Where a simulator of PennyLane lacks it,
        ``default.mixed`` takes its place.

    Returns
    -------
    simulator : Simulator

    Raises
    ------
    ValueError
        There is no such simulator.
    OptionalDependencyError
        It is not installed.
    DeviceError
        It needs a GPU that is not there.

    Examples
    --------
    >>> resolve_simulator("unitary").gradients
    'adjoint, whole batch'
    >>> resolve_simulator("qpu")
    Traceback (most recent call last):
    ValueError: Got simulator='qpu', but expected one of unitary, default.qubit, ...
    """
    if name not in SIMULATORS:
        known = ", ".join(SIMULATORS)
        raise ValueError(f"Got simulator={name!r}, but expected one of {known}.")
    simulator = SIMULATORS[name]
    if noise and not simulator.noise:
        simulator = SIMULATORS["default.mixed"]
    if simulator.installed is None:
        here = ", ".join(found.name for found in list_simulators()) or "none"
        target = "cardiorisk[nn]" if name == "unitary" else "cardiorisk[quantum]"
        if simulator.needs_gpu:
            target = simulator.package
        raise OptionalDependencyError(
            f"Got simulator={name!r}, which needs the package {simulator.package!r}. "
            f"Install it with: pip install '{target}'. Installed here: {here}."
        )
    if simulator.needs_gpu:
        _check_gpu(name)
    return simulator


def _check_gpu(name: str) -> None:
    from cardiorisk.backends.devices import count_cuda_devices

    if count_cuda_devices() == 0:
        raise DeviceError(f"Got simulator={name!r}, but this machine shows no CUDA GPU.")
