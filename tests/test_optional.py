import math

import pytest

from cardiorisk._optional import require
from cardiorisk.exceptions import CardioRiskError, OptionalDependencyError


def test_present_module_is_returned():
    assert require("math") is math


def test_absent_module_names_the_extra():
    with pytest.raises(OptionalDependencyError, match=r"pip install 'cardiorisk\[ecg\]'"):
        require("no_such_package.part", extra="ecg")


def test_absent_core_module_names_the_package():
    with pytest.raises(ImportError, match="pip install 'no_such_package'"):
        require("no_such_package")
    assert issubclass(OptionalDependencyError, CardioRiskError)
