"""Pictures of performance: calibration, risk by outcome, net benefit."""

import numpy as np
import pandas as pd

from cardiorisk._colours import INK, LOWERS, MUTED, RAISES, REFERENCE
from cardiorisk.evaluation import CalibrationCurve, DecisionCurve
from cardiorisk.explain.report.svg.axes import Frame, nice_ticks
from cardiorisk.explain.report.svg.canvas import Canvas
from cardiorisk.explain.report.wording import per_100

__all__ = ["calibration_picture", "decision_picture", "distribution_picture"]

BAND = "#D6E6F4"  # LOWERS at about a sixth of its strength, for areas behind a line
CLAIM = "#EEF1F4"
HUNDRED = [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]


def _in_100(value: float) -> str:
    return f"{100 * value:.0f}"


def calibration_picture(curve: CalibrationCurve, key: str) -> str:
    """Observed against estimated risk, with band, grouped points and a histogram below."""
    observed = curve.observed_expected_ratio
    canvas = Canvas(
        360,
        390,
        key=key,
        title=f"Calibration: slope {curve.slope:.2f}, observed to expected {observed.estimate:.2f}",
        desc=f"Observed against estimated risk for {curve.n} people, {curve.n_events} with the "
        f"outcome. Average distance from agreement {per_100(curve.ici.estimate)} in 100. "
        "The table below gives the grouped figures.",
    )
    frame = Frame(52, 28, 348, 268, (0, 1), (0, 1))
    frame.draw_y(canvas, HUNDRED, "observed, per 100", _in_100)
    smooth = curve.curve
    upper = [frame.at(x, y) for x, y in zip(smooth["predicted"], smooth["high"], strict=True)]
    lower = [frame.at(x, y) for x, y in zip(smooth["predicted"], smooth["low"], strict=True)]
    canvas.polygon(upper + lower[::-1], fill=BAND)
    canvas.line(*frame.at(0, 0), *frame.at(1, 1), stroke=REFERENCE, width=1.2, dash="5 4")
    line = [frame.at(x, y) for x, y in zip(smooth["predicted"], smooth["observed"], strict=True)]
    canvas.polyline(line, stroke=LOWERS, width=2)
    for row in curve.table.itertuples():
        x = frame.px(row.mean_predicted)
        canvas.line(x, frame.py(row.low), x, frame.py(row.high), stroke=INK, width=0.8)
        canvas.dots([(x, frame.py(row.observed))], radius=2.6, fill=INK)
    _histogram(canvas, curve.histogram, Frame(52, 282, 348, 346, (0, 1), (-1, 1)))
    return canvas.markup()


def _histogram(canvas: Canvas, bins: pd.DataFrame, frame: Frame) -> None:
    """People with the outcome above the line, people without it below."""
    most = max(int(bins[["events", "non_events"]].to_numpy().max()), 1)
    middle = frame.py(0)
    for row in bins.itertuples():
        left, width = frame.px(row.left) + 0.5, frame.px(row.right) - frame.px(row.left) - 1
        up, down = (
            (middle - frame.top) * row.events / most,
            (frame.bottom - middle) * row.non_events / most,
        )
        canvas.rect(left, middle - up, width, up, fill=RAISES)
        canvas.rect(left, middle, width, down, fill=LOWERS)
    frame.draw_x(canvas, HUNDRED, "estimated risk, per 100", _in_100)
    canvas.text(46, middle - 8, "with", anchor="end", fill=RAISES)
    canvas.text(46, middle + 16, "without", anchor="end", fill=LOWERS)


def distribution_picture(
    bins: pd.DataFrame, medians: tuple[float, float], counts: tuple[int, int], key: str
) -> str:
    """Share of people at each estimated risk, one panel an outcome."""
    with_median, without_median = (per_100(m) for m in medians)
    canvas = Canvas(
        360,
        278,
        key=key,
        title=f"Estimated risk by outcome: medians {with_median} and {without_median} in 100",
        desc=f"{counts[0]} people with the outcome, {counts[1]} without it. "
        "The table below gives the counts.",
    )
    shares = [bins["events"] / max(counts[0], 1), bins["non_events"] / max(counts[1], 1)]
    top = max(0.01, *(float(share.max()) for share in shares))
    panels = (
        (shares[0], 34.0, "with the outcome", RAISES, medians[0]),
        (shares[1], 144.0, "without the outcome", LOWERS, medians[1]),
    )
    for panel, (share, y, words, colour, median) in enumerate(panels):
        frame = Frame(40, y, 348, y + 82, (0, 1), (0, top))
        ticks = nice_ticks(0, top, 2)
        label = "people, per 100 of the group" if panel == 0 else ""
        frame.draw_y(canvas, ticks, label, _in_100)
        for left, right, value in zip(bins["left"], bins["right"], share, strict=True):
            x, width = frame.px(left) + 0.5, frame.px(right) - frame.px(left) - 1
            canvas.rect(x, frame.py(value), width, frame.bottom - frame.py(value), fill=colour)
        x = frame.px(median)
        canvas.line(x, frame.top, x, frame.bottom, stroke=INK, width=1.4)
        anchor, shift = ("end", -4) if median > 0.5 else ("start", 4)
        words = f"{words}, median {per_100(median)}"
        canvas.text(x + shift, frame.top + 9, words, anchor=anchor, fill=INK)
        shown = HUNDRED if panel else []
        frame.draw_x(canvas, shown, "estimated risk, per 100" if panel else "", _in_100)
    return canvas.markup()


def decision_picture(curve: DecisionCurve, claim: tuple[float, float], key: str) -> str:
    """Net benefit against the cut-off, with acting on everyone and on nobody."""
    table = curve.table[curve.table["threshold"] <= 0.9]
    top = max(float(table["net_benefit"].max()), curve.prevalence) * 1.08
    bottom = -0.15 * top
    has_claim = claim[1] > claim[0]
    shaded = (
        f"shaded from {per_100(claim[0])} to {per_100(claim[1])} in 100"
        if has_claim
        else "no range shaded"
    )
    canvas = Canvas(
        360,
        300,
        key=key,
        title="Decision curve: benefit of the model against acting on everyone or nobody",
        desc=f"Net benefit over cut-offs for {curve.n} people; {shaded}. "
        "The table below gives the figures.",
    )
    frame = Frame(40, 28, 348, 250, (0, 0.9), (bottom, top))
    if has_claim:
        left, right = frame.px(claim[0]), frame.px(min(claim[1], 0.9))
        canvas.rect(left, frame.top, right - left, frame.bottom - frame.top, fill=CLAIM)
    frame.draw_y(
        canvas, nice_ticks(bottom, top, 5), "benefit, per 1000 people", lambda v: f"{1000 * v:.0f}"
    )
    band = _through(frame, table, "high") + _through(frame, table, "low")[::-1]
    canvas.polygon(band, fill=BAND)
    everyone = _through(frame, table[table["treat_all"] >= bottom], "treat_all")
    canvas.polyline(everyone, stroke=REFERENCE, dash="5 4")
    level = frame.py(0)
    canvas.line(frame.left, level, frame.right, level, stroke=MUTED, width=1.2, dash="2 3")
    canvas.polyline(_through(frame, table, "net_benefit"), stroke=LOWERS, width=2)
    frame.draw_x(canvas, [0, 0.2, 0.4, 0.6, 0.8], "cut-off, per 100 (preference)", _in_100)
    _direct_labels(canvas, frame, table, everyone)
    return canvas.markup()


def _through(frame: Frame, table: pd.DataFrame, column: str) -> list[tuple[float, float]]:
    return [frame.at(x, y) for x, y in zip(table["threshold"], table[column], strict=True)]


def _direct_labels(
    canvas: Canvas, frame: Frame, table: pd.DataFrame, everyone: list[tuple[float, float]]
) -> None:
    at = int(np.argmin(np.abs(table["threshold"].to_numpy() - 0.62)))
    place = frame.at(table["threshold"].iloc[at], table["high"].iloc[at])
    canvas.text(place[0] + 4, place[1] - 6, "model", fill=LOWERS, bold=True)
    if everyone:
        x, y = everyone[len(everyone) * 2 // 3]
        canvas.text(x - 6, y + 14, "everyone", anchor="end", fill=MUTED)
    canvas.text(frame.right, frame.py(0) + 14, "nobody", anchor="end", fill=MUTED)
