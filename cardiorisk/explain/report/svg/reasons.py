"""Pictures of reasons: what matters over the cohort, how, and for one person."""

import numpy as np
import numpy.typing as npt

from cardiorisk._colours import INK, LOWERS, MUTED, RAISES, REFERENCE
from cardiorisk.explain.report.summary import FeatureUse
from cardiorisk.explain.report.svg.axes import Frame, nice_ticks
from cardiorisk.explain.report.svg.canvas import Canvas
from cardiorisk.explain.report.wording import plain_number, points

__all__ = ["effect_bar", "importance_picture", "points_picture", "shape_picture", "shorten"]

GREY = "#EEF1F4"
DOT = "#7FA8CC"
MAX_DOTS = 250
MIN_NEAR = 5  # people below which a stretch of the axis is greyed
N_BINS = 12
MAX_LEVELS = 8  # a count with so few values is drawn value by value


def shorten(words: str, length: int) -> str:
    """Cut words at a length, marked by an ellipsis."""
    return words if len(words) <= length else words[: length - 1].rstrip() + "…"


def importance_picture(features: tuple[FeatureUse, ...], key: str) -> str:
    """Drop in AUROC when shuffled, one dot with its interval a measurement."""
    row_height, top = 34.0, 8.0
    strongest = features[0]
    canvas = Canvas(
        360,
        top + row_height * len(features) + 42,
        key=key,
        title=f"What the model uses: {shorten(strongest.variable.label, 50)} first",
        desc=f"Drop in AUROC when shuffled for {len(features)} measurements; the largest is "
        f"{strongest.drop}. The table below gives the figures.",
    )
    low = min(0.0, *(f.drop.low for f in features))
    high = max(0.01, *(f.drop.high for f in features))
    frame = Frame(8, top, 348, top + row_height * len(features), (low, high), (0, 1))
    for place, feature in enumerate(features):
        y = top + row_height * place
        canvas.text(8, y + 8, shorten(feature.variable.label, 46), fill=INK)
        canvas.line(frame.px(0), y + 13, frame.px(0), y + 25, stroke=REFERENCE)
        left, right = frame.px(feature.drop.low), frame.px(feature.drop.high)
        canvas.line(left, y + 19, right, y + 19, stroke=LOWERS, width=2)
        canvas.dots([(frame.px(feature.drop.estimate), y + 19)], radius=4, fill=LOWERS)
    frame.draw_x(canvas, nice_ticks(low, high, 4), "drop in AUROC when shuffled")
    return canvas.markup()


def points_picture(features: tuple[FeatureUse, ...], key: str) -> str:
    """Mean absolute effect on the estimate, one bar a measurement."""
    row_height, top = 34.0, 8.0
    bottom = top + row_height * len(features)
    strongest = features[0]
    canvas = Canvas(
        360,
        bottom + 42,
        key=key,
        title=f"What the model uses: {shorten(strongest.variable.label, 50)} first",
        desc=f"Mean change of the estimate for {len(features)} measurements; the largest is "
        f"{strongest.mean_points:.1f} points per 100. The table below gives the figures.",
    )
    high = max(1.0, *(feature.mean_points for feature in features))
    frame = Frame(8, top, 348, bottom, (0.0, high), (0, 1))
    for place, feature in enumerate(features):
        y = top + row_height * place
        canvas.text(8, y + 8, shorten(feature.variable.label, 46), fill=INK)
        width = frame.px(feature.mean_points) - frame.left
        canvas.rect(frame.left, y + 14, width, 10, fill=LOWERS)
    frame.draw_x(canvas, nice_ticks(0.0, high, 4), "mean change of the estimate, points per 100")
    return canvas.markup()


def shape_picture(feature: FeatureUse, key: str) -> str:
    """Effect in points per 100 against the measured value."""
    variable = feature.variable
    unit = f", {variable.unit}" if variable.unit else ""
    canvas = Canvas(
        360,
        242,
        key=key,
        title=f"How {shorten(variable.label, 70)} moves the estimate",
        desc=f"{points(feature.points.min())} to {points(feature.points.max())} points per 100 "
        f"over {len(feature.points)} people. The table below gives averages.",
    )
    shown = feature.points
    if feature.numeric and np.isfinite(feature.values).any():
        shown = feature.points[np.isfinite(feature.values)]
    low, high = float(min(shown.min(), -1)), float(max(shown.max(), 1))
    pad = 0.06 * (high - low)
    area = (40.0, 28.0, 350.0, 192.0)
    y = (low - pad, high + pad)
    if feature.numeric:
        values = feature.values[np.isfinite(feature.values)]
        limits = (float(values.min()), float(values.max())) if len(values) else (0.0, 1.0)
        frame = Frame(*area, limits, y)
        _numeric_shape(canvas, frame, feature, f"{shorten(variable.label, 44)}{unit}")
    else:
        _category_shape(canvas, Frame(*area, (0, 1), y), feature)
    return canvas.markup()


def _signed(value: float) -> str:
    return f"{value:+g}".replace("-", "\N{MINUS SIGN}") if value else "0"


def _level_lines(canvas: Canvas, frame: Frame) -> None:
    frame.draw_y(canvas, nice_ticks(*frame.y, 4), "points per 100", _signed)
    canvas.line(frame.left, frame.py(0), frame.right, frame.py(0), stroke=REFERENCE, width=1.2)


def bins_of(feature: FeatureUse) -> list[tuple[float, float, int, float]]:
    """Left, right, n and mean points of stretches of a numeric measurement.

    A measurement with few different values, such as a count, has one stretch of no width a value.
    """
    known = np.isfinite(feature.values)
    values, effects = feature.values[known].astype(float), feature.points[known]
    levels = np.unique(values)
    if len(levels) <= MAX_LEVELS:
        inside = [effects[values == level] for level in levels]
        return [(v, v, len(e), float(e.mean())) for v, e in zip(levels, inside, strict=True)]
    edges = np.linspace(values.min(), values.max(), N_BINS + 1)
    place = np.clip(np.searchsorted(edges, values, side="right") - 1, 0, N_BINS - 1)
    rows = []
    for b in range(N_BINS):
        members = effects[place == b]
        mean = float(members.mean()) if len(members) else float("nan")
        rows.append((float(edges[b]), float(edges[b + 1]), len(members), mean))
    return rows


def _numeric_shape(canvas: Canvas, frame: Frame, feature: FeatureUse, label: str) -> None:
    bins = bins_of(feature)
    for left, right, n, _ in bins:
        if n < MIN_NEAR:
            x, width = frame.px(left), frame.px(right) - frame.px(left)
            canvas.rect(x, frame.top, width + 0.5, frame.bottom - frame.top, fill=GREY)
    _level_lines(canvas, frame)
    known = np.flatnonzero(np.isfinite(feature.values))
    chosen = known[np.linspace(0, len(known) - 1, min(MAX_DOTS, len(known))).astype(int)]
    dots = [frame.at(feature.values[i], feature.points[i]) for i in chosen]
    canvas.dots(dots, radius=1.6, fill=DOT)
    _average_line(canvas, frame, bins)
    few = len({left for left, *_ in bins}) <= MAX_LEVELS
    ticks = [left for left, *_ in bins] if few else nice_ticks(*frame.x, 5)
    frame.draw_x(canvas, ticks, label, plain_number)
    unknown = feature.points[~np.isfinite(feature.values)]
    if len(unknown):
        words = f"not recorded ({len(unknown)}): {_signed(points(unknown.mean()))}"
        canvas.text(frame.right, frame.top - 10, words, anchor="end", fill=MUTED)


def _average_line(
    canvas: Canvas, frame: Frame, bins: list[tuple[float, float, int, float]]
) -> None:
    """Join neighbouring stretches with enough people; a gap stays a gap."""
    run: list[tuple[float, float]] = []
    for left, right, n, mean in [*bins, (0.0, 0.0, 0, 0.0)]:
        if n >= MIN_NEAR:
            run.append(frame.at((left + right) / 2, mean))
            continue
        canvas.polyline(run, stroke=INK, width=2)
        if run:
            canvas.dots(run[:1] + run[-1:], radius=2, fill=INK)
        run = []


def categories_of(feature: FeatureUse) -> list[tuple[str, npt.NDArray[np.float64]]]:
    """Points of each category, the most frequent eight first by their mean."""
    names, counts = np.unique(feature.values, return_counts=True)
    kept = names[np.argsort(-counts, kind="stable")][:8]
    groups = [(str(name), feature.points[feature.values == name]) for name in kept]
    return sorted(groups, key=lambda group: float(group[1].mean()))


def _category_shape(canvas: Canvas, frame: Frame, feature: FeatureUse) -> None:
    """One row a category: the name above its dots, so that long names fit."""
    groups = categories_of(feature)
    low, high = frame.y
    row = (frame.bottom - frame.top + 12) / max(len(groups), 1)
    level = Frame(10, 18, 350, 204, (low, high), (0, 1))
    canvas.line(level.px(0), 12, level.px(0), level.bottom, stroke=REFERENCE, width=1.2)
    for place, (name, effects) in enumerate(groups):
        y = 18 + row * place
        words = f"{shorten(name, 40)} ({len(effects)})"
        canvas.text(10, y + 9, words, fill=INK if len(effects) >= MIN_NEAR else MUTED, size=11.5)
        chosen = effects[np.linspace(0, len(effects) - 1, min(60, len(effects))).astype(int)]
        canvas.dots([level.at(e, 0)[:1] + (y + 17,) for e in chosen], radius=1.6, fill=DOT)
        mean = level.px(float(effects.mean()))
        canvas.line(mean, y + 12, mean, y + 22, stroke=INK, width=2.5)
    level.draw_x(canvas, nice_ticks(low, high, 5), "points per 100", _signed)


def effect_bar(effect: float, largest: float) -> str:
    """One bar from the middle line: to the right raises, to the left lowers. Decorative."""
    canvas = Canvas(120, 16, css_class="bar")
    length = 58 * min(abs(effect) / largest, 1.0) if largest else 0.0
    canvas.line(60, 0, 60, 16, stroke=REFERENCE)
    if effect >= 0:
        canvas.rect(60, 3, length, 10, fill=RAISES)
    else:
        canvas.rect(60 - length, 3, length, 10, fill=LOWERS)
    return canvas.markup()
