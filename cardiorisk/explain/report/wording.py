"""Numbers and values in words, and the table of sentences of the report."""

import math
import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any

import pandas as pd

from cardiorisk.evaluation import Interval
from cardiorisk.records import Variable

__all__ = [
    "format_value",
    "interval_words",
    "is_missing",
    "load_table",
    "per_100",
    "per_1000",
    "plain_number",
    "points",
    "risk_words",
    "say",
]

NOT_RECORDED = "not recorded"


@cache
def load_table(name: str) -> Mapping[str, Any]:
    """Read one TOML file of the package, for example ``"en"``."""
    path = files("cardiorisk.explain.report") / "strings" / f"{name}.toml"
    return MappingProxyType(tomllib.loads(path.read_text(encoding="utf-8")))


def say(key: str, /, **fields: Any) -> str:
    """Fill a sentence of the table.

    Examples
    --------
    >>> say("conformal.both")
    'Cannot tell'
    """
    section, _, name = key.partition(".")
    entry = load_table("en")[section][name]
    text = entry["one"] if fields.get("count") == 1 and "one" in entry else entry["text"]
    return text.format(**fields)


def per_100(probability: float) -> int:
    """Round a probability to whole people of 100, half upwards.

    Examples
    --------
    >>> per_100(0.125), per_100(0.77)
    (13, 77)
    """
    return math.floor(100 * probability + 0.5)


def risk_words(probability: float) -> str:
    """Say a risk per 100 without pretending to know 0 or 100.

    Examples
    --------
    >>> risk_words(0.77), risk_words(0.004), risk_words(0.996)
    ('77', 'fewer than 1', 'more than 99')
    """
    if probability < 0.01:
        return "fewer than 1"
    if probability > 0.99:
        return "more than 99"
    return str(per_100(probability))


def points(value: float) -> int:
    """Round points per 100 to whole points, half away from zero.

    Examples
    --------
    >>> points(-2.5), points(0.4)
    (-3, 0)
    """
    return int(math.copysign(math.floor(abs(value) + 0.5), value))


def plain_number(value: float) -> str:
    """Write a measured value as it was measured, without digits that nobody measured.

    Examples
    --------
    >>> plain_number(233.0), plain_number(0.05), plain_number(412.33333)
    ('233', '0.05', '412')
    """
    text = f"{value:.6g}"
    if len(text.lstrip("-")) <= 4:
        return text
    size = abs(value)
    decimals = 0 if size >= 100 else 1 if size >= 10 else 2
    text = f"{value:.{decimals}f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text == "-0" else text


def is_missing(value: Any, variable: Variable) -> bool:
    """Tell whether a value stands for "not measured"."""
    return bool(pd.isna(value)) or (variable.zero_is_missing and value == 0)


def format_value(value: Any, variable: Variable, *, unit: bool = True) -> str:
    """Write a value in clinical words: its category, or the number with its unit.

    Examples
    --------
    >>> format_value(130, Variable("trestbps", "resting pressure", "mmHg"))
    '130 mmHg'
    """
    if is_missing(value, variable):
        return NOT_RECORDED
    if variable.categories is not None:
        if value in variable.categories:
            return str(variable.categories[value])
        by_text = {str(key): words for key, words in variable.categories.items()}
        if str(value) in by_text:
            return str(by_text[str(value)])
    if isinstance(value, str):
        return value
    if isinstance(value, bool) or (
        not isinstance(value, int | float) and not hasattr(value, "dtype")
    ):
        return str(value)
    text = plain_number(float(value))
    return f"{text} {variable.unit}" if unit and variable.unit else text


def per_1000(share: float) -> int:
    """Round a share to whole people of 1000."""
    return points(1000 * share)


def interval_words(interval: Interval, spec: str = ".2f") -> str:
    """Write the limits of an interval, joined by "to".

    Examples
    --------
    >>> interval_words(Interval(0.9, 0.88, 0.92))
    '95% interval 0.88 to 0.92'
    """
    if math.isnan(interval.low):
        return "no interval"
    return f"95% interval {interval.low:{spec}} to {interval.high:{spec}}"
