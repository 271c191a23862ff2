"""Residual blocks over time; imported only where a network is built."""

from typing import Any

from cardiorisk._optional import require

__all__ = ["ResidualBlock", "ResidualStack"]

torch = require("torch", extra="nn")
nn = torch.nn


class ResidualBlock(nn.Module):  # type: ignore[name-defined]  # torch is imported late
    """Two convolutions of width 3 beside a short cut (doi:10.1109/CVPR.2016.90).

    Parameters
    ----------
    inputs, outputs : int
        Channels.
    stride : int
        Of the first convolution.

    Examples
    --------
    >>> import torch
    >>> ResidualBlock(4, 8, stride=2)(torch.zeros(1, 4, 10)).shape
    torch.Size([1, 8, 5])
    """

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.first = nn.Conv1d(inputs, outputs, 3, stride, 1, bias=False)
        self.first_norm = nn.BatchNorm1d(outputs)
        self.second = nn.Conv1d(outputs, outputs, 3, 1, 1, bias=False)
        self.second_norm = nn.BatchNorm1d(outputs)
        same = stride == 1 and inputs == outputs
        self.short_cut = (
            nn.Identity()
            if same
            else nn.Sequential(
                nn.Conv1d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm1d(outputs)
            )
        )

    def forward(self, x: Any) -> Any:
        """(batch, inputs, n) -> (batch, outputs, n / stride)."""
        hidden = torch.relu(self.first_norm(self.first(x)))
        hidden = self.second_norm(self.second(hidden))
        return torch.relu(hidden + self.short_cut(x))


class ResidualStack(nn.Module):  # type: ignore[name-defined]
    """Stages of residual blocks: each doubles the channels, all but the first halve the time.

    Parameters
    ----------
    width : int
        Channels of the input and of the first stage.
    stages : int
        Number of stages.
    blocks : int
        Blocks a stage.
    dropout : float
        Share of channels that training sets to zero before the last stage.

    Examples
    --------
    >>> import torch
    >>> stack = ResidualStack(4, stages=3, blocks=1, dropout=0.0)
    >>> stack(torch.zeros(1, 4, 40)).shape, stack.channels, stack.stride
    (torch.Size([1, 16, 10]), 16, 4)
    """

    def __init__(self, width: int, stages: int, blocks: int, dropout: float) -> None:
        super().__init__()
        layers: list[Any] = []
        channels = width
        for stage in range(stages):
            if stage == stages - 1:
                layers.append(nn.Dropout1d(dropout))
            wider = width * 2**stage
            for block in range(blocks):
                layers.append(ResidualBlock(channels, wider, 2 if stage and not block else 1))
                channels = wider
        self.layers = nn.Sequential(*layers)
        self.channels, self.stride = channels, 2 ** (stages - 1)

    def forward(self, x: Any) -> Any:
        """(batch, width, n) -> (batch, channels, n / stride)."""
        return self.layers(x)
