"""Which device a backend can truly run on."""

import ctypes
import sys

from cardiorisk._optional import require
from cardiorisk.exceptions import DeviceError

__all__ = ["DEVICES", "count_cuda_devices", "resolve_device"]

DEVICES = ("auto", "cpu", "cuda")

_CPU_ONLY = {
    "forest": "scikit-learn's forest runs on the CPU only",
    "lightgbm": "LightGBM's published wheels have no CUDA build",
}


def count_cuda_devices() -> int:
    """Count the CUDA devices that the driver shows to this process.

    The driver library is asked directly, so no GPU package is imported; ``CUDA_VISIBLE_DEVICES``
    is respected.

    Returns
    -------
    n_devices : int
        0 where there is no driver, no device, or the driver fails to start.

    Examples
    --------
    >>> count_cuda_devices() >= 0
    True
    """
    library = "nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1"
    try:
        driver = ctypes.CDLL(library)
    except OSError:
        return 0
    count = ctypes.c_int(0)
    # Both calls return 0 (CUDA_SUCCESS) or an error code.
    if driver.cuInit(0) or driver.cuDeviceGetCount(ctypes.byref(count)):
        return 0
    return count.value


def _why_no_cuda(backend: str) -> str | None:
    if backend in _CPU_ONLY:
        return _CPU_ONLY[backend]
    # The driver is asked first: it costs microseconds, importing xgboost a second.
    if count_cuda_devices() == 0:
        return "this machine shows no CUDA GPU (no driver, no device, or CUDA_VISIBLE_DEVICES)"
    if backend == "torch":
        return _why_torch_has_no_cuda()
    if not require("xgboost").build_info()["USE_CUDA"]:
        return "the installed XGBoost was built without CUDA"
    return None


def _why_torch_has_no_cuda() -> str | None:
    torch = require("torch", extra="nn")
    if torch.version.cuda is None:
        return f"the installed torch {torch.__version__} was built without CUDA"
    # A driver that is too old for this torch also warns here, with the numbers.
    return None if torch.cuda.is_available() else "torch cannot use the GPU's driver"


def resolve_device(device: str, *, backend: str) -> str:
    """Turn a wish into the device on which a backend will run.

    XGBoost alone falls back to the CPU with a mere warning; here a wish that cannot be met is an
    error, and "auto" takes what exists.

    Parameters
    ----------
    device : {"auto", "cpu", "cuda"}
    backend : {"forest", "xgboost", "lightgbm", "torch"}

    Returns
    -------
    device : {"cpu", "cuda"}

    Raises
    ------
    DeviceError
        "cuda" was asked for and cannot be had; the message says why.

    Examples
    --------
    >>> resolve_device("auto", backend="forest")
    'cpu'
    """
    if device not in DEVICES:
        raise DeviceError(f"Got device={device!r}, but expected one of {', '.join(DEVICES)}.")
    if device == "cpu":
        return "cpu"
    reason = _why_no_cuda(backend)
    if reason is None:
        return "cuda"
    if device == "auto":
        return "cpu"
    raise DeviceError(f"Got device='cuda' for backend={backend!r}, but {reason}.")
