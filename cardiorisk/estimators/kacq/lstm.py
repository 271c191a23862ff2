"""Recurrent layer in the form of Keras: one bias, any activation, both directions at once."""

from math import sqrt
from typing import Any

from cardiorisk._optional import require

__all__ = ["LSTM"]

torch = require("torch", extra="nn")
nn = torch.nn


class LSTM(nn.Module):  # type: ignore[name-defined]  # torch is imported late
    """Long short-term memory that returns every step.

    Parameters
    ----------
    n_inputs, n_units : int
    bidirectional : bool, default=True
        Steps from the end are read by units of their own; both outputs stand side by side.
    activation : {"relu", "tanh"}, default="tanh"
        Of candidate and output, as ``activation`` in Keras, which ``torch.nn.LSTM`` cannot change.

    Attributes
    ----------
    inputs, recurrent, bias : Parameter
        Shapes (n_directions, 4 * n_units, n_inputs), (n_directions, 4 * n_units, n_units) and
        (n_directions, 4 * n_units): input gate, forget gate, candidate, output gate.

    Notes
    -----
    One bias a gate, first weights Glorot-uniform, recurrent ones orthogonal, bias 0 and 1 for the
    forget gate, as in Keras. With tanh the steps run inside torch's own fused function, or, for
    predictions of float64 on the CPU, in products with the rows last; with ReLU both directions are
    computed in one product a step.

    Examples
    --------
    >>> import torch
    >>> LSTM(1, 64)(torch.zeros(5, 12, 1)).shape
    torch.Size([5, 12, 128])
    >>> sum(parameter.numel() for parameter in LSTM(1, 64).parameters())
    33792
    """

    def __init__(
        self, n_inputs: int, n_units: int, *, bidirectional: bool = True, activation: str = "tanh"
    ) -> None:
        super().__init__()
        n_directions = 2 if bidirectional else 1
        self.n_units, self.activation = n_units, activation
        limit = sqrt(6 / (n_inputs + 4 * n_units))
        even = 2 * torch.rand(n_directions, 4 * n_units, n_inputs) - 1
        self.inputs = nn.Parameter(even * limit)
        square = [nn.init.orthogonal_(torch.empty(4 * n_units, n_units)) for _ in range(2)]
        self.recurrent = nn.Parameter(torch.stack(square[:n_directions]))
        self.bias = nn.Parameter(torch.zeros(n_directions, 4 * n_units))
        nn.init.ones_(self.bias.data[:, n_units : 2 * n_units])

    def forward(self, x: Any) -> Any:
        """Read the steps.

        Parameters
        ----------
        x : Tensor, shape (n, n_steps, n_inputs)

        Returns
        -------
        outputs : Tensor, shape (n, n_steps, n_directions * n_units)
        """
        if self.activation == "relu":
            return self._stepwise(x)
        predicts = x.dtype == torch.float64 and x.device.type == "cpu"
        if predicts and not torch.is_grad_enabled():
            return self._without_slopes(x)
        return self._fused(x)

    def _fused(self, x: Any) -> Any:
        start = x.new_zeros(len(self.inputs), len(x), self.n_units)
        none = torch.zeros_like(self.bias[0])  # torch has a second bias
        weights = [
            part
            for direction in zip(self.inputs, self.recurrent, self.bias, strict=True)
            for part in (*direction, none)
        ]
        two = len(self.inputs) == 2
        return torch.lstm(x, (start, start), weights, True, 1, 0.0, self.training, two, True)[0]

    def _without_slopes(self, x: Any) -> Any:
        """Read steps of double precision twice as fast as torch: rows last, memory used again."""
        n, n_steps, n_inputs = x.shape
        n_directions, n_units = len(self.inputs), self.n_units
        turned = x.permute(1, 2, 0)
        steps = torch.stack([turned, turned.flip(0)][:n_directions], dim=1)
        gain = x.new_ones(4 * n_units, 1)
        gain[2 * n_units : 3 * n_units] = 2  # of the candidate: tanh(x) = 2 sigmoid(2 x) - 1
        weights = gain * torch.cat([self.recurrent, self.inputs, self.bias[..., None]], dim=-1)
        read = x.new_ones(n_directions, n_units + n_inputs + 1, n)
        state, token, _ = read.split([n_units, n_inputs, 1], dim=1)
        state.zero_()
        cell, shown = x.new_zeros(2, n_directions, n_units, n)
        gates = x.new_empty(n_directions, 4 * n_units, n)
        take, keep, candidate, show = gates.split(n_units, dim=1)
        found = x.new_empty(n_steps, n_directions, n_units, n)
        for step, out in zip(steps, found, strict=True):
            token.copy_(step)
            torch.bmm(weights, read, out=gates).sigmoid_()
            cell.mul_(keep).add_(candidate.mul_(2).sub_(1).mul_(take))
            torch.add(cell, cell, out=shown).sigmoid_().mul_(2).sub_(1)
            state.copy_(torch.mul(shown, show, out=out))
        both = [found[:, 0], *(direction.flip(0) for direction in found[:, 1:].unbind(1))]
        return torch.cat(both, dim=1).permute(2, 0, 1).contiguous()

    def _stepwise(self, x: Any) -> Any:
        both = [x, x.flip(1)][: len(self.inputs)]
        n, n_steps, _ = x.shape
        steps = torch.stack(both).flatten(1, 2)  # (n_directions, n * n_steps, n_inputs)
        driven = torch.baddbmm(self.bias[:, None], steps, self.inputs.mT)
        state = cell = x.new_zeros(len(both), n, self.n_units)
        outputs = []
        for step in driven.unflatten(1, (n, n_steps)).unbind(2):
            total = torch.baddbmm(step, state, self.recurrent.mT)
            gates, candidate, show = total.split([2 * self.n_units, self.n_units, self.n_units], -1)
            take, keep = gates.sigmoid().chunk(2, dim=-1)
            cell = keep * cell + take * candidate.relu()
            state = show.sigmoid() * cell.relu()
            outputs.append(state)
        found = torch.stack(outputs, dim=2)  # (n_directions, n, n_steps, n_units)
        if len(found) == 1:
            return found[0]
        return torch.cat([found[0], found[1].flip(1)], dim=-1)
