"""Rate, intervals and axes from the clean measurements of a cart."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from cardiorisk.features._machine_cleaning import Cleaned
from cardiorisk.features.feature_definitions import FEATURES
from cardiorisk.features.measurements import corrected_qt
from cardiorisk.io.machine_measurements import MEASURED

__all__ = ["FEATURE_RULE", "INPUTS", "RAW", "derive", "limit_words", "within_limits"]

Floats = npt.NDArray[np.float64]

_QRS, _QT = ("qrs_onset", "qrs_end"), ("qrs_onset", "t_end")
_CORRECTED = ("qtc_bazett", "qtc_fridericia", "qtc_framingham", "qtc_hodges")
INPUTS: Mapping[str, Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "rhythm": {"heart_rate": ("rr_interval",), "rr_mean": ("rr_interval",)},
        "intervals": {
            "p_duration": ("p_onset", "p_end"),
            "pr_interval": ("p_onset", "qrs_onset"),
            "pr_segment": ("p_end", "qrs_onset"),
            "qrs_duration": _QRS,
            "qt_interval": _QT,
            "jt_interval": ("qrs_end", "t_end"),
            **dict.fromkeys(_CORRECTED, (*_QT, "rr_interval")),
        },
        "axes": {
            "p_axis": ("p_axis",),
            "qrs_axis": ("qrs_axis",),
            "t_axis": ("t_axis",),
            "qrs_t_angle": ("qrs_axis", "t_axis"),
        },
    }
)
"""The measurements behind each feature, by group."""

RAW = {name: (name,) for name in MEASURED if not name.endswith("_axis")}

FEATURE_RULE = "feature_range"
"""The rule that :func:`within_limits` applies."""


def derive(values: Mapping[str, Floats]) -> dict[str, Floats]:
    """Every feature from clean measurements, in ms and degrees."""
    rr, qt = values["rr_interval"], values["t_end"] - values["qrs_onset"]
    return {
        "heart_rate": 60_000 / rr,
        "rr_mean": rr,
        "p_duration": values["p_end"] - values["p_onset"],
        "pr_interval": values["qrs_onset"] - values["p_onset"],
        "pr_segment": values["qrs_onset"] - values["p_end"],
        "qrs_duration": values["qrs_end"] - values["qrs_onset"],
        "qt_interval": qt,
        "jt_interval": values["t_end"] - values["qrs_end"],
        **cast(Any, corrected_qt)(qt, rr),
        "p_axis": values["p_axis"],
        "qrs_axis": values["qrs_axis"],
        "t_axis": values["t_axis"],
        "qrs_t_angle": np.abs((values["qrs_axis"] - values["t_axis"] + 180) % 360 - 180),
    }


def within_limits(features: dict[str, Floats]) -> Cleaned:
    """Remove features outside the limits of their row in FEATURES."""
    table = Cleaned(features)
    for name in features:
        low, high = FEATURES[name].low, FEATURES[name].high
        limits = (-np.inf if low is None else low, np.inf if high is None else high)
        table.keep_within(FEATURE_RULE, name, limits)
    return table


def limit_words(name: str) -> str:
    """Say what values of a feature are removed."""
    row = FEATURES[name]
    return f"outside {row.low} to {row.high} {row.unit}"
