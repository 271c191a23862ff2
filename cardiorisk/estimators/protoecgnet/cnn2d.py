"""The backbone of the morphology and diffuse branches: a picture of leads by time."""

from typing import Any

from cardiorisk._optional import require
from cardiorisk.estimators.protoecgnet.residual import ResidualStack

__all__ = ["Cnn2d"]

nn = require("torch", extra="nn").nn


class Cnn2d(nn.Module):  # type: ignore[name-defined]  # torch is imported late
    """A residual network whose first layers are two-dimensional.

    Parameters
    ----------
    n_leads : int
        Leads of the ECG, the height of the picture.
    width : int
        Channels of the first stage.
    stages, blocks : int
        Stages, and residual blocks a stage.
    dropout : float
        Before the last stage.
    lead_filters : int or None
        Filters over time that all leads share before they are joined. None joins all leads in the
        first layer, as published. From there on the picture has height one, so that convolutions
        over time alone do what the published 3 by 3 convolutions do, with a third of the weights.

    Examples
    --------
    >>> import torch
    >>> net = Cnn2d(12, width=8, stages=3, blocks=1, dropout=0.0, lead_filters=4)
    >>> net(torch.zeros(2, 12, 1000)).shape, net.stride
    (torch.Size([2, 32, 63]), 16)
    """

    def __init__(
        self,
        n_leads: int,
        width: int,
        stages: int,
        blocks: int,
        dropout: float,
        lead_filters: int | None,
    ) -> None:
        super().__init__()
        if lead_filters is None:
            joining = [nn.Conv2d(1, width, (n_leads, 7), (1, 2), (0, 3), bias=False)]
        else:
            joining = [
                nn.Conv2d(1, lead_filters, (1, 7), (1, 2), (0, 3), bias=False),
                nn.BatchNorm2d(lead_filters),
                nn.ReLU(),
                nn.Conv2d(lead_filters, width, (n_leads, 1), bias=False),
            ]
        self.stem = nn.Sequential(
            *joining, nn.BatchNorm2d(width), nn.ReLU(), nn.MaxPool2d((1, 3), (1, 2), (0, 1))
        )
        self.stack = ResidualStack(width, stages, blocks, dropout)
        self.channels, self.stride = self.stack.channels, 4 * self.stack.stride

    def forward(self, x: Any) -> Any:
        """(batch, leads, samples) -> (batch, channels, steps)."""
        picture = self.stem(x.unsqueeze(1))  # (batch, width, 1, samples / 4)
        return self.stack(picture.squeeze(2))
