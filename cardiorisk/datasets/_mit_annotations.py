"""Reader of the MIT annotation format, for the few symbols that mark waves.

``wfdb.rdann`` reads the same, but parses the header of the record again for every lead.
"""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from cardiorisk.exceptions import ReadError

__all__ = ["read_wave_marks"]

SYMBOLS = {1: "N", 24: "p", 27: "t", 39: "(", 40: ")"}
SKIP, NUM, SUB, CHN, AUX = 59, 60, 61, 62, 63


def read_wave_marks(path: Path) -> tuple[npt.NDArray[Any], npt.NDArray[np.int64]]:
    """Read the symbols and sample positions of a file of wave marks.

    Parameters
    ----------
    path : Path
        Annotation file in the MIT format, https://wfdb.io/spec/annotation-files.html.

    Returns
    -------
    symbols : ndarray of str, shape (n_marks,)
        ``(``, ``p``, ``N``, ``t`` and ``)``; others are left out.
    samples : ndarray of int, shape (n_marks,)

    Raises
    ------
    ReadError
        The file ends before its end mark.
    """
    words = np.frombuffer(path.read_bytes()[: path.stat().st_size // 2 * 2], "<u2").tolist()
    symbols: list[str] = []
    samples: list[int] = []
    position, time = 0, 0
    while position < len(words):
        code, interval = words[position] >> 10, words[position] & 0x3FF
        position += 1
        if code == interval == 0:
            return np.array(symbols, dtype="U1"), np.array(samples, dtype=np.int64)
        if code == SKIP and position + 1 < len(words):
            high, low = words[position : position + 2]
            time += (high << 16 | low) - (1 << 32 if high >= 1 << 15 else 0)
            position += 2
        elif code == AUX:
            position += (interval + 1) // 2
        elif code not in (NUM, SUB, CHN):
            time += interval
            if code in SYMBOLS:
                symbols.append(SYMBOLS[code])
                samples.append(time)
    raise ReadError(f"{path} ends before the end mark of an annotation file.")
