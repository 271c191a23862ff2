"""The rhythm branch's backbone: leads are the channels of a residual network over time."""

from typing import Any

from cardiorisk._optional import require
from cardiorisk.estimators.protoecgnet.residual import ResidualStack

__all__ = ["ResNet1d"]

nn = require("torch", extra="nn").nn


class ResNet1d(nn.Module):  # type: ignore[name-defined]  # torch is imported late
    """A residual network of 18 layers where ``stages=4, blocks=2``.

    Parameters
    ----------
    n_leads : int
        Leads of the ECG.
    width : int
        Channels of the first stage.
    stages, blocks : int
        Stages, and residual blocks a stage.
    dropout : float
        Before the last stage.

    Examples
    --------
    >>> import torch
    >>> net = ResNet1d(12, width=4, stages=4, blocks=2, dropout=0.0)
    >>> net(torch.zeros(2, 12, 1000)).shape, net.stride
    (torch.Size([2, 32, 32]), 32)
    """

    def __init__(self, n_leads: int, width: int, stages: int, blocks: int, dropout: float) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv1d(n_leads, width, 7, 2, 3, bias=False),
            nn.BatchNorm1d(width),
            nn.ReLU(),
            nn.MaxPool1d(3, 2, 1),
        )
        self.stack = ResidualStack(width, stages, blocks, dropout)
        self.channels, self.stride = self.stack.channels, 4 * self.stack.stride

    def forward(self, x: Any) -> Any:
        """(batch, leads, samples) -> (batch, channels, steps)."""
        return self.stack(self.stem(x))
