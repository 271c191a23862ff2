"""Cut the signal around beats out."""

import numpy as np
import numpy.typing as npt

__all__ = ["pieces_around"]

Floats = npt.NDArray[np.floating]
Positions = npt.NDArray[np.int64]


def pieces_around(signal: Floats, positions: Positions, first: int, last: int) -> Floats:
    """Signal around each position, (n_beats, n_leads, last - first + 1); ends are repeated."""
    index = np.clip(positions[:, None] + np.arange(first, last + 1), 0, signal.shape[1] - 1)
    return np.asarray(signal[:, index].transpose(1, 0, 2))
