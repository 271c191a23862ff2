"""The words of the performance section, from figures to sentences."""

import math
from collections.abc import Iterator
from typing import Any

from cardiorisk.evaluation import Interval
from cardiorisk.explain.report.front_page import PERFECT_AUROC
from cardiorisk.explain.report.summary import ReportSummary
from cardiorisk.explain.report.tables import MIN_EVENTS
from cardiorisk.explain.report.wording import per_100, per_1000, say

__all__ = ["performance_words"]


def performance_words(summary: ReportSummary) -> dict[str, Any]:
    """Compose what the template of the performance section prints."""
    performance = summary.performance
    auroc, curve = performance.metrics["auroc"], performance.calibration
    observed = performance.n_events / performance.n
    expected = per_100(observed / performance.metrics["observed_expected_ratio"].estimate)
    limits = {"auroc": f"{auroc.estimate:.2f}", "lo": f"{auroc.low:.2f}", "hi": f"{auroc.high:.2f}"}
    ranking = say("performance.auroc", n=per_100(auroc.estimate), **limits)
    if auroc.estimate >= PERFECT_AUROC:
        ranking = f"{ranking} {say('warn.perfect')}"
    agreement = say(
        "performance.calibration",
        expected=expected,
        observed=per_100(observed),
        ici=per_100(curve.ici.estimate),
    )
    return {
        "auroc": auroc,
        "expected": expected,
        "everyone": performance.coverage.iloc[0],
        "auroc_sentence": ranking,
        "calibration_sentence": " ".join([agreement, *_miscalibration(summary)]),
        "left_out_sentences": list(_left_out(summary)),
        "decision_sentence": _decision_sentence(summary),
    }


def _miscalibration(summary: ReportSummary) -> Iterator[str]:
    """Say what the intervals of slope and ratio show, where they leave out 1."""
    metrics = summary.performance.metrics
    slope, ratio = metrics["calibration_slope"], metrics["observed_expected_ratio"]
    limits = {"estimate": f"{slope.estimate:.2f}", "lo": f"{slope.low:.2f}"}
    if side := _side_of_one(slope):
        key = "performance.too_close" if side > 0 else "performance.too_extreme"
        yield say(key, hi=f"{slope.high:.2f}", **limits)
    if side := _side_of_one(ratio):
        yield say("performance.too_low" if side > 0 else "performance.too_high")


def _left_out(summary: ReportSummary) -> Iterator[str]:
    """One sentence a site in which the number expected is clearly not the number observed."""
    table = summary.performance.left_out_sites
    if table is None:
        return
    name = "observed_expected_ratio"
    for _, row in table.iterrows():
        n, events = int(row["n_test"]), int(row["n_events"])
        ratio = Interval(row[name], row[f"{name}_low"], row[f"{name}_high"])
        if events >= MIN_EVENTS and n - events >= MIN_EVENTS and _side_of_one(ratio):
            expected = round(events / ratio.estimate)
            fields = {"site": row["held_out"], "n": n, "expected": expected, "events": events}
            yield say("performance.left_out_site", **fields)


def _side_of_one(interval: Interval) -> int:
    """1 for an interval above 1, -1 below, 0 where it holds 1 or is not known."""
    if math.isnan(interval.low) or interval.low <= 1 <= interval.high:
        return 0
    return 1 if interval.low > 1 else -1


def _decision_sentence(summary: ReportSummary) -> str:
    low, high = summary.performance.claim
    if high <= low:
        return say("performance.decision_none")
    table = summary.performance.decision.table
    gains = table.loc[table["threshold"].between(low, high), "gain"]
    return say(
        "performance.decision",
        lo=per_100(low),
        hi=per_100(high),
        gain_lo=per_1000(gains.min()),
        gain_hi=per_1000(gains.max()),
    )
