"""The same ECG seen again: a little earlier or later, a little larger or smaller."""

from typing import Any

from cardiorisk._optional import require

__all__ = ["moved_and_scaled"]

torch = require("torch", extra="nn")


def moved_and_scaled(x: Any, longest: int, spread: float) -> Any:
    """Shift each record in time and multiply it.

    Parameters
    ----------
    x : Tensor, shape (batch, leads, samples)
    longest : int
        Largest shift in samples, either way; what comes in is zero.
    spread : float
        Standard deviation of the logarithm of the factor.

    Returns
    -------
    x : Tensor, shape (batch, leads, samples)

    Examples
    --------
    >>> import torch
    >>> x = torch.ones(1, 1, 4)
    >>> bool((moved_and_scaled(x, 0, 0.0) == x).all())
    True
    """
    batch, _, samples = x.shape
    shift = torch.randint(-longest, longest + 1, (batch, 1), device=x.device)
    place = torch.arange(samples, device=x.device) + shift
    inside = (place >= 0) & (place < samples)
    place = place.clamp(0, samples - 1)[:, None].expand_as(x)
    factor = torch.exp(spread * torch.randn(batch, 1, 1, device=x.device, dtype=x.dtype))
    return x.gather(2, place) * inside[:, None] * factor
