"""The network: channels side by side, one linear layer, and an average over members."""

from typing import Any

from cardiorisk._optional import require
from cardiorisk.estimators.kacq.channels import quantum_channel, recurrent_channel
from cardiorisk.estimators.kacq.network_plan import NetworkPlan

__all__ = ["DualChannelNet", "MeanOfNets"]

torch = require("torch", extra="nn")
nn = torch.nn


class DualChannelNet(nn.Module):  # type: ignore[name-defined]  # torch is imported late
    """Logits from both channels.

    Parameters
    ----------
    plan : NetworkPlan
    """

    def __init__(self, plan: NetworkPlan) -> None:
        super().__init__()
        width = 0
        self.channels = nn.ModuleDict()
        if plan.use_quantum:
            self.channels["quantum"], added = quantum_channel(plan)
            width += added
        if plan.use_recurrent:
            self.channels["recurrent"], added = recurrent_channel(plan)
            width += added
        self.head = nn.Linear(width, plan.n_outputs)
        nn.init.xavier_uniform_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    def forward(self, x: Any) -> Any:
        """Return logits, shape (n, n_outputs), of inputs (n, n_tokens)."""
        return self.head(torch.cat([channel(x) for channel in self.channels.values()], dim=-1))

    def probabilities(self, x: Any) -> Any:
        """Return the probability of each class, shape (n, n_classes)."""
        logits = self(x)
        if logits.shape[1] > 1:
            return logits.softmax(-1)
        chance = logits.sigmoid()
        return torch.cat([1 - chance, chance], dim=-1)


class MeanOfNets(nn.Module):  # type: ignore[name-defined]
    """Mean probability of networks of one plan.

    Parameters
    ----------
    plan : NetworkPlan
    n_members : int
    """

    def __init__(self, plan: NetworkPlan, n_members: int) -> None:
        super().__init__()
        self.members = nn.ModuleList(DualChannelNet(plan) for _ in range(n_members))

    def forward(self, x: Any) -> Any:
        """Return the probability of each class, shape (n, n_classes)."""
        return torch.stack([member.probabilities(x) for member in self.members]).mean(0)
