import ctypes
import json
import warnings

import numpy as np
import pytest

from cardiorisk.backends import devices
from cardiorisk.backends.devices import count_cuda_devices, resolve_device
from cardiorisk.exceptions import DeviceError


class FakeDriver:
    """Answers as libcuda does: 0 for success, and the count through a pointer."""

    def __init__(self, n_devices, init_error=0, count_error=0):
        self.n_devices, self.init_error, self.count_error = n_devices, init_error, count_error

    def cuInit(self, flags):
        assert flags == 0
        return self.init_error

    def cuDeviceGetCount(self, pointer):
        pointer._obj.value = self.n_devices
        return self.count_error


@pytest.fixture
def driver(monkeypatch):
    def install(fake):
        def load(name):
            if isinstance(fake, Exception):
                raise fake
            return fake

        monkeypatch.setattr(ctypes, "CDLL", load)

    return install


@pytest.mark.parametrize(
    ("fake", "expected"),
    [
        (FakeDriver(2), 2),
        (FakeDriver(0), 0),
        (FakeDriver(1, init_error=100), 0),
        (FakeDriver(1, count_error=3), 0),
        (OSError("libcuda.so.1: cannot open shared object file"), 0),
    ],
)
def test_devices_are_counted_by_the_driver(driver, fake, expected):
    driver(fake)
    assert count_cuda_devices() == expected


def test_auto_takes_the_gpu_only_where_driver_and_library_have_it(driver, monkeypatch):
    build = {"USE_CUDA": True}
    fake_xgboost = type("xgboost", (), {"build_info": staticmethod(lambda: build)})
    monkeypatch.setattr(devices, "require", lambda name: fake_xgboost)
    driver(FakeDriver(1))
    assert resolve_device("auto", backend="xgboost") == "cuda"
    assert resolve_device("cuda", backend="xgboost") == "cuda"
    assert resolve_device("cpu", backend="xgboost") == "cpu"
    build["USE_CUDA"] = False
    assert resolve_device("auto", backend="xgboost") == "cpu"
    with pytest.raises(DeviceError, match="built without CUDA"):
        resolve_device("cuda", backend="xgboost")


@pytest.mark.parametrize(
    ("backend", "reason"),
    [
        ("forest", "CPU only"),
        ("lightgbm", "wheels have no CUDA build"),
        ("xgboost", "shows no CUDA GPU"),
    ],
)
def test_cuda_that_cannot_be_had_says_why(driver, backend, reason):
    driver(FakeDriver(0))
    assert resolve_device("auto", backend=backend) == "cpu"
    with pytest.raises(DeviceError, match=reason):
        resolve_device("cuda", backend=backend)


def test_an_unknown_device_is_an_error():
    with pytest.raises(DeviceError, match="Got device='gpu', but expected one of auto, cpu, cuda"):
        resolve_device("gpu", backend="xgboost")


@pytest.mark.skipif(count_cuda_devices() > 0, reason="this machine has a CUDA GPU")
def test_the_answer_agrees_with_what_xgboost_does():
    xgboost = pytest.importorskip("xgboost")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = xgboost.XGBClassifier(n_estimators=1, device="cuda")
        model.fit(np.arange(8.0)[:, None], np.arange(8) % 2)
    config = json.loads(model.get_booster().save_config())
    assert config["learner"]["generic_param"]["device"] == "cpu"
