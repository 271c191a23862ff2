"""Time the quantum layer and the spline layer against PennyLane and pykan, and how they grow.

Run: ``OMP_NUM_THREADS=1 python benchmarks/kacq_layers.py``, a few minutes. Everything runs on one
thread in one process: with two threads small circuits are many times slower. Compared functions
take turns, forward and backward, with slopes of inputs and weights; printed are medians of
processor time. Results are asserted to agree before anything is timed.

Writes benchmarks/results/kacq_layers.md and docs/pictures/kacq_scaling.svg.
"""

import tempfile
import time
from collections.abc import Callable, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure

from cardiorisk._colours import INK, LOWERS, MUTED, RAISES
from cardiorisk.estimators.kacq import KANLayer, QuantumLayer, exact_circuit

HERE = Path(__file__).parent
RESULT = HERE / "results" / "kacq_layers.md"
PICTURE = HERE.parent / "docs" / "pictures" / "kacq_scaling.svg"
BATCH = 256

Step = Callable[[], Any]


def turns(steps: Mapping[str, Step], repeats: int) -> dict[str, float]:
    """Median processor time of each step in ms; they take turns, the first one warms up."""
    times: dict[str, list[float]] = {name: [] for name in steps}
    for _ in range(repeats + 1):
        for name, step in steps.items():
            start = time.process_time()
            step()
            times[name].append(time.process_time() - start)
    return {name: 1e3 * float(np.median(found[1:])) for name, found in times.items()}


def slopes(module: Any, x: Any) -> list[Any]:
    """Return outputs, and slopes of inputs and parameters."""
    x.grad = None
    module.zero_grad(set_to_none=True)
    y = module(x)
    y.square().sum().backward()
    return [y.detach(), x.grad, *(parameter.grad for parameter in module.parameters())]


def difference(first: list[Any], second: list[Any]) -> float:
    return max(float((a - b).abs().max()) for a, b in zip(first, second, strict=True))


def quantum_step(n_qubits: int, n_layers: int, batch: int, embedding: str, simulator: str) -> Step:
    torch.manual_seed(0)
    layer = QuantumLayer(n_qubits, n_layers, embedding, simulator).double()
    x = torch.randn(batch, layer.plan.n_inputs).double().requires_grad_()
    return lambda: slopes(layer, x)


def plain_pennylane(n_qubits: int, n_layers: int, batch: int, embedding: str) -> Step:
    """Run PennyLane as its users write it, without a line of this package around it."""
    import pennylane as qml

    wires = range(n_qubits)

    @qml.qnode(
        qml.device("default.qubit", wires=n_qubits), interface="torch", diff_method="backprop"
    )
    def node(x: Any, weights: Any) -> Any:
        if embedding == "amplitude":
            qml.AmplitudeEmbedding(x, wires=wires, normalize=True)
        else:
            qml.AngleEmbedding(x, wires=wires)
        qml.StronglyEntanglingLayers(weights, wires=wires)
        return [qml.expval(qml.PauliZ(wire)) for wire in wires]

    torch.manual_seed(0)
    layer = QuantumLayer(n_qubits, n_layers, embedding).double()
    x = torch.randn(batch, layer.plan.n_inputs).double().requires_grad_()

    def step() -> list[Any]:
        x.grad = None
        layer.zero_grad(set_to_none=True)
        y = torch.stack(node(x, layer.weights), dim=-1)
        y.square().sum().backward()
        return [y.detach(), x.grad, layer.weights.grad]

    return step


def quantum_lines() -> list[str]:
    lines = [
        "| circuit, 4 qubits | unitary, ms | default.qubit, ms | ratio | lightning, ms | ratio |"
        " largest difference |",
        "|---|---|---|---|---|---|---|",
    ]
    for embedding in ("amplitude", "angle"):
        for n_layers in (1, 4):
            shape = 4, n_layers, BATCH, embedding
            ours, theirs = quantum_step(*shape, "unitary"), plain_pennylane(*shape)
            lightning = quantum_step(*shape, "lightning.qubit")
            start = time.process_time()
            rows = lightning()
            once = 1e3 * (time.process_time() - start)
            gap = max(difference(ours(), theirs()), difference(ours(), rows))
            assert gap < 1e-10, gap
            found = turns({"ours": ours, "theirs": theirs}, 15)
            ratios = found["theirs"] / found["ours"], once / found["ours"]
            lines.append(
                f"| {embedding}, layers: {n_layers} | {found['ours']:.3f} | "
                f"{found['theirs']:.2f} | {ratios[0]:.0f} | {once:.0f} | {ratios[1]:.0f} | "
                f"{gap:.0e} |"
            )
            print(lines[-1], flush=True)
    return lines


def einsum_bound(sizes: list[int], batch: int, n_features: int) -> Step:
    """Take only the products of a spline network, on features that are given."""
    pairs = [
        (
            torch.rand(batch, inputs, n_features, requires_grad=number > 0),
            torch.rand(inputs, n_features, outputs, requires_grad=True),
        )
        for number, (inputs, outputs) in enumerate(pairwise(sizes))
    ]

    def step() -> None:
        for features, weight in pairs:
            features.grad = weight.grad = None
        outputs = [torch.einsum("bik,iko->bo", features, weight) for features, weight in pairs]
        sum(output.sum() for output in outputs).backward()

    return step


def spline_network(sizes: list[int], scale: str) -> Any:
    torch.manual_seed(0)
    return torch.nn.Sequential(*(KANLayer(a, b, scale=scale) for a, b in pairwise(sizes)))


def network_step(net: Any, batch: int, n_inputs: int) -> Step:
    x = torch.from_numpy(np.random.default_rng(0).uniform(-1, 1, (batch, n_inputs))).float()

    def step() -> Any:
        net.zero_grad(set_to_none=True)
        y = net(x)
        y.sum().backward()
        return y.detach()

    return step


def pykan_step(sizes: list[int], batch: int, *, fast: bool, like: Any = None) -> Step:
    import kan

    with tempfile.TemporaryDirectory() as folder:
        net = kan.KAN(width=list(sizes), grid=5, k=3, seed=0, auto_save=False, ckpt_path=folder)
    if like is not None:
        for theirs, ours in zip(net.act_fun, like, strict=True):
            weight = ours.edge_weights().detach()
            theirs.scale_base.data, theirs.scale_sp.data = (
                weight[:, 0],
                torch.ones_like(weight[:, 0]),
            )
            theirs.coef.data = weight[:, 1:].transpose(1, 2).contiguous()
            theirs.grid.data = ours.knots.clone()
    if fast:
        net.speed()
    return network_step(net, batch, sizes[0])


def spline_lines() -> list[str]:
    sizes = [11, 32, 2]
    free, shared = spline_network(sizes, "free"), spline_network(sizes, "shared")
    like = pykan_step(sizes, BATCH, fast=False, like=free)
    gap = float((like() - network_step(free, BATCH, sizes[0])()).abs().max())
    steps = {
        "KANLayer": network_step(free, BATCH, sizes[0]),
        'KANLayer, `scale="shared"`': network_step(shared, BATCH, sizes[0]),
        "einsum alone": einsum_bound(sizes, BATCH, 9),
        "pykan, default": pykan_step(sizes, BATCH, fast=False),
        "pykan, `speed()`": pykan_step(sizes, BATCH, fast=True),
    }
    quick = {name: step for name, step in steps.items() if "pykan" not in name}
    found = turns(steps, 8) | turns(quick, 300)
    lines = ["| [11, 32, 2], batch 256, float32 | ms | over KANLayer |", "|---|---|---|"]
    for name, value in found.items():
        lines.append(f"| {name} | {value:.3f} | {value / found['KANLayer']:.2f} |")
    ratio = found["KANLayer"] / found["einsum alone"]
    lines += ["", f"KANLayer takes {ratio:.2f} times as long as the einsum of its own sizes."]
    lines += [f"Largest difference from pykan with the same weights, in float32: {gap:.0e}."]
    print(*lines, sep="\n", flush=True)
    return lines


def ways(n_qubits: int, n_layers: int, batch: int) -> dict[str, float]:
    """Both ways of evolving, and the one that the layer chooses."""
    step = quantum_step(n_qubits, n_layers, batch, "amplitude", "unitary")
    chosen = exact_circuit._is_dense
    found = {}
    try:
        for name, dense in (("one unitary", True), ("gates on rows", False)):
            exact_circuit._is_dense = lambda *_, dense=dense: dense
            found[name] = turns({name: step}, 5)[name]
    finally:
        exact_circuit._is_dense = chosen
    plan = QuantumLayer(n_qubits, n_layers).plan
    found["chosen"] = found["one unitary" if chosen(plan, batch) else "gates on rows"]
    return found


def growth() -> dict[str, dict[str, dict[int, float]]]:
    """Measure by the number of qubits, by the batch and by the width."""
    qubits: dict[str, dict[int, float]] = {"PennyLane": {}}
    for n_qubits in range(2, 11):
        for name, value in ways(n_qubits, 2, BATCH).items():
            qubits.setdefault(name, {})[n_qubits] = value
        step = plain_pennylane(n_qubits, 2, BATCH, "amplitude")
        qubits["PennyLane"][n_qubits] = turns({"it": step}, 2)["it"]
        print(
            n_qubits,
            {name: round(found[n_qubits], 2) for name, found in qubits.items()},
            flush=True,
        )
    batches: dict[str, dict[int, float]] = {"chosen": {}, "PennyLane": {}}
    for batch in (1, 4, 16, 64, 256, 1024, 4096):
        batches["chosen"][batch] = ways(4, 1, batch)["chosen"]
        step = plain_pennylane(4, 1, batch, "amplitude")
        batches["PennyLane"][batch] = turns({"it": step}, 3)["it"]
    widths: dict[str, dict[int, float]] = {"KANLayer": {}, "einsum alone": {}, "pykan, speed()": {}}
    for width in (8, 16, 32, 64, 128, 256, 512):
        sizes = [11, width, 2]
        steps = {
            "KANLayer": network_step(spline_network(sizes, "free"), BATCH, 11),
            "einsum alone": einsum_bound(sizes, BATCH, 9),
        }
        found = turns(steps, 30)
        if width <= 128:
            found |= turns({"pykan, speed()": pykan_step(sizes, BATCH, fast=True)}, 3)
        for name, value in found.items():
            widths[name][width] = value
    return {
        "qubits (2 layers, batch 256)": qubits,
        "rows (4 qubits, 1 layer)": batches,
        "width of [11, width, 2], batch 256": widths,
    }


def growth_lines(found: Mapping[str, Mapping[str, Mapping[int, float]]]) -> list[str]:
    lines = []
    for name, curves in found.items():
        xs = sorted({x for curve in curves.values() for x in curve})
        lines += [f"| {name} | {' | '.join(map(str, xs))} |", "|---|" + "---|" * len(xs)]
        for label, curve in curves.items():
            cells = [f"{curve[x]:.3g}" if x in curve else "" for x in xs]
            lines.append(f"| {label}, ms | {' | '.join(cells)} |")
        lines.append("")
    return lines


def draw(found: Mapping[str, Mapping[str, Mapping[int, float]]]) -> None:
    colours = {"chosen": LOWERS, "KANLayer": LOWERS, "PennyLane": RAISES, "pykan, speed()": RAISES}
    colours |= {"one unitary": MUTED, "gates on rows": INK, "einsum alone": INK}
    figure = Figure(figsize=(11, 3.4), layout="constrained")
    for axes, (name, curves) in zip(figure.subplots(1, 3), found.items(), strict=True):
        for label, curve in curves.items():
            style = (
                "-o" if label in ("chosen", "KANLayer") else ":s" if label == "PennyLane" else "--"
            )
            axes.plot(*zip(*sorted(curve.items()), strict=True), style, markersize=4,
                      color=colours[label], label=label)  # fmt: skip
        axes.set(xlabel=name, yscale="log", ylabel="ms, forward and backward")
        if "qubits (" not in name:
            axes.set_xscale("log", base=2)
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(frameon=False, fontsize=8)
    figure.suptitle("Cost of the quantum layer and of the spline layer, one thread", fontsize=11)
    figure.savefig(PICTURE, metadata={"Date": None, "Title": "Cost of the layers of KACQ-DCNN"})


def main() -> None:
    torch.set_num_threads(1)
    quantum, spline, found = quantum_lines(), spline_lines(), growth()
    draw(found)
    text = [
        "# Layers of KACQ-DCNN",
        "",
        "`OMP_NUM_THREADS=1 python benchmarks/kacq_layers.py`: median processor time, one thread,",
        f"forward and backward, batch {BATCH}, in turns. `lightning.qubit` runs one circuit a row",
        "with adjoint gradients, here behind the same layer.",
        "",
        *quantum,
        "",
        *spline,
        "",
        *growth_lines(found),
    ]
    RESULT.write_text("\n".join(text).rstrip() + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
