"""The paper's convolutional hybrid: spline convolutions, three circuits, spline layers."""

from typing import Any

import torch

from cardiorisk.estimators.kacq import KANLayer, QuantumLayer

N_CIRCUITS, N_QUBITS = 3, 4
GRID = 3


class SplineConvolution(torch.nn.Module):
    """Convolution whose kernel is a spline layer on each window."""

    def __init__(self, n_channels: int, n_filters: int, width: int, step: int = 2) -> None:
        super().__init__()
        self.width, self.step = width, step
        self.layer = KANLayer(n_channels * width, n_filters, grid_size=GRID)

    def forward(self, values: Any) -> Any:
        """Map (n, length, n_channels) to (n, windows, n_filters)."""
        windows = values.unfold(1, self.width, self.step)  # (n, windows, n_channels, width)
        return self.layer(windows.flatten(2))


class ConvolutionalHybrid(torch.nn.Module):
    """QCKAN of the authors' repository, github.com/Abrar2652/KACQ-DCNN, with 1 to 4 layers."""

    def __init__(self, n_columns: int, n_layers: int = 1) -> None:
        super().__init__()
        windows = ((n_columns - 3) // 2 + 1 - 2) // 2 + 1
        self.seeing = torch.nn.Sequential(
            SplineConvolution(1, 96, width=3),
            SplineConvolution(96, 96, width=2),
            torch.nn.Dropout(0.2),
            torch.nn.Flatten(),
            KANLayer(96 * windows, N_CIRCUITS * 2**N_QUBITS),
        )
        circuits = [QuantumLayer(N_QUBITS, n_layers) for _ in range(N_CIRCUITS)]
        self.circuits = torch.nn.ModuleList(circuits)
        self.judging = torch.nn.Sequential(
            KANLayer(N_CIRCUITS * N_QUBITS, 256, grid_size=GRID),
            KANLayer(256, 32, grid_size=GRID),
            torch.nn.Linear(32, 1),
            torch.nn.Flatten(0),
        )

    def forward(self, values: Any) -> Any:
        """Return logits (n,) of values (n, n_columns)."""
        parts = self.seeing(values[:, :, None]).chunk(N_CIRCUITS, dim=1)
        read = [circuit(part) for circuit, part in zip(self.circuits, parts, strict=True)]
        return self.judging(torch.cat(read, dim=1))
