"""Rows of the report's tables, in words."""

import math
from typing import Any

import numpy as np
import pandas as pd

from cardiorisk.evaluation import DecisionCurve
from cardiorisk.explain.report.summary import FeatureUse, PerformanceSummary
from cardiorisk.explain.report.svg.reasons import MIN_NEAR, bins_of, categories_of
from cardiorisk.explain.report.wording import plain_number, points, say

__all__ = ["decision_rows", "group_rows", "left_out_rows", "measure_rows", "shape_rows"]

MIN_EVENTS = 10
MEASURES = (
    ("auroc", "AUROC", ".2f", "1"),
    ("observed_expected_ratio", "Observed to expected", ".2f", "1"),
    ("calibration_slope", "Calibration slope", ".2f", "1"),
    ("calibration_intercept", "Calibration intercept", ".2f", "0"),
    ("brier", "Brier score", ".3f", "0"),
)


def measure_rows(performance: PerformanceSummary) -> list[tuple[str, str, str]]:
    """Name, estimate with interval, and ideal value of each measure."""
    return [
        (label, format(performance.metrics[name], spec), ideal)
        for name, label, spec, ideal in MEASURES
        if name in performance.metrics
    ]


def decision_rows(curve: DecisionCurve) -> list[Any]:
    """Return the rows of the decision curve nearest to every fifth cut-off up to 60 in 100."""
    thresholds = curve.table["threshold"].to_numpy()
    wanted = np.arange(0.05, 0.61, 0.05)
    places = sorted({int(np.argmin(np.abs(thresholds - value))) for value in wanted})
    return list(curve.table.iloc[places].itertuples())


def group_rows(table: pd.DataFrame) -> list[dict[str, Any]]:
    """One row a subgroup; too few events give words instead of figures."""
    if not len(table):
        return []
    return [_group_row(_group_name(row), row) for _, row in table.iterrows()]


def left_out_rows(table: pd.DataFrame | None) -> list[dict[str, Any]]:
    """One row a site that the model never saw."""
    if table is None:
        return []
    renamed = table.rename(columns={"n_test": "n", "n_events": "events"})
    return [_group_row(str(row["held_out"]), row) for _, row in renamed.iterrows()]


def _group_name(row: "pd.Series[Any]") -> str:
    if row["variable"] == row["subgroup"]:
        return "everyone"
    return f"{row['variable']}: {row['subgroup']}"


def _group_row(name: str, row: "pd.Series[Any]") -> dict[str, Any]:
    n, events = int(row["n"]), int(row["events"])
    shown = {"name": name, "n": n, "events": events, "small": "", "cells": []}
    if events < MIN_EVENTS:
        return {**shown, "small": say("group.small", count=events)}
    if n - events < MIN_EVENTS:
        return {**shown, "small": say("group.few_without", count=n - events)}
    return {**shown, "cells": [_cell(row, key, spec) for key, _, spec, _ in MEASURES]}


def _cell(row: "pd.Series[Any]", name: str, spec: str) -> tuple[str, str]:
    """Estimate, and its limits for a second line."""
    if name not in row or math.isnan(row[name]):
        return "not available", ""
    low, high = row[f"{name}_low"], row[f"{name}_high"]
    limits = "" if math.isnan(low) else f"{low:{spec}} to {high:{spec}}"
    return f"{row[name]:{spec}}", limits


def shape_rows(feature: FeatureUse) -> list[tuple[str, int, str]]:
    """Value, people and mean effect for each stretch or category of a shape plot."""
    if not feature.numeric:
        return [(n, len(p), _mean(len(p), float(p.mean()))) for n, p in categories_of(feature)]
    rows = [(_stretch(left, right), n, _mean(n, mean)) for left, right, n, mean in bins_of(feature)]
    unknown = feature.points[~np.isfinite(feature.values)]
    if len(unknown):
        rows.append(("not recorded", len(unknown), _mean(len(unknown), float(unknown.mean()))))
    return rows


def _stretch(left: float, right: float) -> str:
    low, high = plain_number(left), plain_number(right)
    return low if low == high else f"{low} to {high}"


def _mean(n: int, mean: float) -> str:
    if n < MIN_NEAR or math.isnan(mean):
        return "too few"
    return f"{points(mean):+d}".replace("-", "\N{MINUS SIGN}") if points(mean) else "0"
