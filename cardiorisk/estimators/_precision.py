"""In which numbers a network is trained."""

from cardiorisk._optional import require
from cardiorisk.exceptions import DeviceError

__all__ = ["PRECISIONS", "resolve_precision"]

PRECISIONS = ("auto", "float32", "bfloat16", "float16")


def resolve_precision(wish: str, device: str) -> str:
    """Turn a wish into the type of the fast layers; weights stay in their own type.

    Parameters
    ----------
    wish : {"auto", "float32", "bfloat16", "float16"}
    device : {"cpu", "cuda"}

    Returns
    -------
    precision : {"float32", "bfloat16", "float16"}
        For "auto", bfloat16 on a CUDA device that computes in it, which has the range of float32
        and needs no scaled loss; float16 on an older one; float32 on the CPU, where few processors
        are faster in less.

    Raises
    ------
    ValueError
        The wish is unknown.
    DeviceError
        float16 on the CPU.

    Examples
    --------
    >>> resolve_precision("auto", "cpu")
    'float32'
    """
    if wish not in PRECISIONS:
        raise ValueError(
            f"Got mixed_precision={wish!r}, but expected one of {', '.join(PRECISIONS)}."
        )
    if wish == "float16" and device == "cpu":
        raise DeviceError(
            "Got mixed_precision='float16' on the CPU, but it needs CUDA; 'bfloat16' runs on both."
        )
    if wish != "auto":
        return wish
    if device == "cpu":
        return "float32"
    has = require("torch", extra="nn").cuda.is_bf16_supported(including_emulation=False)
    return "bfloat16" if has else "float16"
