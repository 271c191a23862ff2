from pathlib import Path

import pytest

from cardiorisk.datasets import load_heart_disease
from cardiorisk.exceptions import ReadError
from cardiorisk.io import read_schema

TEXT = """
[trestbps]
label = "resting blood pressure"
unit = "mmHg"
low = 50
high = 300
zero_is_missing = true
normal_range = [90, 140]

[cp]
categories = {1 = "typical angina", 2 = "atypical angina"}
"""


def write(tmp_path, text):
    path = tmp_path / "schema.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_fields_and_number_keys(tmp_path):
    schema = read_schema(write(tmp_path, TEXT))
    assert schema["trestbps"].unit == "mmHg"
    assert schema["trestbps"].normal_range == (90.0, 140.0)
    assert schema["cp"].label == "cp"
    assert schema["cp"].categories == {1: "typical angina", 2: "atypical angina"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[a\n", "could not be read as TOML"),
        ("a = 1", "expected a section"),
        ("[a]\nunits = 'mV'", r"\[a\] has units, but expected only categories"),
    ],
)
def test_errors_name_the_file(tmp_path, text, message):
    with pytest.raises(ReadError, match=message):
        read_schema(write(tmp_path, text))


def test_the_example_is_the_packaged_tables_schema():
    example = read_schema(Path(__file__).parents[1] / "examples" / "heart_disease_schema.toml")
    for name, variable in load_heart_disease().schema.items():
        twin = example[name]
        assert (twin.label, twin.unit) == (variable.label, variable.unit)
        assert (twin.low, twin.high) == (variable.low, variable.high)
        assert twin.zero_is_missing == variable.zero_is_missing
        assert dict(twin.categories or {}) == dict(variable.categories or {})
